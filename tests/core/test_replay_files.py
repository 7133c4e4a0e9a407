"""The replay command: what goes in, what comes out, what a malformed file gets, and what it must not know."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.__main__ import main
from replenishment.core.replay import POLICIES

ROOT = Path(__file__).parents[2]
START, BEGIN, END = date(2023, 11, 1), date(2024, 1, 1), date(2024, 2, 29)
COLUMNS = [
    *("policy", "unique_id", "demand", "served", "fill_rate", "cycles", "cycle_service", "average_stock"),
    *("average_stock_value", "orders", "ordered", "holding_cost", "order_cost", "lost_margin", "total_cost"),
]


def out(as_of: date, rates: dict[str, float], horizon: int = 20) -> pl.DataFrame:
    steps = np.arange(1, horizon + 1)[:, None]
    cube = np.stack([stats.poisson(rate * steps).ppf(QUANTILES) for rate in rates.values()])
    return DemandDistribution(
        unique_id=list(rates),
        as_of=as_of,
        freq="D",
        ds=np.datetime64(as_of) + 1 + np.arange(horizon),
        mean=np.array([[rate] * horizon for rate in rates.values()]),
        quantiles=np.repeat(cube[:, :1], horizon, axis=1),
        cum_quantiles=cube,
    ).to_frame()


@pytest.fixture
def panel() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    days = pl.date_range(START, END, "1d", eager=True)
    parts = [
        pl.DataFrame({"unique_id": name, "ds": days, "y": rng.poisson(rate, len(days)).astype(float)})
        for name, rate in (("01", 3.0), ("b", 0.2))
    ]
    return pl.concat(parts)


@pytest.fixture
def items() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "unique_id": ["b", "01", "c", "d"],
            "on_hand": [1, 30, 0, 0],
            "lead_time_mean": [3.0, 5.0, 3.0, -1.0],
            "lead_time_sd": [0.0, 2.0, 0.0, 0.0],
            "review_days": 1.0,
            "order_cost": 0.1,
            "unit_cost": 2.0,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files as of the last day of the old year, and as of the middle of January."""
    place = tmp_path / "demand"
    place.mkdir()
    out(date(2023, 12, 31), {"01": 3.0, "b": 0.2}).write_parquet(place / "2023-12-31.parquet")
    out(date(2024, 1, 15), {"01": 3.0, "b": 0.2}).write_csv(place / "2024-01-15.csv")
    return place


def ran(folder: Path, panel: pl.DataFrame, items: pl.DataFrame, *more: str, kind: str = "csv") -> int:
    place = folder.parent
    for name, frame in (("panel", panel), ("items", items)):
        path = place / f"{name}.{kind}"
        frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    return main(
        [
            *("replay", str(place / f"panel.{kind}"), str(place / f"items.{kind}"), "--demand", str(folder)),
            *("--freq", "D", "--from", str(BEGIN), "--to", str(END), "--out", str(place / f"replay.{kind}")),
            *more,
        ]
    )


def test_it_replays_the_same_from_csv_and_parquet(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame
) -> None:
    every = ("--policy", ",".join(POLICIES))
    assert ran(folder, panel, items, *every) == 0
    assert ran(folder, panel, items, *every, kind="parquet") == 0
    frame = pl.read_parquet(folder.parent / "replay.parquet")
    assert frame.equals(pl.read_csv(folder.parent / "replay.csv", schema=frame.schema))
    assert frame.columns == COLUMNS
    assert frame["policy"].to_list() == [name for name in POLICIES for _ in range(4)]
    assert frame["unique_id"].to_list() == ["b", "01", "c", "d"] * len(POLICIES)
    # c is not in the panel, d has a lead time below 0: their rows have a name and nothing else.
    bad = frame.filter(pl.col("unique_id").is_in(["c", "d"])).drop("policy", "unique_id")
    assert bad.null_count().row(0) == (bad.height,) * bad.width
    good = frame.filter(pl.col("unique_id").is_in(["b", "01"]))
    known = panel.filter(pl.col("ds") >= BEGIN).group_by("unique_id").agg(pl.col("y").sum())
    assert good.join(known, on="unique_id").filter(pl.col("y") != pl.col("demand")).is_empty()
    for row in good.iter_rows(named=True):
        assert row["fill_rate"] == pytest.approx(row["served"] / row["demand"])
        assert row["average_stock_value"] == pytest.approx(2 * row["average_stock"])
        assert row["holding_cost"] == pytest.approx(row["average_stock_value"] * 0.25 * 60 / 365)
        assert row["order_cost"] == pytest.approx(0.1 * row["orders"])
        assert row["lost_margin"] == pytest.approx((row["demand"] - row["served"]) * (2 / 0.7 - 2))
        total = row["holding_cost"] + row["order_cost"] + row["lost_margin"]
        assert row["total_cost"] == pytest.approx(total)


