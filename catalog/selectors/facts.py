"""Facts as they were known at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from catalog.models import SupersededFact
from catalog.selectors.frames import is_postgresql, real
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
    former = ", ".join(f"{column_from_json(kind, name)} AS {name}" for name in columns)
    sql = (
        f"SELECT {', '.join(columns)} FROM ("  # noqa: S608
        f"SELECT {', '.join(map(current, columns))} FROM {table.name} t WHERE t.recorded_at <= %s"
        f" UNION ALL SELECT {former} FROM {SupersededFact._meta.db_table} f"
        " WHERE f.kind = %s AND f.recorded_at <= %s AND f.superseded_at > %s"
        f") known WHERE {where}"
    )
    return sql, [known_at, kind, known_at, known_at]


def column_from_json(kind: str, name: str) -> str:
    """SQL: a column of a superseded fact (alias `f`), taken out of its JSON, with the column's type."""
    column = TABLES[kind].columns.get(name)
    if not is_postgresql():
        value = f"json_extract(f.row, '$.{name}')"
        return real(value) if column is not None and column.dtype == pl.Float64() else value
    if column is not None and column.is_json:
        return f"f.row -> '{name}'"
    types: dict[pl.DataType, str] = {
        pl.Int64(): "bigint",
        pl.Float64(): "float8",
        pl.Date(): "date",
        pl.Boolean(): "boolean",
        pl.Datetime("us", "UTC"): "timestamptz",
        pl.String(): "text",
    }
    return f"CAST(f.row ->> '{name}' AS {types[column.dtype] if column else 'bigint'})"
