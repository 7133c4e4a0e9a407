"""Goods that leave one location for another, and what moved since a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from catalog import services as catalog_services
from replenishment.models import PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine, Receipt
from replenishment.services.errors import OrderError


def moves_after(*, product_id: int, location_id: int, day: date) -> Iterator[tuple[date, Decimal]]:
    """What came in (above 0) and was sent elsewhere (below 0) of a product on later days, read when asked."""
    yield from Receipt.objects.filter(
        line__product_id=product_id, line__order__location_id=location_id, received_on__gt=day
    ).values_list("received_on", "quantity")
    sent = PurchaseOrderLine.objects.filter(
        product_id=product_id,
        order__kind=PurchaseOrder.Kind.TRANSFER,
        order__source_id=location_id,
        order__events__action="send",
    )
    for quantity, on in sent.values_list("quantity", "order__events__data__sent_on"):
        if date.fromisoformat(on) > day:
            yield date.fromisoformat(on), -quantity


def goods_send(*, order: PurchaseOrder, sent_on: date) -> None:
    """Take a transfer order's goods from the stock of its source; call in the transaction of its step.

    Raises OrderError where the source holds less.
    """
    for line in order.lines.select_related("product"):
        try:
            catalog_services.stock_send(
                product_id=line.product_id,
                location_id=order.source_id or 0,
                day=sent_on,
                quantity=line.quantity,
                moves=moves_after(product_id=line.product_id, location_id=order.source_id or 0, day=sent_on),
            )
        except catalog_services.CatalogError as error:
            raise OrderError(
                _("%(sku)s can't be sent: %(reason)s") % {"sku": line.product.sku, "reason": error}
            ) from error


def transfer_sent_on(order: PurchaseOrder) -> date | None:
    """The day on which a transfer order left its source."""
    data = PurchaseOrderEvent.objects.filter(order=order, action="send").values_list("data", flat=True).last()
    return date.fromisoformat(data["sent_on"]) if data else None
