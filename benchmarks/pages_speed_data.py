"""A shop with a past, for `benchmarks.pages_speed`: what pages list, on top of `benchmarks.plan_stored`.

A tree of categories and names of ordinary length; three older plans with all their suggestions and a thousand
runs without; edits, rejections and drafts, so that so many suggestions of the latest plan are open; orders
in all states with their lines, history and receipts; one order of 500 lines; alarms, overrides, imports,
replays, rules, budgets, scores. Seed 0.
"""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from benchmarks.pages_speed_orders import insert, orders_of_old_plans, plan_worked_on
from benchmarks.plan_stored import AS_OF
from catalog.models import Category, ImportBatch, Location, Product
from catalog.services import health_keep
from catalog.text import fold
from forecasting.core.accuracy import SUMS, band_ends
from forecasting.models import (
    AccuracySnapshot,
    ChampionDecision,
    ForecastAlarm,
    ForecastDistribution,
    ForecastOverride,
    ForecastRun,
    OverrideScore,
    SeriesAccuracy,
    SignalRun,
)
from replenishment.models import (
    ApprovalLimit,
    Budget,
    PlanAction,
    PlanItems,
    PlanRun,
    PolicyRule,
    ReplayPolicy,
    ReplayRun,
    Suggestion,
)
from replenishment.services.exceptions_find import exceptions_find

BOSS, APPROVER = "boss", "approver"
OLD_PLANS, RUNS = 3, 1000
WORDS = [
    "Ceramic",
    "Linen",
    "Oak",
    "Glass",
    "Paper",
    "Tea",
    "Garden",
    "Winter",
    "Copper",
    "Cotton",
    "Travel",
    "Kitchen",
]
THINGS = [
    "Cup",
    "Towel",
    "Tray",
    "Lamp",
    "Notebook",
    "Kettle",
    "Bench",
    "Blanket",
    "Pan",
    "Cushion",
    "Bag",
    "Knife",
]
RNG = np.random.default_rng(0)


