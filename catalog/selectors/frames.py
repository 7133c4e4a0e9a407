"""Bulk reads into polars: by ADBC from PostgreSQL (Arrow, no ORM rows), by rows from SQLite.

SQL here carries `%s` for parameters and has to cast numerics to floats (`real`), since ADBC hands numeric
over as text. Statements are built from column names and numbers of our own, never from people's text.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import polars as pl
from django.db import connection

Schema = Mapping[str, pl.DataType]

_ROWS = 50_000
_small: ContextVar[bool] = ContextVar("small_reads", default=False)
_BY_OID: dict[int, pl.DataType] = {
    16: pl.Boolean(),
    20: pl.Int64(),
    21: pl.Int64(),
    23: pl.Int64(),
    700: pl.Float64(),
    701: pl.Float64(),
    1082: pl.Date(),
    1184: pl.Datetime("us", "UTC"),
}


class Read(Protocol):
    """Runs one SELECT."""

    def __call__(
        self, sql: str, params: Sequence[object] = (), *, schema: Schema | None = None
    ) -> pl.DataFrame:
        """The result; cast to `schema` where given (SQLite knows neither dates nor booleans)."""


def is_postgresql() -> bool:
    """Whether the default database is PostgreSQL (else SQLite)."""
    return connection.vendor == "postgresql"


def real(expression: str) -> str:
    """SQL: the expression as a binary float."""
    return f"CAST({expression} AS {'float8' if is_postgresql() else 'REAL'})"


@contextmanager
def small_reads() -> Iterator[None]:
    """Inside, reads go through Django's connection: for a page that reads few rows.

    A connection by ADBC takes 20 to 50 ms, as long as all that such a page reads. Each read then sees what
    the others have committed meanwhile.
    """
    token = _small.set(True)
    try:
        yield
    finally:
        _small.reset(token)


def reads_by_django() -> bool:
    """Whether `reading` uses Django's connection: in a transaction, or for `small_reads`."""
    return connection.in_atomic_block or _small.get()


@contextmanager
def reading() -> Iterator[Read]:
    """Reads that all see the same state of the database.

    Outside a transaction: on a connection and a snapshot of their own, on PostgreSQL by ADBC. Inside one:
    through Django's connection, so that they see what the transaction wrote. As `small_reads` do.
    """
    if reads_by_django():
        yield _read_postgresql if is_postgresql() else _read_sqlite
        return
    with _adbc_reads() if is_postgresql() else _sqlite_reads() as read:
        yield read


@contextmanager
def _adbc_reads() -> Iterator[Read]:
    with _adbc_connect() as adbc:

        def read(sql: str, params: Sequence[object] = (), *, schema: Schema | None = None) -> pl.DataFrame:
            with adbc.cursor() as cursor:
                cursor.execute(inlined(sql, params))
                result = pl.from_arrow(cursor.fetch_arrow_table())
            assert isinstance(result, pl.DataFrame)  # noqa: S101
            return _typed(result, schema)

        yield read


@contextmanager
def _sqlite_reads() -> Iterator[Read]:
    """Never by ADBC: its driver carries an SQLite of its own, and two copies of SQLite in one process undo
    each other's file locks. What Django had committed was lost when the other copy closed the file, opened
    read-only or not (https://www.sqlite.org/howtocorrupt.html, section 2.2.1).
    """
    uri = f"file:{quote(str(Path(connection.settings_dict['NAME']).resolve()))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)) as own:
        own.execute("BEGIN")

        def read(sql: str, params: Sequence[object] = (), *, schema: Schema | None = None) -> pl.DataFrame:
            return _from_rows(own.execute(inlined(sql, params)), schema)

        yield read


def read_frame(sql: str, params: Sequence[object] = (), *, schema: Schema | None = None) -> pl.DataFrame:
    """One SELECT, by the rules of `reading`."""
    with reading() as read:
        return read(sql, params, schema=schema)


