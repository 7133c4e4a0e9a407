"""Levels from resampled past demand over the lead time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.classic.base import Situation
from replenishment.core.simulate import Schedule

Array = npt.NDArray[Any]

SAMPLES = 400
_YEAR_DAYS = 364.0
_MONTH_DAYS = 28.0
_BLOCK_DAYS = 7.0
_ITEMS = 1024  # items worked on at once


def bootstrap(situation: Situation) -> Schedule:
    """The target's quantile of bootstrapped demand over the lead time and a review.

    Each sample draws a lead time and adds up that many periods of the last year's demand, drawn with
    replacement: single weeks or months, or runs of seven days (Künsch's block bootstrap keeps their weekdays
    together). Set anew every four weeks.
    """
    since = situation.reviews(_MONTH_DAYS)
    window = situation.periods(_YEAR_DAYS)
    run = situation.periods(_BLOCK_DAYS)
    spans = _spans(situation)
    rng = np.random.default_rng(situation.seed)
    starts = rng.random((-(-int(spans.max(initial=1)) // run), SAMPLES))
    points = np.empty((len(since), len(situation.items)))
    rates = np.empty_like(points)
    target = situation.target
    for row, period in enumerate(since.tolist()):
        known = situation.history.known(period, window)
        for first in range(0, known.shape[1], _ITEMS):
            part = slice(first, first + _ITEMS)
            rates[row, part], sums = _resampled(known[:, part], spans[part], starts, run)
            sums.sort(axis=1)
            place = np.ceil(target[part] * SAMPLES).astype(np.int64) - 1
            points[row, part] = sums[np.arange(len(sums)), np.clip(place, 0, SAMPLES - 1)]
    return situation.scheduled(since, points, rates)


def _spans(situation: Situation) -> Array:
    """Periods of each sample's interval (N, B): a drawn lead time and a review, the same draws for all."""
    from scipy.special import gammaincinv

    items, days = situation.items, situation.history.period_days
    chance = (np.random.default_rng(situation.seed + 1).permutation(SAMPLES) + 0.5) / SAMPLES
    spans = np.round(situation.lead)[:, None] + np.zeros(SAMPLES)
    random = np.flatnonzero((items.lead_time_sd > 0) & (items.lead_time_mean > 0))
    terms = np.column_stack([items.lead_time_mean[random], items.lead_time_sd[random]])
    for (mean, sd), row in zip(*_distinct(terms), strict=True):
        shape = max((mean / sd) ** 2, 1e-3)
        spans[random[row]] = np.round(gammaincinv(shape, chance) * mean / shape / days)
    return np.asarray((spans + situation.review[:, None]).astype(np.int64))


def _distinct(terms: Array) -> tuple[list[tuple[float, float]], list[Array]]:
    values, inverse = np.unique(terms, axis=0, return_inverse=True)
    order = inverse.reshape(-1)
    rows = [np.flatnonzero(order == index) for index in range(len(values))]
    return [(float(mean), float(sd)) for mean, sd in values], rows


def _resampled(known: Array, spans: Array, starts: Array, run: int) -> tuple[Array, Array]:
    """Mean demand of a period (N,) and sums (N, B) over ``spans`` periods of demand (K, N); NaN where there
    is none.
    """
    seen = np.isfinite(known)
    number = seen.sum(axis=0)
    rate = np.where(number > 0, np.where(seen, known, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)
    first = np.where(number > 0, seen.argmax(axis=0), 0)[:, None]
    filled = np.where(seen, known, rate)
    total = np.zeros((known.shape[1], len(known) + 1))
    np.cumsum(np.nan_to_num(filled.T), axis=1, out=total[:, 1:])
    length = len(known) - first  # periods since an item's first row
    sums = np.zeros(spans.shape)
    rows = np.arange(len(total))[:, None]
    for block, start in enumerate(starts):
        take = np.clip(spans - block * run, 0, run)
        if not take.any():
            break
        own = np.minimum(take, length)  # a history shorter than a run of days is drawn whole, and scaled
        begin = first + np.floor(start * (length - own + 1)).astype(np.int64)
        drawn = total[rows, begin + own] - total[rows, begin]
        sums += drawn * np.where(own > 0, take / np.maximum(own, 1), 0.0)
    return rate, np.where(number[:, None] > 0, sums, np.nan)
