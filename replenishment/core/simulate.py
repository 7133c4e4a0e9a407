"""Stock, period by period, under a policy: all items at once, periods in a loop.

In each period, in this order: what is due arrives and serves what is owed; demand is served from stock, and
what can't be is lost or owed; goods that are too old expire, first in, first out; and at its close, where a
review is due, an order is placed by the rule of `replenishment.core.constraints.ordered`. The first review is
at the close of period 0. An order placed at the close of t serves demand from t + 1 + lead time on, and no
order arrives before an earlier one. Where orders come in parts, that holds of the first part; the rest comes
so many periods after it, whatever else has come by then.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core import leadtime
from replenishment.core.constraints import ordered
from replenishment.core.items import Items

Array = npt.NDArray[Any]

_BLOCK = 4096  # items worked on at once: what fits a processor's cache
_NOTHING = 1e-9  # units: less than this is short of nothing


@dataclass(frozen=True, eq=False)
class Schedule:
    """Levels of N items over time, in E stretches.

    ``since`` (E,) are the replayed periods at whose close the levels begin to hold, rising; what is in force
    before the replay has a negative one. ``reorder_point``, ``order_up_to`` and ``shelf_limit`` (the largest
    position that sells before it expires) are (E, N) in units, NaN where nothing is known of an item and
    nothing is ordered. ``fill`` and ``cycle`` (E, N) are the service that the levels promise, where a policy
    promises any.
    """

    since: Array
    reorder_point: Array
    order_up_to: Array
    shelf_limit: Array
    fill: Array | None = None
    cycle: Array | None = None

    def stretch(self, period: int) -> int:
        """Which levels hold at the close of a period; -1 for none yet."""
        return int(np.searchsorted(self.since, period, side="right")) - 1

    def columns(self, part: slice) -> Self:
        """Some items only."""
        return type(self)(
            self.since,
            self.reorder_point[:, part],
            self.order_up_to[:, part],
            self.shelf_limit[:, part],
        )


@dataclass(frozen=True, eq=False)
class Parts:
    """How much of an order comes on its lead time, and when the rest does.

    ``share`` (T, N) of an order placed at the close of each period, 0 to 1, comes on the lead time, in whole
    units where the order is in whole units; the rest ``later`` (T, N) periods after that.
    """

    share: Array
    later: Array

    def columns(self, part: slice) -> Self:
        """Some items only."""
        return type(self)(self.share[:, part], self.later[:, part])


@dataclass(frozen=True, eq=False)
class Course:
    """What G groups of items came to in each period, (T, G): ``stock_value`` at its close in money,
    ``demand`` and what was ``served`` of it in units.
    """

    stock_value: Array
    demand: Array
    served: Array

    @classmethod
    def empty(cls, periods: int, groups: int) -> Self:
        """Room for so many periods and groups."""
        return cls(*(np.zeros((periods, groups)) for _ in fields(cls)))


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in each period, all (T, N) in units.

    ``opening`` is the stock before anything arrives, net of what is owed; ``arrives`` the period in which the
    order placed at the close of this one serves first, in part or whole, -1 where nothing was ordered.
    """

    opening: Array
    received: Array
    demand: Array
    served: Array
    expired: Array
    closing: Array
    ordered: Array
    arrives: Array

    @classmethod
    def empty(cls, periods: int, count: int) -> Self:
        """Room for so many periods and items."""
        parts = {f.name: np.zeros((periods, count)) for f in fields(cls)}
        parts["arrives"] = np.full((periods, count), -1)
        return cls(**parts)


@dataclass(frozen=True, eq=False)
class Run:
    """Sums over the measured periods, (N,).

    Units: ``demand``, ``served`` at once from stock, ``ordered``, ``expired``, ``stock`` (mean at the close
    of a period). Numbers: ``orders``, ``cycles`` from receipt to receipt, ``clean`` ones without a stock-out.
    """

    demand: Array
    served: Array
    ordered: Array
    expired: Array
    stock: Array
    orders: Array
    cycles: Array
    clean: Array
    trace: Trace | None = None
    course: Course | None = None


_SUMS = tuple(f.name for f in fields(Run) if f.name not in ("trace", "course"))


def simulate(
    items: Items,
    demand: Array,
    schedule: Schedule,
    lead: Array,
    *,
    period_days: float,
    parts: Parts | None = None,
    coming: Array | None = None,
    warm_up: int = 0,
    trace: bool = False,
    groups: Array | None = None,
) -> Run:
    """Run N items over T periods of ``demand`` (T, N), 0 or more, with ``lead`` times (T, N) in periods.

    ``parts`` are those that orders come in (default: whole), and ``coming`` (T, N) what is on order at the
    start, in units by the period in which it comes. The first ``warm_up`` periods happen, but are not
    measured; ``trace`` keeps what happened in each period, and ``groups`` (N, G), 1 for an item that belongs
    to a group and 0 for others, what each group came to in each period.
    """
    periods, count = demand.shape
    totals = {name: np.zeros(count) for name in _SUMS}
    kept = Trace.empty(periods, count) if trace else None
    course = None if groups is None else Course.empty(periods, groups.shape[1])
    for start in range(0, count, _BLOCK):
        part = slice(start, min(start + _BLOCK, count))
        block = _Block(items.take(np.arange(part.start, part.stop)), periods, period_days)
        if coming is not None:
            block.expect(coming[:, part])
        block.run(
            np.ascontiguousarray(demand[:, part]),
            schedule.columns(part),
            np.ascontiguousarray(lead[:, part]),
            parts=None if parts is None else parts.columns(part),
            warm_up=warm_up,
            trace=None if kept is None else Trace(*(getattr(kept, f.name)[:, part] for f in fields(kept))),
            course=course,
            groups=None if groups is None else groups[part].astype(np.float64),
        )
        for name, values in totals.items():
            values[part] = block.totals[name]
    totals["stock"] /= max(periods - warm_up, 1)
    return Run(**totals, trace=kept, course=course)


