"""Scores of forecasts as plain functions.

Arrays are (N, H) forecasts and actuals of N series over H periods, with NaN actuals where demand is unknown
or was cut off by a stock-out: those cells don't count. Scales come from each series' training data, (N,).
Sources: Hyndman and Koehler (2006) for scaled errors; Gneiting and Raftery (2007) for pinball loss; the M5
competition (Makridakis et al., 2022) for RMSSE and scaled pinball.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def wape(forecast: Array, actual: Array) -> float:
    """Sum of absolute errors / sum of actuals; NaN where nothing was sold."""
    seen = np.isfinite(actual)
    total = float(actual[seen].sum(dtype=np.float64))
    error = np.abs(forecast[seen].astype(np.float64) - actual[seen]).sum()
    return float(error / total) if total > 0 else float("nan")


def bias(forecast: Array, actual: Array) -> float:
    """Sum of errors (forecast - actual) / sum of actuals; above 0 the forecast is too high."""
    seen = np.isfinite(actual)
    total = float(actual[seen].sum(dtype=np.float64))
    error = (forecast[seen].astype(np.float64) - actual[seen]).sum()
    return float(error / total) if total > 0 else float("nan")


def mse(forecast: Array, actual: Array) -> float:
    """Mean squared error over all cells, in squared units."""
    seen = np.isfinite(actual)
    return (
        float(((forecast[seen].astype(np.float64) - actual[seen]) ** 2).mean())
        if seen.any()
        else float("nan")
    )


def naive_scales(train: Array) -> tuple[Array, Array]:
    """Mean absolute and mean squared one-step naive difference of training data (N, T), NaN unknown.

    Differences across an unknown period don't count. 0 where a series never changes or has one value.
    """
    step = np.diff(train.astype(np.float64), axis=1)
    seen = np.isfinite(step)
    step = np.where(seen, step, 0)
    count = np.maximum(seen.sum(axis=1), 1)
    return np.abs(step).sum(axis=1) / count, (step**2).sum(axis=1) / count


def rmsse(forecast: Array, actual: Array, squared_scale: Array) -> float:
    """Per series the root of mean squared error / mean squared naive difference; then the mean of the series.

    Series without a scale (they never changed in training) or without actuals are left out.
    """
    seen = np.isfinite(actual)
    error = np.where(seen, (forecast.astype(np.float64) - np.where(seen, actual, 0)) ** 2, 0).sum(axis=1)
    count = seen.sum(axis=1)
    use = (count > 0) & (squared_scale > 0)
    if not use.any():
        return float("nan")
    return float(np.sqrt(error[use] / count[use] / squared_scale[use]).mean())


def pinball(quantiles: Array, actual: Array, levels: Sequence[float], scale: Array) -> float:
    """Scaled pinball loss: per series the mean over periods and levels / scale, then the mean of the series.

    ``quantiles`` is (N, H, Q); ``scale`` the mean absolute naive difference in training.
    """
    per_series, count = _pinball_sums(quantiles, actual, levels)
    use = (count > 0) & (scale > 0)
    if not use.any():
        return float("nan")
    return float((per_series[use] / count[use] / scale[use]).mean())


def cumulative_pinball(
    cum_quantiles: Array,
    actual: Array,
    levels: Sequence[float],
    scale: Array,
    steps: Sequence[int] | None = None,
) -> float:
    """The same for demand summed over periods 1..h, divided also by h; mean over h = H/4, H/2 and H.

    ``actual`` is per period (N, H); a sum with an unknown period is unknown.
    """
    horizon = actual.shape[1]
    chosen = cumulative_steps(horizon) if steps is None else list(steps)
    sums = np.cumsum(actual, axis=1, dtype=np.float64)
    losses = [
        pinball(cum_quantiles[:, h - 1 : h] / h, sums[:, h - 1 : h] / h, levels, scale)
        for h in chosen
        if h <= horizon
    ]
    losses = [loss for loss in losses if np.isfinite(loss)]
    return float(np.mean(losses)) if losses else float("nan")


def cumulative_steps(horizon: int) -> list[int]:
    """The h at which cumulative demand is scored: a quarter, a half and the whole of the horizon."""
    return sorted({max(1, round(horizon / 4)), max(1, round(horizon / 2)), horizon})


def coverage(quantile: Array, actual: Array) -> tuple[float, float]:
    """Share of actuals below and at most the quantile rounded down to whole units; any shapes alike.

    A quantile at level p is calibrated where p lies between the two: counts make ties.
    """
    seen = np.isfinite(actual)
    if not seen.any():
        return float("nan"), float("nan")
    whole = np.floor(quantile[seen].astype(np.float64) + 1e-6)
    return float((actual[seen] < whole).mean()), float((actual[seen] <= whole).mean())


def coverage_miss(quantile: Array, actual: Array, level: float) -> float:
    """Signed distance of a level from its coverage interval: negative where too few actuals lie below."""
    below, at_most = coverage(quantile, actual)
    return min(at_most - level, 0.0) + max(below - level, 0.0)


def _pinball_sums(quantiles: Array, actual: Array, levels: Sequence[float]) -> tuple[Array, Array]:
    seen = np.isfinite(actual)
    known = np.where(seen, actual, 0).astype(np.float32)
    total = np.zeros(len(actual), dtype=np.float64)
    for index, level in enumerate(levels):
        error = known - quantiles[:, :, index]
        loss = np.maximum(level * error, (level - 1) * error)
        total += np.where(seen, loss, 0).sum(axis=1)
    return total / len(levels), seen.sum(axis=1)
