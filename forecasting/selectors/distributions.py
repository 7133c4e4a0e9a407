"""The demand distributions of runs, with planners' overrides or as the models have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from forecasting.models import ForecastRun
from forecasting.selectors.overridden import distribution_overridden
from forecasting.selectors.series_accuracy import classes_read
from forecasting.selectors.stored import distribution_stored, rows_read, run_with_numbers

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import DemandDistribution, Freq


def distribution_read(
    *,
    run_id: int,
    product_ids: Sequence[int] | None = None,
    location_ids: Sequence[int] | None = None,
    with_overrides: bool = True,
    known_at: datetime | None = None,
) -> DemandDistribution:
    """The demand distributions of a run, of all product-locations or of some, ordered by product, location.

    With the overrides that were in force at `known_at` (default: now), or as the models have them.
    `unique_id` is "{product_id}@{location_id}", as in the demand panel. Product-locations that the run does
    not hold are left out. Raises `ForecastRun.DoesNotExist`; ValueError where the run holds none (any more).
    """
    if not with_overrides:
        return distribution_stored(run_with_numbers(run_id), product_ids, location_ids)
    return distribution_overridden(
        run_id=run_id, product_ids=product_ids, location_ids=location_ids, known_at=known_at
    ).demand


def distribution_labels(run_id: int) -> pl.DataFrame:
    """What was found for each product-location of a run.

    Columns: product_id, location_id, model, segment, pattern; is_new, whether it leans on look-alikes; xyz by
    forecastability ("" where the run held nothing out).
    """
    import polars as pl

    run = ForecastRun.objects.only("same_as_id").get(pk=run_id)
    labels = rows_read("product_id, location_id, model, segment, pattern, own_share", run)
    labels = labels.with_columns(is_new=pl.col("own_share").cast(pl.Float64).is_not_null()).drop("own_share")
    key = ["product_id", "location_id"]
    classes = classes_read(run.same_as_id or run.pk)
    return labels.join(classes, on=key, how="left", maintain_order="left").with_columns(
        pl.col("xyz").fill_null("")
    )


def history_read(
    *, product_id: int, location_id: int, as_of: date, days: int, freq: Freq = "W"
) -> pl.DataFrame:
    """The demand panel of one product-location over the last days up to `as_of`, for charts."""
    from catalog.selectors import demand_panel

    return demand_panel(
        as_of=as_of, freq=freq, history_days=days, product_ids=[product_id], location_ids=[location_id]
    )
