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


def stock_records(*, first: date, last: date) -> pl.DataFrame:
    """Stock as it was recorded at the close of each of some days; assumed levels are left out.

    Columns: product_id, location_id (stocking), day, on_hand (units). Only days with a record have a row.
    """
    columns = ["product_id", "location_id", "day", "on_hand", "is_assumed"]
    frame = _units_by_day("stock", columns, first=first, last=last)
    return frame.filter(~pl.col("is_assumed").any().over(_DAY)).group_by(_DAY).agg(pl.col("on_hand").sum())


def returned_units(*, first: date, last: date) -> pl.DataFrame:
    """What customers brought back: product_id, location_id (stocking), day, returns (units, above 0)."""
    columns = ["product_id", "location_id", "day", "returns"]
    frame = _units_by_day("sales", columns, first=first, last=last, more=" AND returns > 0")
    return frame.group_by(_DAY).agg(pl.col("returns").sum())


_DAY = ["product_id", "location_id", "day"]


def _units_by_day(kind: str, columns: list[str], *, first: date, last: date, more: str = "") -> pl.DataFrame:
    """Rows of some days, under the location that holds the stock."""
    where = inlined("day >= %s AND day <= %s", [first, last]) + more
    sql, params = facts_sql(kind, columns, where=where)
    with reading() as read:
        rows = read(sql, params, schema={name: TABLES[kind].schema[name] for name in columns})
        places = locations_stocking(read)
    return rows.join(places.select("location_id", "stocking_id"), on="location_id").with_columns(
        location_id=pl.col("stocking_id")
    )
