"""Stock: too little of it, too late, too much.

`rows` has a row for each product-location of a plan: product_id, location_id, supplier_id, on_hand, on_order,
daily (expected units a day), stock_out_on, lead_days, order_up_to, quantity (that the plan would order), cost
and margin (of a unit, home currency), holding_rate (a year). `lines` are open order lines: product_id,
location_id, line_id, order_id, day (expected; null: not known), quantity. `actions` are proposed actions:
action_id, product_id, location_id, kind, quantity, saving, line_id, order_id.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from replenishment.core.exceptions.limits import Limits, found, held_cost, place_key

_PLACE = ["product_id", "location_id"]
# Where no lead time is known.
_PLAIN_DAYS = 7.0
ON_ORDER = ("cut", "cancel", "postpone")
ON_HAND = ("transfer", "return", "markdown", "write-off")


def out_of_stock(rows: pl.DataFrame, lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Nothing on hand, though there is demand: its margin until the next receipt.

    Without an open order that is the lead time of one placed now.
    """
    out = rows.filter(pl.col("on_hand") <= 0, pl.col("daily") > 0)
    out = _next_receipt(out, lines.filter(pl.col("day") > as_of)).with_columns(order_id="next_order")
    days = (
        pl.when(pl.col("next_on").is_not_null())
        .then((pl.col("next_on") - pl.lit(as_of)).dt.total_days())
        .otherwise(pl.col("lead_days").fill_null(_PLAIN_DAYS))
    )
    return found(
        out,
        key=place_key(),
        impact=pl.col("daily") * pl.col("margin") * days,
        details=[
            pl.col("daily").round(3),
            days.round(1).alias("days"),
            pl.col("next_on").cast(pl.String),
            pl.col("on_order").round(3),
            pl.col("quantity").round(3),
        ],
    )


