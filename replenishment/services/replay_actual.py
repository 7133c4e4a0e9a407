"""The shop's own records of the days of a replay: what was in stock, sold, brought back and ordered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog import selectors as catalog
from replenishment.core.actual import Records
from replenishment.selectors.past_orders import lines_arrived, lines_sent, transfers_arrived
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
    moved = transfers_arrived(first=first_day, last=last_day).join(items, on=KEY)
    lines = lines_sent(first=first_day, last=last_day).join(items, on=KEY)
    arrived = lines_arrived(sent_before=first_day, last=last_day).join(items, on=KEY)
    orders, ordered = np.zeros(items.height), np.zeros(items.height)
    np.add.at(orders, lines["item"].to_numpy(), 1.0)
    np.add.at(ordered, lines["item"].to_numpy(), lines["quantity"].to_numpy())
    return Records(
        stock=_at_closes(stock, closes, items.height),
        sold=sold,
        returned=_by_period(returned, "returns", labels, items.height)
        + _by_period(moved, "units", labels, items.height),
        orders=orders,
        ordered=ordered,
        arrived=_by_period(arrived, "units", labels, items.height),
    )


def _by_period(rows: pl.DataFrame, name: str, labels: Array, count: int) -> Array:
    """Sums of a column (T, N) by the period of `day`."""
    sums = np.zeros((len(labels), count))
    at = np.searchsorted(labels, rows["day"].to_numpy().astype("datetime64[D]"))
    np.add.at(sums, (at, rows["item"].to_numpy()), rows[name].to_numpy())
    return sums


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
