from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from forecasting.core.grid import Grid
from forecasting.core.panel import Panel, PanelError
from forecasting.core.panel_read import panel_from_frame, panel_read

MONDAY = date(2024, 1, 1)


def weeks(count: int, start: date = MONDAY) -> list[date]:
    return [start + timedelta(days=7 * k) for k in range(count)]


def long(rows: list[tuple[Any, ...]], **columns: list[Any]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64}, orient="row")
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def lay(frame: pl.DataFrame, as_of: date, **options: Any) -> Panel:
    return panel_from_frame(frame, as_of=as_of, freq=options.pop("freq", "W"), horizon=2, **options)


def test_it_fills_absent_periods_with_zero_from_the_first_row_on_and_keeps_null_unknown() -> None:
    w = weeks(5)
    frame = long([("b", w[1], 3), ("b", w[3], None), ("a", w[0], 1), ("a", w[2], 2)])
    panel = lay(frame, w[4])
    assert panel.unique_id == ["a", "b"]
    assert panel.start.tolist() == [0, 1]
    np.testing.assert_array_equal(panel.y[:, 0], [1, 0, 2, 0, 0])
    np.testing.assert_array_equal(panel.y[:, 1], [np.nan, 3, 0, np.nan, 0])
    assert panel.future.tolist() == [w[4] + timedelta(days=7), w[4] + timedelta(days=14)]


def test_it_starts_the_horizon_at_the_first_label_after_the_as_of_date_whatever_day_that_is() -> None:
    w = weeks(3)
    panel = lay(long([("a", day, 1) for day in w]), w[1] + timedelta(days=6))
    assert panel.periods == 2
    assert panel.future[0].astype(object) == w[2]


@pytest.mark.parametrize(
    ("labels", "as_of", "future"),
    [
        ([date(2024, 1, 1), date(2024, 2, 1)], date(2024, 2, 15), [date(2024, 3, 1), date(2024, 4, 1)]),
        ([date(2023, 12, 31), date(2024, 1, 31)], date(2024, 2, 15), [date(2024, 2, 29), date(2024, 3, 31)]),
        ([date(2023, 12, 31), date(2024, 1, 31)], date(2024, 2, 29), [date(2024, 3, 31), date(2024, 4, 30)]),
    ],
)
def test_it_keeps_to_months_by_their_first_or_last_day(
    labels: list[date], as_of: date, future: list[date]
) -> None:
    panel = lay(long([("a", day, 1) for day in labels]), as_of, freq="M")
    assert panel.future.tolist() == future


def test_it_counts_periods_back_and_forth_on_every_grid() -> None:
    for grid in (Grid("D"), *(Grid("W", weekday) for weekday in range(7)), Grid("M"), Grid("M", 1)):
        for index in (24_000, 24_001, 24_030, 24_300):
            label = grid.label(index)
            assert grid.index_floor(label) == index
            assert grid.index_floor(label - timedelta(days=1)) == index - 1
            assert grid.on(pl.Series([label])).all()
            assert grid.indices(pl.Series([label])).tolist() == [index]


def test_it_treats_periods_out_of_stock_as_unknown_unless_nothing_else_is_known() -> None:
    w = weeks(3)
    frame = long(
        [(name, day, 4) for name in "ab" for day in w],
        in_stock=[True, False, None, False, False, False],
    )
    panel = lay(frame, w[2])
    np.testing.assert_array_equal(panel.observed[:, 0], [4, np.nan, 4])
    np.testing.assert_array_equal(panel.observed[:, 1], [4, 4, 4])


