"""Plan runs: from a forecast run to suggestions, as a job."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import Job, JobLine, JobLostError
from catalog.services import health_keep
from forecasting import selectors as forecasting
from forecasting.models import ForecastRun
from replenishment.models import PlanAction, PlanItems, PlanRun, Suggestion
from replenishment.selectors import lines_open, on_order
from replenishment.selectors.plans import plan_before, plan_latest
from replenishment.services.errors import PlanError
from replenishment.services.orders import permission_require
from replenishment.services.scoreboard import edits_score
from replenishment.services.suggestions import plan_latest_lock

if TYPE_CHECKING:
    import polars as pl

    from replenishment.services.plan_items import Target

logger = logging.getLogger(__name__)

TARGET_KINDS = ("fill", "cycle", "economic", "overall")
UNMET = ("lost", "backorder")
ABC_BY = ("revenue", "margin", "units")
# Orders made while a plan is computed start it again; so often, then somebody has to look.
_MOST_TRIES = 5

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class PlanSpec:
    """How much to hold, for all product-locations of a plan.

    `target_kind` and `target`: share of units (`fill`, `overall`) or of cycles (`cycle`) to serve, or what
    pays best (`economic`). `holding_rate` is a share of unit cost a year, `order_cost` money per order line,
    `budget` money for all orders of the plan (None: no limit), both in the home currency. `unmet`: demand
    that finds no stock is lost, or waits (`backorder`). `calm`: a quantity that differs from the plan before
    by no more than this share of it is kept. ABC classes go by revenue, margin or units of the last
    `abc_days`. Raises PlanError for what makes no sense.
    """

    target_kind: str = "fill"
    target: float = 0.95
    holding_rate: float = 0.25
    order_cost: float = 0.0
    budget: float | None = None
    unmet: str = "lost"
    calm: float = 0.1
    abc_by: str = "revenue"
    abc_days: int = 365

    def __post_init__(self) -> None:
        if self.target_kind not in TARGET_KINDS or self.unmet not in UNMET:
            raise PlanError(_("This kind of target is not known."))
        if not 0 < self.target < 1:
            raise PlanError(_("The target must be above 0 and below 1, 0.95 say."))
        if self.abc_by not in ABC_BY or not 7 <= self.abc_days <= 3660:
            raise PlanError(_("ABC goes by revenue, margin or units of 7 to 3,660 days."))
        if not 0 <= self.calm < 1:
            raise PlanError(_("The share of calm must be 0 or more and below 1."))
        for value in (self.holding_rate, self.order_cost, self.budget or 0.0):
            if not math.isfinite(value) or value < 0:
                raise PlanError(_("Rates, costs and the budget must be 0 or more."))

    def to_target(self) -> Target:
        """What of this the rows of a plan take."""
        from replenishment.services.plan_items import Target

        return Target(**{f.name: getattr(self, f.name) for f in fields(Target)})

    def to_dict(self) -> dict[str, Any]:
        """As it is stored with the plan."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Back from what was stored; names that are not known are left alone."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


def plan_create(
    *,
    acting_user: User | None,
    forecast_run: ForecastRun | None = None,
    spec: PlanSpec | None = None,
) -> PlanRun:
    """Queue a plan on a forecast run (default: the latest one). Whoever calls this dispatches the task.

    Without a specification it is made as the plan before, its budget aside. `acting_user` is None for a
    schedule or a command. Raises PlanError without a usable forecast.
    """
    if acting_user is not None:
        permission_require(acting_user, "add_planrun")
    run = forecast_run or forecasting.run_latest()
    if run is None:
        raise PlanError(_("There is no forecast to plan from yet: run one first."))
    if run.state != Job.State.DONE or run.pruned_at is not None:
        raise PlanError(_("This forecast can't be planned from: it isn't done, or its numbers were cleared."))
    # A run that found nothing changed leaves its numbers with the earlier one.
    run = run.same_as or run
    return PlanRun.objects.create(
        forecast_run=run,
        as_of=run.as_of,
        spec=(spec or _spec_usual()).to_dict(),
        created_by=acting_user,
    )


def _spec_usual() -> PlanSpec:
    latest = plan_latest()
    return PlanSpec() if latest is None else replace(PlanSpec.from_dict(latest.spec), budget=None)


