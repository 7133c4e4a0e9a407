"""Slow twin of `replenishment.core.spread`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TAIL = (0.995, 0.998, 0.9995)
_SHAPES = np.linspace(
    -0.3, 0.3, 13
)  # generalised Pareto shapes that the tail may take: short to lognormal-like
_FORMS = np.geomspace(0.02, 5000.0, 36)  # gamma shapes and shares of an interval for which quantiles are kept
_SHARES = np.concatenate([[0.0, 0.02, 0.05], np.linspace(0.1, 1.0, 19)])
_PIECE = 0.09  # widest step in probability between two knots
_WIDEST = 0.9  # share of its range that a piece of slow demand may put above its lower quantile
_SLOW_UNITS = 12.0  # below this upper quantile, whole units make the given quantiles coarse


@dataclass(frozen=True, eq=False)
class Spread:
    """N distributions of demand: ``knots`` (N, K), non-decreasing, 0 or more, at the probabilities ``levels``
    (K,).

    ``levels`` runs from 0 to 1. ``first`` and ``second`` (N, K) are the loss functions at the knots.
    """

    knots: Array
    levels: Array
    first: Array
    second: Array

    @classmethod
    def from_knots(cls, knots: Array, levels: Array) -> Self:
        """Straight lines of the distribution function between the knots."""
        step = np.diff(knots, axis=1)
        beyond = 1 - levels
        first = np.zeros_like(knots)
        first[:, :-1] = np.cumsum((step * (beyond[:-1] + beyond[1:]) / 2)[:, ::-1], axis=1)[:, ::-1]
        piece = first[:, :-1] * step - beyond[:-1] * step**2 / 2 + np.diff(levels) * step**2 / 6
        second = np.zeros_like(knots)
        second[:, :-1] = np.cumsum(piece[:, ::-1], axis=1)[:, ::-1]
        return cls(np.ascontiguousarray(knots), levels, first, second)

    @classmethod
    def from_quantiles(cls, quantiles: Array, levels: tuple[float, ...], mean: Array) -> Self:
        """From quantiles (N, Q) at ``levels`` and the mean (N,).

        Where demand is slow (quantiles are small whole numbers with ties) the quantiles leave the
        distribution between two of them open; the mean settles it.
        """
        given = np.maximum.accumulate(np.maximum(np.asarray(quantiles, dtype=np.float64), 0.0), axis=1)
        design = _design(tuple(levels))
        knots = design.smooth(given)
        upper = given[:, design.upper]
        slow = upper <= _SLOW_UNITS
        if np.any(slow):
            knots[slow] = design.coarse(given[slow], np.asarray(mean, dtype=np.float64)[slow], knots[slow])
        return cls.from_knots(knots, design.levels)

    @cached_property
    def _columns(self) -> Array:
        """All knots but the first, one row for each: what is compared most often, in the order of memory."""
        return np.ascontiguousarray(self.knots[:, 1:].T)

    @property
    def mean(self) -> Array:
        """Mean demand (N,)."""
        return np.asarray(self.first[:, 0] + self.knots[:, 0])

    def take(self, rows: Array) -> Self:
        """Some rows only."""
        return type(self)(self.knots[rows], self.levels, self.first[rows], self.second[rows])

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
        mean = self.mean
        shape = np.clip((mean / np.maximum(self.deviation, 1e-12)) ** 2, *_FORMS[[0, -1]])
        place = np.interp(np.log(shape), np.log(_FORMS), np.arange(len(_FORMS)))
        column = np.interp(share, _SHARES, np.arange(len(_SHARES)))
        row0 = np.minimum(place.astype(np.int64), len(_FORMS) - 2)
        col0 = np.minimum(column.astype(np.int64), len(_SHARES) - 2)
        down, right = (place - row0)[:, None], (column - col0)[:, None]
        table = _scales(tuple(self.levels.tolist()))
        scale = (table[row0, col0] * (1 - right) + table[row0, col0 + 1] * right) * (1 - down) + (
            table[row0 + 1, col0] * (1 - right) + table[row0 + 1, col0 + 1] * right
        ) * down
        knots = np.maximum.accumulate(self.knots * scale, axis=1)
        step = (knots[:, 1:] + knots[:, :-1]) / 2
        reached = (step * np.diff(self.levels)).sum(axis=1)
        wanted = mean * share
        knots *= np.where(reached > 0, wanted / np.where(reached > 0, reached, 1.0), 0.0)[:, None]
        return type(self).from_knots(knots, self.levels)

    def quantile(self, level: Array) -> Array:
        """The demand (N,) that is not exceeded with probability ``level`` (N,)."""
        level = np.clip(level, 0.0, 1.0)
        right = np.clip(np.searchsorted(self.levels, level, side="left"), 1, len(self.levels) - 1)
        rows = np.arange(len(self.knots))
        low, high = self.levels[right - 1], self.levels[right]
        below, above = self.knots[rows, right - 1], self.knots[rows, right]
        return np.asarray(below + (above - below) * (level - low) / (high - low))

    def loss(self, x: Array) -> Array:
        """Expected demand above ``x`` (N, P): ``E[(D - x)+]``, same shape."""
        return self._at(x, second=False)[0]

    def losses(self, x: Array) -> tuple[Array, Array]:
        """First and second order loss at ``x`` (N, P)."""
        return self._at(x, second=True)

    def _at(self, x: Array, *, second: bool) -> tuple[Array, Array]:
        count, depth = self.knots.shape
        piece = np.zeros(x.shape, dtype=np.int64)
        for column in self._columns:
            piece += x >= column[:, None]
        flat = piece + (np.arange(count) * depth)[:, None]
        left = self.knots.ravel()[flat]
        at_left = self.first.ravel()[flat]
        beyond = (1 - self.levels)[piece]
        last = piece == depth - 1
        piece[last] -= 1
        flat[last] -= 1
        width = self.knots.ravel()[flat + 1] - self.knots.ravel()[flat]
        density = np.diff(self.levels)[piece] / np.where(width > 0, width, 1.0)
        gone = x - left
        under = gone < 0  # below the first knot nothing is certain to be left over
        density[under | last | (width <= 0)] = 0.0
        beyond[under] = 1.0
        loss = at_left - beyond * gone + density * gone**2 / 2
        if not second:
            return np.maximum(loss, 0.0), loss
        at_left2 = self.second.ravel()[np.where(last, flat + 1, flat)]
        area = at_left2 - at_left * gone + beyond * gone**2 / 2 - density * gone**3 / 6
        return np.maximum(loss, 0.0), np.maximum(area, 0.0)


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
        self.piece: list[int] = []
        for index, (low, high) in enumerate(pairwise(given)):
            parts = max(2, int(np.ceil((high - low) / _PIECE)))
            inner.extend(low + (high - low) * part / parts for part in range(parts))
            self.piece.extend([index] * parts)
        tail = [level for level in _TAIL if level > given[-1] + 1e-9]
        self.levels = np.array([0.0, given[0] / 10, *inner, given[-1], *tail, 1.0])
        self.inner = slice(2, 2 + len(inner))
        self.tail = np.array(tail)
        self.score = ndtri(self.given)
        self.inner_score = ndtri(np.array(inner))
        self.low_score = float(ndtri(given[0] / 10))
        self.pieces = np.array(self.piece)
        self.shares = (np.array(inner) - self.given[self.pieces]) / np.diff(self.given)[self.pieces]
        a, b, c = 1 - self.given[-3:]
        self.ratios = np.array(
            [(_pareto(c, k) - _pareto(b, k)) / (_pareto(b, k) - _pareto(a, k)) for k in _SHAPES]
        )
        unit = np.array([_pareto(c, k) - _pareto(b, k) for k in _SHAPES])
        reach = np.array([[_pareto(1 - p, k) - _pareto(c, k) for p in self.tail] for k in _SHAPES])
        rest = 1 - (self.tail[-1] if len(self.tail) else self.given[-1])
        # The last line carries the mean excess of the tail above the last level: its end is twice that far.
        excess = np.array([2 * rest ** (-k) / (1 - k) for k in _SHAPES])
        last = reach[:, -1] if len(self.tail) else np.zeros(len(_SHAPES))
        self.reach = np.column_stack([reach, last + excess]) / unit[:, None]

    def _tail_knots(self, given: Array) -> Array:
        top = given[:, -1] - given[:, -2]
        before = given[:, -2] - given[:, -3]
        ratio = np.where(before > 0, top / np.where(before > 0, before, 1.0), self.ratios[-1])
        shape = np.interp(ratio, self.ratios, _SHAPES)
        place = (shape - _SHAPES[0]) / (_SHAPES[1] - _SHAPES[0])
        lower = np.clip(place.astype(np.int64), 0, len(_SHAPES) - 2)
        weight = (place - lower)[:, None]
        reach = self.reach[lower] * (1 - weight) + self.reach[lower + 1] * weight
        step = np.where(top > 0, top, before / 2)
        return np.asarray(given[:, -1:] + reach * step[:, None])

    def smooth(self, given: Array) -> Array:
        """Knots (N, K): monotone cubic in the normal score (Fritsch and Carlson 1980), tails beyond."""
        width = np.diff(self.score)
        slope = np.diff(given, axis=1) / width
        tangent = np.zeros_like(given)
        left, right = slope[:, :-1], slope[:, 1:]
        one, two = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
        safe = (left > 0) & (right > 0)
        harmonic = one / np.where(safe, left, 1.0) + two / np.where(safe, right, 1.0)
        tangent[:, 1:-1] = np.where(safe, (one + two) / harmonic, 0.0)
        tangent[:, 0] = slope[:, 0]
        tangent[:, -1] = slope[:, -1]
        piece = self.pieces
        share = (self.inner_score - self.score[piece]) / width[piece]
        h00 = (1 + 2 * share) * (1 - share) ** 2
        h10 = share * (1 - share) ** 2
        h01 = share**2 * (3 - 2 * share)
        h11 = share**2 * (share - 1)
        inner = (
            given[:, piece] * h00
            + given[:, piece + 1] * h01
            + (tangent[:, piece] * h10 + tangent[:, piece + 1] * h11) * width[piece]
        )
        low = given[:, :1] + slope[:, :1] * (self.low_score - self.score[0])
        low = np.maximum(low, 0.0)
        bottom = np.maximum(2 * low - given[:, :1], 0.0)
        knots = np.hstack([bottom, low, inner, given[:, -1:], self._tail_knots(given)])
        return np.maximum.accumulate(knots, axis=1)

    def coarse(self, given: Array, mean: Array, smooth: Array) -> Array:
        """Knots (N, K) of slow demand: power curves between given quantiles, their power set by the mean."""
        knots = smooth.copy()
        top = given[:, -1]
        rest = 1 - self.given[-1]
        beyond = (1 - self.levels[self.inner.stop :]) / rest
        # An exponential tail, thin where a single unit parts the last two quantiles: the last one then covers
        # more than its level says. It is thickened below where the mean can't be reached otherwise.
        gap = top - given[:, -2]
        excess = np.maximum(gap, 0.5) * np.interp(gap, [1.0, 3.0], [0.3, 0.62])
        steps = np.append(-np.log(beyond[:-1]), 2 - np.log(beyond[-2]))
        # All given quantiles 0 and yet some demand: the mean sits beyond the last of them.
        hidden = (top <= 0) & (mean > 0)
        area = ((steps[1:] + steps[:-1]) / 2 * -np.diff(1 - self.levels[self.inner.stop :])).sum()
        probability = np.diff(self.given)
        start = knots[:, 0:3]
        below = ((start[:, 1:] + start[:, :-1]) / 2 * np.diff(self.levels[:3])).sum(axis=1)
        base = below + (given[:, :-1] * probability).sum(axis=1) + top * rest
        span = (np.diff(given, axis=1) * probability).sum(axis=1)
        want = mean - base - area * excess
        short = np.maximum(want - _WIDEST * span, 0.0)
        excess = np.where(hidden, mean / area, np.minimum(excess + short / area, 6 * excess))
        excess[(top <= 0) & (mean <= 0)] = 0.0
        knots[:, self.inner.stop :] = top[:, None] + excess[:, None] * steps
        want = np.where(span > 0, want / np.where(span > 0, span, 1.0), 0.5)
        power = 1 / np.clip(want, 1 - _WIDEST, _WIDEST) - 1
        piece = self.pieces
        curve = self.shares[None, :] ** power[:, None]
        knots[:, self.inner] = given[:, piece] + (given[:, piece + 1] - given[:, piece]) * curve
        return np.maximum.accumulate(knots, axis=1)


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
    levels = parts[0].levels
    count = len(parts[0].knots)
    middles = np.concatenate([(p.knots[:, 1:] + p.knots[:, :-1]) / 2 for p in parts], axis=1)
    share = np.diff(levels)
    mass = np.concatenate([weights[:, j : j + 1] * share for j in range(len(parts))], axis=1)
    order = np.argsort(middles, axis=1)
    value = np.take_along_axis(middles, order, axis=1)
    mass = np.take_along_axis(mass, order, axis=1)
    running = np.cumsum(mass, axis=1)
    running = (running - mass / 2) / running[:, -1:]
    depth = value.shape[1]
    offset = 2.0 * np.arange(count)[:, None]
    found = np.searchsorted((running + offset).ravel(), (levels + offset).ravel()).reshape(count, -1)
    right = np.clip(found - (np.arange(count) * depth)[:, None], 1, depth - 1)
    left = right - 1
    low, high = np.take_along_axis(running, left, axis=1), np.take_along_axis(running, right, axis=1)
    share_in = np.clip((levels - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    below, above = np.take_along_axis(value, left, axis=1), np.take_along_axis(value, right, axis=1)
    knots = below + (above - below) * share_in
    top = np.max(
        np.stack([np.where(weights[:, j] > 1e-9, p.knots[:, -1], 0.0) for j, p in enumerate(parts)]), axis=0
    )
    low_end = np.min(
        np.stack([np.where(weights[:, j] > 1e-9, p.knots[:, 0], np.inf) for j, p in enumerate(parts)]), axis=0
    )
    knots[:, -1] = np.maximum(knots[:, -1], top)
    knots[:, 0] = np.minimum(knots[:, 0], low_end)
    return Spread.from_knots(np.maximum.accumulate(knots, axis=1), levels)
