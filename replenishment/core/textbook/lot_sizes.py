"""Economic order quantities with backorders and with price breaks. The plain one is `economics.eoq`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import eoq
from replenishment.core.textbook.checks import at_least_zero, positive, rows

Array = npt.NDArray[Any]


def eoq_with_backorders(
    order_cost: npt.ArrayLike,
    demand: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    backorder_cost: npt.ArrayLike,
) -> tuple[Array, Array, Array]:
    """Quantity, share of demand that waits, and cost per time (N,): Snyder and Shen, section 3.5.

    ``order_cost`` K per order, ``demand`` per time, ``holding_cost`` h and ``backorder_cost`` p per unit and
    time: ``Q = sqrt(2 K demand (h + p) / (h p))``, share ``h / (h + p)``. Costs of holding and waiting are
    above 0.
    """
    fixed, rate, hold, wait = rows(
        order_cost=order_cost, demand=demand, holding_cost=holding_cost, backorder_cost=backorder_cost
    )
    at_least_zero(order_cost=fixed, demand=rate)
    positive(holding_cost=hold, backorder_cost=wait)
    quantity, cost = eoq(fixed, rate, hold * (wait / (hold + wait)))
    return quantity, hold / (hold + wait), cost


@dataclass(frozen=True, eq=False)
class PriceBreaks:
    """What N items cost by the size of an order: ``starts`` and ``unit_costs`` (N, B).

    Break j reaches from ``starts[:, j]`` up to, and without, the next start; the first starts at 0. Rows with
    fewer breaks are filled up with infinite starts, whose unit costs don't matter. Raises ValueError where
    starts don't rise from 0 or a unit cost rises or is not above 0.
    """

    starts: Array
    unit_costs: Array

    def __post_init__(self) -> None:
        starts = np.atleast_2d(np.asarray(self.starts, dtype=np.float64))
        costs = np.atleast_2d(np.asarray(self.unit_costs, dtype=np.float64))
        if starts.shape != costs.shape or starts.ndim != 2 or not starts.shape[1]:
            raise ValueError(f"starts have shape {starts.shape}, unit costs {costs.shape}: expected the same")
        real = np.isfinite(starts)
        costs = np.where(real, costs, 1.0)
        positive(unit_costs=costs)
        bad = starts[:, 0] != 0
        with np.errstate(invalid="ignore"):
            bad |= np.any((np.diff(starts, axis=1) <= 0) & real[:, :-1], axis=1)
        bad |= np.any(real[:, 1:] & ~real[:, :-1], axis=1) | np.any(np.isnan(starts), axis=1)
        if np.any(bad):
            raise ValueError(f"row {int(np.argmax(bad)) + 1}: price breaks must rise from 0")
        bad = np.any((np.diff(costs, axis=1) > 0) & real[:, 1:], axis=1)
        if np.any(bad):
            raise ValueError(f"row {int(np.argmax(bad)) + 1}: unit costs must not rise from break to break")
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "unit_costs", costs)

    @property
    def _ends(self) -> Array:
        return np.column_stack([self.starts[:, 1:], np.full(len(self.starts), np.inf)])

    def all_units(
        self, order_cost: npt.ArrayLike, demand: npt.ArrayLike, holding_rate: npt.ArrayLike
    ) -> tuple[Array, Array, Array]:
        """Quantity, break (from 0) and cost per time (N,) where every unit has its order's price.

        ``holding_rate`` is a share of unit cost per time. Cost is that of goods, orders and holding: Snyder
        and Shen, section 3.4.1. In each break the EOQ at its price, or its start where that is more.
        """
        fixed, rate, hold = self._terms(order_cost, demand, holding_rate)
        carry = hold * self.unit_costs
        size = np.maximum(eoq(fixed, rate, carry)[0], np.where(np.isfinite(self.starts), self.starts, 0.0))
        orders = np.divide(fixed * rate, size, out=np.zeros_like(size), where=size > 0)
        cost = self.unit_costs * rate + orders + carry * size / 2
        return self._cheapest(size, np.where(size < self._ends, cost, np.inf))

    def incremental(
        self, order_cost: npt.ArrayLike, demand: npt.ArrayLike, holding_rate: npt.ArrayLike
    ) -> tuple[Array, Array, Array]:
        """Quantity, break (from 0) and cost per time (N,) where only units past a start have its price.

        Snyder and Shen, section 3.4.2: what the units before a break cost more acts as a cost of the order.
        """
        fixed, rate, hold = self._terms(order_cost, demand, holding_rate)
        starts = np.where(np.isfinite(self.starts), self.starts, 0.0)
        saved = -np.diff(self.unit_costs, axis=1) * starts[:, 1:]
        more = np.column_stack([np.zeros(len(starts)), np.cumsum(np.maximum(saved, 0.0), axis=1)])
        size, cost = eoq(fixed + more, rate, hold * self.unit_costs)
        cost = self.unit_costs * rate + hold * more / 2 + cost
        inside = (size >= self.starts) & (size < self._ends)
        return self._cheapest(size, np.where(inside, cost, np.inf))

    def _terms(
        self, order_cost: npt.ArrayLike, demand: npt.ArrayLike, holding_rate: npt.ArrayLike
    ) -> tuple[Array, Array, Array]:
        """The three as columns (N, 1)."""
        fixed, rate, hold, _ = rows(
            order_cost=order_cost, demand=demand, holding_rate=holding_rate, price_breaks=self.starts[:, 0]
        )
        if len(fixed) != len(self.starts):
            raise ValueError(f"{len(fixed)} items, but price breaks of {len(self.starts)}")
        at_least_zero(order_cost=fixed, demand=rate)
        positive(holding_rate=hold)
        return fixed[:, None], rate[:, None], hold[:, None]

    def _cheapest(self, size: Array, cost: Array) -> tuple[Array, Array, Array]:
        cost = np.where(np.isfinite(self.starts), cost, np.inf)
        best = np.argmin(cost, axis=1)
        at = np.arange(len(cost))
        return size[at, best], best, cost[at, best]
