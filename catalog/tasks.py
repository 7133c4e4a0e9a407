"""Imports and the counting of shoppers' events in the background."""

from __future__ import annotations

import logging
from datetime import date

from celery import shared_task

from catalog import services

logger = logging.getLogger(__name__)


@shared_task(name="catalog.tasks.import_run_task")
def import_run_task(batch_id: int) -> None:
    """Run a queued import; harmless when it was sent twice."""
    services.import_run(batch_id=batch_id)


@shared_task(name="catalog.tasks.behaviour_roll_up_task")
def behaviour_roll_up_task(days: list[tuple[int, int, str]]) -> None:
    """Count the events of these days (product id, location id, day); harmless when it was sent twice."""
    services.behaviour_roll_up_days(
        days=[(product, location, date.fromisoformat(day)) for product, location, day in days]
    )


@shared_task(name="catalog.tasks.events_tidy_task")
def events_tidy_task() -> None:
    """Count what was left uncounted and let go of old events. For a schedule, once a day."""
    done = services.events_tidy()
    logger.info("Events: %(days)d days counted, %(events)d events let go", done)
