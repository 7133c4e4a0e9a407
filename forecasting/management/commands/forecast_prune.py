"""`manage.py forecast_prune`: delete the stored distributions of old forecast runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from forecasting import services


class Command(BaseCommand):
    help = "Delete the distributions and model artifacts of all but the newest runs; scores are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep", type=int, required=True, help="so many finished runs stay whole")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pruned = services.runs_prune(keep=options["keep"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{pruned} forecast runs pruned.")
