from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from forecasting.core.__main__ import main
from forecasting.core.categorise import Items, best_of, doubted, head_fit

WORDS = {"mug": "coffee cup mug ceramic", "lamp": "lamp light bulb desk", "sock": "wool socks warm pair"}


def made(n: int, seed: int = 0, *, spread: float = 0.4) -> tuple[Items, list[str]]:
    """n items of each of three categories, with a vector near their category's own and some of its words."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, 12))
    labels = [name for name in WORDS for _n in range(n)]
    vectors = np.repeat(centres, n, axis=0) + rng.normal(size=(3 * n, 12)) * spread
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    titles = [" ".join(rng.choice(WORDS[name].split(), 2)) for name in labels]
    return Items(vectors.astype(np.float32), titles), labels


def accuracy(head_items: Items, labels: list[str], test: Items, wanted: list[str]) -> float:
    head = head_fit(head_items, labels)
    found = [head.categories[place] for place in head.predict(test).argmax(axis=1)]
    return float(np.mean([a == b for a, b in zip(found, wanted, strict=True)]))


def test_it_learns_from_photos_from_titles_and_from_both() -> None:
    train, labels = made(20)
    test, wanted = made(10, seed=1)
    blind = np.full((60, 12), np.nan, np.float32)
    assert accuracy(train, labels, test, wanted) > 0.95
    assert accuracy(Items(train.vectors, [""] * 60), labels, test, wanted) > 0.9
    assert accuracy(Items(blind, train.titles), labels, test, wanted) > 0.9
    assert accuracy(Items(np.zeros((60, 0), np.float32), train.titles), labels, test, wanted) > 0.9


def test_it_uses_what_each_item_has_and_gives_the_prior_where_there_is_nothing() -> None:
    train, labels = made(20)
    head = head_fit(train, labels)
    test, _wanted = made(1, seed=2)
    vectors = np.vstack([test.vectors[:1], np.full((2, 12), np.nan)])
    found = head.predict(Items(vectors, ["", "wool socks", " "]))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert head.categories[found[0].argmax()] == "mug"
    assert head.categories[found[1].argmax()] == "sock"
    np.testing.assert_allclose(found[2], 1 / 3)


def test_it_says_how_sure_it_is() -> None:
    train, labels = made(60, spread=0.9)
    head = head_fit(Items(train.vectors, [""] * 180), labels)
    test, wanted = made(200, seed=3, spread=0.9)
    probabilities = head.predict(Items(test.vectors, [""] * 600))
    hit = [head.categories[p] == w for p, w in zip(probabilities.argmax(axis=1), wanted, strict=True)]
    assert abs(np.mean(hit) - probabilities.max(axis=1).mean()) < 0.06
    assert head.accuracy == pytest.approx(float(np.mean(hit)), abs=0.1)


def test_it_judges_training_items_by_heads_that_have_not_seen_them() -> None:
    train, labels = made(20)
    wrong = list(labels)
    wrong[0] = "sock"
    head = head_fit(train, wrong)
    own = np.array([head.categories.index(label) for label in wrong])
    doubts = doubted(head.held_out, own)
    assert doubts[0]
    assert doubts.sum() == 1


@pytest.mark.parametrize("only", ["one category", "one of each", "a rare one"])
def test_it_copes_with_few_examples(only: str) -> None:
    train, labels = made(20)
    rows = {"one category": np.arange(5), "one of each": np.array([0, 20, 40]), "a rare one": np.arange(21)}
    few = train.take(rows[only])
    head = head_fit(few, [labels[row] for row in rows[only]])
    found = head.predict(made(2, seed=4)[0])
    assert found.shape == (6, len({labels[row] for row in rows[only]}))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_it_gives_the_same_answer_twice() -> None:
    train, labels = made(12)
    test, _wanted = made(3, seed=5)
    first, second = (head_fit(train, labels, seed=7).predict(test) for _n in range(2))
    np.testing.assert_array_equal(first, second)


def test_it_learns_from_no_more_than_its_share_of_a_category(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecasting.core.categorise._MOST_OF_A_CATEGORY", 5)
    train, labels = made(20)
    head = head_fit(train, labels)
    assert np.isfinite(head.held_out[:, 0]).sum() == 15
    monkeypatch.setattr("forecasting.core.categorise._MOST_ROWS", 6)
    assert np.isfinite(head_fit(train, labels).held_out[:, 0]).sum() == 6


def test_it_orders_the_best() -> None:
    found = best_of(np.array([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]), 2)
    assert found.tolist() == [[1, 2], [2, 0]]


# -- from files ------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of plain photos, eight for each of two colours, and the files that name them."""
    rows = []
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        for n in range(8):
            pixels = rng.integers(0, 60, (32, 24, 3)).astype(np.uint8)
            pixels[:, :, channel] += 180
            Image.fromarray(pixels).save(tmp_path / f"{name}{n}.png")
            rows.append((f"{name}{n}", f"{name}{n}.png", f"a {name} thing", name))
    frame = pl.DataFrame(rows, schema=["id", "image", "text", "category"], orient="row")
    frame.filter(~pl.col("id").str.ends_with("7")).write_csv(tmp_path / "labelled.csv")
    frame.filter(pl.col("id").str.ends_with("7")).drop("category").write_csv(tmp_path / "items.csv")
    return tmp_path


