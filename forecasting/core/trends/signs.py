"""What a panel says, at an origin, of where each series goes in the next quarter: as figures of one row each.

Nothing at or after the origin is read. All figures are logarithms of ratios or shares, so that a panel in
dozens gives the same as one in units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.trends.statistics import SteadyTrend, smoothed, steady_trend

Array = npt.NDArray[Any]

QUARTER = 13
YEAR = 52
TREND_WEEKS = 39
_LEAST_KNOWN = 4
_FLOOR = 0.1
# A group's season counts as its own as far as its series outnumber so many.
_POOL = 20.0

NAMES = (
    "before",
    "two_before",
    "three_before",
    "month",
    "half",
    "own_season",
    "last_year",
    "median",
    "silent",
    "young",
    "size",
    "trend",
)
SPREAD_NAMES = ("one", "volatility", "silent", "size", "young")


@dataclass(frozen=True, eq=False)
class Signs:
    """Figures at an origin, one row per series.

    ``x`` (N, F) in the order of ``NAMES``; ``season`` (N,): the log change that the series' group is expected
    to make, ``season_spread`` (N,) how far off that may be beyond the series' own spread; ``around`` (N, G)
    in the order of ``SPREAD_NAMES``: what the uncertainty depends on. ``last`` and ``before`` (N,) are the
    units of the last 13 weeks and of the 13 before; ``floor`` (N,) the units a week that are added before
    logarithms are taken. ``steady`` holds the trend of the series' share of its group over 39 weeks,
    ``weight`` (N,) how steady that is, 0 to 1.
    """

    x: Array
    season: Array
    season_spread: Array
    climb: float
    around: Array
    last: Array
    before: Array
    floor: Array
    steady: SteadyTrend
    weight: Array

    @property
    def is_alive(self) -> Array:
        """Sold something in the last 13 weeks."""
        return np.asarray(self.last > 0)


def signs_at(y: Array, origin: int, groups: Array, rows: Array | None = None) -> Signs:
    """The figures from the weeks before column ``origin`` of ``y`` (N, T), of all its rows or of some.

    ``y`` is units a week, NaN before a series' first sale; ``groups`` (N,) are numbers from 0 of the group
    (category) whose season a series shares.
    """
    past = y[:, max(0, origin - 2 * YEAR) : origin]
    weeks = past.shape[1]
    pooled = _Pool(past, groups)
    sold = np.nansum(past[:, -QUARTER:], axis=1)
    # A product's size is against the middle one's.
    middle = np.median(np.log(sold[sold > 0])) if (sold > 0).any() else 0.0
    if rows is not None:
        past = past[rows]
        pooled.groups = groups[rows]
    year = past[:, -YEAR:]
    known = np.isfinite(year).sum(axis=1)
    level = np.nansum(year, axis=1) / np.maximum(known, 1)
    floor = _FLOOR * np.where(level > 0, level, 1.0)

    def log_mean(first: int, last: int) -> Array:
        return np.log(_mean(past, first, last) + floor)

    now = log_mean(QUARTER, 0)
    ahead, climb = pooled.season()
    season = ahead + climb
    # A quarter that was seen at its height, but never on the way there, may as well be no season at all.
    season_spread = np.abs(ahead) if weeks < YEAR + QUARTER else np.zeros(len(past))
    steady = pooled.share_trend(past, floor)
    weight = steadiness(steady.tau)
    # Past quarters against the last one, less what the whole group did: a steady trend does not turn back.
    back = [
        (log_mean(QUARTER * (k + 1), QUARTER * k) - now - pooled.change(QUARTER * (k + 1), QUARTER * k))
        for k in (1, 2, 3)
    ]
    half, month = log_mean(7, 0) - now, log_mean(4, 0) - now
    missing = np.full(len(past), np.nan)
    a_year_ago = log_mean(YEAR, YEAR - QUARTER) if weeks >= YEAR else missing
    own = a_year_ago - log_mean(YEAR + QUARTER, YEAR) - season if weeks >= YEAR + QUARTER else missing
    quarter = past[:, -QUARTER:]
    last, before = np.nansum(quarter, axis=1), np.nansum(past[:, -2 * QUARTER : -QUARTER], axis=1)
    median = np.log(_median(quarter) + floor) - now
    silent = (quarter == 0).mean(axis=1)
    young = np.maximum(0.0, 1 - np.isfinite(past).sum(axis=1) / YEAR)
    size = np.where(last > 0, (np.log(np.where(last > 0, last, 1.0)) - middle) / 5, 0.0)
    x = np.column_stack(
        [
            *(turn * (1 - weight) for turn in back),
            month,
            half,
            own,
            a_year_ago - now - season,
            median,
            silent,
            young,
            size,
            QUARTER * steady.slope * weight,
        ]
    )
    x = np.where(np.isfinite(x), np.clip(x, -3, 3), 0.0)
    around = np.column_stack([np.ones(len(past)), _volatility(year, floor), silent, size, young])
    return Signs(x, season, season_spread, climb, around, last, before, floor, steady, weight)


def steadiness(tau: Array) -> Array:
    """How far a trend goes only one way, 0 to 1: nothing up to a tau of 0.4, all of it from 0.8."""
    return np.asarray(np.clip((np.abs(tau) - 0.4) / 0.4, 0.0, 1.0))


class _Pool:
    """Sums of each group over weeks, drawn towards those of all series where a group has few."""

    def __init__(self, past: Array, groups: Array) -> None:
        self.groups = groups
        self.count = int(groups.max(initial=0)) + 1
        filled = np.where(np.isfinite(past), past, 0.0)
        self.total = np.zeros((self.count, past.shape[1]))
        np.add.at(self.total, groups, filled)
        size = np.bincount(groups, minlength=self.count)
        self.own = size / (size + _POOL)
        self.whole = self.total.sum(axis=0)

    def change(self, first: int, last: int) -> Array:
        """Log of the mean of weeks ``first`` to ``last`` back over that of the last 13, by group (N,)."""
        return self._ratio(slice_back(first, last), slice_back(QUARTER, 0))

    def season(self) -> tuple[Array, float]:
        """The log change of the next 13 weeks on the last 13: by last year's (N,), and by the trend of all.

        With 65 weeks, last year's change itself; from 52 weeks on, last year's quarter over this one's, which
        takes a steady climb for a season: as far as the year went one way, its trend counts instead. Under
        52 weeks there is the trend alone.
        """
        weeks = len(self.whole)
        if weeks >= YEAR + QUARTER:
            ahead = self._ratio(slice_back(YEAR, YEAR - QUARTER), slice_back(YEAR + QUARTER, YEAR))
        elif weeks >= YEAR:
            ahead = self._ratio(slice_back(YEAR, YEAR - QUARTER), slice_back(QUARTER, 0))
        else:
            ahead = np.zeros(len(self.groups))
        line = np.log(smoothed(self.whole[None]) + 0.01 * max(self.whole.mean(), 1e-12))
        trend = steady_trend(line[:, -YEAR:])
        weight = float(steadiness(trend.tau)[0])
        return (1 - weight) * ahead, weight * QUARTER * float(trend.slope[0])

    def share_trend(self, past: Array, floor: Array) -> SteadyTrend:
        """The steady trend over 39 weeks of what each of the rows ``past`` (R, T) sells beside all series."""
        whole = self.whole[-TREND_WEEKS:]
        line = np.log(smoothed(whole[None]) + 0.01 * max(whole.mean(), 1e-12))
        return steady_trend(np.log(past[:, -TREND_WEEKS:] + floor[:, None]) - line)

    def _ratio(self, over: slice, under: slice) -> Array:
        if len(self.whole) < -(over.start or 0):
            return np.zeros(len(self.groups))
        width = len(self.whole[under]) / len(self.whole[over])
        if not self.whole[over].sum() > 0 or not self.whole[under].sum() > 0:
            return np.zeros(len(self.groups))
        whole = self.whole[over].sum() * width / self.whole[under].sum()
        top, bottom = self.total[:, over].sum(axis=1) * width, self.total[:, under].sum(axis=1)
        # A tenth of the group's own sales behaves as the whole: no group's ratio is infinite.
        extra = 0.1 * np.maximum(bottom, top / whole)
        own = np.where(extra > 0, (top + whole * extra) / np.where(extra > 0, bottom + extra, 1.0), whole)
        log: Array = self.own * np.log(own) + (1 - self.own) * np.log(whole)
        return np.asarray(log[self.groups])


def slice_back(first: int, last: int) -> slice:
    """Columns from ``first`` weeks back up to ``last`` weeks back, of an array that ends at the origin."""
    return slice(-first, -last or None)


def _mean(past: Array, first: int, last: int) -> Array:
    """Means of weeks back; NaN where the panel is too short or fewer than four weeks are known."""
    if first > past.shape[1]:
        return np.full(len(past), np.nan)
    part = past[:, slice_back(first, last)]
    known = np.isfinite(part).sum(axis=1)
    return np.where(known >= _LEAST_KNOWN, np.nansum(part, axis=1) / np.maximum(known, 1), np.nan)


def _median(part: Array) -> Array:
    """The median of each row's known weeks, 0 where none is."""
    rank = np.sort(np.where(np.isfinite(part), part, np.inf), axis=1)
    known = np.isfinite(part).sum(axis=1)
    rows = np.arange(len(part))
    low, high = (
        rank[rows, np.maximum(known - 1, 0) // 2],
        rank[rows, known // 2 - (known // 2 >= rank.shape[1])],
    )
    return np.where(known > 0, (low + np.where(np.isfinite(high), high, low)) / 2, 0.0)


def _volatility(year: Array, floor: Array) -> Array:
    """The standard deviation of log weekly sales over a year."""
    logs = np.log(year + floor[:, None])
    seen = np.isfinite(logs)
    count = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, logs, 0.0).sum(axis=1) / count
    spread = np.where(seen, (logs - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    return np.asarray(np.sqrt(spread))
