"""Slow demand in whole units, as a compound Poisson process: negative binomial over any interval.

Quantiles of slow demand are coarse (0, 0, 1, 1, 2, ...) and leave much open, above all between intervals of
different length. A negative binomial process has one mean and one variance-to-mean ratio for all of them
(Poisson where the ratio is 1); the ratio is the one whose quantiles are nearest to the given ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.reader import DemandReader
from replenishment.core.spread import FIRST, SECOND

Array = npt.NDArray[Any]

SLOW_UNITS = 14.0  # upper quantile up to which demand counts as slow
_SIZE = 56
_RATIOS = np.array([1.0, 1.15, 1.4, 1.8, 2.3, 3.0, 4.0, 5.5, 8.0, 13.0])
_OFF = 0.04  # distance of a given level from the fitted distribution that still counts as a fit


@dataclass(frozen=True, eq=False)
class Counts:
    """N distributions on 0, 1, 2, ... as a ``law`` (N, K, 2): the loss at each, and its integral."""

    law: Array

    @classmethod
    def from_first(cls, first: Array) -> Self:
        """From the loss at whole units."""
        from replenishment.core.shapes import from_first

        return cls(from_first(np.ascontiguousarray(first)))

    @classmethod
    def negative_binomial(cls, mean: Array, ratio: Array) -> Self:
        """From the mean (N,) and the variance-to-mean ratio (N,), at least 1."""
        from replenishment.core.shapes import negative_binomial

        return cls(negative_binomial(np.ascontiguousarray(mean), np.ascontiguousarray(ratio), _SIZE))

    @property
    def first(self) -> Array:
        """Expected demand above each whole number (N, K)."""
        return self.law[:, :, FIRST]

    @property
    def second(self) -> Array:
        """Integral of the first order loss above each (N, K)."""
        return self.law[:, :, SECOND]

    @property
    def mean(self) -> Array:
        """Mean demand (N,)."""
        return np.asarray(self.first[:, 0])

    @property
    def deviation(self) -> Array:
        """Standard deviation of demand (N,)."""
        return np.asarray(np.sqrt(np.maximum(2 * self.second[:, 0] - self.mean**2, 0.0)))

    def points(self, count: int) -> Array:
        """Demands (N, count) from 0 to where next to nothing is left above."""
        spread = np.unique(np.round(np.linspace(0, 1, count) ** 2 * (_SIZE - 1)))
        padded = np.append(spread, np.full(count - len(spread), _SIZE - 1.0))
        return np.broadcast_to(padded, (len(self.law), count))

    def take(self, rows: Array) -> Self:
        """Some items only."""
        return type(self)(self.law[rows])

    def loss(self, x: Array) -> Array:
        """Expected demand above ``x`` (N, P), straight lines between whole units."""
        return self.losses(x)[0]

    def losses(self, x: Array) -> tuple[Array, Array]:
        """First and second order loss at ``x`` (N, P)."""
        from replenishment.core.long_run import losses

        return losses(True, self.law, np.ascontiguousarray(x))


def fitted(quantiles: Array, levels: tuple[float, ...], mean: Array) -> tuple[Array, Array]:
    """Variance-to-mean ratios (N,) of the nearest negative binomials, and where they fit (N,)."""
    given = np.round(quantiles).astype(np.int64)
    fits = (given[:, -1] <= SLOW_UNITS) & (mean > 0)
    ratio = np.ones(len(mean))
    rows = np.flatnonzero(fits)
    if not len(rows):
        return ratio, fits
    from replenishment.core.shapes import nearest_ratios

    ratio[rows], off = nearest_ratios(given[rows], np.asarray(levels), mean[rows], _RATIOS)
    fits[rows] = off <= _OFF
    return ratio, fits


def read_slow(reader: DemandReader, quantiles: Array, able: Array) -> tuple[Array, Array]:
    """Variance-to-mean ratios and masks of slow demand (N,), by ``quantiles`` (N, Q) of the protection
    interval, where items are ``able`` (N,) to be slow.

    The ratio is read from a longer interval over which demand is slow still: it says more, and is the same
    whatever the lead time.
    """
    slow = able & (np.round(quantiles[:, -1]) <= SLOW_UNITS)
    ratio, rows = np.ones(len(slow)), np.flatnonzero(slow)
    if len(rows):
        mean, longest = reader.longest(SLOW_UNITS, rows)
        ratio[rows], slow[rows] = fitted(longest, reader.levels, mean)
    return ratio, slow
