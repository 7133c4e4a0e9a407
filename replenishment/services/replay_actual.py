"""The shop's own records of the days of a replay: what was in stock, sold, brought back and ordered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog import selectors as catalog
from replenishment.core.actual import Records
from replenishment.selectors.deliveries import lines_sent
from replenishment.services.plan_facts import KEY

Array = npt.NDArray[Any]

# A count stands for the closes of so many days, its own the first.
_FRESH_DAYS = 7


def records_read(frame: pl.DataFrame, *, labels: Array, first_day: date, sold: Array) -> Records:
    """Records of the items of `frame` (product_id, location_id) in its order; `sold` (T, N) is by period.

    `labels` (T,) are the last days of the periods, datetime64[D].
    """
    before = np.datetime64(first_day - timedelta(days=1))
    closes = np.concatenate([[before], labels]).astype("datetime64[D]")
    last_day = labels[-1].item()
    items = frame.select(*KEY, item=pl.int_range(pl.len(), dtype=pl.Int64))
    stock = catalog.stock_records(
        first=(before - np.timedelta64(_FRESH_DAYS - 1, "D")).item(), last=last_day
    ).join(items, on=KEY)
    returned = catalog.returned_units(first=first_day, last=last_day).join(items, on=KEY)
    lines = lines_sent(first=first_day, last=last_day).join(items, on=KEY)
    shape = (len(labels), items.height)
    brought, orders, ordered = np.zeros(shape), np.zeros(items.height), np.zeros(items.height)
    rows = returned["item"].to_numpy()
    at = np.searchsorted(labels, returned["day"].to_numpy().astype("datetime64[D]"))
    np.add.at(brought, (at, rows), returned["returns"].to_numpy())
    np.add.at(orders, lines["item"].to_numpy(), 1.0)
    np.add.at(ordered, lines["item"].to_numpy(), lines["quantity"].to_numpy())
    return Records(
        stock=_at_closes(stock, closes, items.height),
        sold=sold,
        returned=brought,
        orders=orders,
        ordered=ordered,
    )


def _at_closes(stock: pl.DataFrame, closes: Array, count: int) -> Array:
    """The latest count at or before each close that is fresh enough (C, N); NaN where there is none."""
    stock = stock.sort("day")
    days = stock["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
    ends = closes.astype(np.int64)
    values = np.full((len(ends), count), np.nan)
    counted = np.full((len(ends), count), np.iinfo(np.int64).min // 2)
    at, rows = np.searchsorted(ends, days), stock["item"].to_numpy()
    # (In order of days: of several counts in a period the last one stays.)
    values[at, rows], counted[at, rows] = stock["on_hand"].to_numpy(), days
    for period in range(1, len(ends)):
        stale = np.isnan(values[period])
        values[period, stale], counted[period, stale] = values[period - 1, stale], counted[period - 1, stale]
    values[ends[:, None] - counted >= _FRESH_DAYS] = np.nan
    return values
