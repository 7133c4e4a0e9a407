"""A plan of 100,000 product-locations on PostgreSQL: from stored distributions to stored suggestions.

    python -m benchmarks.plan_stored [--items 100000] [--freq D] [--horizon 60] [--plans 2]

PostgreSQL comes from the wheel. 25 locations; per product two suppliers' terms of 200 suppliers, with MOQs,
packs, lead times with spread, and price breaks on a twentieth; a stock record, a price, and 20 days of sales
in the year per product-location; 10,000 open order lines; demand of `benchmarks.plan_speed` (a third slow,
the rest gamma), stored as a forecast run stores it; seed 0. Each turn is a whole plan job in a process of its
own, as a worker does it: facts read, planned, bridges and all stored in one transaction; from the second on
with what changed since the plan before. Prints the job's stages, wall and processor time (of the job, not of
the server; where others load the machine the wall time says little), and the peak of its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

AS_OF = date(2024, 1, 1)
LOCATIONS, SUPPLIERS, SALES_DAYS, ORDER_LINES = 25, 200, 20, 10_000
SECONDS, MEGABYTES = 60.0, 2048.0


def main() -> None:
    """Start a server, fill it, and run plans on it, each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--freq", choices=("D", "W"), default="D")
    parser.add_argument("--horizon", type=int, default=60)
    parser.add_argument("--plans", type=int, default=2)
    parser.add_argument("--inside", choices=("fill", "plan"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        django_up()
        filled(arguments) if arguments.inside == "fill" else planned(arguments)
        return
    from tests.servers import postgres

    command = [sys.executable, "-m", "benchmarks.plan_stored", *sys.argv[1:], "--inside"]
    with postgres() as url:
        environment = os.environ | {"DATABASE_URL": url, "OMP_WAIT_POLICY": "PASSIVE"}
        for step in ("fill", *["plan"] * arguments.plans):
            subprocess.run([*command, step], env=environment, check=True)


def django_up() -> None:
    """Django with the settings of the tests, on the database of the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()


def filled(arguments: argparse.Namespace) -> None:
    """A catalog, open orders and a finished forecast run of so many product-locations."""
    import numpy as np
    import polars as pl
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection, transaction

    from benchmarks.plan_speed import demand_made
    from catalog.models import Location, Product, Supplier
    from catalog.services import rows_upsert
    from forecasting.services.store import distributions_store

    start = time.perf_counter()
    home = settings.FORESTOCK_HOME_CURRENCY
    call_command("migrate", verbosity=0)
    rng = np.random.default_rng(0)
    products = -(-arguments.items // LOCATIONS)
    numbers = np.arange(products)

    def upsert(kind: str, frame: pl.DataFrame) -> None:
        with transaction.atomic():
            rows_upsert(kind=kind, frame=frame, batch=None)

    sku = [f"SKU{number:06d}" for number in numbers]
    upsert("product", pl.DataFrame({"sku": sku, "name": sku}))
    places = [f"L{number:02d}" for number in range(LOCATIONS)]
    upsert("location", pl.DataFrame({"code": places, "name": places, "currency": [home] * LOCATIONS}))
    codes = [f"S{number:03d}" for number in range(SUPPLIERS)]
    upsert("supplier", pl.DataFrame({"code": codes, "name": codes, "currency": [home] * SUPPLIERS}))
    product_ids = np.sort(np.array(Product.objects.values_list("pk", flat=True)))
    location_ids = np.sort(np.array(Location.objects.values_list("pk", flat=True)))
    supplier_ids = np.sort(np.array(Supplier.objects.values_list("pk", flat=True)))

    cost = np.round(rng.lognormal(2, 1, products) + 0.1, 2)
    pack = rng.choice([1.0, 1.0, 6.0, 12.0], products)
    terms = []
    for rank in (1, 2):
        broken = rng.random(products) < 0.05
        terms.append(
            pl.DataFrame(
                {
                    "supplier_id": supplier_ids[(numbers * 7 + rank) % SUPPLIERS],
                    "product_id": product_ids,
                    "location_id": pl.Series([None] * products, dtype=pl.Int64),
                    "rank": [rank] * products,
                    "unit_cost": cost * (0.9 + 0.1 * rank),
                    "currency": [home] * products,
                    "moq": np.where(rng.random(products) < 0.3, pack * 4, 0.0),
                    "order_multiple": pack,
                    "lead_time_days": rng.choice([3.0, 7.0, 14.0, 30.0], products),
                    "lead_time_sd_days": rng.choice([0.0, 1.0, 3.0], products),
                    "review_days": rng.choice([1.0, 7.0], products),
                    "price_breaks": [
                        json.dumps([[float(size * 10), float(round(price * 0.95, 2))]] if has else [])
                        for has, size, price in zip(broken, pack, cost, strict=True)
                    ],
                }
            )
        )
    upsert("supply_terms", pl.concat(terms))
    demand = demand_made(arguments.items, arguments.horizon)
    own = np.arange(arguments.items)
    keys = {"product_id": product_ids[own // LOCATIONS], "location_id": location_ids[own % LOCATIONS]}
    rate = demand.mean[:, 0].astype(float)
    stock = np.floor(rng.gamma(1.2, rate * 12))
    upsert(
        "stock",
        pl.DataFrame({**keys, "day": [AS_OF] * len(own), "on_hand": stock, "allocated": np.zeros(len(own))}),
    )
    price = np.round(cost[own // LOCATIONS] * rng.uniform(1.2, 2.2, len(own)), 2)
    upsert("price", pl.DataFrame({**keys, "day": [AS_OF - timedelta(days=30)] * len(own), "price": price}))
    for day in range(SALES_DAYS):
        sold = np.ceil(rate * 3 * rng.random(len(own)))
        upsert(
            "sales",
            pl.DataFrame(
                {
                    **keys,
                    "day": [AS_OF - timedelta(days=15 * day)] * len(own),
                    "quantity": sold,
                    "revenue": np.round(sold * price, 2),
                    "returns": np.zeros(len(own)),
                    "orders": sold.astype(int),
                    "buyers": sold.astype(int),
                }
            ),
        )
    run = _forecast_run(arguments)
    with transaction.atomic():
        distributions_store(
            run_id=run,
            product_ids=keys["product_id"],
            location_ids=keys["location_id"],
            models=["lightgbm"] * len(own),
            segments=["smooth"] * len(own),
            patterns=["smooth"] * len(own),
            distribution=demand,
        )
    _orders_open(rng, keys, supplier_ids)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{len(own):,} product-locations made in {time.perf_counter() - start:.0f} s", flush=True)


def _forecast_run(arguments: argparse.Namespace) -> int:
    from django.utils import timezone

    from catalog.models import Job
    from forecasting.models import ForecastRun

    return ForecastRun.objects.create(
        as_of=AS_OF,
        known_at=timezone.now(),
        state=Job.State.DONE,
        series=arguments.items,
        spec={"freq": arguments.freq, "horizon": arguments.horizon},
    ).pk


def _orders_open(rng: Any, keys: dict[str, Any], supplier_ids: Any) -> None:
    """Sent orders, 50 lines each, of product-locations drawn at random."""
    from decimal import Decimal

    from django.conf import settings
    from django.contrib.auth.models import User

    from replenishment.models import PurchaseOrder, PurchaseOrderLine

    buyer = User.objects.create_user("buyer")
    count = min(ORDER_LINES, len(keys["product_id"]) // 2)
    drawn = rng.choice(len(keys["product_id"]), count, replace=False)
    drawn = drawn[keys["location_id"][drawn].argsort(kind="stable")]
    lines = []
    for start in range(0, count, 50):
        part = drawn[start : start + 50]
        location = int(keys["location_id"][part[0]])
        order = PurchaseOrder.objects.create(
            number=f"PO-{start}",
            created_by=buyer,
            supplier_id=int(supplier_ids[(start // 50) % len(supplier_ids)]),
            location_id=location,
            currency=settings.FORESTOCK_HOME_CURRENCY,
            state=PurchaseOrder.State.SENT,
        )
        lines += [
            PurchaseOrderLine(
                order=order,
                product_id=int(keys["product_id"][row]),
                quantity=Decimal(24),
                unit_cost=Decimal(2),
            )
            for row in part
            if int(keys["location_id"][row]) == location
        ]
    PurchaseOrderLine.objects.bulk_create(lines, batch_size=2000)


def planned(arguments: argparse.Namespace) -> None:
    """One plan job, measured."""
    from replenishment.models import PlanRun
    from replenishment.services import PlanSpec, plan_create, plan_execute

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plan = plan_create(acting_user=None, spec=PlanSpec())
    wall, processor = time.perf_counter(), time.process_time()
    plan = plan_execute(plan_id=plan.pk)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if plan.state != PlanRun.State.DONE:
        raise RuntimeError(f"the plan is {plan.state}: {plan.error}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stages = ", ".join(f"{name} {value:.1f}" for name, value in plan.report["seconds"].items())
    within = "yes" if wall <= SECONDS and peak <= MEGABYTES else "NO"
    load = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    print(
        f"{plan.report['rows']:,} rows, {plan.suggestions_count:,} orders: {wall:.1f} s ({stages}; {load}),"
        f" {processor:.1f} s of processor time, peak {peak:,.0f} MB ({before:,.0f} before);"
        f" within {SECONDS:.0f} s and {MEGABYTES:,.0f} MB: {within}",
        flush=True,
    )


if __name__ == "__main__":
    main()
