"""Levels from averages of past demand: min/max rules, and z times sigma."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.classic.base import Situation, moments
from replenishment.core.simulate import Schedule

Array = npt.NDArray[Any]

_HALF_YEAR_DAYS = 182.0
_QUARTER_DAYS = 91.0


def minmax(situation: Situation) -> Schedule:
    """Minimum = (lead time + cover) x mean demand of the last 26 weeks, set once.

    An item without history is given its minimum at the first quarter's end at which it has one.
    """
    since, points, rates = _minmax(situation)
    for row in range(1, len(since)):
        points[row] = np.where(np.isfinite(points[row - 1]), points[row - 1], points[row])
        rates[row] = np.where(np.isfinite(rates[row - 1]), rates[row - 1], rates[row])
    return situation.scheduled(since, points, rates)


def minmax_refreshed(situation: Situation) -> Schedule:
    """The same, set anew every 13 weeks."""
    return situation.scheduled(*_minmax(situation))


def _minmax(situation: Situation) -> tuple[Array, Array, Array]:
    since = situation.reviews(_QUARTER_DAYS)
    window = situation.periods(_HALF_YEAR_DAYS)
    rates = np.array([moments(situation.history.known(period, window))[0] for period in since.tolist()])
    cover = situation.cover_days / situation.history.period_days
    return since, (situation.lead + cover) * rates, rates


def moving_average(situation: Situation) -> Schedule:
    """Mean demand over the protection interval + z sigma sqrt(L + R), from the last 13 weeks."""
    return _averaged(situation, np.zeros_like(situation.lead_sd))


def moving_average_lead_time(situation: Situation) -> Schedule:
    """The same with the variance of the lead time: sigma^2 (L + R) + mean^2 sd_L^2."""
    return _averaged(situation, situation.lead_sd)


def _averaged(situation: Situation, lead_sd: Array) -> Schedule:
    since = situation.reviews()
    window = situation.periods(_QUARTER_DAYS)
    points = np.empty((len(since), len(situation.items)))
    rates = np.empty_like(points)
    for row, period in enumerate(since.tolist()):
        mean, sigma = moments(situation.history.known(period, window))
        spread = np.sqrt(sigma**2 * situation.span + mean**2 * lead_sd**2)
        points[row], rates[row] = mean * situation.span + situation.z * spread, mean
    return situation.scheduled(since, points, rates)
