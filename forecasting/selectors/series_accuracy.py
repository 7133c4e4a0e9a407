"""The accuracy of a run's product-locations, read in one pass into arrays and kept while it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from forecasting.models import ForecastRun, SeriesAccuracy

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

CLASSES = ("A", "B", "C")
PREDICTABILITY = ("X", "Y", "Z")
# The code of a class that there is not.
NO_CLASS = 3


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """All rows of a run as arrays (N,); `sums` (N, B, S) float32, price NaN where unknown, category 0 for
    none. `leads` is what `lead_bands` found when the run ended, empty where nothing; None: not asked.
    """

    product: npt.NDArray[Any]
    location: npt.NDArray[Any]
    category: npt.NDArray[Any]
    abc: npt.NDArray[Any]
    xyz: npt.NDArray[Any]
    model: npt.NDArray[Any]
    model_names: list[str]
    price: npt.NDArray[Any]
    sums: npt.NDArray[Any]
    leads: npt.NDArray[Any] | None = None


def accuracy_table(run: ForecastRun) -> SeriesTable:
    """The stored accuracy of a finished run, kept: its rows never change.

    From the file that the run's own worker made of them, else from the rows: a second for 100,000.
    """
    path = accuracy_path(run)
    return _table(run.pk, f"{run.created_at} {run.finished_at} {run.claim}", path)


def accuracy_path(run: ForecastRun) -> Path | None:
    """Where the table lies as a file, beside the run's models and named as they are; None without models."""
    return Path(settings.ARTIFACT_ROOT) / Path(run.artifact).with_suffix(".npz") if run.artifact else None


# A table of 100,000 product-locations is about 50 MB.
@lru_cache(maxsize=2)
def _table(run_id: int, _version: str, path: Path | None) -> SeriesTable:
    return (path and _table_unpacked(path)) or table_read(run_id)


def _table_unpacked(path: Path) -> SeriesTable | None:
    """None where there is no such file, or it can't be read."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        return SeriesTable(**arrays | {"model_names": arrays["model_names"].tolist()})
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def table_read(run_id: int) -> SeriesTable:
    """The table from its rows."""
    import numpy as np
    import polars as pl

    from forecasting.core.accuracy import SUMS

    frame = _read(run_id)
    model_names = sorted(frame["model"].unique().to_list())

    def coded(name: str, words: list[str] | tuple[str, ...]) -> npt.NDArray[Any]:
        places = {word: place for place, word in enumerate(words)}
        codes: npt.NDArray[Any] = (
            frame[name].replace_strict(places, default=NO_CLASS, return_dtype=pl.Int64).to_numpy()
        )
        return codes

    price = frame["price"].cast(pl.Float64).to_numpy()
    blobs = b"".join(frame["sums"].to_list())
    return SeriesTable(
        product=frame["product_id"].to_numpy(),
        location=frame["location_id"].to_numpy(),
        category=frame["category_id"].to_numpy(),
        abc=coded("abc", CLASSES),
        xyz=coded("xyz", PREDICTABILITY),
        model=coded("model", model_names),
        model_names=model_names,
        price=np.where(price >= 0, price, np.nan),
        sums=np.frombuffer(blobs, dtype="<f4").reshape(frame.height, -1, len(SUMS))
        if frame.height
        else np.zeros((0, 1, len(SUMS)), dtype=np.float32),
    )


def classes_read(run_id: int) -> pl.DataFrame:
    """XYZ of a run's product-locations: product_id, location_id, xyz."""
    import polars as pl

    schema = {"product_id": pl.Int64(), "location_id": pl.Int64(), "xyz": pl.String()}
    return _rows(run_id, dict.fromkeys(schema, ""), schema)


def _read(run_id: int) -> pl.DataFrame:
    """The rows as a frame; no nulls, whose type a driver might guess: 0 for no category, -1 for no price."""
    import polars as pl

    schema = {
        "product_id": pl.Int64(),
        "location_id": pl.Int64(),
        "category_id": pl.Int64(),
        "model": pl.String(),
        "abc": pl.String(),
        "xyz": pl.String(),
        "price": pl.Float64(),
        "sums": pl.Binary(),
    }
    filled = {"category_id": "COALESCE(category_id, 0)", "price": "COALESCE(price, -1.0)"}
    return _rows(run_id, {name: filled.get(name, "") for name in schema}, schema)


def _rows(run_id: int, columns: dict[str, str], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Columns of a run's rows, each by its expression (its own name where empty), by product, location."""
    import polars as pl

    from catalog.selectors import read_frame

    table = connection.ops.quote_name(SeriesAccuracy._meta.db_table)
    chosen = ", ".join(f"{said} AS {name}" if said else name for name, said in columns.items())
    sql = f"SELECT {chosen} FROM {table} WHERE run_id = %s ORDER BY product_id, location_id"  # noqa: S608
    if connection.in_atomic_block:
        # ADBC would not see what this transaction has written.
        with connection.cursor() as cursor:
            cursor.execute(sql, [run_id])
            return pl.DataFrame(cursor.fetchall(), schema=schema, orient="row")
    return read_frame(sql, [run_id], schema=schema)
