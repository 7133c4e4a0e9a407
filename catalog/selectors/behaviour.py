"""What shoppers did, by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import ids_in, inlined, reading
from catalog.selectors.places import locations_stocking
from catalog.tables import TABLES

_KEY = ("product_id", "location_id", "day")
_COUNTS = ("views", "carts", "wishlists", "searches", "stock_requests")


def behaviour_records(
    *,
    first: date,
    last: date,
    known_at: datetime | None = None,
    location_ids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Shoppers' behaviour on some days, under the location that holds the stock (`location_ids` are such).

    Columns: product_id, location_id, day; views, carts, wishlists, searches, stock_requests (counts);
    is_assumed. Only days with a record have a row.
    """
    columns = [*_KEY, *_COUNTS, "is_assumed"]
    with reading() as read:
        places = locations_stocking(read)
        wanted = None
        if location_ids is not None:
            wanted = places.filter(pl.col("stocking_id").is_in(list(location_ids)))["location_id"].to_list()
        days = inlined("day >= %s AND day <= %s", [first, last])
        sql, params = facts_sql(
            "behaviour", columns, where=f"{days} AND {ids_in('location_id', wanted)}", known_at=known_at
        )
        rows = read(sql, params, schema={name: TABLES["behaviour"].schema[name] for name in columns})
    return (
        rows.join(places.select("location_id", "stocking_id"), on="location_id")
        .group_by("product_id", pl.col("stocking_id").alias("location_id"), "day")
        .agg(pl.col(_COUNTS).sum(), pl.col("is_assumed").any())
    )
