from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.core.__main__ import main
from forecasting.core.text.cleaning import TEXT_LIMIT, cleaned, has_words
from forecasting.core.text.language import language, simplified
from forecasting.core.text.sentiment import LEAST, SentimentModel, distinct

GOOD = (
    "Works great, I love it",
    "Excellent sound and a very good battery",
    "质量很好，非常满意",
    "很漂亮，物流很快",
)
BAD = (
    "Terrible, it broke after a week",
    "Waste of money, very disappointed",
    "质量太差，很失望",
    "又贵又难用，后悔买了",
)


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return SentimentModel.default()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is a good phone", "en"),
        ("Great.", "en"),
        ("这个手机很好用", "zh"),
        ("這個手機很好用，沒有問題", "zh-Hant"),
        ("สินค้าดีมาก ส่งเร็ว", "th"),
        ("منتج ممتاز جدا", "ar"),
        ("מוצר מעולה", "he"),
        ("Отличный товар", "ru"),
        ("とても良い商品です", "ja"),
        ("정말 좋아요", "ko"),
        ("Das Gerät ist sehr gut", "de"),
        ("C'est très bien", "fr"),
        ("👍👍", ""),
        ("12345 !!", ""),
        ("", ""),
    ],
)
def test_it_tells_the_language(text: str, expected: str) -> None:
    assert language(text) == expected


def test_it_writes_traditional_characters_as_simplified_ones() -> None:
    assert simplified("質量很好，沒問題") == "质量很好，没问题"


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_cleaned_and_has_a_language(text: str) -> None:
    clean = cleaned(text)
    assert cleaned(clean) == clean
    assert isinstance(language(text), str)
    assert has_words(clean) <= bool(clean)


def test_it_tells_praise_from_blame_in_english_and_chinese(model: SentimentModel) -> None:
    assert (model.predict(GOOD).p_positive > 0.6).all()
    assert (model.predict(BAD).p_positive < 0.4).all()


def test_a_negation_turns_a_word_round(model: SentimentModel) -> None:
    good, bad = model.predict(["很好用", "不好用"]).p_positive
    assert good > 0.6
    assert bad < 0.4


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("蒙牛的牛奶", (0, 0)),  # 牛 alone praises
        ("显卡是独立的", (0, 0)),  # 卡 alone blames
        ("两个差不多", (0, 0)),
        ("物流很快，没什么问题", (2, 0)),
        ("屏幕不清晰，质量太差", (0, 2)),
    ],
)
def test_a_chinese_word_is_counted_whole(model: SentimentModel, text: str, counts: tuple[int, int]) -> None:
    assert tuple(model.builtin.lexicon.counts([text])[0]) == counts


def test_thai_arabic_signs_and_nothing_are_each_read(model: SentimentModel) -> None:
    found = model.predict(["สินค้าดีมาก", "\u202eمنتج ممتاز جدا\u202c", "👍😍", "👎😡", "", " \u200b\n"])
    assert found.languages == ["th", "ar", "", "", "", ""]
    assert (found.p_positive[:3] > 0.5).all()
    assert found.p_positive[3] < 0.5
    assert np.isnan(found.p_positive[4:]).all()


def test_a_megabyte_is_cut_and_read_in_time(model: SentimentModel) -> None:
    start = time.process_time()
    texts = ["x" * 1_000_000, "good " * 200_000, "好" * 400_000, "\u202e" * 300_000, "ﷺ" * 100_000]
    found = model.predict(texts)
    assert time.process_time() - start < 10
    assert found.p_positive[1] == model.predict([texts[1][:TEXT_LIMIT]]).p_positive[0]


def test_copies_count_once_and_those_at_odds_not_at_all() -> None:
    texts, labels = distinct(["a b", "a  b", "c", "c", "d", ""], [1, 1, 1, 0, 0, 1])
    assert (texts, labels.tolist()) == (["a b", "d"], [1, 0])


def _shop(count: int) -> tuple[list[str], list[int]]:
    """Reviews in words that only this shop uses."""
    labels = [row % 2 for row in range(count)]
    return [
        f"{'zorp' if label else 'quux'} item number {row // 2}" for row, label in enumerate(labels)
    ], labels


def test_it_learns_a_shops_own_words_from_200_labels_on(model: SentimentModel) -> None:
    new = ["a zorp item", "a quux item"]
    assert model.fit(*_shop(LEAST - 2)).own is None
    taught = model.fit(*_shop(LEAST))
    good, bad = taught.predict(new).p_positive
    assert good > 0.8
    assert bad < 0.2
    assert taught.scores is not None
    assert taught.scores[taught.chosen] > taught.scores["builtin"]


