"""Checked frames into the database: references within a file, order lines with their days, masters first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.checking import codes_read
from catalog.importers.columns import DataSet
from catalog.importers.dates import local_to_utc
from catalog.importers.prepared import Prepared
from catalog.importers.reading import ROW
from catalog.models import ImportBatch, Indicator, Location
from catalog.selectors.frames import read_frame
from catalog.services.behaviour import behaviour_roll_up, events_days
from catalog.services.errors import CatalogError
from catalog.services.rows import UpsertResult, rows_upsert
from catalog.services.sales import lines_days, sales_roll_up
from catalog.tables import TABLES

Say = Callable[[str, float], None]
_NONE = UpsertResult(0, 0, 0)


def data_set_load(
    data_set: DataSet, frame: pl.DataFrame, *, batch: ImportBatch, recorded_at: datetime
) -> UpsertResult:
    """Write the rows of a file (database columns; the reference to the same kind still a code)."""
    frame = _keys_fill(data_set, frame.drop(ROW))
    if data_set.kind == "order_lines":
        return _order_lines_load(_order_lines_finish(frame), batch=batch, recorded_at=recorded_at)
    if data_set.kind == "shopper_event":
        return _events_load(_with_local_day(frame, "occurred_at"), batch=batch, recorded_at=recorded_at)
    if data_set.kind == "indicator_value":
        frame = _known_on_fill(frame)
    frame = _families_merge(data_set, frame)
    if data_set.itself not in frame.columns:
        return rows_upsert(kind=data_set.kind, frame=frame, batch=batch, recorded_at=recorded_at)
    return levels_load(data_set.kind, frame, itself=data_set.itself, batch=batch, recorded_at=recorded_at)


def _keys_fill(data_set: DataSet, frame: pl.DataFrame) -> pl.DataFrame:
    """Columns of the key that a file may leave out, such as the source, with what an empty cell means."""
    return frame.with_columns(
        pl.lit(column.default).alias(column.field)
        for column in data_set.columns
        if column.field in data_set.key and column.field not in frame.columns and column.default is not None
    )


def levels_load(
    kind: str, frame: pl.DataFrame, *, itself: str, batch: ImportBatch, recorded_at: datetime
) -> UpsertResult:
    """Write rows that refer to rows of their own kind: first those whose target is there, then the next.

    Each row is written once, with its reference, so that the same file again changes nothing.
    """
    key = TABLES[kind].keys[0]
    pending, total = frame, _NONE
    while not pending.is_empty():
        known = codes_read(kind)
        target = pl.col(itself)
        waits = target.is_in(pending[key].implode()) & ~target.is_in(list(known))
        ready = pending.filter(~waits.fill_null(False))
        if ready.is_empty():
            raise CatalogError(_("Rows refer to one another in a circle."))
        ids = target.replace_strict(known, default=None, return_dtype=pl.Int64) if known else pl.lit(None)
        rows = ready.with_columns(ids.cast(pl.Int64).alias(itself))
        total += rows_upsert(kind=kind, frame=rows, batch=batch, recorded_at=recorded_at)
        pending = pending.filter(waits.fill_null(False))
    return total


def prepared_load(prepared: Prepared, *, batch: ImportBatch, recorded_at: datetime) -> UpsertResult:
    """Write what an importer of a public format prepared.

    Categories, locations and products that are there already stay as they are: people may have given them
    better names.
    """
    total = _NONE
    for kind, frame in prepared.masters.items():
        key = TABLES[kind].keys[0]
        new = frame.filter(~pl.col(key).is_in(list(codes_read(kind))))
        if kind == "product" and "category" in new.columns:
            categories = codes_read("category")
            ids = pl.col("category").replace_strict(categories, default=None, return_dtype=pl.Int64)
            new = new.with_columns(category_id=ids).drop("category")
        itself = {"category": "parent_id", "location": "receiving_location_id"}.get(kind, "")
        if itself:
            total += levels_load(kind, new, itself=itself, batch=batch, recorded_at=recorded_at)
        else:
            total += rows_upsert(kind=kind, frame=new, batch=batch, recorded_at=recorded_at)
    products, locations = codes_read("product"), codes_read("location")
    total += _order_lines_load(
        _with_ids(prepared.orders, products, locations), batch=batch, recorded_at=recorded_at
    )
    for kind, frame in prepared.facts.items():
        rows = _with_ids(frame, products, locations)
        total += rows_upsert(kind=kind, frame=rows, batch=batch, recorded_at=recorded_at)
    return total


def _with_ids(frame: pl.DataFrame, products: dict[str, int], locations: dict[str, int]) -> pl.DataFrame:
    return frame.with_columns(
        product_id=pl.col("sku").replace_strict(products, return_dtype=pl.Int64),
        location_id=pl.col("location").replace_strict(locations, return_dtype=pl.Int64),
    ).drop("sku", "location")


def _order_lines_finish(frame: pl.DataFrame) -> pl.DataFrame:
    """Times in UTC, the location's own day, and what the file may leave out."""
    if "kind" not in frame.columns:
        kind = pl.when(pl.col("quantity") < 0).then(pl.lit("return")).otherwise(pl.lit("sale"))
        frame = frame.with_columns(kind=kind)
    return _with_local_day(frame, "ordered_at")


