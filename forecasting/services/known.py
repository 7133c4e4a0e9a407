"""What is known of the future: promotions that are planned already."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import Freq


def promotions_ahead(
    panel: pl.DataFrame, *, as_of: date, known_at: datetime, freq: Freq, horizon: int
) -> pl.DataFrame | None:
    """Rows to append to a demand panel: `unique_id, ds, promotion` of the periods ahead; None without plans.

    `promotion` is the share of a period's days with a promotion, as in the panel. Plans reach up to the last
    promoted period: later ones are unknown, and within reach a series without promotion has a share of 0.
    """
    import polars as pl

    from catalog.selectors import facts_sql, read_frame
    from catalog.selectors.places import locations_stocking
    from forecasting.core.grid import Grid

    # The panel's weeks end on the as-of date's weekday, its months on their last day.
    grid = Grid(freq, {"D": 0, "W": as_of.weekday(), "M": 1}[freq])
    last = grid.index_floor(as_of)
    ends = pl.Series("ds", grid.labels(last + 1, last + horizon)).cast(pl.Date)
    sql, params = facts_sql(
        "promotion",
        ["product_id", "location_id", "day"],
        where=f"day > '{grid.label(last).isoformat()}' AND day <= '{ends[-1].isoformat()}'",
        known_at=known_at,
    )
    schema = {"product_id": pl.Int64(), "location_id": pl.Int64(), "day": pl.Date()}
    plans = read_frame(sql, params, schema=schema)
    if plans.is_empty():
        return None
    stocking = dict(locations_stocking(read_frame).select("location_id", "stocking_id").iter_rows())
    periods = pl.DataFrame({"ds": ends}).with_columns(
        days=pl.col("ds").diff().dt.total_days().fill_null((ends[0] - grid.label(last)).days)
    )
    shares = (
        plans.select(
            unique_id=pl.format("{}@{}", "product_id", pl.col("location_id").replace(stocking)),
            day=pl.col("day"),
        )
        .unique()
        .sort("day")
        .join_asof(periods.sort("ds"), left_on="day", right_on="ds", strategy="forward", coalesce=False)
        .group_by("unique_id", "ds")
        .agg(promotion=pl.len() / pl.col("days").first())
    )
    return (
        panel.select(pl.col("unique_id").unique())
        .join(periods.filter(pl.col("ds") <= shares["ds"].max()).select("ds"), how="cross")
        .join(shares, on=["unique_id", "ds"], how="left")
        .with_columns(pl.col("promotion").fill_null(0.0))
    )
