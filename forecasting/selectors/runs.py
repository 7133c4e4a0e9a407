"""Runs and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Max, Prefetch, QuerySet

from catalog.models import PartnerAccount, SalesRecord
from forecasting.models import AccuracySnapshot, ForecastRun

OVERALL = "overall"
CHAMPIONS = "champion"


@dataclass(frozen=True)
class ScoreRow:
    """A model's backtest scores in one segment. `is_mix`: each series by its own segment's champion."""

    model: str
    is_champion: bool
    is_mix: bool
    scores: dict[str, float | None]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of all models in one segment, the best WAPE first."""

    segment: str
    series: int
    rows: list[ScoreRow]


def run_is_visible(user: User | AnonymousUser) -> bool:
    """Whether this person may look at forecast runs at all: a partner never does, whatever they may else."""
    return (
        isinstance(user, User)
        and user.has_perm("forecasting.view_forecastrun")
        and not PartnerAccount.objects.filter(user=user).exists()
    )


def as_of_default() -> date | None:
    """The last day that a forecast can stand on: the last one with sales, complete. None without sales.

    Not simply today: a shop whose last import is three days old would else look like one that sold nothing
    since. Where the clock says what today is, today itself is still open.
    """
    from catalog.selectors import today

    last: date | None = SalesRecord.objects.aggregate(last=Max("day"))["last"]
    if last is None or settings.FORESTOCK_TODAY == "last-data-date":
        return last
    return min(last, today() - timedelta(days=1))


def run_latest() -> ForecastRun | None:
    """The run of the latest as-of date that is done and still has its distributions; the newest of that day.

    A run made afterwards as of an older day is not what today's pages and plans stand on.
    """
    runs = ForecastRun.objects.filter(state=ForecastRun.State.DONE, pruned_at=None, same_as=None)
    return runs.order_by("-as_of", "-pk").first()


def frequency_usual() -> str:
    """The periods that the shop forecasts in: those of the latest run; weeks where there is none."""
    run = run_latest()
    return "W" if run is None else str(run.spec.get("freq", "W"))


def run_holding(run_id: int) -> int:
    """The run that holds the numbers of a run: itself, or the earlier one whose results it found to stand."""
    same_as = ForecastRun.objects.filter(pk=run_id).values_list("same_as", flat=True).first()
    return run_id if same_as is None else same_as


def run_get(*, run_id: int) -> ForecastRun:
    """One run with who asked for it. Raises `ForecastRun.DoesNotExist`."""
    return ForecastRun.objects.select_related("created_by").get(pk=run_id)


def runs_list() -> QuerySet[ForecastRun]:
    """Runs, newest first, without their long columns; each with `overall`: its snapshots over all series."""
    overall = AccuracySnapshot.objects.filter(segment=OVERALL).order_by("pk")
    return (
        ForecastRun.objects.select_related("created_by")
        .defer("report", "versions")
        .prefetch_related(Prefetch("snapshots", queryset=overall, to_attr="overall"))
    )


def run_scores(*, run: ForecastRun) -> list[ScoreTable]:
    """The run's frozen scores, a table for each segment, all series first.

    A segment that holds all series is left out: it would say the same again.
    """
    tables: dict[str, list[AccuracySnapshot]] = {}
    for snapshot in run.snapshots.all():
        tables.setdefault(snapshot.segment, []).append(snapshot)
    return [
        ScoreTable(
            segment=segment,
            series=tables[segment][0].series,
            rows=sorted(
                (
                    ScoreRow(
                        model=snapshot.model,
                        is_champion=snapshot.is_champion,
                        is_mix=snapshot.model == CHAMPIONS,
                        scores=snapshot.scores,
                    )
                    for snapshot in tables[segment]
                ),
                key=_place,
            ),
        )
        for segment in sorted(tables, key=lambda name: (name != OVERALL, name))
        if segment == OVERALL or tables[segment][0].series < run.series
    ]


def _place(row: ScoreRow) -> tuple[Any, ...]:
    score = row.scores.get("wape")
    return (not row.is_mix, score is None, score or 0.0, row.model)
