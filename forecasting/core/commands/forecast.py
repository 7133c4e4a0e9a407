"""``forecast PANEL``: demand distributions of every series of a panel file."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from threading import Thread

from forecasting.core.commands.files import (
    TABLES,
    CommandError,
    Parser,
    file_replace,
    frame_write,
    place_check,
    positive,
)

_DESCRIPTION = "Forecast demand from a panel file. docs/forecast-files.md describes the files."


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """The command's arguments."""
    command = commands.add_parser("forecast", help="demand from a panel file", description=_DESCRIPTION)
    command.add_argument("panel", metavar="PANEL", help=".csv or .parquet: unique_id, ds, y, ...")
    command.add_argument("--freq", required=True, choices=("D", "W", "M"))
    command.add_argument("--as-of", required=True, type=_date, metavar="DATE", help="last known label")
    command.add_argument("--horizon", required=True, type=positive, metavar="N", help="periods ahead")
    command.add_argument("--out", required=True, metavar="OUT", help=".csv or .parquet to write")
    command.add_argument("--known", default="", metavar="COL,COL", help="columns whose future is known")
    command.add_argument("--static", default="", metavar="COL,COL", help="columns that never change")
    command.add_argument(
        "--signals", default="", metavar="COL,COL", help="columns known up to the as-of date to learn from"
    )
    command.add_argument("--models", default="", metavar="NAME,NAME", help="default: all")
    command.add_argument("--quantiles", default="all", choices=("all", "none"))
    command.add_argument("--seed", default=0, type=int)
    command.add_argument("--threads", default=1, type=positive, metavar="N")
    command.add_argument("--report", metavar="REPORT.json")


def run(options: argparse.Namespace) -> None:
    """Read, forecast, write."""
    # Read before LightGBM's OpenMP starts: idle threads should sleep, not spin, where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from forecasting.core.models import require_installed
    from forecasting.core.panel_read import panel_read
    from forecasting.core.pipeline import forecast_panel
    from forecasting.core.spec import ForecastSpec

    out = Path(options.out)
    reading: dict[str, dict[str, float]] = {}
    writing: dict[str, dict[str, float]] = {}
    place_check(out, TABLES)
    if options.report:
        place_check(Path(options.report))
    try:
        spec = ForecastSpec(
            models=_names(options.models) or ForecastSpec.models,
            freq=options.freq,
            horizon=options.horizon,
            known=_names(options.known),
            static=_names(options.static),
            signals=_names(options.signals),
            quantiles=options.quantiles,
            seed=options.seed,
            threads=options.threads,
        )
        require_installed(spec.models)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if "lightgbm" in spec.models:
        # Loading it and reading the panel leave each other room.
        Thread(target=import_module, args=("lightgbm",)).start()
    with _stage(reading, "read"):
        panel = panel_read(
            Path(options.panel),
            as_of=options.as_of,
            freq=spec.freq,
            horizon=spec.horizon,
            known=spec.known,
            static=spec.static,
            signals=spec.signals,
        )
    result = forecast_panel(panel, spec=spec)
    frame = result.distribution.to_frame()
    with _stage(writing, "write"):
        frame_write(frame, out)
    if options.report:
        report = result.report
        report["stages"] = {**reading, **report["stages"], **writing}
        text = json.dumps(report, indent=1, allow_nan=False) + "\n"
        file_replace(Path(options.report), lambda path: path.write_text(text, encoding="utf-8"))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from error


@contextmanager
def _stage(stages: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Seconds and peak memory of a stage, as the report holds them."""
    from forecasting.core.stages import peak_mib

    start = time.perf_counter()
    yield
    stages[name] = {"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak_mib(), 1)}
