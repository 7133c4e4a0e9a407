"""How long suppliers took: what came in of which order, or has not, and when it had been sent."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from django.db.models import Count, F, FloatField, OuterRef, Subquery, Sum
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from catalog.models import SupplyTerms
from replenishment.models import PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine, Receipt

WINDOW_DAYS = 730
_SCHEMA = {
    "order_id": pl.Int64,
    "supplier_id": pl.Int64,
    "location_id": pl.Int64,
    "line_id": pl.Int64,
    "stated_days": pl.Float64,
    "received_on": pl.Date,
    "share": pl.Float64,
}


def delivery_lines(*, as_of: date) -> pl.DataFrame:
    """What came in by day and order line, of orders sent to suppliers, in the two years up to `as_of`; and
    what has not come in yet, as if it did on that day (`is_open`).

    Columns: order_id, supplier_id, location_id (stocking), sent_on, received_on, is_open; stated_days, the
    lead time of the line's terms as they are now; and share: of the order, its lines weighing the same, that
    came in with the row. Lines without terms are left out.
    """
    received = (
        Receipt.objects.filter(
            received_on__gt=as_of - timedelta(days=WINDOW_DAYS),
            received_on__lte=as_of,
            line__order__supplier__isnull=False,
        )
        .order_by()
        .values_list(*_keys("line__"), "received_on")
        .annotate(share=_share(Sum("quantity"), "line__"))
    )
    waiting = (
        PurchaseOrderLine.objects.filter(
            order__state__in=(PurchaseOrder.State.SENT, PurchaseOrder.State.PART_RECEIVED),
            order__supplier__isnull=False,
            quantity__gt=F("received"),
        )
        .order_by()
        .values_list(*_keys(""))
        .annotate(share=_share(F("quantity") - F("received"), ""))
    )
    rows = [
        pl.DataFrame(list(received), schema=_SCHEMA, orient="row").with_columns(is_open=False),
        pl.DataFrame(
            [(*key, as_of, share) for *key, share in waiting], schema=_SCHEMA, orient="row"
        ).with_columns(is_open=True),
    ]
    sent = pl.DataFrame(
        list(days_sent().items()), schema={"order_id": pl.Int64, "sent_on": pl.Date}, orient="row"
    )
    return (
        pl.concat(rows)
        .drop_nulls("stated_days")
        .join(sent, on="order_id")
        .sort("order_id", "received_on", "line_id", "is_open")
    )


def _keys(to_line: str) -> tuple[Any, ...]:
    """Order, supplier, stocking location, line and stated lead time, for `values_list`."""
    terms = SupplyTerms.objects.filter(
        supplier=OuterRef(f"{to_line}order__supplier"), product=OuterRef(f"{to_line}product")
    ).order_by("location", "pk")
    stated = Coalesce(
        f"{to_line}suggestion__terms__lead_time_days",
        Subquery(terms.values("lead_time_days")[:1], output_field=FloatField()),
    )
    place = f"{to_line}order__location"
    return (
        f"{to_line}order_id",
        f"{to_line}order__supplier_id",
        Coalesce(f"{place}__receiving_location_id", f"{place}_id"),
        f"{to_line}id",
        stated,
    )


def _share(quantity: Any, to_line: str) -> Any:
    """This quantity of a line as a share of its order."""
    lines = PurchaseOrderLine.objects.filter(order=OuterRef(f"{to_line}order")).order_by().values("order")
    number = Subquery(lines.annotate(number=Count("pk")).values("number"))
    return (
        Cast(quantity, FloatField())
        / Cast(F(f"{to_line}quantity"), FloatField())
        / Cast(number, FloatField())
    )


def days_sent() -> dict[int, date]:
    """The day on which each order was sent, the last time that it was, by its id."""
    events = PurchaseOrderEvent.objects.filter(action="send").order_by("pk")
    days: dict[int, date] = {}
    for order_id, at, data in events.values_list("order_id", "at", "data"):
        text = data.get("sent_on")
        days[order_id] = date.fromisoformat(text) if text else timezone.localtime(at).date()
    return days
