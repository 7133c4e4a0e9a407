"""`manage.py exceptions_digest`: send the day's e-mails about exceptions, or show them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from replenishment import services


class Command(BaseCommand):
    help = "Send everybody's e-mail of the day about exceptions, unless it was sent already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the e-mails; send none")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dry_run"]:
            self.stdout.write(f"{services.digests_send()} e-mails sent.")
            return
        for user in services.digest_people():
            message = services.digest_message(user)
            if message is None:
                self.stdout.write(f"To {user.email}: nothing")
                continue
            mail, _count = message
            self.stdout.write(f"To {user.email}: {mail.subject}\n\n{mail.body}")
