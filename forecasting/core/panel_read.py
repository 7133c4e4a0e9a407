"""Reading demand panels from files and frames: every check of the input, and the layout on a dense grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import FREQS, Freq
from forecasting.core.grid import Grid
from forecasting.core.panel import Column, Panel, PanelError
from forecasting.core.panel_columns import Table, booleans, cells, changes, coded, dates, names, numbers

Array = npt.NDArray[Any]

_MAX_PERIODS = 40_000
# Units below this are none: float32 would divide by them without bound.
_NOTHING = 1e-20
_CHUNK = 1_000_000
_OWN = ("unique_id", "ds", "y", "in_stock", "price_asked")


def panel_read(
    path: Path,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str] = (),
    static: Sequence[str] = (),
    signals: Sequence[str] = (),
) -> Panel:
    """Read a panel from a .csv or .parquet file. Raises PanelError with one clear line for a malformed
    file.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise PanelError("the file must end in .csv or .parquet", source=str(path))
    if not path.is_file():
        raise PanelError("no such file", source=str(path))
    table = Table.of_csv(path) if suffix == ".csv" else Table.of_parquet(path)
    return _dense(
        table, as_of=as_of, freq=freq, horizon=horizon, known=known, static=static, signals=signals, labels={}
    )


def panel_from_frame(
    frame: pl.DataFrame,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str] = (),
    static: Sequence[str] = (),
    signals: Sequence[str] = (),
    labels: Mapping[str, tuple[str, ...]] | None = None,
    source: str = "panel",
) -> Panel:
    """Check a long frame and lay it out on its dense grid. Raises PanelError for a malformed frame.

    ``labels`` fixes the codes of text columns as an earlier panel had them; other words are unknown there.
    """
    return _dense(
        Table.of_frame(frame, source),
        as_of=as_of,
        freq=freq,
        horizon=horizon,
        known=known,
        static=static,
        signals=signals,
        labels=labels or {},
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some rows of a table (``chosen``, boolean over all; None for all) with their place on the grid.

    ``series`` and ``period`` (n,) are int32.
    """

    table: Table
    chosen: pl.Series | None
    series: Array
    period: Array

    def some(self, chosen: pl.Series) -> _Rows:
        """Some rows of all."""
        if chosen.all():
            return self
        mask = chosen.to_numpy()
        return _Rows(self.table, chosen, self.series[mask], self.period[mask])

    def column(self, name: str) -> pl.Series:
        """The values of these rows."""
        column = self.table.column(name)
        return column if self.chosen is None else column.filter(self.chosen)

    def dense(self, values: Array, shape: tuple[int, int]) -> Array:
        """Values (n,) on a grid (periods, series); NaN or false where there is no row.

        Rows of one series mostly follow each other, so they are written series by series and turned once.
        """
        periods, count = shape
        empty = np.nan if values.dtype.kind == "f" else 0
        turned = np.full((count, periods), empty, dtype=values.dtype)
        flat = turned.reshape(-1)
        for first in range(0, len(values), _CHUNK):
            part = slice(first, first + _CHUNK)
            flat[self.series[part].astype(np.int64) * periods + self.period[part]] = values[part]
        return np.ascontiguousarray(turned.T)

    def present(self, shape: tuple[int, int], every_name: list[str]) -> Array:
        """True where there is a row; raises PanelError where there are two."""
        found = self.dense(np.broadcast_to(np.True_, len(self.series)), shape)
        if int(np.count_nonzero(found)) != len(self.series):
            again = ~pl.Series(self.series.astype(np.int64) * shape[0] + self.period).is_first_distinct()
            labels = dates(self.table)
            if self.chosen is not None:
                labels = labels.filter(self.chosen)
            name = every_name[self.series[int(again.arg_true()[0])]]
            raise self.table.error(f"{name} has this label twice", labels, again, self.chosen)
        return found

    def steady(
        self, name: str, count: int, labels: tuple[str, ...] | None, among: pl.Series, begins: pl.Series
    ) -> Column:
        """A static column, one value per series (count,), NaN where there is none; should it change, the
        latest. ``among`` are the rows to read of these, which are all; ``begins`` where another series does.
        """
        column = self.table.column(name)
        # Most rows say what the row before said.
        for told in (among & (begins | changes(column)), among):
            values, categorical, words = cells(column.filter(told), self.table, told, labels)
            at = told.arg_true().to_numpy()[np.isfinite(values)]
            values = values[np.isfinite(values)]
            result = np.full(count, np.nan, dtype=np.float32)
            result[self.series[at]] = values
            if np.array_equal(result[self.series[at]], values):
                return Column(result, categorical, words)
        order = np.argsort(self.period[at], kind="stable")
        result[self.series[at[order]]] = values[order]
        return Column(result, categorical, words)


def _dense(
    table: Table,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str],
    static: Sequence[str],
    signals: Sequence[str],
    labels: Mapping[str, tuple[str, ...]],
) -> Panel:
    _check_columns(table, freq, horizon, known, static, signals)
    codes, every_name = coded(names(table))
    days = dates(table)
    grid = Grid.detect(days, freq)
    off = ~grid.on(days)
    if off.any():
        raise table.error(f"the label is off the panel's grid ({grid.describe()})", days, off)
    done = days <= as_of
    if not done.any():
        raise PanelError(f"there are no rows up to the as-of date {as_of}", source=table.source)
    first = days.filter(done).min()
    start, stop = grid.index(first), grid.index_floor(as_of)  # type: ignore[arg-type]
    periods = stop - start + 1
    if periods > _MAX_PERIODS:
        raise table.error("the label lies too far in the past", days, days == first)

    # A series is one with a row up to the as-of date.
    has_past = np.zeros(len(every_name), dtype=bool)
    has_past[codes.filter(done).to_numpy()] = True
    unique_id = [every_name[code] for code in np.flatnonzero(has_past)]
    position = np.where(has_past, np.cumsum(has_past) - 1, -1).astype(np.int32)
    rows = _Rows(table, None, position[codes.to_numpy()], grid.indices(days) - np.int32(start))
    del codes
    future = grid.labels(stop + 1, stop + horizon)
    shape = (periods, len(unique_id))

    # Rows ahead count only for what is known ahead.
    ahead = (days <= future[-1].item()) & pl.Series(rows.series >= 0)
    both = rows.some(done | ahead if known else done)
    longer = (periods + horizon, len(unique_id))
    del days, ahead
    has_row = both.present(longer, unique_id)[:periods]
    past = rows.some(done)
    y, begun = _demand(past, has_row)
    censored, stocked = np.zeros(shape, dtype=bool), None
    if "in_stock" in table.schema:
        flags = booleans(past.column("in_stock"), table, past.chosen).fill_null(-1).to_numpy()
        censored = past.dense(flags == 0, shape)
        stocked = past.dense(flags == 1, shape) if (flags == 1).any() else None
    asked = None
    if "price_asked" in table.schema:
        flags = booleans(past.column("price_asked"), table, past.chosen).fill_null(0).to_numpy()
        asked = past.dense(flags == 1, shape)
    past_columns: dict[str, Column] = {}
    signal_columns: dict[str, Column] = {}
    for name in sorted(set(table.schema) - {*_OWN, *known, *static}):
        if name in signals or table.schema[name].is_numeric() or table.schema[name] == pl.Boolean:
            values, _, _ = cells(past.column(name), table, past.chosen)
            kept = signal_columns if name in signals else past_columns
            kept[name] = Column(past.dense(values, shape), categorical=False)
    del past
    known_columns: dict[str, Column] = {}
    for name in known:
        values, categorical, words = cells(both.column(name), table, both.chosen, labels.get(name))
        known_columns[name] = Column(both.dense(values, longer), categorical, words)
    begins = changes(pl.Series(rows.series)) | changes(done)
    static_columns = {
        name: rows.steady(name, len(unique_id), labels.get(name), done, begins) for name in static
    }
    return Panel(
        unique_id=unique_id,
        freq=freq,
        as_of=as_of,
        ds=grid.labels(start, stop),
        future=future,
        y=y,
        censored=censored,
        start=begun,
        known=known_columns,
        static=static_columns,
        past=past_columns,
        signals=signal_columns,
        stocked=stocked,
        asked=asked,
    )


def _check_columns(
    table: Table,
    freq: Freq,
    horizon: int,
    known: Sequence[str],
    static: Sequence[str],
    signals: Sequence[str],
) -> None:
    if freq not in FREQS:
        raise PanelError(f"frequency must be one of {', '.join(FREQS)}", value=freq)
    if horizon < 1:
        raise PanelError("the horizon must be 1 or more", value=horizon)
    for name in ("unique_id", "ds", "y", *known, *static, *signals):
        if name not in table.schema:
            raise PanelError("the column is missing", source=table.source, column=name)
    for name in (*known, *static, *signals):
        if name in _OWN:
            raise PanelError("can't be declared known, static or a signal", source=table.source, column=name)
    for name in signals:
        if name in known or name in static:
            raise PanelError("a signal can't be known or static", source=table.source, column=name)
        if not (table.schema[name].is_numeric() or table.schema[name] in (pl.Boolean, pl.Null)):
            raise PanelError("a signal must be numbers or booleans", source=table.source, column=name)
    if table.height == 0:
        raise PanelError("there are no rows", source=table.source)
    for name in (*known, *static):
        kind = table.schema[name]
        if not (kind.is_numeric() or kind in (pl.Boolean, pl.String, pl.Categorical, pl.Enum)):
            raise PanelError(
                f"the column must be numbers, booleans or text, not {kind}", source=table.source, column=name
            )


def _demand(past: _Rows, has_row: Array) -> tuple[Array, Array]:
    """Units (T, N), and each series' first period with a row (N,) int32; ``has_row`` (T, N) tells which
    have.
    """
    begun = has_row.argmax(axis=0).astype(np.int32)
    column = past.column("y")
    units = numbers(column, past.table, past.chosen)
    negative = (units < 0).fill_null(value=False)
    if negative.any():
        raise past.table.error("y is negative", column, negative, past.chosen)
    del column
    y = past.dense(units.cast(pl.Float32).to_numpy(), has_row.shape)
    y[y < _NOTHING] = 0
    # From its first row on, a period without a row is zero demand; a row without y is unknown demand.
    y[~has_row & (np.arange(len(y), dtype=np.int32)[:, None] >= begun)] = 0
    return y, begun
