"""Why the forecast of a product-location is what it is: a part of other pages, filled in by htmx."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from forecasting import selectors
from forecasting.explanations import part_rows, period_rows, sentence
from forecasting.models import ForecastRun
from forecasting.selectors.explanations import Explanation, explanation_read
from forecasting.views.access import inside_only

_LARGEST_ID = 2**63


@require_GET
@inside_only
@permission_required("forecasting.view_forecastdistribution", raise_exception=True)
def explanation(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """The parts of a stored forecast; `run` names one (default: the latest), `brief` asks for a sentence."""
    asked = request.GET.get("run", "")
    if max(product_id, location_id) >= _LARGEST_ID or (asked and not _is_id(asked)):
        raise Http404
    latest = None if asked else selectors.run_latest()
    run_id = int(asked) if asked else latest.pk if latest else None
    found = _read(run_id, product_id, location_id) if run_id else None
    context: dict[str, Any] = {"explanation": found, "sentence": sentence(found) if found else ""}
    if "brief" in request.GET:
        return render(request, "forecasting/partials/explanation_brief.html", context)
    rows = part_rows(found) if found else []
    if found and rows:
        keys = [row.key for row in rows[:-1]]
        context |= {"rows": rows, "next_day": found.ds[0], "periods": period_rows(found, keys)}
    return render(request, "forecasting/partials/explanation.html", context)


def _read(run_id: int, product_id: int, location_id: int) -> Explanation | None:
    try:
        return explanation_read(run_id=run_id, product_id=product_id, location_id=location_id)
    except (ForecastRun.DoesNotExist, ValueError):
        # No such run, not finished, or its distributions were pruned: there is nothing to explain.
        return None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
