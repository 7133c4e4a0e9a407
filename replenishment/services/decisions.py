"""What people do with the actions that a plan proposes: carry one out, note that it was done, dismiss it."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from replenishment.models import PlanAction, PurchaseOrderLine
from replenishment.selectors import action_service
from replenishment.services.errors import ActionError, StaleError
from replenishment.services.orders import (
    line_lock,
    order_cancel,
    order_line_remove,
    order_line_set,
    permission_require,
)
from replenishment.services.suggestions import plan_latest_lock
from replenishment.services.transfers import transfers_draft

_PERMISSION = "decide_planaction"
_STEP = Decimal("0.001")
State = PlanAction.State


def action_carry_out(*, action_id: int, acting_user: User, comment: str = "") -> PlanAction:
    """Cut or cancel the order line of an action, or draft its transfer, by the services of orders.

    Raises ActionError where the order is no longer what the plan saw, or where Forestock can't do it: then
    the supplier has to be asked, and the action is marked as done.
    """
    with transaction.atomic():
        action = _begin(action_id, acting_user)
        line, count = _line_lock(action)
        how = action_service(action, acting_user, lines_count=count)
        if how == "transfer":
            transfers_draft(action_ids=[action.pk], acting_user=acting_user)
            action.refresh_from_db()
            return _end(action, State.DONE, acting_user, comment)
        if not how or line is None:
            raise ActionError(_("Forestock can't do this by itself: do it, then mark it as done."))
        seen = Decimal(str(action.details.get("outstanding", 0))).quantize(_STEP)
        if line.outstanding.quantize(_STEP) != seen:
            raise ActionError(_("The order line has changed since the plan: look at the order instead."))
        note = comment.strip() or _("As the plan proposed.")
        if how == "set":
            less = Decimal(str(action.quantity)).quantize(_STEP)
            order_line_set(
                line_id=line.pk, quantity=line.quantity - less, acting_user=acting_user, comment=note
            )
        elif how == "remove":
            order_line_remove(line_id=line.pk, acting_user=acting_user, comment=note)
            action.refresh_from_db()
        else:
            order_cancel(order_id=line.order_id, acting_user=acting_user, comment=note)
        return _end(action, State.DONE, acting_user, comment)


def action_done(*, action_id: int, acting_user: User, comment: str) -> PlanAction:
    """Note that somebody did it, saying how: the supplier agreed, the price was cut."""
    with transaction.atomic():
        action = _begin(action_id, acting_user)
        if not comment.strip():
            raise ActionError(_("Say in a comment what was done."))
        return _end(action, State.DONE, acting_user, comment)


def action_dismiss(*, action_id: int, acting_user: User, reason: str) -> PlanAction:
    """Set an action aside, saying why."""
    with transaction.atomic():
        action = _begin(action_id, acting_user)
        if not reason.strip():
            raise ActionError(_("Say why, so that the next one knows."))
        return _end(action, State.DISMISSED, acting_user, reason)


def action_reopen(*, action_id: int, acting_user: User) -> PlanAction:
    """Take a dismissed action up again."""
    with transaction.atomic():
        action = _lock(action_id, acting_user)
        if action.state != State.DISMISSED:
            raise ActionError(_("Only a dismissed action can be taken up again."))
        if action.order_line_id is None and "order" in action.details:
            raise ActionError(_("The order line of this action is gone."))
        action.state, action.comment, action.decided_by, action.decided_at = State.OPEN, "", None, None
        action.save(update_fields=["state", "comment", "decided_by", "decided_at"])
        return action


def _lock(action_id: int, acting_user: User) -> PlanAction:
    """The action, locked, of the latest plan."""
    permission_require(acting_user, _PERMISSION)
    # The plan before the action, as everywhere: whoever replaces the plan waits, or has replaced it.
    latest = plan_latest_lock()
    action = PlanAction.objects.select_for_update(of=("self",)).get(pk=action_id)
    if latest is None or action.plan_run_id != latest.pk:
        raise StaleError(_("A newer plan has replaced this one: look at its actions instead."))
    return action


def _line_lock(action: PlanAction) -> tuple[PurchaseOrderLine | None, int | None]:
    """The action's order line and how many lines its order has, both read once the order is locked."""
    if action.order_line is None:
        return None, None
    order, line = line_lock(line_id=action.order_line.pk)
    action.order_line = line
    return line, order.lines.count()


def _begin(action_id: int, acting_user: User) -> PlanAction:
    action = _lock(action_id, acting_user)
    if action.state != State.OPEN:
        raise ActionError(_("This action is “%(state)s” already.") % {"state": State(action.state).label})
    return action


def _end(action: PlanAction, state: str, acting_user: User, comment: str) -> PlanAction:
    action.state, action.comment = state, comment.strip()[:200]
    action.decided_by, action.decided_at = acting_user, timezone.now()
    action.save(update_fields=["state", "comment", "decided_by", "decided_at"])
    return action
