"""How the facts look in the API: related rows by their natural keys, numbers of money and goods as text."""

from __future__ import annotations

import math
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.models import (
    Category,
    ImportBatch,
    KitComponent,
    Location,
    PriceRecord,
    Product,
    SalesRecord,
    StockLevel,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
)

ROWS_LIMIT = 10_000
LARGEST = 10**18
# Costs and habits of the shop that are kept with a supplier and its terms: no partner sees them.
SHOPS_OWN = frozenset({"order_cost", "administrative_days", "joint_review", "freight_cost", "duty_rate"})


def code_field(slug: str = "code") -> serializers.SlugRelatedField[Any]:
    """A related row as its natural key."""
    return serializers.SlugRelatedField(slug_field=slug, read_only=True)


class CategorySerializer(serializers.ModelSerializer[Category]):
    """A node of the category tree."""

    parent = code_field()  # type: ignore[assignment]  # a column of that name

    class Meta:
        model = Category
        fields = ("id", "code", "name", "names", "parent", "recorded_at")


class ProductSerializer(serializers.ModelSerializer[Product]):
    """A SKU."""

    category = code_field()
    successor = code_field("sku")

    class Meta:
        model = Product
        fields = (
            "id", "sku", "gtin", "name", "names", "category", "status", "attributes", "successor",
            "unit_weight", "unit_volume", "shelf_life_days", "recorded_at",
        )  # fmt: skip


class KitComponentSerializer(serializers.ModelSerializer[KitComponent]):
    """So many of a component in one kit."""

    kit = code_field("sku")
    component = code_field("sku")

    class Meta:
        model = KitComponent
        fields = ("id", "kit", "component", "quantity", "recorded_at")


class TransferLaneSerializer(serializers.ModelSerializer[TransferLane]):
    """How goods go from one location to another; the cost per unit is in the source's currency."""

    source = code_field()  # type: ignore[assignment]  # a column of that name
    destination = code_field()

    class Meta:
        model = TransferLane
        fields = (
            "id", "source", "destination", "is_supply", "lead_time_days", "lead_time_sd_days", "review_days",
            "unit_cost", "moq", "order_multiple", "recorded_at",
        )  # fmt: skip


class LocationSerializer(serializers.ModelSerializer[Location]):
    """A warehouse, store or market."""

    receiving_location = code_field()

    class Meta:
        model = Location
        fields = (
            "id", "code", "name", "kind", "country", "currency", "time_zone", "receiving_location",
            "recorded_at",
        )  # fmt: skip


class SupplierSerializer(serializers.ModelSerializer[Supplier]):
    """Who delivers."""

    class Meta:
        model = Supplier
        fields: tuple[str, ...] = (
            "id", "code", "name", "country", "currency", "email", "minimum_order_value",
            "minimum_order_weight", "minimum_order_volume", "container_weight", "container_volume",
            "order_cost", "order_days", "administrative_days", "joint_review", "is_assumed", "recorded_at",
        )  # fmt: skip


class PartnerSupplierSerializer(SupplierSerializer):
    """What a supplier sees of itself: without what the shop plans with."""

    class Meta(SupplierSerializer.Meta):
        fields = tuple(name for name in SupplierSerializer.Meta.fields if name not in SHOPS_OWN)


class SupplierClosureSerializer(serializers.ModelSerializer[SupplierClosure]):
    """Days on which a supplier takes no orders and ships nothing, both ends included."""

    supplier = code_field()

    class Meta:
        model = SupplierClosure
        fields = ("id", "supplier", "first_day", "last_day", "recorded_at")


class SupplyTermsSerializer(serializers.ModelSerializer[SupplyTerms]):
    """The terms of a supplier for a product; `location` null: everywhere."""

    supplier = code_field()
    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = SupplyTerms
        fields: tuple[str, ...] = (
            "id", "supplier", "sku", "location", "rank", "article_number", "unit_cost", "currency",
            "purchase_unit", "unit_size", "moq", "order_multiple", "price_breaks", "price_break_kind",
            "freight_cost", "duty_rate", "return_share", "lead_time_days", "lead_time_sd_days",
            "review_days", "minimum_order_value", "is_assumed", "recorded_at",
        )  # fmt: skip


