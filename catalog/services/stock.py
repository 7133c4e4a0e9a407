"""Goods that arrive."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import ImportBatch, StockLevel
from catalog.services import staging
from catalog.services.errors import CatalogError
from catalog.services.rows import rows_upsert
from catalog.tables import TABLES


def stock_receive(
    *, product_id: int, location_id: int, day: date, quantity: Decimal, batch: ImportBatch | None = None
) -> None:
    """Raise the stock level of a day by what arrived, from the latest level known at or before that day.

    Levels of later days are left alone: they were counted with the goods in the house. In the caller's
    transaction; two receipts at once add up. Raises `CatalogError` on a quantity that is not positive.
    """
    if not (quantity.is_finite() and quantity > 0):
        raise CatalogError(_("A receipt has to be of more than nothing."))
    with transaction.atomic():
        staging.table_lock(TABLES["stock"])
        last = (
            StockLevel.objects.filter(product_id=product_id, location_id=location_id, day__lte=day)
            .order_by("-day")
            .values("on_hand", "allocated", "is_assumed")
            .first()
        ) or {"on_hand": Decimal(0), "allocated": Decimal(0), "is_assumed": False}
        row = {
            "product_id": product_id,
            "location_id": location_id,
            "day": day,
            "on_hand": float(last["on_hand"] + quantity),
            "allocated": float(last["allocated"]),
            "is_assumed": last["is_assumed"],
        }
        rows_upsert(kind="stock", frame=pl.DataFrame([row], schema=TABLES["stock"].schema), batch=batch)
