"""Rows of a table written by thousands in a statement: arrays on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import AutoField, CharField, FloatField, ForeignKey, IntegerField, Model

_BATCH = 5_000
# The database takes their values as they are.
_PLAIN = (AutoField, CharField, FloatField, ForeignKey, IntegerField)
Row = Sequence[Any]


def rows_update(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Set columns (by their names in the database) of rows: each the values in this order, and the key."""
    table, columns = _quoted(model._meta.db_table), [_quoted(name) for name in names]
    if connection.vendor == "postgresql":
        sets = ", ".join(f"{column} = made.{column}" for column in columns)
        made = ", ".join([*columns, "id"])
        _execute(
            model,
            [*names, "id"],
            rows,
            f"UPDATE {table} SET {sets} FROM unnest(%(arrays)s) AS made ({made}) WHERE {table}.id = made.id",  # noqa: S608 - our own names
        )
    else:
        sets = ", ".join(f"{column} = %s" for column in columns)
        _execute_many(model, [*names, "id"], rows, f"UPDATE {table} SET {sets} WHERE id = %s")  # noqa: S608 - our own names


def rows_insert(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows of these columns, which have to be all but the key."""
    table, columns = _quoted(model._meta.db_table), ", ".join(_quoted(name) for name in names)
    start = f"INSERT INTO {table} ({columns})"
    if connection.vendor == "postgresql":
        _execute(model, names, rows, f"{start} SELECT * FROM unnest(%(arrays)s)")  # noqa: S608
    else:
        _execute_many(model, names, rows, f"{start} VALUES ({', '.join(['%s'] * len(names))})")


def _execute(model: type[Model], names: Sequence[str], rows: Iterable[Row], statement: str) -> None:
    fields = [_field(model, name) for name in names]
    kinds = [
        # (A key's own type would make a sequence.)
        field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
        for field in fields
    ]
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    with connection.cursor() as cursor:
        for some in _batches(_stored(model, names, rows)):
            columns = [list(column) for column in zip(*some, strict=True)]
            cursor.execute(statement.replace("%(arrays)s", arrays), columns)


def _execute_many(model: type[Model], names: Sequence[str], rows: Iterable[Row], statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(_stored(model, names, rows)))


def _stored(model: type[Model], names: Sequence[str], rows: Iterable[Row]) -> Iterator[list[Any]]:
    """The values as the database takes them."""
    fields = [_field(model, name) for name in names]
    prepare = [
        (place, field.get_db_prep_save) for place, field in enumerate(fields) if not isinstance(field, _PLAIN)
    ]
    for row in rows:
        values = list(row)
        for place, make in prepare:
            values[place] = make(values[place], connection)
        yield values


def _batches(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    while some := list(islice(rows, _BATCH)):
        yield some


def _field(model: type[Model], column: str) -> Any:
    return next(field for field in model._meta.concrete_fields if field.column == column)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
