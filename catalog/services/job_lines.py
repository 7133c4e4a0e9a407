"""The pruning of jobs' logs."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from catalog.models import JobLine


def job_lines_prune() -> int:
    """Delete the lines of jobs' logs that are older than `FORESTOCK_JOB_LOG_DAYS`; how many they were."""
    before = timezone.now() - timedelta(days=settings.FORESTOCK_JOB_LOG_DAYS)
    return JobLine.objects.filter(at__lt=before).delete()[0]
