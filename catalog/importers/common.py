"""Columns that several data sets have, and how quantities and money are declared."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column

MOST = 1_000_000_000

SKU = Column(
    "sku", _("SKU"), required=True, aliases=("product", "product_sku", "item", "item_number", "article",
    "stock_code", "stockcode"), target="product_id", max_length=64, references="product", example="MUG-01",
)  # fmt: skip
LOCATION = Column(
    "location", _("location"), required=True, aliases=("location_code", "warehouse", "store", "site"),
    target="location_id", max_length=64, references="location", example="MAIN",
)  # fmt: skip
SUPPLIER = Column(
    "supplier", _("supplier"), required=True, aliases=("supplier_code", "vendor"), target="supplier_id",
    max_length=64, references="supplier", example="ACME",
)  # fmt: skip
DAY = Column("day", _("day"), "date", required=True, aliases=("date", "ds"), example="2026-03-31", dated=True)
PLAN_DAY = Column("day", _("day"), "date", required=True, aliases=("date", "ds"), example="2026-03-31")
COUNTRY = Column("country", _("country"), "country", aliases=("country_code",), default="", example="DE")
CURRENCY = Column(
    "currency", _("currency"), "currency", required=True, aliases=("currency_code",), example="EUR"
)
ASSUMED = Column(
    "is_assumed", _("assumed"), "boolean", aliases=("assumed",), default="false", example="false"
)


def quantity_column(
    name: str,
    label: Promise | str,
    *,
    aliases: tuple[str, ...] = (),
    required: bool = False,
    default: str | None = None,
    minimum: float = 0,
    scale: int = 3,
    example: str = "0",
) -> Column:
    """A number of units, kilograms or cubic metres."""
    return Column(
        name,
        label,
        "decimal",
        required=required,
        aliases=aliases,
        minimum=minimum,
        maximum=MOST,
        scale=scale,
        default=default,
        example=example,
    )


def money_column(
    name: str,
    label: Promise | str,
    *,
    aliases: tuple[str, ...] = (),
    required: bool = False,
    default: str | None = None,
    minimum: float = 0,
    scale: int = 4,
    example: str = "4.50",
) -> Column:
    """An amount of money, four decimals unless told."""
    return Column(
        name,
        label,
        "decimal",
        required=required,
        aliases=aliases,
        minimum=minimum,
        maximum=MOST,
        scale=scale,
        default=default,
        example=example,
    )
