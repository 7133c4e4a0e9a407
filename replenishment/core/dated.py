"""The dated plan: projected stock by day, the stock-out date, and the next orders.

Days count from the as-of date: day 0 is its close, day t the t-th day after it. Demand below the grain of the
forecast's periods is spread evenly over their days. What comes in on a day is stocked at its close and serves
from the next day on, as an order placed at the close of day t with a lead time of L days serves from day
t + 1 + L on: the grid of `replenishment.core.policy.plan` with ``grid_days=1``.

The expected path takes demand at its mean (time-phased order point: Silver, Pyke and Thomas, *Inventory and
Production Management in Supply Chains*, the chapters on MRP and DRP; Vollmann and others, *Manufacturing
Planning and Control*). Its bands: `replenishment.core.dated_bands`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.constraints import grained, ordered
from replenishment.core.items import Items

Array = npt.NDArray[Any]

HORIZON_DAYS = 84
_BLOCK = 4096  # items worked on at once: what fits a processor's cache
_NOTHING = 1e-9  # units
_NEVER = np.iinfo(np.int64).max


class MeanDemand:
    """Expected cumulative demand of N items, in days; past the horizon the last cycle's rate carries on."""

    def __init__(self, demand: DemandDistribution, places: Array) -> None:
        """``places`` (N,) are the items' positions in the distribution."""
        self._period = PERIOD_DAYS[demand.freq]
        cum = demand.cum_mean[places]
        beyond = demand.interval(float(demand.horizon + 1), places)[0]
        # One period more, whose slope holds for ever.
        self._cum = np.column_stack([np.zeros(len(cum)), cum, beyond])

    def take(self, part: slice | Array) -> Self:
        """Some items only."""
        other = object.__new__(type(self))
        other._period, other._cum = self._period, self._cum[part]
        return other

    def at(self, rows: Array, days: Array) -> Array:
        """Demand of items ``rows`` (M,) up to ``days`` (M,), fractional, 0 or more."""
        span = days / self._period
        lower = np.minimum(span.astype(np.int64), self._cum.shape[1] - 2)
        before = self._cum[rows, lower]
        return np.asarray(before + (span - lower) * (self._cum[rows, lower + 1] - before))

    def daily(self, days: int) -> Array:
        """Demand of each of the first ``days`` days, (days, N)."""
        span = np.arange(days + 1) / self._period
        lower = np.minimum(span.astype(np.int64), self._cum.shape[1] - 2)
        before = self._cum[:, lower]
        cum = before + (span - lower) * (self._cum[:, lower + 1] - before)
        return np.ascontiguousarray(np.diff(cum, axis=1).T)

    def days_until(self, quantity: Array) -> Array:
        """In how many days (N,) expected demand takes ``quantity`` (N,): fractional, infinite if never.

        0 for 0 units or less of what sells at all within the horizon.
        """
        rows, last = np.arange(len(quantity)), self._cum.shape[1] - 2
        full = np.minimum((self._cum[:, 1:] <= quantity[:, None]).sum(axis=1), last)
        before = self._cum[rows, full]
        rate = self._cum[rows, full + 1] - before
        some = rate > 1e-12
        left = np.maximum(quantity, 0.0) - before
        days = np.where(some, full + left / np.where(some, rate, 1.0), np.inf) * self._period
        return np.where((quantity <= 0) & (self._cum[:, last] > 0), 0.0, days)

    def unit_days(self, quantity: Array, until: Array) -> Array:
        """Unit-days (N,) that ``quantity`` (N,) is there, were demand at its mean, until day ``until`` (N,)
        at the latest: the integral of what is left of it."""
        rows, quantity = np.arange(len(quantity)), np.maximum(quantity, 0.0)
        span = np.minimum(self.days_until(quantity), until) / self._period
        lower = np.minimum(span.astype(np.int64), self._cum.shape[1] - 2)
        before, part = self._cum[rows, lower], span - lower
        slope = self._cum[rows, lower + 1] - before
        taken = self._areas[rows, lower] + before * part + slope * part**2 / 2
        return np.asarray((quantity * span - taken) * self._period)

    @cached_property
    def _areas(self) -> Array:
        """The integral of cumulative demand up to each period (N, H + 2), in unit-periods."""
        steps = (self._cum[:, 1:] + self._cum[:, :-1]) / 2
        return np.column_stack([np.zeros(len(steps)), np.cumsum(steps, axis=1)])


