"""How plans, suggestions and orders look in the API: numbers of money and ordered goods as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from replenishment import services
from replenishment.models import (
    PlanRun,
    PolicyRule,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Suggestion,
)


def slug(name: str) -> serializers.SlugRelatedField[Any]:
    """A related row as its natural key."""
    return serializers.SlugRelatedField(slug_field=name, read_only=True)


class PlanRunSerializer(serializers.ModelSerializer[PlanRun]):
    """A plan run."""

    forecast_run = serializers.IntegerField(source="forecast_run_id", read_only=True)
    spec = serializers.DictField(read_only=True)

    class Meta:
        model = PlanRun
        fields = (
            "id", "state", "step", "progress", "error", "forecast_run", "as_of", "spec", "suggestions_count",
            "exceptions_count", "created_at", "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class PlanStartSerializer(serializers.Serializer[Any]):
    """What a new plan is to do; everything has a default."""

    forecast_run = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, help_text="Default: the latest that is done."
    )
    target_kind = serializers.ChoiceField(choices=PolicyRule.TargetKind.choices, required=False)
    target = serializers.FloatField(min_value=0.0, max_value=1.0, required=False)
    holding_rate = serializers.FloatField(
        min_value=0.0, max_value=100.0, required=False, help_text="Of unit cost, a year."
    )
    order_cost = serializers.FloatField(
        min_value=0.0, max_value=1e9, required=False, help_text="Per order line, in the home currency."
    )
    budget = serializers.FloatField(
        min_value=0.0, max_value=1e12, required=False, allow_null=True, help_text="In the home currency."
    )
    unmet = serializers.ChoiceField(choices=["lost", "backorder"], required=False)
    calm = serializers.FloatField(
        min_value=0.0,
        max_value=0.9,
        required=False,
        help_text="Quantities that differ from the plan before by no more than this share of it are kept.",
    )
    abc_by = serializers.ChoiceField(choices=["revenue", "margin", "units"], required=False)
    abc_days = serializers.IntegerField(min_value=7, max_value=3660, required=False)


class SuggestionSerializer(serializers.ModelSerializer[Suggestion]):
    """What to order, with its arithmetic.

    expected_demand + safety_stock - on_hand - on_order + allocated = net_need, and net_need + all `adj_`
    terms = order_quantity. `final_quantity` is the buyer's number where there is one.
    """

    plan_run = serializers.IntegerField(source="plan_run_id", read_only=True)
    sku = serializers.CharField(source="product.sku", read_only=True)
    location = slug("code")
    supplier = slug("code")
    rule = slug("name")
    edited_by = slug("username")
    final_quantity = serializers.FloatField(read_only=True)

    class Meta:
        model = Suggestion
        fields = (
            "id", "plan_run", "sku", "location", "supplier", "state", "final_quantity", "edited_quantity",
            "edited_by", "edited_at", "edit_reason", "order_quantity", "expected_demand", "safety_stock",
            "on_hand", "stock_day", "stock_is_assumed", "on_order", "allocated", "net_need", "adj_not_due",
            "adj_cycle", "adj_moq", "adj_multiple", "adj_max", "adj_shelf_life", "adj_price_break",
            "adj_transfer", "adj_calm", "adj_supplier_minimum", "adj_container", "adj_budget",
            "previous_quantity", "change_demand", "change_stock", "change_lead_time", "change_price",
            "change_rule", "change_other", "rule", "target_kind", "target", "reorder_point", "order_up_to",
            "expected_fill_rate", "expected_cycle_service", "policy", "reason", "lead_time_days",
            "lead_time_sd_days", "lead_time_receipts", "review_days", "order_on", "demand_p50",
            "demand_p90", "daily_demand", "cover_days", "stock_out_on", "order_by", "unit_cost",
            "currency", "landed_cost", "terms_are_assumed", "home_value", "margin_at_risk", "abc", "xyz",
            "pattern", "model",
        )  # fmt: skip
        read_only_fields = fields


class SupplyOptionSerializer(serializers.Serializer[Any]):
    """A supplier for the suggestion's product: per unit in the home currency, null without an exchange rate.

    landed_cost = price (of an order of typical_quantity) + freight + duty; total_cost = landed_cost +
    holding_cost, that of the safety stock which its lead time and review make necessary. Lead times are
    learned from `lead_time_receipts` deliveries (0: as stated).
    """

    supplier = serializers.CharField(source="terms.supplier.code")
    rank = serializers.IntegerField(source="terms.rank")
    is_chosen = serializers.BooleanField()
    unit_cost = serializers.DecimalField(source="terms.unit_cost", max_digits=14, decimal_places=4)
    currency = serializers.CharField(source="terms.currency")
    moq = serializers.DecimalField(source="terms.moq", max_digits=14, decimal_places=3)
    order_multiple = serializers.DecimalField(source="terms.order_multiple", max_digits=14, decimal_places=3)
    minimum_order_value = serializers.DecimalField(source="minimum", max_digits=14, decimal_places=2)
    minimum_currency = serializers.CharField()
    typical_quantity = serializers.FloatField()
    price = serializers.FloatField(allow_null=True)
    freight = serializers.FloatField(allow_null=True)
    duty = serializers.FloatField(allow_null=True)
    landed_cost = serializers.FloatField(source="landed", allow_null=True)
    safety_stock = serializers.FloatField()
    holding_cost = serializers.FloatField(source="holding", allow_null=True)
    total_cost = serializers.FloatField(source="total", allow_null=True)
    stated_lead_time_days = serializers.FloatField(source="terms.lead_time_days")
    lead_time_days = serializers.FloatField()
    lead_time_sd_days = serializers.FloatField()
    lead_time_receipts = serializers.IntegerField(source="receipts")
    order_on = serializers.DateField()
    arrives_on = serializers.DateField()


class QuantityField(serializers.DecimalField):
    """Units, to a thousandth."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=3, **options)


