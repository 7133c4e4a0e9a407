"""What an importer of a public format hands over: rows of several kinds, and every row that it left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Prices are kept to four decimals: sums are done in ten-thousandths, exactly.
PRICE_UNIT = 10_000

DROPS: dict[str, str | Promise] = {
    "overlap": _("Also in the newer file"),
    "not-a-product": _("Not a product: postage, fees, vouchers, adjustments"),
    "write-off": _("Write-off: negative, but no cancellation"),
    "no-price": _("No price"),
    "cancels-nothing": _("Cancellation without a quantity below zero"),
    "department": _("Department left out"),
    "no-quantity": _("No quantity or no value"),
    "too-large": _("More units than a household buys"),
    "other-store": _("Store outside the cut"),
    "other-pair": _("Product and store outside the cut"),
}
"""The reasons for which importers leave rows out, as people read them."""


@dataclass
class Prepared:
    """Frames by kind in the order of loading, with natural keys (SKU, location code) in place of ids.

    `orders` are order lines: `sku, location, source, order_number, line_number, ordered_at` (UTC), `day`,
    `kind, quantity, unit_price, buyer_hash`. `drops`: reason -> rows, quantity, value. `report`: what else
    an importer found.
    """

    rows_read: int
    masters: dict[str, pl.DataFrame]
    orders: pl.DataFrame
    facts: dict[str, pl.DataFrame] = field(default_factory=dict)
    drops: dict[str, dict[str, Any]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


def totals(lines: pl.DataFrame) -> dict[str, Any]:
    """Rows, quantity and value of lines, exactly, from `value_units` (ten-thousandths of the currency)."""
    rows, quantity, units = lines.select(pl.len(), pl.col("quantity").sum(), pl.col("value_units").sum()).row(
        0
    )
    value = Decimal(int(units)) / PRICE_UNIT
    return {"rows": rows, "quantity": str(quantity), "value": format(value.normalize(), "f")}


def drops_count(lines: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The totals of each reason in the column `drop` (null: kept)."""
    reasons = lines["drop"].drop_nulls().unique().to_list()
    order = list(DROPS)
    return {
        reason: totals(lines.filter(pl.col("drop") == reason)) for reason in sorted(reasons, key=order.index)
    }
