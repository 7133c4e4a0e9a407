"""Goods that arrive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
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
    *,
    product_id: int,
    location_id: int,
    day: date,
    quantity: Decimal,
    arrivals: Iterable[tuple[date, Decimal]] = (),
    batch: ImportBatch | None = None,
) -> None:
    """Raise the stock level of a day by what arrived, from the latest level known at or before that day.

    `arrivals`, what was received on later days before (day, units), is read once the table is locked. Levels
    that only carry those on are raised too; from the first that was counted on, they are left alone, for the
    goods were in the house then. In the caller's transaction; two receipts at once add up. Raises
    `CatalogError` on a quantity that is not positive.
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
        raised = [(day, last)]
        received: dict[date, Decimal] = defaultdict(Decimal)
        for later, units in arrivals:
            received[later] += units
        before = last["on_hand"]
        for level in (
            StockLevel.objects.filter(product_id=product_id, location_id=location_id, day__gt=day)
            .order_by("day")
            .values("day", "on_hand", "allocated", "is_assumed")[: len(received)]
        ):
            if level["day"] not in received or level["on_hand"] != before + received[level["day"]]:
                break
            before = level["on_hand"]
            raised.append((level["day"], level))
        rows = [
            {
                "product_id": product_id,
                "location_id": location_id,
                "day": on_day,
                "on_hand": float(level["on_hand"] + quantity),
                "allocated": float(level["allocated"]),
                "is_assumed": level["is_assumed"],
            }
            for on_day, level in raised
        ]
        rows_upsert(kind="stock", frame=pl.DataFrame(rows, schema=TABLES["stock"].schema), batch=batch)
