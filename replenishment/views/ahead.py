"""What lies ahead: the projected stock of one SKU, and a plan's purchases by week."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from replenishment import selectors
from replenishment.models import PlanRun
from replenishment.views.access import buyer_page
from replenishment.views.actions import action_lines
from replenishment.views.sku import look, suggestion_of


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def projected(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """Part of the SKU page: when stock runs out and how surely, the next orders, and proposed actions."""
    suggestion = suggestion_of(product_id, location_id)
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
@buyer_page("replenishment.view_planrun")
def purchases_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """A plan's purchases by week as Bokeh's JSON."""
    from replenishment.charts import ahead

    purchases = selectors.purchases_ahead(get_object_or_404(PlanRun, pk=pk))
    if purchases is None:
        return JsonResponse({"empty": _("Nothing is expected to be bought.")})
    theme, width = look(request)
    currency = settings.FORESTOCK_HOME_CURRENCY
    return JsonResponse(ahead.purchases_chart(purchases, currency=currency, theme=theme, width=width))
