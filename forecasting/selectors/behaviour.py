"""What shoppers' behaviour says."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum

from forecasting.models import BehaviourReading

_Change = BehaviourReading.Change

BEHAVIOUR_GROUPS: dict[str, Q] = {
    "lost": Q(lost_units__gte=0.5),
    "rising": Q(interest_went=_Change.UP),
    "falling": Q(interest_went=_Change.DOWN),
    "unsold": Q(interest_went=_Change.UP, conversion_went=_Change.DOWN),
    "all": Q(),
}
"""What a buyer asks for: demand lost, interest up, interest down, looked at more but bought less, all."""

_ORDERS = {
    "lost": (F("lost_value").desc(nulls_last=True), "-lost_units"),
    "rising": ("-interest_change",),
    "falling": ("interest_change",),
    "unsold": ("conversion_change",),
    "all": ("-views",),
}


def behaviour_readings(
    *, group: str = "all", search: str = "", location_id: int | None = None
) -> QuerySet[BehaviourReading]:
    """Product-locations of a group (of `BEHAVIOUR_GROUPS`), those that matter most first."""
    rows = _narrowed(search, location_id).filter(BEHAVIOUR_GROUPS[group])
    return rows.select_related("product", "location").order_by(*_ORDERS[group], "pk")


def behaviour_counts(*, search: str = "", location_id: int | None = None) -> dict[str, int]:
    """How many product-locations each group has."""
    found: dict[str, int] = _narrowed(search, location_id).aggregate(
        **{name: Count("pk", filter=condition) for name, condition in BEHAVIOUR_GROUPS.items() if condition},
        all=Count("pk"),
    )
    return {name: found[name] for name in BEHAVIOUR_GROUPS}


def behaviour_totals(*, search: str = "", location_id: int | None = None) -> dict[str, Any]:
    """Sums over product-locations: `count`, `as_of`, counts of looks, units and money lost, the share of
    views that became carts, and whether any of it `is_assumed` (made up).
    """
    names = ("views", "views_before", "carts", "stock_requests", "lost_units", "lost_value")
    rows = _narrowed(search, location_id)
    totals: dict[str, Any] = rows.aggregate(
        **{name: Sum(name) for name in names},
        count=Count("pk"),
        as_of=Max("as_of"),
        assumed=Count("pk", filter=Q(is_assumed=True)),
    )
    views = totals["views"]
    return totals | {
        "is_assumed": totals["assumed"] > 0,
        "cart_share": totals["carts"] / views if views else None,
    }


def behaviour_of(*, product_id: int, location_id: int) -> BehaviourReading | None:
    """The reading of one product-location."""
    return BehaviourReading.objects.filter(product=product_id, location=location_id).first()


def _narrowed(search: str, location_id: int | None) -> QuerySet[BehaviourReading]:
    from catalog.selectors import products_search

    rows = BehaviourReading.objects.all()
    if search:
        rows = rows.filter(product__in=products_search(search).order_by().values("pk"))
    return rows if location_id is None else rows.filter(location=location_id)