def inlined(sql: str, params: Sequence[object]) -> str:
    """The SQL with its parameters written in as literals: COPY takes none, ADBC is slower with them."""
    pieces = [piece.replace("%%", "%") for piece in sql.split("%s")]
    if len(pieces) != len(params) + 1:
        raise ValueError(f"{len(pieces) - 1} placeholders, {len(params)} parameters")
    text = pieces[0]
    for param, piece in zip(params, pieces[1:], strict=True):
        text += _literal(param) + piece
    return text


def ids_in(expression: str, ids: Sequence[int] | None) -> str:
    """SQL: the expression is one of these ids; true for None."""
    if ids is None:
        return "1 = 1"
    return f"{expression} IN ({', '.join(str(int(item)) for item in ids) or 'NULL'})"


def _adbc_connect() -> Any:
    from adbc_driver_postgresql import dbapi
    from psycopg.conninfo import make_conninfo

    params = connection.get_connection_params()
    keep = {"dbname", "user", "password", "host", "port", "service", "sslmode", "options"}
    parts = {name: value for name, value in params.items() if name in keep or name.startswith("ssl")}
    adbc = dbapi.connect(make_conninfo(**parts))
    with adbc.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return adbc


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if is_postgresql():
        from psycopg.sql import Literal

        return Literal(value).as_string(None)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        text = str(value.astimezone(UTC).replace(tzinfo=None))
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value)
    if "\0" in text:
        raise ValueError("a zero byte in a parameter")
    return "'" + text.replace("'", "''") + "'"


def _read_sqlite(sql: str, params: Sequence[object] = (), *, schema: Schema | None = None) -> pl.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(inlined(sql, params))
        return _from_rows(cursor, schema)


def _from_rows(cursor: Any, schema: Schema | None) -> pl.DataFrame:
    """What is left of a cursor's rows, column by column."""
    names = [column[0] for column in cursor.description]
    pieces: list[pl.DataFrame] = []
    # Piece by piece: Python's objects for all rows at once would take many times the frame's memory.
    while (rows := cursor.fetchmany(_ROWS)) or not pieces:
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        piece = pl.DataFrame(
            [pl.Series(name, values, strict=False) for name, values in zip(names, columns, strict=True)]
        )
        pieces.append(_typed(piece, schema))
    return pl.concat(pieces, how="vertical_relaxed")


def _read_postgresql(
    sql: str, params: Sequence[object] = (), *, schema: Schema | None = None
) -> pl.DataFrame:
    statement = inlined(sql, params)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({statement}) q LIMIT 0")  # noqa: S608
        types = {column.name: _BY_OID.get(column.type_code, pl.String()) for column in cursor.description}
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as copy:
            text = b"".join(copy)
    if not text:
        return _typed(pl.DataFrame(schema=types), schema)
    # CSV has text for what polars would not read by itself.
    as_text = {pl.Boolean(): pl.String(), pl.Datetime("us", "UTC"): pl.String()}
    frame = pl.read_csv(
        io.BytesIO(text),
        has_header=False,
        schema={name: as_text.get(dtype, dtype) for name, dtype in types.items()},
    )
    return _typed(
        frame.with_columns(
            (
                pl.col(name) == "t"
                if dtype == pl.Boolean()
                else pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us")
            ).alias(name)
            for name, dtype in types.items()
            if dtype in as_text
        ),
        schema,
    )


def _typed(frame: pl.DataFrame, schema: Schema | None) -> pl.DataFrame:
    if schema is None:
        return frame
    return frame.select(
        pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", time_zone="UTC")
        if isinstance(dtype, pl.Datetime) and frame.schema[name] == pl.String
        else pl.col(name).str.to_date("%Y-%m-%d")
        if dtype == pl.Date and frame.schema[name] == pl.String
        else pl.col(name).cast(dtype)
        for name, dtype in schema.items()
    )
