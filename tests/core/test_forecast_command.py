from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forecasting.core.__main__ import main
from forecasting.core.distribution import DemandDistribution

LABELS = [date(2023, 1, 2) + timedelta(days=7 * k) for k in range(40)]
AS_OF = LABELS[36]
OUT = [
    *("unique_id", "ds", "h", "mean"),
    *(f"q{level}" for level in ("01", "05", "10", "25", "50", "75", "90", "95", "99")),
    "cum_mean",
    *(f"cum_q{level}" for level in ("01", "05", "10", "25", "50", "75", "90", "95", "99")),
]


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pl.concat(
        pl.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": LABELS,
                "y": rng.poisson(i + 1, 40).astype(float),
                "promo": rng.random(40) < 0.2,
            }
        )
        for i in range(8)
    )
    late = pl.DataFrame({"unique_id": "late", "ds": [AS_OF], "y": [3.0], "promo": [False]})
    never = late.with_columns(unique_id=pl.lit("never"), ds=pl.lit(LABELS[37]))
    path = tmp_path / "panel.csv"
    pl.concat([frame, late, never]).write_csv(path)
    return path


def run(panel: Path, out: Path, *more: str) -> int:
    fixed = ["--freq", "W", "--as-of", str(AS_OF), "--horizon", "3", "--out", str(out)]
    return main(["forecast", str(panel), *fixed, *more])


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_it_writes_one_row_per_series_and_period_with_the_fixed_columns(
    panel: Path, tmp_path: Path, ending: str
) -> None:
    out, report = tmp_path / f"out.{ending}", tmp_path / "report.json"
    assert run(panel, out, "--known", "promo", "--report", str(report)) == 0
    frame = pl.read_parquet(out) if ending == "parquet" else pl.read_csv(out, try_parse_dates=True)
    assert frame.columns == OUT
    assert frame.height == 9 * 3
    assert set(frame["unique_id"]) == {*(f"s{i}" for i in range(8)), "late"}
    assert frame["ds"].unique().sort().to_list() == LABELS[37:40]
    for group in frame.partition_by("unique_id"):
        np.testing.assert_allclose(group["cum_mean"], np.cumsum(group["mean"].to_numpy()), rtol=1e-6)
    DemandDistribution.from_frame(frame, "W", AS_OF)
    content = json.loads(report.read_text())
    assert {"stages", "models", "champion", "coverage", "warnings"} <= set(content)
    assert {"read", "write"} <= set(content["stages"])


def test_it_writes_means_alone_with_quantiles_none(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert run(panel, out, "--quantiles", "none", "--models", "moving_average,linear") == 0
    assert pl.read_parquet(out).columns == ["unique_id", "ds", "h", "mean", "cum_mean"]


def test_it_says_one_line_and_writes_nothing_for_a_malformed_file(
    panel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel.write_text(panel.read_text().replace("s3,2023-01-09,", "s3,2023-01-09,x"))
    out, report = tmp_path / "out.parquet", tmp_path / "report.json"
    assert run(panel, out, "--report", str(report)) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    for part in (str(panel), "row 123", "column y", "not a number"):
        assert part in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["panel.csv"]


@pytest.mark.parametrize(
    "more",
    [
        ["--models", "oracle"],
        ["--known", "absent"],
        ["--horizon", "0"],
        ["--as-of", "01.02.2023"],
        ["--freq", "Y"],
        ["--report", "/nowhere/report.json"],
    ],
)
def test_it_refuses_wrong_arguments_with_code_2_and_one_line(
    panel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    try:
        code = run(panel, tmp_path / "out.parquet", *more)
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()


def test_it_runs_as_a_module_without_django(panel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-X", "importtime", "-m", "forecasting.core", "forecast", str(panel)]
    options = ["--freq", "W", "--as-of", str(AS_OF), "--horizon", "2", "--models", "moving_average"]
    done = subprocess.run(
        [*command, *options, "--out", str(out)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert pl.read_parquet(out).height == 18
    assert "django" not in done.stderr


def test_it_keeps_heavy_libraries_off_the_light_path() -> None:
    code = (
        "import sys, forecasting.core.distribution, forecasting.core.pipeline, forecasting.core.artifacts;"
        "heavy = ('lightgbm', 'sklearn', 'scipy', 'pandas', 'django');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.strip() == "[]"
