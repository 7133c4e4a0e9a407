"""Did an edited order do better than the system's? Both quantities on the demand that really came.

An order is placed at the close of its as-of date. It is in after the lead time L, and has to last until the
next review's order would be in: the days L + 1 to L + R are its own, and what happens in them is counted.
Before them both quantities lead to the same stock. What is on order already comes before the order does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import DAYS_PER_YEAR

Array = npt.NDArray[Any]

# Units beyond what is ever wanted at once are held until they are sold, but no longer than this.
LONGEST_DAYS = 365.0
# Money: less than this apart is a tie.
TIE = 0.01


@dataclass(frozen=True, eq=False)
class Decisions:
    """N orders that were decided on, (N,).

    ``position`` is units on hand and on order less what is allocated, ``order_up_to`` the most that is wanted
    at once; ``lead_days`` and ``review_days``; ``unit_cost``, ``stockout_cost`` of a unit not served and
    ``order_cost`` in money; ``holding_rate`` of unit cost a year; ``lost`` whether demand that is not met is
    lost, else it waits.
    """

    position: Array
    order_up_to: Array
    lead_days: Array
    review_days: Array
    unit_cost: Array
    stockout_cost: Array
    order_cost: Array
    holding_rate: Array
    lost: Array

    @property
    def first(self) -> Array:
        """Whole days (N,) before the order is in."""
        return np.maximum(np.round(self.lead_days), 0).astype(np.int64)

    @property
    def last(self) -> Array:
        """The last of the order's own days (N,): those of the protection interval, one after the lead time at
        least.
        """
        return self.first + np.maximum(np.round(self.review_days), 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Costs:
    """What a quantity cost over the order's own days, (N,) in money, and what it ``lost`` in units."""

    holding: Array
    ordering: Array
    lost_margin: Array
    lost: Array

    @property
    def total(self) -> Array:
        """The three together."""
        return np.asarray(self.holding + self.ordering + self.lost_margin)


def costs(decisions: Decisions, quantity: Array, demand: Array) -> Costs:
    """What ordering ``quantity`` (N,) units would have cost, given ``demand`` (T, N) of the days after.

    T is at least the longest protection interval. Holding is by the stock at each close; and of what is left
    at the end beyond the order-up-to level, which no order of the next review would have brought down, until
    it is sold at the demand of these days, up to a year. The cost of an order counts for the share of it that
    its own days use up, so that large orders that last are not charged at once. Raises ValueError where the
    demand is too short.
    """
    first, last = decisions.first, decisions.last
    if len(last) and last.max() > len(demand):
        raise ValueError(f"demand of {len(demand)} days for an interval of {last.max()}")
    stock = np.asarray(decisions.position, dtype=np.float64).copy()
    held, short = np.zeros(len(stock)), np.zeros(len(stock))
    wanted = np.zeros(len(stock))
    for day in range(int(last.max(initial=0))):
        stock = stock + np.where(day == first, quantity, 0.0)
        running, own = day < last, (day >= first) & (day < last)
        asked = np.where(running, demand[day], 0.0)
        missed = asked - np.minimum(asked, np.maximum(stock, 0.0))
        stock = stock - asked + np.where(decisions.lost, missed, 0.0)
        wanted += asked
        short += np.where(own, missed, 0.0)
        held += np.where(own, np.maximum(stock, 0.0), 0.0)
    rate = wanted / np.maximum(last, 1)
    held += _left_over(np.maximum(stock - np.maximum(decisions.order_up_to, 0.0), 0.0), rate)
    used = rate * (last - first)
    share = np.where(quantity > 0, np.minimum(used / np.where(quantity > 0, quantity, 1.0), 1.0), 0.0)
    return Costs(
        holding=held * decisions.unit_cost * decisions.holding_rate / DAYS_PER_YEAR,
        ordering=share * decisions.order_cost,
        lost_margin=short * decisions.stockout_cost,
        lost=short,
    )


def _left_over(units: Array, rate: Array) -> Array:
    """Unit-days (N,) for which so many units are held while they sell at a rate a day."""
    moving = rate > 0
    days = np.where(moving, np.minimum(units / np.where(moving, rate, 1.0), LONGEST_DAYS), LONGEST_DAYS)
    return np.asarray(units * days - rate * days**2 / 2)
