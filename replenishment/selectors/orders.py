"""Purchase orders: what they are worth, who sees which, and what may be done with one."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, DecimalField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from catalog import selectors as catalog
from replenishment.models import PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine

State = PurchaseOrder.State
# A supplier sees an order from the day that it was sent.
SEEN_BY_SUPPLIER = (State.SENT, State.PART_RECEIVED, State.CLOSED)
_MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=30, decimal_places=7)
_WORTH = Sum(F("quantity") * F("unit_cost"), output_field=_MONEY)


def orders_priced(orders: QuerySet[PurchaseOrder] | None = None) -> QuerySet[PurchaseOrder]:
    """These orders (or all) with `value` (of all lines, in the order's currency) and `lines_count`."""
    lines = PurchaseOrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    orders = PurchaseOrder.objects.all() if orders is None else orders
    return orders.select_related(
        "supplier", "source", "location", "created_by", "submitted_by", "approved_by"
    ).annotate(
        lines_count=Coalesce(Subquery(lines.annotate(number=Count("pk")).values("number")), 0),
        value=Coalesce(
            Subquery(lines.annotate(worth=_WORTH).values("worth")), Value(Decimal(0), output_field=_MONEY)
        ),
    )


def orders_list(user: User | AnonymousUser) -> QuerySet[PurchaseOrder]:
    """`orders_priced` that this person may see.

    Of a supplier's account: what it was sent, called off since or not. A channel's account sees none. That
    people of the shop may look at orders at all is for the caller to ask.
    """
    scope = catalog.partner_scope(user)
    if scope is None:
        return orders_priced()
    if scope.supplier_id is None:
        return orders_priced().none()
    was_sent = PurchaseOrderEvent.objects.filter(order=OuterRef("pk"), to_state=State.SENT)
    return orders_priced().filter(
        Q(state__in=SEEN_BY_SUPPLIER) | Q(Exists(was_sent), state=State.CANCELLED),
        supplier_id=scope.supplier_id,
    )


def orders_worth(orders: QuerySet[PurchaseOrder]) -> list[tuple[str, Decimal]]:
    """What these orders are worth, by currency."""
    return list(
        PurchaseOrderLine.objects.filter(order__in=orders.order_by().values("pk"))
        .order_by("order__currency")
        .values_list("order__currency")
        .annotate(worth=_WORTH)
    )


def order_actions(*, order: PurchaseOrder, user: User) -> set[str]:
    """What this person may do with the order now, by `PurchaseOrder.ACTIONS` and their permissions.

    That nobody approves an order of their own, or beyond their limit, is left to the service to say.
    """
    return {
        action
        for action, (target, permission) in PurchaseOrder.ACTIONS.items()
        if order.may_become(target)
        and user.has_perm(f"replenishment.{permission}")
        and (permission != "approve_purchaseorder" or user.is_staff)
    }
