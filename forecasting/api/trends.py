"""Trends in the API. Partners see none of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from forecasting.api.filters import TrendFilter
from forecasting.models import TrendReading
from forecasting.selectors.trends import trend_run_latest, trends_list


class TrendSerializer(serializers.ModelSerializer[TrendReading]):
    """Where a product, category or market goes in the next 13 weeks against the last 13.

    `confidence`: the chance of the direction that the class says. `score`: confidence x expected change x
    worth of the last 13 weeks. `evidence`: the figures behind the class (docs/trends.md). `sparkline`: units
    of the last weeks, the latest last.
    """

    sku = serializers.CharField(source="product.sku", default=None, read_only=True)
    category = serializers.CharField(source="category.code", default=None, read_only=True)
    location = serializers.CharField(source="location.code", default=None, read_only=True)

    class Meta:
        model = TrendReading
        fields = (
            "id", "run", "kind", "sku", "category", "location", "trend", "previous", "confidence", "score",
            "evidence", "sparkline",
        )  # fmt: skip
        read_only_fields = fields


class TrendViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[TrendReading]):
    """Trends of the latest reading of signals."""

    queryset = TrendReading.objects.all()
    serializer_class = TrendSerializer
    filterset_class = TrendFilter
    action_permissions: ClassVar[dict[str, Any]] = {"list": "forecasting.view_trendreading"}

    def get_queryset(self) -> QuerySet[TrendReading]:
        """Those of the latest run."""
        return trends_list(run=trend_run_latest()).order_by("pk")
