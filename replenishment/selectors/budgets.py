"""Budgets, and what of them is spoken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.db.models import DateField, DecimalField, F, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce

from catalog import selectors as catalog
from replenishment.models import (
    Budget,
    PlanRun,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    SettingEvent,
)

if TYPE_CHECKING:
    import polars as pl


_KEPT_SECONDS = 60


@dataclass(frozen=True)
class BudgetState:
    """A budget and the value of the orders that count against it, in the home currency."""

    budget: Budget
    committed: float

    @cached_property
    def left(self) -> float:
        """What may still be ordered: 0 or more."""
        return max(float(self.budget.amount) - self.committed, 0.0)

    @cached_property
    def share(self) -> float:
        """How much is spoken for, 0 to 1."""
        amount = float(self.budget.amount)
        return min(self.committed / amount, 1.0) if amount > 0 else 1.0


def budgets_list() -> QuerySet[Budget]:
    """All budgets, the latest period first."""
    return Budget.objects.select_related("category", "supplier", "location")


def budgets_in_force(day: date) -> list[BudgetState]:
    """The active budgets whose period holds the day, the widest scope last."""
    found = budgets_list().filter(is_active=True, first_day__lte=day, last_day__gte=day)
    return sorted(budget_states(found), key=lambda state: (-_filled(state.budget), state.budget.pk))


def budget_of_plan(plan: PlanRun | None, *, supplier_id: int | None = None) -> BudgetState | None:
    """The budget that a plan's orders draw on: the supplier's own in force, else that of the whole shop.

    Worked out anew after each event of an order or a budget; kept for a minute at most.
    """
    if plan is None:
        return None
    latest = [
        model.objects.order_by("-pk").values_list("pk", flat=True).first()
        for model in (PurchaseOrderEvent, SettingEvent)
    ]
    key = f"budgets:{plan.as_of.isoformat()}:{latest[0]}:{latest[1]}"
    states = cache.get(key)
    if states is None:
        states = budgets_in_force(plan.as_of)
        cache.set(key, states, _KEPT_SECONDS)
    own = [state for state in states if _is_of(state.budget, supplier_id)]
    return next(iter(own or [state for state in states if _is_of(state.budget, None)]), None)


def _is_of(budget: Budget, supplier_id: int | None) -> bool:
    return (budget.supplier_id, budget.location_id, budget.category_id) == (supplier_id, None, None)


def budget_states(budgets: QuerySet[Budget]) -> list[BudgetState]:
    """Each with what counts against it: orders of its period and scope that are not cancelled.

    The day of an order is that of the plan that it came from, else the one on which it was made. Orders in a
    currency without a rate count as nothing.
    """
    found = list(budgets)
    if not found:
        return []
    branches = catalog.categories_under([b.category_id for b in found if b.category_id is not None])
    ordered = _ordered(
        first=min(budget.first_day for budget in found), last=max(budget.last_day for budget in found)
    )
    return [
        BudgetState(budget, float(ordered.filter(*_scope(budget, branches))["worth"].sum()))
        for budget in found
    ]


def _filled(budget: Budget) -> int:
    return sum(value is not None for value in (budget.category_id, budget.supplier_id, budget.location_id))


def _scope(budget: Budget, branches: Mapping[int, frozenset[int]]) -> list[pl.Expr]:
    """What holds of the orders that count against a budget."""
    import polars as pl

    holds = [pl.col("day").is_between(budget.first_day, budget.last_day)]
    if budget.supplier_id is not None:
        holds.append(pl.col("supplier_id") == budget.supplier_id)
    if budget.location_id is not None:
        holds.append(pl.col("location_id") == budget.location_id)
    if budget.category_id is not None:
        holds.append(pl.col("category_id").is_in(list(branches[budget.category_id])))
    return holds


def _ordered(*, first: date, last: date) -> pl.DataFrame:
    """What was ordered on these days, not cancelled.

    Columns day, supplier_id, location_id, category_id, worth (home currency).
    """
    import polars as pl

    sums = (
        PurchaseOrderLine.objects.filter(order__kind=PurchaseOrder.Kind.PURCHASE)
        .exclude(order__state=PurchaseOrder.State.CANCELLED)
        .annotate(
            ordered_on=Coalesce("order__plan_run__as_of", Cast("order__created_at", DateField())),
        )
        .filter(ordered_on__gte=first, ordered_on__lte=last)
        .order_by()
        .values_list(
            "ordered_on",
            "order__supplier_id",
            "order__location_id",
            "product__category_id",
            "order__currency",
        )
        .annotate(worth=Sum(F("quantity") * F("unit_cost"), output_field=DecimalField()))
    )
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=catalog.today())
    return pl.DataFrame(
        [(*scope, float(worth or 0) * rates.get(currency, 0.0)) for *scope, currency, worth in sums],
        schema={
            "day": pl.Date,
            "supplier_id": pl.Int64,
            "location_id": pl.Int64,
            "category_id": pl.Int64,
            "worth": pl.Float64,
        },
        orient="row",
    )
