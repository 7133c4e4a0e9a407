"""When suppliers take orders and ship: order days, shutdowns, and what they make of lead time and review.

Time is counted in days, at whose close things happen. An order that is planned at the close of the as-of
date goes out on the first day on which its supplier takes orders; from then on administrative days and the
lead time run, and stand still while the supplier is closed. What it brings has to last until the order of the
next order day is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WEEK = 7
_NEVER = 2**40  # a day that no plan reaches: fills up suppliers with fewer shutdowns
_THURSDAY = 3  # 1970-01-01, day 0
_MOMENT = 1e-9


@dataclass(frozen=True, eq=False)
class Calendars:
    """Of G suppliers: ``wait`` (G, 7) days from a weekday (Monday first) to one on which orders are taken,
    and ``closed`` (G, K, 2) the first and last day of each shutdown, rising and apart, days since 1970.
    """

    wait: Array
    closed: Array

    @classmethod
    def of(cls, order_days: Sequence[str], closures: Sequence[Sequence[tuple[date, date]]]) -> Self:
        """From ISO weekdays such as ``"135"`` (empty: every day) and shutdowns as first and last day.

        Raises ValueError for a weekday that is none, and for a shutdown that ends before it begins.
        """
        wait = np.zeros((len(order_days), WEEK), dtype=np.int64)
        for row, text in enumerate(order_days):
            taken = sorted({int(day) - 1 for day in text if day in "1234567"})
            if len(taken) != len(set(text)):
                raise ValueError(f"order days must be ISO weekdays, 1 to 7, not {text!r}")
            for weekday in range(WEEK if taken else 0):
                wait[row, weekday] = min((day - weekday) % WEEK for day in taken)
        merged = [_merged(spans) for spans in closures]
        closed = np.full((len(order_days), max(map(len, merged), default=0), 2), _NEVER, dtype=np.int64)
        for row, spans in enumerate(merged):
            if spans:
                closed[row, : len(spans)] = spans
        return cls(wait, closed)

    def next_order_day(self, supplier: Array, day: Array) -> Array:
        """The first day (N,) at or after ``day`` on which the ``supplier`` (N,) takes orders."""
        day = np.asarray(day, dtype=np.int64)
        # Each pass leaves one shutdown behind, or changes nothing.
        for _ in range(self.closed.shape[1] + 1):
            day = day + self.wait[supplier, (day + _THURSDAY) % WEEK]
            moved = day
            for first, last in self._spans(supplier):
                moved = np.where((first <= moved) & (moved <= last), last + 1, moved)
            if np.array_equal(moved, day):
                break
            day = moved
        return np.asarray(day + self.wait[supplier, (day + _THURSDAY) % WEEK])

    def closed_days(self, supplier: Array, start: Array, days: Array) -> Array:
        """How much longer (N,) shutdowns make what takes ``days`` (N,) from the close of ``start`` (N,)."""
        longer = np.zeros(len(start))
        for first, last in self._spans(supplier):
            crossed = start + days + longer > first - 1 + _MOMENT
            longer = longer + np.where(crossed, np.maximum(last - np.maximum(first - 1, start), 0.0), 0.0)
        return longer

    def open_days(self, supplier: Array, start: Array, end: Array) -> Array:
        """Days (N,) from the close of ``start`` to the close of ``end`` on which the supplier was open."""
        shut = np.zeros(len(start))
        for first, last in self._spans(supplier):
            shut += np.maximum(np.minimum(last, end) - np.maximum(first - 1, start), 0.0)
        return np.asarray(end - start - shut)

    def every_day(self, supplier: Array) -> Array:
        """Whether the supplier takes orders on each weekday (N,)."""
        return np.asarray(self.wait[supplier].max(axis=1) == 0)

    def _spans(self, supplier: Array) -> list[tuple[Array, Array]]:
        return [
            (self.closed[supplier, place, 0], self.closed[supplier, place, 1])
            for place in range(self.closed.shape[1])
        ]


@dataclass(frozen=True, eq=False)
class Timing:
    """When orders go out, ``order_on`` and ``next_order_on`` (N,) as datetime64[D], and what the plan counts
    with: ``lead_time_days`` from the as-of date to the receipt of the first, ``review_days`` from there to
    the receipt of the second.
    """

    order_on: Array
    next_order_on: Array
    lead_time_days: Array
    review_days: Array


def timing(
    calendars: Calendars,
    supplier: Array,
    as_of: date,
    *,
    administrative_days: Array,
    lead_time_days: Array,
    review_days: Array,
) -> Timing:
    """What the calendars make of the terms of N rows, whose ``supplier`` (N,) is a row of ``calendars``.

    Order days are reviews: a stated review period of a week or less gives way to them. A longer one is kept,
    and ends on the first order day after it. Without order days, shutdowns and administrative days the stated
    numbers stay as they are.
    """
    today = np.full(len(supplier), _number(as_of), dtype=np.int64)
    order_on = calendars.next_order_day(supplier, today)
    takes = administrative_days + lead_time_days
    free = calendars.every_day(supplier)
    least = np.where(free | (review_days > WEEK), review_days, 0.0)
    due = np.ceil(least - _MOMENT).astype(np.int64)
    earliest = order_on + np.where(free, due, np.maximum(due, 1))
    following = calendars.next_order_day(supplier, earliest)
    gap = np.where(free & (following == earliest), least, following - order_on)
    longer = calendars.closed_days(supplier, order_on, takes)
    later = calendars.closed_days(supplier, order_on + gap, takes)
    lead_time = (order_on - today) + longer + takes
    sane = (lead_time_days >= 0) & (review_days >= 0)  # else the plan has to say so
    return Timing(
        order_on=order_on.astype("datetime64[D]"),
        next_order_on=following.astype("datetime64[D]"),
        lead_time_days=np.where(sane, lead_time, lead_time_days),
        review_days=np.where(sane, gap + (later - longer), review_days),
    )


def _merged(spans: Sequence[tuple[date, date]]) -> list[list[int]]:
    """Shutdowns in order, those that touch made one."""
    merged: list[list[int]] = []
    for first, last in sorted((_number(first), _number(last)) for first, last in spans):
        if last < first:
            raise ValueError(f"a shutdown ends on {np.datetime64(last, 'D')}, before it begins")
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return merged


def _number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
