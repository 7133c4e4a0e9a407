"""Both quantities of an edited order on the demand that came: by hand, and what always holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment.core.scoreboard import Decisions, costs


def one(**values: float) -> Decisions:
    """Cost 4 at 25% a year, margin 6; in after 2 days, lasts for 3; up to 20."""
    plain = {
        "position": 5.0,
        "order_up_to": 20.0,
        "lead_days": 2.0,
        "review_days": 3.0,
        "unit_cost": 4.0,
        "stockout_cost": 6.0,
        "order_cost": 0.0,
        "holding_rate": 0.25,
        "lost": True,
    }
    return Decisions(**{name: np.array([value]) for name, value in (plain | values).items()})


def of(decisions: Decisions, quantity: float, demand: list[float]) -> Any:
    return costs(decisions, np.array([quantity]), np.array(demand, dtype=float)[:, None])


A_DAY = 4 * 0.25 / 365


def test_it_holds_and_loses_over_the_orders_own_days() -> None:
    # 5 - 2 - 2 leaves 1 when the order comes: 8 more are 9, which close at 6, 3 and 0.
    found = of(one(), 8, [2, 2, 3, 3, 3])
    assert found.holding[0] == pytest.approx((6 + 3 + 0) * A_DAY)
    assert (found.lost[0], found.lost_margin[0]) == (0, 0)
    # Nothing ordered: the one that is left goes on the first day, and eight are lost.
    nothing = of(one(), 0, [2, 2, 3, 3, 3])
    assert nothing.holding[0] == 0
    assert nothing.lost_margin[0] == 8 * 6


def test_what_is_lost_before_the_order_is_in_is_no_quantitys_doing() -> None:
    assert of(one(position=1.0), 9, [5, 5, 3, 3, 3]).lost[0] == 0


def test_demand_that_waits_is_served_from_the_order() -> None:
    found = of(one(position=1.0, lost=False), 9, [2, 2, 3, 3, 3])
    # Three are owed when nine come: six are left for nine.
    assert found.lost[0] == 3
    assert of(one(position=1.0), 9, [2, 2, 3, 3, 3]).lost[0] == 0


def test_an_order_costs_the_share_that_is_used_up() -> None:
    def ordering(quantity: float) -> float:
        return float(of(one(order_cost=10.0), quantity, [2] * 5).ordering[0])

    # Two a day for three days of its own.
    assert ordering(12) == pytest.approx(5)
    assert (ordering(6), ordering(3), ordering(0)) == (10, 10, 0)


def test_what_is_left_beyond_the_level_is_held_until_it_is_sold() -> None:
    own = sum((101 - 2 * day for day in (1, 2, 3)), 0.0)
    # At the end 95 of the 101 are left, 75 more than ever wanted at once: gone after 37.5 days at two a day.
    found = of(one(), 100, [2] * 5)
    assert found.holding[0] == pytest.approx((own + 75 * 37.5 / 2) * A_DAY)
    # What never sells is held for a year.
    dead = of(one(), 100, [0] * 5)
    assert dead.holding[0] == pytest.approx((3 * 105 + 85 * 365) * A_DAY)


def test_it_needs_the_demand_of_all_the_days() -> None:
    with pytest.raises(ValueError, match="demand of 4 days for an interval of 5"):
        of(one(), 1, [1] * 4)


def test_a_lead_time_of_nothing_is_in_on_the_first_day_and_lasts_for_one() -> None:
    short = one(lead_days=0.0, review_days=0.0, position=0.0)
    assert short.last.tolist() == [1]
    assert of(short, 3, [2]).holding[0] == pytest.approx(1 * A_DAY)


def slow(decisions: Decisions, row: int, quantity: float, demand: Any) -> tuple[float, float]:
    """The obvious twin of one row: unit-days held and units lost."""
    stock, held, lost = float(decisions.position[row]), 0.0, 0.0
    lead = max(round(float(decisions.lead_days[row])), 0)
    end = lead + max(round(float(decisions.review_days[row])), 1)
    total = 0.0
    for day in range(end):
        if day == lead:
            stock += quantity
        asked = float(demand[day, row])
        served = min(asked, max(stock, 0.0))
        stock -= served if decisions.lost[row] else asked
        total += asked
        if day >= lead:
            lost += asked - served
            held += max(stock, 0.0)
    extra, rate, days = max(stock - float(decisions.order_up_to[row]), 0.0), total / end, 0.0
    days = 365.0 if rate == 0 else min(extra / rate, 365.0)
    return held + extra * days - rate * days * days / 2, lost


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_it_agrees_with_the_obvious_twin_and_more_is_never_less_served(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 12
    made = Decisions(
        position=rng.integers(-3, 20, count).astype(float),
        order_up_to=rng.integers(0, 30, count).astype(float),
        lead_days=rng.integers(0, 9, count) + 0.2,
        review_days=rng.integers(0, 9, count) + 0.2,
        unit_cost=rng.uniform(1, 9, count),
        stockout_cost=rng.uniform(0, 9, count),
        order_cost=rng.uniform(0, 9, count),
        holding_rate=rng.uniform(0, 1, count),
        lost=rng.random(count) < 0.5,
    )
    demand, quantity = rng.poisson(2, (20, count)).astype(float), rng.integers(0, 60, count).astype(float)
    found = costs(made, quantity, demand)
    for row in range(count):
        held, lost = slow(made, row, quantity[row], demand)
        money = held * made.unit_cost[row] * made.holding_rate[row] / 365
        assert found.holding[row] == pytest.approx(money, abs=1e-9)
        assert found.lost[row] == pytest.approx(lost)
        assert found.lost_margin[row] == pytest.approx(lost * made.stockout_cost[row])
    more = costs(made, quantity + 5, demand)
    assert (more.lost <= found.lost + 1e-9).all()
    assert (more.holding >= found.holding - 1e-9).all()
    np.testing.assert_allclose(found.total, found.holding + found.ordering + found.lost_margin)
