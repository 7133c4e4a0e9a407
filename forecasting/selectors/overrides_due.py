"""Overrides whose days have passed and that are not scored yet, and the runs that this takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import F, Q, QuerySet

from forecasting.models import ForecastOverride, ForecastRun, OverrideScore
from forecasting.selectors.runs import as_of_default
from forecasting.selectors.stored import periods_of


def overrides_due(as_of: date) -> QuerySet[ForecastOverride]:
    """Overrides with days up to `as_of` that are not scored to their end."""
    waiting = Q(score=None) | Q(score__as_of__lt=F("last_day"))
    return ForecastOverride.objects.filter(waiting, first_day__lte=as_of).order_by("pk")


def overrides_runs_needed() -> set[int]:
    """Runs whose distributions must not be pruned yet: overrides are still to be scored by them."""
    as_of = as_of_default()
    if as_of is None:
        return set()
    runs = runs_finished()
    needed = set()
    for override in overrides_due(as_of + timedelta(days=1)).select_related("score"):
        run = run_before(next_day(override, getattr(override, "score", None)), runs)
        if run is not None:
            needed.add(run.same_as_id or run.pk)
    return needed


def runs_finished() -> list[ForecastRun]:
    """All finished runs, those with the newest data first."""
    done = ForecastRun.objects.filter(state=ForecastRun.State.DONE)
    return list(done.only("as_of", "created_at", "spec", "pruned_at", "same_as_id").order_by("-as_of", "-pk"))


def next_day(override: ForecastOverride, score: OverrideScore | None) -> date:
    """The first day of an override that is not scored yet."""
    return override.first_day if score is None else score.as_of + timedelta(days=1)


def run_before(day: date, runs: Sequence[ForecastRun]) -> ForecastRun | None:
    """The run that was the latest before a day, of those (newest data first) that hold numbers for it."""
    for run in runs:
        if run.as_of < day and run.pruned_at is None and periods_of(run)[-1].astype(object) >= day:
            return run
    return None
