"""Budgets, and what of them is spoken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


@dataclass(frozen=True)
class BudgetAfter:
    """A budget that an order counts against, in the home currency.

    `left` is what approved orders and this one leave of it (below 0: over it); `waiting` is the worth of
    other drafts and submitted orders.
    """

    budget: Budget
    left: float
    waiting: float


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


def budgets_after(
    orders: Sequence[PurchaseOrder], worth: Mapping[int, Mapping[int | None, Decimal]]
) -> Mapping[int, list[BudgetAfter]]:
    """The active budgets that each of these orders counts against, by the order's key.

    `worth` is, by order and category of its lines, what they are worth in the order's currency.
    """
    found: dict[int, list[BudgetAfter]] = {order.pk: [] for order in orders}
    days = {order.pk: _day(order) for order in orders if order.kind == PurchaseOrder.Kind.PURCHASE}
    if not days:
        return found
    first, last = min(days.values()), max(days.values())
    budgets = list(budgets_list().filter(is_active=True, first_day__lte=last, last_day__gte=first))
    if not budgets:
        return found
    branches = catalog.categories_under([b.category_id for b in budgets if b.category_id is not None])
    ordered = _ordered(first=min(b.first_day for b in budgets), last=max(b.last_day for b in budgets))
    for budget in budgets:
        counted = ordered.filter(*_scope(budget, branches))
        settled = float(
            counted.filter(counted["state"].is_in(list(PurchaseOrder.SETTLED_STATES)))["worth"].sum()
        )
        waiting = float(counted["worth"].sum()) - settled
        for order in orders:
            if order.pk not in days or not _may_count(budget, order, days[order.pk]):
                continue
            branch = branches[budget.category_id] if budget.category_id is not None else None
            of_order = worth[order.pk]
            inside = [value for category, value in of_order.items() if branch is None or category in branch]
            whole = sum(of_order.values(), Decimal(0))
            if inside and whole:
                own = float((order.home_value or 0) * sum(inside, Decimal(0)) / whole)
                left = float(budget.amount) - settled - own
                found[order.pk].append(BudgetAfter(budget, left, max(waiting - own, 0.0)))
    return found


def _day(order: PurchaseOrder) -> date:
    return order.plan_run.as_of if order.plan_run is not None else order.created_at.date()


def _may_count(budget: Budget, order: PurchaseOrder, day: date) -> bool:
    """Whether the order lies in a budget's period and scope, its category aside."""
    return (
        budget.first_day <= day <= budget.last_day
        and budget.supplier_id in {None, order.supplier_id}
        and budget.location_id in {None, order.location_id}
    )


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

    Columns day, supplier_id, location_id, category_id, state (of the orders), worth (home currency).
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
            "order__state",
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
            "state": pl.String,
            "worth": pl.Float64,
        },
        orient="row",
    )
