"""Levels from single exponential smoothing and the spread of its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.classic.base import Situation
from replenishment.core.simulate import Schedule

Array = npt.NDArray[Any]

PARAMETERS = (0.05, 0.1, 0.2, 0.3, 0.5)
_MONTH_DAYS = 28.0
_HALVINGS = 40


def ses(situation: Situation) -> Schedule:
    """Level over the protection interval + z sqrt(sigma^2 (L + R) + level^2 sd_L^2), sigma that of errors."""
    since = situation.reviews()
    level, sigma = smoothed(situation, since)
    spread = np.sqrt(sigma**2 * situation.span + level**2 * situation.lead_sd**2)
    return situation.scheduled(since, level * situation.span + situation.z * spread, level)


def smoothed(situation: Situation, since: Array) -> tuple[Array, Array]:
    """Level and root mean square of one-step errors (E, N), known at the close of the periods ``since``.

    The smoothing parameter is the one with the least squared error so far, of `PARAMETERS`. Demand that is
    unknown leaves the level where it is.
    """
    history = situation.history
    count = len(history.unique_id)
    alphas = np.array(PARAMETERS)[:, None]
    level = np.full((len(alphas), count), np.nan)
    squares, number = np.zeros((len(alphas), count)), np.zeros(count)
    levels, sigmas = np.empty((len(since), count)), np.empty((len(since), count))
    row, columns = 0, np.arange(count)
    for period in range(len(history.demand)):
        demand = history.demand[period]
        seen, started = np.isfinite(demand), np.isfinite(level[0])
        error = np.where(seen & started, demand - level, 0.0)
        squares += error**2
        number += seen & started
        level = np.where(started, level + alphas * error, np.where(seen, demand, np.nan))
        if row < len(since) and period == history.begin + since[row]:
            best = squares.argmin(axis=0)
            levels[row] = level[best, columns]
            sigmas[row] = np.sqrt(squares[best, columns] / np.maximum(number, 1))
            row += 1
    return levels, sigmas


def ses_allocated(situation: Situation) -> Schedule:
    """SES with gamma demand over the protection interval, service shared out by cost.

    Items with the same target are together served that share of their units with the least stock value: the
    chance of a stock-out of each is in proportion to what it costs to hold a unit over a review, so that the
    last unit of money returns the same everywhere. Set anew every four weeks.
    """
    since = situation.reviews(_MONTH_DAYS)
    level, sigma = smoothed(situation, since)
    mean = level * situation.span
    variance = sigma**2 * situation.span + level**2 * situation.lead_sd**2
    points = np.full_like(level, np.nan)
    held = situation.items.unit_cost * situation.review
    for row in range(len(since)):
        for target in np.unique(situation.target):
            chosen = (situation.target == target) & np.isfinite(level[row])
            points[row, chosen] = _shared(
                mean[row, chosen],
                variance[row, chosen],
                (level[row] * situation.review)[chosen],
                held[chosen],
                float(target),
            )
    return situation.scheduled(since, points, level)


def _shared(mean: Array, variance: Array, demand: Array, held: Array, target: float) -> Array:
    """Reorder points of items that are served together; ``demand`` is that of a review."""
    from scipy.special import gammaincc, gammaincinv

    points = mean.copy()
    rows = np.flatnonzero((mean > 0) & (variance > 0))
    if not len(rows):
        return points
    mean, demand, held = mean[rows], demand[rows], held[rows]
    shape = np.maximum(mean**2 / variance[rows], 1e-3)
    scale = mean / shape

    def at(price: float) -> Array:
        return np.asarray(gammaincinv(shape, price / (price + held)) * scale)

    low, high = np.log(held.min()) - 12.0, np.log(held.max()) + 18.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = at(float(np.exp(middle)))
        short = mean * gammaincc(shape + 1, found / scale) - found * gammaincc(shape, found / scale)
        if float(np.minimum(short, demand).sum()) > (1 - target) * float(demand.sum()):
            low = middle
        else:
            high = middle
    points[rows] = at(float(np.exp(high)))
    return points
