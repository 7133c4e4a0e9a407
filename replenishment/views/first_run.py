"""A new shop's way from its files to its first suggestions, step by step."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from forecasting import selectors as forecasting
from replenishment import selectors
from replenishment.selectors.first_run import FirstRun
from replenishment.views.access import buyer_page
from replenishment.views.health import health_lines

# What each file is called, and what it is for.
FILES: dict[str, tuple[str | Promise, str | Promise]] = {
    "location": (_("Locations"), _("Where you sell and keep stock. One row is enough.")),
    "product": (_("Products"), _("What you sell: a code and a name each.")),
    "sales": (_("Sales by day"), _("Units sold by product, location and day. A year or more is best.")),
    "stock": (_("Stock levels"), _("What lies where now; earlier days tell when you were sold out.")),
    "supplier": (_("Suppliers"), _("From whom you buy, and in which currency.")),
    "supply_terms": (_("Supply terms"), _("Cost, lead time, MOQ and pack size of each product.")),
}


@require_GET
@buyer_page("replenishment.view_suggestion")
def start(request: HttpRequest) -> HttpResponse:
    """The steps, also when all of them are done."""
    return first_run_page(request, selectors.first_run())


def first_run_page(request: HttpRequest, path: FirstRun, **more: Any) -> HttpResponse:
    """The page of the steps; it asks for itself again as long as something is under way."""
    active = path.forecast if path.forecast and not path.forecast.is_finished else None
    return render(
        request,
        "replenishment/first_run.html",
        {
            "path": path,
            "states": path.states,
            "files": [(file, *FILES[file.kind]) for file in path.files],
            "waits": {file.kind: file.waits_for for file in path.files},
            "names": {kind: label for kind, (label, _use) in FILES.items()},
            "health": path.health,
            "lines": health_lines(path.health),
            "active_run": active,
            "plan": selectors.plan_latest() if path.has_plan else None,
            "run": forecasting.run_latest() if path.has_forecast else None,
            "back": reverse("replenishment:start"),
            **more,
        },
    )
