"""What the API takes and tells of acts on suggestions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from replenishment.api.serializers import QuantityField
from replenishment.models import BulkAct, SuggestionChange
from replenishment.services.bulk_acts import KINDS

_LARGEST_ID = 2**63 - 1


class SnoozeSerializer(serializers.Serializer[Any]):
    """Until a day, or until the stock on hand is at a level or below, whichever comes first."""

    until = serializers.DateField(required=False, allow_null=True, default=None)
    stock_level = QuantityField(min_value=Decimal(0), required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class ActSerializer(SnoozeSerializer):
    """One act on many suggestions: the named ones, or those of the latest plan that the query string filters.

    scale takes `percent`, cover `days`, snooze `until` or `stock_level`. A preview changes nothing.
    """

    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in KINDS])
    percent = serializers.FloatField(min_value=-100, max_value=1000, required=False)
    days = serializers.FloatField(min_value=0, max_value=3650, required=False)
    suggestions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST_ID),
        allow_empty=False,
        max_length=100_000,
        required=False,
    )
    plan_run = serializers.IntegerField(
        min_value=1,
        max_value=_LARGEST_ID,
        help_text="The plan that you saw: refused (409) when there is a newer one.",
    )
    preview = serializers.BooleanField(default=False)


class ActedSerializer(serializers.Serializer[Any]):
    """What an act did, or would do: values in the home currency are of what changes, before and after."""

    change = serializers.IntegerField(
        source="change.pk",
        allow_null=True,
        default=None,
        help_text="To undo it by; null: nothing changed.",
    )
    changed = serializers.IntegerField()
    passed_over = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many stay as they are, by reason."
    )
    value_before = serializers.FloatField()
    value_after = serializers.FloatField()


class BulkActSerializer(serializers.ModelSerializer[BulkAct]):
    """An act on many suggestions in the background: follow it until `state` is done, failed or stopped.

    `rows` is on how many it was asked; `report` tells what came of it: `changed`, `passed_over` by reason,
    `value_before` and `value_after`, or `orders` and the first `numbers` of them. `change` is to undo it by.
    """

    rows = serializers.IntegerField(source="rows_count", read_only=True)
    report = serializers.DictField(read_only=True)

    class Meta:
        model = BulkAct
        fields = (
            "id", "kind", "plan_run", "rows", "state", "step", "progress", "error", "change", "report",
            "created_at", "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class PastedRowSerializer(serializers.Serializer[Any]):
    """A SKU, its location where the plan has it at several, and its quantity; null or "": the system's."""

    sku = serializers.CharField(max_length=120, allow_blank=True)
    location = serializers.CharField(max_length=120, allow_blank=True, default="")
    quantity = serializers.CharField(max_length=40, allow_blank=True, allow_null=True)


class PasteSerializer(serializers.Serializer[Any]):
    """Rows of quantities, all of which are put in, or none. A preview changes nothing."""

    rows = serializers.ListField(child=PastedRowSerializer(), allow_empty=False, max_length=10_000)
    plan_run = serializers.IntegerField(
        min_value=1,
        max_value=_LARGEST_ID,
        help_text="The plan that you saw: refused (409) when there is a newer one.",
    )
    preview = serializers.BooleanField(default=False)


class PastedLineSerializer(serializers.Serializer[Any]):
    """Where a row goes: the quantity there before, and after (null: the system's)."""

    row = serializers.IntegerField(source="line")
    sku = serializers.CharField()
    location = serializers.CharField()
    before = serializers.FloatField()
    after = serializers.FloatField(allow_null=True)


class PastedSerializer(serializers.Serializer[Any]):
    """What became of the rows; `change` is to undo it by, null where all was as it is."""

    change = serializers.IntegerField(source="change.pk", allow_null=True, default=None)
    changed = serializers.IntegerField(source="change.lines_count", default=0)
    rows = PastedLineSerializer(many=True, source="lines")


class UndoneSerializer(serializers.ModelSerializer[SuggestionChange]):
    """The change that an undo wrote, which can be undone in its turn."""

    change = serializers.IntegerField(source="pk")
    changed = serializers.IntegerField(source="lines_count")

    class Meta:
        model = SuggestionChange
        fields = ("change", "kind", "changed")
        read_only_fields = fields


class SupplierChoiceSerializer(serializers.Serializer[Any]):
    """The supplier to buy from, by its code; null goes back to the plan's."""

    supplier = serializers.CharField(max_length=64, allow_null=True)
    plan_run = serializers.IntegerField(min_value=1, max_value=_LARGEST_ID, required=False)
