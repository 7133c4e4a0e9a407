"""Acts on many suggestions that are done in the background: how far one is, and what came of it."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from replenishment import selectors, services
from replenishment.models import BulkAct, SuggestionChange
from replenishment.views.access import buyer_page
from replenishment.views.answers import CHANGED, ended_words

# Where the orders that it made are listed, by kind.
_ORDERS = {BulkAct.Kind.DRAFT: "draft", BulkAct.Kind.SUBMIT: "submitted"}


@require_GET
@buyer_page("replenishment.view_bulkact")
def bulk_act(request: HttpRequest, pk: int) -> HttpResponse:
    """One act: its progress, or what came of it, with its undo."""
    job = _job(pk)
    passed = job.report.get("passed_over", {})
    context = {
        "job": job,
        "passed": [(services.Passed(why).label, count) for why, count in passed.items()],
        "act": services.Act.from_dict(job.values) if job.values else None,
        "undo": _to_undo(request, job.change),
        "is_undone": job.kind == BulkAct.Kind.UNDO,
        "orders_state": _ORDERS.get(BulkAct.Kind(job.kind), ""),
    }
    return render(request, "replenishment/bulk_act.html", context)


@require_GET
@buyer_page("replenishment.view_bulkact")
def bulk_act_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an act is, for its word on the page; once it has ended the word is what came of it.

    With `whole` the word with its frame, for a page that has none of it yet.
    """
    job = _job(pk)
    if "whole" in request.GET:
        # Of what has ended meanwhile app.js tells.
        if job.is_finished:
            return HttpResponse(status=204)
        return render(request, "replenishment/partials/act_toast.html", {"job": job})
    if not job.is_finished:
        return render(request, "replenishment/partials/act_progress.html", {"job": job})
    is_done = job.state == BulkAct.State.DONE
    context = {
        "job": job,
        "text": ended_words(job) if is_done else "",
        "change": _to_undo(request, job.change),
        "is_undone": job.kind == BulkAct.Kind.UNDO,
    }
    response = render(request, "replenishment/partials/act_ended.html", context)
    response["HX-Retarget"], response["HX-Reswap"] = f"#act-{job.pk}", "outerHTML"
    events = {"act:ended": f"act:{job.pk}"} | ({CHANGED: ""} if is_done else {})
    response["HX-Trigger"] = json.dumps(events)
    return response


def _job(pk: int) -> BulkAct:
    acts = BulkAct.objects.select_related("change__undoes", "created_by").defer("seen")
    return get_object_or_404(acts, pk=pk)


def _to_undo(request: HttpRequest, change: SuggestionChange | None) -> SuggestionChange | None:
    """The change where the reader may undo it: of the latest plan, not undone, their own."""
    plan = selectors.plan_latest()
    if change is None or plan is None or change.plan_run_id != plan.pk:
        return None
    holds = request.user.has_perm
    is_own = change.actor_id == request.user.pk or holds(f"replenishment.{services.OF_ANYBODY}")
    may = is_own and holds("replenishment.edit_suggestion_quantity")
    return change if may and not SuggestionChange.objects.filter(undoes=change).exists() else None
