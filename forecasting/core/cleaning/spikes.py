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

Array = npt.NDArray[Any]

_DEVIATIONS = 4.0
_SMALLEST, _LARGEST = 0.35, 1.6  # of the deviation of logs
_COARSE = 0.25  # variance of logs where all sales are one unit
_BORROWED = 8.0  # sales' worth of the panel's deviation
_BLOCK = 16


@dataclass(frozen=True, eq=False)
class Spread:
    """Log(sales / expected) of each series where it sold: ``center`` and ``deviation``, (N,) float32."""

    center: Array
    deviation: Array

    def bound(self, mean: Array, deviations: float = _DEVIATIONS) -> Array:
        """The largest usual sale, by expectation (T, N) or cells of it that were taken for all series."""
        return mean * np.exp(self.center + np.float32(deviations) * self.deviation)


def spread_of(units: Array, mean: Array, seen: Array) -> Spread:
    """Center and deviation of the log ratios where ``seen`` and sold; (T, N), ``mean`` also (1, N).

    A cell that sold has a mean above zero."""
    count = units.shape[1]
    number, total, square = np.zeros(count), np.zeros(count), np.zeros(count)
    low = np.full(count, -np.inf, dtype=np.float32)
    high = -low
    least = np.full(count, np.inf)
    # Once over all sales, then once more with what is far off clipped.
    for turn in range(2):
        number[:], total[:], square[:] = 0, 0, 0
        for first in range(0, len(units), _BLOCK):
            part = slice(first, first + _BLOCK)
            sold = seen[part] & (units[part] > 0)
            ratio = np.where(sold, units[part], 1)
            ratio /= np.where(sold, mean[part] if len(mean) > 1 else mean, 1)
            logs = np.log(ratio, out=ratio)
            if not turn:
                np.minimum(least, np.min(logs, axis=0, where=sold, initial=np.inf), out=least)
            else:
                np.clip(logs, low, high, out=logs)
                logs *= sold
            number += sold.sum(axis=0)
            total += logs.sum(axis=0)
            square += np.einsum("tn,tn->n", logs, logs)
        some = np.maximum(number, 1)
        center = total / some
        square = np.maximum(square / some - center**2, 0)
        reach = 3 * np.maximum(np.sqrt(square), _SMALLEST)
        low, high = (center - reach).astype(np.float32), (center + reach).astype(np.float32)
    enough = number >= _BORROWED
    usual = float(np.median(square[enough])) if enough.any() else 0.5
    variance = (number * square + _BORROWED * usual) / (number + _BORROWED)
    # Logs of small counts are coarse: their noise is that of a count of the series' smallest sale.
    coarse = _COARSE * np.exp(np.minimum(least - center, 0))
    deviation = np.minimum(np.sqrt(np.maximum(variance, _SMALLEST**2) + coarse), _LARGEST)
    return Spread(center.astype(np.float32), deviation.astype(np.float32))
