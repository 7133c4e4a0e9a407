"""Alarms in the API. Partners see none of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from forecasting.api.filters import AlarmFilter
from forecasting.models import ForecastAlarm
from forecasting.selectors.alarms import alarms_list


class AlarmSerializer(serializers.ModelSerializer[ForecastAlarm]):
    """Forecasts of a product-location (or, without one, of a segment) that are off by more than chance.

    `effect`: forecast less sales as a share of sales (bias), errors against those expected (drift), share of
    periods outside the 90% band (coverage). `steps` is 1 for the next period, more for demand summed over
    so many.
    """

    sku = serializers.CharField(source="product.sku", default=None, read_only=True)
    location = serializers.CharField(source="location.code", default=None, read_only=True)
    opened_by = serializers.IntegerField(source="opened_by_id", read_only=True)
    seen_by = serializers.IntegerField(source="seen_by_id", read_only=True)

    class Meta:
        model = ForecastAlarm
        fields = (
            "id", "kind", "frequency", "steps", "segment", "sku", "location", "value", "limit", "effect",
            "opened_by", "seen_by", "closed_at",
        )  # fmt: skip
        read_only_fields = fields


class ForecastAlarmViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ForecastAlarm]
):
    """Alarms about forecasts, newest first."""

    queryset = ForecastAlarm.objects.all()
    serializer_class = AlarmSerializer
    filterset_class = AlarmFilter
    lookup_value_regex = r"\d{1,18}"
    newest_first = True
    # Whoever may look at forecast runs may see what became of them.
    action_permissions: ClassVar[dict[str, Any]] = {
        "list": "forecasting.view_forecastrun",
        "retrieve": "forecasting.view_forecastrun",
    }

    def get_queryset(self) -> QuerySet[ForecastAlarm]:
        """With products and locations."""
        return alarms_list()
