"""The start page: what needs me today, and how the shop is doing; and the start of a plan."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalog import selectors as catalog
from catalog.addresses import back_address
from forecasting import selectors as forecasting
from forecasting.models import ForecastRun
from replenishment import selectors, services
from replenishment.models import ExceptionCase, PlanRun
from replenishment.selectors import ExceptionSums
from replenishment.tasks import plan_execute_task
from replenishment.views.access import buyer_page, reader
from replenishment.views.first_run import first_run_page
from replenishment.views.health import freshness_lines, health_lines
from replenishment.views.history import history

_FEW = 8


@buyer_page("replenishment.view_suggestion")
def home(request: HttpRequest) -> HttpResponse:
    """What needs me today; the way to the first plan where there is none."""
    user = reader(request)
    plan = selectors.plan_latest()
    needs = _needs(user)
    if plan is None:
        return first_run_page(request, selectors.first_run(), **needs)
    today = catalog.today()
    run = forecasting.run_latest()
    sums = selectors.plan_sums(plan)
    summary = selectors.summary_of(plan)
    health = catalog.health_latest()
    exceptions: ExceptionSums | None = None
    worst: list[ExceptionCase] = []
    if user.has_perm("replenishment.view_exceptioncase"):
        exceptions, worst = selectors.exceptions_open(user)
    return render(
        request,
        "replenishment/home.html",
        {
            **needs,
            "today": today,
            "plan": plan,
            "run": run,
            "run_age": (today - run.as_of).days if run else None,
            "totals": sums.totals,
            "rail": sums.suppliers[:10],
            "out_of_stock": sums.out,
            "blocked": sums.tabs["exception"],
            "exceptions": exceptions,
            "worst": worst,
            "active_plan": PlanRun.objects.filter(state__in=["queued", "running"]).order_by("-pk").first(),
            "active_run": ForecastRun.objects.filter(state__in=["queued", "running"]).order_by("-pk").first(),
            "plan_is_behind": bool(run and plan.forecast_run_id < run.pk),
            "last": selectors.jobs_last(),
            "health": health,
            "lines": health_lines(health),
            "freshness": freshness_lines(health, today),
            "rejected": catalog.imports_rejected(),
            "summary": summary,
            "matrix": selectors.stock_matrix(summary) if summary else None,
            **history(summary, today),
        },
    )


def _needs(user: User) -> dict[str, Any]:
    """What waits for a person, with a plan or without one."""
    sees_orders = user.has_perm("replenishment.view_purchaseorder")
    return {
        "may_approve": user.is_staff and user.has_perm("replenishment.approve_purchaseorder"),
        "waiting": list(selectors.orders_to_approve(user)[:_FEW]),
        "late": list(selectors.orders_late(today=catalog.today())[:_FEW]) if sees_orders else [],
        "mine": list(selectors.orders_in_hand(user)[:_FEW]) if sees_orders else [],
        "jobs": selectors.jobs_failed(),
    }


@require_POST
@buyer_page("replenishment.add_planrun")
def plan_start(request: HttpRequest) -> HttpResponse:
    """Queue a plan on the latest forecast."""
    try:
        with transaction.atomic():
            plan = services.plan_create(acting_user=reader(request))
            transaction.on_commit(lambda: plan_execute_task.delay(plan.pk))
    except services.ReplenishmentError as error:
        messages.error(request, str(error))
    return redirect(back_address(request) or "replenishment:home")


@buyer_page("replenishment.view_suggestion", "replenishment.view_planrun")
def plan_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a plan is; when it has ended the page is loaded anew."""
    plan = get_object_or_404(PlanRun, pk=pk)
    if plan.is_finished:
        if plan.state == PlanRun.State.FAILED:
            messages.error(request, _("The plan failed: %(error)s") % {"error": plan.error})
        elif plan.state == PlanRun.State.STOPPED:
            messages.info(request, plan.error)
        else:
            messages.success(
                request, _("The plan is done: %(n)d suggestions.") % {"n": plan.suggestions_count}
            )
        response = HttpResponse(status=200)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "replenishment/partials/plan_progress.html", {"active_plan": plan})
