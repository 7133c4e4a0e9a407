"""A shop small enough to replay by hand: steady sales, terms, and stock before the first day."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from django.utils import timezone

from catalog.models import Location, Product, SalesRecord, StockLevel
from replenishment import services
from replenishment.models import ReplayPolicy, ReplayRun
from tests.cast import make_product, make_terms

LAST = date(2024, 3, 3)
WEEKS = 8
FIRST = LAST - timedelta(days=7 * WEEKS - 1)


def make_sold(location: Location, *, rate: int = 10, history: int = 40, **terms: Any) -> Product:
    """A product of which `rate` units were sold on the last day of each of so many weeks up to `LAST`.

    It costs 4, sells for 10, and comes a week after it is ordered, every week.
    """
    product = make_product()
    make_terms(
        product=product,
        **{"unit_cost": Decimal(4), "lead_time_days": 7, "lead_time_sd_days": 0, "review_days": 7} | terms,
    )
    recorded = timezone.now()
    SalesRecord.objects.bulk_create(
        SalesRecord(
            product=product,
            location=location,
            day=LAST - timedelta(weeks=week),
            quantity=rate,
            revenue=Decimal(10) * rate,
            recorded_at=recorded,
        )
        for week in range(history)
    )
    return product


def make_opening(product: Product, location: Location, on_hand: float, **values: Any) -> StockLevel:
    """Stock at the close of the day before the replay."""
    return StockLevel.objects.create(
        product=product,
        location=location,
        **{"day": FIRST - timedelta(days=1), "on_hand": Decimal(str(on_hand))} | values,
    )


def start_replay(**values: Any) -> ReplayRun:
    """A queued replay of the last 8 weeks by min/max alone."""
    spec = {"policies": ("minmax",)} | values.pop("spec", {})
    return services.replay_start(
        acting_user=values.pop("acting_user", None),
        first_day=values.pop("first_day", FIRST),
        last_day=values.pop("last_day", LAST),
        spec=services.ReplaySpec(**spec),
        **values,
    )


def run_replay(**values: Any) -> ReplayRun:
    """The same, to its end."""
    run = services.replay_execute(replay_id=start_replay(**values).pk)
    assert run.state == "done", run.error
    return run


def make_replay(*names: str, compared: bool = False, **values: Any) -> ReplayRun:
    """A replay that is done, with made-up results of these policies (default: engine and min/max); `compared`
    with what was done for two items of three, which cost more.
    """
    names = names or ("engine", "minmax")
    spec = services.ReplaySpec(policies=names, freq="W").to_dict()
    report = {"periods": WEEKS, "compared": 2, "orders_inferred": 1} if compared else {}
    values["report"] = report | values.get("report", {})
    run = ReplayRun.objects.create(
        **{
            "state": "done",
            "first_day": FIRST,
            "last_day": LAST,
            "spec": spec,
            "items_count": 3,
            "course_table": make_course((*names, "actual")) if compared else b"",
        }
        | values
    )
    rows = [(place, name, False) for place, name in enumerate(names)]
    if compared:
        rows += [(place, name, True) for place, name in enumerate((*names, "actual"))]
    ReplayPolicy.objects.bulk_create(
        ReplayPolicy(
            replay=run,
            place=place,
            policy=name,
            compared=against,
            demand=100,
            served=95,
            fill_rate=0.95,
            cycle_service=0.9,
            average_stock_value=500,
            turns=6.5,
            orders=4,
            ordered=90,
            holding_cost=10,
            order_cost=4,
            lost_margin=20,
            total_cost=34 + place,
        )
        for place, name, against in rows
    )
    return run


def make_course(names: tuple[str, ...]) -> bytes:
    """The same course of each policy, over the weeks of the replay."""
    table = io.BytesIO()
    pl.concat(
        pl.DataFrame(
            {
                "policy": name,
                "compared": True,
                "day": [FIRST + timedelta(days=7 * week + 6) for week in range(WEEKS)],
                "stock_value": [500.0 + week for week in range(WEEKS)],
                "demand": [10.0] * WEEKS,
                "served": [9.0] * WEEKS,
            }
        )
        for name in names
    ).write_parquet(table)
    return table.getvalue()
