"""Filters on indexed columns."""

from __future__ import annotations

from decimal import Decimal

import django_filters as filters
from django.db.models import QuerySet

from catalog import selectors as catalog
from forecasting.models import (
    BehaviourReading,
    CategorySuggestion,
    ForecastAlarm,
    ForecastDistribution,
    ForecastOverride,
    ForecastRun,
    LookAlike,
    ProductVoice,
    TrendReading,
)
from forecasting.selectors import BEHAVIOUR_GROUPS, overrides_in_force, run_holding, run_latest


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


class VoiceFilter(filters.FilterSet):
    """By SKU, and by the way in which praise changed."""

    sku = filters.CharFilter(field_name="product__sku")
    is_falling = filters.BooleanFilter(method="of_change")

    class Meta:
        model = ProductVoice
        fields: list[str] = []

    def of_change(self, queryset: QuerySet[ProductVoice], name: str, value: bool) -> QuerySet[ProductVoice]:
        """Fallen (true) or risen (false) at the last change."""
        return queryset.filter(change__lt=0) if value else queryset.filter(change__gt=0)


class LookAlikeFilter(filters.FilterSet):
    """By SKU of the product, or of the look-alike."""

    sku = filters.CharFilter(field_name="product__sku")
    neighbour = filters.CharFilter(field_name="neighbour__sku")

    class Meta:
        model = LookAlike
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


class CategorySuggestionFilter(filters.FilterSet):
    """By SKU, state, and whether it contradicts a category; from a probability up."""

    sku = filters.CharFilter(field_name="product__sku")
    state = filters.ChoiceFilter(choices=CategorySuggestion.State.choices)
    contradicts = filters.BooleanFilter()
    at_least = filters.NumberFilter(field_name="probability", lookup_expr="gte")

    class Meta:
        model = CategorySuggestion
        fields: list[str] = []


class BehaviourReadingFilter(filters.FilterSet):
    """By SKU, location, and group, as the page has them."""

    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    group = filters.ChoiceFilter(choices=[(name, name) for name in BEHAVIOUR_GROUPS], method="in_group")

    class Meta:
        model = BehaviourReading
        fields: list[str] = []

    def in_group(
        self, queryset: QuerySet[BehaviourReading], name: str, value: str
    ) -> QuerySet[BehaviourReading]:
        """Those of a group."""
        return queryset.filter(BEHAVIOUR_GROUPS[value])


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
