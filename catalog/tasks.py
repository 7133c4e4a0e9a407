"""Imports in the background."""

from __future__ import annotations

from celery import shared_task

from catalog import services


@shared_task(name="catalog.tasks.import_run_task")
def import_run_task(batch_id: int) -> None:
    """Run a queued import; harmless when it was sent twice."""
    services.import_run(batch_id=batch_id)
