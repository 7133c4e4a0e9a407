"""Keeping the health of the data, a row a day."""

from __future__ import annotations

import logging
from datetime import date

from django.utils import timezone

from catalog.models import DataHealth, ImportBatch, Job
from catalog.selectors.calendar import today
from catalog.selectors.health import health_measured

logger = logging.getLogger(__name__)


def health_keep(*, as_of: date | None = None) -> DataHealth:
    """Measure the data as of a day (default: today); a later measurement of the same day replaces it."""
    day = as_of or today()
    kept, _created = DataHealth.objects.update_or_create(
        day=day, defaults={"report": health_measured(as_of=day), "measured_at": timezone.now()}
    )
    return kept


def health_keep_after_import() -> None:
    """Measure once the imports that wait are done. An import stands whatever happens here."""
    waiting = ImportBatch.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    if waiting.exclude(options__has_key="draft").exists():
        return
    try:
        health_keep()
    except Exception:
        logger.exception("The health of the data was not measured")
