"""How thick the tail of a distribution may be, so that its mean is the one that was forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_FROM = 0.95
_LEAST = 0.25
_SLACK_SHARE, _SLACK_UNITS = (
    0.02,
    0.5,
)  # by so much a mean may differ: quantiles of whole units are rounded up


def pinned(spread: Spread, mean: Array) -> Spread:
    """The distributions with tails beyond the 95% quantile thinned to where their means are ``mean`` (N,).

    A few quantiles leave the tail open, and what they suggest of it is thick where demand is lumpy: the mean
    that the quantiles imply is then above the one that was forecast with them. Demands beyond the 95%
    quantile are drawn towards it by one factor, no less than a quarter. Where means agree, nothing changes.
    """
    excess = spread.mean - (1 + _SLACK_SHARE) * np.asarray(mean, dtype=np.float64) - _SLACK_UNITS
    rows = np.flatnonzero(excess > 0)
    if not len(rows):
        return spread
    part = spread.take(rows)
    at = part.quantile(np.full(len(rows), _FROM))[:, None]
    tail = part.loss(at)[:, 0]
    factor = np.clip(1 - excess[rows] / np.maximum(tail, 1e-12), _LEAST, 1.0)[:, None]
    knots = np.array(spread.knots)
    knots[rows] = np.where(part.knots > at, at + (part.knots - at) * factor, part.knots)
    return spread.from_knots(knots, spread.levels)
