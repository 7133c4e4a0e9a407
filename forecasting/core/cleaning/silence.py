"""Periods without sales: before launch, after the end of life, by chance, or by a stock-out not recorded.

A run of zeros between two sales is a likely stock-out where chance hardly explains it. Zeros of one series
come singly or in clumps; both rates are counted on the series' other zeros, so that no run excuses itself,
and each period's chance follows its expected demand. The log odds of a stock-out are then the run's surprise
less those of a prior. A run at the end of history may be an end of life as well: it is left alone until it is
long enough to be called that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks

Array = npt.NDArray[Any]

# Odds against a stock-out before the run is seen: 30 times the series' runs of zeros, 100 at the least. So a
# series that often sells nothing has one unrecorded stock-out in 30 histories, not one in 30 runs.
_ODDS, _LEAST_ODDS = 30.0, 100.0
# Zeros' worth of "as rare after a zero as ever" in the rate of staying at zero.
_UNCLUMPED = 10.0
_LONGEST = {"D": 56, "W": 12, "M": 3}
_SEASON = {"D": 364, "W": 52, "M": 12}
_SILENT = 1e-3
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of zeros: (n,) series, first period, length, and how surprising a period is at usual demand.

    ``first_surprise`` is -log of the chance of a zero, ``next_surprise`` that of another zero after it;
    ``prior`` are the log odds against a stock-out.
    """

    series: Array
    first: Array
    length: Array
    first_surprise: Array
    next_surprise: Array
    prior: Array

    def take(self, rows: Array) -> Runs:
        """Some of the runs."""
        return Runs(
            self.series[rows],
            self.first[rows],
            self.length[rows],
            self.first_surprise[rows],
            self.next_surprise[rows],
            self.prior[rows],
        )

    @staticmethod
    def concat(parts: list[Runs]) -> Runs:
        """Runs of several sets of series as one."""
        return Runs(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Runs)))

    def cells(self) -> tuple[Array, Array, Array]:
        """Periods, series and run numbers of all cells of the runs."""
        run = np.repeat(np.arange(len(self.length)), self.length)
        step = np.arange(len(run)) - np.repeat(np.cumsum(self.length) - self.length, self.length)
        return self.first[run] + step, self.series[run], run


def launched(sold: Array) -> Array:
    """(N,) index of the first period with a sale; T for a series that never sold. ``sold`` is (T, N)."""
    return np.where(sold.any(axis=0), sold.argmax(axis=0), len(sold)).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Gaps:
    """Zeros between a series' first and last sale, (N,): the last sale's index, their number, the longest run
    and the number of runs.
    """

    last: Array
    zeros: Array
    widest: Array
    runs: Array


def gaps(sold: Array, silent: Array, launch: Array) -> Gaps:
    """Count zeros between sales; ``sold`` and ``silent`` (T, N) tell periods with sales and those seen in
    full without.
    """
    periods, count = sold.shape
    last = periods - 1 - sold[::-1].argmax(axis=0)
    gap, widest, runs, zeros = np.zeros((4, count), np.int32)
    for period in range(int(launch.min(initial=0)), periods):
        quiet = silent[period] & (period > launch) & (period < last)
        gap += 1
        gap *= quiet
        np.maximum(widest, gap, out=widest)
        runs += gap == 1
        zeros += quiet
    return Gaps(last, zeros, widest, runs)


