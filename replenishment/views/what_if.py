"""What other settings would do to the latest plan: a form, sums before and after, curves, items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from catalog.models import Location, Product
from replenishment import selectors
from replenishment.models import PlanRun
from replenishment.selectors.what_if import (
    SORTS,
    Answer,
    WhatIfError,
    what_if,
    what_if_service,
    what_if_spending,
)
from replenishment.views.access import buyer_page
from replenishment.what_if_forms import WhatIfForm

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PAGE_SIZE = 25
# The rows of the table of sums: column of `Total`, words, and what kind of number it is.
SUMS: tuple[tuple[str, _StrPromise, str], ...] = (
    ("fill_rate", gettext_lazy("Fill rate"), "share"),
    ("cycle_service", gettext_lazy("Cycle service level"), "share"),
    ("stock_value", gettext_lazy("Average stock value"), "money"),
    ("stock", gettext_lazy("Average stock (units)"), "units"),
    ("cycle_stock", gettext_lazy("Cycle stock"), "units"),
    ("safety_stock", gettext_lazy("Safety stock"), "units"),
    ("order_value", gettext_lazy("Today's orders"), "money"),
    ("order_quantity", gettext_lazy("Today's orders (units)"), "units"),
    ("order_lines", gettext_lazy("Order lines today"), "units"),
    ("holding_cost", gettext_lazy("Holding cost a year"), "money"),
    ("ordering_cost", gettext_lazy("Ordering cost a year"), "money"),
    ("lost_margin", gettext_lazy("Lost margin a year"), "money"),
    ("total_cost", gettext_lazy("Total cost a year"), "money"),
)
SORT_LABELS: dict[str, _StrPromise] = {
    "total_cost": gettext_lazy("Total cost a year"),
    "stock_value": gettext_lazy("Average stock value"),
    "order_quantity": gettext_lazy("Order today"),
    "fill_rate": gettext_lazy("Fill rate"),
}
# Where less is better.
_COSTS = {
    "stock_value",
    "stock",
    "cycle_stock",
    "safety_stock",
    "holding_cost",
    "ordering_cost",
    "lost_margin",
}
_COSTS |= {"total_cost"}
_GAINS = {"fill_rate", "cycle_service"}


@dataclass(frozen=True)
class SumLine:
    """One line of the table of sums; `tone` says whether the difference is good or bad."""

    name: str
    label: str
    kind: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def tone(self) -> str:
        """`good`, `bad`, or nothing where it is neither."""
        if abs(self.difference) < 1e-9 or self.name not in _COSTS | _GAINS:
            return ""
        return "good" if (self.difference > 0) == (self.name in _GAINS) else "bad"


# BokehJS writes style elements of its own into the charts; scripts stay as strict as everywhere.
@csp_replace({"style-src": [SELF, UNSAFE_INLINE]})
@require_GET
@buyer_page("replenishment.view_suggestion")
def page(request: HttpRequest) -> HttpResponse:
    """The page; only its lower part where htmx asks."""
    plan = selectors.plan_latest()
    context: dict[str, Any] = {"plan": plan}
    if plan is not None:
        form = WhatIfForm(request.GET, plan_id=plan.pk, budget=plan.spec.get("budget"))
        context["form"] = form
        if form.is_valid():
            try:
                context |= _answered(request, plan, form)
            except WhatIfError as error:
                context["problem"] = str(error)
    htmx = getattr(request, "htmx", False)
    name = "partials/what_if_body.html" if htmx else "what_if.html"
    response = render(request, f"replenishment/{name}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_GET
@buyer_page("replenishment.view_suggestion")
def chart(request: HttpRequest, name: str) -> JsonResponse:
    """One of the curves as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts.what_if import service_chart, spending_chart
    from replenishment.core.what_if import ChangeError

    if name not in {"service", "spending"}:
        raise Http404
    plan = selectors.plan_latest()
    form = WhatIfForm(
        request.GET, plan_id=plan.pk if plan else None, budget=plan.spec.get("budget") if plan else None
    )
    if plan is None or not form.is_valid():
        return JsonResponse({"empty": _("There is nothing to draw.")})
    asked = request.GET.get("width", "")
    look: dict[str, Any] = {
        "currency": settings.FORESTOCK_HOME_CURRENCY,
        "theme": "dark" if request.GET.get("theme") == "dark" else "light",
        "width": min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800,
    }
    question = (plan, form.selection(), form.changes())
    try:
        if name == "service":
            found = what_if_service(*question, supplier_id=_other(form))
            if math.isnan(found.before.fill_rate):
                return JsonResponse({"empty": _("No demand is expected.")})
            return JsonResponse(service_chart(found, **look))
        curve = what_if_spending(*question, supplier_id=_other(form))
    except WhatIfError as error:
        return JsonResponse({"empty": str(error)})
    except ChangeError:
        return JsonResponse({"empty": _("There is nothing to draw.")})
    if curve["spent"][-1] <= 0:
        return JsonResponse({"empty": _("Nothing is to be ordered today.")})
    return JsonResponse(spending_chart(curve, budget=form.cleaned_data["budget"], **look))


def _answered(request: HttpRequest, plan: PlanRun, form: WhatIfForm) -> dict[str, Any]:
    from replenishment.core.what_if import ChangeError

    sort = form.cleaned_data["sort"] or SORTS[0]
    try:
        answer = what_if(
            plan,
            form.selection(),
            form.changes(),
            supplier_id=_other(form),
            budget=form.cleaned_data["budget"],
            sort=sort,
        )
    except ChangeError as error:
        form.refuse(error)
        return {}
    page = Paginator(range(answer.rows.height), PAGE_SIZE).get_page(request.GET.get("page"))
    return {
        "answer": answer,
        "sums": [
            SumLine(name, str(label), kind, getattr(answer.before, name), getattr(answer.after, name))
            for name, label, kind in SUMS
        ],
        "page": page,
        "lines": _lines(answer, page.start_index() - 1, page.end_index()),
        "sort": sort,
        "sorts": list(SORT_LABELS.items()),
        "query": request.GET.urlencode(),
    }


def _lines(answer: Answer, start: int, end: int) -> list[dict[str, Any]]:
    """The rows of a page, with their product and location."""
    rows = answer.rows[max(start, 0) : end].to_dicts()
    products = Product.objects.in_bulk([row["product_id"] for row in rows])
    locations = Location.objects.in_bulk({row["location_id"] for row in rows})
    return [
        {**row, "product": products[row["product_id"]], "location": locations[row["location_id"]]}
        for row in rows
    ]


def _other(form: WhatIfForm) -> int | None:
    supplier = form.cleaned_data["other_supplier"]
    return supplier.pk if supplier else None
