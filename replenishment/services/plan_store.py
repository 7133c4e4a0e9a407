"""Writing the suggestions and actions of a plan in bulk: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

import polars as pl
from django.db import connection
from django.db.models import Model

from replenishment.models import PlanAction, Suggestion

_NUMBERS = (
    "on_hand",
    "on_order",
    "on_order_late",
    "allocated",
    "expected_demand",
    "safety_stock",
    "reorder_point",
    "order_up_to",
    "net_need",
    "adj_not_due",
    "adj_cycle",
    "adj_moq",
    "adj_multiple",
    "adj_max",
    "adj_shelf_life",
    "adj_price_break",
    "adj_transfer",
    "adj_calm",
    "adj_supplier_minimum",
    "adj_container",
    "adj_budget",
    "order_quantity",
    "expected_fill_rate",
    "expected_cycle_service",
    "target",
    "lead_time_days",
    "lead_time_sd_days",
    "review_days",
    "demand_p50",
    "demand_p90",
    "daily_demand",
    "cover_days",
    "unit_cost",
    "home_unit_cost",
    "home_value",
    "excess",
    "excess_value",
    "margin_at_risk",
    "landed_cost",
    "previous_quantity",
    "change_demand",
    "change_stock",
    "change_lead_time",
    "change_price",
    "change_rule",
    "change_other",
)
_DATES = ("stock_day", "stock_out_on", "order_by", "order_on")
_COUNTS = ("lead_time_receipts",)
_FLAGS = ("stock_is_assumed", "terms_are_assumed", "is_new")
_TEXTS = ("policy", "reason", "currency", "abc", "xyz", "pattern", "model", "target_kind")
_IDS = ("product_id", "location_id", "supplier_id", "terms_id", "rule_id")


def suggestions_store(*, plan_id: int, rows: pl.DataFrame) -> None:
    """Insert the rows of `plan_rows.rows_plan`; call in the transaction that finishes the plan."""
    is_postgresql = connection.vendor == "postgresql"
    known = (*_IDS, *_NUMBERS, *_DATES, *_COUNTS, *_FLAGS, *_TEXTS)
    rows = rows.with_columns(pl.lit(None).alias(name) for name in known if name not in rows.columns)
    frame = rows.select(
        pl.lit(plan_id).alias("plan_run_id"),
        *(pl.col(name).cast(pl.Int64) for name in _IDS),
        *(pl.col(name).cast(pl.Float64) for name in _NUMBERS),
        *(pl.col(name).cast(pl.Int64).fill_null(0) for name in _COUNTS),
        # SQLite keeps dates as text and truth as numbers.
        *(pl.col(name).cast(pl.Date if is_postgresql else pl.String) for name in _DATES),
        *(
            pl.col(name).cast(pl.Boolean).fill_null(False).cast(pl.Boolean if is_postgresql else pl.Int64)
            for name in _FLAGS
        ),
        *(pl.col(name).cast(pl.String).fill_null("") for name in _TEXTS),
        state=pl.lit(Suggestion.State.OPEN.value),
        edit_reason=pl.lit(""),
    ).with_columns(pl.col("allocated", "on_order", "on_order_late").fill_null(0.0))
    _insert(Suggestion, frame)


def actions_store(*, plan_id: int, rows: pl.DataFrame) -> None:
    """Insert the rows of `plan_transfers.transfer_actions` and `plan_actions.actions_found`.

    In the same transaction as the suggestions.
    """
    day = pl.Date if connection.vendor == "postgresql" else pl.String
    _insert(PlanAction, rows.with_columns(pl.col("act_by").cast(day), plan_run_id=pl.lit(plan_id)))


def _insert(model: type[Model], frame: pl.DataFrame) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(name) for name in frame.columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)") as copy:
                # An empty text is quoted, so that it is not taken for NULL.
                copy.write(frame.write_csv(include_header=False, quote_style="non_numeric").encode())
        else:
            marks = ", ".join(["%s"] * frame.width)
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
            cursor.executemany(statement, frame.rows())
