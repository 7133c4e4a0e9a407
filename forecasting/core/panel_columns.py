"""The columns of a panel as they come, checked: names, dates, numbers, booleans and text. `panel_read` lays
them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.panel import PanelError

Array = npt.NDArray[Any]

_TRUE = ("true", "t", "yes", "1")
_FALSE = ("false", "f", "no", "0")
# In Parquet these are no text: their type is judged as it is.
_NO_TEXT = ("ds", "y", "in_stock")


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a frame, or of a Parquet file, which is read column by column: it never lies in memory
    whole.

    ``source`` and ``first_row`` name it and its rows in errors; ``text`` says that numbers may still be text
    (CSV).
    """

    rows: pl.DataFrame | Path
    schema: dict[str, pl.DataType]
    height: int
    source: str = "panel"
    first_row: int = 1
    text: bool = False

    @classmethod
    def of_frame(cls, frame: pl.DataFrame, source: str = "panel") -> Table:
        """The rows of a frame."""
        return cls(frame, dict(frame.schema), frame.height, source)

    @classmethod
    def of_parquet(cls, path: Path) -> Table:
        """The rows of a Parquet file. Raises PanelError for one that can't be read."""
        try:
            scan = pl.scan_parquet(path)
            return cls(path, dict(scan.collect_schema()), scan.select(pl.len()).collect().item(), str(path))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(path, error) from error

    @classmethod
    def of_csv(cls, path: Path) -> Table:
        """The rows of a CSV file. Raises PanelError for one that can't be read.

        Types are inferred where that works; else all is text, and the bad cell is found later.
        """
        overrides = {"unique_id": pl.String(), "ds": pl.String()}
        try:
            try:
                frame = pl.read_csv(path, schema_overrides=overrides, infer_schema_length=10_000)
            except pl.exceptions.ComputeError:
                frame = pl.read_csv(path, infer_schema=False)
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
            raise unreadable(path, error) from error
        return cls(frame, dict(frame.schema), frame.height, str(path), first_row=2, text=True)

    def column(self, name: str) -> pl.Series:
        """One column, of all rows; the text of a Parquet file is encoded as it is read."""
        if isinstance(self.rows, pl.DataFrame):
            return self.rows[name]
        chosen = pl.col(name)
        if self.schema[name] == pl.String and name not in _NO_TEXT:
            chosen = chosen.cast(pl.Categorical)
        try:
            return pl.scan_parquet(self.rows).select(chosen).collect()[name]
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(self.rows, error) from error

    def error(
        self, reason: str, column: pl.Series, bad: pl.Series, rows: pl.Series | None = None
    ) -> PanelError:
        """What is wrong with the first ``bad`` value of a column, of which ``rows`` (default all) are
        held.
        """
        at = int(bad.arg_true()[0])
        value = column[at]
        row = at if rows is None else int(rows.arg_true()[at])
        return PanelError(
            reason,
            source=self.source,
            row=row + self.first_row,
            column=column.name,
            value="" if value is None else value,
        )


def unreadable(path: Path, error: Exception) -> PanelError:
    """The error of a file that is not what its ending says."""
    return PanelError(f"not readable: {str(error).splitlines()[0]}", source=str(path))


def names(table: Table) -> pl.Series:
    """The names of the series, as text or encoded text."""
    column = table.column("unique_id")
    encoded = column.dtype in (pl.Categorical, pl.Enum)
    if not (column.dtype.is_integer() or column.dtype == pl.String or encoded):
        raise PanelError(f"must be text, not {column.dtype}", source=table.source, column="unique_id")
    column = column if encoded else column.cast(pl.String)
    empty = column.is_null() | (column == "")
    if empty.any():
        raise table.error("the name is empty", column, empty)
    return column


