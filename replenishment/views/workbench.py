"""The buyer's workbench: suggestions by supplier, changed in place, made into drafts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from catalog import selectors as catalog
from catalog.models import ProductImage
from forecasting.models import TrendReading
from replenishment import charts, selectors, services
from replenishment.forms import RejectForm, SuggestionEditForm, WorkbenchFilter
from replenishment.models import PlanRun, Suggestion
from replenishment.selectors import PlanSums, SupplierSum
from replenishment.selectors import suggestions as reads
from replenishment.views.access import buyer_page, message_header, reader, sees_photos, trends_seen
from replenishment.views.columns import COLUMNS, columns_of, groups_of, starts_of
from replenishment.views.paging import page_of
from replenishment.views.saved_views import query_kept

PAGE_SIZE = 50
RAIL_SIZE = 30
_EDIT = ("replenishment.view_suggestion", "replenishment.edit_suggestion_quantity")


@buyer_page("replenishment.view_suggestion")
def workbench(request: HttpRequest) -> HttpResponse:
    """The workbench; only its lower part where htmx asks."""
    plan = selectors.plan_latest()
    chosen = Choice.of(request.GET, plan)
    columns = columns_of(request)
    sums = chosen.sums(plan)
    counts = dict(sums.tabs)
    values = chosen.values
    place = values.get("location")
    transfers = selectors.transfers_list(
        plan if request.user.has_perm("replenishment.view_planaction") else None,
        search=values.get("q") or "",
        location_id=place.pk if place else None,
    )
    counts["transfers"] = transfers.order_by().count()
    shows_transfers = chosen.tab == "transfers"
    rows: QuerySet[Any] = transfers
    if not shows_transfers:
        rows = chosen.shown(plan).select_related("product", "location", "supplier", "terms", "edited_by")
        rows = rows.order_by(*chosen.order())
    page = page_of(rows, request.GET.get("page"), size=PAGE_SIZE, count=counts[chosen.tab])
    context = {
        "plan": plan,
        "chosen": chosen,
        "filter": chosen.form,
        "locations": list(chosen.form.fields["location"].queryset) if plan else [],  # type: ignore[attr-defined]
        "tabs": [(name, label, counts[name]) for name, label in WorkbenchFilter.TABS],
        "rail": _rail(sums.suppliers, values),
        "rail_more": len(sums.suppliers),
        "rail_lines": sum(row.lines for row in sums.suppliers),
        "rail_value": sum(row.value for row in sums.suppliers),
        "page": page,
        "shows_transfers": shows_transfers,
        "offers": {} if shows_transfers else _offers(page.object_list),
        "photos": _photos(request, page.object_list) if not shows_transfers else {},
        "trends": _trends(request, page.object_list) if not shows_transfers else {},
        "totals": sums.totals,
        "can_edit": request.user.has_perm("replenishment.edit_suggestion_quantity"),
        "can_draft": request.user.has_perm("replenishment.add_purchaseorder"),
        "can_transfer": request.user.has_perms(
            ["replenishment.add_purchaseorder", "replenishment.view_planaction"]
        ),
        "what_if_query": _what_if_query(request.GET),
        "columns": columns,
        "shows": {column.key: True for column in columns},
        "groups": groups_of(columns),
        "starts": starts_of(columns),
        "all_columns": COLUMNS,
        "kept_pairs": [pair for pair in parse_qsl(query_kept(request.GET)) if pair[0] != "cols"],
        "more_filters": sum(values.get(name) not in (None, "", False) for name in WorkbenchFilter.MORE),
        "budget": selectors.budget_of_plan(plan, supplier_id=values.get("supplier")),
        "views": selectors.saved_views_list(reader(request)),
        "view_query": query_kept(request.GET),
    }
    htmx = getattr(request, "htmx", False)
    name = "partials/workbench_body.html" if htmx else "workbench.html"
    response = render(request, f"replenishment/{name}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@buyer_page("replenishment.view_suggestion", "replenishment.add_purchaseorder")
def drafts(request: HttpRequest) -> HttpResponse:
    """Make draft orders of the ticked suggestions, or (`all`) of all that the filter shows."""
    if "all" in request.POST:
        plan = selectors.plan_latest()
        if plan is None or request.POST.get("plan") != str(plan.pk):
            # "All" means all that the buyer saw: of a newer plan nobody has looked at one line.
            messages.error(
                request, _("A newer plan has replaced the one that you saw. Look at it, then draft again.")
            )
            return redirect("replenishment:workbench")
        chosen = Choice.of(QueryDict(request.POST.get("query", "")), plan)
        ids = list(chosen.suggestions(plan).filter(lane=Suggestion.Lane.ORDER).values_list("pk", flat=True))
    else:
        ticked = request.POST.getlist("suggestion")
        # 18 digits: any key, and nothing that a database can't take.
        ids = [int(text) for text in ticked if text.isdecimal() and len(text) <= 18]
    back = f"{reverse('replenishment:workbench')}?{request.POST.get('query', '')}"
    if not ids:
        messages.info(request, _("Nothing was ticked."))
        return redirect(back)
    try:
        orders = services.drafts_create(suggestion_ids=ids, acting_user=reader(request))
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
        return redirect(back)
    if not orders:
        messages.info(request, _("These were in orders already: nothing new to draft."))
        return redirect(back)
    messages.success(
        request,
        ngettext("%(n)d draft made: %(numbers)s", "%(n)d drafts made: %(numbers)s", len(orders))
        % {"n": len(orders), "numbers": ", ".join(order.number for order in orders[:8])},
    )
    if len(orders) == 1:
        return redirect("replenishment:order-detail", orders[0].pk)
    return redirect(f"{reverse('replenishment:order-list')}?state=draft")


@buyer_page("replenishment.view_suggestion")
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawer: how the quantity comes about, and what can be done with it."""
    return render(request, "replenishment/partials/explain.html", _explained(request, pk))


