"""A shop with a past, for `benchmarks.pages_speed`: what pages list, on top of `benchmarks.plan_stored`.

A tree of categories and names of ordinary length; three older plans with all their suggestions and a thousand
runs without; edits, rejections and drafts, so that so many suggestions of the latest plan are open; orders
in all states with their lines, history and receipts; one order of 500 lines; alarms, overrides, imports,
replays, rules, budgets, scores. Seed 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone

from benchmarks.plan_stored import AS_OF
from catalog.models import Category, ImportBatch, Location, Product
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
    EditScore,
    PlanAction,
    PlanItems,
    PlanRun,
    PolicyRule,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Receipt,
    ReplayPolicy,
    ReplayRun,
    Suggestion,
)
from replenishment.services.plan_sums import sums_store

BOSS, APPROVER = "boss", "approver"
OLD_PLANS, RUNS, LONG_ORDER = 3, 1000, 500
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
State = PurchaseOrder.State
RNG = np.random.default_rng(0)


def past_made(open_suggestions: int) -> None:
    """All of it, in a database that `benchmarks.plan_stored` has filled and planned."""
    with transaction.atomic():
        people = _people()
        _products_named()
        run = _runs_of_forecasts()
        plan = _plans(run)
        _orders_of_old_plans(people)
        _plan_worked_on(plan, people, open_suggestions)
        _signals_and_scores(run, people)
        _lists(people)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _insert(model: type[Model], rows: Iterable[Any]) -> list[Any]:
    return model._base_manager.bulk_create(list(rows), batch_size=2000)


def _people() -> list[User]:
    boss = User.objects.create_superuser(BOSS, password=None)
    approver = User.objects.create_user(APPROVER, is_staff=True)
    ApprovalLimit.objects.create(user=boss, amount=Decimal(10_000_000))
    buyers = [User.objects.create_user(f"buyer-{number}") for number in range(5)]
    return [boss, approver, *buyers]


def _products_named() -> None:
    tops = _insert(Category, (Category(code=f"C{n}", name=WORDS[n]) for n in range(10)))
    leaves = _insert(
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
    runs = _insert(
        ForecastRun,
        (ForecastRun(as_of=AS_OF - timedelta(days=RUNS // 2 - n), **old) for n in range(RUNS // 2)),
    )
    _insert(
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
    _insert(
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
    _insert(PlanRun, (PlanRun(**values) for _ in range(RUNS - OLD_PLANS)))
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


def _ordered(rows: list[tuple[Any, ...]], states: Sequence[str], people: list[User], name: str) -> None:
    """Orders of suggestions (id, product, location, supplier, quantity, cost), one for supplier and place."""
    _boss, approver, *buyers = people
    parts: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for row in rows:
        parts.setdefault((row[3], row[2]), []).append(row)
    orders = [
        PurchaseOrder(
            number=f"{name}-{number:05d}",
            supplier_id=supplier,
            location_id=location,
            currency="USD",
            state=states[number % len(states)],
            home_value=Decimal(round(sum(row[4] * float(row[5]) for row in part), 2)),
            expected_on=AS_OF + timedelta(days=number % 60 - 30),
            created_by=buyers[number % len(buyers)] if number % 7 else people[0],
            approved_by=approver
            if states[number % len(states)] not in {State.DRAFT, State.SUBMITTED}
            else None,
        )
        for number, ((supplier, location), part) in enumerate(parts.items())
    ]
    orders = _insert(PurchaseOrder, orders)
    came: dict[str, float] = {State.PART_RECEIVED: 0.5, State.CLOSED: 1.0}
    lines = _insert(
        PurchaseOrderLine,
        (
            PurchaseOrderLine(
                order=order,
                product_id=row[1],
                suggestion_id=row[0],
                suggested_quantity=Decimal(round(row[4], 3)),
                quantity=Decimal(round(row[4], 3)),
                received=Decimal(round(row[4] * came.get(order.state, 0.0), 3)),
                unit_cost=row[5],
            )
            for order, part in zip(orders, parts.values(), strict=True)
            for row in part
        ),
    )
    _insert(
        PurchaseOrderEvent,
        (
            PurchaseOrderEvent(order=order, action=action, to_state=order.state, actor=order.created_by)
            for order in orders
            for action in ("draft", "submit", "approve")
        ),
    )
    _insert(
        Receipt,
        (
            Receipt(line=line, key="once", quantity=line.received, received_on=AS_OF, received_by=people[0])
            for line in lines
            if line.received > 0
        ),
    )


def _to_order(plan: PlanRun, *order: Any) -> list[tuple[Any, ...]]:
    names = ("pk", "product_id", "location_id", "supplier_id", "order_quantity", "unit_cost")
    found = Suggestion.objects.filter(plan_run=plan, order_quantity__gt=0, supplier__isnull=False)
    return list(found.order_by(*(order or ("supplier_id", "location_id", "pk"))).values_list(*names))


def _orders_of_old_plans(people: list[User]) -> None:
    """Of the plan before: orders of all states; edits of the first plan, most of them scored."""
    _newest, before = PlanRun.objects.order_by("-pk")[:2]
    rows = _to_order(before)
    states = [State.CLOSED] * 6 + [State.SENT, State.PART_RECEIVED, State.CANCELLED]
    _ordered(rows, states, people, "OLD")
    first = PlanRun.objects.earliest("pk")
    edited = list(Suggestion.objects.filter(plan_run=first, order_quantity__gt=0).order_by("pk")[:6000])
    for number, row in enumerate(edited):
        row.edited_by = people[number % len(people)]
        row.edited_at = timezone.now() - timedelta(days=1)
        row.edit_reason = ["", "A fair", "Too much", "Supplier is late"][number % 4]
        row.edited_quantity = row.order_quantity + 3
        row.state = Suggestion.State.DRAFTED
    Suggestion.objects.bulk_update(
        edited, ["edited_by", "edited_at", "edit_reason", "edited_quantity", "state"], batch_size=2000
    )
    _insert(
        EditScore,
        (
            EditScore(
                suggestion=row,
                quantity=row.edited_quantity or 0.0,
                first_day=AS_OF - timedelta(days=7),
                last_day=AS_OF - timedelta(days=number % 200),
                demand=10,
                system_holding=3,
                system_ordering=0,
                system_lost_margin=1,
                edited_holding=2,
                edited_ordering=0,
                edited_lost_margin=1,
                saved=(number % 11) - 5.0,
            )
            for number, row in enumerate(edited[:5000])
        ),
    )


def _plan_worked_on(plan: PlanRun, people: list[User], wanted: int) -> None:
    """Whole orders drafted and single lines rejected until so many suggestions are open; 2,000 edited."""
    rows = _to_order(plan)
    places = np.unique([row[2] for row in rows])
    keep = len(rows) - wanted
    rejected = rows[-min(max(keep, 0), 3000) :] if keep > 0 else []
    drafted = rows[: max(keep - len(rejected), 0)]
    states = [State.DRAFT, State.SUBMITTED, State.APPROVED, State.SENT]
    _ordered(drafted, states, people, "NEW")
    Suggestion.objects.filter(pk__in=[row[0] for row in drafted]).update(state=Suggestion.State.DRAFTED)
    Suggestion.objects.filter(pk__in=[row[0] for row in rejected]).update(
        state=Suggestion.State.REJECTED, edited_by=people[0], edited_at=timezone.now(), edit_reason="Too much"
    )
    edited = [row[0] for row in rows[len(drafted) : len(rows) - len(rejected)][:: max(wanted // 2000, 1)]]
    Suggestion.objects.filter(pk__in=edited).update(
        edited_quantity=F("order_quantity") + 5, edited_by=people[2], edited_at=timezone.now()
    )
    sums_store(plan)
    long_order = PurchaseOrder.objects.create(
        number="LONG",
        supplier_id=rows[0][3],
        location_id=int(places[0]),
        currency="USD",
        created_by=people[2],
        home_value=Decimal(12_345),
    )
    _insert(
        PurchaseOrderLine,
        (
            PurchaseOrderLine(order=long_order, product_id=pk, quantity=Decimal(12), unit_cost=Decimal(2))
            for pk in Product.objects.order_by("pk").values_list("pk", flat=True)[:LONG_ORDER]
        ),
    )
    other = int(places[-1])
    _insert(
        PlanAction,
        (
            PlanAction(
                plan_run=plan,
                kind="transfer",
                product_id=row[1],
                location_id=row[2],
                other_location_id=other,
                quantity=5.0,
                saving=float(number % 90) + 1.0,
                details={"lane": 1, "lead_time_days": 2.0, "is_supply": False, "wanted": 8.0},
            )
            for number, row in enumerate(rows[-5000:])
            if row[2] != other
        ),
    )


def _signals_and_scores(run: ForecastRun, people: list[User]) -> None:
    series = list(ForecastDistribution.objects.filter(run=run).values_list("product_id", "location_id"))
    categories = dict(Product.objects.values_list("pk", "category_id"))
    bands = len(band_ends(int(run.spec["horizon"])))
    sums = RNG.gamma(2.0, 5.0, (len(series), bands, len(SUMS))).astype("<f4")
    _insert(
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
    _insert(
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
    overrides = _insert(
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
    _insert(
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
    _insert(
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
    _insert(SignalRun, (SignalRun(as_of=AS_OF, known_at=timezone.now(), **done) for _ in range(RUNS)))
    replays = _insert(
        ReplayRun,
        (
            ReplayRun(
                first_day=AS_OF - timedelta(days=90), last_day=AS_OF, spec={"policies": ["engine"]}, **done
            )
            for _ in range(500)
        ),
    )
    _insert(
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
    _insert(
        PolicyRule,
        (
            PolicyRule(
                name=f"Rule {n:03d}", category_id=leaves[n % len(leaves)], abc="ABC"[n % 3], target=0.9
            )
            for n in range(300)
        ),
    )
    places = list(Location.objects.values_list("pk", flat=True))
    _insert(
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
