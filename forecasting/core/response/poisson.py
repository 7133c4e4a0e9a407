"""Fixed-effects Poisson regression of all series at once, with a common movement of their groups.

    mean[t, i] = level[block of t, i] x movement[t, group of i] x exp(price x elasticity + promotion x uplift)

Every series has a level of its own in each block of periods, which is conditioned on: neither a slow rise nor
the size of a series says anything about its response. Only the form of the mean matters (quasi-likelihood):
variance may be any multiple of it, and zeros need no care. Sources: Hausman, Hall and Griliches, Econometrica
52 (1984); Wooldridge, Distribution-free estimation of some nonlinear panel data models, Journal of
Econometrics 90 (1999); McCullagh and Nelder, Generalized Linear Models (1989), chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.distribution import Freq
from forecasting.core.response.regressors import Regressors

Array = npt.NDArray[Any]

# Periods of one level: half a year, a quarter of days, and a year of months.
BLOCK = {"D": 91, "W": 26, "M": 12}
# Prior coefficient of variation of a movement, and how many periods' worth one series may say about it.
_MOVEMENT_CV, _MOST_SAY = 0.5, 8.0
# With fewer series a movement would be their own response.
SMALLEST = 8
_CHUNK = 512
_LARGEST = 4.0


@dataclass(frozen=True, eq=False)
class Information:
    """Of each series: ``score`` (N, 2) and ``curvature`` (N, 2, 2) of its log likelihood at the coefficients,
    Pearson's ``chi2`` (N,) and its degrees of freedom ``free`` (N,).
    """

    score: Array
    curvature: Array
    chi2: Array
    free: Array

    def dispersion(self) -> Array:
        """Variance / mean (N,), as if ten periods more had the usual one of all series."""
        spare = 10.0
        own = self.chi2 / np.maximum(self.free, 1)
        known = (self.free >= spare) & (own > 0)
        usual = float(np.median(own[known])) if known.any() else 1.0
        result: Array = (self.chi2 + spare * usual) / (np.maximum(self.free, 0) + spare)
        return result


class PanelPoisson:
    """The likelihood of a shop. Series are sorted by ``group`` (N,) inside, and come back in their order."""

    def __init__(self, data: Regressors, group: Array, freq: Freq, threads: int = 1) -> None:
        self.data, self.threads = data, threads
        self.periods, self.count = data.units.shape
        self.order = np.argsort(group, kind="stable")
        self.group = group
        self.length = min(BLOCK[freq], self.periods)
        # Blocks are counted back from the last period.
        self.begins = np.arange(self.periods % self.length, self.periods, self.length)
        if self.periods % self.length:
            self.begins = np.concatenate([[0], self.begins])
        self.sizes = np.diff(np.append(self.begins, self.periods))
        number = int(group.max(initial=0)) + 1
        self.movement = np.ones((self.periods, number), dtype=np.float32)
        self.small = np.bincount(group, minlength=number) < SMALLEST
        self.say = self._say()

    def information(self, coefficients: Array) -> Information:
        """At coefficients (N, 2): elasticity, and log uplift of a period that is promoted throughout."""
        score, curvature = np.zeros((self.count, 2)), np.zeros((self.count, 2, 2))
        chi2, free = np.zeros(self.count), np.zeros(self.count)

        def add(part: slice) -> None:
            rows = self.order[part]
            mean, seen, x = self._means(rows, coefficients)
            error = seen - mean
            total = np.add.reduceat(mean, self.begins, axis=0)
            lows = np.maximum(total, 1e-30)
            weighted = [mean * own for own in x]
            sums = [np.add.reduceat(own, self.begins, axis=0) for own in weighted]
            for p in range(2):
                score[rows, p] = _products(x[p], error)
                for q in range(p, 2):
                    within = (sums[p].astype(np.float64) * sums[q] / lows).sum(axis=0)
                    curvature[rows, p, q] = curvature[rows, q, p] = _products(weighted[p], x[q]) - within
            weight = np.take(self.data.weight, rows, axis=1)
            counted = (weight > 0) & (mean > 0)
            safe = np.where(counted, mean, 1)
            chi2[rows] = np.where(counted, error * error / safe, 0).sum(axis=0, dtype=np.float64)
            free[rows] = counted.sum(axis=0) - (total > 0).sum(axis=0)

        in_chunks(add, self.count, _CHUNK, self.threads)
        # A hair below zero by rounding is nothing.
        for p in range(2):
            none = curvature[:, p, p] <= 1e-5 * np.maximum(_own_sums(self.data.units), 1e-30)
            curvature[none, p, :] = curvature[none, :, p] = 0
            score[none, p] = 0
        return Information(score, curvature, chi2, free)

    def move(self, coefficients: Array) -> None:
        """Learn the movement anew: what all series, then each group, sold against what was expected."""
        if self.count < SMALLEST:
            return
        number = self.movement.shape[1]
        starts = range(0, self.count, _CHUNK)
        found: list[tuple[Array, Array, Array]] = [(np.empty(0), np.empty(0), np.empty(0))] * len(starts)

        def add(part: slice) -> None:
            rows = self.order[part]
            mean, seen, _x = self._means(rows, coefficients)
            say = self.say[rows]
            codes, begins = np.unique(self.group[rows], return_index=True)
            sold, expected = (np.add.reduceat(own * say, begins, axis=1) for own in (seen, mean))
            found[part.start // _CHUNK] = (codes, sold, expected)

        in_chunks(add, self.count, _CHUNK, self.threads)
        sold, expected = np.zeros((2, self.periods, number))
        for codes, own, mean in found:
            sold[:, codes] += own
            expected[:, codes] += mean
        prior = 1 / _MOVEMENT_CV**2
        # (The means hold the movement that was known: what is found comes on top of it.)
        shop = (sold.sum(axis=1) + prior) / (expected.sum(axis=1) + prior)
        ratio = (sold + prior) / (expected * shop[:, None] + prior)
        ratio[:, self.small] = 1
        self.movement *= (shop[:, None] * ratio).astype(np.float32)

    def _means(self, rows: Array, coefficients: Array) -> tuple[Array, Array, tuple[Array, Array]]:
        """Weighted means and units (T, B) of some series, and their regressors."""
        price = np.take(self.data.price, rows, axis=1)
        promotion = np.take(self.data.promotion, rows, axis=1)
        weight = np.take(self.data.weight, rows, axis=1)
        seen = np.take(self.data.units, rows, axis=1) * weight
        first, second = coefficients[rows].astype(np.float32).T
        log = price * first + promotion * second
        mean = np.exp(np.clip(log, -_LARGEST, _LARGEST, out=log), out=log)
        mean *= np.take(self.movement, self.group[rows], axis=1)
        mean *= weight
        level = np.add.reduceat(seen, self.begins, axis=0)
        level /= np.maximum(np.add.reduceat(mean, self.begins, axis=0), 1e-30)
        mean *= np.repeat(level, self.sizes, axis=0)
        return mean, seen, (price, promotion)

    def _say(self) -> Array:
        """(N,) weight of a series in the movement: one over variance / mean, at most a few periods' worth."""
        units, weight = self.data.units, self.data.weight
        number = np.maximum(weight.sum(axis=0, dtype=np.float64), 1)
        mean = (units * weight).sum(axis=0, dtype=np.float64) / number
        square = (np.square(units, dtype=np.float64) * weight).sum(axis=0) / number
        dispersion = np.maximum(square - mean**2, 0.05 * mean**2) / np.maximum(mean, 1e-30)
        say = 1 / np.maximum(dispersion, 1e-30)
        most = _MOST_SAY / np.maximum(mean, 1e-30)
        return np.asarray(np.minimum(say, most) * (mean > 0), dtype=np.float32)


def _own_sums(units: Array) -> Array:
    return np.asarray(units.sum(axis=0, dtype=np.float64))


def _products(one: Array, other: Array) -> Array:
    return np.asarray(np.einsum("tb,tb->b", one, other, dtype=np.float64))
