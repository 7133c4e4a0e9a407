"""What was ordered, or is about to be, and has not come in."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from replenishment.models import PurchaseOrder, PurchaseOrderLine, Receipt
from replenishment.selectors.transfers import to_send

if TYPE_CHECKING:
    import polars as pl


def on_order(*, as_of: date) -> pl.DataFrame:
    """Units on order per product and stocking location, as a stock level of `as_of` does not hold them yet.

    Columns product_id, location_id, on_order, to_send (units on transfer orders to somewhere else, likewise
    still in the stock level). Drafts, submitted, approved and sent
    orders count in full, part-received ones with what is outstanding. What came in after `as_of` still
    counts, on closed orders too: it is in no stock level of that day, so leaving it out would buy it twice.
    """
    import polars as pl

    units: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    outstanding = (
        PurchaseOrderLine.objects.filter(
            order__state__in=PurchaseOrder.OPEN_STATES, quantity__gt=F("received")
        )
        .values_list("product_id", Coalesce("order__location__receiving_location_id", "order__location_id"))
        .annotate(units=Sum(F("quantity") - F("received")))
        .order_by()
    )
    later = (
        Receipt.objects.filter(received_on__gt=as_of)
        .values_list(
            "line__product_id",
            Coalesce("line__order__location__receiving_location_id", "line__order__location_id"),
        )
        .annotate(units=Sum("quantity"))
        .order_by()
    )
    for rows in (outstanding, later):
        for product_id, location_id, number in rows:
            units[product_id, location_id] += Decimal(number)
    leaving = to_send(as_of=as_of)
    return pl.DataFrame(
        [
            (*key, float(units.get(key, 0)), float(leaving.get(key, 0)))
            for key in dict.fromkeys([*units, *leaving])
        ],
        schema={
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "on_order": pl.Float64,
            "to_send": pl.Float64,
        },
        orient="row",
    )
