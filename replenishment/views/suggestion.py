"""One suggestion: its drawer, and what a buyer does with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from replenishment import charts, selectors, services
from replenishment.act_forms import SnoozeForm
from replenishment.forms import RejectForm, SuggestionEditForm
from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.services import Act
from replenishment.views.access import buyer_page, message_header, reader
from replenishment.views.answers import CHANGED, EDIT, invalid, refusal
from replenishment.views.columns import cells_of, columns_of, row_links, row_words
from replenishment.views.workbench import Choice
from replenishment.words import units_text

_SECTIONS = ("snooze", "reject", "supply")


@buyer_page("replenishment.view_suggestion")
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawer: how the quantity comes about, and what can be done with it."""
    return render(request, "replenishment/partials/explain.html", _explained(request, _one(pk)))


@buyer_page("replenishment.view_suggestion")
def menu(request: HttpRequest, pk: int) -> HttpResponse:
    """What the menu of a row offers."""
    suggestion = get_object_or_404(Suggestion.objects.only("pk", "state"), pk=pk)
    context = {"suggestion": suggestion, "can_edit": request.user.has_perm(EDIT[1])}
    return render(request, "replenishment/partials/row_menu_panel.html", context)


@buyer_page("replenishment.view_suggestion")
def choices(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawer's suppliers: what would be ordered from each."""
    suggestion = _one(pk)
    context = _acting(request, suggestion) | {"choices": selectors.supply_choices(suggestion)}
    return render(request, "replenishment/partials/supply_choices.html", context)


@require_POST
@buyer_page(*EDIT)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the buyer's quantity beside the system's; an empty one restores the system's."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    form = SuggestionEditForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    quantity = form.cleaned_data["quantity"]
    try:
        suggestion = services.suggestion_edit(
            suggestion_id=pk,
            quantity=None if quantity is None else float(quantity),
            reason=form.cleaned_data["reason"],
            acting_user=reader(request),
            seen_plan_run_id=form.cleaned_data["plan"],
            was=form.cleaned_data["was"],
        )
    except services.ReplenishmentError as error:
        return refusal(error)
    is_edited = suggestion.edited_quantity is not None
    words = _("%(units)s units instead of %(system)s.") if is_edited else _("%(units)s units, as suggested.")
    text = words % {
        "units": units_text(suggestion.final_quantity),
        "system": units_text(suggestion.order_quantity),
    }
    if offer := selectors.quantity_offer(suggestion):
        hint = _("In the supplier's packs it would be %(units)s.") % {"units": units_text(offer)}
        text = f"{text} {hint}"
    return _saved(request, suggestion, text, is_moved=False)


@require_POST
@buyer_page(*EDIT)
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a suggestion aside, with the reason."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    form = RejectForm(request.POST)
    if not form.is_valid():
        return message_header(_("Say why, so that the next one knows."), status=422)
    try:
        suggestion = services.suggestion_reject(
            suggestion_id=pk, reason=form.cleaned_data["reason"], acting_user=reader(request)
        )
    except services.ReplenishmentError as error:
        return refusal(error)
    return _saved(request, suggestion, _("Rejected."))


@require_POST
@buyer_page(*EDIT)
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a rejected suggestion back up."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    try:
        suggestion = services.suggestion_reopen(suggestion_id=pk, acting_user=reader(request))
    except services.ReplenishmentError as error:
        return refusal(error)
    return _saved(request, suggestion, _("Open again."))


@require_POST
@buyer_page(*EDIT)
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    """Put it out of sight until a day or a stock level."""
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    return _acted(request, pk, form.act(), _("Snoozed."))


@require_POST
@buyer_page(*EDIT)
def wake(request: HttpRequest, pk: int) -> HttpResponse:
    """End its snooze."""
    return _acted(request, pk, Act(SuggestionChange.Kind.WAKE), _("Awake again."))


@require_POST
@buyer_page(*EDIT)
def supplier(request: HttpRequest, pk: int) -> HttpResponse:
    """Buy it on other terms; none named: on the plan's."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    terms, plan = request.POST.get("terms", ""), request.POST.get("plan", "")
    try:
        suggestion = services.suggestion_supplier_set(
            suggestion_id=pk,
            terms_id=int(terms) if terms.isdecimal() and len(terms) <= 18 else None,
            acting_user=reader(request),
            seen_plan_run_id=int(plan) if plan.isdecimal() and len(plan) <= 18 else None,
        )
    except services.ReplenishmentError as error:
        return refusal(error)
    name = suggestion.supplier.name if suggestion.supplier is not None else "–"
    words = _("%(units)s from %(supplier)s.")
    text = words % {"units": units_text(suggestion.final_quantity), "supplier": name}
    return _saved(request, suggestion, text)


def _acted(request: HttpRequest, pk: int, act: Act, text: str) -> HttpResponse:
    row = get_object_or_404(Suggestion.objects.only("pk", "plan_run_id"), pk=pk)
    try:
        acted = services.suggestions_act(
            suggestion_ids=[pk],
            act=act,
            acting_user=reader(request),
            seen_plan_run_id=row.plan_run_id,
        )
    except services.ReplenishmentError as error:
        return refusal(error)
    if acted.change is None:
        [why] = acted.passed_over
        return message_header(_("Nothing was done: it is %(why)s.") % {"why": why.label}, status=409)
    return _saved(request, _one(pk), text)


def _one(pk: int) -> Suggestion:
    return get_object_or_404(selectors.suggestions_shown(), pk=pk)


def _acting(request: HttpRequest, suggestion: Suggestion) -> dict[str, Any]:
    latest = selectors.plan_latest()
    offer = selectors.quantity_offer(suggestion) if suggestion.edited_quantity is not None else None
    return {
        "suggestion": suggestion,
        "words": row_words(),
        "links": row_links(),
        "plan": suggestion.plan_run,
        "is_stale": latest is None or latest.pk != suggestion.plan_run_id,
        "offers": {} if offer is None else {suggestion.pk: offer},
        "can_edit": request.user.has_perm(EDIT[1]),
    }


def _shown(request: HttpRequest, plan: PlanRun) -> Choice:
    """What the reader's workbench shows: its filters stand in its address. All of the plan elsewhere."""
    address = urlsplit(getattr(getattr(request, "htmx", None), "current_url", None) or "")
    at_workbench = address.path == reverse("replenishment:workbench")
    return Choice.of(QueryDict(address.query if at_workbench else ""), plan)


def _explained(request: HttpRequest, suggestion: Suggestion) -> dict[str, Any]:
    bridge = charts.bridge_of(suggestion)
    section = request.GET.get("open", "")
    return _acting(request, suggestion) | {
        "bridge": bridge,
        "waterfall": charts.waterfall(bridge),
        "snooze": next(iter(selectors.snoozes_of([suggestion]).values()), None),
        "log": list(selectors.suggestion_log(suggestion)[:20]),
        "open": section if section in _SECTIONS else "",
    }


def _saved(request: HttpRequest, suggestion: Suggestion, text: str, *, is_moved: bool = True) -> HttpResponse:
    """The row's changed cells, the strip, the drawer, and a word with its undo, each put in its place.

    A row that goes to another tab or supplier (`is_moved`) makes the workbench show itself anew.
    """
    from_drawer = "drawer" in request.POST
    context = (_explained if from_drawer else _acting)(request, suggestion)
    change = suggestion.changes.select_related("change").order_by("-pk").first()
    context |= {
        "text": f"{suggestion.product.sku}: {text}",
        "change": None if change is None else change.change,
        "from_drawer": from_drawer,
        "is_moved": is_moved,
    }
    if not is_moved:
        shown = _shown(request, suggestion.plan_run)
        sums = shown.sums(suggestion.plan_run)
        is_edited = suggestion.edited_quantity is not None
        context |= {
            "shows": cells_of(columns_of(request, tab=shown.tab)),
            "totals": sums.totals,
            "budget": selectors.budget_of_plan(suggestion.plan_run, supplier_id=shown.values.get("supplier")),
            "rail_value": sum(row.value for row in sums.suppliers),
            "rail_row": sums.of_supplier(suggestion.supplier_id),
            "service": selectors.line_services(suggestion.plan_run, [suggestion]).get(suggestion.pk)
            if is_edited
            else None,
        }
    response = render(request, "replenishment/partials/suggestion_saved.html", context)
    if is_moved:
        response["HX-Trigger"] = CHANGED
    return response
