"""Replays: from the shop's own history to what each policy would have cost, as a job."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import Category, JobLostError, Location, Supplier
from forecasting import selectors as forecasting
from replenishment.models import ReplayPolicy, ReplayRun
from replenishment.services.errors import PlanError, ReplayError
from replenishment.services.orders import permission_require
from replenishment.services.plans import PlanSpec, Report

if TYPE_CHECKING:
    from replenishment.services.replay_facts import ReplayFacts
    from replenishment.services.replay_forecasts import Source
    from replenishment.services.replay_store import Results

logger = logging.getLogger(__name__)

# The names of replenishment.core.replay.POLICIES, which is too heavy for the start of the web server; a test
# compares the two.
REPLAY_POLICIES = (
    "engine",
    "minmax",
    "minmax_refreshed",
    "moving_average",
    "moving_average_lead_time",
    "ses",
    "bootstrap",
    "ses_allocated",
    "quantile",
)
DEFAULT_POLICIES = ("engine", "minmax", "minmax_refreshed", "moving_average_lead_time", "ses")
DEFAULT_WEEKS, LEAST_WEEKS, MOST_WEEKS = 26, 4, 156
# Shares of the whole that reading and the forecasts take.
_READ, _FORECASTS = 0.05, 0.85


@dataclass(frozen=True)
class ReplaySpec:
    """Which policies are replayed, and what for.

    `seed` draws lead times. Where there was no forecast for `forecast_weeks`, one is made as of then.
    `target_kind` to `unmet` are those of `PlanSpec`, for every item. Raises ReplayError for what makes no
    sense.
    """

    policies: tuple[str, ...] = DEFAULT_POLICIES
    seed: int = 0
    forecast_weeks: int = 4
    target_kind: str = "fill"
    target: float = 0.95
    holding_rate: float = 0.25
    order_cost: float = 0.0
    unmet: str = "lost"

    def __post_init__(self) -> None:
        object.__setattr__(self, "policies", tuple(dict.fromkeys(self.policies)))
        if not self.policies or not set(self.policies) <= set(REPLAY_POLICIES):
            raise ReplayError(_("Choose one or more of the policies."))
        if not 1 <= self.forecast_weeks <= 13:
            raise ReplayError(_("Forecasts must be 1 to 13 weeks apart."))
        if not 0 <= self.seed < 2**31:
            raise ReplayError(_("The seed must be a whole number, 0 or more."))
        try:
            self.plan_spec()
        except PlanError as error:
            raise ReplayError(str(error)) from error

    def plan_spec(self) -> PlanSpec:
        """The part that plans have too. Raises PlanError."""
        return PlanSpec(
            target_kind=self.target_kind,
            target=self.target,
            holding_rate=self.holding_rate,
            order_cost=self.order_cost,
            unmet=self.unmet,
        )

    def to_dict(self) -> dict[str, Any]:
        """As it is stored with the replay."""
        return asdict(self) | {"policies": list(self.policies)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Back from what was stored; names that are not known are left alone."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


def replay_start(
    *,
    acting_user: User | None,
    first_day: date | None = None,
    last_day: date | None = None,
    spec: ReplaySpec | None = None,
    location: Location | None = None,
    supplier: Supplier | None = None,
    category: Category | None = None,
) -> ReplayRun:
    """Queue a replay of whole weeks up to `last_day`. Whoever calls this dispatches the task.

    Default: 26 weeks up to the last complete day with sales, all product-locations. `first_day` is moved on
    to the first day of a week that ends on the last day's weekday. `acting_user` is None for a command.
    Raises ReplayError for days without sales, or too few or too many weeks.
    """
    if acting_user is not None:
        permission_require(acting_user, "add_replayrun")
    latest = forecasting.as_of_default()
    if latest is None:
        raise ReplayError(_("There are no sales yet: import some first."))
    last_day = last_day or latest
    if last_day > latest:
        raise ReplayError(_("The last day must not be later than the last complete day with sales."))
    weeks = DEFAULT_WEEKS if first_day is None else ((last_day - first_day).days + 1) // 7
    if not LEAST_WEEKS <= weeks <= MOST_WEEKS:
        raise ReplayError(
            _("A replay is of %(least)d to %(most)d weeks.") % {"least": LEAST_WEEKS, "most": MOST_WEEKS}
        )
    return ReplayRun.objects.create(
        first_day=last_day - timedelta(days=7 * weeks - 1),
        last_day=last_day,
        spec=(spec or ReplaySpec()).to_dict(),
        location=location,
        supplier=supplier,
        category=category,
        created_by=acting_user,
    )


def replay_execute(*, replay_id: int) -> ReplayRun:
    """Do a queued replay, or take up one whose worker fell silent; nothing if another worker is alive on it.

    All results and the last state are written in one transaction; a failure is kept, in words for people.
    """
    claim = ReplayRun.take(replay_id)
    run = ReplayRun.objects.get(pk=replay_id)
    if claim is None:
        logger.info("Replay %d is %s: nothing to do", replay_id, run.state)
        return run
    try:
        _replay(run, claim)
    except JobLostError:
        logger.warning("Replay %d was lost to another worker", replay_id)
    except ReplayError as error:
        logger.info("Replay %d failed: %s", replay_id, error)
        ReplayRun.fail(replay_id, claim, str(error))
    except KeyboardInterrupt:
        ReplayRun.fail(replay_id, claim, _("Interrupted."))
        raise
    except Exception as error:
        logger.exception("Replay %d failed", replay_id)
        reason = f"{type(error).__name__}: {error}"[:1000]
        ReplayRun.fail(replay_id, claim, _("Unexpected error: %s") % reason)
    run.refresh_from_db()
    return run


def _replay(run: ReplayRun, claim: uuid.UUID) -> None:
    from catalog.services.heartbeat import Heartbeat
    from replenishment.services.replay_facts import facts_read
    from replenishment.services.replay_forecasts import sources_choose

    spec = ReplaySpec.from_dict(run.spec)
    seconds: dict[str, float] = {}
    with Heartbeat(ReplayRun, run.pk, claim) as heartbeat:
        start = time.perf_counter()
        heartbeat.report("read", 0.0)
        facts = facts_read(run=run, target=spec.plan_spec().to_target())
        sources = sources_choose(facts.history, every=spec.forecast_weeks)
        seconds["read"] = round(time.perf_counter() - start, 3)
        results, used = _compute(run, spec, facts, sources, heartbeat.report, seconds)
    report = {
        "weeks": facts.history.periods,
        "opening_assumed": facts.assumed,
        "skipped": results.skipped,
        "runs": [[s.run_id, s.as_of.isoformat()] for s in used if s.run_id is not None],
        "backcasts": [s.day.isoformat() for s in used if s.run_id is None],
        "seconds": seconds,
    }
    _store(run, claim, results, report)


def _compute(
    run: ReplayRun,
    spec: ReplaySpec,
    facts: ReplayFacts,
    sources: list[Source],
    report: Report,
    seconds: dict[str, float],
) -> tuple[Results, list[Source]]:
    """The results, and the forecasts that were read for them."""
    from replenishment.core.replay import FORECAST_POLICIES, replay
    from replenishment.services.replay_forecasts import demands_make
    from replenishment.services.replay_store import results_make

    if not set(spec.policies) & set(FORECAST_POLICIES):
        sources = []
    begun = time.perf_counter()
    forecast_until = begun

    def progress(share: float) -> None:
        nonlocal forecast_until
        forecast_until = time.perf_counter()
        report("forecasts" if share < 1 else "replay", _READ + (_FORECASTS - _READ) * share)

    if not sources:
        report("replay", _READ)
    demands = demands_make(sources, seed=spec.seed, known_at=run.started_at, progress=progress)
    try:
        found = replay(facts.items, facts.history, demands, policies=spec.policies, seed=spec.seed)
    except forecasting.NoDemandError as error:
        raise ReplayError(_("Nothing was sold before the first day: begin later.")) from error
    seconds["forecasts"] = round(forecast_until - begun, 3)
    seconds["replay"] = round(time.perf_counter() - forecast_until, 3)
    report("store", 0.95)
    return results_make(run=run, facts=facts, replay=found, policies=list(spec.policies)), sources


def _store(run: ReplayRun, claim: uuid.UUID, results: Results, report: dict[str, Any]) -> None:
    """All results and the last state, or nothing. Raises `JobLostError`."""
    with transaction.atomic():
        # Locks the row: nobody can take the replay up from here to the commit.
        ReplayRun.beat(run.pk, claim)
        ReplayPolicy.objects.filter(replay=run).delete()
        ReplayPolicy.objects.bulk_create(results.policies)
        ReplayRun.finish(
            run.pk,
            claim,
            items_count=results.items,
            skipped_count=sum(results.skipped.values()),
            items_table=results.table,
            report=report,
        )
