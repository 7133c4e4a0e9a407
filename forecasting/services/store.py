"""Writing the distributions of a run in bulk: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection

from forecasting.models import ForecastDistribution

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from forecasting.core.distribution import DemandDistribution

_CHUNK = 5_000
_COLUMNS = (
    "run_id",
    "product_id",
    "location_id",
    "model",
    "segment",
    "pattern",
    "mean",
    "quantiles",
    "cum_quantiles",
)


def distributions_store(
    *,
    run_id: int,
    product_ids: npt.NDArray[np.int64],
    location_ids: npt.NDArray[np.int64],
    models: Sequence[str],
    segments: Sequence[str],
    patterns: Sequence[str],
    distribution: DemandDistribution,
) -> None:
    """Insert a row for each product-location, in the order of the distribution's series; arguments are (N,).

    Call in the transaction that finishes the run. A row is about 1 KB for 13 weeks; `_CHUNK` at once.
    """
    table = connection.ops.quote_name(ForecastDistribution._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(name) for name in _COLUMNS)
    labels = (models, segments, patterns)
    products, locations = product_ids.tolist(), location_ids.tolist()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "int8", "int8", *["varchar"] * 3, *["bytea"] * 3])
                for rows in _chunks(run_id, products, locations, labels, distribution):
                    for row in rows:
                        copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(_COLUMNS))
            sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608  # names of our own columns
            for rows in _chunks(run_id, products, locations, labels, distribution):
                cursor.executemany(sql, rows)


def _chunks(
    run_id: int,
    products: list[int],
    locations: list[int],
    labels: tuple[Sequence[str], ...],
    distribution: DemandDistribution,
) -> Iterator[list[tuple[Any, ...]]]:
    models, segments, patterns = labels
    for start in range(0, len(products), _CHUNK):
        part = slice(start, start + _CHUNK)
        blobs = zip(
            _slices(distribution.mean[part]),
            _slices(distribution.quantiles[part]),
            _slices(distribution.cum_quantiles[part]),
            strict=True,
        )
        yield [
            (
                run_id,
                products[index],
                locations[index],
                models[index],
                segments[index],
                patterns[index],
                *arrays,
            )
            for index, arrays in enumerate(blobs, start)
        ]


def _slices(block: npt.NDArray[Any]) -> Iterator[bytes]:
    """The bytes of each row of an array, little-endian float32."""
    data = block.astype("<f4", order="C", copy=False).tobytes()
    stride = len(data) // len(block)
    return (data[at : at + stride] for at in range(0, len(data), stride))