class SuggestionEditSerializer(serializers.Serializer[Any]):
    """The buyer's quantity; null takes the system's number again."""

    quantity = QuantityField(min_value=Decimal(0), allow_null=True)
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")
    plan_run = serializers.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        help_text="The plan that you saw: refused (409) when there is a newer one.",
    )
    was = serializers.FloatField(
        required=False,
        min_value=0,
        help_text="The final quantity that you saw: refused (409) when somebody else has changed it since.",
    )


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class DraftsSerializer(serializers.Serializer[Any]):
    """The suggestions to make draft orders of."""

    suggestions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False, max_length=10_000
    )


class CommentSerializer(serializers.Serializer[Any]):
    """A comment for the order's history."""

    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")


class RequiredCommentSerializer(serializers.Serializer[Any]):
    """Why it goes back."""

    comment = serializers.CharField(max_length=2000)


class PartApprovalSerializer(RequiredCommentSerializer):
    """The lines to approve; the others go back to the buyer as a draft of their own, with the comment."""

    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False, max_length=10_000
    )


class PartApprovedSerializer(serializers.Serializer[Any]):
    """The order as it was approved, and the draft that holds the rest (null: all is approved)."""

    number = serializers.CharField()
    state = serializers.CharField()
    home_value = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    rest = serializers.IntegerField(allow_null=True)
    rest_number = serializers.CharField(allow_null=True)


class BulkApprovalSerializer(CommentSerializer):
    """The orders to approve."""

    orders = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        allow_empty=False,
        max_length=services.MOST_APPROVED_AT_ONCE,
    )


class ApprovalSerializer(serializers.Serializer[Any]):
    """What became of one order: approved, or the reason why not."""

    order = serializers.IntegerField(source="order_id")
    number = serializers.CharField()
    is_approved = serializers.SerializerMethodField()
    error = serializers.CharField()

    def get_is_approved(self, approval: services.Approval) -> bool:
        """Whether it is approved now."""
        return not approval.error


