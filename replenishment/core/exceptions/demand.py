"""Demand: trends that turn, spikes, reviews that get worse, new products with nothing to learn from.

`products` sums the rows of a plan by product: product_id, daily_margin (expected margin a day, home
currency), daily (units a day), stock_value, order_value.
"""

from __future__ import annotations

import polars as pl

from replenishment.core.exceptions.limits import QUARTER_DAYS, Limits, found, place_key

# Where each class of trend points.
DIRECTIONS = {"rising": 1, "peak": 1, "stable": 0, "lumpy": 0, "falling": -1, "fading": -1}
_LEAST_UNITS = 5.0
_SIGMAS = 4.0
WEEKS = 8


def flips(trends: pl.DataFrame, products: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Products whose trend points another way than before, and that surely enough.

    `trends`: product_id, trend, previous, confidence, change (expected, of the next quarter, a share). The
    margin that the next quarter would bring more or less, at most all of what is expected now.
    """

    def way(name: str) -> pl.Expr:
        return pl.col(name).replace_strict(DIRECTIONS, default=None, return_dtype=pl.Int64)

    turned = trends.filter(
        way("trend") != way("previous"), pl.col("confidence") >= limits.trend_confidence
    ).join(products, on="product_id", how="left")
    share = pl.col("change").abs().fill_null(0.0).clip(upper_bound=1.0)
    return found(
        turned,
        key=pl.col("product_id"),
        impact=share * pl.col("daily_margin") * QUARTER_DAYS,
        details=[
            pl.col("trend"),
            pl.col("previous"),
            pl.col("confidence").round(2),
            pl.col("change").round(3),
        ],
    )


def spikes(weeks: pl.DataFrame, rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Product-locations that sold far more last week than in the eight weeks before.

    `weeks`: product_id, location_id, w0 (units of the last seven days) to w8. More than `spike_times` the
    mean of the weeks before, at least five units more, and more than four standard deviations (or those of
    Poisson demand, where they are more). The margin of the units above the mean.
    """
    before = pl.concat_list([f"w{week}" for week in range(1, WEEKS + 1)])
    some = (
        weeks.with_columns(mean=before.list.mean(), spread=before.list.var())
        .with_columns(more=pl.col("w0") - pl.col("mean"))
        .filter(
            pl.col("w0") >= limits.spike_times * pl.col("mean"),
            pl.col("mean") > 0,
            pl.col("more") >= _LEAST_UNITS,
            pl.col("more") > _SIGMAS * pl.max_horizontal("mean", "spread").sqrt(),
        )
        .join(rows.select("product_id", "location_id", "margin"), on=["product_id", "location_id"])
    )
    return found(
        some,
        key=place_key(),
        impact=pl.col("more") * pl.col("margin"),
        details=[pl.col("w0").round(3).alias("units"), pl.col("mean").round(2).alias("usual")],
    )


def sentiment_drops(voices: pl.DataFrame, products: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Products whose share of praise fell. `voices`: product_id, before, level, change, changed_on, reviews.

    Of a quarter's margin the share that the praise lost: a yardstick, not an estimate.
    """
    some = voices.filter(pl.col("change") <= -limits.sentiment_drop).join(
        products, on="product_id", how="left"
    )
    return found(
        some,
        key=pl.col("product_id"),
        impact=pl.col("change").abs() * pl.col("daily_margin") * QUARTER_DAYS,
        details=[
            pl.col("before").round(3),
            (pl.col("before") + pl.col("change")).round(3).alias("now"),
            pl.col("changed_on").cast(pl.String),
            pl.col("reviews"),
        ],
    )


def look_alikes_missing(new: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """New products (product_id, weeks sold) without look-alikes: what is bought of them in the dark."""
    some = new.join(products, on="product_id", how="inner")
    return found(
        some,
        key=pl.col("product_id"),
        impact=pl.col("stock_value") + pl.col("order_value"),
        details=[pl.col("weeks"), pl.col("stock_value").round(2), pl.col("order_value").round(2)],
    )


def alarms(rows: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    """Product-locations with open forecast alarms: product_id, location_id, kind, effect.

    Four weeks' margin times the greatest effect (at most all of it).
    """
    some = (
        alarms.sort(pl.col("effect").abs(), descending=True)
        .group_by("product_id", "location_id", maintain_order=True)
        .agg(pl.col("kind").unique(maintain_order=True), pl.col("effect").first())
        .join(rows.select("product_id", "location_id", "daily", "margin"), on=["product_id", "location_id"])
    )
    return found(
        some,
        key=place_key(),
        impact=pl.col("effect").abs().clip(upper_bound=1.0) * pl.col("daily") * pl.col("margin") * 28.0,
        details=[pl.col("kind").alias("alarms"), pl.col("effect").round(3), pl.col("daily").round(3)],
    )
