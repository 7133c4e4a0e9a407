"""The next quarter against the last: how much it is expected to change, how sure that is, and the direction.

Expected log change = what the group's season does + the series' own signs times weights. The weights start
from priors, which are the rules for a shop without history, and are drawn to what the shop's own past origins
say (ridge regression towards the priors, that is Bayesian linear regression with the priors as means: Gelman
et al., Bayesian Data Analysis, 2013, section 14.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.trends.signs import NAMES, QUARTER, Signs, signs_at

Array = npt.NDArray[Any]

BAND = 0.1
DOWN, STABLE, UP = -1, 0, 1
PRIOR = {
    "before": 0.15,
    "two_before": 0.1,
    "three_before": 0.05,
    "month": 0.15,
    "half": 0.15,
    "own_season": 0.4,
    "last_year": 0.1,
    "median": 0.15,
    "silent": -0.2,
    "young": -0.2,
    "size": 0.0,
    "trend": 1.0,
}
# The priors count as much as so many rows whose sign is 1 each.
_STRENGTH = 500.0
_SPREAD_PRIOR = np.array([0.05, 0.6, 0.0, 0.0, 0.1])
_SPREAD_STRENGTH = 50.0
_LEAST_SPREAD = 0.08
_FREEDOM = 3.0
# A t distribution of 3 degrees has this scale where its mean absolute deviation is 1.
_SCALE = 0.9069
_MOST_ROWS = 5_000
_STEP = 3
_MOST_ORIGINS = 17
_LEAST_WEEKS = 2 * QUARTER


@dataclass(frozen=True, eq=False)
class PastOrigins:
    """What could be learned from: signs at past origins with what then happened, row by row of both.

    ``change`` is the log change of the series less that of its group. ``signs`` hold sampled series, at most
    5,000 of an origin; ``rows`` are those among them that sold in the quarter before it.
    """

    signs: Sequence[Signs]
    rows: Sequence[Array]
    change: Array

    def stacked(self) -> tuple[Array, Array]:
        """Signs (R, F) and what the spread depends on (R, G)."""
        pairs = list(zip(self.signs, self.rows, strict=True))
        return (
            np.concatenate([signs.x[rows] for signs, rows in pairs]),
            np.concatenate([signs.around[rows] for signs, rows in pairs]),
        )


@dataclass(frozen=True, eq=False)
class Outlook:
    """For each series, (N,): the expected log change, its spread, and the chances (N, 3) of down, stable, up.

    ``parts`` (N, F) are the own signs' terms of the change, in the order of ``signs.NAMES``; what the season
    of the group adds is in the signs.
    """

    change: Array
    spread: Array
    chances: Array
    parts: Array

    @property
    def direction(self) -> Array:
        """The likeliest direction: -1, 0 or 1."""
        return np.asarray(self.chances.argmax(axis=1) - 1)


@dataclass(frozen=True, eq=False)
class OutlookModel:
    """Weights of the signs, and of what the spread depends on."""

    intercept: float
    weights: Array
    spread: Array

    @classmethod
    def fit(cls, past: PastOrigins | None) -> OutlookModel:
        """Weights from past origins; the priors where there are none."""
        prior = np.array([PRIOR[name] for name in NAMES])
        if past is None:
            return cls(0.0, prior, _SPREAD_PRIOR)
        x, around = past.stacked()
        # Noisy series say less of the weights.
        trust = 1 / np.maximum(around[:, 1], 0.15) ** 2
        trust /= trust.mean()
        design = np.column_stack([np.ones(len(x)), x])
        step = _ridge(design, past.change - x @ prior, trust, _STRENGTH)
        weights = prior + step[1:]
        error = np.abs(past.change - step[0] - x @ weights)
        plain = np.ones(len(x))
        spread = _SPREAD_PRIOR + _ridge(around, error - around @ _SPREAD_PRIOR, plain, _SPREAD_STRENGTH)
        return cls(float(step[0]), weights, spread)

    def predict(self, signs: Signs) -> Outlook:
        """The outlook at the signs' origin."""
        parts = signs.x * self.weights
        change = self.intercept + parts.sum(axis=1) + signs.season
        spread = np.hypot(np.maximum(signs.around @ self.spread, _LEAST_SPREAD), signs.season_spread)
        return Outlook(change, spread, direction_chances(change, spread), parts)


def direction_chances(change: Array, spread: Array) -> Array:
    """The chances (N, 3) of down, stable and up from the expected log change and its mean deviation.

    Around the expectation is a t distribution of 3 degrees of freedom: large changes are common.
    """
    from scipy.special import stdtr

    scale = _SCALE * spread
    down = stdtr(_FREEDOM, (np.log(1 - BAND) - change) / scale)
    up = stdtr(_FREEDOM, (change - np.log(1 + BAND)) / scale)
    return np.column_stack([down, 1 - down - up, up])


def directions(before: Array, after: Array) -> Array:
    """-1, 0 or 1: a quarter's units more than 10% below, about at or more than 10% above the one before."""
    return np.where(after > (1 + BAND) * before, UP, np.where(after < (1 - BAND) * before, DOWN, STABLE))


def past_origins(y: Array, origin: int, groups: Array) -> PastOrigins | None:
    """The origins whose next quarter was over before column ``origin``; None where history is too short.

    Every third week, the latest 17 at most.
    """
    ends = range(origin - QUARTER, _LEAST_WEEKS - 1, -_STEP)[:_MOST_ORIGINS]
    found: list[Signs] = []
    rows: list[Array] = []
    change: list[Array] = []
    for end in ends:
        sampled = _sampled(y[:, :end])
        signs = signs_at(y, end, groups, sampled)
        after = np.nansum(y[sampled, end : end + QUARTER], axis=1)
        alive = np.flatnonzero(signs.is_alive)
        if not len(alive):
            continue
        ratio = np.log((after / QUARTER + signs.floor) / (signs.last / QUARTER + signs.floor))
        group = groups[sampled]
        count = int(group.max()) + 1
        top = np.bincount(group[alive], after[alive], count)
        bottom = np.bincount(group[alive], signs.last[alive], count)
        whole = max(top.sum(), 1e-12) / bottom.sum()
        shared = np.log(
            (top + 0.1 * bottom * whole) / np.where(bottom > 0, 1.1 * bottom, 1.0) + (bottom <= 0)
        )
        found.append(signs)
        rows.append(alive)
        change.append(np.clip(ratio - shared[group], -3, 3)[alive])
    if not found:
        return None
    return PastOrigins(found, rows, np.concatenate(change))


def _sampled(past: Array) -> Array:
    """Rows to learn from: all, or some spread evenly over the ranks of what was sold."""
    if len(past) <= _MOST_ROWS:
        return np.arange(len(past))
    sold = [np.nansum(past[:, -weeks:], axis=1) for weeks in (QUARTER, 4 * QUARTER)]
    rank = np.lexsort((*sold, np.nansum(past, axis=1)))
    return np.asarray(rank[np.linspace(0, len(past) - 1, _MOST_ROWS).astype(np.int64)])


def _ridge(x: Array, y: Array, trust: Array, strength: float) -> Array:
    """Weighted least squares, all columns drawn to 0 by ``strength`` times the squared weights."""
    weighted = x * trust[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ x + strength * np.eye(x.shape[1]), weighted.T @ y))
