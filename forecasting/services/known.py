"""What is known of the future: promotions that are planned already, and events of the calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import Freq


def known_append(
    panel: pl.DataFrame, *, as_of: date, known_at: datetime, freq: Freq, horizon: int
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A demand panel with rows of the periods ahead, where anything is known of them; and which columns are.

    `promotion` as in `promotions_ahead`; `event`, the share of a period's days with a calendar event in the
    location's country or everywhere, up to the last event ahead.
    """
    import polars as pl

    ahead = promotions_ahead(panel, as_of=as_of, known_at=known_at, freq=freq, horizon=horizon)
    found = [] if ahead is None else ["promotion"]
    events = _event_shares(panel, as_of=as_of, known_at=known_at, freq=freq, horizon=horizon)
    if events is not None:
        last = panel["ds"].max()
        panel = panel.join(events, on=["unique_id", "ds"], how="left")
        coming = events.filter(pl.col("ds") > last)
        keys = ["unique_id", "ds"]
        ahead = coming if ahead is None else ahead.join(coming, on=keys, how="full", coalesce=True)
        found.append("event")
    return (panel if ahead is None else pl.concat([panel, ahead], how="diagonal")), tuple(found)


def _event_shares(
    panel: pl.DataFrame, *, as_of: date, known_at: datetime, freq: Freq, horizon: int
) -> pl.DataFrame | None:
    """`unique_id, ds, event` of all periods, past and up to the last event ahead; None without one ahead."""
    import polars as pl

    from catalog.selectors import facts_sql, read_frame
    from forecasting.core.grid import Grid

    grid = Grid(freq, {"D": 0, "W": as_of.weekday(), "M": 1}[freq])
    first, last = grid.index(panel["ds"].min()), grid.index_floor(as_of)  # type: ignore[arg-type]
    labels = pl.Series("ds", grid.labels(first - 1, last + horizon)).cast(pl.Date)
    sql, params = facts_sql(
        "event",
        ["country", "day"],
        where=f"day > '{labels[0].isoformat()}' AND day <= '{labels[-1].isoformat()}'",
        known_at=known_at,
    )
    events = read_frame(sql, params, schema={"country": pl.String(), "day": pl.Date()})
    if events.filter(pl.col("day") > grid.label(last)).is_empty():
        return None
    periods = labels.to_frame().with_columns(days=pl.col("ds").diff().dt.total_days())
    places = read_frame(
        "SELECT id, country FROM catalog_location", schema={"id": pl.Int64(), "country": pl.String()}
    )
    shares = (
        places.join(events, how="cross", suffix="_event")
        .filter((pl.col("country_event") == "") | (pl.col("country_event") == pl.col("country")))
        .select("id", "day")
        .unique()
        .sort("day")
        .join_asof(periods, left_on="day", right_on="ds", strategy="forward", coalesce=False)
        .group_by("id", "ds")
        .agg(event=pl.len() / pl.col("days").first())
    )
    series = panel.select(pl.col("unique_id").unique()).with_columns(
        id=pl.col("unique_id").cast(pl.String).str.split("@").list.last().cast(pl.Int64)
    )
    reached = periods["ds"].slice(1).to_frame().filter(pl.col("ds") <= shares["ds"].max())
    return (
        series.join(reached, how="cross")
        .join(shares, on=["id", "ds"], how="left")
        .select("unique_id", "ds", pl.col("event").fill_null(0.0))
    )


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