def test_it_leaves_missing_future_values_of_known_columns_unknown() -> None:
    w = weeks(4)
    frame = long(
        [("a", w[0], 1), ("a", w[1], 1), ("a", w[2], None), ("b", w[1], 1)],
        price=[1.0, 2.0, 3.0, 5.0],
        kind=["x", "x", "x", "y"],
    )
    panel = lay(frame, w[1], known=["price"], static=["kind"])
    np.testing.assert_array_equal(panel.known["price"].values[:, 0], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(panel.known["price"].values[:, 1], [np.nan, 5, np.nan, np.nan])
    assert panel.static["kind"].categorical
    assert panel.static["kind"].values.tolist() == [0, 1]


def test_it_reads_the_same_from_csv_and_parquet(tmp_path: Path) -> None:
    w = weeks(6)
    frame = long(
        [(name, day, k) for name in ("007", "8") for k, day in enumerate(w)],
        in_stock=[True, None, False] * 4,
        price=[1.5, None] * 6,
        promo=[True, False] * 6,
        kind=["x", "y"] * 6,
    ).with_columns(kind=pl.col("unique_id"))
    frame.write_parquet(tmp_path / "p.parquet")
    frame.write_csv(tmp_path / "p.csv")
    one, two = (
        panel_read(
            tmp_path / name, as_of=w[3], freq="W", horizon=2, known=["price", "promo"], static=["kind"]
        )
        for name in ("p.parquet", "p.csv")
    )
    assert one.unique_id == two.unique_id == ["007", "8"]
    for name in ("y", "censored", "start", "ds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for name in ("price", "promo"):
        np.testing.assert_array_equal(one.known[name].values, two.known[name].values)


GOOD = "unique_id,ds,y,in_stock,price\na,2024-01-01,1,true,2\na,2024-01-08,2,,2\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("unique_id,ds,y,in_stock,price\n", ["no rows"]),
        (GOOD.replace("unique_id", "sku"), ["column unique_id", "missing"]),
        (GOOD.replace("price", "prize"), ["column price", "missing"]),
        (GOOD.replace("2024-01-08", "08.01.2024"), ["row 3", "column ds", "08.01.2024"]),
        (GOOD.replace("2024-01-08", "2024-01-09"), ["row 3", "column ds", "off the panel's grid"]),
        (GOOD + "a,2024-01-08,2,,2\n", ["row 4", "column ds", "2024-01-08", "twice"]),
        (GOOD.replace("2,,2", "two,,2"), ["row 3", "column y", "two", "not a number"]),
        (GOOD.replace("2,,2", "inf,,2"), ["row 3", "column y", "inf", "not finite"]),
        (GOOD.replace("2,,2", "nan,,2"), ["row 3", "column y", "not finite"]),
        (GOOD.replace("2,,2", "1e300,,2"), ["row 3", "column y", "not finite"]),
        (GOOD.replace("2,,2", "-2,,2"), ["row 3", "column y", "-2", "negative"]),
        (GOOD.replace("2,,2", "2,maybe,2"), ["row 3", "column in_stock", "maybe"]),
        (GOOD.replace("2,,2", "2,,-inf"), ["row 3", "column price", "inf", "not finite"]),
        (GOOD.replace("a,2024-01-08", ",2024-01-08"), ["row 3", "column unique_id", "empty"]),
        (GOOD.replace("2024-01-01", "0024-01-01"), ["row 2", "column ds", "0024-01-01", "too far"]),
        (GOOD + "a,2024-01-15,1,true,2,9,9\n", ["not readable"]),
    ],
)
def test_it_names_file_row_column_and_value_of_what_is_wrong(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(text)
    with pytest.raises(PanelError) as caught:
        panel_read(path, as_of=date(2024, 1, 8), freq="W", horizon=2, known=["price"])
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message


def test_it_refuses_wrong_types_in_parquet(tmp_path: Path) -> None:
    good = long([("a", day, 1) for day in weeks(3)], price=[1.0, 2.0, 3.0])
    for name, change in {
        "y": pl.col("y").cast(pl.String),
        "ds": pl.col("ds").cast(pl.String),
        "unique_id": pl.lit(1.5),
        "price": pl.col("ds"),
        "in_stock": pl.lit(2),
    }.items():
        good.with_columns(change.alias(name)).write_parquet(tmp_path / "p.parquet")
        with pytest.raises(PanelError, match=rf"column {name}\b"):
            panel_read(tmp_path / "p.parquet", as_of=weeks(3)[2], freq="W", horizon=2, known=["price"])


def test_it_refuses_files_that_it_can_not_read(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    (tmp_path / "latin.csv").write_bytes("unique_id,ds,y\nä,2024-01-01,1\n".encode("latin-1"))
    for name in ("broken.parquet", "latin.csv", "absent.csv", "panel.xlsx"):
        with pytest.raises(PanelError, match=name):
            panel_read(tmp_path / name, as_of=MONDAY, freq="W", horizon=2)


def test_it_refuses_a_panel_that_starts_after_the_as_of_date() -> None:
    with pytest.raises(PanelError, match="no rows up to the as-of date"):
        lay(long([("a", MONDAY, 1)]), MONDAY - timedelta(days=1))


def test_it_never_reads_demand_or_undeclared_columns_after_the_as_of_date(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(GOOD + "a,2024-01-15,-7,maybe,oops\nb,2024-01-15,inf,,1e999\n")
    panel = panel_read(path, as_of=date(2024, 1, 8), freq="W", horizon=2)
    assert panel.unique_id == ["a"]
    assert panel.y[:, 0].tolist() == [1, 2]


def test_it_codes_text_alike_however_it_is_encoded_and_as_an_earlier_panel_did() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 8)]
    rows = [
        (name, day, 1.0, text) for name, text in (("b", "tea"), ("a", None), ("c", "ale")) for day in days
    ]
    frame = pl.DataFrame(rows, schema=["unique_id", "ds", "y", "kind"], orient="row")

    def read(frame: pl.DataFrame, labels: dict[str, tuple[str, ...]] | None = None) -> Panel:
        return panel_from_frame(frame, as_of=days[-1], freq="W", horizon=1, static=["kind"], labels=labels)

    plain = read(frame)
    assert plain.unique_id == ["a", "b", "c"]
    assert plain.labels == {"kind": ("ale", "tea")}
    np.testing.assert_array_equal(plain.static["kind"].values, [np.nan, 1, 0])
    for kind in (pl.Categorical(), pl.Enum(["tea", "unused", "ale"])):
        other = read(frame.with_columns(pl.col("kind").cast(kind)).reverse())
        assert (other.unique_id, other.labels) == (plain.unique_id, plain.labels)
        np.testing.assert_array_equal(other.static["kind"].values, plain.static["kind"].values)
    earlier = read(frame, {"kind": ("gin", "tea")})
    np.testing.assert_array_equal(earlier.static["kind"].values, [np.nan, 1, np.nan])


def same_panel(one: Panel, two: Panel) -> None:
    assert (one.unique_id, one.labels) == (two.unique_id, two.labels)
    for name in ("y", "censored", "start", "ds", "future", "stocked"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for kind in ("known", "static", "past"):
        first, second = getattr(one, kind), getattr(two, kind)
        assert first.keys() == second.keys()
        for name, column in first.items():
            np.testing.assert_array_equal(column.values, second[name].values)


def test_it_reads_the_same_from_a_file_column_by_column_and_from_a_frame_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    count, w = 60, weeks(30)
    frame = pl.DataFrame(
        {
            "unique_id": [f"s{k % 7}_{k}" for k in range(count) for _ in w],
            "ds": w * count,
            "y": rng.poisson(2, count * 30).astype(np.float64),
            "in_stock": [[True, False, None][k] for k in rng.integers(0, 3, count * 30)],
            "price": [price or None for price in rng.integers(0, 9, count * 30).tolist()],
            "kind": [f"k{k % 3}" for k in range(count) for _ in w],
            # Changes half way: the latest counts.
            "zone": [f"z{k % 5 + (step > 14)}" for k in range(count) for step in range(30)],
            "weight": [None if k % 4 == 0 else k / 8 for k in range(count) for _ in w],
            "visits": rng.random(count * 30).astype(np.float32),
        }
    ).filter(pl.Series(rng.random(count * 30) < 0.9))
    options: dict[str, Any] = {
        "as_of": w[25],
        "freq": "W",
        "horizon": 3,
        "known": ["price"],
        "static": ["kind", "zone", "weight"],
    }
    frame.write_parquet(tmp_path / "sorted.parquet", row_group_size=97)
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=2)
    mixed.write_parquet(tmp_path / "mixed.parquet", row_group_size=101)
    plain = panel_from_frame(frame, **options)
    assert plain.labels["zone"] == ("z0", "z1", "z2", "z3", "z4", "z5")
    assert plain.static["zone"].values[plain.unique_id.index("s0_0")] == 1
    same_panel(plain, panel_from_frame(mixed, **options))
    for name in ("sorted.parquet", "mixed.parquet"):
        same_panel(plain, panel_read(tmp_path / name, **options))


@pytest.mark.parametrize(("column", "kind"), [("weight", "static"), ("price", "known"), ("visits", "")])
def test_it_names_the_row_of_the_file_though_it_reads_only_some_rows(
    tmp_path: Path, column: str, kind: str
) -> None:
    w = weeks(4)
    rows = [(name, day, 1.0) for name in "ab" for day in w]
    values = [1.0] * 6 + [float("inf"), 1.0]
    long(rows, **{column: values}).sort("ds", descending=True).write_parquet(tmp_path / "p.parquet")
    declared: dict[str, Any] = {kind: [column]} if kind else {}
    with pytest.raises(PanelError, match=rf"row 4, column {column}, value 'inf'"):
        panel_read(tmp_path / "p.parquet", as_of=w[2], freq="W", horizon=1, **declared)