def plan_execute(*, plan_id: int) -> PlanRun:
    """Do a queued plan, or take up one whose worker fell silent; nothing if another worker is alive on it.

    Orders as of the forecast's day, with the stock of that day and what is on order now. All suggestions and
    the plan's last state are written in one transaction; a failure is kept on the plan, in words for people.
    """
    claim = PlanRun.take(plan_id)
    plan = PlanRun.objects.select_related("forecast_run").get(pk=plan_id)
    if claim is None:
        logger.info("Plan %d is %s: nothing to do", plan_id, plan.state)
        return plan
    try:
        _plan(plan, claim)
        _look_back(plan)
    except JobLostError:
        logger.warning("Plan %d was lost to another worker", plan_id)
    except PlanError as error:
        logger.info("Plan %d failed: %s", plan_id, error)
        PlanRun.fail(plan_id, claim, str(error))
    except KeyboardInterrupt:
        PlanRun.fail(plan_id, claim, _("Interrupted."))
        raise
    except Exception as error:
        logger.exception("Plan %d failed", plan_id)
        reason = f"{type(error).__name__}: {error}"[:1000]
        PlanRun.fail(plan_id, claim, _("Unexpected error: %s") % reason)
    plan.refresh_from_db()
    return plan


def _look_back(plan: PlanRun) -> None:
    """What came of earlier edits. The plan is done whatever happens here; the next does what was missed."""
    try:
        edits_score(as_of=plan.as_of)
    except Exception:
        logger.exception("Edits were not scored after plan %d", plan.pk)
    try:
        health_keep()
    except Exception:
        logger.exception("The health of the data was not measured after plan %d", plan.pk)


@dataclass(frozen=True, eq=False)
class _Made:
    """A plan's rows, the ITEMS that the core planned, its actions, and its purchases by week.

    `lines` are the open order lines that it saw, `summary` is what the shop came to (`summaries`).
    """

    rows: pl.DataFrame
    lines: pl.DataFrame
    items: pl.DataFrame
    actions: pl.DataFrame
    purchases: dict[str, Any]
    summary: dict[str, Any]
    previous: PlanRun | None


def _plan(plan: PlanRun, claim: uuid.UUID) -> None:
    from catalog.services.heartbeat import Heartbeat

    for _attempt in range(_MOST_TRIES):
        with Heartbeat(PlanRun, plan.pk, claim) as heartbeat:
            # Before the stock: goods that come in meanwhile are then in both, which `_store` notices, and
            # not in neither. Each try reads both anew for the same reason.
            open_orders = on_order(as_of=plan.as_of)
            facts, seconds = _read(plan, heartbeat.report)
            made = _compute(plan, facts, open_orders, heartbeat.report, seconds)
        if _store(plan, claim, open_orders, made, facts, seconds):
            return
        logger.info("Plan %d: orders were made meanwhile, once more", plan.pk)
        PlanRun.note(plan.pk, "again", level=JobLine.Level.WARNING)
    raise PlanError(_("Orders kept changing while the plan was made. Try again."))


def _read(plan: PlanRun, report: Report) -> tuple[Any, dict[str, float]]:
    from replenishment.selectors.offers import Costs
    from replenishment.services.plan_facts import facts_read

    start = time.perf_counter()
    report("read", 0.0)
    # Pruned between asking and doing.
    if plan.forecast_run.pruned_at is not None:
        raise PlanError(_("This forecast can't be planned from: it isn't done, or its numbers were cleared."))
    # Overrides as of the start, which the plan's row keeps: they can be read so again.
    spec = PlanSpec.from_dict(plan.spec)
    costs = Costs(holding_rate=spec.holding_rate, order_cost=spec.order_cost, target=spec.target)
    facts = facts_read(
        forecast_run=plan.forecast_run,
        known_at=plan.started_at,
        abc_by=spec.abc_by,
        abc_days=spec.abc_days,
        costs=costs,
    )
    return facts, {"read": round(time.perf_counter() - start, 3)}


