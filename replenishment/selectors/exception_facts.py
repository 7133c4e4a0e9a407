"""What the search for exceptions reads of a plan, its actions and its orders."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import polars as pl
from django.conf import settings
from django.db.models import F

from catalog import selectors as catalog
from catalog.models import (
    SupplyTerms,
)
from catalog.selectors.frames import read_frame, real
from replenishment.core.items import DEFAULT_MARGIN
from replenishment.models import (
    PlanAction,
    PlanRun,
    PurchaseOrderLine,
    Suggestion,
)
from replenishment.selectors.home import orders_late

_PLACE = ["product_id", "location_id"]
_HOLDING_RATE = 0.25
_ROWS: dict[str, Any] = {
    "suggestion_id": pl.Int64(),
    "product_id": pl.Int64(),
    "location_id": pl.Int64(),
    "supplier_id": pl.Int64(),
    "terms_id": pl.Int64(),
    "on_hand": pl.Float64(),
    "on_order": pl.Float64(),
    "daily": pl.Float64(),
    "stock_out_on": pl.Date(),
    "lead_days": pl.Float64(),
    "order_up_to": pl.Float64(),
    "state": pl.String(),
    "quantity": pl.Float64(),
    "margin_at_risk": pl.Float64(),
    "landed_cost": pl.Float64(),
    "unit_cost": pl.Float64(),
    "currency": pl.String(),
    "reason": pl.String(),
    "moq": pl.Float64(),
}


def plan_frame(plan: PlanRun) -> pl.DataFrame:
    """The plan's rows as the rules of `replenishment.core.exceptions` take them.

    `cost` and `margin` are of a unit, in the home currency: the price is what the plan was made with, else
    that of the usual margin; 0 without terms or an exchange rate. `quantity` is what would still be ordered.
    """
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    rows = read_frame(
        "SELECT s.id AS suggestion_id, s.product_id, s.location_id, s.supplier_id, s.terms_id, s.on_hand,"  # noqa: S608 - our own names
        " s.on_order, s.daily_demand AS daily, s.stock_out_on, s.lead_time_days AS lead_days, s.order_up_to,"
        " s.state, COALESCE(s.edited_quantity, s.order_quantity) AS quantity, s.margin_at_risk,"
        f" s.landed_cost, {real('s.unit_cost')} AS unit_cost, s.currency, s.reason,"
        f" {real('t.moq')} AS moq"
        f" FROM {Suggestion._meta.db_table} s"
        f" LEFT JOIN {SupplyTerms._meta.db_table} t ON t.id = s.terms_id WHERE s.plan_run_id = %s"
        " ORDER BY s.id",
        [plan.pk],
        schema=_ROWS,
    )
    rate = pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64)
    is_open = pl.col("state") == Suggestion.State.OPEN.value
    return (
        rows.with_columns(
            cost=pl.coalesce("landed_cost", pl.col("unit_cost") * rate).fill_null(0.0),
            quantity=pl.when(is_open).then("quantity").otherwise(0.0),
            place=pl.format("{}@{}", *_PLACE),
        )
        .join(_prices(plan), on="place", how="left", maintain_order="left")
        .with_columns(
            holding_rate=pl.col("holding_rate").fill_null(_HOLDING_RATE),
            margin=(pl.coalesce("price", pl.col("cost") / (1 - DEFAULT_MARGIN)) - pl.col("cost")).clip(
                lower_bound=0.0
            ),
        )
        .drop("place", "price")
    )


def _prices(plan: PlanRun) -> pl.DataFrame:
    """place, price and holding_rate of what the plan kept of its items."""
    wanted = {"unique_id": pl.String, "price": pl.Float64, "holding_rate": pl.Float64}
    table = plan.items_table
    kept = pl.read_parquet(io.BytesIO(table)) if table else pl.DataFrame(schema=wanted)
    return kept.select(
        place="unique_id", **{name: pl.col(name).cast(pl.Float64) for name in list(wanted)[1:]}
    )


def products_frame(rows: pl.DataFrame) -> pl.DataFrame:
    """`plan_frame` by product: product_id, daily, daily_margin, stock_value, order_value."""
    return rows.group_by("product_id").agg(
        daily=pl.col("daily").sum(),
        daily_margin=(pl.col("daily").fill_null(0.0) * pl.col("margin")).sum(),
        stock_value=(pl.col("on_hand").fill_null(0.0).clip(lower_bound=0.0) * pl.col("cost")).sum(),
        order_value=(pl.col("quantity") * pl.col("cost")).sum(),
    )


def actions_frame(plan: PlanRun) -> pl.DataFrame:
    """The plan's open actions: action_id, place, kind, quantity, saving, days, their order line and order."""
    return pl.DataFrame(
        list(
            PlanAction.objects.filter(plan_run=plan, state=PlanAction.State.OPEN)
            .order_by("pk")
            .values_list(
                "pk",
                "product_id",
                "location_id",
                "kind",
                "quantity",
                "saving",
                "details__days",
                "order_line_id",
                "order_line__order_id",
                "order_line__order__supplier_id",
                "other_location_id",
            )
        ),
        schema={
            "action_id": pl.Int64,
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "kind": pl.String,
            "quantity": pl.Float64,
            "saving": pl.Float64,
            "days": pl.Float64,
            "line_id": pl.Int64,
            "order_id": pl.Int64,
            "supplier_id": pl.Int64,
            "other_location_id": pl.Int64,
        },
        orient="row",
    )


def late_lines(*, today: date) -> pl.DataFrame:
    """Lines still to come of orders whose day has passed, at their stocking locations."""
    late = orders_late(today=today).order_by().values("pk")
    rows = (
        PurchaseOrderLine.objects.filter(order__in=late, quantity__gt=F("received"))
        .order_by("order_id", "pk")
        .values_list(
            "order_id",
            "order__supplier_id",
            "order__location_id",
            "order__location__receiving_location_id",
            "order__number",
            "order__expected_on",
            "product_id",
            "quantity",
            "received",
        )
    )
    return pl.DataFrame(
        [
            (order, supplier, receiving or place, number, (today - day).days, product, float(all_ - come))
            for order, supplier, place, receiving, number, day, product, all_, come in rows
            if day is not None
        ],
        schema={
            "order_id": pl.Int64,
            "supplier_id": pl.Int64,
            "location_id": pl.Int64,
            "number": pl.String,
            "days": pl.Int64,
            "product_id": pl.Int64,
            "quantity": pl.Float64,
        },
        orient="row",
    )
