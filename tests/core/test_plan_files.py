"""The file command: what goes in, what comes out, and what a malformed file gets."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.__main__ import main

HORIZON = 20
ROOT = Path(__file__).parents[2]


@pytest.fixture
def out() -> pl.DataFrame:
    steps = np.arange(1, HORIZON + 1)[:, None]
    cube = np.stack([stats.poisson(rate * steps).ppf(QUANTILES) for rate in (3.0, 0.2)])
    return DemandDistribution(
        unique_id=["01", "b"],
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.array([[3.0] * HORIZON, [0.2] * HORIZON]),
        quantiles=np.repeat(cube[:, :1], HORIZON, axis=1),
        cum_quantiles=cube,
    ).to_frame()


@pytest.fixture
def items() -> pl.DataFrame:
    return pl.DataFrame({"unique_id": ["01", "b", "c"], "on_hand": [4, 1, 0], "moq": [None, 5.0, None]})


def written(frame: pl.DataFrame, path: Path) -> str:
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return str(path)


def ran(folder: Path, items: pl.DataFrame, out: pl.DataFrame, *more: str, kind: str = "csv") -> int:
    return main(
        [
            "plan",
            written(items, folder / f"items.{kind}"),
            "--demand",
            written(out, folder / f"out.{kind}"),
            *("--freq", "D", "--as-of", "2024-01-01", "--out", str(folder / f"plan.{kind}"), *more),
        ]
    )


def test_it_plans_the_same_from_csv_and_parquet(
    tmp_path: Path, items: pl.DataFrame, out: pl.DataFrame
) -> None:
    assert ran(tmp_path, items, out) == 0
    assert ran(tmp_path, items, out, kind="parquet") == 0
    frame = pl.read_parquet(tmp_path / "plan.parquet")
    text = pl.read_csv(tmp_path / "plan.csv", schema=frame.schema)
    assert frame.equals(text)
    assert frame["unique_id"].to_list() == ["01", "b", "c"]
    assert frame["reason"].to_list()[2] == "exception: no distribution"
    terms = [name for name in frame.columns if name.startswith("adj_")]
    total = frame["net_need"]
    for name in terms:
        total = total + frame[name]
    assert total.drop_nulls().to_list() == frame["order_quantity"].to_list()[:2]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{stem}.{kind}" for stem in ("items", "out", "plan") for kind in ("csv", "parquet")
    )


def test_it_runs_as_a_module_without_django(tmp_path: Path, items: pl.DataFrame, out: pl.DataFrame) -> None:
    files = [written(items, tmp_path / "items.csv"), "--demand", written(out, tmp_path / "out.parquet")]
    more = ["--freq", "D", "--as-of", "2024-01-01", "--out", str(tmp_path / "plan.csv"), "--budget", "10"]
    code = (
        "import sys, runpy; sys.argv[0] = 'plan'\n"
        "try: runpy.run_module('replenishment.core', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "assert 'django' not in sys.modules and 'pandas' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", *files, *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert pl.read_csv(tmp_path / "plan.csv")["order_quantity"].sum() <= 10


def broken(frame: pl.DataFrame, column: str, row: int, value: Any) -> pl.DataFrame:
    text = frame.with_columns(pl.col(column).cast(pl.String))
    values = text[column].to_list()
    values[row] = value
    return text.with_columns(pl.Series(column, values, dtype=pl.String))


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("on_hand", 1, "many"),
        ("on_hand", 2, "inf"),
        ("on_hand", 0, "nan"),
        ("on_hand", 1, None),
        ("on_hand", 1, "1,5"),
        ("unique_id", 2, "b"),
        ("moq", 1, "x"),
    ],
)
def test_it_names_file_row_column_and_value_of_a_malformed_item(
    tmp_path: Path,
    items: pl.DataFrame,
    out: pl.DataFrame,
    capsys: pytest.CaptureFixture[str],
    column: str,
    row: int,
    value: str | None,
) -> None:
    assert ran(tmp_path, broken(items, column, row, value), out) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "items.csv" in error
    assert f"row {row + 2}," in error  # the header is row 1
    assert f"column {column}" in error
    assert value is None or f"'{value}'" in error
    assert not (tmp_path / "plan.csv").exists()


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("cum_q95", 7, "x"),
        ("cum_q95", 7, "inf"),
        ("mean", 3, "-1"),
        ("q50", 3, None),
        ("ds", 4, "soon"),
        ("h", 5, "2"),
        ("cum_q99", 12, "0"),
    ],
)
def test_it_names_file_row_column_and_value_of_malformed_demand(
    tmp_path: Path,
    items: pl.DataFrame,
    out: pl.DataFrame,
    capsys: pytest.CaptureFixture[str],
    column: str,
    row: int,
    value: str | None,
) -> None:
    assert ran(tmp_path, items, broken(out, column, row, value)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "out.csv" in error
    assert f"row {row + 2}," in error  # the header is row 1
    assert not (tmp_path / "plan.csv").exists()


def test_it_refuses_demand_without_quantiles_missing_columns_and_missing_files(
    tmp_path: Path, items: pl.DataFrame, out: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, items, out.select("unique_id", "ds", "h", "mean", "cum_mean")) == 2
    assert "--quantiles all" in capsys.readouterr().err
    assert ran(tmp_path, items, out.drop("cum_q50")) == 2
    assert "cum_q50" in capsys.readouterr().err
    assert ran(tmp_path, items.drop("on_hand"), out) == 2
    assert "on_hand" in capsys.readouterr().err
    gone = str(tmp_path / "gone.csv")
    made = ["--freq", "D", "--as-of", "2024-01-01", "--out", str(tmp_path / "plan.csv")]
    assert main(["plan", gone, "--demand", gone, *made]) == 2
    assert "gone.csv" in capsys.readouterr().err
    assert not (tmp_path / "plan.csv").exists()


def test_it_refuses_demand_that_starts_before_the_as_of_date(
    tmp_path: Path, items: pl.DataFrame, out: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, items, out, "--as-of", "2024-01-05") == 2
    assert "2024-01-02" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [("--budget", "-1"), ("--budget", "nan"), ("--as-of", "05/01/2024"), ("--out", "plan.xlsx")]
)
def test_it_refuses_options_that_make_no_sense(
    tmp_path: Path, items: pl.DataFrame, out: pl.DataFrame, more: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as end:
        ran(tmp_path, items, out, *more)
    assert end.value.code == 2
