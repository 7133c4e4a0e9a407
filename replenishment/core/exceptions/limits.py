"""From where on something is an exception, and what the rules share."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

DAYS_PER_YEAR = 365.0
QUARTER_DAYS = 91.0

# What every rule gives: who it is about (ids, or null), money, and JSON for its sentence.
COLUMNS: dict[str, pl.DataType] = {
    "key": pl.String(),
    "product_id": pl.Int64(),
    "location_id": pl.Int64(),
    "supplier_id": pl.Int64(),
    "order_id": pl.Int64(),
    "action_id": pl.Int64(),
    "impact": pl.Float64(),
    "details": pl.String(),
}


@dataclass(frozen=True)
class Limits:
    """Days, shares (0.1 is 10%), money in the home currency; docs/exceptions.md says of which kind each is.

    `most` is how many cases of one kind are kept: those with the greatest impact.
    """

    least_money: float = 1.0
    most: int = 500
    excess_days: float = 180.0
    dead_days: int = 180
    moq_days: float = 183.0
    slip_days: float = 2.0
    slip_share: float = 0.25
    slip_receipts: int = 3
    cost_jump: float = 0.1
    rate_jump: float = 0.05
    jump_days: int = 30
    sentiment_drop: float = 0.1
    sentiment_days: int = 90
    spike_times: float = 3.0
    trend_confidence: float = 0.6
    trend_days: int = 28


def place_key() -> pl.Expr:
    """The key of a product-location."""
    return pl.format("{}@{}", "product_id", "location_id")


def found(rows: pl.DataFrame, *, key: pl.Expr, impact: pl.Expr, details: list[pl.Expr]) -> pl.DataFrame:
    """`rows` as `COLUMNS`; ids that they have not are null, impact is never negative."""
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    have = set(rows.columns)
    ids = ("product_id", "location_id", "supplier_id", "order_id", "action_id")
    return rows.select(
        key.cast(pl.String).alias("key"),
        *(
            pl.col(name).cast(pl.Int64) if name in have else pl.lit(None, dtype=pl.Int64).alias(name)
            for name in ids
        ),
        impact=impact.cast(pl.Float64).fill_null(0.0).fill_nan(0.0).clip(lower_bound=0.0).round(2),
        details=pl.struct(*details).struct.json_encode(),
    )


def held_cost(surplus: pl.Expr) -> pl.Expr:
    """What `surplus` units cost to hold over the next year, while `daily` units sell a day.

    c r / 365 times the integral of (x - d t)+ over the year, with cost c (`cost`), holding rate r
    (`holding_rate`).
    """
    days = pl.min_horizontal(
        pl.when(pl.col("daily") > 0).then(surplus / pl.col("daily")).otherwise(DAYS_PER_YEAR),
        pl.lit(DAYS_PER_YEAR),
    )
    unit_days = surplus * days - pl.col("daily") * days**2 / 2
    return unit_days * pl.col("cost") * pl.col("holding_rate") / DAYS_PER_YEAR
