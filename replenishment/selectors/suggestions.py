"""Suggestions with what they would order, filtered and sorted, and their sums."""

from __future__ import annotations

import math
from datetime import timedelta

from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce

from catalog import selectors as catalog
from catalog.models import Supplier
from replenishment.models import PlanRun, Suggestion

# Tabs of the workbench; those that are no lane lie across them.
TABS = (*Suggestion.Lane.values, "week", "excess", "new", "all")
# How far ahead "this week" looks.
WEEK = timedelta(days=7)
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
    "allocated": "allocated",
    "on-order": "on_order",
    "landed": "landed_cost",
    "return": "return_rate",
    "spread": "spread",
    "change": "change",
    "excess": "excess_value",
}
DEFAULT_SORT = "-risk"
# Tabs that are better read in another order.
TAB_SORTS = {"week": "order-by", "waiting": "order-by", "excess": "-excess"}
# A search for more products or suppliers than this leaves them to the database.
MOST_KEYS = 500
# Would run out before an order placed now is in.
RUNS_OUT = Q(cover_days__lt=F("lead_time_days"))
# Reasons of rows that have demand of other rows beside their own.
_PASSED_ON = frozenset({"kit_demand", "successor_demand", "supplies"})


def has_demand_passed_on(reason: str) -> bool:
    """Whether kits, predecessors or other locations pass demand on to the row.

    It was planned on more than its own forecast, and what was passed on is not kept.
    """
    return not _PASSED_ON.isdisjoint(reason.split("; "))


def suggestions_of(plan: PlanRun | None) -> QuerySet[Suggestion]:
    """The plan's suggestions; none without a plan."""
    return Suggestion.objects.filter(plan_run=plan) if plan else Suggestion.objects.none()


def suggestions_shown() -> QuerySet[Suggestion]:
    """Suggestions with all that a drawer or a changed row says, without the long reports behind them."""
    rows = Suggestion.objects.select_related(
        "product", "location", "supplier", "terms", "rule", "edited_by", "plan_run__forecast_run"
    )
    return rows.defer("plan_run__report", "plan_run__forecast_run__report")


def tab_filters(plan: PlanRun | None) -> dict[str, Q]:
    """What each of `TABS` shows of a plan."""
    lanes = {lane: Q(lane=lane) for lane in Suggestion.Lane.values}
    soon = Q(order_by__lte=plan.as_of + WEEK) if plan else Q(order_by=None)
    return lanes | {
        "week": Q(lane=Suggestion.Lane.WAITING) & soon,
        "excess": Q(excess_value__gt=0),
        "new": Q(is_new=True),
        "all": Q(),
    }


def suggestions_search(text: str) -> Q:
    """Suggestions of products (folded), or of suppliers by name, that hold the text. Looks both up.

    By their keys the database finds the rows by its indexes; "in one table or in another" makes it read all.
    """
    suppliers = Supplier.objects.filter(name__icontains=text.strip()).values_list("pk", flat=True)
    products = catalog.products_search(text).order_by().values_list("pk", flat=True)
    keys = list(products[: MOST_KEYS + 1])
    found = Q(product__in=keys if len(keys) <= MOST_KEYS else products)
    if by_supplier := list(suppliers.order_by()[: MOST_KEYS + 1]):
        found |= Q(supplier__in=by_supplier if len(by_supplier) <= MOST_KEYS else suppliers)
    return found


def suggestions_list(
    plan: PlanRun | None,
    *,
    search: str | Q = "",
    supplier_id: int | None = None,
    location_id: int | None = None,
    abc: str = "",
    xyz: str = "",
    pattern: str = "",
    rule_id: int | None = None,
    cover_below: float | None = None,
    value_from: float | None = None,
    is_late: bool = False,
    runs_out: bool = False,
    is_edited: bool = False,
) -> QuerySet[Suggestion]:
    """Suggestions of the plan that pass the filters; `search`: a text, or `suggestions_search` of it.

    Narrow it by one of `tab_filters`, sort it by `suggestions_order`.
    """
    found = suggestions_of(plan)
    if isinstance(search, Q) or search.strip():
        found = found.filter(search if isinstance(search, Q) else suggestions_search(search))
    if cover_below is not None:
        found = found.filter(cover_days__lt=cover_below)
    if value_from is not None:
        found = found.filter(final_value__gte=value_from)
    if is_late:
        found = found.filter(on_order_late__gt=0)
    if runs_out:
        found = found.filter(RUNS_OUT)
    if is_edited:
        found = found.filter(edited_by__isnull=False)
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
    if sort == DEFAULT_SORT:
        # As its index has it.
        return [Coalesce("margin_at_risk", Value(-1.0)).desc(), "pk"]
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
