"""The stored distributions, read in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection

from forecasting.models import ForecastDistribution, ForecastRun

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.distribution import DemandDistribution, Freq

# Up to so many ids go into the query; beyond that the run is read whole and filtered.
_MOST_IDS = 500


def distribution_read(
    *, run_id: int, product_ids: Sequence[int] | None = None, location_ids: Sequence[int] | None = None
) -> DemandDistribution:
    """The demand distributions of a run, of all product-locations or of some, ordered by product, location.

    `unique_id` is "{product_id}@{location_id}", as in the demand panel. Product-locations that the run does
    not hold are left out. Raises `ForecastRun.DoesNotExist`; ValueError where the run holds none (any more).
    """
    import numpy as np

    from forecasting.core.distribution import QUANTILES, DemandDistribution
    from forecasting.core.grid import Grid

    run = ForecastRun.objects.only("state", "as_of", "spec", "pruned_at").get(pk=run_id)
    if run.state != ForecastRun.State.DONE or run.pruned_at is not None:
        raise ValueError(f"forecast run {run_id} holds no distributions")
    frame = _read(
        "product_id, location_id, mean, quantiles, cum_quantiles", run_id, product_ids, location_ids
    )
    freq, horizon = run.spec["freq"], int(run.spec["horizon"])
    # The panel's weeks end on the as-of date's weekday, its months on their last day.
    grid = Grid(freq, {"D": 0, "W": run.as_of.weekday(), "M": 1}[freq])
    after = grid.index_floor(run.as_of) + 1
    shape = (frame.height, horizon, len(QUANTILES))

    def block(name: str, *shape: int) -> npt.NDArray[Any]:
        return np.frombuffer(b"".join(frame[name].to_list()), dtype="<f4").reshape(shape)

    return DemandDistribution(
        unique_id=_unique_ids(frame),
        as_of=run.as_of,
        freq=freq,
        ds=grid.labels(after, after + horizon - 1),
        mean=block("mean", *shape[:2]),
        quantiles=block("quantiles", *shape),
        cum_quantiles=block("cum_quantiles", *shape),
    )


def distribution_labels(run_id: int) -> pl.DataFrame:
    """What was found for each product-location of a run: product_id, location_id, model, segment, pattern."""
    return _read("product_id, location_id, model, segment, pattern", run_id, None, None)


def history_read(
    *, product_id: int, location_id: int, as_of: date, days: int, freq: Freq = "W"
) -> pl.DataFrame:
    """The demand panel of one product-location over the last days up to `as_of`, for charts."""
    from catalog.selectors import demand_panel

    return demand_panel(
        as_of=as_of, freq=freq, history_days=days, product_ids=[product_id], location_ids=[location_id]
    )


def _read(
    columns: str, run_id: int, product_ids: Sequence[int] | None, location_ids: Sequence[int] | None
) -> pl.DataFrame:
    import polars as pl

    from catalog.selectors import read_frame

    table = connection.ops.quote_name(ForecastDistribution._meta.db_table)
    where, params, later = ["run_id = %s"], [run_id], []
    for name, ids in (("product_id", product_ids), ("location_id", location_ids)):
        if ids is None:
            continue
        ids = [int(value) for value in ids]
        if 0 < len(ids) <= _MOST_IDS:
            where.append(f"{name} IN ({', '.join(['%s'] * len(ids))})")
            params.extend(ids)
        else:
            later.append(pl.col(name).is_in(ids))
    sql = f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)} ORDER BY product_id, location_id"  # noqa: S608
    if connection.in_atomic_block:
        # ADBC would not see what this transaction has written.
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall()
        frame = pl.DataFrame(rows, schema=columns.split(", "), orient="row", infer_schema_length=None)
    else:
        frame = read_frame(sql, params)
    return frame.filter(*later) if later else frame


def _unique_ids(frame: pl.DataFrame) -> list[str]:
    import polars as pl

    return frame.select(pl.format("{}@{}", "product_id", "location_id")).to_series().to_list()
