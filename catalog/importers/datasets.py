"""What can be imported: the data sets, their columns, and what a good value of each is.

One declaration drives everything: the templates that people download, the suggestion of a column
mapping, the conversion with its errors, the command line and the API's bulk upsert.
"""

from __future__ import annotations

import polars as pl
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column, DataSet, Rule
from catalog.importers.common import ASSUMED as _ASSUMED
from catalog.importers.common import COUNTRY as _COUNTRY
from catalog.importers.common import CURRENCY as _CURRENCY
from catalog.importers.common import DAY as _DAY
from catalog.importers.common import LOCATION as _LOCATION
from catalog.importers.common import MOST
from catalog.importers.common import PLAN_DAY as _PLAN_DAY
from catalog.importers.common import SKU as _SKU
from catalog.importers.common import money_column as _money
from catalog.importers.common import quantity_column as _quantity
from catalog.importers.lanes import TRANSFER_LANE
from catalog.importers.signals import BEHAVIOUR, INDICATOR, INDICATOR_VALUE, REVIEW, SHOPPER_EVENT
from catalog.importers.supply import SUPPLIER_CLOSURES, SUPPLIERS, SUPPLY_TERMS

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
        _quantity("unit_weight", _("unit weight (kg)"), aliases=("weight", "weight_kg"), minimum=0.0001,
                  scale=4, example="0.35"),
        _quantity("unit_volume", _("unit volume (m³)"), aliases=("volume", "volume_m3"), minimum=0.000001,
                  scale=6, example="0.0012"),
        Column("shelf_life_days", _("shelf life (days)"), "integer", aliases=("shelf_life",), minimum=0,
               maximum=36500, example=""),
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
        CATEGORY, PRODUCT, KIT_COMPONENT, LOCATION, TRANSFER_LANE, SUPPLIERS, SUPPLIER_CLOSURES, SUPPLY_TERMS,
        STOCK, SALES,
        ORDER_LINES, PRICE, PROMOTION, EVENT, EXCHANGE_RATE,
        REVIEW, BEHAVIOUR, SHOPPER_EVENT, INDICATOR, INDICATOR_VALUE,
    )
}  # fmt: skip
