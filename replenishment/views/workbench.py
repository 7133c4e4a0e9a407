"""The buyer's workbench: suggestions by supplier, changed in place, made into drafts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from catalog import selectors as catalog
from catalog.models import ProductImage
from forecasting.models import TrendReading
from replenishment import selectors
from replenishment.forms import WorkbenchFilter
from replenishment.models import PlanRun, Suggestion
from replenishment.selectors import LineService, PlanSums, SupplierSum
from replenishment.selectors import suggestions as reads
from replenishment.views.access import buyer_page, reader, sees_photos, trends_seen
from replenishment.views.columns import (
    COLUMNS,
    cells_of,
    columns_of,
    groups_of,
    row_links,
    row_words,
    starts_of,
)
from replenishment.views.paging import page_of
from replenishment.views.saved_views import query_kept

PAGE_SIZE = 50
RAIL_SIZE = 30


@buyer_page("replenishment.view_suggestion")
def workbench(request: HttpRequest) -> HttpResponse:
    """The workbench; only its lower part where htmx asks."""
    plan = selectors.plan_latest()
    chosen = Choice.of(request.GET, plan)
    columns = columns_of(request, tab=chosen.tab)
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
        "services": {} if shows_transfers else _services(plan, page.object_list),
        "photos": _photos(request, page.object_list) if not shows_transfers else {},
        "trends": _trends(request, page.object_list) if not shows_transfers else {},
        "snoozes": {} if shows_transfers else selectors.snoozes_of(page.object_list),
        "totals": sums.totals,
        "can_edit": request.user.has_perm("replenishment.edit_suggestion_quantity"),
        "can_draft": request.user.has_perm("replenishment.add_purchaseorder"),
        "can_transfer": request.user.has_perms(
            ["replenishment.add_purchaseorder", "replenishment.view_planaction"]
        ),
        "what_if_query": _what_if_query(request.GET),
        "columns": columns,
        "words": row_words(),
        "links": row_links(),
        "shows": cells_of(columns),
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
        tab = "order" if values.get("due") else values.get("state") or "order"
        usual = reads.TAB_SORTS.get(tab, reads.DEFAULT_SORT)
        return cls(
            form=form,
            tab=tab,
            sort=sort if sort.removeprefix("-") in reads.SORTS else usual,
            values=values,
        )

    @cached_property
    def _search(self) -> str | Q:
        """Looked up once for rows and sums."""
        text = (self.values.get("q") or "").strip()
        return reads.suggestions_search(text) if text else ""

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set, tab and order aside."""
        names = ("supplier", "location", *WorkbenchFilter.NARROWS)
        return any(self.values.get(name) not in (None, "", False) for name in names)

    def suggestions(self, plan: PlanRun | None, *, any_supplier: bool = False) -> QuerySet[Suggestion]:
        """The plan's suggestions that pass the filters, the tab aside."""
        values = self.values
        location = values.get("location")
        return reads.suggestions_list(
            plan,
            search=self._search,
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


def _services(plan: PlanRun | None, suggestions: Iterable[Suggestion]) -> dict[int, LineService]:
    """What quantities that a buyer typed serve, by suggestion id."""
    edited = [row for row in suggestions if row.edited_quantity is not None]
    return selectors.line_services(plan, edited) if plan is not None and edited else {}


def _photos(request: HttpRequest, suggestions: Iterable[Suggestion]) -> dict[int, ProductImage]:
    """The first photo of each product on the page."""
    if not sees_photos(request):
        return {}
    return catalog.pictures_first([suggestion.product_id for suggestion in suggestions])


def _trends(request: HttpRequest, suggestions: Iterable[Suggestion]) -> dict[int, TrendReading]:
    """The trend of each product on the page."""
    return trends_seen(request, {suggestion.product_id for suggestion in suggestions})
