"""How sure the projected stock is: its quantiles by day, and the chance of a stock-out.

Demand is a process with independent increments: of the demand from the as-of date to the close of day t, the
part since day s has the share of its mean that the forecast gives it (`Spread.shortened`), or, for slow
movers in whole units, is negative binomial like the rest.

Stock falls from one receipt to the next, so that receipts are the only days at which anything has to be
remembered: there the law of the stock becomes a few hundred equally likely values, each with its chance of
never having run out (the Lindley recursion of a dam or a queue, on these days alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import DemandDistribution
from replenishment.core.counts import SLOW_UNITS, fitted
from replenishment.core.dated import HORIZON_DAYS, Path
from replenishment.core.reader import DemandReader
from replenishment.core.spread import Spread
from replenishment.core.tails import pinned

Array = npt.NDArray[Any]

BANDS = (0.10, 0.50, 0.90)
_POINTS = 120  # equally likely values that stand for a law
_AT = (np.arange(_POINTS) + 0.5) / _POINTS
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Bands:
    """Of one item over T days: ``levels`` (L,), ``stock`` (T + 1, L) at the close of each day, and ``out_by``
    (T + 1,), the chance that some day's demand up to then has found too little stock."""

    levels: tuple[float, ...]
    stock: Array
    out_by: Array


class _Law(Protocol):
    """Laws of E stretches of demand."""

    def values(self) -> Array:
        """Equally likely demands (E, _POINTS)."""

    def within(self, stock: Array) -> Array:
        """The chance (E, S) that demand does not exceed ``stock`` (S,)."""


class Increments:
    """Demand of one item between any two of the next days."""

    def __init__(self, demand: DemandDistribution, place: int, days: int = HORIZON_DAYS) -> None:
        """``place`` is the item's position in the distribution."""
        ends = np.arange(1, days + 1, dtype=np.float64)
        reader = DemandReader(demand, np.full(days, place), 1.0)
        mean, quantiles, _ = reader.interval(ends)
        self.days = days
        self.cum = np.concatenate([[0.0], mean])
        self._whole = pinned(Spread.from_quantiles(quantiles, demand.levels, mean), mean)
        # Of slow demand the longest stretch that still is slow says most.
        slow = np.flatnonzero(np.round(quantiles[:, -1]) <= SLOW_UNITS)
        self._ratio: float | None = None
        if len(slow):
            last = slow[-1:]
            ratio, fits = fitted(quantiles[last], demand.levels, mean[last])
            self._ratio = float(ratio[0]) if fits[0] else None

    def between(self, start: int, ends: Array) -> _Law:
        """Laws of demand after the close of day ``start`` to the close of days ``ends`` (E,), all later."""
        mean = np.maximum(self.cum[ends] - self.cum[start], 0.0)
        if self._ratio is not None:
            return _Counted(mean, self._ratio)
        whole = self._whole.take(ends - 1)
        until = self.cum[ends]
        share = np.where(until > 0, mean / np.where(until > 0, until, 1.0), 0.0)
        return _Continuous(whole if start == 0 else whole.shortened(share))


class _Continuous:
    def __init__(self, spread: Spread) -> None:
        self._knots, self._levels = spread.knots, spread.levels

    def values(self) -> Array:
        return np.array([np.interp(_AT, self._levels, knots) for knots in self._knots])

    def within(self, stock: Array) -> Array:
        # Of several knots at one place the highest level counts: interp takes the last of equal ones.
        found = np.array([np.interp(stock, knots, self._levels) for knots in self._knots])
        return np.where(stock < -_NOTHING, 0.0, found)


class _Counted:
    def __init__(self, mean: Array, ratio: float) -> None:
        from scipy import stats

        some = np.maximum(mean, 1e-12)[:, None]
        size = some / max(ratio - 1, 1e-6)
        self._law = stats.nbinom(size, 1 / (1 + some / size))

    def values(self) -> Array:
        return np.asarray(self._law.ppf(_AT))

    def within(self, stock: Array) -> Array:
        return np.asarray(self._law.cdf(np.floor(stock + _NOTHING)))


