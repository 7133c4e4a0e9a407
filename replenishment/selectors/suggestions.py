"""Suggestions with what they would order, filtered and sorted, and their sums."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case, Count, F, FloatField, Q, QuerySet, Sum, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.functions import Cast, Coalesce

from catalog import selectors as catalog
from replenishment.models import PlanRun, Suggestion

EXCEPTION = "exception:"
# What each tab of the workbench shows.
TAB_FILTERS: dict[str, Q] = {
    "order": Q(state=Suggestion.State.OPEN, final__gt=0),
    "waiting": Q(state=Suggestion.State.OPEN, final=0) & ~Q(reason__startswith=EXCEPTION),
    "drafted": Q(state=Suggestion.State.DRAFTED),
    "rejected": Q(state=Suggestion.State.REJECTED),
    "exception": Q(reason__startswith=EXCEPTION),
    "all": Q(),
}
SORTS: dict[str, str] = {
    "item": "product__sku",
    "on-hand": "on_hand",
    "cover": "cover_days",
    "order-by": "order_by",
    "demand": "demand_p50",
    "need": "net_need",
    "quantity": "final",
    "value": "final_value",
    "risk": "margin_at_risk",
    "fill": "expected_fill_rate",
}
DEFAULT_SORT = "-risk"
# Would run out before an order placed now is in.
RUNS_OUT = Q(cover_days__lt=F("lead_time_days"))
# Reasons of rows that have demand of other rows beside their own.
_PASSED_ON = frozenset({"kit_demand", "successor_demand", "supplies"})


def has_demand_passed_on(reason: str) -> bool:
    """Whether kits, predecessors or other locations pass demand on to the row.

    It was planned on more than its own forecast, and what was passed on is not kept.
    """
    return not _PASSED_ON.isdisjoint(reason.split("; "))


def suggestions_priced(plan: PlanRun | None) -> QuerySet[Suggestion]:
    """The plan's suggestions, each with `final` (units to order) and `final_value` (in the home currency).

    The value is at the latest known exchange rate as of the plan; null where there is none, or no terms.
    """
    if plan is None:
        return Suggestion.objects.none().annotate(final=F("order_quantity"), final_value=F("home_value"))
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    rate = Case(
        *(When(currency=code, then=Value(factor)) for code, factor in rates.items()),
        default=Value(None),
        output_field=FloatField(),
    )
    final = Coalesce("edited_quantity", "order_quantity")
    return Suggestion.objects.filter(plan_run=plan).annotate(
        final=final, final_value=final * Cast("unit_cost", FloatField()) * rate
    )


def suggestions_list(
    plan: PlanRun | None,
    *,
    search: str = "",
    supplier_id: int | None = None,
    location_id: int | None = None,
    abc: str = "",
    xyz: str = "",
    pattern: str = "",
    rule_id: int | None = None,
) -> QuerySet[Suggestion]:
    """`suggestions_priced` that pass the filters; `search` looks in products (folded) and suppliers' names.

    Narrow it by one of `TAB_FILTERS`, sort it by `suggestions_order`.
    """
    found = suggestions_priced(plan)
    if text := search.strip():
        found = found.filter(
            Q(product__in=catalog.products_search(text).values("pk")) | Q(supplier__name__icontains=text)
        )
    given = {
        "supplier_id": supplier_id,
        "location_id": location_id,
        "abc": abc,
        "xyz": xyz,
        "pattern": pattern,
        "rule_id": rule_id,
    }
    return found.filter(**{name: value for name, value in given.items() if value})


def suggestions_order(sort: str) -> list[OrderBy | str]:
    """For `order_by`: a key of `SORTS`, with a minus for falling. What is not known comes last either way."""
    sort = sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT
    field = F(SORTS[sort.removeprefix("-")])
    first = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_last=True)
    return [first, "pk"]


def quantity_offer(suggestion: Suggestion) -> float | None:
    """What the supplier's packs make of the final quantity; None where it can be ordered as it is.

    At least the MOQ, in whole multiples of the order multiple and of the purchase unit.
    """
    quantity, terms = suggestion.final_quantity, suggestion.terms
    if terms is None or quantity <= 0:
        return None
    # In thousandths, as they are stored: whole numbers have a least common multiple.
    step = math.lcm(round(terms.order_multiple * 1000), round(terms.unit_size * 1000))
    wanted = max(round(quantity * 1000), round(terms.moq * 1000))
    offer = -(-wanted // step) * step / 1000
    return None if abs(offer - quantity) < 0.0005 else offer


@dataclass(frozen=True)
class Totals:
    """The sums of the workbench's strip; money in the home currency."""

    lines: int
    value: float
    risk: float
    stock_outs: int


def totals(suggestions: QuerySet[Suggestion]) -> Totals:
    """Lines, value, margin at risk, and how many would run out before an order placed now is in."""
    row = suggestions.order_by().aggregate(
        n=Count("pk"),
        v=Sum("final_value"),
        r=Sum("margin_at_risk"),
        s=Count("pk", filter=RUNS_OUT),
    )
    return Totals(lines=row["n"], value=row["v"] or 0.0, risk=row["r"] or 0.0, stock_outs=row["s"])
