"""What buyers do with one suggestion: change, reject, reopen it."""

from __future__ import annotations

import math

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.selectors.plans import plan_latest
from replenishment.selectors.suggestions import suggestions_shown
from replenishment.services.costs import LARGEST_QUANTITY
from replenishment.services.errors import ConflictError, StaleError, SuggestionError
from replenishment.services.orders import permission_require
from replenishment.services.suggestion_changes import Edit, suggestions_change

_THOUSANDTH = 0.0005
EDIT = "edit_suggestion_quantity"
"""The permission to change suggestions in any way."""


def suggestion_edit(
    *,
    suggestion_id: int,
    quantity: float | None,
    reason: str,
    acting_user: User,
    seen_plan_run_id: int | None,
    was: float | None = None,
) -> Suggestion:
    """Put the buyer's quantity beside the system's, which stays; None goes back to the system's.

    Any number of units, 0 or more, is taken: `selectors.quantity_offer` says what the supplier's packs would
    make of it. `was` is the quantity that the buyer saw. Raises StaleError when a newer plan has replaced the
    one that the buyer saw, ConflictError when somebody else has changed the quantity since.
    """
    with transaction.atomic():
        suggestion = suggestion_open(suggestion_id, acting_user, seen_plan_run_id)
        if was is not None:
            _conflict_refuse(suggestion, was, quantity, acting_user)
        if quantity is not None:
            quantity = quantity_checked(suggestion, quantity)
        kind = SuggestionChange.Kind.SYSTEM if quantity is None else SuggestionChange.Kind.QUANTITY
        signed = (None, None, "") if quantity is None else None
        edit = Edit(suggestion, suggestion.state, quantity, signed=signed)
        return suggestion_changed(edit, kind, acting_user, "" if quantity is None else reason)


def quantity_checked(suggestion: Suggestion, quantity: float) -> float:
    """The quantity to a thousandth of a unit; SuggestionError where it can't be ordered."""
    if not math.isfinite(quantity) or quantity < 0:
        raise SuggestionError(_("The quantity must be a number, 0 or more."))
    if quantity > LARGEST_QUANTITY:
        raise SuggestionError(_("The quantity is too large."))
    if quantity > 0 and not is_buyable(suggestion):
        raise SuggestionError(_("No supplier has terms for this product here: add them first."))
    return round(quantity, 3)


def suggestion_reject(*, suggestion_id: int, reason: str, acting_user: User) -> Suggestion:
    """Set a suggestion aside, until it is reopened."""
    with transaction.atomic():
        suggestion = suggestion_open(suggestion_id, acting_user, None)
        edit = Edit(suggestion, Suggestion.State.REJECTED, suggestion.edited_quantity)
        return suggestion_changed(edit, SuggestionChange.Kind.REJECT, acting_user, reason)


def suggestion_reopen(*, suggestion_id: int, acting_user: User) -> Suggestion:
    """Take a rejected suggestion back up."""
    with transaction.atomic():
        suggestion = suggestion_lock(suggestion_id, acting_user, None)
        if suggestion.state != Suggestion.State.REJECTED:
            raise SuggestionError(_("Only a rejected suggestion can be reopened."))
        edit = Edit(suggestion, Suggestion.State.OPEN, suggestion.edited_quantity)
        return suggestion_changed(edit, SuggestionChange.Kind.REOPEN, acting_user, "")


def plan_latest_lock() -> PlanRun | None:
    """The latest plan, locked: no order is drafted from it, and no newer plan replaces it, meanwhile."""
    latest = plan_latest()
    while latest is not None:
        PlanRun.objects.select_for_update(no_key=True).get(pk=latest.pk)
        # A newer plan may have been finished while this waited for the lock.
        now = plan_latest()
        if now == latest:
            break
        latest = now
    return latest


def _conflict_refuse(suggestion: Suggestion, was: float, quantity: float | None, acting_user: User) -> None:
    """ConflictError where somebody else made the quantity another than what was seen, or is asked for."""
    now = suggestion.final_quantity
    wanted = suggestion.order_quantity if quantity is None else round(quantity, 3)
    if abs(now - was) < _THOUSANDTH or abs(now - wanted) < _THOUSANDTH:
        return
    line = suggestion.changes.select_related("change__actor").order_by("-pk").first()
    if line is not None and line.change.actor_id != acting_user.pk:
        raise ConflictError(by=line.change.actor.username, quantity=now, at=line.change.at)


def suggestion_open(suggestion_id: int, acting_user: User, seen_plan_run_id: int | None) -> Suggestion:
    """As `suggestion_lock`; SuggestionError where it is not open."""
    suggestion = suggestion_lock(suggestion_id, acting_user, seen_plan_run_id)
    if suggestion.state == Suggestion.State.DRAFTED:
        raise SuggestionError(_("This suggestion is in an order already: change the order's line."))
    if suggestion.state == Suggestion.State.REJECTED:
        raise SuggestionError(_("This suggestion was rejected: reopen it first."))
    if suggestion.state == Suggestion.State.SNOOZED:
        raise SuggestionError(_("This suggestion is snoozed: wake it first."))
    return suggestion


def suggestion_lock(suggestion_id: int, acting_user: User, seen_plan_run_id: int | None) -> Suggestion:
    """A suggestion of the latest plan, locked; StaleError where a newer plan has replaced what was seen."""
    permission_require(acting_user, EDIT)
    suggestion = (
        Suggestion.objects.select_for_update(of=("self",))
        .select_related("product", "location", "supplier", "terms", "plan_run")
        .defer("plan_run__report")
        .get(pk=suggestion_id)
    )
    latest = plan_latest()
    if latest is None or suggestion.plan_run_id != latest.pk:
        raise plan_stale()
    if seen_plan_run_id is not None and seen_plan_run_id != latest.pk:
        raise plan_stale()
    return suggestion


def suggestion_changed(edit: Edit, kind: str, acting_user: User, reason: str) -> Suggestion:
    """Write one edit; the suggestion as it then is."""
    row = edit.suggestion
    suggestions_change([edit], plan=row.plan_run, kind=kind, acting_user=acting_user, reason=reason)
    return suggestions_shown().get(pk=row.pk)


def is_buyable(suggestion: Suggestion) -> bool:
    """Whether somebody sells it here, at a known price."""
    return suggestion.supplier_id is not None and suggestion.unit_cost is not None


def plan_stale() -> StaleError:
    """What is said to whoever acts on a plan that a newer one has replaced."""
    return StaleError(_("A newer plan has replaced this one: look at its suggestions instead."))
