"""What a buyer does with many suggestions at once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from replenishment import selectors, services
from replenishment.act_forms import ActForm, PasteForm
from replenishment.models import BulkAct, Suggestion
from replenishment.services.bulk_chosen import Chosen
from replenishment.views.access import buyer_page, message_header, reader
from replenishment.views.answers import (
    EDIT,
    act_words,
    acted,
    drafts_words,
    invalid,
    passed_over,
    queued,
    refusal,
    send,
)
from replenishment.views.workbench import Choice

_SHOWN = 200


@require_POST
@buyer_page("replenishment.view_suggestion", "replenishment.add_purchaseorder")
def drafts(request: HttpRequest) -> HttpResponse:
    """Make draft orders of the ticked suggestions, or (`all`) of all that the filter shows.

    One per supplier, delivery location and currency; with `submit` they go to the approvers at once.
    """
    if "all" in request.POST:
        plan = selectors.plan_latest()
        if plan is None or request.POST.get("plan") != str(plan.pk):
            # "All" means all that the buyer saw: of a newer plan nobody has looked at one line.
            messages.error(
                request, _("A newer plan has replaced the one that you saw. Look at it, then draft again.")
            )
            return redirect("replenishment:workbench")
        found = Choice.of(QueryDict(request.POST.get("query", "")), plan).suggestions(plan)
        rows: Chosen = [found.filter(lane=Suggestion.Lane.ORDER)]
    else:
        rows = services.chosen(_ticked(request))
    back = f"{reverse('replenishment:workbench')}?{request.POST.get('query', '')}"
    if not any(part.exists() for part in rows):
        messages.info(request, _("Nothing was ticked."))
        return redirect(back)
    submits = "submit" in request.POST
    try:
        orders = services.drafts_ask(suggestions=rows, acting_user=reader(request), submits=submits)
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
        return redirect(back)
    if isinstance(orders, BulkAct):
        send(orders)
        return redirect("replenishment:bulk-act", orders.pk)
    if not orders:
        messages.info(request, _("These were in orders already: nothing new to draft."))
        return redirect(back)
    numbers = [order.number for order in orders]
    messages.success(request, drafts_words(len(orders), numbers, is_submitted=submits))
    if len(orders) == 1:
        return redirect("replenishment:order-detail", orders[0].pk)
    state = "submitted" if submits else "draft"
    return redirect(f"{reverse('replenishment:order-list')}?state={state}")


@require_POST
@buyer_page(*EDIT)
def act(request: HttpRequest) -> HttpResponse:
    """Say what an act would do with the ticked suggestions, or with all; with `go` do it."""
    form = ActForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    values = form.cleaned_data
    rows = _all(values["query"], values["plan"]) if values["all"] else services.chosen(_ticked(request))
    if not rows:
        return message_header(_("Nothing was ticked."), status=422)
    asked: dict[str, Any] = {
        "suggestions": rows,
        "act": form.act(),
        "acting_user": reader(request),
        "seen_plan_run_id": values["plan"],
    }
    name = str(BulkAct.Kind(values["kind"]).label)
    try:
        if not values["go"]:
            would = services.act_previewed(**asked)
            context = {"acted": would, "name": name, "passed_over": passed_over(would.passed_over)}
            return render(request, "replenishment/partials/act_preview.html", context)
        found = services.act_ask(**asked)
    except services.ReplenishmentError as error:
        return refusal(error)
    if isinstance(found, BulkAct):
        return queued(request, found)
    return acted(request, act_words(name, found.changed, found.passed_over), found.change)


@require_POST
@buyer_page(*EDIT)
def paste(request: HttpRequest) -> HttpResponse:
    """Say what pasted lines would do; with `go` put them in, all or none."""
    form = PasteForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    values = form.cleaned_data
    try:
        pasted = services.suggestions_paste(
            text=values["text"],
            acting_user=reader(request),
            seen_plan_run_id=values["plan"],
            is_preview=not values["go"],
        )
    except services.ReplenishmentError as error:
        return refusal(error)
    if not values["go"]:
        context = {
            "lines": pasted.lines[:_SHOWN],
            "more": max(len(pasted.lines) - _SHOWN, 0),
            "count": len(pasted.lines),
            "errors": pasted.errors[:_SHOWN],
            "errors_count": len(pasted.errors),
        }
        return render(request, "replenishment/partials/paste_preview.html", context)
    count = 0 if pasted.change is None else pasted.change.lines_count
    text = ngettext("%(n)d quantity put in.", "%(n)d quantities put in.", count) % {"n": count}
    return acted(request, text, pasted.change)


def _ticked(request: HttpRequest) -> list[int]:
    ticked = request.POST.getlist("suggestion")
    # 18 digits: any key, and nothing that a database can't take.
    return [int(text) for text in ticked if text.isdecimal() and len(text) <= 18]


def _all(query: str, seen: int) -> Chosen:
    """All that the filter shows of the latest plan; of another one than was seen nothing."""
    plan = selectors.plan_latest()
    if plan is None or plan.pk != seen:
        return [Suggestion.objects.none()]  # the service says that a newer one has replaced it
    return [Choice.of(QueryDict(query), plan).shown(plan)]