def dates(table: Table) -> pl.Series:
    """The labels of the periods."""
    column = table.column("ds")
    if column.dtype == pl.String and table.text:
        days = column.str.replace(r"[T ]00:00:00(\.0+)?Z?$", "").str.to_date("%Y-%m-%d", strict=False)
    elif column.dtype == pl.Datetime:
        days = column.dt.date()
        days = pl.select(
            pl.when(column.dt.replace_time_zone(None) == days.cast(pl.Datetime)).then(days)
        ).to_series()
    elif column.dtype == pl.Date:
        days = column
    else:
        raise PanelError(f"must be a date, not {column.dtype}", source=table.source, column="ds")
    bad = days.is_null()
    if bad.any():
        raise table.error("not a date (YYYY-MM-DD)", column, bad)
    return days.alias("ds")


def numbers(column: pl.Series, table: Table, rows: pl.Series | None) -> pl.Series:
    """The values of some rows as numbers that float32 can hold, null where unknown."""
    if column.dtype == pl.String and table.text:
        stripped = column.str.strip_chars()
        found = stripped.cast(pl.Float64, strict=False)
        bad = found.is_null() & stripped.is_not_null() & (stripped != "")
        if bad.any():
            raise table.error("not a number", column, bad, rows)
    elif column.dtype.is_numeric() or column.dtype == pl.Null:
        found = column
    else:
        raise PanelError(f"must be numbers, not {column.dtype}", source=table.source, column=column.name)
    # float32 holds the grid, so what overflows it is no finite number either.
    short = found.cast(pl.Float32, strict=False)
    bad = (~short.is_finite() & found.is_not_null()).fill_null(value=True)
    if bad.any():
        raise table.error("the number is not finite", column, bad, rows)
    return found


def booleans(column: pl.Series, table: Table, rows: pl.Series | None) -> pl.Series:
    """1 true, 0 false, null unknown."""
    if column.dtype == pl.Boolean or column.dtype == pl.Null:
        return column.cast(pl.Int8)
    if column.dtype.is_integer():
        values = column.cast(pl.Int64)
        bad = (~values.is_in([0, 1])).fill_null(value=False)
    elif column.dtype == pl.String and table.text:
        lower = column.str.strip_chars().str.to_lowercase()
        values = pl.select(
            pl.when(lower.is_in(_TRUE)).then(1).when(lower.is_in(_FALSE)).then(0).otherwise(None)
        ).to_series()
        bad = values.is_null() & column.is_not_null() & (lower != "")
    else:
        raise PanelError(
            f"must be true, false or empty, not {column.dtype}", source=table.source, column=column.name
        )
    if bad.any():
        raise table.error("must be true, false or empty", column, bad, rows)
    return values.cast(pl.Int8)


def cells(
    column: pl.Series, table: Table, rows: pl.Series | None, labels: tuple[str, ...] | None = None
) -> tuple[Array, bool, tuple[str, ...]]:
    """Values of some rows as float32 with NaN for unknown; whether they are category codes, and of which
    words.
    """
    if column.dtype.is_numeric():
        return _floats(numbers(column, table, rows)), False, ()
    if column.dtype == pl.Boolean:
        return _floats(column), False, ()
    if table.text and labels is None:
        text = column.cast(pl.String)
        found = text.cast(pl.Float64, strict=False)
        if int(found.null_count()) == int(text.null_count()):
            return _floats(numbers(column, table, rows)), False, ()
    codes, words = coded(column)
    values = _floats(codes)
    if labels is None:
        return values, True, tuple(words)
    # The codes of an earlier panel: a word that it did not have is unknown.
    at = {word: float(place) for place, word in enumerate(labels)}
    translated = np.array([at.get(word, np.nan) for word in words] + [np.nan], dtype=np.float32)
    return translated[np.where(np.isfinite(values), values, -1).astype(np.int64)], True, labels


def coded(text: pl.Series) -> tuple[pl.Series, list[str]]:
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


def changes(column: pl.Series) -> pl.Series:
    """True where a row's value differs from the row before; the first one's does."""
    plain = column.to_physical() if column.dtype in (pl.Categorical, pl.Enum) else column
    return plain.ne_missing(plain.shift(1))


def _floats(values: pl.Series) -> Array:
    return values.cast(pl.Float32, strict=False).to_numpy()