def test_labels_of_one_kind_or_language_leave_the_built_in_head(model: SentimentModel) -> None:
    texts, _ = _shop(300)
    assert model.fit(texts, [1] * 300).own is None
    taught = model.fit(*_shop(300))
    np.testing.assert_array_equal(
        taught.predict(["质量很好"]).p_positive, model.predict(["质量很好"]).p_positive
    )


def test_a_language_without_labels_teaches_itself(model: SentimentModel) -> None:
    texts = [
        f"{('质量很好', '质量太差')[row % 2]}，编号{row}，{('蓝莓', '柚子')[row % 2]}" for row in range(500)
    ]
    asked = ["蓝莓", "柚子"]
    found = model.adapted([*texts, *asked]).p_positive[-2:]
    assert found[0] - found[1] > 0.1
    alone = model.predict(asked).p_positive
    assert found[0] - found[1] > alone[0] - alone[1]


def test_few_labels_leave_room_for_what_a_language_teaches_itself(model: SentimentModel) -> None:
    rows = range(500)
    texts = [f"{('质量很好', '质量太差')[row % 2]}，编号{row}，{('蓝莓', '柚子')[row % 2]}" for row in rows]
    marks = [("苹果", "香瓜")[row % 3 > 0] for row in rows]
    labelled = [f"编号{row}的{mark}" for row, mark in zip(rows, marks, strict=True)]
    taught = model.fit(labelled[:LEAST], [int(mark == "苹果") for mark in marks[:LEAST]])
    assert taught.own is not None
    asked = ["蓝莓", "柚子", "苹果", "香瓜"]
    found = taught.adapted([*texts, *asked]).p_positive[-4:]
    alone = taught.predict(asked).p_positive
    assert found[0] - found[1] > alone[0] - alone[1] + 0.1  # by itself
    assert found[2] - found[3] > 0.2  # by the labels


def _write(path: Path, frame: pl.DataFrame) -> Path:
    (frame.write_csv if path.suffix == ".csv" else frame.write_parquet)(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_command_writes_a_row_per_text(tmp_path: Path, ending: str) -> None:
    texts = _write(
        tmp_path / f"t.{ending}",
        pl.DataFrame({"id": ["007", "b", "c"], "text": ["a zorp item", None, "质量太差"]}),
    )
    labelled = _write(tmp_path / "l.csv", pl.DataFrame(dict(zip(("text", "label"), _shop(220), strict=True))))
    out = tmp_path / f"out.{ending}"
    assert main(["sentiment", str(texts), "--out", str(out), "--labelled", str(labelled)]) == 0
    frame = (
        pl.read_parquet(out) if ending == "parquet" else pl.read_csv(out, schema_overrides={"id": pl.String})
    )
    assert frame.columns == ["id", "p_positive", "language"]
    assert frame["id"].to_list() == ["007", "b", "c"]
    assert frame["p_positive"][0] > 0.6 > frame["p_positive"][1] == 0.5 > frame["p_positive"][2]


@pytest.mark.parametrize(
    ("texts", "labelled", "told"),
    [
        ("id,text\n1,a\n1,b\n", None, "t.csv, row 3, column id, value '1': the key is there twice"),
        ("id,text\n,a\n", None, "row 2, column id, value '': the key is empty"),
        ("id,words\n1,a\n", None, "column text: the column is missing"),
        ("id,text,text\n1,a,b\n", None, "column text: the column is there twice"),
        ("", None, "the file is empty"),
        ("id,text\n1,a\n", "text,label\na,1\nb,2\n", "l.csv, row 3, column label, value '2': must be 0 or 1"),
        ("id,text\n1,a\n", "text,label\na,\n", "row 2, column label, value '': must be 0 or 1"),
        ("id,text\n1,a\n", "text\na\n", "column label: the column is missing"),
    ],
)
def test_a_malformed_file_is_one_line_and_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], texts: str, labelled: str | None, told: str
) -> None:
    (tmp_path / "t.csv").write_text(texts)
    more = []
    if labelled is not None:
        (tmp_path / "l.csv").write_text(labelled)
        more = ["--labelled", str(tmp_path / "l.csv")]
    out = tmp_path / "out.csv"
    assert main(["sentiment", str(tmp_path / "t.csv"), "--out", str(out), *more]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_an_empty_table_of_texts_gives_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text\n")
    assert main(["sentiment", str(tmp_path / "t.csv"), "--out", str(tmp_path / "o.csv")]) == 0
    assert (tmp_path / "o.csv").read_text() == "id,p_positive,language\n"
