"""Buying a suggestion from another supplier than the plan's, and going back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import SupplyTerms
from replenishment.models import Suggestion, SuggestionChange
from replenishment.selectors.supply_choice import supply_choices
from replenishment.services.errors import SuggestionError
from replenishment.services.suggestion_changes import Edit
from replenishment.services.suggestions import suggestion_changed, suggestion_open
from replenishment.services.supply_values import supply_of, supply_planned, supply_restored


def suggestion_supplier_set(
    *, suggestion_id: int, terms_id: int | None, acting_user: User, seen_plan_run_id: int | None = None
) -> Suggestion:
    """Buy it on these terms, in the quantity that they make necessary; None goes back to the plan's.

    The plan's supplier, terms and costs are kept in `planned_with`. The quantity is that of
    `selectors.supply_choices`, or the one that a buyer typed before, which stays. Going back takes the
    system's quantity up again, unless the buyer has typed another since. Raises SuggestionError for terms
    that are not for this product and location, StaleError when a newer plan has replaced the one seen.
    """
    with transaction.atomic():
        row = suggestion_open(suggestion_id, acting_user, seen_plan_run_id)
        planned = supply_planned(row)
        if terms_id is None or terms_id == planned["terms_id"]:
            edit = _back_to_plan(row, planned)
        else:
            edit = _to(row, terms_id, planned)
        return suggestion_changed(edit, SuggestionChange.Kind.SUPPLIER, acting_user, "")


def _back_to_plan(row: Suggestion, planned: dict[str, Any]) -> Edit:
    if row.planned_with is None:
        raise SuggestionError(_("It is bought from the plan's supplier already."))
    # The quantity that came with the other supplier goes with it.
    came_along = row.edited_quantity is not None and row.edited_quantity == row.planned_with.get("quantity")
    quantity = None if came_along else row.edited_quantity
    signed = (None, None, "") if quantity is None else (row.edited_by_id, row.edited_at, row.edit_reason)
    return Edit(row, row.state, quantity, supply=supply_restored(planned), planned_with=None, signed=signed)


def _to(row: Suggestion, terms_id: int, planned: dict[str, Any]) -> Edit:
    choices = {choice.option.terms.pk: choice for choice in supply_choices(row)}
    choice = choices.get(terms_id)
    if choice is None:
        raise SuggestionError(_("These terms are not for this product here."))
    typed = row.edited_quantity
    if typed is not None and row.planned_with is not None and typed == row.planned_with.get("quantity"):
        typed = None  # it came with the supplier chosen before
    quantity = choice.quantity if typed is None else typed
    supply = supply_of(
        choice.option.terms, row=row, quantity=quantity, lead_time_days=choice.option.planned_days
    )
    kept = planned | {"quantity": None if typed is not None else quantity}
    return Edit(row, row.state, quantity, supply=supply, planned_with=kept)


def supply_back(
    row: Suggestion, terms_id: int | None, quantity: float | None
) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
    """SUPPLY and `planned_with` of a row that goes back to terms that it was on before.

    None where those were another supplier's and are gone.
    """
    planned = supply_planned(row)
    if terms_id == planned["terms_id"]:
        return supply_restored(planned), None
    terms = SupplyTerms.objects.filter(pk=terms_id).first() if terms_id is not None else None
    if terms is None:
        return None
    wanted = row.order_quantity if quantity is None else quantity
    choices = {choice.option.terms.pk: choice for choice in supply_choices(row)}
    choice = choices.get(terms.pk)
    days = choice.option.planned_days if choice is not None else terms.lead_time_days
    return supply_of(terms, row=row, quantity=wanted, lead_time_days=days), planned | {"quantity": quantity}
