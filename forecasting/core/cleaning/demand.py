"""`clean`: from sales to demand, with the reason for every difference. `docs/cleaning.md` explains it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.cleaning.expected import Expected, conditional_mean, expect
from forecasting.core.cleaning.silence import gaps, launched, life_end, stock_out_chance, zero_runs
from forecasting.core.cleaning.spikes import Spread, spread_of
from forecasting.core.distribution import Freq
from forecasting.core.panel import Panel

Array = npt.NDArray[Any]

# Up to so many series all are looked at closely; beyond, those with something to explain and a sample.
_ALL, _SAMPLE = 4000, 1000
_SCREEN_DEVIATIONS = 3.5
_NOTABLE_DEVIATIONS = 2.5
_BULK_ORDERS = 3
_LEAST_WEIGHT = 0.02
# What an estimate teaches: next to nothing new where nothing sold, more where sales give a lower bound.
_ESTIMATE_WEIGHT, _BOUND_WEIGHT = 0.25, 0.5
# A promotion may lift a single period this much beyond what its own effect says.
_PROMOTED, _PROMOTION_SLACK = 1.15, 1.5


class Reason(IntEnum):
    """Why a period's demand is not simply its sales, or teaches less than others."""

    NONE = 0
    STOCK_OUT = 1
    LIKELY_STOCK_OUT = 2
    BULK = 3
    OUTLIER = 4
    PROMOTION = 5
    CANCELLATION = 6
    RETURN = 7
    BEFORE_LAUNCH = 8
    AFTER_END = 9
    UNKNOWN = 10


@dataclass(frozen=True, eq=False)
class CleanDemand:
    """Demand behind the sales of a panel, (T, N) float32 unless said otherwise.

    - ``demand``: units; sales where they were seen in full, an estimate of at least the sales where stock ran
      out or likely did, NaN where unknown or before the start.
    - ``weight``: 0..1, how much a period may teach as a training target.
    - ``censored``: true where a stock-out was flagged; ``likely``: period, series and probability (n,) of
      those that were not.
    - ``reason``: uint8 codes of `Reason`.
    - ``launched`` (N,): index of the first period with a sale, T without any.
    - ``end`` (N,): index of the first period after the end of life was certain, T where it goes on.
    """

    freq: Freq
    demand: Array
    weight: Array
    censored: Array
    likely: tuple[Array, Array, Array]
    reason: Array
    launched: Array
    end: Array

    @property
    def probability(self) -> Array:
        """(T, N) probability of a stock-out; 1 where flagged."""
        result = self.censored.astype(np.float32)
        period, series, chance = self.likely
        result[period, series] = chance
        return result

    @property
    def ended(self) -> Array:
        """(N,) true where a series' life is over: long silent, improbably at its own rate."""
        return np.asarray(self.end < len(self.demand))

    @property
    def estimated(self) -> Array:
        """(T, N) true where demand is an estimate because of a flagged or likely stock-out."""
        return np.asarray((self.reason == Reason.STOCK_OUT) | (self.reason == Reason.LIKELY_STOCK_OUT))


