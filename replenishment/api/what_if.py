"""What-if in the API: other settings for the latest plan, or a part of it. Partners see nothing of it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Category, Location, Product, Supplier
from replenishment import selectors
from replenishment.models import Suggestion
from replenishment.selectors.what_if import (
    SORTS,
    Answer,
    Selection,
    WhatIfError,
    planned_budget,
    what_if,
    what_if_service,
    what_if_spending,
)

if TYPE_CHECKING:
    from replenishment.core.what_if import Total

_NAMED: dict[str, tuple[Any, str]] = {
    "sku": (Product, "sku"),
    "location": (Location, "code"),
    "supplier": (Supplier, "code"),
    "category": (Category, "code"),
}
# Names of changed numbers, and those of ITEMS.
_SHIFTS = {
    "lead_time_days": "lead_time_mean",
    "lead_time_sd_days": "lead_time_sd",
    "review_days": "review_days",
    "unit_cost": "unit_cost",
    "price": "price",
    "moq": "moq",
    "holding_rate": "holding_rate",
    "order_cost": "order_cost",
}
_SIDE = (
    "order_quantity",
    "order_value",
    "fill_rate",
    "cycle_service",
    "stock",
    "cycle_stock",
    "safety_stock",
    "stock_value",
    "holding_cost",
    "ordering_cost",
    "lost_margin",
    "total_cost",
)


@extend_schema_field({"oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}]})
class ShiftSerializerField(serializers.Field[Any, Any, Any, Any]):
    """A number to set, or a text: "14" sets, "+3" and "-3" add, "+10%" and "-10%" scale."""

    default_error_messages: ClassVar = {
        "invalid": gettext_lazy("Write 14 to set it, +3 or -3 to add, or a percentage with its sign.")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, help_text="14 sets, '+3' and '-3' add, '+10%' and '-10%' scale.", **options
        )

    def to_internal_value(self, data: Any) -> Any:
        """A `core.what_if.Shift`. ValidationError for anything else, negative numbers among it."""
        from replenishment.core.what_if import Shift

        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        text = format(data, "f") if is_number and abs(data) < 1e12 else data
        if not isinstance(text, str) or (is_number and data < 0):
            self.fail("invalid")
        try:
            return Shift.of(text)
        except ValueError:
            self.fail("invalid")

    def to_representation(self, value: Any) -> Any:
        """Never shown."""
        return str(value)


class WhatIfSelectionSerializer(serializers.Serializer[Any]):
    """Of the latest plan, what passes every filter that is given; nothing: all of it."""

    search = serializers.CharField(max_length=100, required=False)
    sku = serializers.CharField(max_length=64, required=False)
    location = serializers.CharField(max_length=64, required=False)
    supplier = serializers.CharField(max_length=64, required=False)
    category = serializers.CharField(max_length=64, required=False, help_text="With all below it.")
    abc = serializers.ChoiceField(choices=list("ABC"), required=False)
    xyz = serializers.ChoiceField(choices=list("XYZ"), required=False)


class WhatIfAskSerializer(serializers.Serializer[Any]):
    """What would be different, of what, and which rows to show. What is left out stays as planned."""

    selection = WhatIfSelectionSerializer(required=False)
    target_kind = serializers.ChoiceField(choices=["fill", "cycle", "economic", "overall"], required=False)
    target = serializers.FloatField(min_value=0.001, max_value=0.9999, required=False)
    lead_time_days = ShiftSerializerField()
    lead_time_sd_days = ShiftSerializerField()
    review_days = ShiftSerializerField()
    unit_cost = ShiftSerializerField()
    price = ShiftSerializerField()
    moq = ShiftSerializerField()
    holding_rate = ShiftSerializerField()
    order_cost = ShiftSerializerField()
    buy_from = serializers.CharField(
        max_length=64, required=False, help_text="Code of another supplier, wherever it has terms."
    )
    budget = serializers.FloatField(
        min_value=0,
        max_value=1e12,
        required=False,
        allow_null=True,
        help_text="For today's orders; null: no limit.",
    )
    sort = serializers.ChoiceField(choices=list(SORTS), default=SORTS[0])
    offset = serializers.IntegerField(min_value=0, max_value=1_000_000, default=0)
    limit = serializers.IntegerField(min_value=0, max_value=1000, default=100)
    curves = serializers.BooleanField(default=False)


class WhatIfSideSerializer(serializers.Serializer[Any]):
    """Today's order in units and money; expected shares served; mean stock; costs of a year."""

    order_quantity = serializers.FloatField()
    order_value = serializers.FloatField()
    fill_rate = serializers.FloatField(allow_null=True)
    cycle_service = serializers.FloatField(allow_null=True)
    stock = serializers.FloatField()
    cycle_stock = serializers.FloatField()
    safety_stock = serializers.FloatField()
    stock_value = serializers.FloatField()
    holding_cost = serializers.FloatField()
    ordering_cost = serializers.FloatField()
    lost_margin = serializers.FloatField()
    total_cost = serializers.FloatField()


class WhatIfRowSerializer(serializers.Serializer[Any]):
    """One product-location."""

    sku = serializers.CharField()
    location = serializers.CharField()
    before = WhatIfSideSerializer()
    after = WhatIfSideSerializer()


