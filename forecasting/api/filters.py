"""Filters on indexed columns."""

from __future__ import annotations

from decimal import Decimal

import django_filters as filters
from django.db.models import QuerySet

from catalog import selectors as catalog
from forecasting.models import (
    ForecastAlarm,
    ForecastDistribution,
    ForecastOverride,
    ForecastRun,
    TrendReading,
)
from forecasting.selectors import overrides_in_force, run_holding, run_latest


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


class OverrideFilter(filters.FilterSet):
    """By SKU, category (itself, not what is under it), location, author's name, kind, in force or not."""

    sku = filters.CharFilter(field_name="product__sku")
    category = filters.CharFilter(field_name="category__code")
    location = filters.CharFilter(field_name="location__code")
    created_by = filters.CharFilter(field_name="created_by__username")
    kind = filters.ChoiceFilter(choices=ForecastOverride.Kind.choices)
    in_force = filters.BooleanFilter(method="of_latest")
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = ForecastOverride
        fields: list[str] = []

    def of_latest(
        self, queryset: QuerySet[ForecastOverride], name: str, value: bool
    ) -> QuerySet[ForecastOverride]:
        """Those that count for the latest forecast, or all others."""
        run = run_latest()
        as_of = run.as_of if run else catalog.today()
        counting = [row.pk for row in overrides_in_force(as_of=as_of)]
        return queryset.filter(pk__in=counting) if value else queryset.exclude(pk__in=counting)


class TrendFilter(filters.FilterSet):
    """By kind, class, SKU, category (itself), location."""

    kind = filters.ChoiceFilter(choices=TrendReading.Kind.choices)
    trend = filters.ChoiceFilter(choices=TrendReading.Trend.choices)
    sku = filters.CharFilter(field_name="product__sku")
    category = filters.CharFilter(field_name="category__code")
    location = filters.CharFilter(field_name="location__code")

    class Meta:
        model = TrendReading
        fields: list[str] = []
