"""The engine from files: ``python -m forecasting.core forecast PANEL --freq W --as-of 2024-01-01 ...``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import NoReturn

_DESCRIPTION = "Forecast demand from a panel file. docs/forecast-files.md describes the files."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for a malformed file or argument."""
    # Read before LightGBM's OpenMP starts: idle threads should sleep, not spin, where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = _parser().parse_args(arguments)
    from forecasting.core.models import require_installed
    from forecasting.core.panel import PanelError
    from forecasting.core.panel_read import panel_read
    from forecasting.core.pipeline import forecast_panel
    from forecasting.core.spec import ForecastSpec

    out = Path(options.out)
    reading: dict[str, dict[str, float]] = {}
    writing: dict[str, dict[str, float]] = {}
    try:
        _check_place(out, (".csv", ".parquet"))
        if options.report:
            _check_place(Path(options.report), ())
        spec = ForecastSpec(
            models=_names(options.models) or ForecastSpec.models,
            freq=options.freq,
            horizon=options.horizon,
            known=_names(options.known),
            static=_names(options.static),
            quantiles=options.quantiles,
            seed=options.seed,
            threads=options.threads,
        )
        require_installed(spec.models)
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
            )
    except (PanelError, ValueError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    result = forecast_panel(panel, spec=spec)
    frame = result.distribution.to_frame()
    write = frame.write_csv if out.suffix.lower() == ".csv" else frame.write_parquet
    with _stage(writing, "write"):
        _replace(out, lambda path: write(path))
    if options.report:
        report = result.report
        report["stages"] = {**reading, **report["stages"], **writing}
        text = json.dumps(report, indent=1, allow_nan=False) + "\n"
        _replace(Path(options.report), lambda path: path.write_text(text, encoding="utf-8"))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m forecasting.core", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    command = commands.add_parser("forecast", description=_DESCRIPTION)
    command.add_argument("panel", metavar="PANEL", help=".csv or .parquet: unique_id, ds, y, ...")
    command.add_argument("--freq", required=True, choices=("D", "W", "M"))
    command.add_argument("--as-of", required=True, type=_date, metavar="DATE", help="last known label")
    command.add_argument("--horizon", required=True, type=_positive, metavar="N", help="periods ahead")
    command.add_argument("--out", required=True, metavar="OUT", help=".csv or .parquet to write")
    command.add_argument("--known", default="", metavar="COL,COL", help="columns whose future is known")
    command.add_argument("--static", default="", metavar="COL,COL", help="columns that never change")
    command.add_argument("--models", default="", metavar="NAME,NAME", help="default: all")
    command.add_argument("--quantiles", default="all", choices=("all", "none"))
    command.add_argument("--seed", default=0, type=int)
    command.add_argument("--threads", default=1, type=_positive, metavar="N")
    command.add_argument("--report", metavar="REPORT.json")
    return parser


def _check_place(path: Path, endings: tuple[str, ...]) -> None:
    if not path.resolve().parent.is_dir():
        raise ValueError(f"{path}: no such folder")
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"{path}: the file must end in {' or '.join(endings)}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


@contextmanager
def _stage(stages: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Seconds and peak memory of a stage, as the report holds them."""
    from forecasting.core.stages import peak_mib

    start = time.perf_counter()
    yield
    stages[name] = {"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak_mib(), 1)}


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place and rename: a reader sees the whole file or the old one."""
    handle, name = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        # The temporary file was private; the result gets the rights that a new file has.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
