"""Sales far above what was expected: one-off bulk orders, cancelled ones, other outliers; and promotions.

Sizes of sales are about lognormal around the expectation, so a spike is judged by its log ratio to it, in
standard deviations of the series' own, which are drawn toward the panel's where sales are few. Clipping the
moments at three deviations keeps spikes from hiding themselves and each other (a one-step Huber estimate:
Huber, Robust Statistics, 1981, chapter 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks

Array = npt.NDArray[Any]

_DEVIATIONS = 4.0
_SMALLEST, _LARGEST = 0.35, 1.6  # of the deviation of logs
_COARSE = 0.25  # variance of logs where all sales are one unit
_BORROWED = 8.0  # sales' worth of the panel's deviation
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Spread:
    """Log(sales / expected) of each series where it sold: ``center`` and ``deviation``, (N,) float32."""

    center: Array
    deviation: Array

    def bound(self, mean: Array, deviations: float = _DEVIATIONS) -> Array:
        """The largest usual sale, by expectation (T, N) or cells of it that were taken for all series."""
        return mean * self.factor(deviations)

    def factor(self, deviations: float = _DEVIATIONS) -> Array:
        """The largest usual sale as a multiple of its expectation, (N,) float32."""
        return np.asarray(np.exp(self.center + np.float32(deviations) * self.deviation))


def spread_of(units: Array, mean: Array, seen: Array, threads: int = 1) -> Spread:
    """Center and deviation of the log ratios where ``seen`` and sold; (T, N), ``mean`` also (1, N).

    A cell that sold has a mean above zero."""
    count = units.shape[1]
    number, center, square, least = np.zeros((4, count))

    def measure(part: slice) -> None:
        sold = seen[:, part] & (units[:, part] > 0)
        ratio = np.where(sold, units[:, part], np.float32(1))
        ratio /= np.where(sold, mean[:, part], np.float32(1))
        logs = np.log(ratio, out=ratio)  # 0 where nothing sold
        number[part] = sold.sum(axis=0)
        some = np.maximum(number[part], 1)
        least[part] = np.min(logs, axis=0, where=sold, initial=np.inf)
        # Once over all sales, then once more with what is far off clipped.
        own, around = _moments(logs, some)
        reach = 3 * np.maximum(np.sqrt(around), _SMALLEST)
        np.clip(logs, (own - reach).astype(np.float32), (own + reach).astype(np.float32), out=logs)
        logs *= sold
        center[part], square[part] = _moments(logs, some)

    in_chunks(measure, count, _CHUNK, threads)
    enough = number >= _BORROWED
    usual = float(np.median(square[enough])) if enough.any() else 0.5
    variance = (number * square + _BORROWED * usual) / (number + _BORROWED)
    # Logs of small counts are coarse: their noise is that of a count of the series' smallest sale.
    coarse = _COARSE * np.exp(np.minimum(least - center, 0))
    deviation = np.minimum(np.sqrt(np.maximum(variance, _SMALLEST**2) + coarse), _LARGEST)
    return Spread(center.astype(np.float32), deviation.astype(np.float32))


def _moments(logs: Array, number: Array) -> tuple[Array, Array]:
    """Mean and variance (n,) of columns that are 0 where they don't count."""
    center = logs.sum(axis=0, dtype=np.float64) / number
    square = np.square(logs).sum(axis=0, dtype=np.float64) / number
    return center, np.maximum(square - center**2, 0)
