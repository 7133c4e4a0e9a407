"""The file interface: ITEMS and OUT in, PLAN out, as Parquet or CSV, told apart by their ending."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.core.distribution import QUANTILES, DemandDistribution, Freq, quantile_name
from replenishment.core.items import Items, ItemsError

_OUT_KEYS = ("unique_id", "ds", "h", "mean", "cum_mean")


def frame_read(path: Path, *, text: tuple[str, ...] = ()) -> pl.DataFrame:
    """Read a Parquet or CSV file; in CSV the columns of ``text`` are never taken for numbers.

    Raises ItemsError where it is missing, of another kind, or can't be parsed.
    """
    if not path.is_file():
        raise ItemsError("the file does not exist", file=str(path))
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        if path.suffix.lower() == ".csv":
            head = pl.read_csv(path, n_rows=0, infer_schema=False).columns
            repeated = [name for name in head if name.endswith("_duplicated_0")]
            if repeated:
                raise ItemsError(
                    "the column appears twice",
                    file=str(path),
                    column=repeated[0].removesuffix("_duplicated_0"),
                )
            kinds = {name: pl.String for name in text if name in head}
            return pl.read_csv(path, schema_overrides=kinds, infer_schema_length=None, encoding="utf8")
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as problem:
        first = str(problem).strip().splitlines()[0]
        raise ItemsError(f"can't be read: {first}", file=str(path)) from problem
    raise ItemsError("the ending must be .parquet or .csv", file=str(path))


def items_read(path: Path) -> Items:
    """Read ITEMS; raises ItemsError with file, row, column and value."""
    frame = frame_read(path, text=("unique_id", "target_kind", "unmet"))
    try:
        return Items.from_frame(frame)
    except ItemsError as problem:
        raise _named(problem, path) from problem


def demand_read(path: Path, *, freq: Freq, as_of: date) -> DemandDistribution:
    """Read OUT; raises ItemsError with file, row, column and value."""
    frame = frame_read(path, text=("unique_id",))
    wanted = [*_OUT_KEYS]
    quantiles = [prefix + quantile_name(level) for prefix in ("", "cum_") for level in QUANTILES]
    for name in wanted:
        if name not in frame.columns:
            raise ItemsError("column is missing", file=str(path), column=name)
    absent = [name for name in quantiles if name not in frame.columns]
    if absent:
        none = len(absent) == len(quantiles)
        words = "no quantiles: forecast again with --quantiles all" if none else "column is missing"
        raise ItemsError(words, file=str(path), column=absent[0])
    try:
        frame = _clean(frame, quantiles)
        _refuse(frame["ds"] <= as_of, frame["ds"], "ds", f"not after the as-of date {as_of}")
    except ItemsError as problem:
        raise _named(problem, path) from problem
    try:
        return DemandDistribution.from_frame(
            frame.select("unique_id", "ds", "h", "mean", *quantiles), freq, as_of
        )
    except ValueError as problem:
        raise ItemsError(str(problem), file=str(path)) from problem


def _clean(frame: pl.DataFrame, quantiles: list[str]) -> pl.DataFrame:
    """OUT with right types, or ItemsError for the first value that is not."""
    ids = frame["unique_id"].cast(pl.String)
    _refuse(ids.is_null() | (ids == ""), ids, "unique_id", "the key is empty")
    labels = frame["ds"]
    if labels.dtype == pl.String:
        labels = labels.str.to_date("%Y-%m-%d", strict=False)
    elif labels.dtype == pl.Datetime or labels.dtype == pl.Date:
        labels = labels.cast(pl.Date)
    else:
        labels = pl.Series("ds", [None] * frame.height, dtype=pl.Date)
    _refuse(labels.is_null(), frame["ds"], "ds", "not a date")
    steps = frame["h"].cast(pl.Int32, strict=False)
    _refuse(steps.is_null() | (steps < 1), frame["h"], "h", "not a whole number from 1")
    columns = []
    for name in ("mean", "cum_mean", *quantiles):
        numbers = frame[name].cast(pl.Float64, strict=False)
        _refuse(numbers.is_null(), frame[name], name, "not a number")
        _refuse(~numbers.is_finite(), frame[name], name, "the number is not finite")
        _refuse(numbers < 0, frame[name], name, "the number is negative")
        columns.append(numbers)
    clean = frame.with_columns(ids, labels.alias("ds"), steps, *columns)
    twice = ~clean.select(pl.struct("unique_id", "h").is_first_distinct()).to_series()
    _refuse(twice, ids, "unique_id", "the key and h appear twice")
    for prefix in ("", "cum_"):
        names = [prefix + quantile_name(level) for level in QUANTILES]
        for lower, upper in pairwise(names):
            slack = 1e-5 * (1 + clean[lower])
            _refuse(
                clean[upper] < clean[lower] - slack, frame[upper], upper, f"below {lower}: quantiles cross"
            )
    return clean


def _refuse(bad: pl.Series, values: pl.Series, column: str, message: str) -> None:
    if bad.any():
        row = int(np.argmax(bad.fill_null(False).to_numpy()))
        raise ItemsError(message, row=row + 1, column=column, value=values[row])


def _named(problem: ItemsError, path: Path) -> ItemsError:
    """The same with its file; in CSV, whose header is row 1, the first row of data is row 2."""
    header = int(path.suffix.lower() == ".csv")
    return ItemsError(
        problem.reason,
        file=str(path),
        row=None if problem.row is None else problem.row + header,
        column=problem.column,
        value=problem.value,
    )


def frame_write(frame: pl.DataFrame, path: Path) -> None:
    """Write Parquet or CSV whole or not at all: to a file beside it, then renamed."""
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise ItemsError("the ending must be .parquet or .csv", file=str(path))
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        draft = Path(name)
        try:
            if path.suffix.lower() == ".parquet":
                frame.write_parquet(draft)
            else:
                frame.write_csv(draft)
            umask = os.umask(0)
            os.umask(umask)
            draft.chmod(0o666 & ~umask)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise ItemsError(f"can't be written: {problem.strerror}", file=str(path)) from problem