class WhatIfLeftOutSerializer(serializers.Serializer[Any]):
    """Why rows could not be reckoned with, and how many."""

    reason = serializers.CharField()
    count = serializers.IntegerField()


class WhatIfServicePointSerializer(serializers.Serializer[Any]):
    """What an overall fill rate takes, with the changed settings."""

    target = serializers.FloatField()
    fill_rate = serializers.FloatField(allow_null=True)
    cycle_service = serializers.FloatField(allow_null=True)
    stock_value = serializers.FloatField()
    total_cost = serializers.FloatField()


class WhatIfSpendingPointSerializer(serializers.Serializer[Any]):
    """Money spent on today's orders, the best packs first, and the expected margin that it saves."""

    spent = serializers.FloatField()
    saved = serializers.FloatField()


class WhatIfAnswerSerializer(serializers.Serializer[Any]):
    """Sums of the whole selection, and its rows, those first that change most; money in the home currency."""

    plan_run = serializers.IntegerField()
    selected = serializers.IntegerField()
    taken = serializers.IntegerField(help_text="Below `selected`: so many stand for all, sums are scaled up.")
    without_terms = serializers.IntegerField(help_text="Rows that `buy_from` has no terms for.")
    left_out = WhatIfLeftOutSerializer(many=True)
    before = WhatIfSideSerializer()
    after = WhatIfSideSerializer()
    count = serializers.IntegerField(help_text="Of rows, over all pages.")
    rows = WhatIfRowSerializer(many=True)
    service = WhatIfServicePointSerializer(many=True, required=False)
    spending = WhatIfSpendingPointSerializer(many=True, required=False)


class WhatIfViewSet(viewsets.GenericViewSet[Suggestion]):
    """What other settings would do to the latest plan. Nothing is written."""

    queryset = Suggestion.objects.none()
    serializer_class = WhatIfAskSerializer
    pagination_class = None
    throttle_scope = "bulk"
    action_permissions: ClassVar = {"create": "replenishment.view_suggestion"}

    @extend_schema(request=WhatIfAskSerializer, responses={200: WhatIfAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Today's orders, service, stock and yearly cost as planned and with other settings.

        Nothing is written. Docs: what-if.md.
        """
        from replenishment.core.what_if import ChangeError, Changes

        data = WhatIfAskSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        plan = selectors.plan_latest()
        if plan is None:
            raise ValidationError({"selection": [_("There is no plan yet.")]})
        changes = Changes(
            target_kind=values.get("target_kind"),
            target=values.get("target"),
            shifts={column: values[name] for name, column in _SHIFTS.items() if name in values},
        )
        supplier_id = _pk("supplier", values["buy_from"], "buy_from") if "buy_from" in values else None
        selection = _selection(values.get("selection", {}))
        question = (plan, selection, changes)
        budget = values["budget"] if "budget" in values else planned_budget(plan, selection)
        try:
            answer = what_if(*question, supplier_id=supplier_id, budget=budget, sort=values["sort"])
            body = _body(answer, values["offset"], values["limit"])
            if values["curves"]:
                curve = what_if_service(*question, supplier_id=supplier_id).curve
                body["service"] = curve.fill_nan(None).to_dicts()
                body["spending"] = what_if_spending(*question, supplier_id=supplier_id).to_dicts()
        except WhatIfError as error:
            raise ValidationError({"selection": [str(error)]}) from None
        except ChangeError as error:
            name = next((name for name, column in _SHIFTS.items() if column == error.column), error.column)
            raise ValidationError({name: [_("This makes no sense for some of the selection.")]}) from None
        return Response(WhatIfAnswerSerializer(body).data)


def _selection(values: dict[str, Any]) -> Selection:
    ids: dict[str, Any] = {
        f"{'product' if name == 'sku' else name}_id": _pk(name, values[name], name)
        for name in _NAMED
        if name in values
    }
    given = {name: values[name] for name in ("search", "abc", "xyz") if name in values}
    return Selection(**given, **ids)


def _pk(name: str, key: str, field: str) -> int:
    model, column = _NAMED[name]
    found = model.objects.filter(**{column: key}).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError({field: [_("There is none with this code.")]})
    return int(found)


def _body(answer: Answer, offset: int, limit: int) -> dict[str, Any]:
    rows = answer.rows[offset : offset + limit].to_dicts()
    skus = dict(Product.objects.filter(pk__in={row["product_id"] for row in rows}).values_list("pk", "sku"))
    codes = dict(
        Location.objects.filter(pk__in={row["location_id"] for row in rows}).values_list("pk", "code")
    )
    return {
        "plan_run": answer.plan.pk,
        "selected": answer.selected,
        "taken": answer.taken,
        "without_terms": answer.without_terms,
        "left_out": [{"reason": reason, "count": count} for reason, count in answer.left_out.items()],
        "before": _side(answer.before),
        "after": _side(answer.after),
        "count": answer.rows.height,
        "rows": [
            {
                "sku": skus[row["product_id"]],
                "location": codes[row["location_id"]],
                "before": {name: row[name] for name in _SIDE},
                "after": {name: row[f"new_{name}"] for name in _SIDE},
            }
            for row in rows
        ],
    }


def _side(found: Total) -> dict[str, float | None]:
    """Sums for JSON, which has no NaN: a share of nothing is null."""
    return {name: None if math.isnan(value) else value for name, value in asdict(found).items()}