@dataclass(frozen=True, eq=False)
class Receipts:
    """Dated open receipts: ``item`` (M,) positions, ``day`` (M,) whole days, ``quantity`` (M,) in units."""

    item: Array
    day: Array
    quantity: Array

    @classmethod
    def none(cls) -> Self:
        """Nothing is to come in."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def by_day(self, count: int, days: int) -> Array:
        """Units (days + 1, count) that come in on each day; what is late already comes in on the next day.

        What comes in after the last day is left out.
        """
        when = np.maximum(self.day.astype(np.int64), 1)
        found = np.zeros((days + 1, count))
        soon = when <= days
        np.add.at(found, (when[soon], self.item[soon]), self.quantity[soon])
        return found

    def total(self, count: int) -> Array:
        """Units (count,) that are to come in at all."""
        return np.bincount(self.item, weights=self.quantity, minlength=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Purchases:
    """Orders over the horizon, by item and then by day: ``item`` (M,) positions, ``day`` on which they are
    placed and ``arrives`` in whole days, ``quantity`` in units. Day 0 is today's."""

    item: Array
    day: Array
    arrives: Array
    quantity: Array


@dataclass(frozen=True, eq=False)
class Path:
    """Expected stock of N items over T days.

    ``out_day`` (N,) is the first day whose expected demand finds too little stock, infinite where none within
    the T days does. ``stock`` (N, T + 1) is that at the close of each day, and ``position`` (N, T + 1) the
    stock position after that day's review, NaN where there is none; both are empty unless asked for.
    """

    out_day: Array
    purchases: Purchases
    stock: Array
    position: Array


@dataclass(frozen=True, eq=False)
class Policy:
    """What is ordered at the reviews to come, for N items as `kinds.prepared` makes them: the rule of
    `constraints.ordered`.

    ``reorder_point`` and ``order_up_to`` (below 0: not bought again) are today's. At a later review both have
    moved by as much as expected demand over the protection interval has: safety stock stays. Where ``fixed``
    (N,) they stay as they are, as typed limits do. ``today`` (N,) is the order of today's review, ``first``
    (N,) the day of the next one.
    """

    reorder_point: Array
    order_up_to: Array
    today: Array
    first: Array
    fixed: Array

    @classmethod
    def of(cls, items: Items, *, reorder_point: Array, order_up_to: Array, today: Array) -> Self:
        """The next review is a review period away; what is ordered ``once`` has none."""
        return cls(
            reorder_point=reorder_point,
            order_up_to=order_up_to,
            today=today,
            first=np.where(items.policy_kind == "once", _NEVER, review_days(items)),
            fixed=items.policy_kind == "min-max",
        )


def lead_days(items: Items) -> Array:
    """Lead times in whole days (N,), rounded up: when an order placed today is in."""
    return np.asarray(np.ceil(np.maximum(items.lead_time_mean, 0.0) - 1e-9).astype(np.int64))


def review_days(items: Items) -> Array:
    """Days between two reviews (N,): whole ones, at least one."""
    return np.asarray(np.maximum(np.round(items.review_days), 1.0).astype(np.int64))


def path(
    items: Items,
    demand: MeanDemand,
    receipts: Receipts,
    policy: Policy | None = None,
    *,
    days: int = HORIZON_DAYS,
    keep: bool = False,
) -> Path:
    """The expected path of N items whose demand is in the same order.

    Without a ``policy`` nothing more is ordered than what is open. Where demand that finds no stock is lost,
    it takes nothing from later stock; else it is owed. ``keep`` asks for stock and position by day.
    """
    count = len(items)
    incoming, coming = receipts.by_day(count, days), receipts.total(count)
    out_day = np.full(count, np.inf)
    stock = np.empty((count, days + 1)) if keep else np.empty((count, 0))
    position = np.full((count, days + 1), np.nan) if keep else np.empty((count, 0))
    found: list[tuple[Array, Array, Array, Array]] = []
    for part in _blocks(count):
        rows = np.arange(part.start, part.stop)
        walk = _Walk(
            items.take(rows), demand.take(part), _part(policy, rows), incoming[:, part], coming[rows]
        )
        for day, closing, after in walk.days():
            if keep:
                stock[part, day] = closing
                position[part, day] = after
        out_day[part] = walk.out_day
        found += [(item + part.start, *rest) for item, *rest in walk.orders]
    columns = [np.concatenate(column) for column in zip(*found, strict=True)] if found else _NO_ORDERS
    order = np.lexsort((columns[1], columns[0]))
    return Path(out_day, Purchases(*(column[order] for column in columns)), stock, position)


