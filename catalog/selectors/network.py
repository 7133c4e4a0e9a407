"""What passes demand on: lanes between locations, kits, and products with a successor."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from catalog.models import Product
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import reading
from catalog.selectors.places import locations_stocking
from catalog.tables import TABLES

_LANE = [
    "id", "source_id", "destination_id", "is_supply", "lead_time_days", "lead_time_sd_days", "review_days",
    "unit_cost", "moq", "order_multiple",
]  # fmt: skip


def lanes_frame() -> pl.DataFrame:
    """Lanes between locations that hold stock: lane_id, source_id, destination_id (who receives for the ends,
    where another does), is_supply, times in days, unit_cost in `currency`, moq and order_multiple.
    """
    sql, params = facts_sql("transfer_lane", _LANE)
    schema = {name: TABLES["transfer_lane"].schema.get(name, pl.Int64()) for name in _LANE}
    with reading() as read:
        lanes = read(sql, params, schema=schema)
        places = locations_stocking(read).select("location_id", "stocking_id", "currency")
    here = places.rename({"location_id": "source_id", "stocking_id": "from_id"})
    there = places.select(destination_id="location_id", to_id="stocking_id")
    return (
        lanes.join(here, on="source_id")
        .join(there, on="destination_id")
        .filter(pl.col("from_id") != pl.col("to_id"))
        .drop("source_id", "destination_id")
        .rename({"id": "lane_id", "from_id": "source_id", "to_id": "destination_id"})
        # Several ways between two places: the cheapest, then the quickest.
        .sort("is_supply", "unit_cost", "lead_time_days", "lane_id", descending=[True, False, False, False])
        .unique(["source_id", "destination_id"], keep="first", maintain_order=True)
    )


def kits_frame() -> pl.DataFrame:
    """Kits and what is in one: kit_id, component_id, quantity."""
    columns = ["kit_id", "component_id", "quantity"]
    sql, params = facts_sql("kit_component", columns)
    with reading() as read:
        return read(sql, params, schema={name: TABLES["kit_component"].schema[name] for name in columns})


def product_statuses(*, known_at: datetime | None = None) -> pl.DataFrame:
    """Products as they were known at a time (None: now), by id: product_id, status, successor_id, is_gone
    (bought no more).
    """
    schema = {"id": pl.Int64(), "status": pl.String(), "successor_id": pl.Int64()}
    sql, params = facts_sql("product", list(schema), known_at=known_at)
    with reading() as read:
        rows = read(sql, params, schema=schema)
    gone = [Product.Status.PHASE_OUT.value, Product.Status.DISCONTINUED.value]
    return (
        rows.rename({"id": "product_id"})
        .with_columns(is_gone=pl.col("status").is_in(gone))
        .unique("product_id")
        .sort("product_id")
    )


def successors_frame(*, known_at: datetime | None = None) -> pl.DataFrame:
    """Products that are bought no more and have a successor: product_id, successor_id."""
    rows = product_statuses(known_at=known_at).filter("is_gone", pl.col("successor_id").is_not_null())
    return rows.select("product_id", "successor_id")
