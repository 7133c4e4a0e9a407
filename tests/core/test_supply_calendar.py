"""Order days, shutdowns and administrative days against a walk through the days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.calendar import Calendars, Timing, timing

MONDAY = date(2026, 3, 2)
Spans = list[tuple[date, date]]


def at(order_days: str, spans: Spans, as_of: date, admin: float, lead: float, review: float) -> Timing:
    return timing(
        Calendars.of([order_days], [spans]),
        np.array([0]),
        as_of,
        administrative_days=np.array([admin]),
        lead_time_days=np.array([lead]),
        review_days=np.array([review]),
    )


def numbers(found: Timing) -> tuple[Any, Any, float, float]:
    return (
        found.order_on[0].item(),
        found.next_order_on[0].item(),
        found.lead_time_days[0],
        found.review_days[0],
    )


def test_it_keeps_the_stated_times_of_a_supplier_that_is_always_there() -> None:
    assert numbers(at("", [], MONDAY, 0.0, 2.1, 7.3)) == (MONDAY, date(2026, 3, 10), 2.1, 7.3)


def test_it_waits_for_the_next_order_day_and_counts_to_the_one_after() -> None:
    # On Saturday, for a supplier who takes orders on Mondays, Wednesdays and Fridays.
    found = at("135", [], date(2026, 2, 28), 1.0, 5.0, 7.0)
    assert numbers(found) == (MONDAY, date(2026, 3, 4), 2 + 1 + 5, 2.0)


def test_it_keeps_a_review_period_of_more_than_a_week_up_to_the_next_order_day() -> None:
    assert numbers(at("1", [], MONDAY, 0.0, 5.0, 10.0)) == (MONDAY, date(2026, 3, 16), 5.0, 14.0)


def test_it_lengthens_the_lead_time_by_the_days_of_a_shutdown() -> None:
    # Closed from Wednesday to Friday: of five days, one runs before and four after.
    found = at("", [(date(2026, 3, 4), date(2026, 3, 6))], MONDAY, 0.0, 5.0, 7.0)
    assert numbers(found) == (MONDAY, date(2026, 3, 9), 8.0, 7.0 - 3.0)


def test_it_orders_ahead_of_a_shutdown_that_holds_up_the_next_order() -> None:
    # Today's order is in before three weeks of closure; next Monday's is not.
    found = at("1", [(date(2026, 3, 10), date(2026, 3, 30))], MONDAY, 0.0, 3.0, 7.0)
    assert numbers(found) == (MONDAY, date(2026, 3, 9), 3.0, 7.0 + 21.0)


def test_it_takes_no_order_in_a_shutdown() -> None:
    found = at("1", [(MONDAY, date(2026, 3, 16))], MONDAY, 0.0, 3.0, 7.0)
    assert numbers(found) == (date(2026, 3, 23), date(2026, 3, 30), 21.0 + 3.0, 7.0)


def test_it_leaves_nonsense_for_the_plan_to_name() -> None:
    assert numbers(at("2", [], MONDAY, 5.0, -1.0, 7.0))[2:] == (-1.0, 7.0)


@pytest.mark.parametrize(
    ("order_days", "spans", "words"),
    [
        ("18", [], "ISO weekdays"),
        ("1,3", [], "ISO weekdays"),
        ("", [(MONDAY, date(2026, 3, 1))], "before it begins"),
    ],
)
def test_it_refuses_a_calendar_that_makes_no_sense(order_days: str, spans: Spans, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Calendars.of([order_days], [spans])


# --- the slow, obvious twin --------------------------------------------------------------------------------


def walked(
    order_days: str, spans: Spans, as_of: date, admin: int, lead: int, review: int
) -> tuple[date, date, float, float]:
    def is_open(day: date) -> bool:
        return not any(first <= day <= last for first, last in spans)

    def order_day(day: date) -> date:
        while not (is_open(day) and (not order_days or str(day.isoweekday()) in order_days)):
            day += timedelta(days=1)
        return day

    def received(day: date) -> date:
        left = admin + lead
        while left:
            day += timedelta(days=1)
            left -= is_open(day)
        return day

    first = order_day(as_of)
    gap = review if not order_days or review > 7 else 1
    second = order_day(first + timedelta(days=gap))
    return (
        first,
        second,
        (received(first) - as_of).days,
        (received(second) - received(first)).days,
    )


days = st.dates(date(2026, 1, 1), date(2026, 4, 1))
shutdown = st.builds(lambda day, length: (day, day + timedelta(days=length)), days, st.integers(0, 20))


@given(
    order_days=st.sets(st.sampled_from("1234567")).map(lambda found: "".join(sorted(found))),
    spans=st.lists(shutdown, max_size=5),
    as_of=days,
    admin=st.integers(0, 5),
    lead=st.integers(0, 60),
    review=st.integers(1, 30),
)
def test_it_counts_as_a_walk_through_the_days_does(
    order_days: str, spans: Spans, as_of: date, admin: int, lead: int, review: int
) -> None:
    found = at(order_days, spans, as_of, admin, lead, review)
    assert numbers(found) == walked(order_days, spans, as_of, admin, lead, review)


@given(spans=st.lists(shutdown, max_size=5), start=days, lead=st.integers(0, 60))
def test_it_finds_the_lead_time_again_in_what_was_received(spans: Spans, start: date, lead: int) -> None:
    calendars = Calendars.of([""], [spans])
    rows = np.array([0])
    day = np.array([np.datetime64(start, "D").astype(np.int64)])
    day = calendars.next_order_day(rows, day)
    end = day + lead + calendars.closed_days(rows, day, np.array([float(lead)]))
    assert calendars.open_days(rows, day, end)[0] == lead
