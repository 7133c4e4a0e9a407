"""The files of a replay: PANEL and a folder of OUT files in, REPLAY out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from forecasting.core.distribution import DemandDistribution, Freq
from forecasting.core.panel import PanelError
from forecasting.core.panel_read import panel_read
from replenishment.core.files import demand_read
from replenishment.core.history import History
from replenishment.core.items import ItemsError


def history_read(path: Path, *, freq: Freq, begin: date, end: date) -> History:
    """Read PANEL; raises ItemsError with file, row, column and value."""
    try:
        panel = panel_read(path, as_of=end, freq=freq, horizon=1)
        return History.of(panel, begin)
    except PanelError as problem:
        raise ItemsError(str(problem)) from problem
    except ValueError as problem:
        raise ItemsError(str(problem), file=str(path)) from problem


def demand_files(folder: Path, history: History) -> list[tuple[date, Path]]:
    """As-of dates and OUT files of a folder that a replay needs, in order of time.

    Files with another ending than .parquet or .csv are left alone. Raises ItemsError where a name is no date,
    a date appears twice, or no file is as of the first replayed period or before.
    """
    if not folder.is_dir():
        raise ItemsError("the folder does not exist", file=str(folder))
    found: dict[date, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".parquet", ".csv") or path.name.startswith("."):
            continue
        try:
            day = date.fromisoformat(path.stem)
        except ValueError as problem:
            raise ItemsError("the name is not an as-of date such as 2011-09-05", file=str(path)) from problem
        if day in found:
            raise ItemsError(f"the same as-of date as {found[day].name}", file=str(path))
        found[day] = path
    days = sorted(found)
    early = [day for day in days if history.since(day) <= 0]
    if not early:
        first = history.labels[history.begin]
        raise ItemsError(f"no demand as of {first} or before: the replay can't begin", file=str(folder))
    needed = [early[-1]] + [day for day in days if 0 < history.since(day) < history.periods]
    return [(day, found[day]) for day in needed]


def demands_read(files: list[tuple[date, Path]], freq: Freq) -> Iterator[DemandDistribution]:
    """Read OUT files one after the other; raises ItemsError with file, row, column and value."""
    for day, path in files:
        yield demand_read(path, freq=freq, as_of=day)
