"""Filters on indexed columns."""

from __future__ import annotations

import django_filters as filters

from forecasting.models import ForecastDistribution, ForecastRun


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

    run = filters.NumberFilter(field_name="run_id", decimal_places=0, min_value=1, max_value=2**63 - 1)
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")

    class Meta:
        model = ForecastDistribution
        fields: list[str] = []
