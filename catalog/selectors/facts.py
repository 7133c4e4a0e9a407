"""Facts as they were known at a time, and where stock is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from catalog.models import SupersededFact
from catalog.selectors.frames import Read, is_postgresql, real
from catalog.tables import TABLES


def facts_sql(
    kind: str, columns: Sequence[str], *, where: str = "1 = 1", known_at: datetime | None = None
) -> tuple[str, list[object]]:
    """SQL (and its parameters) that reads `columns` of a kind of row as it was known at a time.

    None is now. Earlier: the current rows recorded by then, plus the superseded ones believed then, whose
    columns are taken out of their JSON. Numbers come as floats. `where` may use the columns' names and has
    to carry its values itself.
    """
    table = TABLES[kind]

    def current(name: str) -> str:
        is_float = name != "id" and table.columns[name].dtype == pl.Float64()
        return f"{real(f't.{name}')} AS {name}" if is_float else f"t.{name}"

    if known_at is None:
        return f"SELECT {', '.join(map(current, columns))} FROM {table.name} t WHERE {where}", []  # noqa: S608
    former = ", ".join(f"{_from_json(kind, name)} AS {name}" for name in columns)
    sql = (
        f"SELECT {', '.join(columns)} FROM ("  # noqa: S608
        f"SELECT {', '.join(map(current, columns))} FROM {table.name} t WHERE t.recorded_at <= %s"
        f" UNION ALL SELECT {former} FROM {SupersededFact._meta.db_table} f"
        " WHERE f.kind = %s AND f.recorded_at <= %s AND f.superseded_at > %s"
        f") known WHERE {where}"
    )
    return sql, [known_at, kind, known_at, known_at]


def _from_json(kind: str, name: str) -> str:
    column = TABLES[kind].columns.get(name)
    if not is_postgresql():
        value = f"json_extract(f.row, '$.{name}')"
        return real(value) if column is not None and column.dtype == pl.Float64() else value
    types: dict[pl.DataType, str] = {
        pl.Int64(): "bigint",
        pl.Float64(): "float8",
        pl.Date(): "date",
        pl.Boolean(): "boolean",
        pl.Datetime("us", "UTC"): "timestamptz",
        pl.String(): "text",
    }
    return f"CAST(f.row ->> '{name}' AS {types[column.dtype] if column else 'bigint'})"


def locations_stocking(read: Read) -> pl.DataFrame:
    """Where each location's stock is held: location_id, stocking_id (itself, or who receives for it), currency.

    `currency` is the location's, `stocking_currency` that of where its stock is held.
    """
    places = read(
        "SELECT id, receiving_location_id, currency FROM catalog_location",
        schema={"id": pl.Int64(), "receiving_location_id": pl.Int64(), "currency": pl.String()},
    )
    receives = dict(places.select("id", "receiving_location_id").iter_rows())

    def root(place: int) -> int:
        seen = {place}
        while (following := receives.get(place)) is not None and following not in seen:
            place = following
            seen.add(place)
        return place

    return (
        places.select(location_id=pl.col("id"), currency=pl.col("currency"))
        .with_columns(
            stocking_id=pl.Series([root(place) for place in places["id"]], dtype=pl.Int64),
        )
        .join(places.select(stocking_id=pl.col("id"), stocking_currency=pl.col("currency")), on="stocking_id")
        .sort("location_id")
    )