def past_made(open_suggestions: int) -> None:
    """All of it, in a database that `benchmarks.plan_stored` has filled and planned."""
    with transaction.atomic():
        people = _people()
        _products_named()
        run = _runs_of_forecasts()
        plan = _plans(run)
        orders_of_old_plans(people)
        plan_worked_on(plan, people, open_suggestions)
        _signals_and_scores(run, people)
        _lists(people)
    start = time.perf_counter()
    found = exceptions_find()
    health_keep()
    print(f"exceptions of 100,000 searched in {time.perf_counter() - start:.1f} s: {found}", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _people() -> list[User]:
    boss = User.objects.create_superuser(BOSS, password=None)
    approver = User.objects.create_user(APPROVER, is_staff=True)
    ApprovalLimit.objects.create(user=boss, amount=Decimal(10_000_000))
    buyers = [User.objects.create_user(f"buyer-{number}") for number in range(5)]
    return [boss, approver, *buyers]


def _products_named() -> None:
    tops = insert(Category, (Category(code=f"C{n}", name=WORDS[n]) for n in range(10)))
    leaves = insert(
        Category,
        (
            Category(code=f"C{n % 10}-{n}", name=f"{WORDS[n % 10]} {THINGS[n // 10]}", parent=tops[n % 10])
            for n in range(120)
        ),
    )
    products = list(Product.objects.order_by("pk"))
    for number, product in enumerate(products):
        words = f"{WORDS[number % 12]} {THINGS[number // 12 % 12]}"
        product.name = f"{words} with Handle, Model {number:05d}, Blue"
        product.category = leaves[number % 120]
        product.search_text = fold(f"{product.sku} {product.name}")
    Product.objects.bulk_update(products, ["name", "category", "search_text"], batch_size=1000)


def _runs_of_forecasts() -> ForecastRun:
    """Runs before the one whose distributions are stored, which becomes the newest."""
    first = ForecastRun.objects.earliest("pk")
    old = {
        "known_at": timezone.now(),
        "state": "done",
        "spec": first.spec,
        "report": {"stages": {f"stage {n}": n for n in range(200)}},
        "pruned_at": timezone.now(),
        "finished_at": timezone.now(),
    }
    runs = insert(
        ForecastRun,
        (ForecastRun(as_of=AS_OF - timedelta(days=RUNS // 2 - n), **old) for n in range(RUNS // 2)),
    )
    insert(
        AccuracySnapshot,
        (
            AccuracySnapshot(
                run=run,
                as_of=run.as_of,
                frequency="D",
                horizon=60,
                model=model,
                segment=segment,
                is_champion=model == "lightgbm",
                series=10_000,
                scores={"wape": 0.6, "bias": 0.02, "pinball": 1.2, "coverage_95": 0.95},
            )
            for run in runs
            for model in ("lightgbm", "seasonal_naive", "croston", "moving_average")
            for segment in ("overall", "smooth", "intermittent", "lumpy", "erratic")
        ),
    )
    insert(
        ChampionDecision,
        (
            ChampionDecision(run=run, segment=segment, champion="lightgbm")
            for run in runs
            for segment in ("smooth", "intermittent")
        ),
    )
    last = ForecastRun.objects.create(
        as_of=AS_OF, series=first.series, **old | {"pruned_at": None, "report": {"by_step": []}}
    )
    ForecastDistribution.objects.filter(run=first).update(run=last)
    PlanRun.objects.update(forecast_run=last)
    ForecastRun.objects.filter(pk=first.pk).update(pruned_at=timezone.now())
    return last


def _plans(run: ForecastRun) -> PlanRun:
    """Older plans, most without suggestions of their own; the newest is a copy of the one that was made."""
    first = PlanRun.objects.earliest("pk")
    values = {
        "forecast_run": run,
        "as_of": AS_OF,
        "state": "done",
        "spec": first.spec,
        "report": first.report,
        "suggestions_count": first.suggestions_count,
        "finished_at": timezone.now(),
    }
    insert(PlanRun, (PlanRun(**values) for _ in range(RUNS - OLD_PLANS)))
    for _ in range(OLD_PLANS):
        plan = PlanRun.objects.create(**values, previous=first)
        for model in (Suggestion, PlanAction):
            kept = [f for f in model._meta.concrete_fields if not f.generated]
            columns = [f.column for f in kept if f.column not in {"id", "plan_run_id"}]
            names = ", ".join(f'"{name}"' for name in columns)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} (plan_run_id, {names})"
                    f" SELECT %s, {names} FROM {model._meta.db_table} WHERE plan_run_id = %s ORDER BY id",
                    [plan.pk, first.pk],
                )
    PlanItems.objects.create(plan_run=plan, table=first.items_table)
    return plan


def _signals_and_scores(run: ForecastRun, people: list[User]) -> None:
    series = list(ForecastDistribution.objects.filter(run=run).values_list("product_id", "location_id"))
    categories = dict(Product.objects.values_list("pk", "category_id"))
    bands = len(band_ends(int(run.spec["horizon"])))
    sums = RNG.gamma(2.0, 5.0, (len(series), bands, len(SUMS))).astype("<f4")
    insert(
        SeriesAccuracy,
        (
            SeriesAccuracy(
                run=run,
                product_id=product,
                location_id=location,
                category_id=categories[product],
                model=("lightgbm", "croston", "seasonal_naive")[number % 3],
                abc="ABC"[number % 3],
                xyz="XYZ"[number // 3 % 3],
                price=9.5,
                sums=sums[number].tobytes(),
            )
            for number, (product, location) in enumerate(series)
        ),
    )
    insert(
        ForecastAlarm,
        (
            ForecastAlarm(
                kind=("bias", "drift", "coverage")[number % 3],
                frequency="D",
                product_id=product,
                location_id=location,
                segment="smooth",
                value=9.0,
                limit=8.0,
                effect=0.3,
                opened_by=run,
                seen_by=run,
                closed_at=None if number % 2 else timezone.now(),
            )
            for number, (product, location) in enumerate(series[:20_000])
        ),
    )
    overrides = insert(
        ForecastOverride,
        (
            ForecastOverride(
                product_id=product,
                location_id=location,
                kind="percent",
                value=Decimal(20),
                first_day=AS_OF + timedelta(days=number % 400 - 380),
                last_day=AS_OF + timedelta(days=number % 400 - 370),
                expires_on=AS_OF + timedelta(days=number % 400 - 370),
                reason="A fair in town",
                created_by=people[number % len(people)],
            )
            for number, (product, location) in enumerate(series[:5000])
        ),
    )
    insert(
        OverrideScore,
        (
            OverrideScore(
                override=row, as_of=AS_OF, periods=7, actual=10, model_error=5.0, override_error=4.0
            )
            for row in overrides[:4000]
        ),
    )


def _lists(people: list[User]) -> None:
    done = {"state": "done", "finished_at": timezone.now(), "created_by": people[0]}
    insert(
        ImportBatch,
        (
            ImportBatch(
                kind="sales",
                file_name=f"sales-{number}.csv",
                rows_read=1000,
                errors=[
                    {"row": n, "column": "quantity", "value": "x", "reason": "no number"} for n in range(50)
                ],
                **done,
            )
            for number in range(5000)
        ),
    )
    insert(SignalRun, (SignalRun(as_of=AS_OF, known_at=timezone.now(), **done) for _ in range(RUNS)))
    replays = insert(
        ReplayRun,
        (
            ReplayRun(
                first_day=AS_OF - timedelta(days=90), last_day=AS_OF, spec={"policies": ["engine"]}, **done
            )
            for _ in range(500)
        ),
    )
    insert(
        ReplayPolicy,
        (
            ReplayPolicy(
                replay=replay,
                place=place,
                policy=policy,
                demand=100,
                served=95,
                average_stock_value=500,
                orders=4,
                ordered=90,
                holding_cost=10,
                order_cost=4,
                lost_margin=20,
                total_cost=34,
            )
            for replay in replays
            for place, policy in enumerate(("engine", "minmax"))
        ),
    )
    leaves = list(Category.objects.values_list("pk", flat=True))
    insert(
        PolicyRule,
        (
            PolicyRule(
                name=f"Rule {n:03d}", category_id=leaves[n % len(leaves)], abc="ABC"[n % 3], target=0.9
            )
            for n in range(300)
        ),
    )
    places = list(Location.objects.values_list("pk", flat=True))
    insert(
        Budget,
        (
            Budget(
                name=f"Budget {n:03d}",
                first_day=AS_OF - timedelta(days=30 * (n // 25)),
                last_day=AS_OF - timedelta(days=30 * (n // 25) - 29),
                location_id=places[n % len(places)],
                amount=Decimal(100_000),
            )
            for n in range(100)
        ),
    )


def accuracy_kept() -> None:
    """The file that the worker of a forecast run leaves: the run here was made without one."""
    from pathlib import Path

    from django.conf import settings

    from forecasting.models import ForecastRun
    from forecasting.selectors.accuracy import accuracy_runs
    from forecasting.services.accuracy import accuracy_keep

    Path(settings.ARTIFACT_ROOT).mkdir(parents=True, exist_ok=True)
    for run in accuracy_runs()[:1]:
        name = run.artifact or f"forecast-{run.pk}-speed.model"
        ForecastRun.objects.filter(pk=run.pk).update(artifact=name)
        accuracy_keep(run_id=run.pk)