def _compute(
    plan: PlanRun, facts: Any, open_orders: pl.DataFrame, report: Report, seconds: dict[str, float]
) -> _Made:
    """What the plan comes to, given what is on order."""
    import polars as pl

    from replenishment.services.plan_actions import actions_found
    from replenishment.services.plan_calm import suggestions_before
    from replenishment.services.plan_dates import Dated, late_added, purchases_by_week, stock_out_added
    from replenishment.services.plan_rows import rows_plan
    from replenishment.services.plan_transfers import sent_away, transfer_actions
    from replenishment.services.summaries import summary_made

    start = time.perf_counter()
    report("plan", 0.3)
    previous = plan_before(plan)
    before = suggestions_before(previous)
    planned = rows_plan(facts, open_orders, PlanSpec.from_dict(plan.spec).to_target(), before)
    rows, moves = planned.rows, planned.moves
    seconds["plan"] = round(time.perf_counter() - start, 3)
    start = time.perf_counter()
    report("ahead", 0.6)
    lines = lines_open(as_of=plan.as_of)
    dated = Dated.of(rows, planned.demand, lines, plan.as_of)
    # What goes to another location is no longer there to be marked down.
    left = dated if moves.is_empty() else Dated.of(sent_away(rows, moves), planned.demand, lines, plan.as_of)
    made = _Made(
        rows=late_added(stock_out_added(rows, dated), lines, plan.as_of),
        lines=lines,
        items=planned.items,
        actions=pl.concat([transfer_actions(moves), actions_found(left)], how="diagonal_relaxed"),
        purchases=purchases_by_week(dated),
        summary=summary_made(rows, as_of=plan.as_of),
        previous=previous,
    )
    seconds["ahead"] = round(time.perf_counter() - start, 3)
    report("store", 0.8)
    return made


def _store(
    plan: PlanRun,
    claim: uuid.UUID,
    open_orders: pl.DataFrame,
    made: _Made,
    facts: Any,
    seconds: dict[str, float],
) -> bool:
    """Write all of it, or nothing: False where orders changed since, JobLostError where the claim is gone."""
    from replenishment.services.plan_facts import KEY
    from replenishment.services.plan_items import items_pack
    from replenishment.services.plan_rows import exceptions_count
    from replenishment.services.plan_store import actions_store, suggestions_store
    from replenishment.services.plan_sums import sums_store
    from replenishment.services.snoozes import snoozes_apply
    from replenishment.services.summaries import summary_keep

    rows = made.rows
    start = time.perf_counter()
    with transaction.atomic():
        # Locks the plan's row: nobody can take it up from here to the commit, however long the write is.
        PlanRun.beat(plan.pk, claim)
        # And no order is drafted from the plan before, which would then be suggested once more.
        plan_latest_lock()
        if not open_orders.sort(KEY).equals(on_order(as_of=plan.as_of).sort(KEY)):
            return False
        # Nor has a line gone that an action is about, or an order another day.
        if not made.lines.equals(lines_open(as_of=plan.as_of)):
            return False
        Suggestion.objects.filter(plan_run=plan).delete()
        PlanAction.objects.filter(plan_run=plan).delete()
        suggestions_store(plan_id=plan.pk, rows=rows)
        actions_store(plan_id=plan.pk, rows=made.actions)
        snoozes_apply(plan)
        sums_store(plan)
        summary_keep(plan=plan, summary=made.summary)
        PlanItems.objects.update_or_create(plan_run=plan, defaults={"table": items_pack(made.items)})
        due = rows.filter(rows["order_quantity"] > 0)
        exceptions = exceptions_count(rows)
        seconds["store"] = round(time.perf_counter() - start, 3)
        PlanRun.finish(
            plan.pk,
            claim,
            previous=made.previous,
            suggestions_count=due.height,
            exceptions_count=sum(exceptions.values()),
            report={
                "rows": rows.height,
                "units": float(due["order_quantity"].sum()),
                "home_value": round(float(due["home_value"].sum()), 2),
                "without_rate": int(due["home_value"].is_null().sum()),
                "exceptions": exceptions,
                # The planners' overrides that are in its demand, oldest first.
                "overrides": facts.overrides,
                # What lead times were learned with: the SKU page learns those of a product in the same way.
                "lead_times": asdict(facts.pool),
                # Of each supplier by week, in the home currency: plan_dates.purchases_by_week.
                "purchases": made.purchases,
                "seconds": seconds,
            },
        )
    return True
