"""The search for exceptions: all kinds anew, then what is new, back, gone or awake is written at once."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from catalog import selectors as catalog
from replenishment.models import ExceptionCase, ExceptionEvent, PlanRun
from replenishment.selectors import lines_open
from replenishment.selectors.plans import plan_latest
from replenishment.services.suggestions import plan_latest_lock

if TYPE_CHECKING:
    import polars as pl

    from replenishment.core.exceptions.limits import Limits

logger = logging.getLogger(__name__)

Kind = ExceptionCase.Kind
State = ExceptionCase.State
Action = ExceptionEvent.Action
_BATCH = 1_000
_MOST_TRIES = 5
# Whatever money hangs on them.
_ALWAYS = {Kind.LATE_ORDER, Kind.NOT_PLANNED, Kind.REJECTED_ROWS, Kind.FAILED_JOB, Kind.NO_LOOK_ALIKES}
# A case that a person closed opens again where its impact has grown so many times.
_WORSE = 2.0
_IDS = ("product_id", "location_id", "supplier_id", "order_id", "action_id")
_WRITTEN = [
    "state", "is_found", "impact", "details", "product", "location", "supplier", "order", "action",
    "plan_run", "forecast_run", "first_seen", "last_seen", "snoozed_until", "closed_at", "closed_by",
    "closed_impact", "comment",
]  # fmt: skip


def exceptions_find() -> dict[str, int]:
    """Search all kinds on the latest plan and all that lies around it; how many of each event there were.

    Run it as often as you like: what is found again is the same case. Nothing is written where a newer plan
    came meanwhile; then the search starts again.
    """
    for _attempt in range(_MOST_TRIES):
        plan = plan_latest()
        found = _search(plan)
        with transaction.atomic():
            if plan_latest_lock() == plan:
                return _store(found, plan)
    logger.warning("Plans kept coming while exceptions were searched: the next search finds them")
    return {}


def exception_limits() -> Limits:
    """The limits that the settings say."""
    from replenishment.core.exceptions.limits import Limits

    return Limits(**settings.FORESTOCK_EXCEPTIONS)


def _search(plan: PlanRun | None) -> pl.DataFrame:
    """All that is out of order: `kind` and `core.exceptions.COLUMNS`, the most expensive of each kind."""
    import polars as pl

    from replenishment.core.exceptions.limits import COLUMNS

    limits = exception_limits()
    frames = [(kind, rows) for kind, rows in _system(plan)]
    if plan is not None:
        frames += _planned(plan, limits)
    kept = [
        rows.filter((pl.col("impact") >= limits.least_money) | (kind in _ALWAYS))
        .sort("impact", "key", descending=[True, False])
        .head(limits.most)
        .select(pl.lit(kind.value).alias("kind"), *COLUMNS)
        for kind, rows in frames
    ]
    empty = pl.DataFrame(schema={"kind": pl.String(), **COLUMNS})
    # A trend that has turned now and one that turned lately are one.
    return pl.concat([empty, *kept]).unique(["kind", "key"], keep="first", maintain_order=True)


def _planned(plan: PlanRun, limits: Limits) -> list[tuple[Kind, pl.DataFrame]]:
    from replenishment.core import exceptions as rules
    from replenishment.core.items import DEFAULT_MARGIN
    from replenishment.selectors import exception_demand as demand
    from replenishment.selectors import exception_facts as facts
    from replenishment.selectors import exception_supply as supply

    as_of, today, now = plan.as_of, catalog.today(), timezone.now()
    rows = facts.plan_frame(plan)
    products = facts.products_frame(rows)
    actions = facts.actions_frame(plan)
    lines = _lines(as_of)
    weeks = demand.weeks_frame(as_of)
    excess, dead = rules.excess(rows, actions, demand.sold_frame(plan, limits), limits)
    return [
        (Kind.OUT_OF_STOCK, rules.out_of_stock(rows, lines, as_of)),
        (Kind.RUNS_OUT, rules.runs_out(rows, lines, actions, as_of)),
        (Kind.LATE_ORDER, rules.late_orders(facts.late_lines(today=today), rows)),
        (Kind.SURPLUS_ON_ORDER, rules.surplus_on_order(actions)),
        (Kind.EXCESS, excess),
        (Kind.DEAD_STOCK, dead),
        (Kind.TREND_FLIP, rules.flips(demand.trends_frame(), products, limits)),
        (Kind.TREND_FLIP, _lasting(now - timedelta(days=limits.trend_days))),
        (Kind.SPIKE, rules.spikes(weeks, rows, limits)),
        (Kind.FORECAST_ALARM, rules.alarms(rows, demand.alarms_frame())),
        (
            Kind.SENTIMENT_DROP,
            rules.sentiment_drops(demand.voices_frame(as_of=as_of, limits=limits), products, limits),
        ),
        (Kind.NO_LOOK_ALIKES, rules.look_alikes_missing(demand.new_frame(as_of=as_of), products)),
        (Kind.SUPPLIER_SLIPS, rules.slips(supply.slips_frame(as_of=as_of), rows, limits)),
        (
            Kind.COST_JUMP,
            rules.cost_jumps(supply.costs_frame(now=now, as_of=as_of, limits=limits), rows, limits),
        ),
        (Kind.RATE_JUMP, rules.rate_jumps(supply.rates_frame(as_of=as_of, limits=limits), rows, limits)),
        (Kind.MOQ_COVER, rules.moq_covers(rows, limits)),
        (
            Kind.NOT_PLANNED,
            rules.not_planned(
                rows, weeks.select("product_id", "location_id", "revenue"), margin=DEFAULT_MARGIN
            ),
        ),
    ]


def _lines(as_of: date) -> pl.DataFrame:
    """`selectors.lines_open` with the order of each line."""
    import polars as pl

    from replenishment.models import PurchaseOrderLine

    lines = lines_open(as_of=as_of)
    ids = lines["line_id"].drop_nulls().to_list()
    orders: dict[int, int] = {}
    for first in range(0, len(ids), 10_000):
        orders |= dict(
            PurchaseOrderLine.objects.filter(pk__in=ids[first : first + 10_000])
            .order_by()
            .values_list("pk", "order_id")
        )
    return lines.with_columns(
        order_id=pl.col("line_id").replace_strict(orders or {-1: -1}, default=None, return_dtype=pl.Int64)
    )


def _lasting(since: datetime) -> pl.DataFrame:
    """Cases of turned trends that go on, as they were found: a reading tells a turn only once."""
    import polars as pl

    from replenishment.core.exceptions.limits import COLUMNS
    from replenishment.selectors.exception_demand import flips_lasting

    rows = [
        {
            "key": case.key,
            "product_id": case.product_id,
            "impact": case.impact,
            "details": json.dumps(case.details),
        }
        for case in flips_lasting(since=since)
    ]
    return pl.DataFrame(rows, schema=COLUMNS)


def _system(plan: PlanRun | None) -> list[tuple[Kind, pl.DataFrame]]:
    """Rejected rows, failed jobs: on one that plans wait for hangs the margin at risk of the last."""
    import polars as pl
    from django.db.models import Sum

    from replenishment.core.exceptions.limits import COLUMNS
    from replenishment.selectors import exception_supply as supply

    rejected = [
        {
            "key": batch.kind,
            "impact": 0.0,
            "details": json.dumps(
                {
                    "import": batch.pk,
                    "kind": batch.kind,
                    "file": batch.file_name,
                    "rows": batch.rows_rejected,
                    "read": batch.rows_read,
                }
            ),
        }
        for batch in supply.batches_rejecting()
    ]
    failed = supply.failures()
    risk = 0.0
    if plan is not None and failed:
        risk = plan.suggestions.aggregate(risk=Sum("margin_at_risk"))["risk"] or 0.0
    jobs = [
        {
            "key": f"{job.kind} {job.pk}",
            "impact": risk if job.holds_up else 0.0,
            "details": json.dumps({"job": job.kind, "pk": job.pk, "error": job.error}),
        }
        for job in failed
    ]
    return [
        (Kind.REJECTED_ROWS, pl.DataFrame(rejected, schema=COLUMNS)),
        (Kind.FAILED_JOB, pl.DataFrame(jobs, schema=COLUMNS)),
    ]


def _store(found: pl.DataFrame, plan: PlanRun | None) -> dict[str, int]:
    """Write what was found over what is known, with an event for each change; in the caller's transaction."""
    now, today = timezone.now(), catalog.today()
    rows = {(row["kind"], row["key"]): row for row in found.iter_rows(named=True)}
    known = _known(list(rows))
    written: list[ExceptionCase] = []
    events: list[tuple[tuple[str, str], str]] = []
    for name, row in rows.items():
        case = known.get(name)
        if case is None:
            case = ExceptionCase(kind=row["kind"], key=row["key"], first_seen=now)
            events.append((name, Action.FOUND))
        elif action := _opening(case, row["impact"], today):
            if action != Action.WOKEN:
                case.first_seen = now
            case.state, case.snoozed_until = State.OPEN, None
            case.closed_at = case.closed_by = case.closed_impact = None
            case.comment = ""
            events.append((name, action))
        for field in _IDS:
            setattr(case, field, row[field])
        case.impact, case.details, case.is_found, case.last_seen = (
            row["impact"],
            json.loads(row["details"]),
            True,
            now,
        )
        case.plan_run_id = plan.pk if plan else None
        case.forecast_run_id = plan.forecast_run_id if plan else None
        written.append(case)
    ExceptionCase.objects.bulk_create(
        written,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["kind", "key"],
        update_fields=_WRITTEN,
    )
    gone = [case for name, case in known.items() if name not in rows and case.is_found]
    _close_gone(gone, now)
    ids = _ids([name for name, _action in events])
    made = [ExceptionEvent(case_id=ids[name], action=action, at=now) for name, action in events]
    made += [
        ExceptionEvent(case=case, action=Action.GONE, at=now) for case in gone if case.state != State.CLOSED
    ]
    ExceptionEvent.objects.bulk_create(made, batch_size=_BATCH)
    counts = Counter(str(event.action) for event in made)
    return {"cases": len(rows), **counts}


