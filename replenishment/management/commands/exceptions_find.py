"""`manage.py exceptions_find`: search for exceptions now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from replenishment import services


class Command(BaseCommand):
    help = "Search for exceptions; prints how many there are, and how many are new, back or gone."

    def handle(self, *args: Any, **options: Any) -> None:
        found = services.exceptions_find()
        self.stdout.write(", ".join(f"{name} {count:,}" for name, count in found.items()))
