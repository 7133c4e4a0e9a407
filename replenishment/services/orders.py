"""Purchase orders: every step locks the order, asks the table of transitions and writes its event."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from replenishment.models import (
    PlanAction,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Suggestion,
)
from replenishment.services.costs import order_home_value, quantity_clean, unit_cost_at
from replenishment.services.errors import OrderError, TransitionError
from replenishment.services.plan_sums import sums_refresh
from replenishment.services.stock_moves import goods_send

State = PurchaseOrder.State


def order_submit(*, order_id: int, acting_user: User, comment: str = "") -> PurchaseOrder:
    """Hand a draft to the approvers."""
    with transaction.atomic():
        order = order_begin(order_id=order_id, action="submit", acting_user=acting_user)
        if not order.lines.exists():
            raise OrderError(_("An order without lines can't be submitted."))
        order.submitted_by = acting_user
        order.home_value = order_home_value(order)
        return order_step(order, "submit", acting_user, comment, {"home_value": value_text(order.home_value)})


def order_send(*, order_id: int, acting_user: User, comment: str = "") -> PurchaseOrder:
    """Record that an approved order went to the supplier; the lead time counts from today.

    A transfer's goods leave their source: its stock falls with the step. Raises OrderError if it holds less.
    """
    with transaction.atomic():
        order = order_begin(order_id=order_id, action="send", acting_user=acting_user)
        before = order.expected_on
        sent_on = catalog.today()
        lead_times = _lead_times(order)
        if lead_times:
            order.expected_on = sent_on + timedelta(days=math.ceil(max(lead_times)))
        if order.kind == PurchaseOrder.Kind.TRANSFER:
            goods_send(order=order, sent_on=sent_on)
        data = {
            "expected_on": [value_text(before), value_text(order.expected_on)],
            "sent_on": sent_on.isoformat(),
        }
        return order_step(order, "send", acting_user, comment, data)


def order_cancel(*, order_id: int, acting_user: User, comment: str = "") -> PurchaseOrder:
    """Call an order off before anything came in. Its suggestions are open again; it is no longer on order."""
    with transaction.atomic():
        order = order_begin(order_id=order_id, action="cancel", acting_user=acting_user)
        _reopen(order, list(order.lines.all()))
        return order_step(order, "cancel", acting_user, comment, {})


def order_close(*, order_id: int, acting_user: User, comment: str = "") -> PurchaseOrder:
    """End a sent order: what has not come in is no longer expected."""
    with transaction.atomic():
        order = order_begin(order_id=order_id, action="close", acting_user=acting_user)
        open_lines = {
            str(line.pk): value_text(line.outstanding) for line in order.lines.all() if line.outstanding
        }
        return order_step(order, "close", acting_user, comment, {"not_received": open_lines})


def order_line_set(
    *, line_id: int, quantity: Decimal | float, acting_user: User, comment: str = ""
) -> PurchaseOrderLine:
    """Change a line's quantity; its unit cost follows the price breaks.

    An order that was submitted or approved falls back to draft: what was approved is what is sent.
    """
    with transaction.atomic():
        order, line = _line_begin(line_id=line_id, acting_user=acting_user)
        new = quantity_clean(quantity)
        if new == line.quantity:
            return line
        data: dict[str, Any] = {"line": line.pk, "sku": line.product.sku}
        data["quantity"] = [value_text(line.quantity), value_text(new)]
        is_bought = order.kind == PurchaseOrder.Kind.PURCHASE
        terms = line.suggestion.terms if line.suggestion and is_bought else None
        if terms is not None and terms.price_breaks and terms.currency == order.currency:
            cost = unit_cost_at(terms=terms, quantity=new)
            if cost != line.unit_cost:
                data["unit_cost"] = [value_text(line.unit_cost), value_text(cost)]
            line.unit_cost = cost
        line.quantity = new
        line.save(update_fields=["quantity", "unit_cost"])
        _line_end(order, "line-set", acting_user, comment, data)
        return line


def order_line_remove(*, line_id: int, acting_user: User, comment: str = "") -> PurchaseOrder:
    """Take a line off an order (the last one stays: cancel the order instead); its suggestion opens again.

    Proposed actions on the line keep the order's number; open ones are dismissed: nothing is left to do.
    """
    with transaction.atomic():
        # Actions before their order, as where one is carried out: neither waits for the other in a circle.
        list(PlanAction.objects.select_for_update().filter(order_line=line_id).order_by("pk"))
        order, line = _line_begin(line_id=line_id, acting_user=acting_user)
        if order.lines.count() == 1:
            raise OrderError(_("This is the order's last line: cancel the order instead."))
        data = {"line": line.pk, "sku": line.product.sku, "quantity": [value_text(line.quantity), None]}
        _reopen(order, [line])
        _actions_detach(order, line, acting_user)
        line.delete()
        return _line_end(order, "line-remove", acting_user, comment, data)


def order_begin(*, order_id: int, action: str, acting_user: User) -> PurchaseOrder:
    """Lock the order for a step: the person's permission first, then what the table of transitions allows."""
    target, permission = PurchaseOrder.ACTIONS[action]
    permission_require(acting_user, permission)
    if permission == "approve_purchaseorder" and not acting_user.is_staff:
        raise PermissionDenied(_("Only staff approve or return orders."))
    order = PurchaseOrder.objects.select_for_update().get(pk=order_id)
    if not order.may_become(target):
        raise TransitionError(
            _("The order is “%(state)s”: it can't become “%(target)s”.")
            % {"state": State(order.state).label, "target": State(target).label}
        )
    return order


