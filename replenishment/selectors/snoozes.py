"""Snoozes in force."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from replenishment.models import PlanRun, Snooze, Suggestion


def snoozes_active() -> QuerySet[Snooze]:
    """Those that have not ended."""
    return Snooze.objects.filter(ended_at=None)


def snoozes_of(suggestions: Iterable[Suggestion]) -> dict[tuple[int, int], Snooze]:
    """The snooze in force of each snoozed suggestion, by product and location. One query at most."""
    keys = {(row.product_id, row.location_id) for row in suggestions if row.state == Suggestion.State.SNOOZED}
    if not keys:
        return {}
    products, locations = zip(*keys, strict=True)
    found = snoozes_active().filter(product__in=set(products), location__in=set(locations))
    rows = {(row.product_id, row.location_id): row for row in found.select_related("created_by")}
    return {key: row for key, row in rows.items() if key in keys}


def snoozes_over(day: date, plan: PlanRun | None = None) -> QuerySet[Snooze]:
    """Snoozes in force whose day has come by `day`, or whose stock on hand in a plan is at their level."""
    over = Q(until__lte=day)
    if plan is not None:
        rows = Suggestion.objects.filter(
            plan_run=plan, product=OuterRef("product"), location=OuterRef("location")
        )
        over |= Q(Exists(rows.filter(on_hand__lte=OuterRef("stock_level"))))
    return snoozes_active().filter(over)
