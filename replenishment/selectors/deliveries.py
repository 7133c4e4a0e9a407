"""How long suppliers took: what came in of which order, and when it had been sent."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from django.db.models import Count, F, FloatField, OuterRef, Subquery, Sum
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from catalog.models import SupplyTerms
from replenishment.models import PurchaseOrderEvent, PurchaseOrderLine, Receipt

WINDOW_DAYS = 730


def delivery_lines(*, as_of: date) -> pl.DataFrame:
    """What came in by day and order line, of orders sent to suppliers, in the two years up to `as_of`.

    Columns: order_id, supplier_id, location_id (stocking), sent_on, received_on; stated_days, the lead time
    of the line's terms as they are now; and share: of the order, its lines weighing the same, that came in
    with the row. Lines without terms are left out.
    """
    lines = PurchaseOrderLine.objects.filter(order=OuterRef("line__order")).order_by().values("order")
    terms = SupplyTerms.objects.filter(
        supplier=OuterRef("line__order__supplier"), product=OuterRef("line__product")
    ).order_by("location", "pk")
    stated = Coalesce(
        "line__suggestion__terms__lead_time_days",
        Subquery(terms.values("lead_time_days")[:1], output_field=FloatField()),
    )
    rows = (
        Receipt.objects.filter(
            received_on__gt=as_of - timedelta(days=WINDOW_DAYS),
            received_on__lte=as_of,
            line__order__supplier__isnull=False,
        )
        .order_by()
        .values_list(
            "line__order_id",
            "line__order__supplier_id",
            Coalesce("line__order__location__receiving_location_id", "line__order__location_id"),
            "line_id",
            "received_on",
            stated,
        )
        .annotate(
            share=Cast(Sum("quantity"), FloatField())
            / Cast(F("line__quantity"), FloatField())
            / Cast(Subquery(lines.annotate(number=Count("pk")).values("number")), output_field=FloatField())
        )
    )
    schema = {
        "order_id": pl.Int64,
        "supplier_id": pl.Int64,
        "location_id": pl.Int64,
        "line_id": pl.Int64,
        "received_on": pl.Date,
        "stated_days": pl.Float64,
        "share": pl.Float64,
    }
    found = pl.DataFrame(list(rows), schema=schema, orient="row").drop_nulls("stated_days")
    sent = pl.DataFrame(
        list(days_sent().items()), schema={"order_id": pl.Int64, "sent_on": pl.Date}, orient="row"
    )
    return found.join(sent, on="order_id").sort("order_id", "received_on", "line_id")


def days_sent() -> dict[int, date]:
    """The day on which each order was sent, the last time that it was, by its id."""
    events = PurchaseOrderEvent.objects.filter(action="send").order_by("pk")
    days: dict[int, date] = {}
    for order_id, at, data in events.values_list("order_id", "at", "data"):
        text = data.get("sent_on")
        days[order_id] = date.fromisoformat(text) if text else timezone.localtime(at).date()
    return days
