"""The data sets of supply: suppliers, their shutdowns, and terms."""

from __future__ import annotations

import polars as pl
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column, DataSet, Rule
from catalog.importers.common import (
    ASSUMED,
    COUNTRY,
    CURRENCY,
    LOCATION,
    SKU,
    SUPPLIER,
    money_column,
    quantity_column,
)

_LONGEST_DAYS = 3650

SUPPLIERS = DataSet(
    "supplier",
    _("Suppliers"),
    (
        Column("code", _("code"), required=True, aliases=("supplier", "supplier_code", "vendor"),
               max_length=64, example="ACME"),
        Column("name", _("name"), required=True, aliases=("supplier_name",), max_length=200,
               example="Acme Ceramics"),
        COUNTRY,
        CURRENCY,
        Column("email", _("email"), "email", aliases=("mail", "e_mail"), max_length=254, default="",
               example="orders@acme.example"),
        money_column("minimum_order_value", _("minimum order value"), aliases=("mov",), default="0", scale=2,
                     example="250"),
        quantity_column("minimum_order_weight", _("minimum order weight (kg)"), default="0", example="0"),
        quantity_column("minimum_order_volume", _("minimum order volume (m³)"), default="0", example="0"),
        quantity_column("container_weight", _("container weight (kg)"), default="0", example="0"),
        quantity_column("container_volume", _("container volume (m³)"), default="0", example="0"),
        money_column("order_cost", _("cost per order"), default="0", scale=2, example="15"),
        Column("order_days", _("order days"), "weekdays", aliases=("ordering_days",), max_length=7,
               default="", example="24"),
        Column("administrative_days", _("administrative days"), "float", aliases=("admin_days",), minimum=0,
               maximum=_LONGEST_DAYS, default="0", example="1"),
        Column("joint_review", _("joint review"), "boolean", default="false", example="false"),
        ASSUMED,
    ),
    key=("code",),
)  # fmt: skip

SUPPLIER_CLOSURES = DataSet(
    "supplier_closure",
    _("Supplier shutdowns"),
    (
        SUPPLIER,
        Column("first_day", _("first day"), "date", required=True, aliases=("from", "start"),
               example="2026-12-24"),
        Column("last_day", _("last day"), "date", required=True, aliases=("to", "until", "end"),
               example="2027-01-06"),
    ),
    key=("supplier_id", "first_day"),
    rules=(Rule("last_day", _("is before the first day"), lambda: pl.col("last_day") < pl.col("first_day")),),
)  # fmt: skip

SUPPLY_TERMS = DataSet(
    "supply_terms",
    _("Supply terms"),
    (
        SUPPLIER,
        SKU,
        Column("location", _("location"), aliases=LOCATION.aliases, target="location_id", max_length=64,
               references="location", example=""),
        Column("rank", _("rank"), "integer", minimum=1, maximum=1000, default="1", example="1"),
        Column("article_number", _("supplier's article number"), aliases=("article", "supplier_sku"),
               max_length=64, default="", example="A-1001"),
        money_column("unit_cost", _("unit cost"), aliases=("cost", "purchase_price"), required=True,
                     example="2.10"),
        CURRENCY,
        Column("purchase_unit", _("purchase unit"), max_length=32, default="each", example="carton"),
        quantity_column("unit_size", _("size of the purchase unit"), aliases=("pack_size",), default="1",
                        minimum=0.001, example="12"),
        quantity_column("moq", _("MOQ"), aliases=("minimum_order_quantity",), default="0", example="24"),
        quantity_column("order_multiple", _("order multiple"), aliases=("multiple",), default="1",
                        minimum=0.001, example="12"),
        Column("price_breaks", _("price breaks"), "price_breaks", default="", example="100:2.00 500:1.85"),
        Column("price_break_kind", _("kind of price breaks"), "choice", choices=("all-units", "incremental"),
               default="all-units", example="all-units"),
        money_column("freight_cost", _("freight per unit"), aliases=("freight",), default="0",
                     example="0.15"),
        Column("duty_rate", _("duty"), "float", aliases=("duty",), minimum=0, maximum=10, default="0",
               example="0.05"),
        Column("return_share", _("refund on returns"), "float", minimum=0, maximum=1, default="0",
               example="0"),
        Column("lead_time_days", _("lead time (days)"), "float", aliases=("lead_time",), minimum=0,
               maximum=_LONGEST_DAYS, default="7", example="14"),
        Column("lead_time_sd_days", _("lead time spread (days)"), "float", aliases=("lead_time_sd",),
               minimum=0, maximum=_LONGEST_DAYS, default="0", example="3"),
        Column("review_days", _("review period (days)"), "float", aliases=("review_period",), minimum=0.01,
               maximum=_LONGEST_DAYS, default="7", example="7"),
        money_column("minimum_order_value", _("minimum order value"), aliases=("mov",), default="0", scale=2,
                     example="0"),
        ASSUMED,
    ),
    key=("supplier_id", "product_id", "location_id"),
)  # fmt: skip
