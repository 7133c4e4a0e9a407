"""What was ordered when, and how it was delivered: orders that were sent, and their receipts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from replenishment.models import PurchaseOrder, PurchaseOrderLine, Receipt
from replenishment.selectors.deliveries import days_sent

if TYPE_CHECKING:
    import polars as pl

_PLACE = Coalesce("order__location__receiving_location_id", "order__location_id")
_RECEIVED_AT = Coalesce("line__order__location__receiving_location_id", "line__order__location_id")


def lines_sent(*, first: date, last: date) -> pl.DataFrame:
    """Order lines sent to suppliers on these days: product_id, location_id (stocking), quantity (units).

    Transfers between locations buy nothing, and what was cancelled was not bought: neither is here.
    """
    import polars as pl

    sent = [pk for pk, day in days_sent().items() if first <= day <= last]
    rows = (
        PurchaseOrderLine.objects.filter(order__in=sent, order__kind=PurchaseOrder.Kind.PURCHASE)
        .exclude(order__state=PurchaseOrder.State.CANCELLED)
        .values_list("product_id", _PLACE, "quantity")
    )
    return pl.DataFrame(
        [(product, place, float(quantity)) for product, place, quantity in rows.order_by()],
        schema={"product_id": pl.Int64, "location_id": pl.Int64, "quantity": pl.Float64},
        orient="row",
    )


def lines_arrived(*, sent_before: date, last: date) -> pl.DataFrame:
    """What came from then to the last day of lines sent before: it was on order on the first day.

    Columns product_id, location_id (stocking), day, units. Receipts of transfers are arrivals as those of
    purchases are: their stock came, whoever sent it.
    """
    sent = [pk for pk, day in days_sent().items() if day < sent_before]
    return _received(
        Receipt.objects.filter(line__order__in=sent, received_on__gte=sent_before, received_on__lte=last)
    )


def transfers_arrived(*, first: date, last: date) -> pl.DataFrame:
    """What transfers that were sent on these days brought in them; columns as of `lines_arrived`."""
    sent = [pk for pk, day in days_sent().items() if first <= day <= last]
    return _received(
        Receipt.objects.filter(
            line__order__in=sent, line__order__kind=PurchaseOrder.Kind.TRANSFER, received_on__lte=last
        )
    )


def _received(receipts: QuerySet[Receipt]) -> pl.DataFrame:
    import polars as pl

    rows = receipts.values_list("line__product_id", _RECEIVED_AT, "received_on", "quantity")
    return pl.DataFrame(
        [(product, place, day, float(units)) for product, place, day, units in rows.order_by()],
        schema={"product_id": pl.Int64, "location_id": pl.Int64, "day": pl.Date, "units": pl.Float64},
        orient="row",
    )


def deliveries_observed() -> pl.DataFrame:
    """Orders of which something came, one row each.

    supplier_id, location_id (stocking); sent_on; lead_days, from then to the first receipt; share, what of
    all that came was in the first receipt; rest_days, after how many more days the rest came, on average of
    its units. What was ordered and never came is no part of it.
    """
    import polars as pl

    sent = days_sent()
    rows = Receipt.objects.values_list(
        "line__order_id",
        "line__order__supplier_id",
        _RECEIVED_AT,
        "received_on",
        "quantity",
    )
    frame = pl.DataFrame(
        [
            (sent[order], supplier, place, order, day, float(quantity))
            for order, supplier, place, day, quantity in rows.order_by()
            if order in sent and supplier is not None and day >= sent[order]
        ],
        schema={
            "sent_on": pl.Date,
            "supplier_id": pl.Int64,
            "location_id": pl.Int64,
            "order_id": pl.Int64,
            "day": pl.Date,
            "units": pl.Float64,
        },
        orient="row",
    )
    first, units = pl.col("day") == pl.col("day").min(), pl.col("units")
    after = (pl.col("day") - pl.col("day").min()).dt.total_days()
    return (
        frame.group_by("order_id", "supplier_id", "location_id", "sent_on")
        .agg(
            lead_days=(pl.col("day").min() - pl.col("sent_on").first()).dt.total_days().cast(pl.Float64),
            share=units.filter(first).sum() / units.sum(),
            rest_days=((after * units).sum() / units.filter(~first).sum()).fill_nan(0.0),
        )
        .sort("sent_on", "order_id")
        .drop("order_id")
    )
