"""What many suggestions' quantities are reckoned from, as columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from django.db.models import QuerySet

from replenishment.models import Suggestion

_OWN: dict[str, pl.DataType] = {
    "id": pl.Int64(),
    "product_id": pl.Int64(),
    "location_id": pl.Int64(),
    "supplier_id": pl.Int64(),
    "terms_id": pl.Int64(),
    "currency": pl.String(),
    "final": pl.Float64(),
    "on_hand": pl.Float64(),
    "on_order": pl.Float64(),
    "allocated": pl.Float64(),
    "expected_demand": pl.Float64(),
    "demand_p50": pl.Float64(),
    "demand_p90": pl.Float64(),
    "daily_demand": pl.Float64(),
    "review_days": pl.Float64(),
    "unit_cost": pl.Float64(),
}
# What orders as a whole are reckoned from: columns of an order's supplier, terms and products.
_ORDER = frozenset(
    {
        "expected_demand",
        "demand_p50",
        "demand_p90",
        "review_days",
        "list_cost",
        "price_break_kind",
        "freight_cost",
        "duty_rate",
        "minimum_value",
        "supplier_minimum_value",
        "supplier_currency",
        "minimum_weight",
        "minimum_volume",
        "unit_weight",
        "unit_volume",
    }
)
_WORTH: dict[str, tuple[str, pl.DataType]] = {
    "edited": ("edited_quantity", pl.Float64()),
    "system": ("order_quantity", pl.Float64()),
    "home_cost": ("home_unit_cost", pl.Float64()),
}
_TERMS: dict[str, tuple[str, pl.DataType]] = {
    "moq": ("terms__moq", pl.Float64()),
    "order_multiple": ("terms__order_multiple", pl.Float64()),
    "unit_size": ("terms__unit_size", pl.Float64()),
    "list_cost": ("terms__unit_cost", pl.Float64()),
    "price_break_kind": ("terms__price_break_kind", pl.String()),
    "freight_cost": ("terms__freight_cost", pl.Float64()),
    "duty_rate": ("terms__duty_rate", pl.Float64()),
    "minimum_value": ("terms__minimum_order_value", pl.Float64()),
    "supplier_minimum_value": ("supplier__minimum_order_value", pl.Float64()),
    "supplier_currency": ("supplier__currency", pl.String()),
    "minimum_weight": ("supplier__minimum_order_weight", pl.Float64()),
    "minimum_volume": ("supplier__minimum_order_volume", pl.Float64()),
    "unit_weight": ("product__unit_weight", pl.Float64()),
    "unit_volume": ("product__unit_volume", pl.Float64()),
}


def quantity_columns(suggestions: QuerySet[Suggestion], *, of_orders: bool = False) -> pl.DataFrame:
    """One row for each, by key: its quantity, stock, demand and packs.

    `final` is the quantity that stands: `edited`, or else the `system`'s; `home_cost` is that of a unit.

    `of_orders` adds what orders as a whole are reckoned from: minimums of the terms and of the supplier,
    prices (`list_cost` is the terms' below all price breaks, in `currency`), weights. `is_buyable`: somebody
    sells it, at a known price. Without terms packs are of one unit.
    """
    columns = {name: (name, kind) for name, kind in _OWN.items()} | _WORTH | _TERMS
    if not of_orders:
        columns = {name: column for name, column in columns.items() if name not in _ORDER}
    paths = [path for path, _kind in columns.values()]
    rows: list[tuple[Any, ...]] = [
        tuple(float(value) if isinstance(value, Decimal) else value for value in row)
        for row in suggestions.order_by("pk").values_list(*paths)
    ]
    schema = {name: kind for name, (_path, kind) in columns.items()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("moq").fill_null(0.0),
        pl.col("order_multiple", "unit_size").fill_null(1.0),
        is_buyable=pl.col("supplier_id").is_not_null() & pl.col("unit_cost").is_not_null(),
    )
