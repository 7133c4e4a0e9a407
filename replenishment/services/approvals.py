"""Approving orders: one, many at once, a part; and giving one back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import ApprovalLimit, PurchaseOrder, PurchaseOrderLine
from replenishment.services.costs import lines_home_value, order_home_value
from replenishment.services.errors import (
    LimitError,
    OrderError,
    ReplenishmentError,
    SelfApprovalError,
    StaleError,
)
from replenishment.services.orders import event_create, order_begin, order_step, value_text

State = PurchaseOrder.State
MOST_APPROVED_AT_ONCE = 200


@dataclass(frozen=True)
class Approval:
    """What became of one of the orders that were to be approved: approved, or the reason why not."""

    order_id: int
    number: str
    error: str = ""


def order_approve(
    *, order_id: int, acting_user: User, comment: str = "", seen_event: int | None = None
) -> PurchaseOrder:
    """Approve a submitted order: by staff with the permission, not its maker or submitter, within limit.

    Its worth is reckoned again from its lines at today's rate. `seen_event`: the last event that the approver
    saw; what was changed since is not approved unseen. Raises SelfApprovalError, LimitError, StaleError.
    """
    with transaction.atomic():
        order, limit = _approval_begin(order_id, acting_user, seen_event)
        order.approved_by = acting_user
        data = {"home_value": value_text(order.home_value), "limit": value_text(limit)}
        return order_step(order, "approve", acting_user, comment, data)


def orders_approve(
    *,
    order_ids: Sequence[int],
    acting_user: User,
    comment: str = "",
    seen_events: Mapping[int, int] | None = None,
) -> list[Approval]:
    """Approve many orders, each for itself: one that is refused leaves the others approved.

    In the order of their keys, so that two people who approve at once don't wait for each other in a circle.
    Raises PermissionDenied where this person may approve none, OrderError for too many.
    """
    ids = sorted(set(order_ids))
    if len(ids) > MOST_APPROVED_AT_ONCE:
        raise OrderError(_("At most %d orders can be approved at once.") % MOST_APPROVED_AT_ONCE)
    if not acting_user.is_staff or not acting_user.has_perm("replenishment.approve_purchaseorder"):
        raise PermissionDenied(_("Only staff approve or return orders."))
    numbers = dict(PurchaseOrder.objects.filter(pk__in=ids).values_list("pk", "number"))
    results = []
    for pk in ids:
        try:
            order_approve(
                order_id=pk,
                acting_user=acting_user,
                comment=comment,
                seen_event=(seen_events or {}).get(pk),
            )
        except PurchaseOrder.DoesNotExist:
            results.append(Approval(pk, str(pk), _("There is no such order.")))
        except ReplenishmentError as error:
            results.append(Approval(pk, numbers[pk], str(error)))
        else:
            results.append(Approval(pk, numbers[pk]))
    return results


def order_approve_part(
    *,
    order_id: int,
    line_ids: Collection[int],
    acting_user: User,
    comment: str,
    seen_event: int | None = None,
) -> tuple[PurchaseOrder, PurchaseOrder | None]:
    """Approve these lines of a submitted order; the rest goes back to its maker as a draft of its own.

    The lines of the rest move as they are, so what they came from, and what is on order, stays as it was.
    The limit holds for the order as it was submitted: nobody gets past it by splitting. Returns the approved
    order and the new draft (None where all lines are approved).
    """
    with transaction.atomic():
        order, limit = _approval_begin(order_id, acting_user, seen_event)
        lines = {line.pk: line for line in order.lines.select_related("product")}
        wanted = set(line_ids)
        if wanted - set(lines):
            raise OrderError(_("One of the lines is not on this order."))
        if not wanted:
            raise OrderError(_("Choose at least one line to approve, or return the order."))
        if wanted == set(lines):
            return order_approve(order_id=order_id, acting_user=acting_user, comment=comment), None
        if not comment.strip():
            raise OrderError(_("Say in a comment why the rest goes back."))
        kept = [line for pk, line in lines.items() if pk in wanted]
        rest = [line for pk, line in lines.items() if pk not in wanted]
        draft = _rest_move(order, rest, acting_user, comment)
        before = order.home_value
        order.home_value = lines_home_value(kept, currency=order.currency)
        order.approved_by = acting_user
        data = {
            "home_value": [value_text(before), value_text(order.home_value)],
            "limit": value_text(limit),
            "lines": _lines_told(rest),
            "rest": draft.number,
        }
        return order_step(order, "approve-part", acting_user, comment, data, to_state=State.APPROVED), draft


def order_return(
    *, order_id: int, acting_user: User, comment: str, seen_event: int | None = None
) -> PurchaseOrder:
    """Give a submitted or approved order back as a draft, saying why."""
    with transaction.atomic():
        order = order_begin(order_id=order_id, action="return", acting_user=acting_user)
        _seen_require(order, seen_event)
        if not comment.strip():
            raise OrderError(_("Say in a comment what should change."))
        order.submitted_by = order.approved_by = None
        return order_step(order, "return", acting_user, comment, {})


def _approval_begin(
    order_id: int, acting_user: User, seen_event: int | None
) -> tuple[PurchaseOrder, Decimal]:
    """The order, locked, with its worth of today, and the person's limit, where the person may approve it."""
    order = order_begin(order_id=order_id, action="approve", acting_user=acting_user)
    if acting_user.pk in {order.created_by_id, order.submitted_by_id}:
        raise SelfApprovalError(
            _("Another person has to approve this order: you made or submitted it yourself.")
        )
    _seen_require(order, seen_event)
    order.home_value = order_home_value(order)
    limit = ApprovalLimit.objects.filter(user=acting_user).values_list("amount", flat=True).first()
    home = settings.FORESTOCK_HOME_CURRENCY
    if limit is None:
        raise LimitError(_("You have no approval limit: an administrator has to set one."))
    if order.home_value is None:
        raise LimitError(
            _(
                "There is no exchange rate from %(currency)s to %(home)s, so the order can't be compared "
                "with your limit. Import the rate first."
            )
            % {"currency": order.currency, "home": home}
        )
    if order.home_value > limit:
        raise LimitError(
            _("The order is worth %(value)s %(home)s; your limit is %(limit)s %(home)s.")
            % {"value": order.home_value, "limit": limit, "home": home}
        )
    return order, limit


