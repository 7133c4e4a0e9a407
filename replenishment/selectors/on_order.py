"""What was ordered, or is about to be, and has not come in."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from replenishment.models import PurchaseOrder, PurchaseOrderLine, Receipt
from replenishment.selectors.transfers import to_send

State = PurchaseOrder.State
# Until the first of it has come in, an order can still be changed with the supplier.
CHANGEABLE_STATES = (State.DRAFT, State.SUBMITTED, State.APPROVED, State.SENT)

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


def lines_open(*, as_of: date, product_id: int | None = None, location_id: int | None = None) -> pl.DataFrame:
    """What `on_order` sums up, line by line and dated: of all, or of one product and stocking location.

    Columns: product_id, location_id (stocking), line_id and supplier_id (null for what came in after `as_of`,
    which nothing can be done about), day (expected, or received; null: no day known), quantity (units
    outstanding), unit_cost and currency (the order's), is_changeable (a purchase of which nothing is in yet).
    """
    import polars as pl

    outstanding = PurchaseOrderLine.objects.filter(
        order__state__in=PurchaseOrder.OPEN_STATES, quantity__gt=F("received")
    ).annotate(place=Coalesce("order__location__receiving_location_id", "order__location_id"))
    later = Receipt.objects.filter(received_on__gt=as_of).annotate(
        place=Coalesce("line__order__location__receiving_location_id", "line__order__location_id")
    )
    if product_id is not None:
        outstanding, later = (
            outstanding.filter(product_id=product_id),
            later.filter(line__product_id=product_id),
        )
    if location_id is not None:
        outstanding, later = outstanding.filter(place=location_id), later.filter(place=location_id)
    rows: list[tuple[Any, ...]] = [
        (
            product,
            place,
            line,
            supplier,
            day,
            float(quantity - received),
            float(cost),
            currency,
            state in CHANGEABLE_STATES and kind == PurchaseOrder.Kind.PURCHASE,
        )
        for product, place, line, supplier, day, quantity, received, cost, currency, state, kind in (
            outstanding.order_by("pk").values_list(
                "product_id",
                "place",
                "pk",
                "order__supplier_id",
                "order__expected_on",
                "quantity",
                "received",
                "unit_cost",
                "order__currency",
                "order__state",
                "order__kind",
            )
        )
    ]
    rows += [
        (product, place, None, None, day, float(quantity), 0.0, "", False)
        for product, place, day, quantity in later.order_by("pk").values_list(
            "line__product_id", "place", "received_on", "quantity"
        )
    ]
    return pl.DataFrame(
        rows,
        schema={
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "line_id": pl.Int64,
            "supplier_id": pl.Int64,
            "day": pl.Date,
            "quantity": pl.Float64,
            "unit_cost": pl.Float64,
            "currency": pl.String,
            "is_changeable": pl.Boolean,
        },
        orient="row",
    )