def runs_out(rows: pl.DataFrame, lines: pl.DataFrame, actions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The stock runs out before the next receipt, or before an order placed now would be in.

    The margin of the demand between the two; an action that proposes to expedite comes with it.
    """
    some = rows.filter(pl.col("on_hand") > 0, pl.col("daily") > 0, pl.col("stock_out_on").is_not_null())
    later = lines.join(some.select(*_PLACE, "stock_out_on"), on=_PLACE).filter(
        pl.col("day") >= pl.col("stock_out_on")
    )
    some = _next_receipt(some, later)
    lead = pl.col("lead_days").fill_null(_PLAIN_DAYS).ceil().cast(pl.Int64)
    now = pl.lit(as_of) + pl.duration(days=lead)
    some = some.with_columns(back_on=pl.min_horizontal(pl.col("next_on"), now.cast(pl.Date)))
    some = some.filter(pl.col("back_on") > pl.col("stock_out_on")).with_columns(
        gap=(pl.col("back_on") - pl.col("stock_out_on")).dt.total_days()
    )
    asked = actions.filter(pl.col("kind") == "expedite").sort("saving", descending=True)
    asked = asked.unique(_PLACE, keep="first", maintain_order=True).select(*_PLACE, "action_id", "order_id")
    some = some.join(asked, on=_PLACE, how="left").with_columns(
        order_id=pl.coalesce("order_id", "next_order")
    )
    return found(
        some,
        key=place_key(),
        impact=pl.col("gap") * pl.col("daily") * pl.col("margin"),
        details=[
            pl.col("daily").round(3),
            pl.col("stock_out_on").cast(pl.String).alias("out_on"),
            pl.col("back_on").cast(pl.String),
            pl.col("gap").alias("days"),
            pl.col("next_on").is_not_null().alias("is_ordered"),
            pl.col("quantity").round(3),
        ],
    )


def surplus_on_order(actions: pl.DataFrame) -> pl.DataFrame:
    """Open order lines that the plan would cut, cancel or postpone: what that saves."""
    some = actions.filter(pl.col("kind").is_in(ON_ORDER), pl.col("line_id").is_not_null())
    some = some.sort("saving", descending=True).unique("line_id", keep="first", maintain_order=True)
    return found(
        some,
        key=pl.col("line_id"),
        impact=pl.col("saving"),
        details=[pl.col("kind").alias("action"), pl.col("quantity").round(3), pl.col("days")],
    )


def excess(
    rows: pl.DataFrame, actions: pl.DataFrame, sold: pl.DataFrame, limits: Limits
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stock that lasts too long, and stock that has not sold for long.

    `sold`: product_id, location_id, is_sold (a sale in the last `dead_days`), is_old (it was there before).
    Excess is what a proposed action would get rid of, or what is above the order-up-to level where the stock
    lasts longer than `excess_days`. Impact: what the best action saves, or the holding cost of a year,
    whichever is more.
    """
    best = actions.filter(pl.col("kind").is_in(ON_HAND), pl.col("saving") > 0)
    best = best.sort("saving", descending=True).unique(_PLACE, keep="first", maintain_order=True)
    best = best.select(
        *_PLACE, "action_id", "saving", action="kind", units=pl.col("quantity"), place="other_location_id"
    )
    held = (
        rows.filter(pl.col("on_hand") > 0)
        .join(best, on=_PLACE, how="left")
        .join(sold, on=_PLACE, how="left")
        .with_columns(
            surplus=(pl.col("on_hand") - pl.col("order_up_to").fill_null(0.0).clip(lower_bound=0.0)).clip(
                lower_bound=0.0
            ),
            cover=pl.when(pl.col("daily") > 0).then(pl.col("on_hand") / pl.col("daily")),
            dead=pl.col("is_old").fill_null(False) & ~pl.col("is_sold").fill_null(True),
        )
    )
    worth = pl.max_horizontal(pl.col("saving").fill_null(0.0), held_cost(pl.col("surplus")))
    long = pl.col("cover").is_null() | (pl.col("cover") > limits.excess_days)
    shared = [
        pl.col("on_hand").round(3),
        pl.col("surplus").round(3),
        pl.col("action"),
        pl.col("units").round(3),
        pl.col("saving").round(2),
    ]
    too_much = held.filter(~pl.col("dead"), pl.col("action").is_not_null() | (long & (pl.col("surplus") > 0)))
    dead = held.filter("dead").with_columns(daily=pl.lit(0.0))
    return (
        found(too_much, key=place_key(), impact=worth, details=[*shared, pl.col("cover").round(0)]),
        found(
            dead,
            key=place_key(),
            impact=pl.max_horizontal(pl.col("saving").fill_null(0.0), held_cost(pl.col("on_hand"))),
            details=[
                *shared,
                pl.lit(limits.dead_days).alias("days"),
                (pl.col("on_hand") * pl.col("cost")).round(2).alias("value"),
            ],
        ),
    )


def late_orders(lines: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Orders whose day has passed. `lines`: order_id, supplier_id, location_id (stocking), product_id,
    quantity (still to come), days (late), number.

    The margin of what would go unserved if they took as many days again: demand of that time beyond what is
    on hand, no more than what is still to come.
    """
    some = lines.join(rows.select(*_PLACE, "on_hand", "daily", "margin"), on=_PLACE, how="left").with_columns(
        lost=pl.min_horizontal(
            "quantity",
            (pl.col("daily") * pl.col("days") - pl.col("on_hand").fill_null(0.0)).clip(lower_bound=0.0),
        )
        * pl.col("margin")
    )
    orders = some.group_by(
        "order_id", "supplier_id", "location_id", "number", "days", maintain_order=True
    ).agg(pl.col("lost").sum(), pl.col("quantity").sum(), products=pl.len())
    return found(
        orders,
        key=pl.col("order_id"),
        impact=pl.col("lost"),
        details=[pl.col("days"), pl.col("quantity").round(3).alias("units"), pl.col("products")],
    )


def _next_receipt(rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """`rows` with next_on and next_order of the first of the lines; null where there is none."""
    first = (
        lines.filter(pl.col("day").is_not_null())
        .sort("day", "order_id")
        .unique(_PLACE, keep="first", maintain_order=True)
        .select(*_PLACE, next_on="day", next_order="order_id")
    )
    return rows.join(first, on=_PLACE, how="left", maintain_order="left")