def _seen_require(order: PurchaseOrder, seen_event: int | None) -> None:
    if seen_event is not None and order.events.filter(pk__gt=seen_event).exists():
        raise StaleError(_("The order has changed since you opened it: look at it again."))


def _rest_move(
    order: PurchaseOrder, lines: Sequence[PurchaseOrderLine], acting_user: User, comment: str
) -> PurchaseOrder:
    """A draft of the order's maker that takes over these lines of it."""
    draft = PurchaseOrder(
        # Unique until the row has its key, which becomes the number.
        number=f"rest-{order.pk}",
        kind=order.kind,
        supplier_id=order.supplier_id,
        source_id=order.source_id,
        location_id=order.location_id,
        currency=order.currency,
        plan_run_id=order.plan_run_id,
        expected_on=order.expected_on,
        split_from=order,
        home_value=lines_home_value(lines, currency=order.currency),
        created_by_id=order.created_by_id,
    )
    draft.save()
    draft.number = f"{order.number[:2]}-{draft.pk:06d}"
    draft.save(update_fields=["number"])
    PurchaseOrderLine.objects.filter(pk__in=[line.pk for line in lines]).update(order=draft)
    data = {
        "plan_run": order.plan_run_id,
        "home_value": value_text(draft.home_value),
        "lines": _lines_told(lines),
        "split_from": order.number,
    }
    event_create(draft, "split", "", acting_user, comment, data)
    return draft


def _lines_told(lines: Sequence[PurchaseOrderLine]) -> list[dict[str, str | int | None]]:
    return [
        {"line": line.pk, "sku": line.product.sku, "quantity": value_text(line.quantity)} for line in lines
    ]
