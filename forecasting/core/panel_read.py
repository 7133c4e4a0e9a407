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

Array = npt.NDArray[Any]

_MAX_PERIODS = 40_000
# Units below this are none: float32 would divide by them without bound.
_NOTHING = 1e-20
_TRUE = ("true", "t", "yes", "1")
_FALSE = ("false", "f", "no", "0")


@dataclass(frozen=True)
class _Source:
    """Where a frame came from, for errors; ``text`` says that numbers may still be text (CSV)."""

    name: str = "panel"
    first_row: int = 1
    text: bool = False

    def error(self, reason: str, frame: pl.DataFrame, column: str, bad: pl.Series) -> PanelError:
        at = int(bad.arg_true()[0])
        value = frame[column][at]
        return PanelError(
            reason,
            source=self.name,
            row=int(frame["_row"][at]) + self.first_row if "_row" in frame.columns else at + self.first_row,
            column=column,
            value="" if value is None else value,
        )


def panel_read(
    path: Path,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str] = (),
    static: Sequence[str] = (),
) -> Panel:
    """Read a panel from a .csv or .parquet file. Raises PanelError with one clear line for a malformed
    file.
    """
    name = str(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise PanelError("the file must end in .csv or .parquet", source=name)
    if not path.is_file():
        raise PanelError("no such file", source=name)
    try:
        frame = pl.read_parquet(path) if suffix == ".parquet" else _read_csv(path)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise PanelError(f"not readable: {str(error).splitlines()[0]}", source=name) from error
    source = _Source(name, first_row=2 if suffix == ".csv" else 1, text=suffix == ".csv")
    return _dense(
        frame, source, as_of=as_of, freq=freq, horizon=horizon, known=known, static=static, labels={}
    )


def panel_from_frame(
    frame: pl.DataFrame,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str] = (),
    static: Sequence[str] = (),
    labels: Mapping[str, tuple[str, ...]] | None = None,
    source: str = "panel",
) -> Panel:
    """Check a long frame and lay it out on its dense grid. Raises PanelError for a malformed frame.

    ``labels`` fixes the codes of text columns as an earlier panel had them; other words are unknown there.
    """
    return _dense(
        frame,
        _Source(source),
        as_of=as_of,
        freq=freq,
        horizon=horizon,
        known=known,
        static=static,
        labels=labels or {},
    )


def _read_csv(path: Path) -> pl.DataFrame:
    """Types are inferred where that works; else all is text, and the bad cell is found later."""
    overrides = {"unique_id": pl.String(), "ds": pl.String()}
    try:
        return pl.read_csv(path, schema_overrides=overrides, infer_schema_length=10_000)
    except pl.exceptions.ComputeError:
        return pl.read_csv(path, infer_schema=False)


