"""How replays look in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from replenishment.api.serializers import slug
from replenishment.models import PolicyRule, ReplayPolicy, ReplayRun
from replenishment.services import REPLAY_POLICIES


class ReplayPolicySerializer(serializers.ModelSerializer[ReplayPolicy]):
    """What one policy would have come to: units, shares, and money of the home currency."""

    class Meta:
        model = ReplayPolicy
        fields = (
            "policy", "demand", "served", "fill_rate", "cycle_service", "average_stock_value", "turns",
            "orders", "ordered", "holding_cost", "order_cost", "lost_margin", "total_cost",
        )  # fmt: skip
        read_only_fields = fields


class ReplayRunSerializer(serializers.ModelSerializer[ReplayRun]):
    """A replay, with a row for each policy once it is done.

    `report` tells the stored forecasts that were read (`runs`: id and as-of date), the days of `backcasts`,
    how many opening stocks were assumed (`opening_assumed`), and why items were left out (`skipped`).
    """

    location = slug("code")
    supplier = slug("code")
    category = slug("code")
    spec = serializers.DictField(read_only=True)
    report = serializers.DictField(read_only=True)
    policies = ReplayPolicySerializer(many=True, read_only=True)

    class Meta:
        model = ReplayRun
        fields = (
            "id", "state", "step", "progress", "error", "first_day", "last_day", "location", "supplier",
            "category", "spec", "items_count", "skipped_count", "policies", "report", "created_at",
            "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class ReplayStartSerializer(serializers.Serializer[Any]):
    """What a new replay is to do; everything has a default."""

    first_day = serializers.DateField(required=False, help_text="Default: 26 weeks before the last day.")
    last_day = serializers.DateField(required=False, help_text="Default: the last complete day with sales.")
    location = serializers.CharField(max_length=120, required=False, help_text="Code.")
    supplier = serializers.CharField(max_length=120, required=False, help_text="Code.")
    category = serializers.CharField(max_length=120, required=False, help_text="Code; with all below it.")
    policies = serializers.ListField(
        child=serializers.ChoiceField(choices=list(REPLAY_POLICIES)),
        allow_empty=False,
        max_length=20,
        required=False,
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    forecast_weeks = serializers.IntegerField(
        min_value=1, max_value=13, required=False, help_text="Longest time without a forecast."
    )
    target_kind = serializers.ChoiceField(choices=PolicyRule.TargetKind.choices, required=False)
    target = serializers.FloatField(min_value=0.0, max_value=1.0, required=False)
    holding_rate = serializers.FloatField(
        min_value=0.0, max_value=100.0, required=False, help_text="Of unit cost, a year."
    )
    order_cost = serializers.FloatField(
        min_value=0.0, max_value=1e9, required=False, help_text="Per order line, in the home currency."
    )
    unmet = serializers.ChoiceField(choices=["lost", "backorder"], required=False)
