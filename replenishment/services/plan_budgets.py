"""The last stage of a plan: orders cut to the money that there is, where it saves the most margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.selectors import categories_under
from replenishment.core.budget import within_budget
from replenishment.core.constraints import grained, smallest_order
from replenishment.selectors.budgets import BudgetState
from replenishment.services.plan_core import Planned
from replenishment.services.plan_terms import asked_prices

Array = npt.NDArray[Any]


def budgets_kept(planned: Planned, budgets: Sequence[BudgetState], whole: float | None) -> Planned:
    """The plan with its orders cut to budgets, each over its scope, and to money for the whole plan.

    Narrow budgets cut first, so that a wide one is spent on what they leave.
    """
    frame = planned.frame
    quantity = frame["order_quantity"].to_numpy().copy()
    is_planned = frame["place"].is_not_null().to_numpy()
    limits = [(_within(frame, state) & is_planned, state.left) for state in budgets]
    if whole is not None:
        limits.append((is_planned, whole))
    for mask, money in limits:
        rows = np.flatnonzero(mask & (quantity > 0))
        if len(rows):
            quantity[rows] = _cut(planned, rows, quantity[rows], money)
    return planned.changed("adj_budget", quantity, "budget") if limits else planned


def in_budget(frame: pl.DataFrame, budgets: Sequence[BudgetState]) -> pl.Series:
    """Whether one of the budgets is for a row."""
    mask = np.zeros(frame.height, dtype=bool)
    for state in budgets:
        mask |= _within(frame, state)
    return pl.Series(mask)


def _within(frame: pl.DataFrame, state: BudgetState) -> Array:
    budget = state.budget
    mask = np.ones(frame.height, dtype=bool)
    if budget.supplier_id is not None:
        mask &= (frame["supplier_id"] == budget.supplier_id).fill_null(value=False).to_numpy()
    if budget.location_id is not None:
        mask &= (frame["location_id"] == budget.location_id).to_numpy()
    if budget.category_id is not None:
        branch = list(categories_under([budget.category_id])[budget.category_id])
        mask &= frame["category_id"].is_in(branch).fill_null(value=False).to_numpy()
    return mask


def _cut(planned: Planned, rows: Array, quantity: Array, money: float) -> Array:
    """Quantities that cost no more than `money`, by the prices of what is ordered.

    A cut may lose a price break: where that makes the rest too dear, all are reckoned at their list price.
    """
    frame = planned.frame[rows]
    prices = asked_prices(frame, planned.facts.breaks)
    kept = _within_money(planned, frame, quantity, prices.unit_cost_at(quantity), money)
    if float(kept @ prices.unit_cost_at(kept)) > money:
        kept = _within_money(planned, frame, quantity, prices.costs[:, 0], money)
    return kept


def _within_money(
    planned: Planned, frame: pl.DataFrame, quantity: Array, unit_cost: Array, money: float
) -> Array:
    place = frame["place"].to_numpy()
    good = planned.draft.good.take(place)
    return grained(
        within_budget(
            budget=money,
            quantity=quantity,
            position=planned.position[place],
            demand=planned.demand.take(place),
            margin=good.stockout_cost,
            unit_cost=unit_cost,
            smallest=smallest_order(good.moq, good.order_multiple),
            multiple=good.order_multiple,
        )
    )
