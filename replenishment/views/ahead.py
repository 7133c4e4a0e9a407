"""What lies ahead: the projected stock of one SKU, and a plan's purchases by week."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from replenishment import selectors
from replenishment.models import PlanRun, Suggestion
from replenishment.views.access import buyer_page
from replenishment.views.actions import action_lines

_LARGEST_ID = 2**63 - 1


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def projected(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """Part of the SKU page: when stock runs out and how surely, the next orders, and proposed actions."""
    suggestion = _suggestion(product_id, location_id)
    plan = suggestion.plan_run if suggestion else None
    actions = (
        action_lines(request, selectors.actions_of(plan=plan, product_id=product_id, location_id=location_id))
        if suggestion and request.user.has_perm("replenishment.view_planaction")
        else []
    )
    return render(
        request,
        "replenishment/partials/projected.html",
        {
            "dated": selectors.dated_plan(suggestion) if suggestion else None,
            "suggestion": suggestion,
            "plan": plan,
            "lines": actions,
        },
    )


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def projected_chart(request: HttpRequest, product_id: int, location_id: int) -> JsonResponse:
    """Projected stock as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts import ahead

    suggestion = _suggestion(product_id, location_id)
    dated = selectors.dated_plan(suggestion) if suggestion else None
    if dated is None:
        return JsonResponse(
            {"empty": _("The latest plan holds no stock, lead time or forecast of its own for it.")}
        )
    theme, width = _look(request)
    return JsonResponse(ahead.projected_chart(dated, theme=theme, width=width))


@require_GET
@buyer_page("replenishment.view_planrun")
def purchases_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """A plan's purchases by week as Bokeh's JSON."""
    from replenishment.charts import ahead

    purchases = selectors.purchases_ahead(get_object_or_404(PlanRun, pk=pk))
    if purchases is None:
        return JsonResponse({"empty": _("Nothing is expected to be bought.")})
    theme, width = _look(request)
    currency = settings.FORESTOCK_HOME_CURRENCY
    return JsonResponse(ahead.purchases_chart(purchases, currency=currency, theme=theme, width=width))


def _suggestion(product_id: int, location_id: int) -> Suggestion | None:
    if max(product_id, location_id) > _LARGEST_ID:
        return None
    return (
        Suggestion.objects.select_related("terms", "plan_run__forecast_run")
        .filter(plan_run=selectors.plan_latest(), product_id=product_id, location_id=location_id)
        .first()
    )


def _look(request: HttpRequest) -> tuple[str, int]:
    """Theme and width in pixels that a chart is asked for."""
    asked = request.GET.get("width", "")
    width = min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800
    return ("dark" if request.GET.get("theme") == "dark" else "light"), width
