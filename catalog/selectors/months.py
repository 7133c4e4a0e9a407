"""Stock and sales by month: what a year of days comes to, summed by the database."""

from __future__ import annotations

from datetime import date

import polars as pl

from catalog.models import Location
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import ids_in, inlined, is_postgresql, reading, real
from catalog.selectors.places import locations_stocking

_KEYS = ["product_id", "location_id", "month"]
_IDS = {"product_id": pl.Int64(), "location_id": pl.Int64(), "month": pl.String()}


def stock_by_month(*, first: date, last: date) -> pl.DataFrame:
    """Recorded stock of some days by month; assumed levels are left out.

    Columns: product_id, location_id (stocking), month ("2026-11"), days (with a record), days_in (that closed
    with stock), on_hand (their mean, units, at least 0 each). Where stock of several locations adds up, the
    days are those of the one with most records.
    """
    sql, params = facts_sql(
        "stock", ["product_id", "location_id", "day", "on_hand", "is_assumed"], where=_days(first, last)
    )
    found = _read(
        f"SELECT product_id, location_id, {_month()} AS month, COUNT(*) AS days,"  # noqa: S608
        " SUM(CASE WHEN on_hand > 0 THEN 1 ELSE 0 END) AS days_in,"
        f" {real('AVG(CASE WHEN on_hand > 0 THEN on_hand ELSE 0 END)')} AS on_hand"
        f" FROM ({sql}) levels WHERE NOT is_assumed GROUP BY 1, 2, 3",
        params,
        {"days": pl.Int64(), "days_in": pl.Int64(), "on_hand": pl.Float64()},
    )
    most = pl.col("days").arg_max()
    return found.group_by(_KEYS).agg(
        pl.col("days").get(most), pl.col("days_in").get(most), pl.col("on_hand").sum()
    )


def sales_by_month(*, first: date, last: date) -> pl.DataFrame:
    """Units sold before returns by month: product_id, location_id (stocking), month ("2026-11"), units."""
    sql, params = facts_sql(
        "sales", ["product_id", "location_id", "day", "quantity"], where=_days(first, last)
    )
    found = _read(
        f"SELECT product_id, location_id, {_month()} AS month, {real('SUM(quantity)')} AS units"  # noqa: S608
        f" FROM ({sql}) sold GROUP BY 1, 2, 3",
        params,
        {"units": pl.Float64()},
    )
    return found.group_by(_KEYS).agg(pl.col("units").sum())


def _days(first: date, last: date) -> str:
    """The condition on days; all locations are named, so that the index on (location, day) is of use."""
    places = ids_in("location_id", list(Location.objects.order_by().values_list("pk", flat=True)))
    return f"{places} AND " + inlined("day >= %s AND day <= %s", [first, last])


def _month() -> str:
    # SQLite keeps days as text.
    return "to_char(day, 'YYYY-MM')" if is_postgresql() else "substr(day, 1, 7)"


def _read(sql: str, params: list[object], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Rows under the location that holds the stock."""
    with reading() as read:
        rows = read(sql, params, schema={**_IDS, **schema})
        places = locations_stocking(read)
    return rows.join(places.select("location_id", "stocking_id"), on="location_id").with_columns(
        location_id=pl.col("stocking_id")
    )
