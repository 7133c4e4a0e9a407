"""`manage.py replay_run`: replay policies over the shop's own past demand, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalog.models import Category, Location, Supplier
from replenishment import selectors, services, tasks
from replenishment.models import ReplayPolicy, ReplayRun


class Command(BaseCommand):
    help = "Replay policies over past demand; prints service, stock and cost of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="first_day", type=date.fromisoformat, metavar="DATE", help="default: half a year"
        )
        parser.add_argument(
            "--to",
            dest="last_day",
            type=date.fromisoformat,
            metavar="DATE",
            help="default: the last complete day with sales",
        )
        parser.add_argument(
            "--policy", metavar="NAME,NAME", help=f"of {','.join(services.REPLAY_POLICIES)} (default: five)"
        )
        parser.add_argument(
            "--freq", choices=list(services.REPLAY_PERIODS), help="default: that of the shop's forecasts"
        )
        parser.add_argument(
            "--deliveries",
            choices=services.REPLAY_DELIVERIES,
            default="drawn",
            help="lead times drawn from the terms, or as they happened (default drawn)",
        )
        parser.add_argument(
            "--first-share", type=float, default=1.0, help="of an order that comes on time (default 1)"
        )
        parser.add_argument(
            "--rest-days", type=float, default=0.0, help="how much later the rest of it comes"
        )
        parser.add_argument(
            "--target", type=float, default=0.95, help="share of demand to serve (default 0.95)"
        )
        parser.add_argument(
            "--order-cost", type=float, default=0.0, help="of an order line, in the home currency"
        )
        parser.add_argument(
            "--forecast-weeks", type=int, default=4, help="longest time without a forecast (default 4)"
        )
        parser.add_argument("--location", metavar="CODE", help="of this location alone")
        parser.add_argument("--supplier", metavar="CODE", help="bought from this supplier alone")
        parser.add_argument("--category", metavar="CODE", help="of this category, or below it, alone")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        policies = options["policy"].split(",") if options["policy"] else services.ReplaySpec.policies
        try:
            run = services.replay_start(
                acting_user=None,
                first_day=options["first_day"],
                last_day=options["last_day"],
                spec=services.ReplaySpec(
                    policies=tuple(policies),
                    freq=options["freq"] or "",
                    seed=options["seed"],
                    deliveries=options["deliveries"],
                    first_share=options["first_share"],
                    rest_days=options["rest_days"],
                    forecast_weeks=options["forecast_weeks"],
                    target=options["target"],
                    order_cost=options["order_cost"],
                ),
                location=_named(Location, options["location"]),
                supplier=_named(Supplier, options["supplier"]),
                category=_named(Category, options["category"]),
            )
        except services.ReplayError as error:
            raise CommandError(str(error)) from error
        if options["background"]:
            transaction.on_commit(lambda: tasks.replay_execute_task.delay(run.pk))
            self.stdout.write(f"Replay {run.pk} of {run.first_day} to {run.last_day} is queued.")
            return
        run = services.replay_execute(replay_id=run.pk)
        if run.state != ReplayRun.State.DONE:
            raise CommandError(f"Replay {run.pk} failed: {run.error or run.state}")
        self._summary(selectors.replay_get(replay_id=run.pk))

    def _summary(self, run: ReplayRun) -> None:
        report = run.report
        self.stdout.write(
            f"Replay {run.pk} of {run.first_day} to {run.last_day}: {run.items_count:,} product-locations,"
            f" {len(report['runs'])} stored forecasts, {len(report['backcasts'])} backcast"
        )
        self.stdout.write(f"  {report['opening_assumed']:>10,} opening stocks assumed")
        for reason, number in report["skipped"].items():
            self.stdout.write(f"  {number:>10,} left out: {reason}")
        if run.spec["deliveries"] == "happened":
            self.stdout.write(
                f"  {report['delivered_items']:>10,} with lead times of {report['delivered_orders']:,} orders"
            )
        self._table(run.overall)
        if report["compared"]:
            self.stdout.write(
                f"  compared with what was really done: {report['compared']:,} product-locations,"
                f" orders told by the stock that came for {report['orders_inferred']:,}"
            )
            self._table(run.against_actual)

    def _table(self, policies: list[ReplayPolicy]) -> None:
        self.stdout.write(
            f"  {'policy':<26} {'fill':>6} {'stock':>12} {'holding':>12} {'orders':>12} {'lost':>12} "
            f"{'total':>12}  {settings.FORESTOCK_HOME_CURRENCY}"
        )
        for row in policies:
            fill = "" if row.fill_rate is None else f"{row.fill_rate:6.1%}"
            numbers = (
                row.average_stock_value,
                row.holding_cost,
                row.order_cost,
                row.lost_margin,
                row.total_cost,
            )
            cells = " ".join(f"{number:12,.0f}" for number in numbers)
            self.stdout.write(f"  {row.policy:<26} {fill:>6} {cells}")


def _named(model: Any, code: str | None) -> Any:
    """The row with this code; None where none is asked for."""
    if code is None:
        return None
    found = model.objects.filter(code=code).first()
    if found is None:
        raise CommandError(f"There is no {model._meta.verbose_name} {code}.")
    return found
