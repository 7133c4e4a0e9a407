"""The alarms page: which forecasts are off by more than chance, now or before."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from forecasting.models import ForecastAlarm, ForecastRun
from forecasting.selectors import alarms as reads
from forecasting.views.access import inside_only
from forecasting.words import SEGMENTS, alarm_effect, alarm_reach, name_of

PAGE_SIZE = 50


@dataclass(frozen=True)
class AlarmLine:
    """An alarm in words: what is off, over how many periods, and by how much."""

    alarm: ForecastAlarm
    segment: str
    reach: str
    effect: str


@dataclass(frozen=True)
class Tab:
    """A kind of alarm (all: empty) and how many are open."""

    key: str
    label: str
    count: int


@dataclass(frozen=True)
class RunAlarms:
    """What a run's page says: segments that are off, and how many product-locations of each kind."""

    lines: list[AlarmLine]
    counts: list[Tab]


def alarm_lines(alarms: list[ForecastAlarm]) -> list[AlarmLine]:
    """Alarms in the reader's words."""
    return [
        AlarmLine(
            alarm=alarm,
            segment=name_of(SEGMENTS, alarm.segment),
            reach=alarm_reach(alarm.frequency, alarm.steps),
            effect=alarm_effect(alarm.kind, alarm.effect),
        )
        for alarm in alarms
    ]


def run_alarms(run: ForecastRun) -> RunAlarms:
    """What was off when a run was made."""
    counts = reads.alarm_counts(run=run)
    return RunAlarms(
        lines=alarm_lines(reads.alarms_overall(run=run)),
        counts=[Tab(kind.value, _kind(kind.value), counts[kind.value]) for kind in ForecastAlarm.Kind],
    )


@require_GET
@inside_only
def alarm_list(request: HttpRequest) -> HttpResponse:
    """Open alarms, or closed ones, by kind and product."""
    kind = request.GET.get("kind", "")
    if kind not in ForecastAlarm.Kind.values:
        kind = ""
    is_open = request.GET.get("state") != "closed"
    search = request.GET.get("q", "").strip()[:100]
    counts = reads.alarm_counts(is_open=is_open)
    alarms = reads.alarms_list(kind=kind, is_open=is_open, search=search)
    page = Paginator(alarms, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "forecasting/alarm_list.html",
        {
            "page": page,
            "lines": alarm_lines(list(page)),
            "kind": kind,
            "state": "open" if is_open else "closed",
            "q": search,
            "tabs": [
                Tab("", _("All"), sum(counts.values())),
                *(Tab(key, _kind(key), count) for key, count in counts.items()),
            ],
        },
    )


def _kind(kind: str) -> str:
    """The first word of a kind: its label says what it means as well."""
    return {"bias": _("Bias"), "drift": _("Drift"), "coverage": _("Coverage")}[kind]
