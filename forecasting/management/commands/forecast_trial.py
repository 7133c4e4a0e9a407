"""`manage.py forecast_trial`: try which signals make forecasts better, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from forecasting import selectors, services, tasks
from forecasting.management.progress import job_bar
from forecasting.models import SignalTrial
from forecasting.words import TRIAL_STEPS, VERDICTS, name_of


class Command(BaseCommand):
    help = "Try each signal in a backtest with and without it; forecasts use those that help."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", type=date.fromisoformat, help="last day whose facts are used (YYYY-MM-DD)"
        )
        parser.add_argument("--freq", choices=["D", "W", "M"], default="W", help="periods (default W)")
        parser.add_argument("--horizon", type=int, default=4, help="periods ahead (default 4)")
        parser.add_argument("--origins", type=int, default=8, help="origins to forecast from (default 8)")
        parser.add_argument("--series", type=int, default=1500, help="product-locations (default 1500)")
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from forecasting.core.trials import SPEC

        try:
            spec = replace(
                SPEC,
                freq=options["freq"],
                horizon=options["horizon"],
                folds=options["origins"],
                tested=options["series"],
                threads=settings.FORESTOCK_THREADS,
            )
            trial = services.trial_create(acting_user=None, as_of=options["as_of"], spec=spec)
        except (ValueError, services.ForecastError) as error:
            raise CommandError(str(error)) from error
        if options["background"]:
            transaction.on_commit(lambda: tasks.trial_execute_task.delay(trial.pk))
            self.stdout.write(f"Trial of signals {trial.pk} as of {trial.as_of} is queued.")
            return
        with job_bar(trial, TRIAL_STEPS, hidden=options["verbosity"] == 0):
            trial = services.trial_execute(trial_id=trial.pk)
        if trial.state != SignalTrial.State.DONE:
            raise CommandError(f"Trial of signals {trial.pk} failed: {trial.error or trial.state}")
        self.stdout.write(f"Trial of signals {trial.pk} as of {trial.as_of}")
        tried = {verdict.signal: verdict for verdict in selectors.verdicts_of(trial_id=trial.pk)}
        for name, told in trial.report["signals"].items():
            verdict = tried.get(name)
            scores = f"{verdict.wape_without:.4f} -> {verdict.wape_with:.4f}" if verdict else ""
            self.stdout.write(f"  {name:<24} {scores:<18} {name_of(VERDICTS, told['reason'])}")
