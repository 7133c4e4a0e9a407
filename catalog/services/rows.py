"""Rows of every kind into the database: new ones in bulk, changed ones with their history, equal ones not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import ImportBatch, SupersededFact
from catalog.selectors.frames import is_postgresql, read_frame
from catalog.services import staging
from catalog.services.errors import CatalogError
from catalog.tables import REQUIRED, TABLES, Table
from catalog.text import product_search_text

_PROBE_LOCATIONS = 500


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """How many rows were new, changed what was stored, or were equal to it."""

    new: int
    changed: int
    unchanged: int

    def __add__(self, other: UpsertResult) -> UpsertResult:
        return UpsertResult(
            self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged
        )


def rows_upsert(
    *, kind: str, frame: pl.DataFrame, batch: ImportBatch | None, recorded_at: datetime | None = None
) -> UpsertResult:
    """Write rows of a kind (`catalog.tables.TABLES`) by their natural key, in the caller's transaction.

    `frame` has the kind's database columns (foreign keys as ids, JSON as text), keys unique. A value column
    that is left out keeps what is stored, and takes its default in new rows. The values that a change
    replaces go to `SupersededFact`. Writers of the same table wait for one another.

    Raises `ValueError` on a frame that no importer should make (unknown or missing columns, a key twice,
    numbers that are not finite), `CatalogError` on a new row without a column that it needs, and Django's
    database errors where a constraint is broken.
    """
    table = TABLES[kind]
    if frame.is_empty():
        return UpsertResult(0, 0, 0)
    with transaction.atomic():
        staging.table_lock(table)
        # Not before the lock: whoever had it may have recorded the same rows in the meantime.
        now = recorded_at or timezone.now()
        if kind == "product":
            frame = _with_search_text(frame)
        given = [name for name in table.values if name in frame.columns]
        rows = _prepared(table, frame)
        lacking = [name for name in table.values if name not in rows.columns]
        batch_id = batch.pk if batch else None
        if not _any_stored(table, rows):
            _check_complete(lacking)
            staging.frame_insert(table.name, rows, {"recorded_at": now, "batch_id": batch_id})
            return UpsertResult(rows.height, 0, 0)
        staging.stage(table, rows, rows.columns)
        result = _merge(table, rows, given, lacking, now, batch_id)
        staging.stage_drop()
        return result


def rows_remove(*, kind: str, keys: pl.DataFrame, batch: ImportBatch | None) -> int:
    """Remove the rows with these natural keys (unique), keeping their values in `SupersededFact`."""
    table = TABLES[kind]
    if keys.is_empty():
        return 0
    with transaction.atomic():
        staging.table_lock(table)
        staging.stage(table, _prepared(table, keys.select(table.keys), partial=True), table.keys)
        source = f"{staging.STAGED} s JOIN {table.name} t ON {staging.keys_match(table, 's', 't')}"
        removed = supersede(table, source, timezone.now(), batch.pk if batch else None)
        if removed:
            staging.execute(
                f"DELETE FROM {table.name} AS t WHERE EXISTS ("  # noqa: S608
                f"SELECT 1 FROM {staging.STAGED} s WHERE {staging.keys_match(table, 's', 't')})"
            )
        staging.stage_drop()
        return removed


def supersede(table: Table, source: str, now: datetime, batch_id: int | None) -> int:
    """Copy rows of the table, in the SQL `source` under the alias `t`, to `SupersededFact`."""
    build, latest = ("jsonb_build_object", "GREATEST") if is_postgresql() else ("json_object", "MAX")
    columns = [*(["id"] if table.has_id else []), *table.columns]
    parts = []
    for name in columns:
        is_text_json = not is_postgresql() and name != "id" and table.columns[name].is_json
        parts.append(f"'{name}', " + (f"json(t.{name})" if is_text_json else f"t.{name}"))
    return staging.execute(
        f"INSERT INTO {SupersededFact._meta.db_table}"  # noqa: S608
        " (kind, row, recorded_at, superseded_at, batch_id, superseded_by_id)"
        f" SELECT %s, {build}({', '.join(parts)}), t.recorded_at, {latest}(t.recorded_at, %s), t.batch_id,"
        f" {_null_or_id(batch_id)} FROM {source}",
        [table.kind, staging.timestamp(now)],
    )


def _merge(
    table: Table,
    rows: pl.DataFrame,
    given: list[str],
    lacking: list[str],
    now: datetime,
    batch_id: int | None,
) -> UpsertResult:
    match = staging.keys_match(table, "s", "t")
    staging.execute(
        f"CREATE TEMP TABLE {staging.VERDICT} AS"  # noqa: S608
        f" SELECT s.n, t.{table.keys[0]} IS NULL AS is_new"
        f" FROM {staging.STAGED} s LEFT JOIN {table.name} t ON {match}"
        f" WHERE t.{table.keys[0]} IS NULL OR {staging.values_differ(table, 's', 't', given)}"
    )
    count = f"SELECT COUNT(*) FROM {staging.VERDICT} v WHERE"  # noqa: S608
    new = int(staging.scalar(f"{count} v.is_new"))
    changed = int(staging.scalar(f"{count} NOT v.is_new"))
    staged = f"{staging.VERDICT} v JOIN {staging.STAGED} s ON s.n = v.n"
    if changed:
        supersede(table, f"{staged} JOIN {table.name} t ON {match} WHERE NOT v.is_new", now, batch_id)
        latest = "GREATEST" if is_postgresql() else "MAX"
        staging.execute(
            f"UPDATE {table.name} AS t SET {', '.join(f'{name} = s.{name}' for name in given)},"  # noqa: S608
            f" recorded_at = {latest}(t.recorded_at, %s), batch_id = {_null_or_id(batch_id)}"
            f" FROM {staged} WHERE NOT v.is_new AND {match}",
            [staging.timestamp(now)],
        )
    if new:
        _check_complete(lacking)
        names = ", ".join(rows.columns)
        staging.execute(
            f"INSERT INTO {table.name} ({names}, recorded_at, batch_id)"  # noqa: S608
            f" SELECT {', '.join(f's.{name}' for name in rows.columns)}, {_moment()}, {_null_or_id(batch_id)}"
            f" FROM {staged} WHERE v.is_new ORDER BY s.n",
            [staging.timestamp(now)],
        )
    return UpsertResult(new, changed, rows.height - new - changed)


def _moment() -> str:
    return "%s::timestamptz" if is_postgresql() else "%s"


def _null_or_id(value: int | None) -> str:
    if value is None:
        return "CAST(NULL AS bigint)"
    return str(int(value))


def _check_complete(lacking: list[str]) -> None:
    if lacking:
        raise CatalogError(_("New rows need a value in: %s.") % ", ".join(lacking))


def _prepared(table: Table, frame: pl.DataFrame, *, partial: bool = False) -> pl.DataFrame:
    """The frame with the table's types, rounded, with defaults, in the order of the key, no key twice."""
    unknown = [name for name in frame.columns if name not in table.columns]
    absent = [
        key for key in table.keys if key not in frame.columns and table.columns[key].default is REQUIRED
    ]
    if unknown or absent:
        raise ValueError(f"{table.kind}: unknown columns {unknown}, missing keys {absent}")
    expressions = []
    for column in table.columns.values():
        if column.name not in frame.columns:
            # What has no default stays out: then every row has to be there already.
            if column.default is not REQUIRED and not partial:
                expressions.append(pl.lit(column.default, dtype=column.dtype).alias(column.name))
            continue
        expression = pl.col(column.name).cast(column.dtype)
        if column.decimals is not None:
            expression = expression.round(column.decimals)
        if column.is_json:
            expression = expression.map_elements(_canonical_json, return_dtype=pl.String)
        if not column.nullable and column.default is not REQUIRED:
            expression = expression.fill_null(column.default)
        expressions.append(expression)
    rows = frame.select(expressions)
    floats = [name for name, dtype in rows.schema.items() if dtype == pl.Float64]
    if floats and not rows.select(pl.all_horizontal(pl.col(floats).is_finite().all())).item():
        raise ValueError(f"{table.kind}: a number is not finite")
    rows = rows.sort(table.keys)
    same_as_last = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in table.keys)
    if rows.select(same_as_last.slice(1).any()).item():
        raise ValueError(f"{table.kind}: a key stands twice in the frame")
    return rows