def clean(panel: Panel, *, stocked: Array | None = None, threads: int = 1) -> CleanDemand:
    """Estimate the demand behind a panel's sales, period by period, with reasons and weights.

    ``stocked`` (T, N) is true where a record says that stock never ran out: no stock-out is inferred there.
    Reads nothing after the panel's last period but known columns' own history.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    y = panel.y
    known = np.isfinite(y)
    units = np.where(known, y, np.float32(0))
    sold = units > 0
    whole = known & ~panel.censored
    silent = whole & ~sold
    launch = launched(sold)
    between = gaps(sold, silent, launch)
    end = life_end(sold, silent, launch, between, panel.freq)
    at = np.arange(panel.periods, dtype=np.int32)[:, None]
    alive = (at >= launch) & (at < end)
    teaches = whole & alive

    if stocked is not None:
        silent &= ~stocked
        between = gaps(sold, silent, launch)
    runs = zero_runs(sold, silent, between, threads)
    rows = np.arange(panel.count)
    near = panel
    if panel.count > _ALL:
        rows = _looked_at(panel, units, teaches, runs.series, threads)
        near = panel.take(rows)

    del sold, silent, whole

    place = np.full(panel.count, -1)
    place[rows] = np.arange(len(rows))
    runs = replace(runs, series=place[runs.series])
    own_units, own_whole = np.take(units, rows, axis=1), np.take(teaches, rows, axis=1)
    period, series, run = runs.cells()
    seen = own_whole.copy()
    seen[period, series] = False
    bounded = np.nonzero(near.censored & (own_units > 0))
    # (One thread: sums in another order would be other numbers.)
    with threadpool_limits(1):
        expected = expect(near, own_units, seen, own_whole, (bounded[0], bounded[1]), threads)
    mean_of = _whole_mean(own_units, own_whole)
    chance = stock_out_chance(runs, expected.mean, mean_of, own_units > 0, panel.freq)[run]
    demand = y.copy()
    weight = teaches.astype(np.float32)
    reason = np.zeros(y.shape, dtype=np.uint8)
    cells = (period, rows[series], chance)
    result = CleanDemand(panel.freq, demand, weight, panel.censored, cells, reason, launch, end)
    _spikes(result, near, expected, own_units, own_whole, rows)
    weight[period, rows[series]] = 1 - chance
    likely = chance >= 0.5
    period, series = period[likely], series[likely]
    reason[period, rows[series]] = Reason.LIKELY_STOCK_OUT
    demand[period, rows[series]] = expected.mean[period, series]
    weight[period, rows[series]] = np.maximum(1 - chance[likely], _ESTIMATE_WEIGHT)

    period, series = np.nonzero(near.censored & np.isfinite(near.y) & np.take(alive, rows, axis=1))
    lower = own_units[period, series]
    mean = expected.mean[period, series]
    estimate = np.where(
        lower > 0, conditional_mean(mean, expected.dispersion[series], lower.astype(np.float64)), mean
    )
    demand[period, rows[series]] = estimate
    weight[period, rows[series]] = np.where(lower > 0, _BOUND_WEIGHT, _ESTIMATE_WEIGHT)
    reason[period, rows[series]] = Reason.STOCK_OUT

    # Outside its life a series teaches nothing, whatever was found there.
    first, last = int(end.min(initial=panel.periods)), int(launch.max(initial=0))
    for part, outside, why in (
        (slice(first, None), at[first:] >= end, Reason.AFTER_END),
        (slice(None, last), at[:last] < launch, Reason.BEFORE_LAUNCH),
    ):
        outside &= at[part] >= panel.start
        np.copyto(demand[part], y[part], where=outside)
        weight[part][outside] = 0
        reason[part][outside] = why
    unknown = ~known
    unknown &= at >= panel.start
    reason[unknown] = Reason.UNKNOWN
    return result


def _looked_at(panel: Panel, units: Array, seen: Array, with_runs: Array, threads: int) -> Array:
    """Series with a stock-out, a surprising run of zeros or a large sale, and a sample to compare them with.

    The sample is every k-th series by name.
    """
    mean = _whole_mean(units, seen)
    bound = spread_of(units, mean[None, :], seen, threads).bound(mean, _SCREEN_DEVIATIONS)
    chosen = np.asarray(panel.censored.any(axis=0) | (units.max(axis=0) > bound))
    chosen[with_runs] = True
    chosen[:: max(1, panel.count // _SAMPLE)] = True
    return np.flatnonzero(chosen)


def _spikes(
    result: CleanDemand, panel: Panel, expected: Expected, units: Array, seen: Array, rows: Array
) -> None:
    """Enter reasons and weights of sales above their bound; arrays and ``panel`` hold the series ``rows``."""
    spread = expected.spread
    plain = np.minimum(expected.effect, 1)  # without what lifts demand
    bound = spread.bound(expected.mean, _NOTABLE_DEVIATIONS)
    bound *= plain / expected.effect
    period, series = np.nonzero(seen & (units > bound))
    if not len(period):
        return
    cells = (period, series)
    amount = units[cells].astype(np.float64)
    own = Spread(spread.center[series], spread.deviation[series])
    mean = expected.mean[cells].astype(np.float64)
    effect = np.broadcast_to(expected.effect, units.shape)[cells]
    limit = own.bound(mean)
    promoted = effect >= _PROMOTED
    spike = amount > limit * np.where(promoted, _PROMOTION_SLACK, 1)
    unpromoted = amount > own.bound(mean / np.maximum(effect, 1), _NOTABLE_DEVIATIONS)

    reason = np.where(spike, Reason.OUTLIER, Reason.NONE)
    reason[~spike & promoted & unpromoted] = Reason.PROMOTION
    bulk = _is_bulk(panel, units, cells, amount) & (amount > own.bound(mean, _NOTABLE_DEVIATIONS)) & ~promoted
    reason[bulk] = Reason.BULK
    demand = amount.copy()
    for word, why in (("return", Reason.RETURN), ("cancel", Reason.CANCELLATION)):
        taken = _taken_back(panel, word, cells)
        undone = (bulk | spike) & (taken >= 0.5 * amount)
        reason[undone] = why
        demand[undone] = np.maximum(amount - taken, 0)[undone]
    lowered = (reason != Reason.NONE) & (reason != Reason.PROMOTION)
    # Its pull on a mean is that of a notable sale, whatever its size.
    notable = np.minimum(own.bound(mean, _NOTABLE_DEVIATIONS) / amount, 0.5)
    weight = np.where(lowered, np.maximum(notable, _LEAST_WEIGHT), 1)

    use = reason != Reason.NONE
    target = (period[use], rows[series[use]])
    result.reason[target] = reason[use]
    result.weight[target] = weight[use]
    result.demand[target] = demand[use]


def _is_bulk(panel: Panel, units: Array, cells: tuple[Array, Array], amount: Array) -> Array:
    """(n,) true where few orders, or few buyers, took far more each than they do in this series otherwise."""
    column = panel.past.get("orders") or panel.past.get("buyers")
    if column is None:
        return np.zeros(len(amount), dtype=bool)
    counted = np.isfinite(column.values) & (column.values > 0) & (units > 0)
    each = np.where(counted, units / np.where(counted, column.values, 1), 0).astype(np.float32)
    center = _whole_mean(each, counted)
    spread = spread_of(each, center[None, :], counted)
    own = Spread(spread.center[cells[1]], spread.deviation[cells[1]])
    few = counted[cells] & (column.values[cells] <= _BULK_ORDERS)
    return np.asarray(few & (each[cells] > own.bound(center[cells[1]], _NOTABLE_DEVIATIONS)))


def _taken_back(panel: Panel, word: str, cells: tuple[Array, Array]) -> Array:
    """(n,) units cancelled or returned in a period or the next one, by columns named so; 0 without any."""
    total = np.zeros(len(cells[0]))
    after = np.minimum(cells[0] + 1, panel.periods - 1)
    for name, column in panel.past.items():
        if word in name.lower() and "returning" not in name.lower():
            same = np.abs(np.nan_to_num(column.values[cells]))
            later = np.where(after > cells[0], np.abs(np.nan_to_num(column.values[after, cells[1]])), 0)
            total = np.maximum(total, np.maximum(same, later))
    return total


def _whole_mean(units: Array, seen: Array) -> Array:
    total = (units * seen).sum(axis=0, dtype=np.float64)
    return np.asarray((total / np.maximum(seen.sum(axis=0), 1)).astype(np.float32))