def _dense(
    frame: pl.DataFrame,
    source: _Source,
    *,
    as_of: date,
    freq: Freq,
    horizon: int,
    known: Sequence[str],
    static: Sequence[str],
    labels: Mapping[str, tuple[str, ...]],
) -> Panel:
    if freq not in FREQS:
        raise PanelError(f"frequency must be one of {', '.join(FREQS)}", value=freq)
    if horizon < 1:
        raise PanelError("the horizon must be 1 or more", value=horizon)
    for name in ("unique_id", "ds", "y", *known, *static):
        if name not in frame.columns:
            raise PanelError("the column is missing", source=source.name, column=name)
    for name in (*known, *static):
        if name in ("unique_id", "ds", "y", "in_stock"):
            raise PanelError("can't be declared known or static", source=source.name, column=name)
    if frame.height == 0:
        raise PanelError("there are no rows", source=source.name)
    frame = frame.with_columns(_names(frame, source), _dates(frame, source))
    grid = Grid.detect(frame["ds"], freq)
    off = ~grid.on(frame["ds"])
    if off.any():
        raise source.error(f"the label is off the panel's grid ({grid.describe()})", frame, "ds", off)
    # `_row` carries the file's row through the filters below, for errors alone; `_series` codes the names.
    codes, every_name = _coded(frame["unique_id"])
    frame = frame.with_row_index("_row").with_columns(codes.alias("_series"))
    done = frame["ds"] <= as_of
    past = frame if done.all() else frame.filter(done)
    if past.height == 0:
        raise PanelError(f"there are no rows up to the as-of date {as_of}", source=source.name)
    _check_finite(past, source, [*known, *static])

    start, stop = grid.index(past["ds"].min()), grid.index_floor(as_of)  # type: ignore[arg-type]
    periods = stop - start + 1
    if periods > _MAX_PERIODS:
        first = past["ds"] == past["ds"].min()
        raise source.error("the label lies too far in the past", past, "ds", first)
    present = past["_series"].unique().sort().to_numpy()
    names = [every_name[code] for code in present]
    position = np.full(len(every_name), -1)
    position[present] = np.arange(len(present))
    past_series, past_period = _cells(past, position, grid, start)
    _check_unique(past, source, past_series + past_period * len(names), len(names) * periods)

    shape = (periods, len(names))
    y = np.full(shape, np.nan, dtype=np.float32)
    has_row = np.zeros(shape, dtype=bool)
    has_row[past_period, past_series] = True
    first_row = has_row.argmax(axis=0)
    # From its first row on, a period without a row is zero demand; a row without y is unknown demand.
    y[~has_row & (np.arange(periods)[:, None] >= first_row)] = 0.0
    units = _numbers(past, "y", source)
    negative = (units < 0).fill_null(value=False)
    if negative.any():
        raise source.error("y is negative", past, "y", negative)
    amounts = units.to_numpy()
    y[past_period, past_series] = np.where(amounts < _NOTHING, 0.0, amounts)
    censored = np.zeros(shape, dtype=bool)
    stocked = None
    if "in_stock" in frame.columns:
        flags = _booleans(past, "in_stock", source).fill_null(-1).to_numpy()
        censored[past_period, past_series] = flags == 0
        if (flags == 1).any():
            stocked = np.zeros(shape, dtype=bool)
            stocked[past_period, past_series] = flags == 1

    known_columns: dict[str, Column] = {}
    future = grid.labels(stop + 1, stop + horizon)
    if known:
        ahead = frame.filter(
            (pl.col("ds") > as_of)
            & (pl.col("ds") <= future[-1])
            & pl.col("_series").is_in(pl.Series(present).implode())
        )
        both = pl.concat([past, ahead]) if ahead.height else past
        later_series, later_period = _cells(ahead, position, grid, start)
        later = later_series + later_period * len(names)
        _check_unique(ahead, source, later, len(names) * (periods + horizon))
        series = np.concatenate([past_series, later_series])
        period = np.concatenate([past_period, later_period])
        for name in known:
            cells, categorical, words = _column(both, name, source, labels.get(name))
            block = np.full((periods + horizon, len(names)), np.nan, dtype=np.float32)
            block[period, series] = cells
            known_columns[name] = Column(block, categorical, words)
    static_columns: dict[str, Column] = {}
    for name in static:
        cells, categorical, words = _column(past, name, source, labels.get(name))
        steady = _steady(cells, past_series, past_period, len(names))
        static_columns[name] = Column(steady, categorical, words)
    past_columns: dict[str, Column] = {}
    for name in sorted(
        set(frame.columns) - {"_row", "_series", "unique_id", "ds", "y", "in_stock", *known, *static}
    ):
        if frame[name].dtype.is_numeric() or frame[name].dtype == pl.Boolean:
            cells, _, _ = _column(past, name, source)
            block = np.full(shape, np.nan, dtype=np.float32)
            block[past_period, past_series] = cells
            past_columns[name] = Column(block, categorical=False)
    return Panel(
        unique_id=names,
        freq=freq,
        as_of=as_of,
        ds=grid.labels(start, stop),
        future=future,
        y=y,
        censored=censored,
        start=first_row.astype(np.int32),
        known=known_columns,
        static=static_columns,
        past=past_columns,
        stocked=stocked,
    )


def _cells(frame: pl.DataFrame, position: Array, grid: Grid, start: int) -> tuple[Array, Array]:
    return position[frame["_series"].to_numpy()], grid.indices(frame["ds"]) - start


def _coded(text: pl.Series) -> tuple[pl.Series, list[str]]:
    """Each row's place in the sorted list of the words there are (null where unknown), and that list.

    Rows are compared as they are encoded; only the distinct words are ever sorted.
    """
    column = text if text.dtype in (pl.Categorical, pl.Enum) else text.cast(pl.String).cast(pl.Categorical)
    distinct = column.drop_nulls().unique()
    words = distinct.cast(pl.String)
    order = words.arg_sort()
    place = np.zeros(int(distinct.to_physical().max() or 0) + 1, dtype=np.uint32)  # type: ignore[arg-type]
    place[distinct.to_physical().gather(order).to_numpy()] = np.arange(len(words))
    physical = column.to_physical()
    rows = pl.Series(place[physical.fill_null(0).to_numpy()])
    if column.null_count():
        rows = pl.select(pl.when(physical.is_not_null()).then(rows)).to_series()
    return rows, words.gather(order).to_list()


def _steady(cells: Array, series: Array, period: Array, count: int) -> Array:
    """One value per series (count,), NaN where there is none; should a static column change, its latest."""
    seen = np.isfinite(cells)
    result = np.full(count, np.nan, dtype=np.float32)
    result[series[seen]] = cells[seen]
    if np.any(result[series[seen]] != cells[seen]):
        order = np.flatnonzero(seen)[np.argsort(period[seen], kind="stable")]
        result[series[order]] = cells[order]
    return result


def _check_unique(frame: pl.DataFrame, source: _Source, cells: Array, size: int) -> None:
    seen = np.zeros(size, dtype=bool)
    seen[cells] = True
    if int(seen.sum()) != len(cells):
        again = ~pl.Series(cells).is_first_distinct()
        at = int(again.arg_true()[0])
        raise source.error(f"{frame['unique_id'][at]} has this label twice", frame, "ds", again)


