"""`manage.py signal_run`: read reviews, pictures, titles and trends, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from forecasting import services, tasks
from forecasting.management.progress import job_bar
from forecasting.models import SignalRun
from forecasting.words import SIGNAL_COUNTS, SIGNAL_STEPS


class Command(BaseCommand):
    help = "Read the signals: reviews, pictures, titles, categories, look-alikes, trends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", type=date.fromisoformat, help="last day whose facts are used (YYYY-MM-DD)"
        )
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = services.signal_run_create(acting_user=None, as_of=options["as_of"])
        if options["background"]:
            transaction.on_commit(lambda: tasks.signal_run_execute_task.delay(run.pk))
            self.stdout.write(f"Reading of signals {run.pk} as of {run.as_of} is queued.")
            return
        with job_bar(run, SIGNAL_STEPS, hidden=options["verbosity"] == 0):
            run = services.signal_run_execute(run_id=run.pk)
        words = SIGNAL_COUNTS.items()
        for step, name in SIGNAL_STEPS.items():
            found = run.report.get(step, {})
            counts = ", ".join(f"{found[key]:,} {word}" for key, word in words if key in found)
            if found:
                self.stdout.write(f"  {name!s:24} {found.get('error') or counts}")
        if run.state != SignalRun.State.DONE:
            raise CommandError(f"Reading of signals {run.pk} failed: {run.error or run.state}")
