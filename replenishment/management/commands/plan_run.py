"""`manage.py plan_run`: plan orders from a forecast, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from forecasting.models import ForecastRun
from replenishment import services, tasks
from replenishment.models import PlanRun


class Command(BaseCommand):
    help = "Plan orders from a forecast run; prints what is suggested."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--forecast-run", type=int, metavar="ID", help="default: the latest one")
        parser.add_argument(
            "--target", type=float, default=0.95, help="share of demand to serve from stock (default 0.95)"
        )
        parser.add_argument("--budget", type=float, help="spend no more than this, in the home currency")
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = None
        if options["forecast_run"] is not None:
            run = ForecastRun.objects.filter(pk=options["forecast_run"]).first()
            if run is None:
                raise CommandError(f"There is no forecast run {options['forecast_run']}.")
        try:
            spec = services.PlanSpec(target=options["target"], budget=options["budget"])
            plan = services.plan_create(acting_user=None, forecast_run=run, spec=spec)
        except services.PlanError as error:
            raise CommandError(str(error)) from error
        if options["background"]:
            transaction.on_commit(lambda: tasks.plan_execute_task.delay(plan.pk))
            self.stdout.write(f"Plan {plan.pk} as of {plan.as_of} is queued.")
            return
        plan = services.plan_execute(plan_id=plan.pk)
        if plan.state != PlanRun.State.DONE:
            raise CommandError(f"Plan {plan.pk} failed: {plan.error or plan.state}")
        services.exceptions_find()
        self._summary(plan)

    def _summary(self, plan: PlanRun) -> None:
        report, home = plan.report, settings.FORESTOCK_HOME_CURRENCY
        self.stdout.write(f"Plan {plan.pk} from forecast run {plan.forecast_run_id}, as of {plan.as_of}")
        self.stdout.write(f"  {report['rows']:>10,} product-locations")
        self.stdout.write(f"  {plan.suggestions_count:>10,} to order: {report['units']:,.0f} units")
        self.stdout.write(f"  {report['home_value']:>10,.0f} {home}")
        if report["without_rate"]:
            self.stdout.write(f"  {report['without_rate']:>10,} of them without an exchange rate")
        for reason, number in report["exceptions"].items():
            self.stdout.write(f"  {number:>10,} not planned: {reason}")
