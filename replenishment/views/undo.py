"""Undo and redo of what one did with suggestions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from replenishment import selectors, services
from replenishment.models import BulkAct, SuggestionChange
from replenishment.views.access import buyer_page, message_header, reader
from replenishment.views.answers import EDIT, acted, queued, refusal, undone_words


@require_POST
@buyer_page(*EDIT)
def change_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one change back."""
    return _undone(request, get_object_or_404(SuggestionChange, pk=pk))


@require_POST
@buyer_page(*EDIT)
def undo_last(request: HttpRequest) -> HttpResponse:
    """Take one's last change of the latest plan back, or (`redo`) the last undo."""
    plan = selectors.plan_latest()
    is_redo = "redo" in request.POST
    find = selectors.change_to_redo if is_redo else selectors.change_to_undo
    change = find(plan, reader(request)) if plan is not None else None
    if change is None:
        return message_header(_("Nothing to redo.") if is_redo else _("Nothing to undo."), status=409)
    return _undone(request, change)


def _undone(request: HttpRequest, change: SuggestionChange) -> HttpResponse:
    try:
        undone = services.undo_ask(change_id=change.pk, acting_user=reader(request))
    except services.ReplenishmentError as error:
        return refusal(error)
    if isinstance(undone, BulkAct):
        return queued(request, undone)
    made = undone.change
    text = undone_words(made, undone.passed_over)
    return acted(request, text, made, is_undone=made.kind == SuggestionChange.Kind.UNDO)
