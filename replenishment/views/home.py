"""The start page: what needs me today; and the start of a plan."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from catalog import selectors as catalog
from catalog.models import ImportBatch
from forecasting import selectors as forecasting
from forecasting.models import ForecastRun
from replenishment import selectors, services
from replenishment.models import PlanRun, PurchaseOrder
from replenishment.tasks import plan_execute_task
from replenishment.views import reads
from replenishment.views.access import buyer_page, reader

_RECENT_JOBS = 3


@buyer_page("replenishment.view_suggestion")
def home(request: HttpRequest) -> HttpResponse:
    """What needs me today."""
    user = reader(request)
    today = catalog.today()
    plan = selectors.plan_latest()
    run = forecasting.run_latest()
    suggestions = reads.suggestions_priced(plan)
    to_order = suggestions.filter(reads.TAB_FILTERS["order"])
    states = suggestions.order_by().aggregate(
        exceptions=Count("pk", filter=reads.TAB_FILTERS["exception"]),
        out=Count("pk", filter=Q(on_hand__lte=0, daily_demand__gt=0)),
        soon=Count(
            "pk", filter=Q(on_hand__gt=0, cover_days__lt=F("lead_time_days"), on_order=0, daily_demand__gt=0)
        ),
    )
    sees_orders = user.has_perm("replenishment.view_purchaseorder")
    orders = PurchaseOrder.objects.select_related("supplier", "location", "submitted_by").order_by("pk")
    may_approve = user.is_staff and user.has_perm("replenishment.approve_purchaseorder")
    waiting = list(
        orders.filter(state=PurchaseOrder.State.SUBMITTED).exclude(Q(created_by=user) | Q(submitted_by=user))[
            :8
        ]
        if may_approve
        else ()
    )
    late = list(
        orders.filter(
            state__in=[PurchaseOrder.State.SENT, PurchaseOrder.State.PART_RECEIVED], expected_on__lt=today
        ).order_by("expected_on")[:8]
        if sees_orders
        else ()
    )
    mine = list(
        orders.filter(created_by=user, state__in=[PurchaseOrder.State.DRAFT, PurchaseOrder.State.APPROVED])[
            :8
        ]
        if sees_orders
        else ()
    )
    return render(
        request,
        "replenishment/home.html",
        {
            "today": today,
            "plan": plan,
            "run": run,
            "run_age": (today - run.as_of).days if run else None,
            "totals": reads.totals(to_order),
            "rail": reads.supplier_sums(plan, to_order)[:10],
            "states": states,
            "may_approve": may_approve,
            "waiting": waiting,
            "late": late,
            "mine": mine,
            "jobs": _jobs(),
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
        else:
            messages.success(
                request, _("The plan is done: %(n)d suggestions.") % {"n": plan.suggestions_count}
            )
        response = HttpResponse(status=200)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "replenishment/partials/plan_progress.html", {"active_plan": plan})


def _jobs() -> list[ImportBatch | ForecastRun | PlanRun]:
    """The newest job of each kind that failed and was not followed by one that worked."""
    failed: list[ImportBatch | ForecastRun | PlanRun] = []
    for model in (ImportBatch, ForecastRun, PlanRun):
        done = model._base_manager.filter(state="done").order_by("-pk").values_list("pk", flat=True).first()
        found = model._base_manager.filter(state="failed", pk__gt=done or 0).order_by("-pk")
        failed += list(found[:_RECENT_JOBS])
    return failed
