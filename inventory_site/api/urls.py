"""The API, version 1."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from catalog.api import imports as catalog_imports
from catalog.api import pictures
from catalog.api import signals as catalog_signals
from catalog.api import views as catalog
from forecasting.api import alarms, categories, look_alikes, trends, trials, voices
from forecasting.api import behaviour as forecast_behaviour
from forecasting.api import overrides as forecast_overrides
from forecasting.api import views as forecasting
from inventory_site.api.tokens import TokenViewSet
from replenishment.api import (
    actions,
    bulk_acts,
    comments,
    exceptions,
    orders,
    plans,
    replays,
    scoreboard,
    settings,
    transfers,
    what_if,
)


class MissingView(APIView):
    """Every address that there is not: a problem, not a page."""

    permission_classes = (AllowAny,)
    throttle_classes = ()

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Whatever the method, and whoever asks. Raises NotFound."""
        raise NotFound

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Never reached: `initial` has answered."""
        raise NotFound


router = SimpleRouter()
router.register("categories", catalog.CategoryViewSet, "category")
router.register("products", catalog.ProductViewSet, "product")
router.register("locations", catalog.LocationViewSet, "location")
router.register("kit-components", catalog.KitComponentViewSet, "kit-component")
router.register("transfer-lanes", catalog.TransferLaneViewSet, "transfer-lane")
router.register("suppliers", catalog.SupplierViewSet, "supplier")
router.register("supplier-closures", catalog.SupplierClosureViewSet, "supplier-closure")
router.register("supply-terms", catalog.SupplyTermsViewSet, "supply-terms")
router.register("sales", catalog.SalesViewSet, "sales")
router.register("stock", catalog.StockViewSet, "stock")
router.register("prices", catalog.PriceViewSet, "price")
router.register("reviews", catalog_signals.ReviewViewSet, "review")
router.register("behaviour", catalog_signals.BehaviourViewSet, "behaviour")
router.register("behaviour-readings", forecast_behaviour.BehaviourReadingViewSet, "behaviour-reading")
router.register("events", catalog_signals.ShopperEventViewSet, "shopper-event")
router.register("indicators", catalog_signals.IndicatorViewSet, "indicator")
router.register("indicator-values", catalog_signals.IndicatorValueViewSet, "indicator-value")
router.register("product-images", pictures.ProductImageViewSet, "product-image")
router.register("imports", catalog_imports.ImportViewSet, "import")
router.register("forecast-runs", forecasting.ForecastRunViewSet, "forecast-run")
router.register("signal-trials", trials.SignalTrialViewSet, "signal-trial")
router.register("forecast-alarms", alarms.ForecastAlarmViewSet, "forecast-alarm")
router.register("forecast-overrides", forecast_overrides.ForecastOverrideViewSet, "forecast-override")
router.register("category-suggestions", categories.CategorySuggestionViewSet, "category-suggestion")
router.register("product-voices", voices.ProductVoiceViewSet, "product-voice")
router.register("look-alikes", look_alikes.LookAlikeViewSet, "look-alike")
router.register("trends", trends.TrendViewSet, "trend")
router.register("forecasts", forecasting.ForecastViewSet, "forecast")
router.register("plan-runs", plans.PlanRunViewSet, "plan-run")
router.register("suggestions", plans.SuggestionViewSet, "suggestion")
router.register("bulk-acts", bulk_acts.BulkActViewSet, "bulk-act")
router.register("transfers", transfers.TransferViewSet, "transfer")
router.register("plan-actions", actions.PlanActionViewSet, "plan-action")
router.register("comments", comments.CommentViewSet, "comment")
router.register("exceptions", exceptions.ExceptionViewSet, "exception")
router.register("what-if", what_if.WhatIfViewSet, "what-if")
router.register("policy-rules", settings.PolicyRuleViewSet, "policy-rule")
router.register("budgets", settings.BudgetViewSet, "budget")
router.register("replays", replays.ReplayRunViewSet, "replay")
router.register("edit-scores", scoreboard.EditScoreViewSet, "edit-score")
router.register("purchase-orders", orders.OrderViewSet, "purchase-order")
router.register("tokens", TokenViewSet, "token")

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    re_path("^.*$", MissingView.as_view(), name="missing"),
]
