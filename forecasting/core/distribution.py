"""The demand distribution: what forecasting hands to replenishment.

For N series and H future periods it holds the mean and quantiles of each period's demand and the quantiles of
*cumulative* demand through period h. Ordering needs the latter: quantiles of single periods can't be added
up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

Freq = Literal["D", "W", "M"]
FREQS: tuple[Freq, ...] = get_args(Freq)
PERIOD_DAYS: dict[str, float] = {"D": 1.0, "W": 7.0, "M": 30.4375}
QUANTILES: tuple[float, ...] = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)

# Past the horizon the rate of the last full cycle carries on: a week of days, a month of weeks, one quarter
# of months.
_TAIL_PERIODS: dict[str, int] = {"D": 7, "W": 4, "M": 3}
_CHUNK = 8192
_QUANTILE_COLUMN = re.compile(r"^q(\d{2,3})$")

Array = npt.NDArray[Any]


def quantile_name(level: float) -> str:
    """Column name of a quantile level: 0.05 is ``q05``, 0.975 is ``q975``."""
    digits = f"{level:.3f}"[2:]
    return "q" + (digits[:2] if digits.endswith("0") else digits)


@dataclass(frozen=True, eq=False)
class DemandDistribution:
    """Mean and quantiles of future demand in units, per period and cumulative.

    Shapes: ``unique_id`` N names, ``ds`` (H,) labels of the periods as datetime64[D], ``mean`` (N, H),
    ``quantiles`` and ``cum_quantiles`` (N, H, Q), all float32; Q is 0 where only means were asked for.
    Raises ValueError where a shape is wrong, a number is negative or not finite, quantiles cross, or a
    cumulative quantile falls along h.
    """

    unique_id: list[str]
    as_of: date
    freq: Freq
    ds: Array
    mean: Array
    quantiles: Array
    cum_quantiles: Array
    levels: tuple[float, ...] = QUANTILES

    def __post_init__(self) -> None:
        if self.freq not in FREQS:
            raise ValueError(f"frequency must be one of {', '.join(FREQS)}, not {self.freq!r}")
        levels = tuple(float(level) for level in self.levels)
        if any(not 0 < level < 1 for level in levels) or sorted(set(levels)) != list(levels):
            raise ValueError(f"quantile levels must rise between 0 and 1: {levels}")
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "ds", np.asarray(self.ds, dtype="datetime64[D]"))
        shape = (len(self.unique_id), len(self.ds))
        for name, expected in (
            ("mean", shape),
            ("quantiles", (*shape, len(levels))),
            ("cum_quantiles", (*shape, len(levels))),
        ):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            if values.shape != expected:
                raise ValueError(f"{name} has shape {values.shape}, expected {expected}")
            object.__setattr__(self, name, values)
        if np.any(np.diff(self.ds) <= np.timedelta64(0, "D")):
            raise ValueError("ds must rise")
        for start in range(0, shape[0], _CHUNK):
            part = slice(start, start + _CHUNK)
            _check_values("mean", self.mean[part])
            _check_values("quantiles", self.quantiles[part])
            _check_values("cum_quantiles", self.cum_quantiles[part])
            _check_rising("quantiles cross", self.quantiles[part], axis=2)
            _check_rising("cumulative quantiles cross", self.cum_quantiles[part], axis=2)
            _check_rising("cumulative quantiles fall along h", self.cum_quantiles[part], axis=1)

    @property
    def horizon(self) -> int:
        """Number of future periods, H."""
        return len(self.ds)

    @cached_property
    def cum_mean(self) -> Array:
        """Mean of cumulative demand through period h: the running sum of ``mean``, float64 (N, H)."""
        return np.cumsum(self.mean, axis=1, dtype=np.float64)

    def level_index(self, level: float) -> int:
        """Position of a quantile level; ValueError where the distribution does not hold it."""
        for index, own in enumerate(self.levels):
            if abs(own - level) < 1e-9:
                return index
        raise ValueError(f"no quantile {level} in {self.levels}")

    def take(self, indices: Sequence[int] | Array) -> Self:
        """The distribution of some series only, in the order of ``indices`` (positions)."""
        rows = np.asarray(indices, dtype=np.intp)
        return type(self)(
            unique_id=[self.unique_id[row] for row in rows],
            as_of=self.as_of,
            freq=self.freq,
            ds=self.ds,
            mean=self.mean[rows],
            quantiles=self.quantiles[rows],
            cum_quantiles=self.cum_quantiles[rows],
            levels=self.levels,
        )

    def interval(
        self, periods: npt.ArrayLike, rows: Array | None = None
    ) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        """Cumulative demand from the as-of date over a number of periods, which may be fractional.

        ``periods`` is (N,) or a scalar, 0 or more; ``rows`` (positions) asks for some series only, N of them.
        Between two periods both mean and quantiles are interpolated linearly; 0 periods is 0 demand. Past the
        horizon the rate of the last cycle carries on and the spread around the mean grows with the square
        root of time, as it does for a sum of independent periods. Returns mean (N,), quantiles (N, Q), both
        float64, and ``short`` (N,), true where the horizon was passed.
        """
        _, horizon, depth = self.quantiles.shape
        rows = np.arange(len(self.unique_id)) if rows is None else rows
        count = len(rows)
        span = np.broadcast_to(np.asarray(periods, dtype=np.float64), (count,))
        if not np.all(np.isfinite(span)) or np.any(span < 0):
            raise ValueError("periods must be finite and 0 or more")
        if horizon == 0:
            raise ValueError("the distribution has no periods")
        short = span > horizon + 1e-9
        inside = np.minimum(span, horizon)
        lower = np.minimum(inside.astype(np.intp), horizon - 1)
        weight = inside - lower
        cum_mean = self.cum_mean
        before = np.where(lower > 0, cum_mean[rows, lower - 1], 0.0)
        mean = before + weight * (cum_mean[rows, lower] - before)
        low = np.where((lower > 0)[:, None], self.cum_quantiles[rows, lower - 1], 0.0).astype(np.float64)
        quantiles = low + weight[:, None] * (self.cum_quantiles[rows, lower] - low)
        if np.any(short):
            tail = min(horizon, _TAIL_PERIODS[self.freq])
            far = rows[short]
            rate = self.mean[far, -tail:].mean(axis=1, dtype=np.float64)
            end_mean = cum_mean[far, -1]
            end = self.cum_quantiles[far, -1].astype(np.float64)
            mean[short] = end_mean + rate * (span[short] - horizon)
            growth = np.sqrt(span[short] / horizon)[:, None]
            spread = mean[short, None] + (end - end_mean[:, None]) * growth
            quantiles[short] = np.maximum(spread, end)
        return mean, quantiles.reshape(count, depth), short

    def to_frame(self) -> pl.DataFrame:
        """One row per series and h with the columns of OUT (``docs/forecast-files.md``), series in own
        order.
        """
        count, horizon = self.mean.shape
        columns: dict[str, pl.Series] = {
            "unique_id": _repeat(self.unique_id, horizon),
            "ds": pl.Series(np.tile(self.ds, count)).cast(pl.Date),
            "h": pl.Series(np.tile(np.arange(1, horizon + 1, dtype=np.int32), count)),
            "mean": pl.Series(self.mean.astype(np.float64).ravel()),
        }
        for index, level in enumerate(self.levels):
            columns[quantile_name(level)] = pl.Series(self.quantiles[:, :, index].ravel())
        columns["cum_mean"] = pl.Series(self.cum_mean.ravel())
        for index, level in enumerate(self.levels):
            columns["cum_" + quantile_name(level)] = pl.Series(self.cum_quantiles[:, :, index].ravel())
        return pl.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, freq: Freq, as_of: date) -> Self:
        """Read back a frame with the columns of OUT; rows may come in any order.

        Raises ValueError where a column is missing or the series don't share one set of periods.
        """
        for name in ("unique_id", "ds", "h", "mean"):
            if name not in frame.columns:
                raise ValueError(f"column {name} is missing")
        names = [name for name in frame.columns if _QUANTILE_COLUMN.match(name)]
        levels = sorted((float("0." + name[1:]), name) for name in names)
        missing = [f"cum_{name}" for _, name in levels if f"cum_{name}" not in frame.columns]
        if missing:
            raise ValueError(f"column {missing[0]} is missing")
        ids = frame["unique_id"].cast(pl.String)
        order = ids.unique(maintain_order=True)
        frame = (
            frame.with_columns(ids)
            .join(
                pl.DataFrame({"unique_id": order, "_row": np.arange(len(order))}), on="unique_id", how="left"
            )
            .sort("_row", "h")
        )
        count = len(order)
        if count == 0:
            raise ValueError("the frame holds no series")
        horizon, rest = divmod(frame.height, count)
        steps = frame["h"].to_numpy()
        labels = frame["ds"].cast(pl.Date).to_numpy().astype("datetime64[D]")
        if (
            rest
            or not np.array_equal(steps, np.tile(np.arange(1, horizon + 1), count))
            or not np.array_equal(labels, np.tile(labels[:horizon], count))
        ):
            raise ValueError("every series must have the same periods, h = 1..H, once each")

        def cube(prefix: str) -> Array:
            block = np.empty((count, horizon, len(levels)), dtype=np.float32)
            for index, (_, name) in enumerate(levels):
                block[:, :, index] = frame[prefix + name].cast(pl.Float32).to_numpy().reshape(count, horizon)
            return block

        return cls(
            unique_id=order.to_list(),
            as_of=as_of,
            freq=freq,
            ds=labels[:horizon],
            mean=frame["mean"].cast(pl.Float32).to_numpy().reshape(count, horizon),
            quantiles=cube(""),
            cum_quantiles=cube("cum_"),
            levels=tuple(level for level, _ in levels),
        )


def _repeat(names: list[str], times: int) -> pl.Series:
    series = pl.Series(names, dtype=pl.String)
    return series.gather(np.repeat(np.arange(len(names)), times))


def _check_values(name: str, values: Array) -> None:
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} holds numbers that are not finite")
    if values.size and values.min() < 0:
        raise ValueError(f"{name} holds negative numbers")


def _check_rising(problem: str, values: Array, *, axis: int) -> None:
    if values.shape[axis] < 2 or not values.size:
        return
    later = values[:, 1:] if axis == 1 else values[:, :, 1:]
    earlier = values[:, :-1] if axis == 1 else values[:, :, :-1]
    # Compared as they are first, which they nearly always pass, without the arrays of the slack.
    if not np.all(later >= earlier) and np.any(later < earlier - 1e-5 * (1 + earlier)):
        raise ValueError(problem)
