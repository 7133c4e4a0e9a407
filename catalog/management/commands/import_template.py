"""`manage.py import_template`: the columns of a kind of data, as a file to fill in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from catalog.importers.datasets import DATA_SETS
from catalog.importers.templates import template_csv


class Command(BaseCommand):
    help = "Print a CSV header of a kind of data, with an example row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(DATA_SETS), metavar="KIND", help=", ".join(DATA_SETS))

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(template_csv(DATA_SETS[options["kind"]]), ending="")
