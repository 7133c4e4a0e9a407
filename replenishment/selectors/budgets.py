"""Budgets, and what of them is spoken for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.conf import settings
from django.db.models import DateField, DecimalField, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce

from catalog import selectors as catalog
from catalog.models import Category
from replenishment.models import Budget, PurchaseOrder, PurchaseOrderLine


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


def budget_states(budgets: QuerySet[Budget]) -> list[BudgetState]:
    """Each with what counts against it: orders of its period and scope that are not cancelled.

    The day of an order is that of the plan that it came from, else the one on which it was made. Orders in a
    currency without a rate count as nothing.
    """
    return [BudgetState(budget, _committed(budget)) for budget in budgets]


def category_branch(root: int) -> set[int]:
    """A category and all below it."""
    parents = list(Category.objects.order_by().values_list("pk", "parent_id"))
    found = {root}
    while more := {pk for pk, parent in parents if parent in found and pk not in found}:
        found |= more
    return found


def _filled(budget: Budget) -> int:
    return sum(value is not None for value in (budget.category_id, budget.supplier_id, budget.location_id))


def _committed(budget: Budget) -> float:
    lines = (
        PurchaseOrderLine.objects.filter(order__kind=PurchaseOrder.Kind.PURCHASE)
        .exclude(order__state=PurchaseOrder.State.CANCELLED)
        .annotate(
            ordered_on=Coalesce("order__plan_run__as_of", Cast("order__created_at", DateField())),
        )
        .filter(ordered_on__gte=budget.first_day, ordered_on__lte=budget.last_day)
    )
    scope = Q()
    if budget.supplier_id is not None:
        scope &= Q(order__supplier_id=budget.supplier_id)
    if budget.location_id is not None:
        scope &= Q(order__location_id=budget.location_id)
    if budget.category_id is not None:
        scope &= Q(product__category_id__in=category_branch(budget.category_id))
    sums = (
        lines.filter(scope)
        .order_by()
        .values_list("order__currency")
        .annotate(worth=Sum(F("quantity") * F("unit_cost"), output_field=DecimalField()))
    )
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=catalog.today())
    return sum(float(worth or 0) * rates.get(currency, 0.0) for currency, worth in sums)