def test_it_runs_as_a_module_without_django(folder: Path, panel: pl.DataFrame, items: pl.DataFrame) -> None:
    assert ran(folder, panel, items) == 0
    place = folder.parent
    first = pl.read_csv(place / "replay.csv")
    files = [str(place / "panel.csv"), str(place / "items.csv"), "--demand", str(folder), "--freq", "D"]
    more = ["--from", str(BEGIN), "--to", str(END), "--out", str(place / "again.csv"), "--seed", "0"]
    code = (
        "import sys, runpy; sys.argv[0] = 'replay'\n"
        "try: runpy.run_module('replenishment.core', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert 'django' not in sys.modules and 'pandas' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "replay", *files, *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert pl.read_csv(place / "again.csv").equals(first)
    assert ran(folder, panel, items, "--seed", "1") == 0
    assert not pl.read_csv(place / "replay.csv").equals(first)


def test_it_asks_for_the_forecasts_that_it_reads_only(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame
) -> None:
    (folder / "2024-06-01.csv").write_text("after the end\n")
    (folder / "2023-06-01.csv").write_text("long before\n")
    (folder / "notes.txt").write_text("not a forecast\n")
    assert ran(folder, panel, items) == 0


@pytest.mark.parametrize("name", ["engine", "quantile"])
def test_orders_know_nothing_of_later_demand(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame, name: str
) -> None:
    """Demand after the middle of February changes nothing before: replays to that day are the same."""
    cut = date(2024, 2, 15)
    more = ("--policy", name, "--to", str(cut))
    assert ran(folder, panel, items, *more) == 0
    before = pl.read_csv(folder.parent / "replay.csv")
    later = pl.col("ds") > cut
    changed = panel.with_columns(pl.when(later).then(pl.col("y") * 9 + 5).otherwise(pl.col("y")).alias("y"))
    out(date(2024, 2, 16), {"01": 300.0, "b": 20.0}).write_parquet(folder / "2024-02-16.parquet")
    assert ran(folder, changed, items, *more) == 0
    assert pl.read_csv(folder.parent / "replay.csv").equals(before)


def test_levels_hold_from_their_as_of_date_on(folder: Path, panel: pl.DataFrame, items: pl.DataFrame) -> None:
    assert ran(folder, panel, items) == 0
    before = pl.read_csv(folder.parent / "replay.csv")["ordered"][1]
    day = date(2024, 2, 1)
    out(day, {"01": 9.0, "b": 0.2}).write_parquet(folder / f"{day}.parquet")
    assert ran(folder, panel, items, "--to", str(day - timedelta(days=1))) == 0
    short = pl.read_csv(folder.parent / "replay.csv")
    (folder / f"{day}.parquet").unlink()
    assert ran(folder, panel, items, "--to", str(day - timedelta(days=1))) == 0
    assert pl.read_csv(folder.parent / "replay.csv").equals(short)
    out(day, {"01": 9.0, "b": 0.2}).write_parquet(folder / f"{day}.parquet")
    assert ran(folder, panel, items) == 0
    assert pl.read_csv(folder.parent / "replay.csv")["ordered"][1] > before + 40


def test_an_item_that_no_forecast_knows_is_not_replayed(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame
) -> None:
    more = panel.filter(pl.col("unique_id") == "b").with_columns(unique_id=pl.lit("c"))
    assert ran(folder, pl.concat([panel, more]), items, "--policy", "engine,minmax") == 0
    frame = pl.read_csv(folder.parent / "replay.csv").filter(pl.col("unique_id") == "c")
    assert frame["demand"].is_null().to_list() == [True, False]


def broken(frame: pl.DataFrame, column: str, row: int, value: Any) -> pl.DataFrame:
    text = frame.with_columns(pl.col(column).cast(pl.String))
    values = text[column].to_list()
    values[row] = value
    return text.with_columns(pl.Series(column, values, dtype=pl.String))


@pytest.mark.parametrize(
    ("file", "column", "row", "value"),
    [
        ("items", "on_hand", 1, "many"),
        ("items", "on_hand", 2, "inf"),
        ("items", "unique_id", 2, "b"),
        ("items", "target_kind", 1, "best"),
        ("panel", "y", 7, "x"),
        ("panel", "y", 7, "-1.0"),
        ("panel", "y", 7, "inf"),
        ("panel", "ds", 4, "soon"),
        ("panel", "ds", 4, "2023-11-04"),
        ("panel", "unique_id", 4, None),
        ("2023-12-31", "cum_q95", 5, "x"),
        ("2024-01-15", "cum_q95", 5, "nan"),
        ("2024-01-15", "ds", 5, "2024-01-15"),
    ],
)
def test_it_names_file_row_column_and_value(
    folder: Path,
    panel: pl.DataFrame,
    items: pl.DataFrame,
    capsys: pytest.CaptureFixture[str],
    file: str,
    column: str,
    row: int,
    value: str | None,
) -> None:
    given = items.with_columns(target_kind=pl.lit("fill"))
    if file == "items":
        given = broken(given, column, row, value)
    elif file == "panel":
        panel = broken(panel, column, row, value)
    else:
        day = date.fromisoformat(file)
        for path in folder.glob(f"{file}.*"):
            path.unlink()
        frame = out(day, {"01": 3.0, "b": 0.2})
        broken(frame, column, row, value).write_csv(folder / f"{file}.csv")
    assert ran(folder, panel, given) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{file}.csv" in error
    assert f"row {row + 2}," in error  # the header is row 1
    assert f"column {column}" in error
    assert value is None or f"'{value}'" in error
    assert not (folder.parent / "replay.csv").exists()


def test_it_refuses_what_it_cannot_replay_in_one_line(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(words: str, *more: str, panel: pl.DataFrame = panel, items: pl.DataFrame = items) -> None:
        code: object
        try:
            code = ran(folder, panel, items, *more)
        except SystemExit as end:
            code = end.code
        error = capsys.readouterr().err
        assert (code, error.count("\n")) == (2, 1), error
        assert words in error
        assert not (folder.parent / "replay.csv").exists()

    refused("column y", panel=panel.drop("y"))
    refused("column on_hand", items=items.drop("on_hand"))
    refused("--from 2024-03-01 is after --to", "--from", "2024-03-01")
    refused(
        "no period of the panel", "--freq", "M", "--from", "2024-01-15", "--to", "2024-01-20", panel=months
    )
    refused("no policy 'best'", "--policy", "engine,best")
    refused("the folder does not exist", "--demand", str(folder / "none"))
    refused("seed", "--seed", "-1")
    (folder / "latest.csv").write_text("h\n")
    refused("latest.csv", "--policy", "engine")
    (folder / "latest.csv").unlink()
    (folder / "2023-12-31.csv").write_text("h\n")
    refused("the same as-of date", "--policy", "engine")
    (folder / "2023-12-31.csv").unlink()
    (folder / "2023-12-31.parquet").unlink()
    refused("no demand as of 2024-01-01 or before", "--policy", "engine")


months = pl.DataFrame({"unique_id": "b", "ds": [date(2023, 12, 1), date(2024, 1, 1)], "y": [1.0, 2.0]})


def test_a_replay_may_begin_before_the_panel_and_end_after_it(
    folder: Path, panel: pl.DataFrame, items: pl.DataFrame
) -> None:
    """Nothing was sold then: a period without a row is zero demand."""
    short = panel.filter(pl.col("ds").is_between(date(2024, 1, 20), date(2024, 2, 10)))
    assert ran(folder, short, items, "--policy", "engine,minmax,ses,bootstrap") == 0
    frame = pl.read_csv(folder.parent / "replay.csv").filter(pl.col("unique_id") == "01")
    sold = short.filter(pl.col("unique_id") == "01")["y"].sum()
    assert frame["demand"].to_list() == [sold] * 4


def test_it_replays_weeks_and_months(folder: Path, tmp_path: Path) -> None:
    for freq, first, step, days in (("W", date(2024, 1, 1), "1w", 7), ("M", date(2022, 1, 1), "1mo", 30)):
        place = tmp_path / freq
        place.mkdir()
        labels = pl.date_range(first, first + timedelta(days=days * 30), step, eager=True)
        panel = pl.DataFrame({"unique_id": "a", "ds": labels, "y": 5.0})
        as_of = labels[10]
        frame = out(as_of, {"a": 5.0}).with_columns(
            pl.Series("ds", pl.date_range(as_of, as_of + timedelta(days=700), step, eager=True)[1:21])
        )
        frame.write_csv(place / f"{as_of}.csv")
        panel.write_csv(tmp_path / "p.csv")
        pl.DataFrame({"unique_id": ["a"], "on_hand": [20], "review_days": [30.0]}).write_csv(
            tmp_path / "i.csv"
        )
        done = main(
            [
                *("replay", str(tmp_path / "p.csv"), str(tmp_path / "i.csv"), "--demand", str(place)),
                *("--freq", freq, "--from", str(labels[11]), "--to", str(labels[26])),
                *("--out", str(tmp_path / "r.csv"), "--policy", ",".join(POLICIES)),
            ]
        )
        assert done == 0
        told = pl.read_csv(tmp_path / "r.csv")
        assert told["demand"].to_list() == [80.0] * len(POLICIES)
        assert told["orders"].min() > 2  # type: ignore[operator]


def test_the_page_names_every_policy_and_column() -> None:
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    missing = [name for name in (*POLICIES, *COLUMNS) if f"`{name}`" not in page]
    assert not missing