def _check_finite(past: pl.DataFrame, source: _Source, declared: Sequence[str]) -> None:
    """Numbers of any column must be finite; declared columns are also checked after the as-of date, later."""
    for name, kind in past.schema.items():
        if kind.is_float():
            bad = (~past[name].is_finite()).fill_null(value=False)
            if bad.any():
                raise source.error("the number is not finite", past, name, bad)
        elif name in declared and not (
            kind.is_numeric() or kind in (pl.Boolean, pl.String, pl.Categorical, pl.Enum)
        ):
            raise PanelError(
                f"the column must be numbers, booleans or text, not {kind}", source=source.name, column=name
            )


def _names(frame: pl.DataFrame, source: _Source) -> pl.Series:
    column = frame["unique_id"]
    if not (column.dtype.is_integer() or column.dtype in (pl.String, pl.Categorical, pl.Enum)):
        raise PanelError(f"must be text, not {column.dtype}", source=source.name, column="unique_id")
    names = column.cast(pl.String)
    empty = names.is_null() | (names == "")
    if empty.any():
        raise source.error("the name is empty", frame, "unique_id", empty)
    return names


def _dates(frame: pl.DataFrame, source: _Source) -> pl.Series:
    column = frame["ds"]
    if column.dtype == pl.String and source.text:
        days = column.str.replace(r"[T ]00:00:00(\.0+)?Z?$", "").str.to_date("%Y-%m-%d", strict=False)
    elif column.dtype == pl.Datetime:
        days = column.dt.date()
        days = pl.select(
            pl.when(column.dt.replace_time_zone(None) == days.cast(pl.Datetime)).then(days)
        ).to_series()
    elif column.dtype == pl.Date:
        days = column
    else:
        raise PanelError(f"must be a date, not {column.dtype}", source=source.name, column="ds")
    bad = days.is_null()
    if bad.any():
        raise source.error("not a date (YYYY-MM-DD)", frame, "ds", bad)
    return days.alias("ds")


def _numbers(frame: pl.DataFrame, name: str, source: _Source) -> pl.Series:
    column = frame[name]
    if column.dtype == pl.String and source.text:
        column = column.str.strip_chars()
        numbers = column.cast(pl.Float64, strict=False)
        bad = numbers.is_null() & column.is_not_null() & (column != "")
        if bad.any():
            raise source.error("not a number", frame, name, bad)
    elif column.dtype.is_numeric() or column.dtype == pl.Null:
        numbers = column.cast(pl.Float64)
    else:
        raise PanelError(f"must be numbers, not {column.dtype}", source=source.name, column=name)
    # float32 holds the grid, so what overflows it is no finite number either.
    bad = (~numbers.cast(pl.Float32, strict=False).is_finite() & numbers.is_not_null()).fill_null(value=True)
    if bad.any():
        raise source.error("the number is not finite", frame, name, bad)
    return numbers


def _booleans(frame: pl.DataFrame, name: str, source: _Source) -> pl.Series:
    """1 true, 0 false, null unknown."""
    column = frame[name]
    if column.dtype == pl.Boolean or column.dtype == pl.Null:
        return column.cast(pl.Int8)
    if column.dtype.is_integer():
        values = column.cast(pl.Int64)
        bad = (~values.is_in([0, 1])).fill_null(value=False)
    elif column.dtype == pl.String and source.text:
        lower = column.str.strip_chars().str.to_lowercase()
        values = pl.select(
            pl.when(lower.is_in(_TRUE)).then(1).when(lower.is_in(_FALSE)).then(0).otherwise(None)
        ).to_series()
        bad = values.is_null() & column.is_not_null() & (lower != "")
    else:
        raise PanelError(f"must be true, false or empty, not {column.dtype}", source=source.name, column=name)
    if bad.any():
        raise source.error("must be true, false or empty", frame, name, bad)
    return values.cast(pl.Int8)


def _column(
    frame: pl.DataFrame, name: str, source: _Source, labels: tuple[str, ...] | None = None
) -> tuple[Array, bool, tuple[str, ...]]:
    """Values as float32 with NaN for unknown; whether they are category codes, and of which words."""
    column = frame[name]
    if column.dtype.is_numeric():
        return _numbers(frame, name, source).to_numpy().astype(np.float32), False, ()
    if column.dtype == pl.Boolean:
        return column.cast(pl.Float32).to_numpy(), False, ()
    if source.text and labels is None:
        text = column.cast(pl.String)
        numbers = text.cast(pl.Float64, strict=False)
        if int(numbers.null_count()) == int(text.null_count()):
            return _numbers(frame, name, source).to_numpy().astype(np.float32), False, ()
    codes, words = _coded(column)
    cells = codes.cast(pl.Float32).to_numpy()
    if labels is None:
        return cells, True, tuple(words)
    # The codes of an earlier panel: a word that it did not have is unknown.
    at = {word: float(place) for place, word in enumerate(labels)}
    table = np.array([at.get(word, np.nan) for word in words] + [np.nan], dtype=np.float32)
    return table[np.where(np.isfinite(cells), cells, -1).astype(np.int64)], True, labels
