"""A full distribution of demand over an interval, built from a few of its quantiles.

The quantile function is a monotone cubic in the normal score between the given quantiles, with a generalised
Pareto tail above the highest, kept as K knots with straight lines between them. First and second order loss
functions, ``E[(D - x)+]`` and its integral, are then exact polynomials of the piece (Snyder and Shen,
"Fundamentals of Supply Chain Theory", appendix C; the second order one after Hadley and Whitin).

Demand in whole units: the loss function of the continuous distribution, read at whole numbers, is the loss
function of a distribution on whole numbers with the same mean; ``P(D > k)`` is then ``loss(k) - loss(k +
1)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Last axis of a law: loss functions, knots and the probabilities of these. Counts have the first two only.
# Compiled functions keep the values that they were compiled with: after a change here, change `shapes` and
# `long_run` as well, or delete what is kept in __pycache__.
FIRST, SECOND, KNOT, LEVEL = range(4)

_TAIL = (0.995, 0.998, 0.9995)
_SHAPES = np.linspace(
    -0.3, 0.3, 13
)  # generalised Pareto shapes that the tail may take: short to lognormal-like
_FORMS = np.geomspace(0.02, 5000.0, 36)  # gamma shapes and shares of an interval for which quantiles are kept
_SHARES = np.concatenate([[0.0, 0.02, 0.05], np.linspace(0.1, 1.0, 19)])
_PIECE = 0.09  # widest step in probability between two knots
WIDEST = 0.9  # share of its range that a piece of slow demand may put above its lower quantile
SLOW_UNITS = 12.0  # below this upper quantile, whole units make the given quantiles coarse


@dataclass(frozen=True, eq=False)
class Spread:
    """N distributions of demand as a ``law`` (N, K, 4): first and second order loss, knot, probability.

    Knots don't fall and are 0 or more; their probabilities ``levels`` (K,) run from 0 to 1, the same for all.
    """

    law: Array
    levels: Array

    @classmethod
    def from_knots(cls, knots: Array, levels: Array) -> Self:
        """Straight lines of the distribution function between the knots (N, K)."""
        from replenishment.core.shapes import from_knots

        return cls(from_knots(np.ascontiguousarray(knots, dtype=np.float64), levels), levels)

    @classmethod
    def from_quantiles(cls, quantiles: Array, levels: tuple[float, ...], mean: Array) -> Self:
        """From quantiles (N, Q) at ``levels`` and the mean (N,).

        Where demand is slow (quantiles are small whole numbers with ties) the quantiles leave the
        distribution between two of them open; the mean settles it.
        """
        design = _design(tuple(levels))
        return cls(design.law(quantiles, mean), design.levels)

    @property
    def knots(self) -> Array:
        """Demands (N, K) at the probabilities ``levels``."""
        return self.law[:, :, KNOT]

    @property
    def first(self) -> Array:
        """Expected demand above each knot (N, K)."""
        return self.law[:, :, FIRST]

    @property
    def second(self) -> Array:
        """Integral of the first order loss above each knot (N, K)."""
        return self.law[:, :, SECOND]

    @property
    def mean(self) -> Array:
        """Mean demand (N,)."""
        return np.asarray(self.first[:, 0] + self.knots[:, 0])

    def take(self, rows: Array) -> Self:
        """Some rows only."""
        return type(self)(self.law[rows], self.levels)

    @property
    def deviation(self) -> Array:
        """Standard deviation of demand (N,)."""
        base = self.knots[:, 0]
        raw = 2 * (self.second[:, 0] + self.first[:, 0] * base) + base**2
        return np.asarray(np.sqrt(np.maximum(raw - self.mean**2, 0.0)))

    def points(self, count: int) -> Array:
        """Demands (N, count) from 0 to where nothing is left above, dense where demand is."""
        own = count - count // 4
        at = np.linspace(0, self.knots.shape[1] - 1, own).astype(np.int64)
        even = self.knots[:, -1:] * np.linspace(0, 1, count - own)
        return np.sort(np.hstack([self.knots[:, at], even]), axis=1)

    def shortened(self, share: Array) -> Self:
        """Demand over the ``share`` (N,), 0 to 1, of the interval, were it a process with independent
        increments.

        Each quantile is scaled by what it would be were demand a gamma process with the same mean and
        deviation: distributions over intervals of different length then belong together, which quantiles that
        were estimated one interval at a time do not.
        """
        from replenishment.core.shapes import shortened

        part = np.ascontiguousarray(np.broadcast_to(share, (len(self.law),)), dtype=np.float64)
        return type(self)(
            shortened(self.law, self.levels, part, _FORMS, _SHARES, _scales(tuple(self.levels.tolist()))),
            self.levels,
        )

    def quantile(self, level: Array) -> Array:
        """The demand (N,) that is not exceeded with probability ``level`` (N,)."""
        from replenishment.core.shapes import quantiles

        return quantiles(self.law, np.ascontiguousarray(level, dtype=np.float64))

    def loss(self, x: Array) -> Array:
        """Expected demand above ``x`` (N, P): ``E[(D - x)+]``, same shape."""
        return self.losses(x)[0]

    def losses(self, x: Array) -> tuple[Array, Array]:
        """First and second order loss at ``x`` (N, P)."""
        from replenishment.core.long_run import losses

        return losses(False, self.law, np.ascontiguousarray(x))


class _Design:
    """What depends on the levels alone: where the knots are, and how the given quantiles reach them."""

    def __init__(self, given: tuple[float, ...]) -> None:
        from scipy.special import ndtri

        if len(given) < 3:
            raise ValueError("a distribution needs at least three quantiles")
        self.given = np.asarray(given)
        self.upper = int(np.searchsorted(self.given, 0.9))
        self.upper = min(self.upper, len(given) - 1)
        inner: list[float] = []
        piece: list[int] = []
        for index, (low, high) in enumerate(pairwise(given)):
            parts = max(2, int(np.ceil((high - low) / _PIECE)))
            inner.extend(low + (high - low) * part / parts for part in range(parts))
            piece.extend([index] * parts)
        tail = [level for level in _TAIL if level > given[-1] + 1e-9]
        self.levels = np.array([0.0, given[0] / 10, *inner, given[-1], *tail, 1.0])
        tails = np.array(tail)
        score = ndtri(self.given)
        self.width = np.diff(score)
        self.low_step = float(ndtri(given[0] / 10)) - float(score[0])
        self.pieces = np.array(piece)
        self.shares = (np.array(inner) - self.given[self.pieces]) / np.diff(self.given)[self.pieces]
        share = (ndtri(np.array(inner)) - score[self.pieces]) / self.width[self.pieces]
        self.cubic = np.array(
            [
                (1 + 2 * share) * (1 - share) ** 2,
                share * (1 - share) ** 2,
                share**2 * (3 - 2 * share),
                share**2 * (share - 1),
            ]
        )
        a, b, c = 1 - self.given[-3:]
        self.ratios = np.array(
            [(_pareto(c, k) - _pareto(b, k)) / (_pareto(b, k) - _pareto(a, k)) for k in _SHAPES]
        )
        unit = np.array([_pareto(c, k) - _pareto(b, k) for k in _SHAPES])
        reach = np.array([[_pareto(1 - p, k) - _pareto(c, k) for p in tails] for k in _SHAPES])
        rest = 1 - (tails[-1] if len(tails) else self.given[-1])
        # The last line carries the mean excess of the tail above the last level: its end is twice that far.
        excess = np.array([2 * rest ** (-k) / (1 - k) for k in _SHAPES])
        last = reach[:, -1] if len(tails) else np.zeros(len(_SHAPES))
        self.reach = np.column_stack([reach, last + excess]) / unit[:, None]

        # Of slow demand: an exponential tail in units of its mean excess, and what it adds to the mean.
        beyond = 1 - self.levels[2 + len(inner) :]
        self.steps = np.append(-np.log(beyond[:-1] / beyond[0]), 2 - np.log(beyond[-2] / beyond[0]))
        self.area = float(((self.steps[1:] + self.steps[:-1]) / 2 * -np.diff(beyond)).sum())

    def law(self, quantiles: Array, mean: Array) -> Array:
        """Law (N, K, 4): monotone cubic in the normal score (Fritsch and Carlson 1980), tails beyond."""
        from replenishment.core.shapes import from_quantiles

        return from_quantiles(
            np.ascontiguousarray(quantiles, dtype=np.float64),
            np.ascontiguousarray(mean, dtype=np.float64),
            self.given,
            self.levels,
            self.upper,
            self.width,
            self.low_step,
            self.pieces,
            self.cubic,
            self.shares,
            self.ratios,
            _SHAPES,
            self.reach,
            self.steps,
            self.area,
        )


def _pareto(beyond: float, shape: float) -> float:
    return float(-np.log(beyond)) if abs(shape) < 1e-12 else float((beyond ** (-shape) - 1) / shape)


@lru_cache(maxsize=8)
def _scales(levels: tuple[float, ...]) -> Array:
    """Gamma quantiles over a share of an interval against those over all of it: (forms, shares, levels)."""
    from scipy.special import gammaincinv

    at = np.clip(np.array(levels), 1e-4, 1 - 1e-5)
    whole = gammaincinv(_FORMS[:, None, None], at)
    part = gammaincinv(_FORMS[:, None, None] * np.maximum(_SHARES, 1e-9)[:, None], at)
    part[:, 0] = 0.0
    return np.where(whole > 1e-12, part / np.maximum(whole, 1e-12), 0.0)


@lru_cache(maxsize=8)
def _design(levels: tuple[float, ...]) -> _Design:
    return _Design(levels)


def mixed(parts: list[Spread], weights: Array) -> Spread:
    """The mixture of J distributions of the same N items with weights (N, J) that sum to 1."""
    from replenishment.core.shapes import mixed as merged

    laws = np.stack([part.law for part in parts])
    return Spread(merged(laws, parts[0].levels, np.ascontiguousarray(weights)), parts[0].levels)
