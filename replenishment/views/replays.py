"""Replays: the list, the form that starts one, and what came out."""

from __future__ import annotations

from datetime import date

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from forecasting import selectors as forecasting
from replenishment import selectors, services
from replenishment.forms import ReplayForm
from replenishment.models import ReplayRun
from replenishment.tasks import replay_execute_task
from replenishment.views.access import buyer_page, reader

PAGE_SIZE = 25
# The two policies that are compared item by item.
ENGINE, USUAL = "engine", "minmax"


@require_GET
@buyer_page("replenishment.view_replayrun")
def replay_list(request: HttpRequest) -> HttpResponse:
    """All replays, newest first, and the form that starts one."""
    return _list(request, ReplayForm(initial=_initial()))


@require_POST
@buyer_page("replenishment.add_replayrun")
def replay_start(request: HttpRequest) -> HttpResponse:
    """Queue a replay and show it."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    values = form.cleaned_data
    try:
        run = services.replay_start(
            acting_user=reader(request),
            first_day=values["first_day"],
            last_day=values["last_day"],
            spec=form.spec(),
            location=values["location"],
            supplier=values["supplier"],
            category=values["category"],
        )
    except services.ReplayError as error:
        form.add_error(None, str(error))
        return _list(request, form, status=422)
    # A broker that is away loses nothing: a queued replay is dispatched again by `jobs_take_up`.
    transaction.on_commit(lambda: replay_execute_task.delay(run.pk), robust=True)
    return redirect("replenishment:replay-detail", pk=run.pk)


# BokehJS writes style elements of its own into the chart; scripts stay as strict as everywhere.
@csp_replace({"style-src": [SELF, UNSAFE_INLINE]})  # type: ignore[arg-type]
@require_GET
@buyer_page("replenishment.view_replayrun")
def replay_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One replay: its progress, or its policies side by side and where they differ."""
    run = _run(pk)
    policies = list(run.policies.all())
    best = selectors.policy_best(policies)
    both = {ENGINE, USUAL} <= {policy.policy for policy in policies}
    return render(
        request,
        "replenishment/replay_detail.html",
        {
            "run": run,
            "policies": policies,
            "best": best,
            "both": both,
            "differences": selectors.replay_differences(run.pk, first=ENGINE, second=USUAL) if both else [],
            "skipped": sorted(run.report.get("skipped", {}).items(), key=lambda pair: (-pair[1], pair[0])),
            "runs": [(number, date.fromisoformat(made)) for number, made in run.report.get("runs", [])],
            "backcasts": [date.fromisoformat(made) for made in run.report.get("backcasts", [])],
        },
    )


@require_GET
@buyer_page("replenishment.view_replayrun")
def replay_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that asks again until the replay has ended; then the page is loaded anew."""
    run = _run(pk)
    if not request.headers.get("HX-Request"):
        return redirect("replenishment:replay-detail", pk=pk)
    if run.is_finished:
        return HttpResponseClientRefresh()
    return render(request, "replenishment/partials/replay_progress.html", {"run": run})


@require_GET
@buyer_page("replenishment.view_replayrun")
def replay_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """What each policy cost, as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts.replay import costs_chart

    policies = list(_run(pk).policies.all())
    if not policies:
        return JsonResponse({"empty": _("Nothing has been replayed yet.")})
    asked = request.GET.get("width", "")
    return JsonResponse(
        costs_chart(
            policies,
            currency=settings.FORESTOCK_HOME_CURRENCY,
            theme="dark" if request.GET.get("theme") == "dark" else "light",
            width=min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800,
        )
    )


def _run(pk: int) -> ReplayRun:
    if pk >= 2**63:
        raise Http404
    try:
        return selectors.replay_get(replay_id=pk)
    except ReplayRun.DoesNotExist:
        raise Http404 from None


def _initial() -> dict[str, object]:
    """The latest plan's target and costs: a replay is mostly of what one plans with."""
    plan = selectors.plan_latest()
    spec = {} if plan is None else plan.spec
    return {
        name: spec[name] for name in ("target_kind", "target", "order_cost", "holding_rate") if name in spec
    }


def _list(request: HttpRequest, form: ReplayForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(selectors.replays_list(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "replenishment/replay_list.html",
        {
            "page": page,
            "lines": [(run, selectors.policy_best(list(run.policies.all()))) for run in page],
            "form": form,
            "has_sales": forecasting.as_of_default() is not None,
            "may_start": request.user.has_perm("replenishment.add_replayrun"),
        },
        status=status,
    )