@require_POST
@buyer_page(*_EDIT)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the buyer's quantity beside the system's; an empty one restores the system's."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    form = SuggestionEditForm(request.POST)
    if not form.is_valid():
        return message_header(str(next(iter(form.errors.values()))[0]), status=422)
    quantity = form.cleaned_data["quantity"]
    try:
        suggestion = services.suggestion_edit(
            suggestion_id=pk,
            quantity=None if quantity is None else float(quantity),
            reason=form.cleaned_data["reason"],
            acting_user=reader(request),
            seen_plan_run_id=form.cleaned_data["plan"],
        )
    except services.ReplenishmentError as error:
        return _refusal(error)
    offer = selectors.quantity_offer(suggestion)
    hint = _("In the supplier's packs it would be %(units)s.") % {"units": f"{offer:g}"} if offer else ""
    return _saved(request, pk, hint)


@require_POST
@buyer_page(*_EDIT)
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a suggestion aside, with the reason."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    form = RejectForm(request.POST)
    if not form.is_valid():
        return message_header(_("Say why, so that the next one knows."), status=422)
    try:
        services.suggestion_reject(
            suggestion_id=pk, reason=form.cleaned_data["reason"], acting_user=reader(request)
        )
    except services.ReplenishmentError as error:
        return _refusal(error)
    return _saved(request, pk, _("Rejected."))


