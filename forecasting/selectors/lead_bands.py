"""How far ahead a forecast has to be good: up to the lead time, as it was known when it was made."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from catalog.selectors import facts_sql, read_frame
from forecasting.models import ForecastRun
from forecasting.selectors.series_accuracy import SeriesTable, accuracy_table

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt
    import polars as pl


def lead_bands(run: ForecastRun) -> npt.NDArray[Any] | None:
    """Of each row of `accuracy_table`, the band of the horizon in which its lead time ends, (N,) int64.

    Rows without a lead time, or with one beyond the horizon, have the last band. None where no lead time is
    known at all. Supply terms at the time of the run count: later ones change no score.
    """
    kept = accuracy_table(run).leads
    if kept is not None:
        return kept if len(kept) else None
    return _bands(run.pk, f"{run.created_at} {run.finished_at} {run.claim}")


@lru_cache(maxsize=2)
def _bands(run_id: int, _version: str) -> npt.NDArray[Any] | None:
    run = ForecastRun.objects.get(pk=run_id)
    return lead_bands_read(run, accuracy_table(run))


def lead_bands_read(run: ForecastRun, table: SeriesTable) -> npt.NDArray[Any] | None:
    """The same for a table that nobody keeps."""
    import numpy as np

    from forecasting.core.accuracy import band_ends
    from forecasting.core.distribution import PERIOD_DAYS

    days = _lead_days(run, table).to_numpy()
    if np.isnan(days).all():
        return None
    ends = band_ends(int(run.spec["horizon"]))
    periods = np.ceil(np.nan_to_num(days, nan=np.inf) / PERIOD_DAYS[run.spec["freq"]])
    return np.asarray(np.minimum(np.searchsorted(ends, periods), len(ends) - 1), dtype=np.int64)


def _lead_days(run: ForecastRun, table: SeriesTable) -> pl.Series:
    """Lead time in days of each row, NaN where it is not known.

    Of the lane that supplies the location, else of the terms that come first there, else of those for all
    locations.
    """
    import polars as pl

    rows = pl.DataFrame({"product_id": table.product, "location_id": table.location})
    terms = _terms(run.known_at)
    own = terms.filter(pl.col("location_id").is_not_null()).unique(
        ["product_id", "location_id"], keep="first", maintain_order=True
    )
    general = terms.filter(pl.col("location_id").is_null()).unique(
        "product_id", keep="first", maintain_order=True
    )
    sql, params = facts_sql(
        "transfer_lane", ["destination_id", "is_supply", "lead_time_days"], known_at=run.known_at
    )
    lanes = read_frame(
        sql,
        params,
        schema={"destination_id": pl.Int64(), "is_supply": pl.Boolean(), "lead_time_days": pl.Float64()},
    ).filter("is_supply")
    found = (
        rows.join(
            lanes.select(location_id="destination_id", lane="lead_time_days"),
            on="location_id",
            how="left",
            maintain_order="left",
        )
        .join(
            own.select("product_id", "location_id", own="lead_time_days"),
            on=["product_id", "location_id"],
            how="left",
            maintain_order="left",
        )
        .join(
            general.select("product_id", general="lead_time_days"),
            on="product_id",
            how="left",
            maintain_order="left",
        )
    )
    return found.select(pl.coalesce("lane", "own", "general").fill_null(float("nan"))).to_series()


def _terms(known_at: datetime) -> pl.DataFrame:
    """Supply terms as they were known, in the order in which they are taken."""
    import polars as pl

    schema = {
        "product_id": pl.Int64(),
        "location_id": pl.Int64(),
        "rank": pl.Int64(),
        "unit_cost": pl.Float64(),
        "lead_time_days": pl.Float64(),
    }
    sql, params = facts_sql("supply_terms", list(schema), known_at=known_at)
    return read_frame(sql, params, schema=schema).sort("rank", "unit_cost")
