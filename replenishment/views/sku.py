"""The page of one SKU at one location: history and forecast, stock, arithmetic, suppliers, trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog.models import Location, Product, StockLevel
from forecasting import selectors as forecasting
from forecasting.models import AccuracySnapshot, ForecastDistribution, ForecastRun
from replenishment import charts, selectors
from replenishment.models import PurchaseOrder, PurchaseOrderLine, Suggestion
from replenishment.views.access import buyer_page, sees_photos, trends_seen

HISTORY_DAYS = 3 * 365


# BokehJS writes style elements of its own into the charts; scripts stay as strict as everywhere.
@csp_replace({"style-src": [SELF, UNSAFE_INLINE]})  # type: ignore[arg-type]
@buyer_page("replenishment.view_suggestion")
def sku(request: HttpRequest, product_id: int, location_id: int) -> HttpResponse:
    """One SKU at one location, as the latest plan sees it."""
    product = get_object_or_404(Product.objects.select_related("category", "successor"), pk=product_id)
    location = get_object_or_404(Location, pk=location_id)
    plan = selectors.plan_latest()
    suggestion = (
        Suggestion.objects.select_related("supplier", "terms", "edited_by", "plan_run__forecast_run")
        .filter(plan_run=plan, product=product, location=location)
        .first()
    )
    run = plan.forecast_run if plan else forecasting.run_latest()
    distribution = (
        ForecastDistribution.objects.only("model", "segment", "pattern", "own_share", "run_id")
        .filter(run=run, product=product, location=location)
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
            "run": run,
            "distribution": distribution,
            "stock": StockLevel.objects.filter(product=product, location=location).order_by("-day").first(),
            "options": selectors.supply_options(product=product, location=location, plan=plan, run=run),
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


@buyer_page("replenishment.view_suggestion", "forecasting.view_forecastdistribution")
def sku_chart(request: HttpRequest, product_id: int, location_id: int, name: str) -> JsonResponse:
    """One of the page's charts as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts.sku import cover_chart, forecast_chart

    theme = "dark" if request.GET.get("theme") == "dark" else "light"
    asked = request.GET.get("width", "")
    width = min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800
    if name not in {"forecast", "cover"}:
        raise Http404
    if max(product_id, location_id) >= 2**63:
        raise Http404
    series = _series(product_id, location_id)
    if series is None:
        return JsonResponse({"empty": _("There is no forecast for this SKU here yet.")})
    demand = forecasting.distribution_read(
        run_id=series.run.pk, product_ids=[product_id], location_ids=[location_id]
    )
    if name == "forecast":
        history = forecasting.history_read(
            product_id=product_id,
            location_id=location_id,
            as_of=series.run.as_of,
            days=HISTORY_DAYS,
            freq=demand.freq,
        )
        corrections = forecasting.corrections_read(
            run_id=series.run.pk, product_id=product_id, location_id=location_id
        )
        return JsonResponse(
            forecast_chart(history, demand, corrections=corrections, theme=theme, width=width)
        )
    suggestion = series.suggestion
    if suggestion is None or suggestion.on_hand is None or suggestion.lead_time_days is None:
        return JsonResponse({"empty": _("The latest plan holds no stock or lead time for it.")})
    return JsonResponse(
        cover_chart(
            demand,
            position=suggestion.on_hand + suggestion.on_order - suggestion.allocated,
            lead_time=timedelta(days=suggestion.lead_time_days),
            review=timedelta(days=suggestion.review_days or 0.0),
            theme=theme,
            width=width,
        )
    )


@dataclass(frozen=True)
class _Series:
    run: ForecastRun
    suggestion: Suggestion | None


def _series(product_id: int, location_id: int) -> _Series | None:
    """The run that the latest plan stands on (else the latest run), if it still holds this SKU's forecast."""
    plan = selectors.plan_latest()
    run = plan.forecast_run if plan else forecasting.run_latest()
    if run is None or run.pruned_at is not None or run.state != ForecastRun.State.DONE:
        return None
    if not ForecastDistribution.objects.filter(
        run=run, product_id=product_id, location_id=location_id
    ).exists():
        return None
    suggestion = Suggestion.objects.filter(
        plan_run=plan, product_id=product_id, location_id=location_id
    ).first()
    return _Series(run, suggestion)
