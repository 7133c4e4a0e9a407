"""The start page: what needs me today; and the start of a plan."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from forecasting.models import ForecastRun
from replenishment import selectors, services
from replenishment.models import PlanRun
from replenishment.tasks import plan_execute_task
from replenishment.views.access import buyer_page, reader

_FEW = 8


@buyer_page("replenishment.view_suggestion")
def home(request: HttpRequest) -> HttpResponse:
    """What needs me today."""
    user = reader(request)
    today = catalog.today()
    plan = selectors.plan_latest()
    run = forecasting.run_latest()
    sums = selectors.plan_sums(plan)
    sees_orders = user.has_perm("replenishment.view_purchaseorder")
    return render(
        request,
        "replenishment/home.html",
        {
            "today": today,
            "plan": plan,
            "run": run,
            "run_age": (today - run.as_of).days if run else None,
            "totals": sums.totals,
            "rail": sums.suppliers[:10],
            "out_of_stock": sums.out,
            "exceptions": sums.tabs["exception"],
            "may_approve": user.is_staff and user.has_perm("replenishment.approve_purchaseorder"),
            "waiting": list(selectors.orders_to_approve(user)[:_FEW]),
            "late": list(selectors.orders_late(today=today)[:_FEW]) if sees_orders else [],
            "mine": list(selectors.orders_in_hand(user)[:_FEW]) if sees_orders else [],
            "jobs": selectors.jobs_failed(),
            "active_plan": PlanRun.objects.filter(state__in=["queued", "running"]).order_by("-pk").first(),
            "active_run": ForecastRun.objects.filter(state__in=["queued", "running"]).order_by("-pk").first(),
            "plan_is_behind": bool(run and (plan is None or plan.forecast_run_id < run.pk)),
        },
    )


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
    return redirect("replenishment:home")


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
