"""Transfers that a plan proposes, and goods that are about to leave."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from catalog import selectors as catalog
from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine


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


def to_send(*, as_of: date) -> dict[tuple[int, int], Decimal]:
    """Units on transfer orders that a stock level of `as_of` still holds at their source, by product and
    stocking location: of orders not sent by then.
    """
    sent = PurchaseOrderEvent.objects.filter(order=OuterRef("order"), action="send").annotate(
        on=Cast(KT("data__sent_on"), CharField())
    )
    rows = (
        PurchaseOrderLine.objects.filter(order__kind=PurchaseOrder.Kind.TRANSFER)
        .filter(
            Q(order__state__in=PurchaseOrder.EDITABLE_STATES)
            | Q(Exists(sent.filter(on__gt=as_of.isoformat())))
        )
        .values_list("product_id", Coalesce("order__source__receiving_location_id", "order__source_id"))
        .annotate(units=Sum("quantity"))
        .order_by()
    )
    return {(product_id, location_id): Decimal(number) for product_id, location_id, number in rows}
