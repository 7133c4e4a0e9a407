"""The sums of a plan's suggestions that pages show beside their rows, in one reading of the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Sum

from catalog import selectors as catalog
from catalog.models import Supplier
from replenishment.models import PlanRun, Suggestion
from replenishment.selectors.suggestions import RUNS_OUT, TAB_FILTERS, Totals


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

    `tabs` and `totals` are of one supplier where one is asked for; `suppliers` of all, the greatest margin
    at risk first. `out` counts rows that are out of stock though they have demand.
    """

    tabs: dict[str, int]
    totals: Totals
    suppliers: list[SupplierSum]
    out: int


def plan_sums(
    plan: PlanRun | None, suggestions: QuerySet[Suggestion], *, supplier_id: int | None = None
) -> PlanSums:
    """Sums over suggestions of `suggestions_priced` of a plan, whoever supplies them.

    A plan of a large shop has a hundred thousand rows: they are read once, grouped by supplier, delivery
    location and currency, and all sums follow from the groups.
    """
    order = TAB_FILTERS["order"]
    # A group is of one supplier, so a Q of no conditions needs no filter.
    tabs = {f"tab_{name}": Count("pk", filter=tab or None) for name, tab in TAB_FILTERS.items()}
    found = (
        suggestions.order_by()
        .values("supplier_id", "location_id", "currency")
        .annotate(
            **tabs,
            v=Sum("final_value", filter=order),
            r=Sum("margin_at_risk", filter=order),
            o=Min("order_by", filter=order),
            s=Count("pk", filter=order & RUNS_OUT),
            out=Count("pk", filter=Q(on_hand__lte=0, daily_demand__gt=0)),
        )
    )
    rows: list[dict[str, Any]] = [dict(row) for row in found]
    shown = [row for row in rows if supplier_id is None or row["supplier_id"] == supplier_id]
    return PlanSums(
        tabs={name: sum(row[f"tab_{name}"] for row in shown) for name in TAB_FILTERS},
        totals=Totals(
            lines=sum(row["tab_order"] for row in shown),
            value=sum(row["v"] or 0.0 for row in shown),
            risk=sum(row["r"] or 0.0 for row in shown),
            stock_outs=sum(row["s"] for row in shown),
        ),
        suppliers=_supplier_sums(plan, [row for row in rows if row["supplier_id"] and row["tab_order"]]),
        out=sum(row["out"] for row in shown),
    )


def _supplier_sums(plan: PlanRun | None, rows: list[dict[str, Any]]) -> list[SupplierSum]:
    """The minimum is that of all orders that would go to the supplier: one per delivery location."""
    if plan is None:
        return []
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["supplier_id"]].append(row)
    suppliers = Supplier.objects.in_bulk(list(groups))
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    sums = []
    for pk, parts in groups.items():
        supplier = suppliers[pk]
        days = [part["o"] for part in parts if part["o"] is not None]
        minimum = float(supplier.minimum_order_value) * rates.get(supplier.currency, 0.0) * len(parts)
        sums.append(
            SupplierSum(
                supplier=supplier,
                lines=sum(part["tab_order"] for part in parts),
                value=sum(part["v"] or 0.0 for part in parts),
                risk=sum(part["r"] or 0.0 for part in parts),
                order_by=min(days, default=None),
                minimum=minimum,
                is_late=bool(days) and min(days) <= plan.as_of,
            )
        )
    return sorted(sums, key=lambda row: (-row.risk, -row.value, row.supplier.code))
