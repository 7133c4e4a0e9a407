"""`manage.py assume_supply`: suppliers, terms and stock for sales data that has none."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.models import SalesRecord, StockLevel
from inventory_site.assumed_supply import supply_assume


class Command(BaseCommand):
    help = (
        "Make up suppliers, terms and stock for sales data that has none, to try plans on it. They are the "
        "same each time and labelled assumed wherever they show. Refused where there is real stock."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as-of", type=date.fromisoformat, required=True, help="day of the stock, 2011-12-09"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if StockLevel.objects.filter(is_assumed=False).exists():
            raise CommandError("There is real stock in this database: nothing was assumed.")
        as_of = options["as_of"]
        if not SalesRecord.objects.filter(day__lte=as_of).exists():
            raise CommandError(f"There are no sales up to {as_of}: import them first.")
        written = supply_assume(as_of=as_of)
        self.stdout.write(
            f"As of {as_of}: " + ", ".join(f"{count:,} {what}" for what, count in written.items())
        )