def _with_local_day(frame: pl.DataFrame, moment: str) -> pl.DataFrame:
    """The time in UTC, and the location's own day in a column `day`."""
    zones = dict(Location._base_manager.values_list("pk", "time_zone"))
    frame = frame.with_columns(zone=pl.col("location_id").replace_strict(zones, return_dtype=pl.String))
    return local_to_utc(frame, moment=moment, zone="zone")


def _order_lines_load(frame: pl.DataFrame, *, batch: ImportBatch, recorded_at: datetime) -> UpsertResult:
    """Write the lines, then make the sales records of the days that changed. Counts the lines."""
    result = rows_upsert(kind="order_lines", frame=frame, batch=batch, recorded_at=recorded_at)
    if result.new or result.changed:
        sales_roll_up(keys=lines_days(batch.pk), batch=batch, recorded_at=recorded_at)
    return result


def _events_load(frame: pl.DataFrame, *, batch: ImportBatch, recorded_at: datetime) -> UpsertResult:
    """Write the events, then count the days that changed. Counts the events."""
    result = rows_upsert(kind="shopper_event", frame=frame, batch=batch, recorded_at=recorded_at)
    if result.new or result.changed:
        behaviour_roll_up(keys=events_days(batch.pk), recorded_at=recorded_at)
    return result


def _known_on_fill(frame: pl.DataFrame) -> pl.DataFrame:
    """Where no day is told from which a value was known: the stored one, if the file has no such column, or
    the value's own day and the indicator's publication lag."""
    lags = dict(Indicator._base_manager.values_list("pk", "publication_lag_days"))
    lag = pl.col("indicator_id").replace_strict(lags, return_dtype=pl.Int64)
    usual = pl.col("day") + pl.duration(days=lag)
    if "known_on" in frame.columns:
        return frame.with_columns(known_on=pl.coalesce("known_on", usual))
    table = TABLES["indicator_value"]
    keys = list(table.keys)
    lacking = [name for name in keys if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=table.schema[name]).alias(name) for name in lacking)
    first, last = frame.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    stored = read_frame(
        f"SELECT {', '.join(keys)}, known_on FROM {table.name} WHERE day BETWEEN %s AND %s",  # noqa: S608
        [first, last],
        schema={name: table.schema[name] for name in (*keys, "known_on")},
    )
    frame = frame.join(stored, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return frame.with_columns(known_on=pl.coalesce("known_on", usual))


def _families_merge(data_set: DataSet, frame: pl.DataFrame) -> pl.DataFrame:
    """Lay a file's names and attributes over the stored ones: a column that a file lacks is kept."""
    targets = [target for _prefix, target in data_set.families if target in frame.columns]
    if not targets:
        return frame
    table, key = TABLES[data_set.kind], data_set.key[0]
    stored = read_frame(
        f"SELECT {key}, {', '.join(f'CAST({name} AS text) AS {name}' for name in targets)} FROM {table.name}",  # noqa: S608
        schema={name: pl.String() for name in (key, *targets)},
    )
    before = {row[0]: row[1:] for row in stored.iter_rows()}
    for place, target in enumerate(targets):
        merged = []
        for code, text in frame.select(key, target).iter_rows():
            values = json.loads(before[code][place] or "{}") if code in before else {}
            values |= json.loads(text or "{}")
            kept = {name: value for name, value in values.items() if value is not None}
            merged.append(json.dumps(kept, ensure_ascii=False))
        frame = frame.with_columns(pl.Series(target, merged, dtype=pl.String))
    return frame
