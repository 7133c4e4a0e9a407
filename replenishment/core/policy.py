"""Plans from demand distributions by any kind of policy (`kinds`): levels, orders, expected service.

Formulas, sources, and when to use what: ``docs/policies.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core import kinds
from replenishment.core.budget import within_budget
from replenishment.core.constraints import TERMS, Orders, grained, ordered, smallest_order
from replenishment.core.explain import Reasons
from replenishment.core.items import Items, problems
from replenishment.core.levels import Levels, levels

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """One row per item, in the order of the items: quantities in units, NaN where an item can't be planned.

    ``order_quantity`` equals ``net_need`` plus the ``adj_`` terms, added in the order of the columns, without
    rounding error. ``expected_fill_rate`` and ``expected_cycle_service`` are shares from 0 to 1.
    """

    unique_id: list[str]
    expected_demand: Array
    safety_stock: Array
    reorder_point: Array
    order_up_to: Array
    net_need: Array
    adj_not_due: Array
    adj_cycle: Array
    adj_moq: Array
    adj_multiple: Array
    adj_max: Array
    adj_shelf_life: Array
    adj_budget: Array
    order_quantity: Array
    expected_fill_rate: Array
    expected_cycle_service: Array
    policy: list[str]
    reason: list[str]

    def to_frame(self) -> pl.DataFrame:
        """The columns of PLAN (``docs/plan-files.md``), null where a number is NaN."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        frame = pl.DataFrame(
            {
                name: pl.Series(name, values, dtype=pl.String if isinstance(values, list) else pl.Float64)
                for name, values in columns.items()
            }
        )
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


@dataclass(frozen=True, eq=False)
class Draft:
    """Levels of the items that can be planned, before any order is decided.

    ``rows`` are their positions among ``items``; ``good`` and ``levels`` hold these alone, in this order.
    """

    items: Items
    rows: Array
    good: Items
    levels: Levels
    reasons: Reasons

    def decided(self, *, budget: float | None = None) -> Plan:
        """The orders of one review; ``budget`` is money for all of them."""
        good, found = self.good, self.levels
        orders = ordered(
            position=good.position,
            reorder_point=found.reorder_point,
            order_up_to=found.order_up_to,
            moq=good.moq,
            multiple=good.order_multiple,
            max_stock=good.max_stock,
            shelf_limit=found.shelf_limit,
        )
        if budget is not None:
            kept = within_budget(
                budget=budget,
                quantity=orders.quantity,
                position=good.position,
                demand=found.demand,
                margin=good.stockout_cost,
                unit_cost=good.unit_cost,
                smallest=smallest_order(good.moq, good.order_multiple),
                multiple=good.order_multiple,
            )
            orders = orders.cut("adj_budget", kept)
        return self._planned(orders)

    def _planned(self, orders: Orders) -> Plan:
        count, rows, found = len(self.items), self.rows, self.levels
        numbers: dict[str, Array] = {
            "expected_demand": found.expected_demand,
            "safety_stock": grained(found.reorder_point - found.expected_demand),
            "reorder_point": found.reorder_point,
            "order_up_to": found.order_up_to,
            "net_need": orders.net_need,
            **{term: orders.terms[term] for term in TERMS},
            "expected_fill_rate": found.fill_rate,
            "expected_cycle_service": found.cycle_service,
        }
        columns = {name: np.full(count, np.nan) for name in numbers}
        for name, values in numbers.items():
            columns[name][rows] = values + 0.0  # no negative zeros
        quantity = np.zeros(count)
        quantity[rows] = orders.quantity + 0.0
        policy = np.full(count, "none", dtype=object)
        policy[rows] = np.where(found.order_up_to > found.reorder_point, "(R,s,S)", "(R,S)")
        for kind, label in kinds.LABELS.items():
            policy[rows[self.good.policy_kind == kind]] = label
        return Plan(
            unique_id=list(self.items.unique_id),
            order_quantity=quantity,
            policy=policy.tolist(),
            reason=self.reasons.texts(rows, orders, found),
            **columns,
        )


def plan(
    items: Items,
    demand: DemandDistribution,
    *,
    budget: float | None = None,
    seed: int = 0,
    grid_days: float | None = None,
) -> Plan:
    """Plan one review at the close of the distribution's as-of date: `drafted`, then decided.

    ``budget`` is money for all orders of this plan. Nothing here is drawn at random: ``seed`` is part of the
    interface so that a policy that draws can be. Raises ValueError for a negative budget or a distribution
    without quantiles.
    """
    if budget is not None and not 0 <= budget < np.inf:
        raise ValueError(f"the budget must be 0 or more, not {budget}")
    return drafted(items, demand, grid_days=grid_days).decided(budget=budget)


def drafted(items: Items, demand: DemandDistribution, *, grid_days: float | None = None) -> Draft:
    """Levels of the items.

    Items and series of the distribution are matched by ``unique_id``; an item without a series, or with terms
    that make no sense, becomes an exception row and the others are planned. Reviews and receipts happen every
    ``grid_days``: by default on the forecast's periods, as `replay` counts them; with 1, lead times and
    review periods keep their days whatever the forecast's period. Raises ValueError for a distribution
    without quantiles.
    """
    if len(demand.levels) < 3 or not demand.horizon:
        raise ValueError("the demand has no quantiles: safety stock needs a distribution")
    series = {name: row for row, name in enumerate(demand.unique_id)}
    places = np.array([series.get(name, -1) for name in items.unique_id], dtype=np.int64)
    reasons = Reasons(len(items))
    for mask, words in [(places < 0, "no distribution"), *problems(items)]:
        reasons.exception(mask, words)
    rows = np.flatnonzero(reasons.planned)
    good = kinds.prepared(items.take(rows), demand, places[rows])
    found = levels(good, demand, places[rows], grid_days=grid_days)
    if np.any(good.policy_kind == "once"):
        found = found.with_rows(*kinds.once(good, demand, places[rows]))
    stuck = found.unsellable
    if np.any(stuck):
        reasons.exception(rows[stuck], "the smallest order exceeds the demand within the shelf life")
        kept = np.flatnonzero(~stuck)
        rows, good, found = rows[kept], good.take(kept), found.take(kept)
    return Draft(items, rows, good, found, reasons)
