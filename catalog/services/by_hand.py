"""Rows that a person types or corrects: the same history as when an import writes them."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from catalog.models import Product, Recorded
from catalog.services.rows import supersede
from catalog.tables import TABLES
from catalog.text import product_search_text

_TABLES = {table.model: table for table in TABLES.values() if table.has_id}


def row_save(*, row: Recorded) -> None:
    """Save a row that was typed by hand; what it replaces goes to `SupersededFact`."""
    with transaction.atomic():
        _supersede(row)
        row.recorded_at = timezone.now()
        row.batch = None
        if isinstance(row, Product):
            row.search_text = product_search_text(sku=row.sku, gtin=row.gtin, name=row.name, names=row.names)
        row.save()


def row_delete(*, row: Recorded) -> None:
    """Delete a row by hand, keeping its values in `SupersededFact`. Raises ProtectedError."""
    with transaction.atomic():
        _supersede(row)
        row.delete()


def _supersede(row: Recorded) -> None:
    if row.pk is None:
        return
    # Locked first: an import may be replacing the same row.
    type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
    table = _TABLES[type(row)]
    supersede(table, f"{table.name} t WHERE t.id = {int(row.pk)}", timezone.now(), None)