_NO_ORDERS: list[Array] = [np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)]


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _part(policy: Policy | None, rows: Array) -> Policy | None:
    if policy is None:
        return None
    return Policy(**{name: values[rows] for name, values in vars(policy).items()})


class _Walk:
    """Some items, day by day."""

    def __init__(
        self, items: Items, demand: MeanDemand, policy: Policy | None, incoming: Array, coming: Array
    ) -> None:
        self.items, self.demand, self.policy = items, demand, policy
        self.daily = demand.daily(len(incoming) - 1)
        self.due, self.coming = np.ascontiguousarray(incoming), coming
        self.lost = items.unmet == "lost"
        self.stock = items.on_hand - items.allocated
        self.lead, self.review = lead_days(items), review_days(items)
        self.out_day = np.where(self.stock < -_NOTHING, 1.0, np.inf)
        self.orders: list[tuple[Array, Array, Array, Array]] = []
        if policy is not None:
            rows = np.arange(len(items))
            self.span = np.maximum(items.lead_time_mean + items.review_days, 0.0)
            self.first_demand = demand.at(rows, self.span)
            self.whole = np.abs(items.order_multiple - np.round(items.order_multiple)) < _NOTHING
            self.rise = policy.order_up_to - policy.reorder_point

    def days(self) -> Iterator[tuple[int, Array, Array]]:
        """For each day from 0 on: stock at its close, and the position after its review (or NaN)."""
        if self.policy is not None:
            rows = np.flatnonzero(self.policy.today > 0)
            self._place(0, rows, self.policy.today[rows])
        yield 0, self.stock, self.stock + self.coming
        for day in range(1, len(self.due)):
            left = self.stock - self.daily[day - 1]
            short = left < -_NOTHING
            self.out_day[short & np.isinf(self.out_day)] = day
            # What is lost takes nothing: stock stays at 0, or at what was owed before.
            self.stock = np.where(short & self.lost, np.minimum(self.stock, 0.0), left) + self.due[day]
            self.coming = self.coming - self.due[day]
            after = self._reviewed(day)
            yield day, self.stock, after

    def _reviewed(self, day: int) -> Array:
        after = np.full(len(self.stock), np.nan)
        policy = self.policy
        if policy is None:
            return after
        is_due = (day >= policy.first) & ((day - policy.first) % self.review == 0) & (policy.order_up_to >= 0)
        rows = np.flatnonzero(is_due)
        if not len(rows):
            return after
        position = (self.stock + self.coming)[rows]
        moved = self.demand.at(rows, day + self.span[rows]) - self.demand.at(rows, np.full(len(rows), day))
        point = policy.reorder_point[rows] + np.where(
            policy.fixed[rows], 0.0, moved - self.first_demand[rows]
        )
        point = np.maximum(np.where(self.whole[rows], np.ceil(point - 1e-5), grained(point)), 0.0)
        items = self.items
        quantity = ordered(
            position=position,
            reorder_point=point,
            order_up_to=point + self.rise[rows],
            moq=items.moq[rows],
            multiple=items.order_multiple[rows],
            max_stock=items.max_stock[rows],
            shelf_limit=np.full(len(rows), np.inf),
        ).quantity
        some = quantity > 0
        self._place(day, rows[some], quantity[some])
        after[rows] = position + quantity
        return after

    def _place(self, day: int, rows: Array, quantity: Array) -> None:
        if not len(rows):
            return
        arrives = day + self.lead[rows]
        self.orders.append((rows, np.full(len(rows), day), arrives, quantity))
        self.coming = self.coming.copy()
        self.coming[rows] += quantity
        now = arrives == day
        soon = ~now & (arrives < len(self.due))
        self.due[arrives[soon], rows[soon]] += quantity[soon]
        if now.any():
            self.stock = self.stock.copy()
            self.stock[rows[now]] += quantity[now]
            self.coming[rows[now]] -= quantity[now]
