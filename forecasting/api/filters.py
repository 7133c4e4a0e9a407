"""Filters on indexed columns."""

from __future__ import annotations

from decimal import Decimal

import django_filters as filters
from django.db.models import QuerySet

from forecasting.models import ForecastAlarm, ForecastDistribution, ForecastRun
from forecasting.selectors import run_holding


class RunFilter(filters.FilterSet):
    """By state and time."""

    state = filters.ChoiceFilter(choices=ForecastRun.State.choices)
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = ForecastRun
        fields: list[str] = []


class ForecastFilter(filters.FilterSet):
    """By run (default: the latest that is done), SKU, location."""

    run = filters.NumberFilter(method="of_run", decimal_places=0, min_value=1, max_value=2**63 - 1)
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")

    class Meta:
        model = ForecastDistribution
        fields: list[str] = []

    def of_run(
        self, queryset: QuerySet[ForecastDistribution], name: str, value: Decimal
    ) -> QuerySet[ForecastDistribution]:
        """Those of a run, or those that it found to stand."""
        return queryset.filter(run=run_holding(int(value)))


class AlarmFilter(filters.FilterSet):
    """By kind, open or closed, SKU, location."""

    kind = filters.ChoiceFilter(choices=ForecastAlarm.Kind.choices)
    is_open = filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull")
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")

    class Meta:
        model = ForecastAlarm
        fields: list[str] = []
