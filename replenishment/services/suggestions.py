"""What buyers do with suggestions: change, reject, and turn them into draft orders."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from replenishment.models import PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion, SuggestionChange
from replenishment.selectors.plans import plan_latest
from replenishment.selectors.suggestions import suggestions_shown
from replenishment.services.costs import LARGEST_QUANTITY, lines_home_value, quantity_clean, unit_cost_at
from replenishment.services.errors import ConflictError, StaleError, SuggestionError
from replenishment.services.orders import event_create, order_submit, permission_require
from replenishment.services.plan_sums import sums_refresh
from replenishment.services.suggestion_changes import Edit, batches, suggestions_change

_BATCH = 5_000
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


def drafts_create(*, suggestion_ids: Sequence[int], acting_user: User) -> list[PurchaseOrder]:
    """Draft orders from open suggestions: one per supplier, delivery location and currency.

    Suggestions that are drafted or rejected already, and those of 0 units, are passed over; so the same call
    twice, or at the same time from two places, orders nothing twice. Raises StaleError unless all are of the
    latest plan, SuggestionError where a product has nobody to buy from.
    """
    permission_require(acting_user, "add_purchaseorder")
    with transaction.atomic():
        plan = plan_latest_lock()
        chosen: list[Suggestion] = []
        for ids in batches(sorted(set(suggestion_ids))):
            for suggestion in (
                Suggestion.objects.select_for_update(of=("self",))
                .select_related("product", "terms")
                .filter(pk__in=ids)
                .order_by("pk")
            ):
                if plan is None or suggestion.plan_run_id != plan.pk:
                    raise plan_stale()
                if suggestion.state == Suggestion.State.OPEN and suggestion.final_quantity > 0:
                    chosen.append(suggestion)
        groups: dict[tuple[int, int, str], list[Suggestion]] = defaultdict(list)
        for suggestion in chosen:
            supplier_id = suggestion.supplier_id
            if supplier_id is None or not is_buyable(suggestion):
                raise SuggestionError(
                    _("No supplier has terms for %(sku)s here: add them first.")
                    % {"sku": suggestion.product.sku}
                )
            groups[supplier_id, suggestion.location_id, suggestion.currency].append(suggestion)
        orders = [
            _draft_create(plan, supplier_id, group, acting_user)
            for (supplier_id, _place, _currency), group in groups.items()
            if plan is not None
        ]
        for ids in batches([suggestion.pk for suggestion in chosen]):
            Suggestion.objects.filter(pk__in=ids).update(state=Suggestion.State.DRAFTED)
        if plan is not None:
            sums_refresh(plan, {suggestion.supplier_id for suggestion in chosen})
        return orders


def drafts_submit(*, suggestion_ids: Sequence[int], acting_user: User) -> list[PurchaseOrder]:
    """`drafts_create`, and all of the drafts handed to the approvers, in one transaction."""
    with transaction.atomic():
        orders = drafts_create(suggestion_ids=suggestion_ids, acting_user=acting_user)
        return [order_submit(order_id=order.pk, acting_user=acting_user) for order in orders]


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


def _draft_create(
    plan: PlanRun, supplier_id: int, group: list[Suggestion], acting_user: User
) -> PurchaseOrder:
    first = group[0]
    lead_time = max(suggestion.lead_time_days or 0.0 for suggestion in group)
    order = PurchaseOrder(
        # Unique until the row has its key, which becomes the number.
        number=f"new-{first.pk}",
        supplier_id=supplier_id,
        location_id=first.location_id,
        currency=first.currency,
        plan_run=plan,
        expected_on=plan.as_of + timedelta(days=math.ceil(lead_time)),
        created_by=acting_user,
    )
    order.save()
    lines = [_line(order, suggestion) for suggestion in group]
    PurchaseOrderLine.objects.bulk_create(lines, batch_size=_BATCH)
    order.number = f"PO-{order.pk:06d}"
    order.home_value = lines_home_value(lines, currency=order.currency)
    order.save(update_fields=["number", "home_value"])
    data = {"plan_run": plan.pk, "lines": len(lines), "home_value": _text(order.home_value)}
    event_create(order, "draft", "", acting_user, data=data)
    return order


def _line(order: PurchaseOrder, suggestion: Suggestion) -> PurchaseOrderLine:
    quantity = quantity_clean(suggestion.final_quantity)
    terms = suggestion.terms
    cost = suggestion.unit_cost or Decimal(0)
    # Terms that changed their currency since the plan don't price an order in the old one.
    is_priced = terms is not None and terms.currency == order.currency
    if terms is not None and is_priced and suggestion.edited_quantity is not None:
        cost = unit_cost_at(terms=terms, quantity=quantity)
    return PurchaseOrderLine(
        order=order,
        product_id=suggestion.product_id,
        suggestion=suggestion,
        article_number=terms.article_number if terms is not None else "",
        suggested_quantity=Decimal(str(round(suggestion.order_quantity, 3))),
        quantity=quantity,
        unit_cost=cost,
    )


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


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
