"""Quantiles of sums of independent demands.

A demand is a Pearson type III distribution (a shifted gamma) with its own mean, variance and skewness
(Johnson, Kotz and Balakrishnan, *Continuous Univariate Distributions*, ch. 17), plus at each level what its
quantile differs from that. Means, variances and third cumulants add (Kendall and Stuart, *The Advanced Theory
of Statistics*, vol. 1, ch. 3); the differences, which are of the fourth cumulant's kind, fade as it does:
``sum(v ** 1.5 r) / V ** 1.5``. One demand alone is given back as it is, and sums of normal ones are exact.
Variance and third cumulant are read off the quantiles by weights in the normal score that are exact for the
first four moments of a normal distribution. Held against sums of draws by ``benchmarks/network.py``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner

Array = npt.NDArray[Any]

_STEEPEST, _STEP = 8.0, 0.02  # largest skewness that the table of quantiles holds, and how fine it is


class Sums:
    """Sums of demands for N rows and H periods, added part by part; quantiles at ``levels`` (Q,)."""

    def __init__(self, levels: tuple[float, ...], shape: tuple[int, int]) -> None:
        self._last = levels[-1]
        self._weights, self._table = design(tuple(levels))
        self.mean = np.zeros(shape)
        self._cumulants = np.zeros((*shape, 2))
        self._rest = np.zeros((*shape, len(levels)))

    def add(
        self, place: Array, rows: Array, mean: Array, quantiles: Array, less: Array, times: Array
    ) -> None:
        """Add ``times`` (E,) the demands beyond ``less`` (E,) at ``rows`` (E,) of ``quantiles`` (M, H, Q) to
        the sums at ``place`` (E,). ``mean`` (E, H) is what of them lies beyond.
        """
        _add(
            place, rows, mean, quantiles, less, times,
            self._weights, self._table, self._last, self.mean, self._cumulants, self._rest,
        )  # fmt: skip

    def quantiles(self) -> Array:
        """Quantiles (N, H, Q) of the sums; they rise with the level and are 0 or more."""
        found = self._rest.copy()
        _quantiles(self.mean, self._cumulants, self._table, found)
        return found


def deviation(quantiles: Array, mean: Array, levels: tuple[float, ...]) -> Array:
    """Standard deviation (N,) read off quantiles (N, Q) as the sums read it."""
    weights, _ = design(tuple(levels))
    return np.asarray(np.sqrt(np.maximum((quantiles - mean[:, None]) ** 2 @ weights, 0.0)))


@inner
def _offset(skew: float, level: int, table: Array) -> float:
    """Standardised quantile at a level's position."""
    at = (min(max(skew, -_STEEPEST), _STEEPEST - 1e-9) + _STEEPEST) / _STEP
    low = int(at)
    return float(table[low, level] + (at - low) * (table[low + 1, level] - table[low, level]))


@compiled
def _add(
    place: Array,
    rows: Array,
    mean: Array,
    quantiles: Array,
    less: Array,
    times: Array,
    weights: Array,
    table: Array,
    last: float,
    total: Array,
    cumulants: Array,
    rest: Array,
) -> None:
    depth = len(weights)
    chance = (1 - last) / 2
    for e in range(len(place)):
        at, row, stock, size = place[e], rows[e], less[e], times[e]
        for h in range(mean.shape[1]):
            middle = mean[e, h]
            if middle <= 0:
                continue
            variance, third = 0.0, 0.0
            for level in range(depth):
                off = max(quantiles[row, h, level] - stock, 0.0) - middle
                variance += weights[level] * off * off
                third += weights[level] * off * off * off
            if quantiles[row, h, depth - 1] <= stock:
                # What is expected comes in half of the cases that the quantiles leave open.
                variance = middle * middle / chance
                third = variance * middle / chance
            variance = max(variance, 0.0)
            spread = np.sqrt(variance)
            skew = third / (variance * spread) if variance > 0 else 0.0
            cube = size * size * size * variance * spread
            for level in range(depth):
                off = max(quantiles[row, h, level] - stock, 0.0) - middle
                differs = off - spread * _offset(skew, level, table)
                rest[at, h, level] += cube * size * differs
            total[at, h] += size * middle
            cumulants[at, h, 0] += size * size * variance
            cumulants[at, h, 1] += size * size * size * third


@compiled
def _quantiles(mean: Array, cumulants: Array, table: Array, found: Array) -> None:
    """From the sums of parts: ``found`` (N, H, Q) holds the differences, and then the quantiles."""
    for row in range(found.shape[0]):
        for h in range(found.shape[1]):
            variance = cumulants[row, h, 0]
            spread = np.sqrt(variance)
            cube = variance * spread
            skew = cumulants[row, h, 1] / cube if cube > 0 else 0.0
            most = 0.0
            for level in range(found.shape[2]):
                differs = found[row, h, level] / cube if cube > 0 else 0.0
                most = max(most, mean[row, h] + spread * _offset(skew, level, table) + differs)
                found[row, h, level] = most


@lru_cache(maxsize=8)
def design(levels: tuple[float, ...]) -> tuple[Array, Array]:
    """Weights (Q,) of the quantiles in moments, and standardised quantiles (skewness, Q)."""
    from scipy.special import gammaincinv, ndtri

    given = np.array(levels)
    score = ndtri(given)
    middle = (given[1:] + given[:-1]) / 2
    weights = np.diff(np.concatenate([[0.0], middle, [1.0]]))
    if len(levels) > 4:
        # The smallest change of each level's share after which moments of the normal score are right.
        powers = score ** np.arange(5)[:, None]
        wanted = np.array([1.0, 0.0, 1.0, 0.0, 3.0])
        better = weights + powers.T @ np.linalg.solve(powers @ powers.T, wanted - powers @ weights)
        weights = better if np.all(better >= 0) else weights

    skew = np.linspace(0, _STEEPEST, round(_STEEPEST / _STEP) + 1)[1:, None]
    shape = 4 / skew**2
    right = (gammaincinv(shape, given) - shape) / np.sqrt(shape)
    left = -(gammaincinv(shape, 1 - given) - shape) / np.sqrt(shape)
    return weights, np.concatenate([left[::-1], score[None], right])
