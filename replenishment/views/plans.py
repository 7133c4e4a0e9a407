"""Plans: the list, the form that makes one, and what one stands on."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment import selectors, services
from replenishment.models import PolicyRule
from replenishment.selectors import budgets as budget_reads
from replenishment.selectors import plan_summary as reads
from replenishment.selectors.settings import rules_used
from replenishment.settings_forms import PlanForm
from replenishment.tasks import plan_execute_task
from replenishment.views.access import buyer_page, reader

PAGE_SIZE = 25
_MOST_CHANGED = 20


@require_http_methods(["GET", "POST"])
@buyer_page("replenishment.view_planrun")
def plan_list(request: HttpRequest) -> HttpResponse:
    """All plans, newest first; posting makes one with settings of its own."""
    latest = selectors.plan_latest()
    form = PlanForm(request.POST or None, initial=latest.spec if latest else None)
    status = 200
    if request.method == "POST":
        if not request.user.has_perm("replenishment.add_planrun"):
            raise PermissionDenied
        if form.is_valid():
            try:
                with transaction.atomic():
                    plan = services.plan_create(acting_user=reader(request), spec=form.spec())
                    transaction.on_commit(lambda: plan_execute_task.delay(plan.pk), robust=True)
            except services.PlanError as error:
                form.add_error(None, str(error))
            else:
                return redirect("replenishment:plan-detail", pk=plan.pk)
        status = 422
    return render(
        request,
        "replenishment/plan_list.html",
        {
            "page": Paginator(reads.plans_list(), PAGE_SIZE).get_page(request.GET.get("page")),
            "form": form,
            "latest": latest,
            "has_forecast": forecasting.run_latest() is not None,
            "may_add": request.user.has_perm("replenishment.add_planrun"),
        },
        status=status,
    )


# BokehJS writes style elements of its own into the chart; scripts stay as strict as everywhere.
@csp_replace({"style-src": [SELF, UNSAFE_INLINE]})  # type: ignore[arg-type]
@require_GET
@buyer_page("replenishment.view_planrun", "replenishment.view_suggestion")
def plan_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One plan: what changed since the one before, which rules and budgets held, what it stands on."""
    plan = reads.plans_list().filter(pk=pk).first() if pk < 2**63 else None
    if plan is None:
        raise Http404
    used = rules_used(plan)
    names = dict(PolicyRule.objects.filter(pk__in=used).values_list("pk", "name"))
    rows = int(plan.report.get("rows", 0))
    return render(
        request,
        "replenishment/plan_detail.html",
        {
            "plan": plan,
            "latest": selectors.plan_latest(),
            "changes": reads.plan_changes(plan),
            "purchases": selectors.purchases_ahead(plan),
            "moved": reads.most_changed(plan, _MOST_CHANGED),
            "rules": sorted(((names[pk], n) for pk, n in used.items()), key=lambda pair: -pair[1]),
            "without_rule": rows - sum(used.values()),
            "budgets": budget_reads.budgets_in_force(plan.as_of),
            "exceptions": list(plan.report.get("exceptions", {}).items()),
            "today": catalog.today(),
        },
    )
