"""`manage.py import_take_back`: undo an import."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from catalog import services
from catalog.models import ImportBatch


class Command(BaseCommand):
    help = "Take an import back: what it added goes, what it replaced comes back, the history is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="the import's number")
        parser.add_argument("--as-user", metavar="NAME", required=True, help="the user who takes it back")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["as_user"]).first()
        batch = ImportBatch.objects.filter(pk=options["id"]).first()
        if user is None or batch is None:
            raise CommandError(f"There is no {'user' if user is None else 'import'} of that name.")
        try:
            services.batch_take_back(batch=batch, acting_user=user)
        except services.CatalogError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Import {batch.pk} was taken back.")