class PartnerTermsSerializer(SupplyTermsSerializer):
    """What a supplier sees of its terms: without what the shop plans with."""

    class Meta(SupplyTermsSerializer.Meta):
        fields = tuple(name for name in SupplyTermsSerializer.Meta.fields if name not in SHOPS_OWN)


class SalesSerializer(serializers.ModelSerializer[SalesRecord]):
    """Sales of a product at a location on a day."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = SalesRecord
        fields = (
            "sku", "location", "day", "quantity", "revenue", "returns", "orders", "buyers",
            "recorded_at",
        )  # fmt: skip


class StockSerializer(serializers.ModelSerializer[StockLevel]):
    """Stock of a product at a location at the close of a day."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = StockLevel
        fields = ("sku", "location", "day", "on_hand", "allocated", "is_assumed", "recorded_at")


class PriceSerializer(serializers.ModelSerializer[PriceRecord]):
    """The price asked on a day, in the location's currency."""

    sku = serializers.CharField(source="product.sku", read_only=True)
    location = code_field()

    class Meta:
        model = PriceRecord
        fields = ("sku", "location", "day", "price", "base_price", "recorded_at")


class RowErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with a row of an import."""

    row = serializers.IntegerField(allow_null=True)
    column = serializers.CharField(allow_null=True)
    value = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class ImportSerializer(serializers.ModelSerializer[ImportBatch]):
    """An import and what it did."""

    errors = serializers.ListField(  # type: ignore[assignment]  # a column of that name
        child=RowErrorSerializer(), read_only=True, help_text="The first errors."
    )
    has_rejected_rows = serializers.SerializerMethodField()

    class Meta:
        model = ImportBatch
        fields = (
            "id", "kind", "file_name", "mode", "state", "step", "progress", "error", "rows_read", "rows_new",
            "rows_changed", "rows_unchanged", "rows_rejected", "drops", "errors", "has_rejected_rows",
            "created_at", "started_at", "finished_at", "taken_back_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_has_rejected_rows(self, batch: ImportBatch) -> bool:
        """Whether the refused rows can be downloaded."""
        return bool(batch.rejected_file)


class UploadSerializer(serializers.Serializer[Any]):
    """A file to import."""

    kind = serializers.CharField(
        max_length=32, help_text="What its rows are: sales, stock, product ...; photos"
    )
    file = serializers.FileField(max_length=255)
    mode = serializers.ChoiceField(choices=ImportBatch.Mode.choices, default=ImportBatch.Mode.STRICT)
    mapping = serializers.JSONField(
        required=False, help_text="An object: column of the file to field, where the names differ."
    )
    options = serializers.JSONField(required=False, help_text="What the importer of this kind asks.")

    def validate_options(self, value: Any) -> dict[str, Any]:
        """Options are an object."""
        if not isinstance(value, dict):
            raise serializers.ValidationError(_("An object is expected."))
        storable_check(value)
        return value

    def validate_mapping(self, value: Any) -> dict[str, str]:
        """Names to names."""
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
            raise serializers.ValidationError(_("An object of texts is expected."))
        storable_check(value)
        return value


def storable_check(value: Any) -> None:
    """ValidationError for what no file or database could hold: NUL, half a character, infinity."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise serializers.ValidationError(_("The text holds characters that can't be stored."))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise serializers.ValidationError(_("A number must be finite."))
    elif isinstance(value, int):
        if abs(value) >= LARGEST:
            raise serializers.ValidationError(_("The number is too large."))
    elif isinstance(value, dict):
        storable_check([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            storable_check(item)


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}], "nullable": True}
)
class CellField(serializers.Field[Any, Any, Any, Any]):
    """One value of a row: text, a number, true or false, null."""

    def to_internal_value(self, data: Any) -> Any:
        """The value as it came; refused where no file or database could hold it."""
        if not isinstance(data, str | bool | int | float):
            raise serializers.ValidationError(_("A single value is expected."))
        storable_check(data)
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class RowsSerializer(serializers.Serializer[Any]):
    """Rows to bring in, new or changed, with the columns that a file of this kind has."""

    mode = serializers.ChoiceField(choices=ImportBatch.Mode.choices, default=ImportBatch.Mode.STRICT)
    rows = serializers.ListField(
        child=serializers.DictField(child=CellField(allow_null=True), allow_empty=False),
        allow_empty=False,
        max_length=ROWS_LIMIT,
    )
