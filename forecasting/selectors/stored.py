"""The stored distributions as the engine made them, read in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection

from forecasting.models import ForecastDistribution, ForecastRun

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.distribution import DemandDistribution

# Up to so many ids go into the query, as numbers; beyond that the run is read whole and filtered.
_MOST_IDS = 20_000


def run_with_numbers(run_id: int) -> ForecastRun:
    """A finished run whose distributions are there, without its long columns.

    Raises `ForecastRun.DoesNotExist`; ValueError where it holds none (any more).
    """
    run = ForecastRun.objects.only("state", "as_of", "spec", "pruned_at", "same_as_id").get(pk=run_id)
    if run.state != ForecastRun.State.DONE or run.pruned_at is not None:
        raise ValueError(f"forecast run {run_id} holds no distributions")
    return run


def distribution_stored(
    run: ForecastRun, product_ids: Sequence[int] | None, location_ids: Sequence[int] | None
) -> DemandDistribution:
    """The distributions of a run of `run_with_numbers`, of all series or of some, by product, location."""
    from forecasting.core.distribution import QUANTILES, DemandDistribution

    frame = rows_read(
        "product_id, location_id, mean, quantiles, cum_quantiles", run, product_ids, location_ids
    )
    ds = periods_of(run)
    shape = (frame.height, len(ds), len(QUANTILES))
    names = _unique_ids(frame)
    # Column by column, each freed once it is an array: a run of 100,000 is half a gigabyte.
    columns = {name: frame[name] for name in ("mean", "quantiles", "cum_quantiles")}
    del frame
    return DemandDistribution(
        unique_id=names,
        as_of=run.as_of,
        freq=run.spec["freq"],
        ds=ds,
        mean=_block(columns.pop("mean"), *shape[:2]),
        quantiles=_block(columns.pop("quantiles"), *shape),
        cum_quantiles=_block(columns.pop("cum_quantiles"), *shape),
    )


def means_stored(
    run: ForecastRun, product_ids: Sequence[int] | None, location_ids: Sequence[int] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Product ids (N,), location ids (N,) and means (N, H) of a run, by product, location."""
    frame = rows_read("product_id, location_id, mean", run, product_ids, location_ids)
    mean = _block(frame["mean"], frame.height, int(run.spec["horizon"]))
    return frame["product_id"].to_numpy(), frame["location_id"].to_numpy(), mean


def periods_of(run: ForecastRun) -> npt.NDArray[Any]:
    """Labels (H,) of the run's periods, their last days, as datetime64[D]."""
    from forecasting.core.grid import Grid

    freq, horizon = run.spec["freq"], int(run.spec["horizon"])
    # The panel's weeks end on the as-of date's weekday, its months on their last day.
    grid = Grid(freq, {"D": 0, "W": run.as_of.weekday(), "M": 1}[freq])
    after = grid.index_floor(run.as_of) + 1
    return grid.labels(after, after + horizon - 1)


def rows_read(
    columns: str,
    run: ForecastRun,
    product_ids: Sequence[int] | None = None,
    location_ids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Some columns of the distributions that stand for a run: its own, or those of the run it repeats."""
    import polars as pl

    from catalog.selectors import ids_in, read_frame, reads_by_django

    table = connection.ops.quote_name(ForecastDistribution._meta.db_table)
    where, params, later = ["run_id = %s"], [run.same_as_id or run.pk], []
    for name, ids in (("product_id", product_ids), ("location_id", location_ids)):
        if ids is not None and len(ids) > _MOST_IDS:
            later.append(pl.col(name).is_in([int(value) for value in ids]))
        else:
            where.append(ids_in(name, ids))
    sql = f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)} ORDER BY product_id, location_id"  # noqa: S608
    if reads_by_django():
        # ADBC would not see what this transaction has written.
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall()
        frame = pl.DataFrame(rows, schema=columns.split(", "), orient="row", infer_schema_length=None)
    else:
        frame = read_frame(sql, params)
    return frame.filter(*later) if later else frame


def _block(column: pl.Series, *shape: int) -> npt.NDArray[Any]:
    """Packed float32 arrays, one a row, as one array; without a copy of each row on the way."""
    import numpy as np
    import polars as pl

    if column.is_empty():
        return np.empty(shape, dtype="<f4")
    rows = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, places, packed = rows.buffers()
    offsets = np.frombuffer(places, dtype=np.int64)[rows.offset : rows.offset + len(rows) + 1]
    return np.frombuffer(memoryview(packed)[offsets[0] : offsets[-1]], dtype="<f4").reshape(shape)


def _unique_ids(frame: pl.DataFrame) -> list[str]:
    import polars as pl

    return frame.select(pl.format("{}@{}", "product_id", "location_id")).to_series().to_list()
