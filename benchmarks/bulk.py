"""Bulk load and panel read against what the databases can do at all. Figures: docs/data-layer.md.

    python benchmarks/bulk.py [--rows 5000000] [--database postgresql|sqlite|both]

PostgreSQL comes from the wheel. Every figure is of one run, so that ratios hold on a busy machine too.
Loads are timed with their commit, where PostgreSQL checks the foreign keys.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    import polars as pl

    from catalog.models import ImportBatch

DAYS = 365
FIRST = date(2024, 1, 1)


def main() -> None:
    """Start a database of each kind and run the benchmark on it in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=13_700 * DAYS)
    parser.add_argument("--database", choices=["postgresql", "sqlite", "both"], default="both")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run(arguments.rows)
        return
    command = [sys.executable, __file__, "--inside", "--rows", str(arguments.rows)]
    if arguments.database != "sqlite":
        from tests.servers import postgres

        with postgres() as url:
            subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=True)
    if arguments.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="forestock-bench-") as folder:
            url = f"sqlite:///{folder}/bench.sqlite3"
            subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=True)


def run(rows: int) -> None:
    """Load, load again, read: on the database that the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    products, places = max(1, round(rows / DAYS / 10)), 10
    frame = sales_frame(products, places)
    print(f"{connection.vendor}: {frame.height:,} sales rows, {products} products at {places} locations")
    if connection.vendor == "postgresql":
        on_postgresql(frame)
    else:
        on_sqlite(frame)


def sales_frame(products: int, places: int) -> pl.DataFrame:
    """Products, locations and a year of their daily sales."""
    import numpy as np
    import polars as pl

    from catalog.models import Location, Product
    from catalog.services import rows_upsert

    names = [f"P{n:06d}" for n in range(products)]
    rows_upsert(kind="product", frame=pl.DataFrame({"sku": names, "name": names}), batch=None)
    codes = [f"W{n}" for n in range(places)]
    warehouses = pl.DataFrame({"code": codes, "name": codes, "currency": ["GBP"] * places})
    rows_upsert(kind="location", frame=warehouses, batch=None)
    product_ids = np.array(sorted(Product.objects.values_list("pk", flat=True)))
    location_ids = np.array(sorted(Location.objects.values_list("pk", flat=True)))
    chance = np.random.default_rng(0)
    size = products * places * DAYS
    quantity = chance.poisson(3.0, size) + 1.0
    day = np.datetime64(FIRST) + np.tile(np.arange(DAYS), products * places)
    return pl.DataFrame(
        {
            "product_id": np.repeat(product_ids, places * DAYS),
            "location_id": np.tile(np.repeat(location_ids, DAYS), products),
            "day": pl.Series(day).cast(pl.Date),
            "quantity": quantity,
            "revenue": (quantity * chance.integers(99, 2_000, size) / 100.0).round(2),
            "returns": np.zeros(size),
            "orders": quantity.astype(np.int64),
            "buyers": quantity.astype(np.int64),
        }
    )


def timed(what: str, rows: int, work: Callable[[], object]) -> float:
    """Run the work and print its rate; answers with rows per second."""
    gc.collect()
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    print(f"  {what:<58} {seconds:7.1f} s {rows / seconds:>12,.0f} rows/s", flush=True)
    return rows / seconds


def on_postgresql(frame: pl.DataFrame) -> None:
    """COPY in and out, and what Forestock does instead."""
    import polars as pl
    from django.db import connection, transaction
    from django.utils import timezone

    from catalog.models import ImportBatch

    batch = ImportBatch.objects.create(kind="sales")
    complete = frame.with_columns(recorded_at=pl.lit(timezone.now()), batch_id=pl.lit(batch.pk))
    pieces = []
    for piece in complete.iter_slices(100_000):
        buffer = io.BytesIO()
        piece.write_csv(buffer, include_header=False)
        pieces.append(buffer.getvalue())
    columns = ", ".join(complete.columns)
    del complete

    def raw_in() -> None:
        statement = f"COPY catalog_salesrecord ({columns}) FROM STDIN (FORMAT csv)"
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            for piece in pieces:
                copy.write(piece)

    def raw_out() -> None:
        statement = "COPY catalog_salesrecord TO STDOUT (FORMAT binary)"
        with (
            Path("/dev/null").open("wb") as nowhere,
            connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            for piece in copy:
                nowhere.write(piece)

    size = frame.height
    raw = timed("raw COPY in (text ready in memory), with commit", size, raw_in)
    pieces.clear()
    clear("TRUNCATE catalog_salesrecord")
    loads(frame, batch, raw, "COPY")
    clear("VACUUM ANALYZE catalog_salesrecord")
    reads(frame, "raw binary COPY out", raw_out)


def on_sqlite(frame: pl.DataFrame) -> None:
    """executemany and fetchmany, and what Forestock does instead."""
    import polars as pl
    from django.db import connection, transaction
    from django.utils import timezone

    from catalog.models import ImportBatch

    batch = ImportBatch.objects.create(kind="sales")
    complete = frame.with_columns(
        pl.col("day").cast(pl.String), recorded_at=pl.lit(str(timezone.now())), batch_id=pl.lit(batch.pk)
    )
    columns, rows = complete.columns, complete.rows()
    del complete

    def raw_in() -> None:
        with transaction.atomic():
            connection.ensure_connection()
            marks = ", ".join("?" * len(columns))
            connection.connection.executemany(
                f"INSERT INTO catalog_salesrecord ({', '.join(columns)}) VALUES ({marks})", rows
            )

    def raw_out() -> None:
        cursor = connection.connection.execute("SELECT * FROM catalog_salesrecord")
        while cursor.fetchmany(100_000):
            pass

    size = frame.height
    raw = timed("raw executemany (tuples ready in memory), with commit", size, raw_in)
    rows.clear()
    clear("DELETE FROM catalog_salesrecord")
    loads(frame, batch, raw, "executemany")
    reads(frame, "raw fetch of all rows", raw_out)


def clear(statement: str) -> None:
    """Run one statement outside a transaction."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def loads(frame: pl.DataFrame, batch: ImportBatch, raw: float, name: str) -> None:
    """Upsert the frame twice, then with one row in a hundred changed."""
    import polars as pl

    from catalog.services import rows_upsert

    size = frame.height
    rate = timed("upsert, all new", size, lambda: rows_upsert(kind="sales", frame=frame, batch=batch))
    print(f"    = {rate / raw:.2f} of the rate of the raw {name}")
    results: list[object] = []

    def upsert(rows: pl.DataFrame) -> None:
        results.append(rows_upsert(kind="sales", frame=rows, batch=batch))

    timed("upsert, all equal", size, lambda: upsert(frame))
    print(f"    = {results[-1]}")
    changed = frame.with_columns(
        quantity=pl.col("quantity") + (pl.int_range(pl.len()) % 100 == 0).cast(pl.Float64)
    )
    timed("upsert, 1 % changed", size, lambda: upsert(changed))
    print(f"    = {results[-1]}")


def reads(frame: pl.DataFrame, name: str, raw_out: Callable[[], object]) -> None:
    """Read all raw, and the panel by day and by week; the best of three turns each."""
    from datetime import timedelta

    from catalog.selectors import demand_panel

    as_of = FIRST + timedelta(days=DAYS - 1)
    demand_panel(as_of=as_of, product_ids=[0])  # the imports
    works: dict[str, Callable[[], object]] = {
        name: raw_out,
        "demand panel, dense, by day": lambda: demand_panel(as_of=as_of),
        "demand panel, dense, by week": lambda: demand_panel(as_of=as_of, freq="W"),
    }
    best = dict.fromkeys(works, 0.0)
    for _turn in range(3):
        for what, work in works.items():
            best[what] = max(best[what], timed(what, frame.height, work))
    for what in list(works)[1:]:
        print(f"    {what}: {best[name] / best[what]:.2f} times as long as the {name} (best of each)")


if __name__ == "__main__":
    main()
