"""Writing what a run found for each product-location in bulk: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from forecasting.models import ForecastDistribution, SeriesAccuracy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from forecasting.core.distribution import DemandDistribution
    from forecasting.services.worth import Worth

_CHUNK = 5_000
# Columns and their types in PostgreSQL.
_DISTRIBUTION = {
    "run_id": "int8",
    "product_id": "int8",
    "location_id": "int8",
    "model": "varchar",
    "segment": "varchar",
    "pattern": "varchar",
    "mean": "bytea",
    "quantiles": "bytea",
    "cum_quantiles": "bytea",
    "contributions": "bytea",
    "corrections": "bytea",
    "response": "bytea",
    "own_share": "float8",
}
_ACCURACY = {
    "run_id": "int8",
    "product_id": "int8",
    "location_id": "int8",
    "category_id": "int8",
    "model": "varchar",
    "abc": "varchar",
    "xyz": "varchar",
    "price": "float8",
    "left_out": "int4",
    "sums": "bytea",
}


def distributions_store(
    *,
    run_id: int,
    product_ids: npt.NDArray[np.int64],
    location_ids: npt.NDArray[np.int64],
    models: Sequence[str],
    segments: Sequence[str],
    patterns: Sequence[str],
    distribution: DemandDistribution,
    contributions: npt.NDArray[Any] | None = None,
    corrections: Sequence[bytes] | None = None,
    responses: Sequence[bytes] | None = None,
    own_share: npt.NDArray[Any] | None = None,
) -> None:
    """Insert a row for each product-location, in the order of the distribution's series; arguments are (N,).

    `contributions` are (N, H, G); `own_share` is NaN where look-alikes have no part. Call in the
    transaction that finishes the run. A row is about 1 KB for 13 weeks; `_CHUNK` at once.
    """

    def rows(part: slice) -> Iterator[tuple[Any, ...]]:
        return zip(
            repeat(run_id),
            product_ids[part].tolist(),
            location_ids[part].tolist(),
            models[part],
            segments[part],
            patterns[part],
            _slices(distribution.mean[part]),
            _slices(distribution.quantiles[part]),
            _slices(distribution.cum_quantiles[part]),
            repeat(b"") if contributions is None else _slices(contributions[part]),
            repeat(b"") if corrections is None else corrections[part],
            repeat(b"") if responses is None else responses[part],
            repeat(None)
            if own_share is None
            else (None if value != value else value for value in own_share[part].tolist()),  # NaN
            strict=False,
        )

    _write(ForecastDistribution, _DISTRIBUTION, (rows(part) for part in _parts(len(product_ids))))


def accuracy_store(
    *,
    run_id: int,
    rows: npt.NDArray[np.int64],
    product_ids: npt.NDArray[np.int64],
    location_ids: npt.NDArray[np.int64],
    models: Sequence[str],
    abc: Sequence[str],
    xyz: Sequence[str],
    worth: Worth,
    left_out: npt.NDArray[Any],
    sums: npt.NDArray[Any],
) -> None:
    """Insert the accuracy of the product-locations at some places of the other arguments, which are (N,).

    `sums` are (N, B, S). As above.
    """

    def lines(part: npt.NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
        for place, row_sums in zip(part.tolist(), _slices(sums[part]), strict=True):
            yield (
                run_id,
                int(product_ids[place]),
                int(location_ids[place]),
                worth.category_ids[place],
                models[place],
                abc[place],
                xyz[place],
                worth.prices[place],
                int(left_out[place]),
                row_sums,
            )

    _write(SeriesAccuracy, _ACCURACY, (lines(rows[part]) for part in _parts(len(rows))))


def _write(
    model: type[models.Model], kinds: dict[str, str], chunks: Iterable[Iterable[tuple[Any, ...]]]
) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(name) for name in kinds)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(list(kinds.values()))
                for rows in chunks:
                    for row in rows:
                        copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(kinds))
            sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608  # names of our own columns
            for rows in chunks:
                cursor.executemany(sql, list(rows))


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))


def _slices(block: npt.NDArray[Any]) -> Iterator[bytes]:
    """The bytes of each row of an array, little-endian float32."""
    data = block.astype("<f4", order="C", copy=False).tobytes()
    stride = len(data) // len(block)
    return (data[at : at + stride] for at in range(0, len(data), stride))
