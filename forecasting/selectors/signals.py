"""Readings of signals."""

from __future__ import annotations

from django.db.models import QuerySet

from forecasting.models import SignalRun


def signal_runs_list() -> QuerySet[SignalRun]:
    """All readings, the newest first."""
    return SignalRun.objects.select_related("created_by").defer("versions")


def signal_run_latest() -> SignalRun | None:
    """The last finished reading."""
    return SignalRun.objects.filter(state=SignalRun.State.DONE).first()
