"""Lanes between locations: what can be imported of them."""

from __future__ import annotations

import polars as pl
from django.utils.translation import gettext_lazy as _

from catalog.importers.columns import Column, DataSet, Rule

_MOST = 1_000_000_000
_LONGEST = 3650

TRANSFER_LANE = DataSet(
    "transfer_lane",
    _("Transfer lanes"),
    (
        Column("source", _("from location"), required=True, aliases=("from", "from_location"),
               target="source_id", max_length=64, references="location", example="MAIN"),
        Column("destination", _("to location"), required=True, aliases=("to", "to_location"),
               target="destination_id", max_length=64, references="location", example="SHOP"),
        Column("is_supply", _("supplies"), "boolean", aliases=("supplies",), default="false", example="true"),
        Column("lead_time_days", _("lead time (days)"), "float", aliases=("lead_time",), minimum=0,
               maximum=_LONGEST, default="1", example="2"),
        Column("lead_time_sd_days", _("lead time spread (days)"), "float", aliases=("lead_time_sd",),
               minimum=0, maximum=_LONGEST, default="0", example="0"),
        Column("review_days", _("review period (days)"), "float", aliases=("review_period",),
               minimum=0.01, maximum=_LONGEST, default="7", example="7"),
        Column("unit_cost", _("cost per unit"), "decimal", aliases=("cost",), minimum=0, maximum=_MOST,
               scale=4, default="0", example="0.15"),
        Column("moq", _("MOQ"), "decimal", aliases=("minimum_order_quantity",), minimum=0, maximum=_MOST,
               scale=3, default="0", example="0"),
        Column("order_multiple", _("order multiple"), "decimal", aliases=("multiple",), minimum=0.001,
               maximum=_MOST, scale=3, default="1", example="6"),
    ),
    key=("source_id", "destination_id"),
    rules=(Rule("destination", _("is where the lane starts"),
                lambda: pl.col("source_id") == pl.col("destination_id")),),
    arcs=True,
    arc="is_supply",
)  # fmt: skip