def run(folder: Path, items: str = "items.csv", labelled: str = "labelled.csv", out: str = "out.csv") -> int:
    return main(
        ["categorise", str(folder / items), "--labelled", str(folder / labelled), "--out", str(folder / out)]
    )


def test_it_writes_the_best_categories_of_each_item(shop: Path) -> None:
    assert run(shop, out="out.parquet") == 0
    found = pl.read_parquet(shop / "out.parquet")
    assert found.columns == ["id", "category", "probability"]
    assert found.group_by("id", maintain_order=True).agg("category").rows() == [
        ("red7", ["red", "blue"]),
        ("blue7", ["blue", "red"]),
    ]
    assert found.group_by("id").agg(pl.col("probability").sum())["probability"].to_list() == pytest.approx(
        [1, 1]
    )


@pytest.mark.parametrize("column", ["image", "text"])
def test_it_works_from_one_column_and_from_absolute_paths(shop: Path, column: str) -> None:
    for name in ("items.csv", "labelled.csv"):
        frame = pl.read_csv(shop / name)
        absolute = frame.with_columns(image=str(shop) + "/" + pl.col("image"))
        absolute.drop({"image": "text", "text": "image"}[column]).write_csv(shop / f"one-{name}")
    assert run(shop, "one-items.csv", "one-labelled.csv") == 0
    found = pl.read_csv(shop / "out.csv").group_by("id", maintain_order=True).first()
    assert found["category"].to_list() == ["red", "blue"]


def test_it_takes_items_that_lack_the_one_or_the_other(shop: Path) -> None:
    frame = pl.read_csv(shop / "items.csv")
    frame.with_columns(image=pl.Series([None, "blue7.png"]), text=pl.Series(["a red thing", None])).write_csv(
        shop / "items.csv"
    )
    assert run(shop) == 0
    found = pl.read_csv(shop / "out.csv").group_by("id", maintain_order=True).first()
    assert found["category"].to_list() == ["red", "blue"]


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "items.csv",
            ("red7.png", "gone.png"),
            ("row 2", "column image", "gone.png", "No such file"),
        ),
        ("items.csv", ("blue7.png", "labelled.csv"), ("row 3", "column image", "not a JPEG")),
        ("items.csv", ("blue7.png", "half.png"), ("row 3", "half.png", "damaged")),
        ("items.csv", ("blue7,", "red7,"), ("row 3", "column id", "twice")),
        ("items.csv", ("id,", "key,"), ("column id", "missing")),
        ("items.csv", ("image,text", "picture,title"), ("items.csv", "column image")),
        ("labelled.csv", ("category", "kind"), ("labelled.csv", "column category", "missing")),
        ("labelled.csv", ("thing,red", "thing,"), ("labelled.csv", "row 2", "column category", "empty")),
    ],
)
def test_it_says_one_line_and_writes_nothing_for_a_malformed_file(
    shop: Path, capsys: pytest.CaptureFixture[str], file: str, change: tuple[str, str], words: tuple[str, ...]
) -> None:
    (shop / "half.png").write_bytes((shop / "blue7.png").read_bytes()[:900])
    (shop / file).write_text((shop / file).read_text().replace(*change, 1))
    assert run(shop) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    for word in words:
        assert word in text
    assert not (shop / "out.csv").exists()


@pytest.mark.data
def test_it_recognises_clothes(public_data: Path, tmp_path: Path) -> None:
    """A few photos of each of ten categories: far better than chance (a tenth)."""
    from benchmarks.categories import clothes_read
    from forecasting.core.pictures.models import Encoder, lite0_model

    clothes = clothes_read(public_data, most_of_a_category=5)
    encoder = Encoder(lite0_model(tmp_path))
    vectors = encoder.encode(clothes.pictures)
    train, test = clothes.split == "train", clothes.split == "test"
    labels = clothes.categories
    head = head_fit(Items(vectors[train], [""] * int(train.sum())), labels[train].tolist())
    found = head.predict(Items(vectors[test], [""] * int(test.sum()))).argmax(axis=1)
    assert float((np.array(head.categories)[found] == labels[test]).mean()) > 0.4
