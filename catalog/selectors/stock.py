"""Stock as it stood."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import inlined, reading
from catalog.selectors.places import locations_stocking
from catalog.tables import TABLES


def stock_on(*, as_of: date, known_at: datetime | None = None) -> pl.DataFrame:
    """The latest stock level at or before the close of a day, one row per product and stocking location.

    Columns: product_id, location_id, day (of the level, the latest where several add up), on_hand, allocated
    (units), is_assumed. What lies at a location that another one receives for counts there.
    """
    columns = ["product_id", "location_id", "day", "on_hand", "allocated", "is_assumed"]
    sql, params = facts_sql("stock", columns, where=inlined("day <= %s", [as_of]), known_at=known_at)
    latest = (
        f"SELECT {', '.join(columns)} FROM ("  # noqa: S608
        "SELECT levels.*, ROW_NUMBER() OVER (PARTITION BY product_id, location_id ORDER BY day DESC) AS place"
        f" FROM ({sql}) levels) numbered WHERE place = 1"
    )
    with reading() as read:
        places = locations_stocking(read)
        levels = read(latest, params, schema={name: TABLES["stock"].schema[name] for name in columns})
    return (
        levels.join(places.select("location_id", "stocking_id"), on="location_id")
        .group_by("product_id", location_id=pl.col("stocking_id"))
        .agg(
            pl.col("day").max(),
            pl.col("on_hand").sum(),
            pl.col("allocated").sum(),
            pl.col("is_assumed").any(),
        )
        .sort("product_id", "location_id")
    )
