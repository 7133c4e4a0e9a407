"""Filters on indexed columns."""

from __future__ import annotations

import django_filters as filters
from django.db.models import QuerySet

from replenishment.models import (
    BulkAct,
    Comment,
    EditScore,
    ExceptionCase,
    PlanAction,
    PlanRun,
    PurchaseOrder,
    ReplayRun,
    Suggestion,
)


class PlanRunFilter(filters.FilterSet):
    """By state, forecast run and time."""

    state = filters.ChoiceFilter(choices=PlanRun.State.choices)
    forecast_run = filters.NumberFilter(
        field_name="forecast_run_id", decimal_places=0, min_value=1, max_value=2**63 - 1
    )
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = PlanRun
        fields: list[str] = []


class ReplayRunFilter(filters.FilterSet):
    """By state and time."""

    state = filters.ChoiceFilter(choices=ReplayRun.State.choices)
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = ReplayRun
        fields: list[str] = []


class BulkActFilter(filters.FilterSet):
    """By kind, state and time."""

    kind = filters.ChoiceFilter(choices=BulkAct.Kind.choices)
    state = filters.ChoiceFilter(choices=BulkAct.State.choices)
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = BulkAct
        fields: list[str] = []


class EditScoreFilter(filters.FilterSet):
    """By person, reason, SKU, location, category, and the last day that the order was for."""

    person = filters.CharFilter(field_name="suggestion__edited_by__username")
    reason = filters.CharFilter(field_name="suggestion__edit_reason")
    sku = filters.CharFilter(field_name="suggestion__product__sku")
    location = filters.CharFilter(field_name="suggestion__location__code")
    category = filters.CharFilter(field_name="suggestion__product__category__code")
    last_day_from = filters.DateFilter(field_name="last_day", lookup_expr="gte")
    last_day_to = filters.DateFilter(field_name="last_day", lookup_expr="lte")

    class Meta:
        model = EditScore
        fields: list[str] = []


class SuggestionFilter(filters.FilterSet):
    """By plan (default: the latest that is done), SKU, location, supplier, state, last day to order."""

    plan_run = filters.NumberFilter(
        field_name="plan_run_id", decimal_places=0, min_value=1, max_value=2**63 - 1
    )
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    supplier = filters.CharFilter(field_name="supplier__code")
    state = filters.ChoiceFilter(choices=Suggestion.State.choices)
    order_by_to = filters.DateFilter(field_name="order_by", lookup_expr="lte")
    min_quantity = filters.NumberFilter(field_name="order_quantity", lookup_expr="gte", max_value=1e12)

    class Meta:
        model = Suggestion
        fields: list[str] = []


class PlanActionFilter(filters.FilterSet):
    """By plan (default: the latest that is done), kind, state, SKU, location and least saving."""

    plan_run = filters.NumberFilter(
        field_name="plan_run_id", decimal_places=0, min_value=1, max_value=2**63 - 1
    )
    kind = filters.ChoiceFilter(choices=PlanAction.Kind.choices)
    state = filters.ChoiceFilter(choices=PlanAction.State.choices)
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    min_saving = filters.NumberFilter(field_name="saving", lookup_expr="gte", max_value=1e12)

    class Meta:
        model = PlanAction
        fields: list[str] = []


class ExceptionFilter(filters.FilterSet):
    """By kind, group, state, owner (a user name), SKU, location, supplier, least impact and first sight."""

    kind = filters.ChoiceFilter(choices=ExceptionCase.Kind.choices)
    group = filters.ChoiceFilter(choices=ExceptionCase.Group.choices, method="filter_group")
    state = filters.ChoiceFilter(choices=ExceptionCase.State.choices)
    owner = filters.CharFilter(field_name="owner__username")
    has_owner = filters.BooleanFilter(field_name="owner", lookup_expr="isnull", exclude=True)
    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    supplier = filters.CharFilter(field_name="supplier__code")
    min_impact = filters.NumberFilter(field_name="impact", lookup_expr="gte", max_value=1e12)
    seen_from = filters.IsoDateTimeFilter(field_name="first_seen", lookup_expr="gte")

    class Meta:
        model = ExceptionCase
        fields: list[str] = []

    def filter_group(
        self, queryset: QuerySet[ExceptionCase], name: str, value: str
    ) -> QuerySet[ExceptionCase]:
        """Kinds of the group."""
        return queryset.filter(kind__in=ExceptionCase.KINDS[value])


class TransferFilter(filters.FilterSet):
    """By plan (default: the latest that is done), SKU, either end, and state."""

    plan_run = filters.NumberFilter(
        field_name="plan_run_id", decimal_places=0, min_value=1, max_value=2**63 - 1
    )
    sku = filters.CharFilter(field_name="product__sku")
    source = filters.CharFilter(field_name="location__code")
    destination = filters.CharFilter(field_name="other_location__code")
    state = filters.ChoiceFilter(choices=PlanAction.State.choices)

    class Meta:
        model = PlanAction
        fields: list[str] = []


class CommentFilter(filters.FilterSet):
    """By SKU, location and author."""

    sku = filters.CharFilter(field_name="product__sku")
    location = filters.CharFilter(field_name="location__code")
    author = filters.CharFilter(field_name="author__username")

    class Meta:
        model = Comment
        fields: list[str] = []


class OrderFilter(filters.FilterSet):
    """By number, state, kind, supplier, source, location, plan and time."""

    number = filters.CharFilter()
    state = filters.MultipleChoiceFilter(choices=PurchaseOrder.State.choices)
    kind = filters.ChoiceFilter(choices=PurchaseOrder.Kind.choices)
    supplier = filters.CharFilter(field_name="supplier__code")
    source = filters.CharFilter(field_name="source__code")
    location = filters.CharFilter(field_name="location__code")
    plan_run = filters.NumberFilter(
        field_name="plan_run_id", decimal_places=0, min_value=1, max_value=2**63 - 1
    )
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = PurchaseOrder
        fields: list[str] = []