def life_end(sold: Array, silent: Array, launch: Array, between: Gaps, freq: str) -> Array:
    """(N,) index of the period from which a series counts as ended, T where it goes on.

    ``sold`` and ``silent`` (T, N) tell periods with sales and those seen in full without. An end is called
    after half a season of silence or more, once that is improbable (1 in 1,000) at the series' rate of zeros,
    is longer than twice any gap before, and, where history reaches back, comes at a time of year that sold.
    The last condition falls away a quarter of a season after a whole one.
    """
    periods, count = sold.shape
    last, widest = between.last, between.widest
    rate = (between.zeros + 2) / (np.maximum(last - launch + 1, 1) + 4)
    season = _SEASON[freq]
    needed = np.maximum(np.ceil(np.log(_SILENT) / np.log(rate)), np.maximum(2 * widest, season // 2))
    result = np.full(count, periods, np.int32)
    never = launch >= periods
    for series in np.flatnonzero(~never & (periods - 1 - last >= needed)):
        first = int(last[series]) + 1
        quiet = np.cumsum(silent[first:, series])
        for length in (float(needed[series]), max(float(needed[series]), 1.25 * season)):
            if quiet[-1] < length:
                break
            end = first + int(np.searchsorted(quiet, length)) + 1
            before = sold[max(first - season, 0) : end - season, series]
            covered = first - season >= launch[series]
            if not covered or before.any() or length >= 1.25 * season:
                result[series] = end
                break
    return result


def zero_runs(sold: Array, silent: Array, between: Gaps, threads: int = 1) -> Runs:
    """Surprising runs of zeros between sales, before expected demand is known; arrays (T, N) as above."""
    # The longest run is the most surprising one: where it isn't, none is.
    left = between.zeros - between.widest
    seen = (silent | sold).sum(axis=0) - between.widest
    rate = (left + 0.5) / (np.maximum(seen, left) + 1.5)
    prior = np.log(np.maximum(_ODDS * between.runs, _LEAST_ODDS))
    rows = np.flatnonzero(-between.widest * np.log(rate) >= prior)
    found: dict[int, Runs] = {}

    def look(part: slice) -> None:
        own = rows[part]
        runs = _surprising(np.take(sold, own, axis=1), np.take(silent, own, axis=1))
        found[part.start] = replace(runs, series=own[runs.series])

    in_chunks(look, max(len(rows), 1), _CHUNK, threads)
    return Runs.concat([found[first] for first in sorted(found)])


def _surprising(sold: Array, silent: Array) -> Runs:
    count = sold.shape[1]
    after = np.logical_or.accumulate(sold, axis=0)
    quiet = silent & after
    after = np.logical_or.accumulate(sold[::-1], axis=0)[::-1]
    quiet &= after
    known = (quiet | sold).sum(axis=0)
    turned = np.ascontiguousarray(quiet.T)
    edge = np.zeros((count, 1), dtype=bool)
    series, first = np.nonzero(turned & ~np.hstack([edge, turned[:, :-1]]))
    _, stop = np.nonzero(turned & ~np.hstack([turned[:, 1:], edge]))
    length = stop - first + 1
    number = np.bincount(series, minlength=count)
    zeros = turned.sum(axis=1)
    others = zeros[series] - length
    rate = (others + 0.5) / (known[series] - length + 1.5)
    stay = (others - (number[series] - 1) + _UNCLUMPED * rate) / (others + _UNCLUMPED)
    first_surprise = -np.log(rate)
    next_surprise = -np.log(np.maximum(stay, rate))
    surprise = first_surprise + (length - 1) * next_surprise
    prior = np.log(np.maximum(_ODDS * number[series], _LEAST_ODDS))
    runs = Runs(series, first, length, first_surprise, next_surprise, prior)
    # (Expected demand can only lower the surprise, so that less than even odds stay so.)
    return runs.take(surprise >= prior)


def stock_out_chance(runs: Runs, mean: Array, whole: Array, sold: Array, freq: str) -> Array:
    """(n,) probability that each run is a stock-out, given expected demand (T, N) and each series' mean (N,).

    Zero for runs longer than a quarter of a year or so, for half that where there is no other year to compare
    with, and for those whose dates sold nothing in the year before or after either: season, or a range that
    is not always carried.
    """
    if not len(runs.length):
        return np.zeros(0)
    period, series, run = runs.cells()
    begins = np.cumsum(runs.length) - runs.length
    # More demand than usual makes silence no more surprising than usual: levels in between are guesses.
    share = np.minimum(mean[period, series] / np.maximum(whole[series], 1e-30), 1.0)
    surprise = np.where(period == runs.first[run], runs.first_surprise[run], runs.next_surprise[run])
    odds = np.add.reduceat(share * surprise, begins) - runs.prior
    chance = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    compared = np.zeros(len(chance), dtype=bool)
    launch = launched(sold)
    for season in (-_SEASON[freq], _SEASON[freq]):
        other = period + season
        inside = (other >= 0) & (other < len(sold))
        sales = sold[np.clip(other, 0, len(sold) - 1), series] & inside
        reached = np.logical_and.reduceat(inside, begins)
        # (Before launch nothing sold either: that is no season.)
        reached &= runs.first + season >= launch[runs.series]
        compared |= reached
        chance[reached & ~np.logical_or.reduceat(sales, begins) & (runs.length > 1)] = 0
    longest = np.where(compared, _LONGEST[freq], (_LONGEST[freq] + 1) // 2)
    chance[runs.length > longest] = 0
    return np.asarray(chance)
