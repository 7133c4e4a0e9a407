"""What can be imported: the data sets, their columns, and what a good value of each is.

One declaration drives everything: the templates that people download, the suggestion of a column
mapping, the conversion with its errors, the command line and the API's bulk upsert.
"""

from __future__ import annotations

import polars as pl
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column, DataSet, Rule
from catalog.importers.lanes import TRANSFER_LANE

MOST = 1_000_000_000

_SKU = Column(
    "sku", _("SKU"), required=True, aliases=("product", "product_sku", "item", "item_number", "article",
    "stock_code", "stockcode"), target="product_id", max_length=64, references="product", example="MUG-01",
)  # fmt: skip
_LOCATION = Column(
    "location", _("location"), required=True, aliases=("location_code", "warehouse", "store", "site"),
    target="location_id", max_length=64, references="location", example="MAIN",
)  # fmt: skip
_DAY = Column(
    "day", _("day"), "date", required=True, aliases=("date", "ds"), example="2026-03-31", dated=True
)
_PLAN_DAY = Column("day", _("day"), "date", required=True, aliases=("date", "ds"), example="2026-03-31")
_COUNTRY = Column("country", _("country"), "country", aliases=("country_code",), default="", example="DE")
_CURRENCY = Column(
    "currency", _("currency"), "currency", required=True, aliases=("currency_code",), example="EUR"
)
_ASSUMED = Column(
    "is_assumed", _("assumed"), "boolean", aliases=("assumed",), default="false", example="false"
)


def _quantity(
    name: str,
    label: Promise | str,
    *,
    aliases: tuple[str, ...] = (),
    required: bool = False,
    default: str | None = None,
    minimum: float = 0,
    example: str = "0",
) -> Column:
    return Column(
        name,
        label,
        "decimal",
        required=required,
        aliases=aliases,
        minimum=minimum,
        maximum=MOST,
        scale=3,
        default=default,
        example=example,
    )


