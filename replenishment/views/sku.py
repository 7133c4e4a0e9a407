"""The page of one SKU at one location: its story as a chart, the arithmetic, suppliers, what was done."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from catalog import selectors as catalog
from catalog.models import Location, Product
from forecasting import selectors as forecasting
from forecasting.models import AccuracySnapshot, ForecastDistribution, ForecastRun
from replenishment import charts, selectors
from replenishment.charts.lead_times import histogram
from replenishment.models import PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion
from replenishment.sku_parameters import parameters_of
from replenishment.views.access import buyer_page, sees_photos, trends_seen

_LARGEST_ID = 2**63 - 1
# Rows of the table behind the chart: of the past, at most.
PAST_PERIODS = 60


# BokehJS writes style elements of its own into the charts; scripts stay as strict as everywhere.
@csp_replace({"style-src": [SELF, UNSAFE_INLINE]})  # type: ignore[arg-type]
@buyer_page("replenishment.view_suggestion")
def sku(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """One SKU at one location, as the latest plan sees it."""
    product = get_object_or_404(Product.objects.select_related("category", "successor"), pk=product_id)
    location = get_object_or_404(Location, pk=location_id)
    plan = selectors.plan_latest()
    suggestion = (
        Suggestion.objects.select_related(
            "supplier", "terms__batch", "edited_by", "rule", "plan_run__forecast_run"
        )
        .filter(plan_run=plan, product=product, location=location)
        .first()
    )
    run = run_of(plan)
    distribution = (
        ForecastDistribution.objects.only("model", "segment", "pattern", "own_share", "response", "run_id")
        .filter(run=(run.same_as_id or run.pk) if run else None, product=product, location=location)
        .first()
    )
    bridge = charts.bridge_of(suggestion) if suggestion else []
    return render(
        request,
        "replenishment/sku.html",
        {
            "product": product,
            "photo": catalog.pictures_first([product.pk]).get(product.pk) if sees_photos(request) else None,
            "location": location,
            "plan": plan,
            "suggestion": suggestion,
            "bridge": bridge,
            "waterfall": charts.waterfall(bridge),
            "position": suggestion.on_hand + suggestion.on_order - suggestion.allocated
            if suggestion and suggestion.on_hand is not None
            else None,
            "run": run,
            "distribution": distribution,
            "parameters": parameters_of(suggestion, forecasting.response_of(distribution))
            if suggestion
            else [],
            "trend": trends_seen(request, [product.pk]).get(product.pk),
            "behaviour": forecasting.behaviour_of(product_id=product.pk, location_id=location.pk),
            "run_url": reverse("forecasting:run-detail", args=[run.pk]) if run else "",
            "accuracy": AccuracySnapshot.objects.filter(
                run=run, segment=distribution.segment if distribution else "overall"
            ).order_by("model"),
            "order_lines": PurchaseOrderLine.objects.select_related(
                "order__supplier", "order__source", "suggestion__plan_run__forecast_run"
            )
            .filter(product=product, order__location=location)
            .exclude(order__state=PurchaseOrder.State.CANCELLED)
            .order_by("-order_id")[:12],
            "elsewhere": Suggestion.objects.select_related("location")
            .filter(plan_run=plan, product=product)
            .exclude(location=location)
            .order_by("location__code"),
        },
    )


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def sku_chart(request: HttpRequest, product_id: int, location_id: int) -> JsonResponse:
    """The chart as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts.sku_story import story_chart

    story = _story(product_id, location_id)
    if story is None or story.is_empty:
        return JsonResponse({"empty": _("There are no sales, stock or forecast of this SKU here yet.")})
    theme, width = look(request)
    return JsonResponse(story_chart(story, theme=theme, width=width))


@require_GET
@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def sku_numbers(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """The chart's numbers as a table: for those who can't see it, and for copying."""
    story = _story(product_id, location_id)
    periods = story.periods() if story else []
    past = [period for period in periods if not period.is_ahead][-PAST_PERIODS:]
    rows = [*past, *(period for period in periods if period.is_ahead)]
    return render(
        request, "replenishment/partials/sku_numbers.html", {"periods": list(reversed(rows)), "story": story}
    )


@require_GET
@buyer_page("replenishment.view_suggestion")
def sku_suppliers(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """Part of the page: all suppliers side by side, with their lead times."""
    product, location = sku_or_404(product_id, location_id)
    plan = selectors.plan_latest()
    options = selectors.supply_options(product=product, location=location, plan=plan, run=run_of(plan))
    return render(
        request,
        "replenishment/partials/supply_options.html",
        {
            "options": [(option, histogram(option)) for option in options],
            "suggestion": Suggestion.objects.filter(
                plan_run=plan, product=product, location=location
            ).first(),
        },
    )


def run_of(plan: PlanRun | None) -> ForecastRun | None:
    """The forecast run that the latest plan stands on, else the latest run."""
    return plan.forecast_run if plan else forecasting.run_latest()


def sku_or_404(product_id: int, location_id: int) -> tuple[Product, Location]:
    """The product and the location; Http404 where there are none."""
    if max(product_id, location_id) > _LARGEST_ID:
        raise Http404
    return get_object_or_404(Product, pk=product_id), get_object_or_404(Location, pk=location_id)


def suggestion_of(product_id: int, location_id: int) -> Suggestion | None:
    """The latest plan's row, with its terms, plan and forecast run."""
    if max(product_id, location_id) > _LARGEST_ID:
        return None
    return (
        Suggestion.objects.select_related("terms", "plan_run__forecast_run")
        .filter(plan_run=selectors.plan_latest(), product_id=product_id, location_id=location_id)
        .first()
    )


def look(request: HttpRequest) -> tuple[str, int]:
    """Theme and width in pixels that a chart is asked for."""
    asked = request.GET.get("width", "")
    width = min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800
    return ("dark" if request.GET.get("theme") == "dark" else "light"), width


def _story(product_id: int, location_id: int) -> Any:
    _product, location = sku_or_404(product_id, location_id)
    suggestion = suggestion_of(product_id, location_id)
    run = suggestion.plan_run.forecast_run if suggestion else run_of(selectors.plan_latest())
    return selectors.sku_story(product_id=product_id, location=location, run=run, suggestion=suggestion)
