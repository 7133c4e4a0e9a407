"""What an order costs by its size, and how far it pays to raise it to the next price break.

Two kinds of break: *all-units* (every unit has the price of the break reached) and *incremental* (only units
past a break have its price). Ordering q at a time costs ``c(q) A + K A / q + h c(q) q / 2`` a year, with the
cost per unit c(q), yearly demand A, order cost K and holding rate h: Snyder and Shen, "Fundamentals of Supply
Chain Theory", section 3.4. The textbook's answer is `textbook.lot_sizes.PriceBreaks`; here an order that is
due anyway is raised, in whole multiples, never lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import eoq

Array = npt.NDArray[Any]

INCREMENTAL = "incremental"


@dataclass(frozen=True, eq=False)
class Prices:
    """What N items cost: ``starts`` and ``costs`` (N, B), the first start 0, rising, filled up with infinity;
    ``incremental`` (N,) where only units past a start have its cost.
    """

    starts: Array
    costs: Array
    incremental: Array

    @classmethod
    def of(
        cls, unit_cost: Array, breaks: Sequence[Sequence[Sequence[Any]]], incremental: npt.ArrayLike
    ) -> Self:
        """From the cost below all breaks (N,), and per item its breaks as [from quantity, unit cost] in any
        order.
        """
        width = 1 + max(map(len, breaks), default=0)
        starts = np.full((len(unit_cost), width), np.inf)
        costs = np.ones((len(unit_cost), width))
        starts[:, 0], costs[:, 0] = 0.0, unit_cost
        for row, found in enumerate(breaks):
            for place, (start, cost) in enumerate(sorted((float(a), float(b)) for a, b in found), start=1):
                starts[row, place], costs[row, place] = start, cost
        return cls(starts, costs, np.asarray(incremental, dtype=bool))

    def landed(self, share: Array, per_unit: Array) -> Self:
        """With a ``share`` of the cost (duty) and money ``per_unit`` (freight) on top, both (N,)."""
        costs = self.costs * (1 + share)[:, None] + per_unit[:, None]
        return type(self)(self.starts, costs, self.incremental)

    def take(self, rows: Array) -> Self:
        """Some items only."""
        return type(self)(self.starts[rows], self.costs[rows], self.incremental[rows])

    @property
    def extra(self) -> Array:
        """What units before a break cost more than they would at its price (N, B); 0 for all-units."""
        starts = np.where(np.isfinite(self.starts), self.starts, 0.0)
        saved = -np.diff(self.costs, axis=1) * starts[:, 1:]
        total = np.column_stack([np.zeros(len(starts)), np.cumsum(saved, axis=1)])
        return np.where(self.incremental[:, None], total, 0.0)

    def unit_cost_at(self, quantity: Array) -> Array:
        """Average cost of a unit in an order of ``quantity``, (N,) or (N, P)."""
        wanted = quantity if quantity.ndim == 2 else quantity[:, None]
        found = np.broadcast_to(self.costs[:, :1], wanted.shape).copy()
        above, extra = np.zeros(wanted.shape), self.extra
        for place in range(1, self.starts.shape[1]):
            reached = wanted >= self.starts[:, place, None]
            found = np.where(reached, self.costs[:, place, None], found)
            above = np.where(reached, extra[:, place, None], above)
        found += np.divide(above, wanted, out=np.zeros(wanted.shape), where=wanted > 0)
        return found if quantity.ndim == 2 else found[:, 0]


def raised(
    quantity: Array,
    prices: Prices,
    *,
    order_cost: Array,
    demand: Array,
    holding_rate: Array,
    multiple: Array,
    most: Array,
) -> Array:
    """Orders (N,) of ``quantity`` or more, whichever costs least a year; 0 stays 0.

    ``order_cost`` per order line, ``demand`` units a year, ``holding_rate`` a share of unit cost a year, all
    (N,); ``prices`` and ``order_cost`` in one currency. An order is raised to a multiple no higher than
    ``most`` (N,) and a year's demand.
    """
    rate, step = demand[:, None], multiple[:, None]
    carry = holding_rate[:, None] * prices.costs
    size = eoq(np.maximum(order_cost[:, None] + prices.extra, 0.0), rate, carry)[0]
    starts = np.where(np.isfinite(prices.starts), prices.starts, 0.0)
    cap = np.minimum(most, demand)[:, None]
    size = np.minimum(np.maximum(size, starts), np.maximum(cap, 0.0))
    sizes = np.hstack([np.floor(size / step + 1e-9) * step, np.ceil(size / step - 1e-9) * step])
    allowed = (
        (sizes > quantity[:, None]) & (sizes <= cap + 1e-9) & np.isfinite(np.hstack([prices.starts] * 2))
    )
    sizes = np.hstack([quantity[:, None], np.where(allowed, sizes, quantity[:, None])])
    sizes = np.where(quantity[:, None] > 0, sizes, 1.0)
    unit = prices.unit_cost_at(sizes)
    cost = unit * rate + order_cost[:, None] * rate / sizes + holding_rate[:, None] * unit * sizes / 2
    # Not for what is next to nothing: the first of equal costs is the order as it is.
    cost[:, 0] *= 1 - 1e-9
    best = np.argmin(cost, axis=1)
    return np.where(quantity > 0, sizes[np.arange(len(quantity)), best], quantity)
