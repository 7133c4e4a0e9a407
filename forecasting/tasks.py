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