def _money(
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


CATEGORY = DataSet(
    "category",
    _("Categories"),
    (
        Column("code", _("code"), required=True, aliases=("category", "category_code"), max_length=120,
               example="kitchen/mugs"),
        Column("name", _("name"), required=True, aliases=("category_name",), max_length=200, example="Mugs"),
        Column("parent", _("parent"), aliases=("parent_code",), target="parent_id", max_length=120,
               references="category", example="kitchen"),
    ),
    key=("code",),
    families=(("name:", "names"),),
    itself="parent_id",
)  # fmt: skip

PRODUCT = DataSet(
    "product",
    _("Products"),
    (
        Column("sku", _("SKU"), required=True, aliases=_SKU.aliases, max_length=64, example="MUG-01"),
        Column("gtin", _("GTIN"), "gtin", aliases=("ean", "barcode", "upc"), default="",
               example="4006381333931"),
        Column("name", _("name"), required=True, aliases=("description", "title", "product_name"),
               max_length=250, example="Blue mug"),
        Column("category", _("category"), aliases=("category_code",), target="category_id", max_length=120,
               references="category", example="kitchen/mugs"),
        Column("status", _("status"), "choice", choices=("new", "active", "phase-out", "discontinued"),
               default="active", example="active"),
        Column("successor", _("successor"), aliases=("successor_sku",), target="successor_id", max_length=64,
               references="product", example=""),
    ),
    key=("sku",),
    families=(("name:", "names"), ("attribute:", "attributes")),
    itself="successor_id",
)  # fmt: skip

KIT_COMPONENT = DataSet(
    "kit_component",
    _("Kit components"),
    (
        Column("kit", _("kit"), required=True, aliases=("kit_sku",), target="kit_id", max_length=64,
               references="product", example="MUG-SET"),
        Column("component", _("component"), required=True, aliases=("component_sku",), target="component_id",
               max_length=64, references="product", example="MUG-01"),
        _quantity("quantity", _("quantity"), aliases=("qty",), default="1", minimum=0.001, example="6"),
    ),
    key=("kit_id", "component_id"),
    arcs=True,
    rules=(Rule("component", _("a kit can't be its own component"),
                lambda: pl.col("kit_id") == pl.col("component_id")),),
)  # fmt: skip

LOCATION = DataSet(
    "location",
    _("Locations"),
    (
        Column("code", _("code"), required=True, aliases=("location", "location_code"), max_length=64,
               example="MAIN"),
        Column("name", _("name"), required=True, aliases=("location_name",), max_length=200,
               example="Main warehouse"),
        Column("kind", _("kind"), "choice", aliases=("type",), choices=("warehouse", "store", "market"),
               default="warehouse", example="warehouse"),
        _COUNTRY,
        _CURRENCY,
        Column("time_zone", _("time zone"), "time_zone", aliases=("timezone", "tz"), default="UTC",
               example="Europe/Berlin"),
        Column("receiving_location", _("receiving location"), aliases=("receives_at", "warehouse"),
               target="receiving_location_id", max_length=64, references="location", example=""),
    ),
    key=("code",),
    itself="receiving_location_id",
)  # fmt: skip

SUPPLIER = DataSet(
    "supplier",
    _("Suppliers"),
    (
        Column("code", _("code"), required=True, aliases=("supplier", "supplier_code", "vendor"),
               max_length=64, example="ACME"),
        Column("name", _("name"), required=True, aliases=("supplier_name",), max_length=200,
               example="Acme Ceramics"),
        _COUNTRY,
        _CURRENCY,
        Column("email", _("email"), "email", aliases=("mail", "e_mail"), max_length=254, default="",
               example="orders@acme.example"),
        _money("minimum_order_value", _("minimum order value"), aliases=("mov",), default="0", scale=2,
               example="250"),
        _ASSUMED,
    ),
    key=("code",),
)  # fmt: skip

SUPPLY_TERMS = DataSet(
    "supply_terms",
    _("Supply terms"),
    (
        Column("supplier", _("supplier"), required=True, aliases=("supplier_code", "vendor"),
               target="supplier_id", max_length=64, references="supplier", example="ACME"),
        _SKU,
        Column("location", _("location"), aliases=_LOCATION.aliases, target="location_id", max_length=64,
               references="location", example=""),
        Column("rank", _("rank"), "integer", minimum=1, maximum=1000, default="1", example="1"),
        Column("article_number", _("supplier's article number"), aliases=("article", "supplier_sku"),
               max_length=64, default="", example="A-1001"),
        _money("unit_cost", _("unit cost"), aliases=("cost", "purchase_price"), required=True,
               example="2.10"),
        _CURRENCY,
        Column("purchase_unit", _("purchase unit"), max_length=32, default="each", example="carton"),
        _quantity("unit_size", _("size of the purchase unit"), aliases=("pack_size",), default="1",
                  minimum=0.001, example="12"),
        _quantity("moq", _("MOQ"), aliases=("minimum_order_quantity",), default="0", example="24"),
        _quantity("order_multiple", _("order multiple"), aliases=("multiple",), default="1", minimum=0.001,
                  example="12"),
        Column("price_breaks", _("price breaks"), "price_breaks", default="", example="100:2.00 500:1.85"),
        Column("lead_time_days", _("lead time (days)"), "float", aliases=("lead_time",), minimum=0,
               maximum=3650, default="7", example="14"),
        Column("lead_time_sd_days", _("lead time spread (days)"), "float", aliases=("lead_time_sd",),
               minimum=0, maximum=3650, default="0", example="3"),
        Column("review_days", _("review period (days)"), "float", aliases=("review_period",), minimum=0.01,
               maximum=3650, default="7", example="7"),
        _money("minimum_order_value", _("minimum order value"), aliases=("mov",), default="0", scale=2,
               example="0"),
        _ASSUMED,
    ),
    key=("supplier_id", "product_id", "location_id"),
)  # fmt: skip

STOCK = DataSet(
    "stock",
    _("Stock levels"),
    (
        _SKU,
        _LOCATION,
        _DAY,
        _quantity("on_hand", _("on hand"), aliases=("quantity", "qty", "stock"), required=True, minimum=-MOST,
                  example="120"),
        _quantity("allocated", _("allocated"), aliases=("reserved",), default="0", example="5"),
        _ASSUMED,
    ),
    key=("product_id", "location_id", "day"),
)  # fmt: skip

SALES = DataSet(
    "sales",
    _("Sales by day"),
    (
        _SKU,
        _LOCATION,
        _DAY,
        _quantity("quantity", _("quantity"), aliases=("qty", "units", "units_sold"), required=True,
                  example="3"),
        _money("revenue", _("revenue"), aliases=("sales_value", "turnover"), default="0", minimum=-MOST,
               example="13.50"),
        _quantity("returns", _("returns"), aliases=("returned_units",), default="0", example="0"),
        Column("orders", _("orders"), "integer", minimum=0, maximum=MOST, example="2"),
        Column("buyers", _("distinct buyers"), "integer", minimum=0, maximum=MOST, example="2"),
    ),
    key=("product_id", "location_id", "day"),
)  # fmt: skip

ORDER_LINES = DataSet(
    "order_lines",
    _("Order lines"),
    (
        Column("source", _("source"), max_length=32, default="file", example="shop"),
        Column("order_number", _("order number"), required=True, aliases=("order", "invoice", "order_id"),
               max_length=32, example="10001"),
        Column("line_number", _("line number"), "integer", required=True, aliases=("line",), minimum=0,
               maximum=MOST, example="1"),
        _SKU,
        _LOCATION,
        Column("ordered_at", _("ordered at"), "datetime", required=True, aliases=("time", "order_date"),
               example="2026-03-31 14:05", dated=True),
        Column("kind", _("kind"), "choice", choices=("sale", "cancellation", "return"), default="sale",
               example="sale"),
        _quantity("quantity", _("quantity"), aliases=("qty",), required=True, minimum=-MOST, example="3"),
        _money("unit_price", _("unit price"), aliases=("price",), required=True, example="4.50"),
        Column("buyer", _("buyer"), "buyer", aliases=("customer", "customer_id"), target="buyer_hash",
               max_length=250, default="", example="4711"),
    ),
    key=("source", "order_number", "line_number"),
    rules=(
        Rule("quantity", _("is zero"), lambda: pl.col("quantity") == 0),
        Rule("quantity", _("is negative, but the line is a sale (is its kind cancellation or return?)"),
             lambda: (pl.col("kind") == "sale") & (pl.col("quantity") < 0)),
        Rule("quantity", _("is positive, but the line is a cancellation or return"),
             lambda: (pl.col("kind") != "sale") & (pl.col("quantity") > 0)),
    ),
)  # fmt: skip

PRICE = DataSet(
    "price",
    _("Prices"),
    (
        _SKU,
        _LOCATION,
        _PLAN_DAY,
        _money("price", _("price"), aliases=("unit_price",), required=True),
        _money("base_price", _("base price"), aliases=("list_price",), example="5.00"),
    ),
    key=("product_id", "location_id", "day"),
)  # fmt: skip

PROMOTION = DataSet(
    "promotion",
    _("Promotions"),
    (
        _SKU,
        _LOCATION,
        _PLAN_DAY,
        Column("kind", _("kind"), required=True, aliases=("type", "promotion"), max_length=32,
               example="display"),
        Column("discount", _("discount"), "decimal", minimum=0, maximum=1, scale=4, default="0",
               example="0.2"),
    ),
    key=("product_id", "location_id", "day", "kind"),
)  # fmt: skip

EVENT = DataSet(
    "event",
    _("Calendar events"),
    (
        _COUNTRY,
        _PLAN_DAY,
        Column("name", _("name"), required=True, aliases=("event", "holiday"), max_length=120,
               example="Christmas market"),
    ),
    key=("country", "day", "name"),
)  # fmt: skip

EXCHANGE_RATE = DataSet(
    "exchange_rate",
    _("Exchange rates"),
    (
        Column("base", _("base currency"), "currency", required=True, aliases=("base_currency", "from"),
               example="EUR"),
        Column("quote", _("quote currency"), "currency", required=True, aliases=("quote_currency", "to"),
               example="USD"),
        _PLAN_DAY,
        Column("rate", _("rate"), "decimal", required=True, aliases=("exchange_rate",), minimum=1e-8,
               maximum=MOST, scale=8, example="1.0842"),
    ),
    key=("base", "quote", "day"),
    rules=(Rule("quote", _("is the base currency itself"), lambda: pl.col("base") == pl.col("quote")),),
)  # fmt: skip

DATA_SETS: dict[str, DataSet] = {
    data_set.kind: data_set
    for data_set in (
        CATEGORY, PRODUCT, KIT_COMPONENT, LOCATION, TRANSFER_LANE, SUPPLIER, SUPPLY_TERMS, STOCK, SALES,
        ORDER_LINES, PRICE, PROMOTION, EVENT, EXCHANGE_RATE,
    )
}  # fmt: skip
