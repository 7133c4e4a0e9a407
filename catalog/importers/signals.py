"""The data sets of signals: reviews, shoppers' behaviour, market indicators."""

from __future__ import annotations

import polars as pl
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column, DataSet, Rule
from catalog.importers.common import ASSUMED, DAY, LOCATION, MOST, PLAN_DAY, SKU
from catalog.models import ShopperEvent

REVIEW_LENGTH = 20_000
"""The most characters of a review. A spreadsheet's cell holds 32,767."""

REVIEW = DataSet(
    "review",
    _("Reviews"),
    (
        Column("source", _("source"), max_length=32, default="file", example="shop"),
        Column("number", _("review number"), required=True, aliases=("review_id", "review_number", "id"),
               max_length=64, example="R-1001"),
        SKU,
        Column("day", _("written on"), "date", required=True, aliases=("date", "written_on", "created_at"),
               example="2026-03-31", dated=True),
        Column("rating", _("rating"), "integer", aliases=("stars", "score"), minimum=1, maximum=5,
               example="4"),
        Column("title", _("title"), "prose", aliases=("headline", "summary"), default="",
               example="Keeps tea warm"),
        Column("text", _("text"), "prose", aliases=("review", "body", "comment", "content", "review_text"),
               max_length=REVIEW_LENGTH, default="", example="Good size, but the parcel came late."),
        Column("language", _("language"), "language", aliases=("lang", "locale"), max_length=8, default="",
               example="en"),
        Column("author", _("author"), "buyer", aliases=("reviewer", "user", "customer", "customer_id"),
               target="author_hash", default="", example="4711"),
        ASSUMED,
    ),
    key=("source", "number"),
    rules=(
        Rule("text", _("is empty, and there is no rating either"),
             lambda: pl.col("rating").is_null() & (pl.col("text") == "") & (pl.col("title") == "")),
    ),
)  # fmt: skip


def _count(name: str, label: Promise | str, *aliases: str, example: str) -> Column:
    return Column(name, label, "integer", aliases=aliases, minimum=0, maximum=MOST, default="0",
                  example=example)  # fmt: skip


BEHAVIOUR = DataSet(
    "behaviour",
    _("Shopper behaviour by day"),
    (
        SKU,
        LOCATION,
        DAY,
        _count("views", _("views"), "page_views", "pageviews", "sessions", "item_views", example="52"),
        _count("carts", _("put in a cart"), "add_to_carts", "cart_adds", "adds_to_cart", example="6"),
        _count("wishlists", _("put on a wish list"), "wishlist_adds", "wish_list", example="2"),
        _count("searches", _("searches"), "search_clicks", example="4"),
        _count("stock_requests", _("back-in-stock requests"), "back_in_stock", "stock_alerts", example="0"),
        ASSUMED,
    ),
    key=("product_id", "location_id", "day"),
)

SHOPPER_EVENT = DataSet(
    "shopper_event",
    _("Shopper events"),
    (
        Column("source", _("source"), max_length=32, default="file", example="shop"),
        Column("number", _("event number"), required=True, aliases=("event_id", "event_number", "id"),
               max_length=64, example="E-1001"),
        Column("kind", _("kind"), "choice", required=True, aliases=("event", "type", "event_type"),
               choices=tuple(ShopperEvent.Kind.values), example="view"),
        SKU,
        LOCATION,
        Column("occurred_at", _("occurred at"), "datetime", required=True, aliases=("time", "timestamp"),
               example="2026-03-31 14:05", dated=True),
    ),
    key=("source", "number"),
)  # fmt: skip

INDICATOR = DataSet(
    "indicator",
    _("Market indicators"),
    (
        Column("code", _("code"), required=True, aliases=("indicator", "indicator_code"), max_length=64,
               example="SEARCH-MUGS"),
        Column("name", _("name"), required=True, aliases=("title",), max_length=200,
               example="Search interest in mugs"),
        Column("unit", _("unit"), max_length=32, default="", example="index"),
        Column("publication_lag_days", _("publication lag (days)"), "integer", aliases=("lag", "lag_days"),
               minimum=0, maximum=3650, default="0", example="2"),
        ASSUMED,
    ),
    key=("code",),
)  # fmt: skip

INDICATOR_VALUE = DataSet(
    "indicator_value",
    _("Values of market indicators"),
    (
        Column("indicator", _("market indicator"), required=True, aliases=("code", "indicator_code"),
               target="indicator_id", max_length=64, references="indicator", example="SEARCH-MUGS"),
        Column("sku", _("SKU"), aliases=SKU.aliases, target="product_id", max_length=64,
               references="product", example=""),
        Column("category", _("category"), aliases=("category_code",), target="category_id", max_length=120,
               references="category", example="kitchen/mugs"),
        Column("location", _("location"), aliases=(*LOCATION.aliases, "market"), target="location_id",
               max_length=64, references="location", example=""),
        PLAN_DAY,
        Column("value", _("value"), "float", required=True, aliases=("index", "price"), minimum=-1e15,
               maximum=1e15, example="63.5"),
        Column("known_on", _("known on"), "date", aliases=("published_on", "published"),
               example="2026-04-02"),
    ),
    key=("indicator_id", "product_id", "category_id", "location_id", "day"),
    rules=(
        Rule("category", _("stands beside a SKU: name one of them, or none"),
             lambda: pl.col("product_id").is_not_null() & pl.col("category_id").is_not_null()),
    ),
)  # fmt: skip