def _opening(case: ExceptionCase, impact: float, today: date) -> str:
    """Why a known case that is found opens now; "" where it stays as it is."""
    if case.state == State.SNOOZED:
        return Action.WOKEN if case.snoozed_until is not None and case.snoozed_until <= today else ""
    if case.state == State.OPEN:
        return ""
    if not case.is_found or case.closed_by_id is None:
        return Action.REOPENED
    is_worse = case.closed_impact is not None and impact > _WORSE * case.closed_impact > 0
    return Action.WORSE if is_worse else ""


def _close_gone(gone: list[ExceptionCase], now: datetime) -> None:
    for first in range(0, len(gone), _BATCH):
        ids = [case.pk for case in gone[first : first + _BATCH]]
        cases = ExceptionCase.objects.filter(pk__in=ids)
        cases.exclude(state=State.CLOSED).update(
            state=State.CLOSED, closed_at=now, closed_by=None, snoozed_until=None, comment=""
        )
        cases.update(is_found=False)


def _known(names: list[tuple[str, str]]) -> dict[tuple[str, str], ExceptionCase]:
    """Cases that are found, or not closed, or have one of these names; locked."""
    cases: dict[int, ExceptionCase] = {}
    lasting = ExceptionCase.objects.select_for_update().filter(Q(is_found=True) | ~Q(state=State.CLOSED))
    cases |= {case.pk: case for case in lasting.order_by("pk")}
    for kind, keys in _by_kind(names):
        closed = ExceptionCase.objects.select_for_update().filter(kind=kind, key__in=keys, is_found=False)
        cases |= {case.pk: case for case in closed.order_by("pk")}
    return {(case.kind, case.key): case for case in cases.values()}


def _ids(names: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    ids: dict[tuple[str, str], int] = {}
    for kind, keys in _by_kind(names):
        found = ExceptionCase.objects.filter(kind=kind, key__in=keys).values_list("kind", "key", "pk")
        ids |= {(kind, key): pk for kind, key, pk in found}
    return ids


def _by_kind(names: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    keys: dict[str, list[str]] = {}
    for kind, key in names:
        keys.setdefault(kind, []).append(key)
    return [
        (kind, own[first : first + _BATCH])
        for kind, own in keys.items()
        for first in range(0, len(own), _BATCH)
    ]
