"""What lies ahead, in the API: proposed actions, and the dated plan of a suggestion."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from replenishment.api.serializers import slug
from replenishment.models import PlanAction
from replenishment.selectors import DatedPlan


class PlanActionSerializer(serializers.ModelSerializer[PlanAction]):
    """What to do about excess stock or a late delivery.

    Money is in the home currency; `saving` is expected, and net of `cost`. What `details` holds depends on
    the kind: outstanding units of the order line, days, price_cut and elasticity (assumed), units sold, and
    `instead`, what else could be done with the same units.
    """

    plan_run = serializers.IntegerField(source="plan_run_id", read_only=True)
    sku = serializers.CharField(source="product.sku", read_only=True)
    location = slug("code")
    other_location = slug("code")
    order = serializers.CharField(
        source="order_line.order.number", read_only=True, default=None, allow_null=True
    )
    order_line = serializers.IntegerField(source="order_line_id", read_only=True, allow_null=True)
    details = serializers.DictField(read_only=True)
    decided_by = slug("username")

    class Meta:
        model = PlanAction
        fields = (
            "id", "plan_run", "sku", "location", "kind", "quantity", "saving", "cost", "act_by", "order",
            "order_line", "other_location", "details", "state", "comment", "decided_by", "decided_at",
        )  # fmt: skip
        read_only_fields = fields


class ShortCommentSerializer(serializers.Serializer[Any]):
    """A word to a decision."""

    comment = serializers.CharField(max_length=200, allow_blank=True, default="")


class RequiredShortCommentSerializer(serializers.Serializer[Any]):
    """What was done, or why it is set aside."""

    comment = serializers.CharField(max_length=200)


class DayAheadSerializer(serializers.Serializer[Any]):
    """Stock at the close of a day, in units; chances from 0 to 1."""

    day = serializers.DateField()
    expected = serializers.FloatField(help_text="With today's and later orders, demand at its mean.")
    p10 = serializers.FloatField()
    p50 = serializers.FloatField()
    p90 = serializers.FloatField()
    without_p10 = serializers.FloatField(help_text="With what is on order and nothing more.")
    without_p50 = serializers.FloatField()
    without_p90 = serializers.FloatField()
    out_by = serializers.FloatField(help_text="Chance that stock has run out, if nothing more is ordered.")
    out_by_ordered = serializers.FloatField(help_text="The same if today's order is placed.")


class ArrivalSerializer(serializers.Serializer[Any]):
    """What an open order brings."""

    day = serializers.DateField()
    quantity = serializers.FloatField()
    is_late = serializers.BooleanField()


class OrderAheadSerializer(serializers.Serializer[Any]):
    """An order that the policy is expected to place; `value` in the home currency."""

    day = serializers.DateField()
    arrives = serializers.DateField()
    quantity = serializers.FloatField()
    value = serializers.FloatField(allow_null=True)


class DatedPlanSerializer(serializers.Serializer[Any]):
    """Projected stock by day, and the orders to come."""

    stock_out_on = serializers.DateField(allow_null=True)
    order_by = serializers.DateField(allow_null=True)
    arrives = serializers.DateField(help_text="When an order placed today would be in.")
    arrivals = ArrivalSerializer(many=True)
    orders = OrderAheadSerializer(many=True)
    days = DayAheadSerializer(many=True)


def dated_data(plan: DatedPlan) -> dict[str, Any]:
    """A dated plan as `DatedPlanSerializer` writes it."""
    columns = zip(
        plan.days,
        plan.expected.tolist(),
        plan.with_orders.tolist(),
        plan.without.tolist(),
        plan.out_by.tolist(),
        plan.out_by_ordered.tolist(),
        strict=True,
    )
    days = [
        {
            "day": day,
            "expected": expected,
            **dict(zip(("p10", "p50", "p90"), ordered, strict=True)),
            **dict(zip(("without_p10", "without_p50", "without_p90"), without, strict=True)),
            "out_by": out_by,
            "out_by_ordered": out_by_ordered,
        }
        for day, expected, ordered, without, out_by, out_by_ordered in columns
    ]
    return dict(
        DatedPlanSerializer(
            {
                "stock_out_on": plan.stock_out_on,
                "order_by": plan.order_by,
                "arrives": plan.arrives,
                "arrivals": plan.arrivals,
                "orders": plan.orders,
                "days": days,
            }
        ).data
    )