def _canonical_json(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


def _any_stored(table: Table, rows: pl.DataFrame) -> bool:
    """Whether the table has any row near these: cheap, and false only when none of them is stored."""
    conditions, params = ["1 = 1"], list[object]()
    if {"location_id", "day"} <= set(table.keys):
        first, last = rows.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
        conditions.append("t.day BETWEEN %s AND %s")
        params += [first, last]
        locations = rows["location_id"].unique()
        # A row of no location may be stored whatever the locations of the others.
        if len(locations) <= _PROBE_LOCATIONS and not locations.has_nulls():
            conditions.append(f"t.location_id IN ({', '.join(map(str, locations))})")
    where = " AND ".join(conditions)
    return bool(staging.scalar(f"SELECT EXISTS (SELECT 1 FROM {table.name} t WHERE {where})", params))  # noqa: S608


def _with_search_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill `search_text` from SKU, GTIN and names; what the frame leaves out is taken from what is stored."""
    parts = ["gtin", "name", "names"]
    left_out = [name for name in parts if name not in frame.columns]
    full = frame
    if left_out:
        stored = read_frame(
            f"SELECT sku, {', '.join(f'CAST({name} AS text) AS {name}' for name in left_out)}"  # noqa: S608
            f" FROM {TABLES['product'].name}",
            schema={"sku": pl.String(), **dict.fromkeys(left_out, pl.String())},
        )
        full = frame.join(stored, on="sku", how="left", maintain_order="left")
    texts = [
        product_search_text(sku=sku, gtin=gtin or "", name=name or "", names=json.loads(names or "{}"))
        for sku, gtin, name, names in full.select("sku", *parts).iter_rows()
    ]
    return frame.with_columns(search_text=pl.Series(texts, dtype=pl.String))
