"""Slow twin of `replenishment.core.counts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SLOW_UNITS = 14.0  # upper quantile up to which demand counts as slow
_SIZE = 56
_RATIOS = np.array([1.0, 1.15, 1.4, 1.8, 2.3, 3.0, 4.0, 5.5, 8.0, 13.0])
_OFF = 0.04  # distance of a given level from the fitted distribution that still counts as a fit


@dataclass(frozen=True, eq=False)
class Counts:
    """N distributions on 0, 1, 2, ...: ``first`` (N, K) is the loss at each, ``second`` its integral."""

    first: Array
    second: Array

    @classmethod
    def from_first(cls, first: Array) -> Self:
        """From the loss at whole units."""
        area = (first[:, :-1] + first[:, 1:]) / 2
        second = np.zeros_like(first)
        second[:, :-1] = np.cumsum(area[:, ::-1], axis=1)[:, ::-1]
        return cls(np.ascontiguousarray(first), second)

    @classmethod
    def negative_binomial(cls, mean: Array, ratio: Array) -> Self:
        """From the mean (N,) and the variance-to-mean ratio (N,), at least 1."""
        beyond = 1 - np.cumsum(_chances(mean, ratio), axis=1)
        first = np.empty((len(mean), _SIZE))
        first[:, 0] = mean
        first[:, 1:] = mean[:, None] - np.cumsum(beyond[:, :-1], axis=1)
        return cls.from_first(np.maximum(first, 0.0))

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
        return np.broadcast_to(padded, (len(self.first), count))

    def take(self, rows: Array) -> Self:
        """Some items only."""
        return type(self)(self.first[rows], self.second[rows])

    def loss(self, x: Array) -> Array:
        """Expected demand above ``x`` (N, P), straight lines between whole units."""
        return self.losses(x)[0]

    def losses(self, x: Array) -> tuple[Array, Array]:
        """First and second order loss at ``x`` (N, P)."""
        size = self.first.shape[1]
        whole = np.clip(np.floor(x), 0, size - 2).astype(np.int64)
        flat = whole + (np.arange(len(x)) * size)[:, None]
        low, high = self.first.ravel()[flat], self.first.ravel()[flat + 1]
        gone = np.minimum(x - whole, 1.0)
        fall = np.where(x < 0, 1.0, low - high)
        loss = low - fall * gone
        area = self.second.ravel()[flat] - low * gone + fall * gone**2 / 2
        return np.maximum(loss, 0.0), np.maximum(area, 0.0)


def _chances(mean: Array, ratio: Array) -> Array:
    """Probabilities (N, K) of 0, 1, 2, ... units."""
    excess = np.maximum(ratio - 1, 1e-6)
    size = mean / excess
    grow = excess / (1 + excess)
    chances = np.empty((len(mean), _SIZE))
    chances[:, 0] = np.exp(-size * np.log1p(excess))
    for k in range(1, _SIZE):
        chances[:, k] = chances[:, k - 1] * grow * (size + k - 1) / k
    return chances


def fitted(quantiles: Array, levels: tuple[float, ...], mean: Array) -> tuple[Array, Array]:
    """Variance-to-mean ratios (N,) of the nearest negative binomials, and where they fit (N,)."""
    given = np.round(quantiles).astype(np.int64)
    fits = (given[:, -1] <= SLOW_UNITS) & (mean > 0)
    ratio = np.ones(len(mean))
    rows = np.flatnonzero(fits)
    if not len(rows):
        return ratio, fits
    at = given[rows]
    aim = np.asarray(levels)
    off = np.empty((len(rows), len(_RATIOS)))
    worst = np.empty_like(off)
    for index, candidate in enumerate(_RATIOS):
        below = np.zeros((len(rows), _SIZE + 1))
        below[:, 1:] = np.cumsum(_chances(mean[rows], np.full(len(rows), candidate)), axis=1)
        upper = np.take_along_axis(below, at + 1, axis=1)
        lower = np.take_along_axis(below, at, axis=1)
        miss = np.maximum(np.maximum(lower - aim, aim - upper), 0.0)
        worst[:, index] = miss.max(axis=1)
        off[:, index] = (miss / np.sqrt(aim * (1 - aim))).sum(axis=1)
    # Several ratios may fit equally well, the more the slower demand is: their middle, the plain ones first.
    near = (off <= off.min(axis=1, keepdims=True) + 0.01) / _RATIOS**3
    ratio[rows] = np.exp((near * np.log(_RATIOS)).sum(axis=1) / near.sum(axis=1))
    fits[rows] = worst.min(axis=1) <= _OFF
    return ratio, fits
