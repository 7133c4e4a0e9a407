"""Supply and data: suppliers that slip, prices and rates that jump, smallest orders that last too long."""

from __future__ import annotations

import polars as pl

from replenishment.core.exceptions.limits import (
    DAYS_PER_YEAR,
    QUARTER_DAYS,
    Limits,
    found,
    held_cost,
    place_key,
)

EXCEPTION = "exception:"


def slips(offers: pl.DataFrame, rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Suppliers that take longer than they state.

    `offers`: terms_id, supplier_id, location_id, product_id, stated_days, learned_days, lead_time_receipts;
    of them those count that `rows` (with terms_id, daily, cost, holding_rate) buy on. What it costs a year
    to hold stock for the days more.
    """
    bought = rows.select("product_id", "location_id", "terms_id", "daily", "cost", "holding_rate")
    groups = (
        offers.filter(pl.col("lead_time_receipts") >= limits.slip_receipts)
        .join(bought, on=["product_id", "location_id", "terms_id"])
        .group_by("supplier_id", maintain_order=True)
        .agg(
            stated=pl.col("stated_days").mean(),
            learned=pl.col("learned_days").mean(),
            receipts=pl.col("lead_time_receipts").max(),
            products=pl.len(),
            a_day=(pl.col("daily").fill_null(0.0) * pl.col("cost") * pl.col("holding_rate")).sum(),
        )
        .with_columns(slip=pl.col("learned") - pl.col("stated"))
        .filter(pl.col("slip") >= limits.slip_days, pl.col("slip") >= limits.slip_share * pl.col("stated"))
    )
    return found(
        groups,
        key=pl.col("supplier_id"),
        impact=pl.col("slip") * pl.col("a_day"),
        details=[
            pl.col("stated").round(1),
            pl.col("learned").round(1),
            pl.col("slip").round(1),
            pl.col("receipts"),
            pl.col("products"),
        ],
    )


def cost_jumps(costs: pl.DataFrame, rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Terms whose unit cost rose or fell by `cost_jump` or more since some days ago.

    `costs`: terms_id, product_id, supplier_id, before, now, currency, rate (to the home currency). What a
    year's demand of the product costs more or less.
    """
    yearly = rows.group_by("terms_id").agg(units=pl.col("daily").sum() * DAYS_PER_YEAR)
    some = costs.filter(pl.col("before") > 0).with_columns(share=pl.col("now") / pl.col("before") - 1)
    some = some.filter(pl.col("share").abs() >= limits.cost_jump).join(yearly, on="terms_id", how="left")
    return found(
        some,
        key=pl.col("terms_id"),
        impact=(pl.col("now") - pl.col("before")).abs() * pl.col("rate") * pl.col("units"),
        details=[
            pl.col("before").round(4),
            pl.col("now").round(4),
            pl.col("share").round(4),
            pl.col("currency"),
            pl.col("units").round(0),
        ],
    )


def rate_jumps(rates: pl.DataFrame, rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Currencies (currency, before, now: of one unit in the home currency) that moved by `rate_jump` or more.

    What a quarter's demand of all that is bought in the currency costs more or less.
    """
    bought = rows.group_by("currency").agg(
        value=(pl.col("daily").fill_null(0.0) * pl.col("cost")).sum() * QUARTER_DAYS, products=pl.len()
    )
    some = rates.with_columns(share=pl.col("now") / pl.col("before") - 1)
    some = some.filter(pl.col("share").abs() >= limits.rate_jump).join(bought, on="currency", how="inner")
    return found(
        some,
        key=pl.col("currency"),
        impact=pl.col("share").abs() * pl.col("value") / (1 + pl.col("share")),
        details=[
            pl.col("currency"),
            pl.col("before").round(6),
            pl.col("now").round(6),
            pl.col("share").round(4),
            pl.col("products"),
        ],
    )


def moq_covers(rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Products to be ordered now whose smallest order lasts longer than `moq_days`.

    What the units above that cost to hold for a year.
    """
    most = pl.col("daily") * limits.moq_days
    some = rows.filter(pl.col("quantity") > 0, pl.col("daily") > 0, pl.col("moq") > most)
    return found(
        some,
        key=place_key(),
        impact=held_cost(pl.col("moq") - most),
        details=[
            pl.col("moq").round(3),
            pl.col("quantity").round(3),
            (pl.col("moq") / pl.col("daily")).round(0).alias("days"),
        ],
    )


def not_planned(rows: pl.DataFrame, revenue: pl.DataFrame, *, margin: float) -> pl.DataFrame:
    """Product-locations that a plan could not plan, with the reason in the engine's words.

    `revenue`: product_id, location_id, revenue (of the last four weeks, home currency), of which `margin` is
    the share that counts.
    """
    some = rows.filter(pl.col("reason").str.starts_with(EXCEPTION)).join(
        revenue, on=["product_id", "location_id"], how="left"
    )
    return found(
        some,
        key=place_key(),
        impact=pl.col("revenue").fill_null(0.0) * margin,
        details=[pl.col("reason"), pl.col("revenue").round(2)],
    )
