"""Orders that come in parts, and lead times as they happened."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment.core.deliveries import WINDOW_DAYS, Deliveries, Observed
from replenishment.core.items import Items
from replenishment.core.replay import replay
from replenishment.core.simulate import Parts, simulate
from tests.core.test_replay_classic import history
from tests.core.test_replay_simulate import always, one

FIRST = date(2024, 1, 1)
LABELS = np.array([np.datetime64(FIRST) + np.timedelta64(day, "D") for day in range(300)])


def parts_of(periods: int, share: Any, later: Any) -> Parts:
    return Parts(
        np.broadcast_to(np.asarray(share, dtype=float), (periods,))[:, None],
        np.broadcast_to(np.asarray(later), (periods,))[:, None],
    )


def test_the_rest_of_an_order_comes_later() -> None:
    """Five a day are ordered up to 20 with a lead time of 1; 60% come then, the rest 2 days on."""
    demand, lead = np.full((6, 1), 5.0), np.ones((6, 1), dtype=int)
    items = one(on_hand=20.0)
    parts = parts_of(6, 0.6, 2)
    run = simulate(items, demand, always(20, 20), lead, period_days=1.0, parts=parts, trace=True)
    assert run.trace is not None
    assert run.trace.ordered[:, 0].tolist() == [5, 5, 5, 5, 5, 5]
    assert run.trace.received[:, 0].tolist() == [0, 0, 3, 3, 5, 5]
    assert run.trace.closing[:, 0].tolist() == [15, 10, 8, 6, 6, 6]


def test_parts_of_whole_units_are_whole_and_add_up() -> None:
    demand, lead = np.array([[7.0], [0.0], [0.0], [0.0]]), np.zeros((4, 1), dtype=int)
    parts = parts_of(4, 0.35, 1)
    run = simulate(one(on_hand=7.0), demand, always(7, 7), lead, period_days=1.0, parts=parts, trace=True)
    assert run.trace is not None
    assert run.trace.received[:, 0].tolist() == [0, 2, 5, 0]


@given(
    share=st.lists(st.floats(0, 1), min_size=12, max_size=12),
    later=st.lists(st.integers(0, 5), min_size=12, max_size=12),
    lead=st.lists(st.integers(0, 4), min_size=12, max_size=12),
    demand=st.lists(st.integers(0, 9), min_size=12, max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_on_the_way_and_waiting_serves_no_more(
    share: list[float], later: list[int], lead: list[int], demand: list[int]
) -> None:
    wanted, times = np.array(demand, dtype=float)[:, None], np.array(lead)[:, None]
    options: dict[str, Any] = {"period_days": 1.0, "trace": True}
    run = simulate(one(), wanted, always(12, 15), times, parts=parts_of(12, share, later), **options)
    assert run.trace is not None
    came, sent = run.trace.received.sum(), run.trace.ordered.sum()
    assert came <= sent + 1e-9
    flow = run.trace.opening + run.trace.received - run.trace.served - run.trace.expired
    np.testing.assert_allclose(flow, run.trace.closing)
    whole = simulate(one(), wanted, always(12, 15), times, **options)
    at_once = simulate(one(), wanted, always(12, 15), times, parts=parts_of(12, share, 0), **options)
    assert whole.trace is not None
    assert at_once.trace is not None
    np.testing.assert_allclose(whole.trace.closing, at_once.trace.closing)


def observed(*orders: tuple[int, int, float, float, float]) -> Observed:
    """Orders as (lane, days after FIRST, lead days, share, rest days)."""
    lane, day, lead, share, rest = (np.array(column) for column in zip(*orders, strict=True))
    days = np.datetime64(FIRST) + day.astype("timedelta64[D]")
    return Observed(lane, days, lead.astype(float), share.astype(float), rest.astype(float))


def stated(count: int, *, share: float = 1.0, rest_days: float = 0.0) -> Deliveries:
    return Deliveries.stated(len(LABELS), count, share=share, rest_days=rest_days, period_days=1.0)


def test_lead_times_are_those_of_the_nearest_order_of_the_lane() -> None:
    orders = observed((1, 40, 9, 1.0, 0), (0, 20, 5, 0.5, 4), (0, 0, 3, 1.0, 0), (7, 0, 99, 1.0, 0))
    made = stated(4).happened(orders, np.array([0, 1, 0, -1]), LABELS, 1.0)
    assert made.lead[:12, 0].tolist() == [3.0] * 11 + [5.0]  # the tenth day is as near to both: the earlier
    assert made.lead[200, 0] == 5
    assert np.isnan(made.lead[20 + WINDOW_DAYS + 1 :, 0]).all()
    assert made.lead[:5, 1].tolist() == [9.0] * 5
    np.testing.assert_array_equal(made.lead[:, 0], made.lead[:, 2])
    assert np.isnan(made.lead[:, 3]).all()
    assert (made.share[10, 0], made.share[11, 0], made.later[11, 0]) == (1.0, 0.5, 4)
    assert made.parts is not None
    assert stated(2).parts is None


def test_what_is_not_known_is_drawn() -> None:
    drawn = np.arange(len(LABELS))[:, None] * np.ones((1, 2), dtype=int)
    made = stated(2).happened(observed((0, 0, 3.4, 1.0, 0)), np.array([0, -1]), LABELS, 1.0)
    times = made.lead_times(drawn)
    assert times[:3, 0].tolist() == [3, 3, 3]
    assert times[WINDOW_DAYS + 1 :, 0].tolist() == drawn[WINDOW_DAYS + 1 :, 0].tolist()
    np.testing.assert_array_equal(times[:, 1], drawn[:, 1])


def test_days_are_rounded_to_periods_as_drawn_lead_times_are() -> None:
    weeks = LABELS[::7]
    made = Deliveries.stated(len(weeks), 1, share=0.5, rest_days=10, period_days=7.0)
    assert made.later[0, 0] == 1
    made = made.happened(observed((0, 0, 11, 0.5, 18)), np.array([0]), weeks, 7.0)
    assert (made.lead[0, 0], made.later[0, 0]) == (2, 3)


def test_every_policy_gets_the_same_deliveries_and_its_course_adds_up() -> None:
    rng = np.random.default_rng(5)
    sold = rng.poisson(6, size=(60, 3)).astype(float)
    past = history(sold, begin=40, freq="D")
    items = Items.from_frame(
        pl.DataFrame(
            {
                "unique_id": past.unique_id,
                "on_hand": [30.0, 10.0, 50.0],
                "unit_cost": [2.0, 3.0, 4.0],
                "lead_time_mean": 2.0,
                "review_days": 1.0,
            }
        )
    )
    late = Deliveries(np.full((20, 3), 9.0), np.ones((20, 3)), np.zeros((20, 3), dtype=int))
    marked = np.array([True, False, True])
    options: dict[str, Any] = {"policies": ["minmax", "ses"]}
    plain = replay(items, past, [], **options)
    made = replay(items, past, [], **options, deliveries=late, marked=marked)
    assert made.served.sum() < plain.served.sum()
    frame = made.to_frame()
    for name in options["policies"]:
        own, course = frame.filter(pl.col("policy") == name), made.courses[name]
        assert course.served.sum(axis=0) == pytest.approx([own["served"].sum(), own["served"][[0, 2]].sum()])
        value = own["average_stock_value"]
        assert course.stock_value.mean(axis=0) == pytest.approx([value.sum(), value[[0, 2]].sum()])
