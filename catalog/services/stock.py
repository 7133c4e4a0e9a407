"""Goods that arrive, and goods that are sent elsewhere."""

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
    moves: Iterable[tuple[date, Decimal]] = (),
    batch: ImportBatch | None = None,
) -> None:
    """Raise the stock level of a day by what arrived, from the latest level known at or before that day.

    `moves`, what was received and (below 0) sent on later days before (day, units), is read once the table is
    locked. Levels that only carry those on are raised too; from the first that was counted on, they are left
    alone, for the goods were in the house then. In the caller's transaction; two receipts at once add up.
    Raises `CatalogError` on a quantity that is not positive.
    """
    if not (quantity.is_finite() and quantity > 0):
        raise CatalogError(_("A receipt has to be of more than nothing."))
    _move(product_id, location_id, day, quantity, moves, batch)


def stock_send(
    *,
    product_id: int,
    location_id: int,
    day: date,
    quantity: Decimal,
    moves: Iterable[tuple[date, Decimal]] = (),
) -> None:
    """Lower the stock level of a day by what was sent, as `stock_receive` raises it.

    Raises `CatalogError` on a quantity that is not positive, or of which less is on hand.
    """
    if not (quantity.is_finite() and quantity > 0):
        raise CatalogError(_("What is sent has to be more than nothing."))
    _move(product_id, location_id, day, -quantity, moves, None)


def _move(
    product_id: int,
    location_id: int,
    day: date,
    change: Decimal,
    moves: Iterable[tuple[date, Decimal]],
    batch: ImportBatch | None,
) -> None:
    with transaction.atomic():
        staging.table_lock(TABLES["stock"])
        last = (
            StockLevel.objects.filter(product_id=product_id, location_id=location_id, day__lte=day)
            .order_by("-day")
            .values("on_hand", "allocated", "is_assumed")
            .first()
        ) or {"on_hand": Decimal(0), "allocated": Decimal(0), "is_assumed": False}
        if change < 0 and last["on_hand"] < -change:
            raise CatalogError(_("only %s are on hand.") % f"{last['on_hand'].normalize():f}")
        changed = [(day, last)]
        moved: dict[date, Decimal] = defaultdict(Decimal)
        for later, units in moves:
            moved[later] += units
        before = last["on_hand"]
        for level in (
            StockLevel.objects.filter(product_id=product_id, location_id=location_id, day__gt=day)
            .order_by("day")
            .values("day", "on_hand", "allocated", "is_assumed")[: len(moved)]
        ):
            if level["day"] not in moved or level["on_hand"] != before + moved[level["day"]]:
                break
            before = level["on_hand"]
            changed.append((level["day"], level))
        rows = [
            {
                "product_id": product_id,
                "location_id": location_id,
                "day": on_day,
                "on_hand": float(level["on_hand"] + change),
                "allocated": float(level["allocated"]),
                "is_assumed": level["is_assumed"],
            }
            for on_day, level in changed
        ]
        rows_upsert(kind="stock", frame=pl.DataFrame(rows, schema=TABLES["stock"].schema), batch=batch)
