"""The tables that imports write, read off the models: natural key, columns, their polars types.

Frames carry quantities and money as Float64; they are rounded to the column's decimals when written, so
that the same numbers compare equal and sums stay exact to the penny.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl
from django.db import models

from catalog.models import (
    BehaviourRecord,
    CalendarEvent,
    Category,
    ExchangeRate,
    Indicator,
    IndicatorRecord,
    KitComponent,
    Location,
    OrderLine,
    PriceRecord,
    Product,
    PromotionRecord,
    Recorded,
    Review,
    SalesRecord,
    ShopperEvent,
    StockLevel,
    Supplier,
    SupplierClosure,
    SupplyTerms,
    TransferLane,
)

REQUIRED = object()
"""The default of a column that has none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A database column. `dtype` is how frames carry it; JSON is carried as text."""

    name: str
    dtype: pl.DataType
    decimals: int | None
    nullable: bool
    default: object
    is_json: bool


@dataclass(frozen=True)
class Table:
    """One kind of row that an import may write."""

    kind: str
    model: type[Recorded]
    keys: tuple[str, ...]

    @property
    def name(self) -> str:
        """The table's name in the database."""
        return self.model._meta.db_table

    @property
    def has_id(self) -> bool:
        """Whether the rows have an id besides their natural key."""
        return self.model._meta.auto_field is not None

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Key and value columns by name; not the id, `recorded_at` or `batch_id`."""
        return {
            field.attname: _column(field)
            for field in self.model._meta.concrete_fields
            if field.attname not in {"recorded_at", "batch_id", "pk"} and not _is_id(field)
        }

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The columns that are not part of the key."""
        return tuple(name for name in self.columns if name not in self.keys)

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """Polars types of the key and value columns."""
        return {name: column.dtype for name, column in self.columns.items()}


def _is_id(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.AutoField | models.BigAutoField)


def _column(field: models.Field[Any, Any]) -> Column:
    decimals = field.decimal_places if isinstance(field, models.DecimalField) else None
    default: object = REQUIRED
    if field.has_default():
        default = field.get_default()
        if isinstance(field, models.JSONField):
            default = json.dumps(default)
        elif decimals is not None:
            default = float(default)  # type: ignore[arg-type]
        elif isinstance(default, models.Choices):
            default = default.value
    elif field.null:
        default = None
    elif field.blank and field.empty_strings_allowed:
        default = ""
    return Column(
        name=field.attname,
        dtype=_dtype(field),
        decimals=decimals,
        nullable=field.null,
        default=default,
        is_json=isinstance(field, models.JSONField),
    )


def _dtype(field: models.Field[Any, Any]) -> pl.DataType:
    if isinstance(field, models.ForeignKey | models.IntegerField):
        return pl.Int64()
    if isinstance(field, models.DecimalField | models.FloatField):
        return pl.Float64()
    if isinstance(field, models.DateTimeField):  # before DateField, its parent
        return pl.Datetime("us", "UTC")
    if isinstance(field, models.DateField):
        return pl.Date()
    if isinstance(field, models.BooleanField):
        return pl.Boolean()
    return pl.String()


# In the order in which rows may refer to one another: what is referred to comes first.
TABLES: dict[str, Table] = {
    kind: Table(kind, model, keys)
    for kind, model, keys in (
        ("category", Category, ("code",)),
        ("product", Product, ("sku",)),
        ("kit_component", KitComponent, ("kit_id", "component_id")),
        ("location", Location, ("code",)),
        ("transfer_lane", TransferLane, ("source_id", "destination_id")),
        ("supplier", Supplier, ("code",)),
        ("supplier_closure", SupplierClosure, ("supplier_id", "first_day")),
        ("supply_terms", SupplyTerms, ("supplier_id", "product_id", "location_id")),
        ("stock", StockLevel, ("product_id", "location_id", "day")),
        ("price", PriceRecord, ("product_id", "location_id", "day")),
        ("promotion", PromotionRecord, ("product_id", "location_id", "day", "kind")),
        ("event", CalendarEvent, ("country", "day", "name")),
        ("exchange_rate", ExchangeRate, ("base", "quote", "day")),
        ("order_lines", OrderLine, ("source", "order_number", "line_number")),
        ("sales", SalesRecord, ("product_id", "location_id", "day")),
        ("review", Review, ("source", "number")),
        ("shopper_event", ShopperEvent, ("source", "number")),
        ("behaviour", BehaviourRecord, ("product_id", "location_id", "day")),
        ("indicator", Indicator, ("code",)),
        (
            "indicator_value",
            IndicatorRecord,
            ("indicator_id", "product_id", "category_id", "location_id", "day"),
        ),
    )
}
