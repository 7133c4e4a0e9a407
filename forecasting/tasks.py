"""Forecasts and readings of signals in the background."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="forecasting.tasks.run_execute_task")
def run_execute_task(run_id: int) -> None:
    """Execute a forecast run. Delivered twice, it does nothing the second time."""
    from forecasting.services import run_execute

    run_execute(run_id=run_id)


@shared_task(name="forecasting.tasks.signal_run_execute_task")
def signal_run_execute_task(run_id: int) -> None:
    """Execute a reading of signals. Delivered twice, it does nothing the second time."""
    from forecasting.services import signal_run_execute

    signal_run_execute(run_id=run_id)


@shared_task(name="forecasting.tasks.trial_execute_task")
def trial_execute_task(trial_id: int) -> None:
    """Execute a trial of signals. Delivered twice, it does nothing the second time."""
    from forecasting.services import trial_execute

    trial_execute(trial_id=trial_id)


@shared_task(name="forecasting.tasks.trial_start")
def trial_start() -> None:
    """Try the signals anew: what a schedule asks for, once a month, say."""
    from forecasting.services import trial_create

    trial_execute_task.delay(trial_create(acting_user=None).pk)
