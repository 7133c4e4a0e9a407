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

from forecasting import selectors as forecasting
from replenishment import selectors, services
from replenishment.forms import ReplayForm
from replenishment.models import ReplayPolicy, ReplayRun
from replenishment.tasks import replay_execute_task
from replenishment.views.access import buyer_page, reader

PAGE_SIZE = 25
ENGINE, USUAL, ACTUAL = "engine", "minmax", "actual"
CHARTS = ("costs", "frontier", "stock", "service")


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
    policies, compared = run.overall, run.against_actual
    # Item by item the engine is compared with what was done, else with the usual rule.
    second = ACTUAL if compared else USUAL
    both = {ENGINE, second} <= {policy.policy for policy in compared or policies}
    return render(
        request,
        "replenishment/replay_detail.html",
        {
            "run": run,
            "policies": policies,
            "best": selectors.policy_best(policies),
            "compared": compared,
            "compared_best": selectors.policy_best(compared),
            "saving": selectors.replay_saving(policies, compared),
            "usual": selectors.replay_saving(policies, []) if compared else None,
            "drawn": _drawn(compared or policies) if run.report.get("periods") else [],
            "second": second,
            "both": both,
            "differences": selectors.replay_differences(run.pk, first=ENGINE, second=second) if both else [],
            "skipped": sorted(run.report.get("skipped", {}).items(), key=lambda pair: (-pair[1], pair[0])),
            "runs": [(number, date.fromisoformat(made)) for number, made in run.report.get("runs", [])],
            "backcasts": [date.fromisoformat(made) for made in run.report.get("backcasts", [])],
        },
    )


@require_GET
@buyer_page("replenishment.view_replayrun")
def replay_chart(request: HttpRequest, pk: int, name: str) -> JsonResponse:
    """One of `CHARTS`, as Bokeh's JSON; `{"empty": words}` where there is nothing to draw."""
    if name not in CHARTS:
        raise Http404
    # Bokeh is too heavy for the start of the web server.
    from replenishment.charts.replay import costs_chart, course_chart, frontier_chart

    run = _run(pk)
    rows = run.against_actual or run.overall
    if not rows:
        return JsonResponse({"empty": _("Nothing has been replayed yet.")})
    asked = request.GET.get("width", "")
    theme = "dark" if request.GET.get("theme") == "dark" else "light"
    width = min(int(asked), 4000) if asked.isdecimal() and len(asked) < 6 else 800
    if name in ("costs", "frontier"):
        chart = costs_chart if name == "costs" else frontier_chart
        return JsonResponse(chart(rows, currency=settings.FORESTOCK_HOME_CURRENCY, theme=theme, width=width))
    course = selectors.replay_course(pk)
    if course is None:
        return JsonResponse({"empty": _("Its course was not kept.")})
    course = course.filter(course["compared"] == bool(run.against_actual))
    return JsonResponse(course_chart(course, _drawn(rows), what=name, theme=theme, width=width))


def _drawn(rows: list[ReplayPolicy]) -> list[str]:
    """The policies that are drawn over time: the engine, the usual rule, and what was done."""
    names = {row.policy for row in rows}
    usual = USUAL if USUAL in names else "minmax_refreshed"
    return [name for name in (ENGINE, usual, ACTUAL) if name in names] or [rows[0].policy]


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
            "lines": [
                (
                    run,
                    selectors.policy_best(run.overall),
                    selectors.replay_saving(run.overall, run.against_actual),
                )
                for run in page
            ],
            "form": form,
            "has_sales": forecasting.as_of_default() is not None,
            "may_start": request.user.has_perm("replenishment.add_replayrun"),
        },
        status=status,
    )