class _Block:
    """The state of some items."""

    def __init__(self, items: Items, periods: int, period_days: float) -> None:
        count = len(items)
        self.items, self.periods = items, periods
        self.lost = items.unmet == "lost"
        self.review = leadtime.review_periods(items.review_days, period_days).astype(np.int64)
        self.stock = items.on_hand.copy()
        self.on_order = np.zeros(count)
        self.due = np.zeros((periods, count))
        self.last = np.zeros(count, dtype=np.int64)
        self.begun, self.clean = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
        self.totals = {name: np.zeros(count) for name in _SUMS}
        self.aging = np.flatnonzero(np.isfinite(items.shelf_life_days))
        life = np.round(items.shelf_life_days[self.aging] / period_days)
        self.life = np.minimum(np.maximum(life, 1), periods + 1).astype(np.int64)
        self.came = np.zeros((periods, len(self.aging)))  # received by each period, opening stock included
        self.gone = np.zeros(len(self.aging))  # issued or expired so far

    def expect(self, coming: Array) -> None:
        """Have so many units (T, N) on order from the start."""
        self.due += coming
        self.on_order += coming.sum(axis=0)

    def run(
        self,
        demand: Array,
        schedule: Schedule,
        lead: Array,
        *,
        parts: Parts | None,
        warm_up: int,
        trace: Trace | None,
        course: Course | None,
        groups: Array | None,
    ) -> None:
        totals, lost = self.totals, self.lost
        for period in range(self.periods):
            opening, received = self.stock, self.due[period]
            self.stock = opening + received
            self.on_order -= received
            wanted = demand[period]
            served = np.minimum(wanted, np.maximum(self.stock, 0.0))
            got, measured = received > 0, period >= warm_up
            if measured:
                ended = got & self.begun
                totals["cycles"] += ended
                totals["clean"] += ended & self.clean
                self.begun |= got
            self.clean |= got
            self.clean &= wanted - served <= _NOTHING
            self.stock = self.stock - np.where(lost, served, wanted)
            expired = self._expired(period, opening, received, served)
            quantity, arrives = self._review(period, schedule, lead[period], parts)
            if measured:
                totals["demand"] += wanted
                totals["served"] += served
                totals["ordered"] += quantity
                totals["orders"] += quantity > 0
                totals["expired"] += expired
                totals["stock"] += np.maximum(self.stock, 0.0)
            if trace is not None:
                trace.opening[period], trace.received[period] = opening, received
                trace.demand[period], trace.served[period] = wanted, served
                trace.expired[period], trace.closing[period] = expired, self.stock
                trace.ordered[period], trace.arrives[period] = quantity, arrives
            if course is not None and groups is not None:
                course.stock_value[period] += (np.maximum(self.stock, 0.0) * self.items.unit_cost) @ groups
                course.demand[period] += wanted @ groups
                course.served[period] += served @ groups

    def _expired(self, period: int, opening: Array, received: Array, served: Array) -> Array:
        """Goods at the end of their shelf life leave at the close of a period (N,)."""
        expired = np.zeros(len(served))
        rows = self.aging
        if not len(rows):
            return expired
        before = self.came[period - 1] if period else np.maximum(opening[rows], 0.0)
        self.came[period] = before + received[rows]
        owed = np.maximum(-opening[rows], 0.0)
        self.gone += served[rows] + np.minimum(owed, received[rows])
        last = period - self.life + 1
        old = np.where(last >= 0, self.came[np.maximum(last, 0), np.arange(len(rows))], 0.0)
        expired[rows] = np.maximum(old - self.gone, 0.0)
        self.gone += expired[rows]
        self.stock = self.stock - expired
        return expired

    def _review(
        self, period: int, schedule: Schedule, lead: Array, parts: Parts | None
    ) -> tuple[Array, Array]:
        """Orders placed at the close of a period (N,), and when they arrive."""
        quantity, arrives = np.zeros(len(lead)), np.full(len(lead), -1)
        stretch = schedule.stretch(period)
        rows = np.flatnonzero(period % self.review == 0)
        if stretch < 0 or not len(rows):
            return quantity, arrives
        everyone = len(rows) == len(lead)
        chosen: Any = slice(None) if everyone else rows
        items = self.items
        quantity[chosen] = ordered(
            position=(self.stock + self.on_order)[chosen],
            reorder_point=schedule.reorder_point[stretch][chosen],
            order_up_to=schedule.order_up_to[stretch][chosen],
            moq=items.moq[chosen],
            multiple=items.order_multiple[chosen],
            max_stock=items.max_stock[chosen],
            shelf_limit=schedule.shelf_limit[stretch][chosen],
        ).quantity
        made = np.flatnonzero(quantity > 0)
        self.last[made] = np.maximum(self.last[made], period + 1 + lead[made])
        arrives[made] = self.last[made]
        self.on_order += quantity
        first = quantity[made]
        if parts is not None:
            first = _first_part(first, parts.share[period, made])
            self._due(made, self.last[made] + parts.later[period, made], quantity[made] - first)
        self._due(made, self.last[made], first)
        return quantity, arrives

    def _due(self, rows: Array, when: Array, quantity: Array) -> None:
        """Quantities (n,) of some items come in these periods, if it is before the end."""
        soon = when < self.periods
        self.due[when[soon], rows[soon]] += quantity[soon]


def _first_part(quantity: Array, share: Array) -> Array:
    """What of an order (n,) comes first: whole units of whole units."""
    first = quantity * share
    return np.where(quantity == np.round(quantity), np.round(first), first)
