"""Trials of signals, and which signals forecasts are to use."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Count, Q, QuerySet

from forecasting.models import SignalTrial, SignalVerdict


def trials_list() -> QuerySet[SignalTrial]:
    """All trials, the newest first, each with the number of signals tried and of those used."""
    return (
        SignalTrial.objects.select_related("created_by")
        .defer("report")
        .annotate(tried=Count("verdicts"), used=Count("verdicts", filter=Q(verdicts__used=True)))
        .order_by("-pk")
    )


def trial_get(*, trial_id: int) -> SignalTrial:
    """A trial with who asked for it. Raises SignalTrial.DoesNotExist."""
    return SignalTrial.objects.select_related("created_by").get(pk=trial_id)


def trial_latest(
    *, freq: str | None = None, as_of: date | None = None, known_at: datetime | None = None
) -> SignalTrial | None:
    """The last finished trial: of this frequency, of what was known by a day and a time."""
    done = SignalTrial.objects.filter(state=SignalTrial.State.DONE)
    if freq is not None:
        done = done.filter(spec__freq=freq)
    if as_of is not None:
        done = done.filter(as_of__lte=as_of)
    if known_at is not None:
        done = done.filter(known_at__lte=known_at)
    return done.first()


def verdicts_of(*, trial_id: int) -> QuerySet[SignalVerdict]:
    """A trial's verdicts: signals that are used before others, those that help most first."""
    return SignalVerdict.objects.filter(trial=trial_id).order_by("-used", "difference", "signal")


def signals_used(*, trial_id: int) -> tuple[str, ...]:
    """Names of the signals that a trial found worth using, in their order."""
    used = SignalVerdict.objects.filter(trial=trial_id, used=True).order_by("signal")
    return tuple(used.values_list("signal", flat=True))
