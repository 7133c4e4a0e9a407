"""What was really done over the periods of a replay, from the shop's own records: the row `ACTUAL` beside
the policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.items import Items
from replenishment.core.simulate import Course

Array = npt.NDArray[Any]

ACTUAL = "actual"
# An item whose stock is known at so many of the closes is known: single counts may be missing.
LEAST_KNOWN = 0.9
_UNIT = 0.5  # units: stock that rose by less was not delivered, but counted


@dataclass(frozen=True, eq=False)
class Records:
    """What is known of N items in T periods, in units.

    ``stock`` (T + 1, N) on hand at the close before the first period and at each close, NaN where unknown;
    ``sold`` to customers and ``returned`` (T, N): by customers, or moved in from another location;
    ``orders`` (N,) lines sent to suppliers in these periods and what they ``ordered`` (N,), 0 where there was
    none; ``arrived`` (T, N) of lines sent before.
    """

    stock: Array
    sold: Array
    returned: Array
    orders: Array
    ordered: Array
    arrived: Array

    @property
    def known(self) -> Array:
        """Items (N,) whose stock is known well enough to be compared."""
        return np.asarray(np.isfinite(self.stock[1:]).mean(axis=0) >= LEAST_KNOWN)

    @property
    def inferred(self) -> Array:
        """Items (N,) without an order line: what was ordered is told by the stock that came."""
        return np.asarray((self.orders == 0) & ~self.arrived.any(axis=0))

    def coming(self, lead: Array) -> Array:
        """What was on order at the start (T, N), by the period in which it came: every policy has that, too.

        Of lines sent before; else, where stock is known, what came within the ``lead`` time (N,) in periods.
        """
        told = np.arange(len(self.sold))[:, None] < np.round(lead)
        return np.where(self.inferred, np.where(told & self.known, self.delivered(), 0.0), self.arrived)

    def filled(self) -> Array:
        """Stock (T + 1, N), the last known count where one is missing, else the next."""
        stock = self.stock.copy()
        for period in range(1, len(stock)):
            stock[period] = np.where(np.isnan(stock[period]), stock[period - 1], stock[period])
        for period in range(len(stock) - 2, -1, -1):
            stock[period] = np.where(np.isnan(stock[period]), stock[period + 1], stock[period])
        return stock

    def delivered(self) -> Array:
        """Units (T, N) by which stock rose beyond what was sold and returned; 0 where it did not."""
        stock = self.filled()
        rise = np.diff(stock, axis=0) + self.sold - self.returned
        return np.where(np.nan_to_num(rise) > _UNIT, rise, 0.0)


def actual(items: Items, records: Records, demand: Array, *, period_days: float) -> dict[str, Array]:
    """The columns of REPLAY (N,) of what was done; ``demand`` (T, N) is what was asked for, sold or not.

    Stock is the mean of the closes, valued at unit cost. Where no order line was sent, each period in which
    stock rose beyond returns counts as an order line that came. What expired is in no record; cycles are not
    told.
    """
    came = records.delivered()
    orders = np.where(records.inferred, (came > 0).sum(axis=0), records.orders)
    ordered = np.where(records.inferred, came.sum(axis=0), records.ordered)
    sold, asked = records.sold.sum(axis=0), np.maximum(demand, records.sold).sum(axis=0)
    stock = np.maximum(records.filled()[1:], 0.0).mean(axis=0)
    value = stock * items.unit_cost
    holding = value * items.holding_rate * len(demand) * period_days / DAYS_PER_YEAR
    ordering, lost = orders * items.order_cost, (asked - sold) * items.stockout_cost
    none = np.full(len(items), np.nan)
    return {
        "demand": asked,
        "served": sold,
        "fill_rate": np.where(asked > 0, sold / np.where(asked > 0, asked, 1.0), np.nan),
        "cycles": none,
        "cycle_service": none,
        "average_stock": stock,
        "average_stock_value": value,
        "orders": orders,
        "ordered": ordered,
        "holding_cost": holding,
        "order_cost": ordering,
        "lost_margin": lost,
        "total_cost": holding + ordering + lost,
    }


def actual_course(items: Items, records: Records, demand: Array, groups: Array) -> Course:
    """The same in each period for groups of items (N, G)."""
    stock = np.nan_to_num(np.maximum(records.filled()[1:], 0.0))
    return Course(
        stock_value=(stock * items.unit_cost) @ groups,
        demand=np.maximum(demand, records.sold) @ groups,
        served=records.sold @ groups,
    )
