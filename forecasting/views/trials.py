"""What helps: the signals, and whether forecasts are better with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from forecasting import selectors, services, tasks
from forecasting.models import SignalTrial, SignalVerdict
from forecasting.views.access import inside_only
from forecasting.words import (
    FREQUENCIES,
    MODELS,
    VERDICTS,
    name_of,
    signal_meaning,
    signal_name,
)

PAGE_SIZE = 25
# Half the width of the picture of an interval; its ends stay clear of the edge.
_HALF, _REACH = 60.0, 54.0


@dataclass(frozen=True)
class Interval:
    """A difference and its interval on a line about zero: places from 0 to 2 x `_HALF`."""

    low: float
    high: float
    at: float


@dataclass(frozen=True)
class SignalLine:
    """A signal in a trial; ``verdict`` None where it was not tried. Differences are in points of WAPE."""

    name: str
    meaning: str
    rows: int
    since: date | None
    is_assumed: bool
    words: str
    verdict: SignalVerdict | None
    interval: Interval | None
    points: tuple[float, float, float]


@require_GET
@inside_only
@permission_required("forecasting.view_signaltrial", raise_exception=True)
def signal_trials(request: HttpRequest) -> HttpResponse:
    """Each signal by the last finished trial, and all trials."""
    page = Paginator(selectors.trials_list(), PAGE_SIZE).get_page(request.GET.get("page"))
    latest = selectors.trial_latest()
    return render(
        request,
        "forecasting/signal_trials.html",
        {
            "trial": latest,
            "lines": signal_lines(latest) if latest else [],
            "page": page,
            "busy": next((row for row in page if not row.is_finished), None),
        },
    )


@require_POST
@inside_only
@permission_required("forecasting.add_signaltrial", raise_exception=True)
def signal_trial_start(request: HttpRequest) -> HttpResponse:
    """Queue a trial and show it."""
    try:
        trial = services.trial_create(acting_user=request.user)  # type: ignore[arg-type]  # who may, is known
    except services.ForecastError as error:
        messages.error(request, str(error))
        return redirect("forecasting:signal-trials")
    # A broker that is away loses nothing: a queued trial is dispatched again by `jobs_take_up`.
    transaction.on_commit(lambda: tasks.trial_execute_task.delay(trial.pk), robust=True)
    return redirect("forecasting:signal-trial", pk=trial.pk)


@require_GET
@inside_only
@permission_required("forecasting.view_signaltrial", raise_exception=True)
def signal_trial(request: HttpRequest, pk: int) -> HttpResponse:
    """One trial: its progress, or its verdicts and where they come from."""
    trial = _trial(pk)
    together = trial.report.get("together")
    return render(
        request,
        "forecasting/signal_trial.html",
        {
            "trial": trial,
            "lines": signal_lines(trial),
            "together": together,
            "frequency": name_of(FREQUENCIES, trial.spec.get("freq", "")),
            "models": [name_of(MODELS, name) for name in trial.spec.get("models", [])],
            "origins": [date.fromisoformat(text) for text in trial.report.get("origins", [])],
        },
    )


def signal_lines(trial: SignalTrial) -> list[SignalLine]:
    """The signals of a trial: those that are used first, those that could not be tried last."""
    told: dict[str, dict[str, Any]] = trial.report.get("signals", {})
    verdicts = list(selectors.verdicts_of(trial_id=trial.pk))
    widest = max((max(abs(v.low), abs(v.high)) for v in verdicts), default=0.0)
    lines = [_line(v.signal, told.get(v.signal, {}), v, widest) for v in verdicts]
    tried = {v.signal for v in verdicts}
    return lines + [_line(name, own, None, widest) for name, own in sorted(told.items()) if name not in tried]


def _line(name: str, told: dict[str, Any], verdict: SignalVerdict | None, widest: float) -> SignalLine:
    interval, points = None, (0.0, 0.0, 0.0)
    if verdict is not None:
        ends = (verdict.low, verdict.high, verdict.difference)
        points = (100 * ends[0], 100 * ends[1], 100 * ends[2])
        scale = _REACH / widest if widest > 0 else 0.0
        interval = Interval(*(round(_HALF + scale * end, 2) for end in ends))
    since = told.get("since")
    return SignalLine(
        name=signal_name(name, told.get("title", "")),
        meaning=signal_meaning(name),
        rows=told.get("rows", 0),
        since=date.fromisoformat(since) if since else None,
        is_assumed=told.get("is_assumed", False),
        words=name_of(VERDICTS, told.get("reason", "")),
        verdict=verdict,
        interval=interval,
        points=points,
    )


def _trial(pk: int) -> SignalTrial:
    try:
        return selectors.trial_get(trial_id=pk)
    except SignalTrial.DoesNotExist:
        raise Http404 from None
