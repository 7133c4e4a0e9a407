"""How long suppliers took: what came in of which order, or has not, and when it had been sent."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import polars as pl
from django.db.models import Count, F, FloatField, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
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
    "quantity": pl.Float64,
    "received_on": pl.Date,
    "units": pl.Float64,
}


def delivery_lines(*, as_of: date, supplier_ids: Collection[int] | None = None) -> pl.DataFrame:
    """What came in by day and order line, of orders sent to suppliers, in the two years up to `as_of`; and
    what has not come in yet, as if it did on that day (`is_open`). Of these suppliers (None: of all).

    Columns: order_id, supplier_id, location_id (stocking), sent_on, received_on, is_open; stated_days, the
    lead time of the line's terms as they are now; and share: of the order, its lines weighing the same, that
    came in with the row. Lines without terms are left out.
    """
    received = (
        Receipt.objects.filter(
            _of("line__", supplier_ids),
            received_on__gt=as_of - timedelta(days=WINDOW_DAYS),
            received_on__lte=as_of,
        )
        .order_by()
        .values_list(*_keys("line__"), "line__quantity", "received_on")
        .annotate(units=Sum("quantity"))
    )
    waiting = (
        PurchaseOrderLine.objects.filter(
            _of("", supplier_ids),
            order__state__in=(PurchaseOrder.State.SENT, PurchaseOrder.State.PART_RECEIVED),
            quantity__gt=F("received"),
        )
        .order_by()
        .values_list(*_keys(""), "quantity")
        .annotate(units=F("quantity") - F("received"))
    )
    rows = [
        pl.DataFrame(list(received), schema=_SCHEMA, orient="row").with_columns(is_open=False),
        pl.DataFrame(
            [(*key, as_of, units) for *key, units in waiting], schema=_SCHEMA, orient="row"
        ).with_columns(is_open=True),
    ]
    lines = (
        PurchaseOrderLine.objects.filter(_of("", supplier_ids))
        .order_by()
        .values_list("order_id")
        .annotate(lines=Count("pk"))
    )
    counts = pl.DataFrame(list(lines), schema={"order_id": pl.Int64, "lines": pl.Int64}, orient="row")
    sent = pl.DataFrame(
        list(days_sent(supplier_ids).items()),
        schema={"order_id": pl.Int64, "sent_on": pl.Date},
        orient="row",
    )
    return (
        pl.concat(rows)
        .drop_nulls("stated_days")
        .join(sent, on="order_id")
        .join(counts, on="order_id")
        .with_columns(share=pl.col("units") / pl.col("quantity") / pl.col("lines"))
        .drop("quantity", "units", "lines")
        .sort("order_id", "received_on", "line_id", "is_open")
    )


def _of(to_line: str, supplier_ids: Collection[int] | None) -> Q:
    """Orders to these suppliers, or to any."""
    supplier = f"{to_line}order__supplier"
    return Q(**{f"{supplier}__isnull": False} if supplier_ids is None else {f"{supplier}__in": supplier_ids})


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


def days_sent(supplier_ids: Collection[int] | None = None) -> dict[int, date]:
    """The day on which each order (to these suppliers; None: every order) was sent, the last time that it
    was, by its id.
    """
    events = PurchaseOrderEvent.objects.filter(action="send").order_by("pk")
    if supplier_ids is not None:
        events = events.filter(order__supplier__in=supplier_ids)
    days: dict[int, date] = {}
    for order_id, at, data in events.values_list("order_id", "at", "data"):
        text = data.get("sent_on")
        days[order_id] = date.fromisoformat(text) if text else timezone.localtime(at).date()
    return days
