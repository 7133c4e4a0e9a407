"""The behaviour page: where demand was lost for lack of stock, and where interest goes."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from catalog.models import Location
from forecasting import selectors
from forecasting.views.access import inside_only

PAGE_SIZE = 25


@dataclass(frozen=True)
class Tab:
    """A group of product-locations and how many there are."""

    key: str
    label: str
    count: int


@require_GET
@inside_only
@permission_required("forecasting.view_behaviourreading", raise_exception=True)
def behaviour(request: HttpRequest) -> HttpResponse:
    """Product-locations by what shoppers' behaviour says of them."""
    group = request.GET.get("group", "")
    if group not in selectors.BEHAVIOUR_GROUPS:
        group = "lost"
    search = request.GET.get("q", "").strip()[:100]
    locations = list(Location.objects.only("code", "name").order_by("code"))
    location = next((each for each in locations if each.code == request.GET.get("location")), None)
    place = location.pk if location else None
    counts = selectors.behaviour_counts(search=search, location_id=place)
    readings = selectors.behaviour_readings(group=group, search=search, location_id=place)
    return render(
        request,
        "forecasting/behaviour.html",
        {
            "page": Paginator(readings, PAGE_SIZE).get_page(request.GET.get("page")),
            "group": group,
            "q": search,
            "location": location,
            "locations": locations,
            "tabs": [Tab(key, label, counts[key]) for key, label in _labels().items()],
            "totals": selectors.behaviour_totals(search=search, location_id=place),
        },
    )


def _labels() -> dict[str, str]:
    return {
        "lost": _("Demand lost without stock"),
        "rising": _("Interest up"),
        "falling": _("Interest down"),
        "unsold": _("Looked at more, bought less"),
        "all": _("All"),
    }