def order_step(
    order: PurchaseOrder,
    action: str,
    acting_user: User,
    comment: str,
    data: Mapping[str, Any],
    *,
    to_state: str | None = None,
) -> PurchaseOrder:
    """Save the locked order in its next state and write the event; call in the transaction that locked it."""
    before = order.state
    order.state = to_state or PurchaseOrder.ACTIONS[action][0]
    order.save()
    event_create(order, action, before, acting_user, comment, data)
    return order


def event_create(
    order: PurchaseOrder,
    action: str,
    from_state: str,
    acting_user: User,
    comment: str = "",
    data: Mapping[str, Any] | None = None,
) -> PurchaseOrderEvent:
    """Write what happened; `to_state` is the order's state now."""
    return PurchaseOrderEvent.objects.create(
        order=order,
        action=action,
        from_state=from_state,
        to_state=order.state,
        actor=acting_user,
        comment=comment.strip(),
        data=dict(data or {}),
    )


def line_lock(*, line_id: int) -> tuple[PurchaseOrder, PurchaseOrderLine]:
    """A line as it is once its order is locked: who held the lock may have changed, moved or removed it."""
    while True:
        order_id = PurchaseOrderLine.objects.values_list("order_id", flat=True).get(pk=line_id)
        order = PurchaseOrder.objects.select_for_update().get(pk=order_id)
        line = PurchaseOrderLine.objects.select_related("product", "suggestion__terms").get(pk=line_id)
        if line.order_id == order_id:
            line.order = order
            return order, line


def permission_require(acting_user: User, codename: str) -> None:
    """PermissionDenied unless the user holds this permission of the app."""
    if not acting_user.has_perm(f"replenishment.{codename}"):
        raise PermissionDenied(_("You are not allowed to do this."))


def _line_begin(*, line_id: int, acting_user: User) -> tuple[PurchaseOrder, PurchaseOrderLine]:
    permission_require(acting_user, "change_purchaseorder")
    order, line = line_lock(line_id=line_id)
    if order.state not in PurchaseOrder.EDITABLE_STATES:
        raise TransitionError(
            _("The order is “%(state)s”: its lines can't be changed any more.")
            % {"state": State(order.state).label}
        )
    return order, line


def _line_end(
    order: PurchaseOrder, action: str, acting_user: User, comment: str, data: Mapping[str, Any]
) -> PurchaseOrder:
    before = order.home_value
    order.submitted_by = order.approved_by = None
    order.home_value = order_home_value(order)
    worth = {"home_value": [value_text(before), value_text(order.home_value)]}
    return order_step(order, action, acting_user, comment, {**data, **worth}, to_state=State.DRAFT)


def _lead_times(order: PurchaseOrder) -> list[float]:
    """Days from sending to receipt, by line: what the plan counted with, less what is over by then, the wait
    for an order day and the administrative days.
    """
    if order.kind == PurchaseOrder.Kind.TRANSFER:
        lanes = PlanAction.objects.filter(order_line__order=order).values_list("details", flat=True)
        return [float(details["lead_time_days"]) for details in lanes if "lead_time_days" in details]
    before = order.supplier.administrative_days if order.supplier is not None else 0.0
    found = []
    for days, order_on, as_of in order.lines.values_list(
        "suggestion__lead_time_days", "suggestion__order_on", "suggestion__plan_run__as_of"
    ):
        if days is not None:
            wait = (order_on - as_of).days if order_on is not None else 0
            found.append(max(days - wait - before, 0.0))
    return found


def _reopen(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> None:
    """What the lines were drafted from can be drafted again: suggestions, or a plan's transfers."""
    if order.kind == PurchaseOrder.Kind.TRANSFER:
        PlanAction.objects.filter(order_line__in=lines, kind=PlanAction.Kind.TRANSFER).update(
            state=PlanAction.State.OPEN, order_line=None, decided_by=None, decided_at=None
        )
        return
    ids = [line.suggestion_id for line in lines if line.suggestion_id is not None]
    drafted = Suggestion.objects.filter(pk__in=ids, state=Suggestion.State.DRAFTED)
    suppliers = set(drafted.order_by().values_list("supplier_id", flat=True))
    if drafted.update(state=Suggestion.State.OPEN) and order.plan_run is not None:
        sums_refresh(order.plan_run, suppliers)


def _actions_detach(order: PurchaseOrder, line: PurchaseOrderLine, acting_user: User) -> None:
    actions = list(PlanAction.objects.filter(order_line=line))
    for action in actions:
        action.order_line = None
        action.details["order"] = order.number
        if action.state == PlanAction.State.OPEN:
            action.state, action.comment = PlanAction.State.DISMISSED, _("The order line was removed.")
            action.decided_by, action.decided_at = acting_user, timezone.now()
    changed = ["order_line", "details", "state", "comment", "decided_by", "decided_at"]
    PlanAction.objects.bulk_update(actions, changed, batch_size=500)


def value_text(value: Decimal | date | None) -> str | None:
    """A number or day as an event keeps it."""
    return None if value is None else str(value)
