"""Order lines rolled up to sales records."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from django.db import transaction

from catalog.models import ImportBatch, SupersededFact
from catalog.selectors.facts import column_from_json
from catalog.selectors.frames import read_frame, real
from catalog.services import staging
from catalog.services.rows import UpsertResult, rows_remove, rows_upsert
from catalog.tables import TABLES

_DAY = ("product_id", "location_id", "day")


def sales_roll_up(
    *, keys: pl.DataFrame, batch: ImportBatch | None, recorded_at: datetime | None = None
) -> UpsertResult:
    """Make the sales records of these days (product_id, location_id, day) what the order lines say.

    quantity: units of sales less cancellations, at least 0. revenue: quantity times unit price over both.
    returns: units returned. orders: distinct order numbers of sales. buyers: distinct known buyers of sales.
    A day that has no order lines left loses its record (its values are kept). The days that lines were on
    before the batch moved them are made up too. In the caller's transaction.
    """
    keys = keys.select(pl.col(name).cast(TABLES["sales"].schema[name]) for name in _DAY)
    with transaction.atomic():
        if batch is not None:
            keys = pl.concat([keys, lines_former_days(batch_id=batch.pk)])
        keys = keys.unique()
        # The same order as an import's own: order lines, then sales.
        staging.table_lock(TABLES["order_lines"])
        staging.table_lock(TABLES["sales"])
        rolled = _lines_rolled(keys)
        result = rows_upsert(kind="sales", frame=rolled, batch=batch, recorded_at=recorded_at)
        rows_remove(kind="sales", keys=keys.join(rolled, on=_DAY, how="anti"), batch=batch)
        return result


def lines_former_days(*, batch_id: int) -> pl.DataFrame:
    """The days (product_id, location_id, day) on which the order lines were that an import replaced."""
    former = ", ".join(f"{column_from_json('order_lines', name)} AS {name}" for name in _DAY)
    return read_frame(
        f"SELECT DISTINCT {former} FROM {SupersededFact._meta.db_table} f"  # noqa: S608
        " WHERE f.kind = %s AND f.superseded_by_id = %s",
        ["order_lines", batch_id],
        schema={name: TABLES["order_lines"].schema[name] for name in _DAY},
    )


def lines_days(batch_id: int) -> pl.DataFrame:
    """The days (product_id, location_id, day) that an import's order lines are on, or were on before it."""
    lines = TABLES["order_lines"]
    current = read_frame(
        f"SELECT DISTINCT {', '.join(_DAY)} FROM {lines.name} WHERE batch_id = %s",  # noqa: S608
        [batch_id],
        schema={name: lines.schema[name] for name in _DAY},
    )
    return pl.concat([current, lines_former_days(batch_id=batch_id)])


def _lines_rolled(keys: pl.DataFrame) -> pl.DataFrame:
    lines = TABLES["order_lines"]
    staging.stage(lines, keys, _DAY)
    is_demand, is_sale = "l.kind IN ('sale', 'cancellation')", "l.kind = 'sale'"
    sums = {
        "quantity": f"SUM(CASE WHEN {is_demand} THEN l.quantity ELSE 0 END)",
        "revenue": f"SUM(CASE WHEN {is_demand} THEN l.quantity * l.unit_price ELSE 0 END)",
        "returns": "SUM(CASE WHEN l.kind = 'return' THEN -l.quantity ELSE 0 END)",
    }
    counts = {
        "orders": f"COUNT(DISTINCT CASE WHEN {is_sale} THEN l.source || '/' || l.order_number END)",
        "buyers": f"COUNT(DISTINCT CASE WHEN {is_sale} AND l.buyer_hash <> '' THEN l.buyer_hash END)",
    }
    columns = [f"{real(sql)} AS {name}" for name, sql in sums.items()]
    columns += [f"{sql} AS {name}" for name, sql in counts.items()]
    match = " AND ".join(f"l.{name} = s.{name}" for name in _DAY)
    group = ", ".join(f"l.{name}" for name in _DAY)
    rolled = read_frame(
        f"SELECT {group}, {', '.join(columns)} FROM {staging.STAGED} s JOIN {lines.name} l ON {match}"  # noqa: S608
        f" GROUP BY {group}",
        schema={name: TABLES["sales"].schema[name] for name in (*_DAY, *sums, *counts)},
    )
    staging.stage_drop()
    return rolled.with_columns(pl.col("quantity").clip(lower_bound=0.0))
