"""`manage.py forecast_run`: forecast all product-locations, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from forecasting import selectors, services, tasks
from forecasting.management.progress import job_bar
from forecasting.models import ForecastRun
from forecasting.words import CHAMPIONS, MODELS, STEPS, name_of


class Command(BaseCommand):
    help = "Forecast all product-locations; prints each model's backtest scores."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", type=date.fromisoformat, help="last day whose sales are used (YYYY-MM-DD)"
        )
        parser.add_argument("--freq", choices=["D", "W", "M"], default="W", help="periods (default W)")
        parser.add_argument("--horizon", type=int, default=13, help="periods ahead (default 13)")
        parser.add_argument(
            "--models", help=f"names with commas, of {','.join(MODELS)} (default: the usual ones)"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--kind",
            choices=ForecastRun.Kind.values,
            help="train all models, or take new sales through trained ones (default: what they need)",
        )
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from forecasting.core.spec import ForecastSpec

        try:
            spec = ForecastSpec(
                freq=options["freq"],
                horizon=options["horizon"],
                models=tuple(options["models"].split(",")) if options["models"] else ForecastSpec.models,
                seed=options["seed"],
                threads=settings.FORESTOCK_THREADS,
            )
            run = services.run_create(
                acting_user=None, as_of=options["as_of"], spec=spec, kind=options["kind"]
            )
        except (ValueError, services.ForecastError) as error:
            raise CommandError(str(error)) from error
        if options["background"]:
            transaction.on_commit(lambda: tasks.run_execute_task.delay(run.pk))
            self.stdout.write(f"Forecast run {run.pk} as of {run.as_of} is queued.")
            return
        with job_bar(run, STEPS, hidden=options["verbosity"] == 0):
            run = services.run_execute(run_id=run.pk)
        if run.state != ForecastRun.State.DONE:
            raise CommandError(f"Forecast run {run.pk} failed: {run.error or run.state}")
        self._summary(run)

    def _summary(self, run: ForecastRun) -> None:
        if run.same_as is not None:
            self.stdout.write(f"Nothing has changed since forecast run {run.same_as.pk}: its results stand.")
            run = run.same_as
        how = f", through the models of run {run.trained_by_id}" if run.trained_by_id else ""
        self.stdout.write(f"Forecast run {run.pk}: {run.series:,} product-locations as of {run.as_of}{how}")
        for table in selectors.run_scores(run=run)[:1]:
            self.stdout.write(f"  {'model':<20} {'WAPE':>8} {'bias':>8} {'pinball':>8} {'cum.':>8}")
            for row in table.rows:
                name = str(CHAMPIONS) if row.is_mix else name_of(MODELS, row.model)
                cells = " ".join(
                    f"{'' if row.scores.get(score) is None else format(row.scores[score], '8.3f'):>8}"
                    for score in ("wape", "bias", "pinball", "cum_pinball")
                )
                self.stdout.write(f"  {name:<20} {cells}{' *' if row.is_champion else ''}")
        for warning in run.report.get("warnings", []):
            self.stdout.write(f"  {warning}")
