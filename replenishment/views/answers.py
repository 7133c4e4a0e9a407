"""What the workbench's acts answer to htmx: a word with an undo, and what changed on the page."""

from __future__ import annotations

from urllib.parse import quote

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from replenishment import services
from replenishment.models import SuggestionChange
from replenishment.views.access import message_header

EDIT = ("replenishment.view_suggestion", "replenishment.edit_suggestion_quantity")
CHANGED = "workbench:changed"
"""The event on which the workbench shows itself anew (workbench.js)."""


def refusal(error: services.ReplenishmentError) -> HttpResponse:
    """What a service refused: 409 with its words, and where a newer plan or another person is the reason."""
    response = message_header(str(error), status=409)
    if isinstance(error, services.StaleError):
        response["X-Reload"] = quote(_("Show the newer plan"))
    if isinstance(error, services.ConflictError):
        response["X-Theirs"] = f"{error.quantity:.3f}".rstrip("0").rstrip(".")
    return response


def invalid(form: Form) -> HttpResponse:
    """The first thing that is wrong with a form."""
    return message_header(str(next(iter(form.errors.values()))[0]), status=422)


def acted(
    request: HttpRequest, text: str, change: SuggestionChange | None, *, is_undone: bool = False
) -> HttpResponse:
    """A word with its undo; the workbench then shows itself anew."""
    context = {"text": text, "change": change, "is_undone": is_undone}
    response = render(request, "replenishment/partials/acted.html", context)
    response["HX-Trigger"] = CHANGED
    return response


def passed_over(acted: services.Acted) -> str:
    """How many were passed over, and why."""
    return ", ".join(f"{count} {reason.label}" for reason, count in acted.passed_over.items())
