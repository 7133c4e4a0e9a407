"""Live what-if on the SKU page: a part with the form, and its answer each time that a number changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from replenishment import selectors
from replenishment.selectors import Outcome
from replenishment.sku_forms import SkuWhatIfForm
from replenishment.views.access import buyer_page
from replenishment.views.sku import suggestion_of

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Of `Outcome`: its words, what kind of number it is, and whether more of it is better (None: neither).
NUMBERS: tuple[tuple[str, _StrPromise, str, bool | None], ...] = (
    ("order_quantity", _("Order today"), "units", None),
    ("order_value", _("Order value"), "money", None),
    ("expected_demand", _("Expected demand over lead time + review"), "units", None),
    ("safety_stock", _("Safety stock"), "units", None),
    ("reorder_point", _("Reorder point"), "units", None),
    ("order_up_to", _("Order-up-to level"), "units", None),
    ("fill_rate", _("Expected fill rate"), "share", True),
    ("stock", _("Average stock (units)"), "units", None),
    ("stock_value", _("Average stock value"), "money", False),
    ("holding_cost", _("Holding cost a year"), "money", False),
    ("lost_margin", _("Lost margin a year"), "money", False),
    ("total_cost", _("Total cost a year"), "money", False),
)


@dataclass(frozen=True)
class Line:
    """One number as planned and after the changes; `tone` is `good`, `bad` or nothing."""

    name: str
    label: _StrPromise
    kind: str
    before: float
    after: float
    tone: str

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def sku_what_if(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """The part with the form; of a request that carries its fields, the answer alone."""
    from replenishment.core.what_if import ChangeError

    suggestion = suggestion_of(product_id, location_id)
    planned = selectors.sku_planned(suggestion) if suggestion else None
    whole = "service" not in request.GET and "lead_time" not in request.GET
    template = f"replenishment/partials/sku_what_if{'' if whole else '_result'}.html"
    if planned is None:
        return render(request, template, {"planned": None})
    form = SkuWhatIfForm(None if whole else request.GET, planned)
    context = {"planned": planned, "form": form, "suggestion": suggestion}
    if whole:
        return render(request, template, context | {"lines": list(_lines(planned.outcome, planned.outcome))})
    if form.is_valid():
        try:
            after = planned.after(form.changes(), form.demand_changes())
        except ChangeError as error:
            form.refuse(error)
        else:
            proposed = form.proposed()
            context |= {
                "lines": list(_lines(planned.outcome, after)),
                "price_change": form.price_change(),
                "proposed": proposed,
                "proposed_percent": round(100 * proposed.middle) if proposed else None,
            }
    return render(request, template, context)


def _lines(before: Outcome, after: Outcome) -> Iterator[Line]:
    for name, label, kind, more_is_better in NUMBERS:
        was, now = getattr(before, name), getattr(after, name)
        tone = ""
        if more_is_better is not None and abs(now - was) > 1e-9 * max(abs(was), 1.0):
            tone = "good" if (now > was) == more_is_better else "bad"
        yield Line(name, label, kind, was, now, tone)