@require_POST
@buyer_page(*_EDIT)
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a rejected suggestion back up."""
    get_object_or_404(Suggestion.objects.only("pk"), pk=pk)
    try:
        services.suggestion_reopen(suggestion_id=pk, acting_user=reader(request))
    except services.ReplenishmentError as error:
        return _refusal(error)
    return _saved(request, pk, _("Open again."))


def _rail(suppliers: list[SupplierSum], values: dict[str, Any]) -> list[SupplierSum]:
    """The first suppliers, and the chosen one; all where they are asked for."""
    if values.get("rail"):
        return suppliers
    chosen = [row for row in suppliers[RAIL_SIZE:] if row.supplier.pk == values.get("supplier")]
    return suppliers[:RAIL_SIZE] + chosen


def _what_if_query(values: QueryDict) -> str:
    """What the filters and the what-if page have in common."""
    query = QueryDict(mutable=True)
    for name in ("q", "supplier", "location", "abc"):
        if value := values.get(name):
            query[name] = value
    return query.urlencode()


@dataclass(frozen=True)
class Choice:
    """What the address asks for: filters, tab and order."""

    form: WorkbenchFilter
    tab: str
    sort: str
    values: dict[str, Any]

    @classmethod
    def of(cls, query: QueryDict, plan: PlanRun | None) -> Choice:
        """What this query asks for; what it asks for wrongly is left out."""
        form = WorkbenchFilter(query, plan_id=plan.pk if plan else None)
        form.is_valid()
        values = form.cleaned_data
        sort = values.get("sort") or ""
        return cls(
            form=form,
            tab="order" if values.get("due") else values.get("state") or "order",
            sort=sort if sort.removeprefix("-") in reads.SORTS else reads.DEFAULT_SORT,
            values=values,
        )

    def suggestions(self, plan: PlanRun | None, *, any_supplier: bool = False) -> QuerySet[Suggestion]:
        """The plan's suggestions that pass the filters, the tab aside."""
        values = self.values
        location = values.get("location")
        return reads.suggestions_list(
            plan,
            search=values.get("q") or "",
            supplier_id=None if any_supplier else values.get("supplier"),
            location_id=location.pk if location else None,
            abc=values.get("abc") or "",
            xyz=values.get("xyz") or "",
            rule_id=values.get("rule"),
            pattern=values.get("pattern") or "",
            cover_below=values.get("cover"),
            value_from=values.get("value"),
            is_late=bool(values.get("late")),
            runs_out=bool(values.get("out")),
            is_edited=bool(values.get("edited")),
        )

    def shown(self, plan: PlanRun | None) -> QuerySet[Suggestion]:
        """Those of the tab; those to order where it shows no suggestions but transfers."""
        tab = self.tab if self.tab in reads.TABS else Suggestion.Lane.ORDER.value
        return self.suggestions(plan).filter(reads.tab_filters(plan)[tab])

    def sums(self, plan: PlanRun | None) -> PlanSums:
        """The sums beside the rows: those that are kept, where the filters are of supplier and location."""
        location = self.values.get("location")
        kept = all(self.values.get(name) in (None, "", False) for name in WorkbenchFilter.NARROWS)
        return selectors.plan_sums(
            plan,
            suggestions=None if kept else self.suggestions(plan, any_supplier=True),
            supplier_id=self.values.get("supplier"),
            location_id=location.pk if location else None,
        )

    def order(self) -> list[Any]:
        """For `order_by`; what is not known comes last either way."""
        return reads.suggestions_order(self.sort)


def _offers(suggestions: Iterable[Suggestion]) -> dict[int, float]:
    """What the suppliers' packs would make of quantities that a buyer typed, by suggestion id."""
    edited = (row for row in suggestions if row.edited_quantity is not None)
    return {row.pk: offer for row in edited if (offer := selectors.quantity_offer(row)) is not None}


def _photos(request: HttpRequest, suggestions: Iterable[Suggestion]) -> dict[int, ProductImage]:
    """The first photo of each product on the page."""
    if not sees_photos(request):
        return {}
    return catalog.pictures_first([suggestion.product_id for suggestion in suggestions])


def _trends(request: HttpRequest, suggestions: Iterable[Suggestion]) -> dict[int, TrendReading]:
    """The trend of each product on the page."""
    return trends_seen(request, {suggestion.product_id for suggestion in suggestions})


def _one(pk: int) -> Suggestion:
    plan_id = get_object_or_404(Suggestion.objects.only("plan_run_id"), pk=pk).plan_run_id
    plan = PlanRun.objects.select_related("forecast_run").get(pk=plan_id)
    return (
        reads.suggestions_of(plan)
        .select_related(
            "product", "location", "supplier", "terms", "rule", "edited_by", "plan_run__forecast_run"
        )
        .get(pk=pk)
    )


def _explained(request: HttpRequest, pk: int) -> dict[str, Any]:
    suggestion = _one(pk)
    bridge = charts.bridge_of(suggestion)
    latest = selectors.plan_latest()
    return {
        "suggestion": suggestion,
        "plan": suggestion.plan_run,
        "is_stale": latest is None or latest.pk != suggestion.plan_run_id,
        "offers": _offers([suggestion]),
        "bridge": bridge,
        "waterfall": charts.waterfall(bridge),
        "can_edit": request.user.has_perm("replenishment.edit_suggestion_quantity"),
    }


def _saved(request: HttpRequest, pk: int, text: str) -> HttpResponse:
    """The row's changed cells, the strip and a word, each put in its place by its id."""
    context = _explained(request, pk)
    suggestion: Suggestion = context["suggestion"]
    context |= {
        "totals": selectors.totals(suggestion.plan_run),
        "text": text,
        "from_drawer": "drawer" in request.POST,
    }
    return render(request, "replenishment/partials/suggestion_saved.html", context)


def _refusal(error: services.ReplenishmentError) -> HttpResponse:
    response = message_header(str(error), status=409)
    if isinstance(error, services.StaleError):
        response["X-Reload"] = quote(_("Show the newer plan"))
    return response
