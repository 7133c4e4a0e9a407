"""The list of readings of signals, and starting one."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from forecasting import selectors, services, tasks
from forecasting.models import SignalRun
from forecasting.views.access import inside_only
from forecasting.words import SIGNAL_COUNTS, SIGNAL_STEPS, name_of

PAGE_SIZE = 25


@dataclass(frozen=True)
class StepLine:
    """A step of a run: its name, how much it found of what, or why it failed, and how long it took."""

    name: str
    counts: list[tuple[str, int]]
    error: str
    seconds: float


@dataclass(frozen=True)
class SignalRunLine:
    """A run in the list."""

    run: SignalRun
    step: str
    steps: list[StepLine]


@require_GET
@inside_only
@permission_required("forecasting.view_signalrun", raise_exception=True)
def signal_run_list(request: HttpRequest) -> HttpResponse:
    """All readings, newest first; asked for in parts while one of them is not finished."""
    page = Paginator(selectors.signal_runs_list(), PAGE_SIZE).get_page(request.GET.get("page"))
    lines = [SignalRunLine(run, name_of(SIGNAL_STEPS, run.step), _steps(run)) for run in page]
    template = "signal_run_list.html"
    if request.headers.get("HX-Request"):
        template = "partials/signal_run_table.html"
    return render(
        request,
        f"forecasting/{template}",
        {"page": page, "lines": lines, "is_busy": any(not run.is_finished for run in page)},
    )


@require_POST
@inside_only
@permission_required("forecasting.add_signalrun", raise_exception=True)
def signal_run_start(request: HttpRequest) -> HttpResponse:
    """Queue a reading and show the list."""
    run = services.signal_run_create(acting_user=request.user)  # type: ignore[arg-type]  # who may, is known
    # A broker that is away loses nothing: a queued run is dispatched again by `jobs_take_up`.
    transaction.on_commit(lambda: tasks.signal_run_execute_task.delay(run.pk), robust=True)
    return redirect("forecasting:signal-run-list")


def _steps(run: SignalRun) -> list[StepLine]:
    return [
        StepLine(
            name=str(name),
            counts=[(str(words), found[count]) for count, words in SIGNAL_COUNTS.items() if count in found],
            error=found.get("error", ""),
            seconds=found.get("seconds", 0.0),
        )
        for step, name in SIGNAL_STEPS.items()
        if (found := run.report.get(step)) is not None
    ]
