"""From PostgreSQL to stored forecasts: what the app adds to the engine's time.

    python -m benchmarks.forecast_stored [--series 30490] [--freq D] [--horizon 28] [--threads 2]
        [--medians-of 3]

PostgreSQL comes from the wheel. Sales are those of `benchmarks.forecast_speed_data`, 400 days by product and
store. Each turn is a full run through the app's services: read the panel, forecast, explain, store
distributions, accuracy and the model, look back at what came of earlier runs. The engine's own time is that
inside `forecasting.core.pipeline.forecast` but for the explanations, which only the app asks for. A last turn
on unchanged data shows what a run costs that has nothing to do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from forecasting.models import ForecastRun

AS_OF = date(2016, 4, 24)
GATE, STRETCH = 0.40, 0.20


def main() -> None:
    """Start a server and run the benchmark on it in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=30_490)
    parser.add_argument("--freq", choices=("D", "W"), default="D")
    parser.add_argument("--horizon", type=int, default=28)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--medians-of", type=int, default=3, metavar="N")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run(arguments)
        return
    from tests.servers import postgres

    command = [sys.executable, "-m", "benchmarks.forecast_stored", "--inside", *sys.argv[1:]]
    with postgres() as url:
        environment = os.environ | {"DATABASE_URL": url, "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(command, env=environment, check=True)


def run(arguments: argparse.Namespace) -> None:
    """Load the sales, then time full runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from forecasting.core import pipeline
    from forecasting.core.result import ForecastResult
    from forecasting.core.spec import ForecastSpec
    from forecasting.models import ForecastRun
    from forecasting.services import run_create, run_execute

    call_command("migrate", verbosity=0)
    load(arguments.series)
    clock = {"seconds": 0.0}
    engine = pipeline.forecast

    def timed(*given: Any, **options: Any) -> ForecastResult:
        start = time.perf_counter()
        result = engine(*given, **options)
        clock["seconds"] = time.perf_counter() - start
        return result

    pipeline.forecast = timed
    shares = []
    for turn in range(arguments.medians_of + 1):
        repeat = turn == arguments.medians_of
        # The last turn asks for the same again; the others differ by their seed.
        spec = ForecastSpec(
            freq=arguments.freq,
            horizon=arguments.horizon,
            threads=arguments.threads,
            seed=max(turn - 1, 0) if repeat else turn,
        )
        row = run_create(acting_user=None, as_of=AS_OF, spec=spec, kind=ForecastRun.Kind.FULL)
        start = time.perf_counter()
        row = run_execute(run_id=row.pk)
        wall = time.perf_counter() - start
        if row.state != ForecastRun.State.DONE:
            raise RuntimeError(f"the run is {row.state}: {row.error}")
        if repeat:
            print(f"on unchanged data: {wall:.1f} s")
            continue
        shares.append(report(row, wall, clock["seconds"]))
    share = statistics.median(shares)
    print(
        f"added time, median of {len(shares)}: {share:.1%} of the engine's own; gate {GATE:.0%}:"
        f" {'reached' if share <= GATE else 'NOT reached'}, stretch {STRETCH:.0%}:"
        f" {'reached' if share <= STRETCH else 'NOT reached'}"
    )


def report(row: ForecastRun, wall: float, engine: float) -> float:
    """Print one turn; answers with the app's own time as a share of the engine's."""
    stages: dict[str, dict[str, float]] = row.report["stages"]
    own = engine - stages.get("explain", {}).get("seconds", 0.0)
    share = wall / own - 1
    print(
        f"{row.series:,} series: {wall:.1f} s, of which the engine {own:.1f} s; added {share:.1%}"
        f" ({wall / engine - 1:.1%} besides the explanations)"
    )
    print(
        "    " + ", ".join(f"{name} {figures['seconds']:.1f}" for name, figures in stages.items()), flush=True
    )
    return share


def load(count: int) -> None:
    """Products, stores and their sales."""
    import polars as pl

    from benchmarks.forecast_speed_data import make
    from catalog.models import ImportBatch, Location, Product
    from catalog.services import rows_upsert

    with tempfile.TemporaryDirectory(prefix="forestock-stored-") as folder:
        make(count, AS_OF, 1, Path(folder))
        sales = (
            pl.read_parquet(Path(folder) / f"panel-{count}.parquet")
            .filter((pl.col("y") > 0) & (pl.col("ds") <= AS_OF))
            .select("ds", "y", "price", pl.col("item").cast(pl.String), pl.col("store").cast(pl.String))
        )
    names, codes = (sales[name].unique().sort() for name in ("item", "store"))
    rows_upsert(kind="product", frame=pl.DataFrame({"sku": names, "name": names}), batch=None)
    places = pl.DataFrame({"code": codes, "name": codes, "currency": ["USD"] * len(codes)})
    rows_upsert(kind="location", frame=places, batch=None)
    products = dict(Product.objects.values_list("sku", "pk"))
    locations = dict(Location.objects.values_list("code", "pk"))
    frame = sales.select(
        product_id=pl.col("item").replace_strict(products, return_dtype=pl.Int64),
        location_id=pl.col("store").replace_strict(locations, return_dtype=pl.Int64),
        day="ds",
        quantity=pl.col("y").cast(pl.Float64),
        revenue=(pl.col("y") * pl.col("price")).cast(pl.Float64).round(2),
        returns=pl.lit(0.0),
        orders=pl.col("y").sqrt().ceil().cast(pl.Int64),
        buyers=pl.col("y").sqrt().ceil().cast(pl.Int64),
    )
    start = time.perf_counter()
    rows_upsert(kind="sales", frame=frame, batch=ImportBatch.objects.create(kind="sales"))
    seconds = time.perf_counter() - start
    print(f"{frame.height:,} sales rows of {count:,} series loaded in {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