class BulkApprovedSerializer(serializers.Serializer[Any]):
    """One result for each order that was asked for."""

    results = ApprovalSerializer(many=True)


class LineEditSerializer(CommentSerializer):
    """A line's new quantity."""

    quantity = QuantityField(min_value=Decimal("0.001"))


class ReceivedLineSerializer(serializers.Serializer[Any]):
    """What came in of a line."""

    line = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    quantity = QuantityField(min_value=Decimal("0.001"))


class ReceiptSerializer(serializers.Serializer[Any]):
    """Goods that came in. The same `key` again changes nothing."""

    key = serializers.CharField(max_length=64)
    received_on = serializers.DateField()
    lines = serializers.ListField(child=ReceivedLineSerializer(), allow_empty=False, max_length=10_000)


class OrderLineSerializer(serializers.ModelSerializer[PurchaseOrderLine]):
    """A line of an order, as the shop sees it."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    suggestion = serializers.IntegerField(source="suggestion_id", read_only=True, allow_null=True)

    class Meta:
        model = PurchaseOrderLine
        fields = (
            "id", "sku", "article_number", "quantity", "suggested_quantity", "received", "unit_cost",
            "suggestion",
        )  # fmt: skip
        read_only_fields = fields


class EventSerializer(serializers.ModelSerializer[PurchaseOrderEvent]):
    """A step of an order's history."""

    actor = slug("username")

    class Meta:
        model = PurchaseOrderEvent
        fields = ("action", "from_state", "to_state", "actor", "at", "comment", "data")
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[PurchaseOrder]):
    """A purchase order, or (kind `transfer`, with a `source`) a transfer order, without its lines."""

    supplier = slug("code")
    source = slug("code")  # type: ignore[assignment]  # a column of that name
    location = slug("code")
    plan_run = serializers.IntegerField(source="plan_run_id", read_only=True, allow_null=True)
    split_from = serializers.IntegerField(
        source="split_from_id",
        read_only=True,
        allow_null=True,
        help_text="The order of which an approver left these lines out.",
    )
    created_by = slug("username")
    submitted_by = slug("username")
    approved_by = slug("username")
    lines_count = serializers.IntegerField(read_only=True)
    value = serializers.DecimalField(
        max_digits=30, decimal_places=2, read_only=True, help_text="In `currency`."
    )

    class Meta:
        model = PurchaseOrder
        fields: tuple[str, ...] = (
            "id", "number", "kind", "supplier", "source", "location", "currency", "state", "expected_on",
            "lines_count", "value", "home_value", "plan_run", "split_from", "created_by",
            "submitted_by", "approved_by", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class OrderDetailSerializer(OrderSerializer):
    """A purchase order with its lines and its history."""

    lines = OrderLineSerializer(many=True, read_only=True)
    events = EventSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = (*OrderSerializer.Meta.fields, "lines", "events")


class SupplierLineSerializer(serializers.ModelSerializer[PurchaseOrderLine]):
    """A line of an order, as its supplier sees it."""

    sku = serializers.CharField(source="product.sku", read_only=True)

    class Meta:
        model = PurchaseOrderLine
        fields = ("id", "sku", "article_number", "quantity", "received", "unit_cost")
        read_only_fields = fields


class SupplierOrderSerializer(OrderSerializer):
    """A purchase order, as its supplier sees it: nothing of how the shop came to it."""

    class Meta(OrderSerializer.Meta):
        fields: tuple[str, ...] = (
            "id", "number", "supplier", "location", "currency", "state", "expected_on", "lines_count",
            "value", "created_at", "updated_at",
        )  # fmt: skip


class SupplierOrderDetailSerializer(SupplierOrderSerializer):
    """The same, with its lines."""

    lines = SupplierLineSerializer(many=True, read_only=True)

    class Meta(SupplierOrderSerializer.Meta):
        fields = (*SupplierOrderSerializer.Meta.fields, "lines")
