"""Lines that share a purchase order, and what their next packs are worth: marginal analysis as in `budget`.

A pack is worth the margin that it is expected to save over the protection interval, less what it costs to
hold until it sells, with the stock position x:

    margin (loss(x) - loss(x + pack)) - holding cost x pack x (x + pack / 2) / yearly demand

(Silver, Pyke and Thomas, "Inventory and Production Management in Supply Chains", 7.7). Each further pack of a
line is worth less than the one before: the best first, whosever line it is, is the best choice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.price_breaks import Prices
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

STEPS = 24  # runs of packs that a line is looked at in: single packs where it has no more
_SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class Lines:
    """N product-locations, each of which is or could be a line of the ``order`` (N,) 0 ... M - 1.

    Units: ``quantity`` to order so far, stock ``position``, ``smallest`` order, ``multiple``, ``most`` that
    an order of it may be. ``demand`` over the protection interval, ``daily_demand``, ``review_days``. In
    money of one currency: ``margin`` of a unit that is not short, ``prices`` that the supplier asks,
    ``freight`` per unit, ``holding`` per unit and year. ``weight`` (kg) and ``volume`` (m3) of a unit, NaN
    where not known.
    """

    order: Array
    quantity: Array
    position: Array
    smallest: Array
    multiple: Array
    most: Array
    demand: Spread
    daily_demand: Array
    review_days: Array
    margin: Array
    prices: Prices
    freight: Array
    holding: Array
    weight: Array
    volume: Array

    def __len__(self) -> int:
        return len(self.order)

    def take(self, rows: Array) -> Self:
        """Some lines only, by position."""
        columns: dict[str, Any] = {}
        for field in fields(self):
            values = getattr(self, field.name)
            columns[field.name] = values[rows] if isinstance(values, np.ndarray) else values.take(rows)
        return replace(self, **columns)

    def with_quantity(self, quantity: Array) -> Self:
        """The same lines with other quantities."""
        return replace(self, quantity=quantity)

    def total(self, each: Array, orders: int) -> Array:
        """Sum over the lines of each order (M,) of ``each`` (N,) times the quantity; unordered lines count 0,
        whatever they hold.
        """
        ordered = self.quantity > 0
        return np.bincount(
            self.order, np.where(ordered, each, 0.0) * np.where(ordered, self.quantity, 0.0), orders
        )

    @property
    def unit_cost(self) -> Array:
        """Price of a unit (N,) at the quantity ordered, or at the smallest order."""
        return self.prices.unit_cost_at(np.where(self.quantity > 0, self.quantity, self.smallest))

    def worth(self, low: Array, high: Array) -> Array:
        """What ordering up from ``low`` to ``high`` units is worth (N, P), in money."""
        yearly = np.maximum(self.daily_demand * DAYS_PER_YEAR, _SMALL)[:, None]
        position = self.position[:, None]
        saved = self.demand.loss(position + low) - self.demand.loss(position + high)
        years = np.maximum(position + (low + high) / 2, 0.0) / yearly
        return np.asarray(
            np.maximum(self.margin, 0.0)[:, None] * saved - self.holding[:, None] * (high - low) * years
        )


@dataclass(frozen=True, eq=False)
class Packs:
    """Runs of packs by line and rank, flat (S,): of ``line``, ``count`` packs of ``size`` units, worth
    ``worth`` money a unit; ``whole`` where it can't be had in part (a smallest order).
    """

    line: Array
    count: Array
    size: Array
    worth: Array
    whole: Array

    def take(self, rows: Array) -> Packs:
        """Some runs only."""
        return Packs(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def units(self, taken: Array, lines: int) -> Array:
        """Units per line (N,) of so many packs (S,)."""
        return np.bincount(self.line, taken * self.size, lines)

    def value(self, taken: Array, order: Array, orders: int) -> Array:
        """Worth per order (M,) of so many packs (S,), given the ``order`` (N,) of each line."""
        return np.bincount(order[self.line], taken * self.size * self.worth, orders)


def packs_above(lines: Lines) -> Packs:
    """What could be added to each line: packs from its quantity up to ``most``, a smallest order first."""
    return _packs(lines, lines.quantity, lines.most)


def packs_below(lines: Lines) -> Packs:
    """What could be taken off each line: its quantity in packs, the smallest order last."""
    return _packs(lines, np.zeros(len(lines)), lines.quantity)


def _packs(lines: Lines, start: Array, end: Array) -> Packs:
    opens = start <= 0
    first = np.where(opens, lines.smallest, 0.0)
    room = np.floor((end - start - first) / lines.multiple + 1e-6)
    sells = (lines.daily_demand > 0) & (room >= 0)
    room = np.where(sells, room, 0.0)
    at = np.arange(STEPS + 1)
    edges = np.where(
        room[:, None] <= STEPS, np.minimum(at, room[:, None]), np.ceil(room[:, None] * (at / STEPS) ** 2)
    )
    counts = np.diff(edges, axis=1)
    base = (start + first)[:, None]
    low = np.column_stack([start, base + edges[:, :-1] * lines.multiple[:, None]])
    high = np.column_stack([start + first, base + edges[:, 1:] * lines.multiple[:, None]])
    counts = np.column_stack([np.where(opens & sells & (first > 0), 1.0, 0.0), counts])
    size = np.column_stack([first, np.repeat(lines.multiple[:, None], STEPS, axis=1)])
    some = counts > 0
    units = np.where(some, high - low, 1.0)
    # Rounding errors must not put a later pack before an earlier one.
    worth = np.minimum.accumulate(np.where(some, lines.worth(low, high) / units, np.inf), axis=1)
    line = np.broadcast_to(np.arange(len(lines))[:, None], some.shape)
    whole = np.zeros(some.shape, dtype=bool)
    whole[:, 0] = True
    return Packs(line[some], counts[some], size[some], worth[some], whole[some])


def taken_until(packs: Packs, order: Array, key: Array, each: list[Array], need: list[Array]) -> Array:
    """How many packs of each run (S,) to take, lowest ``key`` (S,) first, until every ``need`` (M,) of an
    order is met; ``each`` are what a unit of a line (N,) counts towards them. A part of a run is taken in
    whole packs, never less than is needed.
    """
    return _taken(packs, order, key, each, need, up=True)


def taken_within(packs: Packs, order: Array, key: Array, each: list[Array], room: list[Array]) -> Array:
    """The same, as long as no ``room`` (M,) of an order is exceeded."""
    return _taken(packs, order, key, each, room, up=False)


def _taken(
    packs: Packs, order: Array, key: Array, each: list[Array], limits: list[Array], *, up: bool
) -> Array:
    group = order[packs.line]
    place = np.lexsort((key, group))
    group = group[place]
    count, whole = packs.count[place], packs.whole[place]
    starts = np.append(True, np.diff(group) != 0) if len(group) else np.zeros(0, dtype=bool)
    part = np.cumsum(starts) - 1
    number = np.zeros(len(group)) if up else np.full(len(group), np.inf)
    for measure, limit in zip(each, limits, strict=True):
        size = (measure[packs.line] * packs.size)[place]
        before = np.cumsum(count * size) - count * size
        left = limit[group] - (before - before[starts][part])
        packs_left = np.divide(left, size, out=np.where(left > 0, np.inf, 0.0), where=size > 0)
        if up:
            number = np.maximum(number, np.ceil(packs_left - 1e-6))
        else:
            number = np.minimum(number, np.floor(packs_left + 1e-6))
    number = np.clip(number, 0.0, count)
    number = np.where(whole & (number < count), np.where(up & (number > 0), count, 0.0), number)
    if not up:  # a run that doesn't fit in full ends the order
        missed = number < count
        stopped: Array = np.cumsum(missed) - missed
        stopped = stopped - stopped[starts][part]
        number = np.where(stopped > 0, 0.0, number)
    found = np.empty(len(group))
    found[place] = number
    return found
