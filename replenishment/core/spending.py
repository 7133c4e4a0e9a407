"""The marginal curve of a budget: what each next pack of today's orders saves, the best first.

Marginal analysis as in `budget` (Silver, Pyke and Thomas, "Inventory and Production Management in Supply
Chains", section 7.7): a pack is worth the units that it is expected to save from being short, times what one
costs, per unit of money. The first pack of an item is its smallest order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core.constraints import smallest_order
from replenishment.core.items import Items
from replenishment.core.policy import drafted

Array = npt.NDArray[Any]

_STEPS = 24  # an order of more packs than this is bought in so many equal parts
_POINTS = 120  # of the curve


def spending_curve(items: Items, forecast: DemandDistribution) -> pl.DataFrame:
    """Money ``spent`` on today's orders and the expected margin ``saved`` by it, from nothing to all of them.

    Both rise; ``saved`` falls off (`budget` buys along this curve). At most `_POINTS` rows, one of them 0, 0.
    """
    draft = drafted(items, forecast, grid_days=1.0)
    good, orders = draft.good, draft.decided().order_quantity[draft.rows]
    rows = np.flatnonzero(orders > 0)
    good, quantity, demand = good.take(rows), orders[rows], draft.levels.demand.take(rows)
    smallest = smallest_order(good.moq, good.order_multiple)
    first = np.minimum(smallest, quantity)
    # Bought so far after each part: the smallest order, then equal parts in whole packs.
    packs = np.round((quantity - first) / good.order_multiple)
    share = np.linspace(0.0, 1.0, _STEPS + 1)
    bought = first[:, None] + np.round(packs[:, None] * share) * good.order_multiple[:, None]
    bought = np.hstack([np.zeros((len(rows), 1)), np.minimum(bought, quantity[:, None])])
    short = demand.loss(good.position[:, None] + bought)
    margin = np.maximum(good.stockout_cost, 0.0)[:, None]
    saved = (np.maximum(short[:, :-1] - short[:, 1:], 0.0) * margin).ravel()
    money = (np.diff(bought, axis=1) * good.unit_cost[:, None]).ravel()
    some = money > 0
    saved, money = saved[some], money[some]
    best = np.argsort(-saved / money, kind="stable")
    spent = np.concatenate([[0.0], np.cumsum(money[best])])
    gained = np.concatenate([[0.0], np.cumsum(saved[best])])
    at = np.unique(np.searchsorted(spent, np.linspace(0.0, spent[-1], _POINTS)).clip(0, len(spent) - 1))
    return pl.DataFrame({"spent": spent[at], "saved": gained[at]})