def bands(
    increments: Increments,
    *,
    stock: float,
    incoming: Array,
    lost: bool,
    levels: tuple[float, ...] = BANDS,
) -> Bands:
    """Bands of an item with ``stock`` free at the close of day 0 and ``incoming`` (T + 1,) units by day.

    Nothing more is ordered. Where demand that finds no stock is ``lost``, stock does not fall below 0 (or
    below what is owed already).
    """
    days = increments.days
    quantiles = np.empty((days + 1, len(levels)))
    out_by = np.zeros(days + 1)
    values, safe = np.array([stock + incoming[0]]), np.array([float(stock >= -_NOTHING)])
    quantiles[0], out_by[0] = values[0], 1 - safe[0]
    stops = [*np.flatnonzero(incoming[1:days] > 0) + 1, days]
    start = 0
    for stop in stops:
        ends = np.arange(start + 1, stop + 1)
        law = increments.between(start, ends)
        demand = law.values()
        left = values[None, :, None] - demand[:, None, :]
        kept = np.maximum(left, np.minimum(values, 0.0)[None, :, None]) if lost else left
        out_by[ends] = 1 - (law.within(values) * safe).mean(axis=1)
        received = np.where(ends == stop, incoming[stop], 0.0)
        flat = kept.reshape(len(ends), -1)
        quantiles[ends] = np.quantile(flat, levels, axis=1).T + received[:, None]
        never = (left[-1] >= -_NOTHING) * safe[:, None]
        values, safe = _fewer(kept[-1].ravel() + incoming[stop], never.ravel())
        start = stop
    if not lost:
        quantiles[1:] = _owed(increments, stock, incoming, levels)
    return Bands(levels, quantiles, np.maximum.accumulate(out_by))


def bands_ahead(
    increments: Increments,
    known: Bands,
    ahead: Path,
    *,
    row: int,
    incoming: Array,
    lost: bool,
) -> Bands:
    """``known`` bands, which hold today's order, carried on under the orders of later reviews.

    From the day on which a later order is in, stock is the position after that order less the demand since
    (Hadley and Whitin 1963, section 5.2): orders answer what demand did before, so that the bands stop
    widening. ``ahead`` is the expected path, kept by day, of which the item is ``row``; ``incoming`` (T + 1,)
    is what ``known`` was made with. When orders are placed, and the position that they lead to, are those of
    the expected path; for lost sales this is close where few are lost. The chance of a stock-out stays that
    of ``known``: with no order after today's.
    """
    mine = (ahead.purchases.item == row) & (ahead.purchases.day > 0)
    days, arrives = ahead.purchases.day[mine], ahead.purchases.arrives[mine]
    later = np.append(np.cumsum(incoming[::-1])[::-1][1:], 0.0)
    quantiles = known.stock.copy()
    last = increments.days + 1
    until = np.append(arrives[1:], last)[: len(arrives)]
    for day, begins, ends_before in zip(days.tolist(), arrives.tolist(), until.tolist(), strict=True):
        ends = np.arange(max(begins, day + 1), min(ends_before, last))
        if not len(ends):
            continue
        demand = increments.between(day, ends).values()
        left = ahead.position[row, day] - later[ends][:, None] - demand
        quantiles[ends] = np.quantile(np.maximum(left, 0.0) if lost else left, known.levels, axis=1).T
    return Bands(known.levels, quantiles, known.out_by)


def _owed(increments: Increments, stock: float, incoming: Array, levels: tuple[float, ...]) -> Array:
    """Where demand waits, stock is what there was and came in less all demand: no need to remember more."""
    ends = np.arange(1, increments.days + 1)
    demand = increments.between(0, ends).values()
    left = stock + np.cumsum(incoming)[1:, None] - demand
    return np.quantile(left, levels, axis=1).T


def _fewer(values: Array, safe: Array) -> tuple[Array, Array]:
    """The same law by `_POINTS` equally likely values, with the mean chance of each of being safe."""
    if len(values) <= _POINTS:
        return values, safe
    order = np.argsort(values, kind="stable")
    groups = np.array_split(order, _POINTS)
    return (
        np.array([values[group].mean() for group in groups]),
        np.array([safe[group].mean() for group in groups]),
    )
