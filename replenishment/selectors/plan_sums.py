"""The sums of a plan's suggestions that pages show beside their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from catalog import selectors as catalog
from catalog.models import Supplier
from replenishment.models import PlanRun, PlanSum, Suggestion
from replenishment.selectors.suggestions import RUNS_OUT, tab_filters

LANES = tuple(Suggestion.Lane.values)
GROUP = ("supplier_id", "location_id", "currency")
_ACROSS = ("week", "excess", "new")
_COUNTS = (*LANES, *_ACROSS, "out", "runs_out")


@dataclass(frozen=True)
class Totals:
    """The sums of the workbench's strip; money in the home currency."""

    lines: int
    value: float
    risk: float
    stock_outs: int


@dataclass(frozen=True)
class SupplierSum:
    """What would be ordered from one supplier: `value` and `minimum` in the home currency."""

    supplier: Supplier
    lines: int
    value: float
    risk: float
    order_by: date | None
    minimum: float
    is_late: bool

    @cached_property
    def share(self) -> float:
        """How much of the minimum order value is reached, 0 to 1."""
        return 1.0 if self.minimum <= 0 else min(self.value / self.minimum, 1.0)


@dataclass(frozen=True)
class PlanSums:
    """How many suggestions each tab of the workbench holds; what is to be ordered, in all and by supplier.

    `tabs`, `totals` and `out` (rows out of stock though they have demand) are of one supplier where one is
    asked for; `suppliers` of all, the greatest margin at risk first, from `rows` of sums by supplier.
    """

    tabs: dict[str, int]
    totals: Totals
    out: int
    plan: PlanRun | None
    rows: list[dict[str, Any]]

    @cached_property
    def suppliers(self) -> list[SupplierSum]:
        """The sums of each supplier of whom something is to be ordered."""
        return _supplier_sums(self.plan, self.rows)

    def of_supplier(self, supplier_id: int | None) -> SupplierSum | None:
        """The sums of one supplier; None where nothing is to be ordered."""
        return next((row for row in self.suppliers if row.supplier.pk == supplier_id), None)


def suggestions_summed(suggestions: QuerySet[Suggestion], plan: PlanRun) -> list[dict[str, Any]]:
    """One row by supplier, delivery location and currency, with the columns of PlanSum."""
    return [_named(row) for row in _grouped(suggestions, plan)]


def _grouped(suggestions: QuerySet[Suggestion], plan: PlanRun) -> QuerySet[Any, dict[str, Any]]:
    """Where a column of PlanSum is named as one of the suggestion, it has "first_" before its name."""
    tabs, due = tab_filters(plan), Q(lane=Suggestion.Lane.ORDER)
    rows: QuerySet[Any, dict[str, Any]] = (
        suggestions.order_by()
        .values(*GROUP)
        .annotate(
            **{name: Count("pk", filter=tabs[name]) for name in (*LANES, *_ACROSS)},
            out=Count("pk", filter=Q(on_hand__lte=0, daily_demand__gt=0)),
            value=Coalesce(Sum("final_value", filter=due), 0.0),
            risk=Coalesce(Sum("margin_at_risk", filter=due), 0.0),
            first_order_by=Min("order_by", filter=due),
            runs_out=Count("pk", filter=due & RUNS_OUT),
        )
    )
    return rows


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("sum_").removeprefix("first_"): value for name, value in row.items()}


def _by_supplier(suggestions: QuerySet[Suggestion], plan: PlanRun) -> list[dict[str, Any]]:
    """One row by supplier, with how many `orders` it would get; summed where the rows are.

    Thousands of rows by location and currency would take longer to fetch than to sum. Django has no groups of
    groups.
    """
    try:
        query, params = _grouped(suggestions, plan).query.sql_with_params()
    except EmptyResultSet:  # the filters can't be passed
        return []
    quoted = connection.ops.quote_name
    counts = [f"CAST(SUM({quoted(name)}) AS bigint)" for name in _COUNTS]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT supplier_id, COUNT(*) FILTER (WHERE {quoted('order')} > 0), MIN(first_order_by),"  # noqa: S608
            f" SUM(value), SUM(risk), {', '.join(counts)} FROM ({query}) parts GROUP BY supplier_id",
            params,
        )
        rows = cursor.fetchall()
    names = ("supplier_id", "orders", "order_by", "value", "risk", *_COUNTS)
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for row in found:
        if isinstance(row["order_by"], str):  # SQLite has no dates
            row["order_by"] = date.fromisoformat(row["order_by"])
    return found


def plan_sums(
    plan: PlanRun | None,
    *,
    suggestions: QuerySet[Suggestion] | None = None,
    supplier_id: int | None = None,
    location_id: int | None = None,
) -> PlanSums:
    """The sums of a plan, from those that are kept; or those of its `suggestions` that pass a filter."""
    if plan is None:
        return _sums(None, [], supplier_id)
    if suggestions is not None:
        return _sums(plan, _by_supplier(suggestions, plan), supplier_id)
    kept = PlanSum.objects.filter(plan_run=plan)
    if location_id is not None:
        kept = kept.filter(location=location_id)
    # Locations of one supplier together, but for how many orders it makes of them.
    rows = (
        kept.order_by()
        .values("supplier_id")
        .annotate(
            orders=Count("pk", filter=Q(order__gt=0)),
            **{f"sum_{name}": Sum(name) for name in (*_COUNTS, "value", "risk")},
            first_order_by=Min("order_by"),
        )
    )
    return _sums(plan, [_named(row) for row in rows], supplier_id)


def _sums(plan: PlanRun | None, rows: list[dict[str, Any]], supplier_id: int | None) -> PlanSums:
    shown = [row for row in rows if supplier_id is None or row["supplier_id"] == supplier_id]

    def total(name: str) -> Any:
        return sum(row[name] for row in shown)

    tabs = {name: total(name) for name in (*LANES, *_ACROSS)}
    return PlanSums(
        tabs=tabs | {"all": sum(tabs[name] for name in LANES)},
        totals=Totals(
            lines=tabs["order"], value=total("value"), risk=total("risk"), stock_outs=total("runs_out")
        ),
        out=total("out"),
        plan=plan,
        rows=rows,
    )


def _supplier_sums(plan: PlanRun | None, rows: Iterable[dict[str, Any]]) -> list[SupplierSum]:
    """The minimum is that of all orders that would go to the supplier: one per delivery location."""
    if plan is None:
        return []
    shown = [row for row in rows if row["supplier_id"] is not None and row["order"]]
    suppliers = Supplier.objects.in_bulk([row["supplier_id"] for row in shown])
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    sums = []
    for row in shown:
        supplier, day = suppliers[row["supplier_id"]], row["order_by"]
        rate = rates.get(supplier.currency, 0.0)
        sums.append(
            SupplierSum(
                supplier=supplier,
                lines=row["order"],
                value=row["value"],
                risk=row["risk"],
                order_by=day,
                minimum=float(supplier.minimum_order_value) * rate * row["orders"],
                is_late=day is not None and day <= plan.as_of,
            )
        )
    return sorted(sums, key=lambda row: (-row.risk, -row.value, row.supplier.code))
