"""Lead time on the grid of the forecast: which whole numbers of periods an order takes, with what
probability.

An order placed at the close of period t serves demand from period t + 1 + round(lead time / d) on. Lead times
are gamma distributed. No order overtakes another: it waits for the one before it, so a lead time in effect is
the longest of its own, the last one's less one gap between orders, the last but one's less two gaps, and so
on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NODES = 9  # values that stand for a random lead time
_EARLIER = 5  # orders before this one that may still hold it back
_LONGEST = 2.0**30  # periods


@dataclass(frozen=True, eq=False)
class LeadTime:
    """Lead time in periods: ``periods`` (N, J), at least 0, with ``weights`` (N, J) that sum to 1."""

    periods: Array
    weights: Array

    @property
    def mean(self) -> Array:
        """Mean periods (N,)."""
        return np.asarray((self.periods * self.weights).sum(axis=1))


def review_periods(review_days: Array, period_days: float) -> Array:
    """Periods between two reviews on the grid: at least one."""
    return np.asarray(np.maximum(1.0, np.round(review_days / period_days)))


def constant(mean_days: Array, period_days: float) -> LeadTime:
    """Lead times that never vary."""
    periods = np.round(mean_days / period_days)[:, None]
    return LeadTime(periods, np.ones_like(periods))


def gamma(mean_days: Array, sd_days: Array, period_days: float, gap_periods: Array) -> LeadTime:
    """Gamma lead times with mean and standard deviation (N,) in days, both above 0.

    ``gap_periods`` (N,) is the usual time between two orders. Where the lead time spans more whole periods
    than there are nodes, each node stands for a run of them.
    """
    from scipy.special import gammainc, gammaincinv

    # A deviation of more than thirty means is next to always 0: no need to go there.
    shape = np.maximum((mean_days / sd_days) ** 2, 1e-3)
    scale = mean_days / shape / period_days
    low = np.floor(gammaincinv(shape, 0.001) * scale + 0.5)
    high = np.floor(gammaincinv(shape, 0.999) * scale + 0.5)
    run = np.maximum(1.0, np.ceil((high - low + 1) / NODES))
    edges = low[:, None] - 0.5 + run[:, None] * np.arange(NODES + 1)
    below = np.ones_like(edges)
    crossing = sd_days / period_days > 0.2 * gap_periods
    for earlier in range(_EARLIER + 1):
        rows = slice(None) if earlier == 0 else crossing
        later = edges[rows] + earlier * gap_periods[rows, None]
        below[rows] *= gammainc(shape[rows, None], np.maximum(later, 0.0) / scale[rows, None])
    below[:, 0] = 0.0
    below[:, -1] = 1.0
    weights = np.diff(below, axis=1)
    periods = low[:, None] + run[:, None] * np.arange(NODES) + (run[:, None] - 1) / 2
    return LeadTime(periods, weights)


def merging(time: LeadTime, mean_days: Array, sd_days: Array, period_days: float, gaps: Array) -> Array:
    """Chance that an order arrives with the one before it, having caught up (N,).

    ``time`` is the lead time in effect, ``gaps`` (N, 2) the shortest and the mean time between two orders in
    periods. Such orders make one receipt: they end no cycle of their own.
    """
    from scipy.special import gammainc

    shape = np.maximum((mean_days / sd_days) ** 2, 1e-3)[:, None]
    scale = mean_days[:, None] / shape / period_days
    least, mean = gaps[:, :1], gaps[:, 1:]
    found = np.zeros(len(mean_days))
    # As often early as late: half of the orders follow after the mean gap, a quarter each at its two ends.
    for gap, share in ((least, 0.25), (mean, 0.5), (2 * mean - least, 0.25)):
        caught = gammainc(shape, np.maximum(time.periods - gap + 0.5, 0.0) / scale)
        found += share * (caught * time.weights).sum(axis=1)
    return np.asarray(np.minimum(found, 0.95))


def drawn(
    names: Sequence[str], mean_days: Array, sd_days: Array, period_days: float, periods: int, *, seed: int
) -> Array:
    """Lead times in whole periods, int32 (periods, N): row t is that of an order placed at the close of t.

    Constant where the deviation is 0, else gamma. A draw hangs on the seed, the item's name and the period
    alone: not on the other items, nor on what was ordered before, so that policies are compared on the same
    lead times.
    """
    from scipy.special import gammainc, gammaincinv

    found = np.empty((periods, len(names)), dtype=np.int32)
    found[:] = np.minimum(np.round(mean_days / period_days), _LONGEST)
    for row in np.flatnonzero((sd_days > 0) & (mean_days > 0)).tolist():
        key = int.from_bytes(hashlib.blake2b(names[row].encode(), digest_size=8).digest())
        chance = np.random.default_rng([seed, key]).random(periods)
        shape = max((mean_days[row] / sd_days[row]) ** 2, 1e-3)
        scale = mean_days[row] / shape / period_days
        longest = gammaincinv(shape, chance.max(initial=0.0)) * scale
        if longest > periods:
            found[:, row] = np.minimum(np.round(gammaincinv(shape, chance) * scale), _LONGEST)
        else:  # the same in a fraction of the time: between which half periods a chance lies
            halves = np.arange(int(longest) + 2) + 0.5
            found[:, row] = np.searchsorted(gammainc(shape, halves / scale), chance)
    return found
