"""Frames into the database in bulk, in Django's transaction: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import polars as pl
from django.db import connection

from catalog.selectors.frames import is_postgresql
from catalog.tables import Table

STAGED = "staged_rows"
VERDICT = "staged_verdict"
_CHUNK = 100_000


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement; answers with the number of rows it touched. `%s` are parameters."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params) or None)
        return cast("int", cursor.rowcount)


def scalar(sql: str, params: Sequence[Any] = ()) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params) or None)
        row = cursor.fetchone()
    return row[0] if row else None


def table_lock(table: Table) -> None:
    """Keep other writers of the table out until the transaction ends; readers pass.

    SQLite's transactions are immediate: one writer at a time already.
    """
    if is_postgresql():
        execute(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def frame_insert(target: str, frame: pl.DataFrame, constants: dict[str, object] | None = None) -> None:
    """Append the frame to the table `target`, its columns by name, with the same `constants` in every row."""
    if is_postgresql():
        _copy(
            target, frame.with_columns(pl.lit(value).alias(name) for name, value in (constants or {}).items())
        )
    else:
        _executemany(target, frame, constants or {})


def stage(table: Table, frame: pl.DataFrame, columns: Sequence[str]) -> None:
    """Put the frame's `columns` into the temporary table `staged_rows`, numbered from 0 in column `n`.

    The columns have the types of the table's own, so that PostgreSQL compares numerics exactly.
    """
    stage_drop()
    names = ", ".join(columns)
    if is_postgresql():
        execute(
            f"CREATE TEMP TABLE {STAGED} AS SELECT 0 AS n, {names} FROM {table.name} WITH NO DATA"  # noqa: S608
        )
    else:
        execute(f"CREATE TEMP TABLE {STAGED} (n INTEGER PRIMARY KEY, {names})")
    frame_insert(STAGED, frame.select(columns).with_row_index("n"))
    if is_postgresql():
        execute(f"ANALYZE {STAGED}")


def stage_drop() -> None:
    """Remove the temporary tables."""
    for name in (VERDICT, STAGED):
        execute(f"DROP TABLE IF EXISTS {'pg_temp' if is_postgresql() else 'temp'}.{name}")


def keys_match(table: Table, left: str, right: str, keys: Sequence[str] | None = None) -> str:
    """SQL: the rows of the two aliases have the same natural key. Null (of ids) equals null."""
    return " AND ".join(
        f"COALESCE({left}.{key}, 0) = COALESCE({right}.{key}, 0)"
        if table.columns[key].nullable
        else f"{left}.{key} = {right}.{key}"
        for key in keys or table.keys
    )


def values_differ(table: Table, left: str, right: str, columns: Sequence[str]) -> str:
    """SQL: any of the columns differs between the two aliases, nulls counted as values."""
    return " OR ".join(_differs(table, left, right, name) for name in columns) or "1 = 0"


def _differs(table: Table, left: str, right: str, name: str) -> str:
    a, b = f"{left}.{name}", f"{right}.{name}"
    if is_postgresql():
        return f"{a} IS DISTINCT FROM {b}"
    column = table.columns[name]
    if column.decimals is not None:
        # SQLite keeps decimals as binary floats: equal is what rounds to the same last decimal.
        return f"({a} IS NOT {b} AND COALESCE(ABS({a} - {b}) >= 0.5e-{column.decimals}, 1))"
    if column.is_json:
        return f"json({a}) IS NOT json({b})"
    return f"{a} IS NOT {b}"


def timestamp(moment: datetime) -> object:
    """A moment as the database's driver wants it (aware UTC; on SQLite the text that Django writes)."""
    return connection.ops.adapt_datetimefield_value(moment) if not is_postgresql() else moment.astimezone(UTC)


def _copy(target: str, frame: pl.DataFrame) -> None:
    statement = f"COPY {target} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for piece in frame.iter_slices(_CHUNK):
            buffer = io.BytesIO()
            piece.write_csv(buffer, include_header=False)
            copy.write(buffer.getvalue())


def _executemany(target: str, frame: pl.DataFrame, constants: dict[str, object]) -> None:
    # Constants stand in the statement itself: nothing to bind for each row.
    names = ", ".join([*frame.columns, *constants])
    marks = ", ".join(["?"] * frame.width + [_literal(value) for value in constants.values()])
    connection.ensure_connection()
    with connection.wrap_database_errors:
        connection.connection.executemany(
            f"INSERT INTO {target} ({names}) VALUES ({marks})",  # noqa: S608
            _sqlite_rows(frame),
        )


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        value = str(timestamp(value))
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _sqlite_rows(frame: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    for piece in frame.iter_slices(_CHUNK):
        columns = [
            series.to_list()
            for series in piece.with_columns(
                pl.col(pl.Date).cast(pl.String),
                pl.col(pl.Datetime).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.6f"),
            )
        ]
        yield from zip(*columns, strict=True)
