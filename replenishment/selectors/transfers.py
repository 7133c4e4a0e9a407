"""Transfers that a plan proposes."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from catalog import selectors as catalog
from replenishment.models import PlanAction, PlanRun


def transfers_list(
    plan: PlanRun | None, *, search: str = "", location_id: int | None = None
) -> QuerySet[PlanAction]:
    """The plan's open transfers, way by way; `search` looks in products, `location_id` is either end."""
    found = PlanAction.objects.filter(kind=PlanAction.Kind.TRANSFER, state=PlanAction.State.OPEN)
    found = found.filter(plan_run=plan) if plan is not None else found.none()
    if text := search.strip():
        found = found.filter(product__in=catalog.products_search(text).values("pk"))
    if location_id is not None:
        found = found.filter(Q(location_id=location_id) | Q(other_location_id=location_id))
    return found.select_related("product", "location", "other_location").order_by(
        "location__code", "other_location__code", "product__sku", "pk"
    )
