"""`manage.py import_file`: import a file, or a public data set, here or by a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from catalog import services, tasks
from catalog.importers import complete_journey
from catalog.importers.prepared import DROPS
from catalog.models import ImportBatch

MOST_ERRORS = 20


class Command(BaseCommand):
    help = "Import a CSV, Excel or Parquet file; exit code 1 when nothing was loaded. See docs/importing.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "kind", choices=sorted(services.KINDS), metavar="KIND", help=", ".join(services.KINDS)
        )
        parser.add_argument("path", nargs="?", metavar="PATH", help="file, or folder of a public data set")
        parser.add_argument("--mode", choices=ImportBatch.Mode.values, default=ImportBatch.Mode.STRICT)
        parser.add_argument(
            "--map", nargs="+", action="extend", default=[], metavar="FILE_COLUMN=COLUMN", dest="mapping",
            help="which column of the file is which; those not named are guessed",
        )  # fmt: skip
        parser.add_argument(
            "--set", nargs="+", action="extend", default=[], metavar="COLUMN=VALUE", dest="constants",
            help="the same value in all rows, such as location=MAIN",
        )  # fmt: skip
        parser.add_argument("--decimal", choices=["point", "comma"])
        parser.add_argument("--dates", choices=["auto", "dmy", "mdy"], help="order of day and month")
        parser.add_argument("--stores", type=int, help="complete-journey: the busiest so many stores")
        parser.add_argument("--pairs", type=int, help="complete-journey: so many products x stores")
        parser.add_argument("--as-user", metavar="NAME", help="the user who imports it")
        parser.add_argument(
            "--background", action="store_true", help="leave it to a worker; print its number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = None
        if options["as_user"]:
            user = User.objects.filter(username=options["as_user"]).first()
            if user is None:
                raise CommandError(f"There is no user {options['as_user']}.")
        if options["path"] is None and options["kind"] != complete_journey.KIND:
            raise CommandError("PATH is missing.")
        try:
            batch = services.import_create(
                kind=options["kind"],
                file=options["path"],
                mapping=_pairs(options["mapping"]),
                mode=options["mode"],
                options=_options(options),
                acting_user=user,
            )
        except services.CatalogError as error:
            raise CommandError(str(error)) from error
        if options["background"]:
            transaction.on_commit(lambda: tasks.import_run_task.delay(batch.pk))
            self.stdout.write(f"Import {batch.pk} is queued.")
            return
        with tqdm(total=100, unit="%", disable=options["verbosity"] == 0 or None) as bar:

            def show(step: str, share: float) -> None:
                bar.set_description(step or "Done")
                bar.update(round(share * 100) - bar.n)

            batch = services.import_run(batch_id=batch.pk, on_progress=show)
        self._summary(batch)

    def _summary(self, batch: ImportBatch) -> None:
        for note in batch.options.get("notes", []):
            self.stderr.write(str(note))
        for error in batch.errors[:MOST_ERRORS]:
            self.stderr.write(f"row {error['row']}, {error['column']} “{error['value']}”: {error['reason']}")
        if batch.rows_rejected > MOST_ERRORS or batch.rejected_file:
            self.stderr.write(
                f"{batch.rows_rejected:,} rows are wrong; all of them: {batch.rejected_file.name}"
            )
        if batch.state != ImportBatch.State.DONE:
            raise CommandError(f"Import {batch.pk}: {batch.error or batch.state}")
        self.stdout.write(
            f"Import {batch.pk}: {batch.rows_read:,} rows read, {batch.rows_new:,} new, "
            f"{batch.rows_changed:,} changed, {batch.rows_unchanged:,} unchanged, "
            f"{batch.rows_rejected:,} rejected"
        )
        for name, counts in batch.drops.items():
            self.stdout.write(_line(f"left out: {DROPS.get(name, name)}", counts))
        for name, counts in batch.options.get("report", {}).items():
            self.stdout.write(_line(name, counts) if isinstance(counts, dict) else f"  {name}: {counts:,}")


def _line(name: str, counts: dict[str, Any]) -> str:
    return f"  {name}: {counts['rows']:,} rows, quantity {counts['quantity']}, value {counts['value']}"


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        left, equals, right = text.rpartition("=")
        if not equals or not left:
            raise CommandError(f"“{text}” is not NAME=VALUE.")
        pairs[left] = right
    return pairs


def _options(options: dict[str, Any]) -> dict[str, Any]:
    chosen = {
        "decimal": options["decimal"],
        "date_order": options["dates"],
        "constants": _pairs(options["constants"]),
        "stores": options["stores"],
        "pairs": options["pairs"],
    }
    return {name: value for name, value in chosen.items() if value}
