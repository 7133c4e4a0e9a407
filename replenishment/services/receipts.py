"""Goods that come in: recorded once per key, and on hand in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog import services as catalog_services
from replenishment.models import PurchaseOrder, PurchaseOrderLine, Receipt
from replenishment.services.costs import quantity_clean
from replenishment.services.errors import OrderError
from replenishment.services.orders import order_begin, order_step, permission_require
from replenishment.services.stock_moves import moves_after, transfer_sent_on

_LONGEST_KEY = 64


def order_receive(
    *,
    order_id: int,
    received_on: date,
    quantities: Mapping[int, Decimal | float],
    key: str,
    acting_user: User,
    comment: str = "",
) -> PurchaseOrder:
    """Record what came in of a sent order, by line id, and raise the stock of its location.

    A supplier may deliver more than ordered: it is recorded and the event names the surplus. What another
    location sent comes in at most once. When nothing is
    outstanding the order closes. The same `key` again changes nothing; with other numbers it is refused.
    """
    with transaction.atomic():
        permission_require(acting_user, "receive_purchaseorder")
        if not 0 < len(key) <= _LONGEST_KEY:
            raise OrderError(_("A receipt needs a key of at most %d characters.") % _LONGEST_KEY)
        if not quantities:
            raise OrderError(_("Say what came in."))
        numbers = {pk: quantity_clean(quantity) for pk, quantity in quantities.items()}
        # Locked before the key is looked up: the same call at the same time waits here.
        PurchaseOrder.objects.select_for_update().get(pk=order_id)
        if _is_repeated(order_id, received_on, numbers, key):
            return PurchaseOrder.objects.get(pk=order_id)
        order = order_begin(order_id=order_id, action="receive", acting_user=acting_user)
        if received_on > catalog.today():
            raise OrderError(_("Goods can't be received on a day in the future."))
        planned_on = order.plan_run.as_of if order.plan_run else received_on
        if received_on < planned_on:
            # A wrong year, say: the goods would be on hand long ago, and in no stock level of today.
            raise OrderError(
                _("Goods can't be received before the order was planned, on the data of %(day)s.")
                % {"day": date_format(planned_on)}
            )
        _sent_check(order, received_on)
        lines = {line.pk: line for line in order.lines.select_related("product")}
        if set(numbers) - set(lines):
            raise OrderError(_("One of the lines is not on this order."))
        received = {
            pk: _line_receive(order, lines[pk], received_on, numbers[pk], key, acting_user) for pk in numbers
        }
        data = {"key": key, "received_on": str(received_on), "lines": received}
        complete = all(line.outstanding == 0 for line in lines.values())
        state = PurchaseOrder.State.CLOSED if complete else PurchaseOrder.State.PART_RECEIVED
        return order_step(order, "receive", acting_user, comment, data, to_state=state)


def _sent_check(order: PurchaseOrder, received_on: date) -> None:
    """Nothing arrives before it has left: OrderError."""
    sent_on = transfer_sent_on(order) if order.kind == PurchaseOrder.Kind.TRANSFER else None
    if sent_on is not None and received_on < sent_on:
        raise OrderError(
            _("Goods can't be received before they were sent, on %(day)s.") % {"day": date_format(sent_on)}
        )


def _line_receive(
    order: PurchaseOrder,
    line: PurchaseOrderLine,
    received_on: date,
    quantity: Decimal,
    key: str,
    acting_user: User,
) -> dict[str, Any]:
    Receipt.objects.create(
        line=line, key=key, quantity=quantity, received_on=received_on, received_by=acting_user
    )
    before = line.received
    if order.kind == PurchaseOrder.Kind.TRANSFER and quantity > line.outstanding:
        raise OrderError(
            _("Of %(sku)s only %(units)s are on their way.")
            % {"sku": line.product.sku, "units": f"{line.outstanding.normalize():f}"}
        )
    line.received = before + quantity
    line.save(update_fields=["received"])
    catalog_services.stock_receive(
        product_id=line.product_id,
        location_id=order.location_id,
        day=received_on,
        quantity=quantity,
        moves=moves_after(product_id=line.product_id, location_id=order.location_id, day=received_on),
    )
    surplus = max(line.received - line.quantity, Decimal(0))
    data: dict[str, Any] = {"sku": line.product.sku, "received": [str(before), str(line.received)]}
    return {**data, "surplus": str(surplus)} if surplus else data


def _is_repeated(order_id: int, received_on: date, numbers: Mapping[int, Decimal], key: str) -> bool:
    earlier = Receipt.objects.filter(line__order_id=order_id, key=key)
    seen = {receipt.line_id: (receipt.received_on, receipt.quantity) for receipt in earlier}
    if seen and seen != {pk: (received_on, quantity) for pk, quantity in numbers.items()}:
        raise OrderError(_("This key was used for another receipt of this order."))
    return bool(seen)
