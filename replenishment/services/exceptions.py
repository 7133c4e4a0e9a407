"""What people do with exceptions: take, snooze, close, take up again, and fix in one step.

Each change and its event are one transaction. What can't be changed so (it was closed meanwhile) is passed
over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog import services as catalog_services
from replenishment.models import ExceptionCase, ExceptionEvent, PlanRun, PurchaseOrder
from replenishment.selectors.exceptions import exception_fixes, exception_owners, exceptions_detailed
from replenishment.services.decisions import action_carry_out
from replenishment.services.drafts import drafts_create
from replenishment.services.errors import ExceptionError
from replenishment.services.orders import permission_require
from replenishment.services.plans import plan_create

_PERMISSION = "decide_exceptioncase"
State = ExceptionCase.State
Action = ExceptionEvent.Action
LONGEST_SNOOZE_DAYS = 365
MOST_AT_ONCE = 1_000
"""So many cases are changed by one call: ten pages, and each is locked."""


def exceptions_assign(*, case_ids: Sequence[int], owner: User | None, acting_user: User) -> int:
    """Give cases to a person, or to nobody; how many changed hands. Raises ExceptionError for a wrong one."""
    permission_require(acting_user, _PERMISSION)
    if owner is not None and not exception_owners().filter(pk=owner.pk).exists():
        raise ExceptionError(_("This person can't take exceptions."))
    with transaction.atomic():
        cases = [
            case
            for case in _locked(case_ids)
            if case.state != State.CLOSED and case.owner_id != (owner.pk if owner else None)
        ]
        _change(
            cases,
            {"owner": owner},
            Action.ASSIGNED if owner else Action.RELEASED,
            acting_user,
            data={"owner": owner.get_username()} if owner else {},
        )
    return len(cases)


def exceptions_snooze(*, case_ids: Sequence[int], until: date, acting_user: User, comment: str = "") -> int:
    """Put cases out of sight until a day, or until they are gone; how many there were."""
    permission_require(acting_user, _PERMISSION)
    days = (until - catalog.today()).days
    if not 1 <= days <= LONGEST_SNOOZE_DAYS:
        raise ExceptionError(_("Snooze until a day of the next year."))
    with transaction.atomic():
        cases = [case for case in _locked(case_ids) if case.state != State.CLOSED]
        _change(
            cases,
            {"state": State.SNOOZED, "snoozed_until": until},
            Action.SNOOZED,
            acting_user,
            comment=comment,
            data={"until": until.isoformat()},
        )
    return len(cases)


def exceptions_close(*, case_ids: Sequence[int], comment: str, acting_user: User) -> int:
    """Close cases, saying why; how many there were.

    They stay closed while the search still finds them, unless their impact doubles.
    """
    permission_require(acting_user, _PERMISSION)
    if not comment.strip():
        raise ExceptionError(_("Say why, so that the next one knows."))
    with transaction.atomic():
        cases = [case for case in _locked(case_ids) if case.state != State.CLOSED]
        _close(cases, Action.CLOSED, acting_user, comment)
    return len(cases)


def exceptions_reopen(*, case_ids: Sequence[int], acting_user: User) -> int:
    """Wake snoozed cases, and take up again what a person closed and is still there; how many there were."""
    permission_require(acting_user, _PERMISSION)
    with transaction.atomic():
        cases = [
            case
            for case in _locked(case_ids)
            if case.state == State.SNOOZED
            or (case.state == State.CLOSED and case.closed_by_id is not None and case.is_found)
        ]
        _change(
            cases,
            {
                "state": State.OPEN,
                "snoozed_until": None,
                "closed_at": None,
                "closed_by": None,
                "closed_impact": None,
                "comment": "",
            },
            Action.REOPENED,
            acting_user,
        )
    return len(cases)


@dataclass(frozen=True)
class Fixed:
    """What a fix did, in words; orders that it drafted; a plan that it queued, for the caller to dispatch."""

    text: str
    orders: Sequence[PurchaseOrder] = ()
    plan: PlanRun | None = None


def exception_fix(*, case_id: int, acting_user: User) -> Fixed:
    """Do the one thing that mends a case, by the services that do it anyway, and close the case.

    Raises ExceptionError where Forestock can't do it by itself, and whatever those services refuse.
    """
    permission_require(acting_user, _PERMISSION)
    with transaction.atomic():
        # Before the case: services of orders and actions lock the plan first.
        seen = exceptions_detailed(ExceptionCase.objects.filter(pk=case_id)).get()
        fix = exception_fixes([seen], acting_user)[case_id]
        done = _FIXES.get(fix.name)
        if done is None or seen.state == State.CLOSED:
            raise ExceptionError(_("There is nothing that Forestock can do about this by itself."))
        fixed = done(seen, acting_user)
        _close(_locked([case_id]), Action.FIXED, acting_user, fixed.text)
    return fixed


def _carry_out(case: ExceptionCase, acting_user: User) -> Fixed:
    action = action_carry_out(action_id=case.action_id or 0, acting_user=acting_user)
    return Fixed(_("%(kind)s: done.") % {"kind": action.get_kind_display()})


def _draft(case: ExceptionCase, acting_user: User) -> Fixed:
    fix = exception_fixes([case], acting_user)[case.pk]
    orders = drafts_create(suggestion_ids=[fix.target or 0], acting_user=acting_user)
    if not orders:
        raise ExceptionError(_("It has been drafted already, or nothing is to be ordered."))
    return Fixed(_("Order %s is drafted.") % ", ".join(order.number for order in orders), orders=orders)


def _accept(case: ExceptionCase, acting_user: User) -> Fixed:
    if not acting_user.has_perm("catalog.change_supplyterms"):
        raise ExceptionError(_("Only who may change supply terms can accept a lead time."))
    slip = float(case.details.get("slip", 0.0))
    changed = catalog_services.lead_times_add(supplier_id=case.supplier_id or 0, days=slip)
    return Fixed(_("%(n)d supply terms state %(days)s days more now.") % {"n": changed, "days": f"{slip:g}"})


def _plan_again(case: ExceptionCase, acting_user: User) -> Fixed:
    plan = plan_create(acting_user=acting_user)
    return Fixed(_("%s is queued.") % plan, plan=plan)


_FIXES = {"carry-out": _carry_out, "draft": _draft, "accept": _accept, "plan": _plan_again}


def _locked(case_ids: Sequence[int]) -> list[ExceptionCase]:
    if len(case_ids) > MOST_AT_ONCE:
        raise ExceptionError(_("No more than %d at once.") % MOST_AT_ONCE)
    return list(ExceptionCase.objects.select_for_update().filter(pk__in=set(case_ids)).order_by("pk"))


def _close(cases: list[ExceptionCase], action: str, acting_user: User, comment: str) -> None:
    text = comment.strip()[:200]
    values: dict[str, Any] = {"state": State.CLOSED, "snoozed_until": None, "closed_at": timezone.now()}
    values |= {"closed_by": acting_user, "comment": text}
    for case in cases:
        case.closed_impact = case.impact
    _change(cases, values, action, acting_user, comment=text, also=["closed_impact"])


def _change(
    cases: list[ExceptionCase],
    values: dict[str, Any],
    action: str,
    acting_user: User,
    *,
    comment: str = "",
    data: dict[str, Any] | None = None,
    also: Sequence[str] = (),
) -> None:
    """Set the same values in all of these locked cases, with an event for each."""
    if not cases:
        return
    for case in cases:
        for name, value in values.items():
            setattr(case, name, value)
    ExceptionCase.objects.bulk_update(cases, [*values, *also])
    ExceptionEvent.objects.bulk_create(
        ExceptionEvent(
            case=case, action=action, actor=acting_user, comment=comment.strip()[:200], data=data or {}
        )
        for case in cases
    )
