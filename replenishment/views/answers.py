"""What the workbench's acts answer to htmx: a word with an undo, and what changed on the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from replenishment import services
from replenishment.models import BulkAct, SuggestionChange
from replenishment.tasks import bulk_act_execute_task
from replenishment.views.access import message_header

EDIT = ("replenishment.view_suggestion", "replenishment.edit_suggestion_quantity")
QUEUED = "act:queued"
"""The event on which a window that asked for an act closes, and the act is followed (acts.js)."""
_NUMBERS = 8
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


def passed_over(counts: Mapping[services.Passed, int]) -> str:
    """How many were passed over, and why."""
    return ", ".join(f"{count} {reason.label}" for reason, count in counts.items())


def act_words(name: str, changed: int, passed: Mapping[services.Passed, int]) -> str:
    """What an act did."""
    text = ngettext("%(what)s: %(n)d line.", "%(what)s: %(n)d lines.", changed)
    text %= {"what": name, "n": changed}
    return f"{text} {_('Passed over: %(what)s.') % {'what': passed_over(passed)}}" if passed else text


def undone_words(made: SuggestionChange, left: int) -> str:
    """What an undo, or the undo of one, did; so many were changed since."""
    words = (
        ngettext("Undone: %(what)s, %(n)d line.", "Undone: %(what)s, %(n)d lines.", made.lines_count)
        if made.kind == SuggestionChange.Kind.UNDO
        else ngettext(
            "Done again: %(what)s, %(n)d line.", "Done again: %(what)s, %(n)d lines.", made.lines_count
        )
    )
    what = made.undoes if made.kind == SuggestionChange.Kind.UNDO and made.undoes else made
    text = words % {"what": what.get_kind_display(), "n": made.lines_count}
    if not left:
        return text
    stay = ngettext("%(n)d was changed since and stays.", "%(n)d were changed since and stay.", left)
    return f"{text} {stay % {'n': left}}"


def drafts_words(count: int, numbers: Sequence[str], *, is_submitted: bool) -> str:
    """Which orders were made, the first of them by number."""
    words = (
        ngettext("%(n)d order submitted: %(numbers)s", "%(n)d orders submitted: %(numbers)s", count)
        if is_submitted
        else ngettext("%(n)d draft made: %(numbers)s", "%(n)d drafts made: %(numbers)s", count)
    )
    shown = ", ".join(numbers[:_NUMBERS]) + (" …" if count > _NUMBERS else "")
    return words % {"n": count, "numbers": shown}


def send(job: BulkAct) -> None:
    """Hand a queued act to a worker."""
    # A broker that is away loses nothing: a queued job is dispatched again by `jobs_take_up`.
    transaction.on_commit(lambda: bulk_act_execute_task.delay(job.pk), robust=True)


def queued(request: HttpRequest, job: BulkAct) -> HttpResponse:
    """Hand an act to a worker and say so, where its progress is then shown."""
    send(job)
    response = render(request, "replenishment/partials/act_queued.html", {"job": job})
    response["HX-Trigger"] = json.dumps({QUEUED: f"act:{job.pk}"})
    return response


def ended_words(job: BulkAct) -> str:
    """What came of an act that was done in the background."""
    passed = {services.Passed(why): count for why, count in job.report["passed_over"].items()}
    if job.undoes_id is not None and job.change is not None:
        return undone_words(job.change, sum(passed.values()))
    if job.kind not in {BulkAct.Kind.DRAFT, BulkAct.Kind.SUBMIT}:
        return act_words(job.get_kind_display(), job.report["changed"], passed)
    if not job.report["orders"]:
        return _("These were in orders already: nothing new to draft.")
    is_submitted = job.kind == BulkAct.Kind.SUBMIT
    text = drafts_words(job.report["orders"], job.report["numbers"], is_submitted=is_submitted)
    return f"{text}. {_('Passed over: %(what)s.') % {'what': passed_over(passed)}}" if passed else text
