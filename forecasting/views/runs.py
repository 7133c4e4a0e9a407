"""The list of runs, a run and its progress, and starting one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.addresses import back_address
from forecasting import selectors, services, tasks
from forecasting.forms import RunForm
from forecasting.models import ForecastRun
from forecasting.selectors import ScoreTable
from forecasting.selectors.accuracy import decisions_list
from forecasting.selectors.alarms import alarm_counts
from forecasting.views.access import inside_only
from forecasting.views.alarms import run_alarms
from forecasting.views.scores import coverage_rows, decision_lines, share_lines
from forecasting.words import (
    CHAMPIONS,
    FREQUENCIES,
    MODELS,
    SEGMENTS,
    STEPS,
    name_of,
    signal_name,
    warning_text,
)

PAGE_SIZE = 25
_PLANS_SHOWN = 20


# A score of the champions together, of seasonal naive, of moving average.
Triple = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class RunLine:
    """A run in the list, with its champions' scores beside those of the two simplest models."""

    run: ForecastRun
    champion: str
    wape: Triple
    pinball: Triple


@require_GET
@inside_only
def run_list(request: HttpRequest) -> HttpResponse:
    """All runs, newest first, and the form that starts one."""
    return _list(request, RunForm())


@require_POST
@inside_only
@permission_required("forecasting.add_forecastrun", raise_exception=True)
def run_start(request: HttpRequest) -> HttpResponse:
    """Queue a run and show it; one as usual (`usual`) where nothing is asked for."""
    usual = "usual" in request.POST
    form = RunForm(request.POST)
    if not usual and not form.is_valid():
        return _list(request, form, status=422)
    back = back_address(request)
    try:
        run = services.run_create(
            acting_user=request.user,  # type: ignore[arg-type]  # the permission rules out anonymous people
            as_of=None if usual else form.cleaned_data["as_of"],
            spec=None if usual else form.spec(),
        )
    except services.ForecastError as error:
        messages.error(request, str(error))
        return redirect(back or "forecasting:run-list")
    # A broker that is away loses nothing: a queued run is dispatched again by `jobs_take_up`.
    transaction.on_commit(lambda: tasks.run_execute_task.delay(run.pk), robust=True)
    return redirect(back or reverse("forecasting:run-detail", args=[run.pk]))


@require_GET
@inside_only
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: its progress, or its scores and where its numbers come from."""
    run = _run(pk)
    tables = selectors.run_scores(run=run)
    mix = run.report.get("mix") or {}
    champions = next((row.scores for table in tables[:1] for row in table.rows if row.is_mix), {})
    return render(
        request,
        "forecasting/run_detail.html",
        {
            "run": run,
            "frequency": name_of(FREQUENCIES, run.spec.get("freq", "")),
            "models": [name_of(MODELS, name) for name in run.spec.get("models", [])],
            # JSON columns of PostgreSQL forget the order.
            "stages": [
                {"name": str(name), **stage}
                for key, name in STEPS.items()
                if (stage := run.report.get("stages", {}).get(key))
            ],
            "warnings": [warning_text(text) for text in run.report.get("warnings", [])],
            "tables": [_table(table) for table in tables],
            "coverage": coverage_rows(champions) if champions.get("coverage_95") is not None else [],
            "has_accuracy": bool(run.report.get("by_step") and (run.pruned_at is None or run.artifact)),
            "shares": share_lines(mix),
            "shares_model": name_of(MODELS, mix.get("model", "")),
            "decisions": decision_lines(decisions_list(run=run)),
            # A chain plans once from a run, but nothing keeps people from planning more often.
            "plans": run.plans.only("pk", "forecast_run").order_by("-pk")[:_PLANS_SHOWN],
            "signals": _signals(run),
            "alarms": run_alarms(run),
        },
    )


def _run(pk: int) -> ForecastRun:
    try:
        return selectors.run_get(run_id=pk)
    except ForecastRun.DoesNotExist:
        raise Http404 from None


def _list(request: HttpRequest, form: RunForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(selectors.runs_list(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "forecasting/run_list.html",
        {
            "page": page,
            "lines": [_line(run) for run in page],
            "form": form,
            "alarms_open": sum(alarm_counts().values()),
            "may_start": request.user.has_perm("forecasting.add_forecastrun"),
        },
        status=status,
    )


def _signals(run: ForecastRun) -> dict[str, Any]:
    told = run.report.get("signals") or {}
    return {"trial": told.get("trial"), "names": [signal_name(name) for name in told.get("used", [])]}


def _line(run: ForecastRun) -> RunLine:
    overall = {snapshot.model: snapshot for snapshot in run.overall}  # type: ignore[attr-defined]
    champions, naive, average = (
        overall[name].scores if name in overall else {}
        for name in (selectors.CHAMPIONS, "seasonal_naive", "moving_average")
    )
    return RunLine(
        run=run,
        champion=next((name_of(MODELS, s.model) for s in overall.values() if s.is_champion), ""),
        wape=(champions.get("wape"), naive.get("wape"), average.get("wape")),
        pinball=(champions.get("pinball"), naive.get("pinball"), average.get("pinball")),
    )


def _table(table: ScoreTable) -> dict[str, Any]:
    return {
        "segment": name_of(SEGMENTS, table.segment),
        "series": table.series,
        "rows": [
            {
                "model": str(CHAMPIONS) if row.is_mix else name_of(MODELS, row.model),
                "is_champion": row.is_champion,
                "is_mix": row.is_mix,
                "scores": row.scores,
            }
            for row in table.rows
        ],
    }
