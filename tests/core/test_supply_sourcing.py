"""Which supplier is bought from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.price_breaks import Prices
from replenishment.core.sourcing import LandedCosts, chosen, landed_costs

USUAL = {
    "rate": 1.0,
    "freight": 0.0,
    "duty_rate": 0.0,
    "order_cost": 0.0,
    "moq": 0.0,
    "multiple": 1.0,
    "lead_time_sd": 0.0,
    "review_days": 7.0,
    "daily_demand": 10.0,
    "deviation": 40.0,
    "holding_rate": 0.25,
    "target": 0.95,
}


def offer(unit_cost: float, breaks: Any = (), **terms: float) -> LandedCosts:
    values: dict[str, Any] = {name: np.array([value]) for name, value in {**USUAL, **terms}.items()}
    return landed_costs(Prices.of(np.array([unit_cost]), [breaks], [False]), **values)


def test_it_adds_up_as_worked_by_hand() -> None:
    # 10 dollars at 0.9, a dollar of freight, 5% duty; lead time varies by 3 days.
    found = offer(10.0, rate=0.9, freight=1.0, duty_rate=0.05, lead_time_sd=3.0)
    safety = 1.6448536 * math.sqrt(40.0**2 + 30.0**2)
    landed = 9.0 + 0.9 + 0.45
    assert found.price[0] == pytest.approx(9.0)
    assert (found.freight[0], found.duty[0]) == (pytest.approx(0.9), pytest.approx(0.45))
    assert found.safety_stock[0] == pytest.approx(safety)
    assert found.holding[0] == pytest.approx(0.25 * landed * safety / 3650)
    assert found.total[0] == pytest.approx(landed + found.holding[0])
    assert found.quantity[0] == 70.0


def test_it_prices_the_break_that_a_typical_order_reaches() -> None:
    assert offer(10.0, [[60, 9.0]]).price[0] == 9.0
    assert offer(10.0, [[5000, 9.0]]).price[0] == 10.0
    # A break out of reach of a review's demand is reached where it pays.
    assert offer(10.0, [[140, 9.0]]).price[0] == 9.0


def test_a_slow_supplier_costs_its_safety_stock() -> None:
    near, far = offer(10.0, deviation=30.0), offer(9.9, deviation=120.0, lead_time_sd=15.0)
    assert far.landed[0] < near.landed[0]
    assert far.total[0] > near.total[0]


def test_it_compares_what_does_not_sell_by_its_price() -> None:
    found = offer(10.0, daily_demand=0.0, deviation=0.0, moq=6.0)
    assert (found.total[0], found.quantity[0]) == (10.0, 6.0)


def test_the_buyers_rank_comes_before_cost_and_cost_before_what_has_no_rate() -> None:
    item = np.array([7, 7, 7, 3, 3])
    rank = np.array([1, 1, 2, 1, 1])
    comparable = np.array([True, True, True, False, True])
    total = np.array([5.0, 4.0, 1.0, 0.0, 9.0])
    assert chosen(item, rank, comparable, total).tolist() == [False, True, False, False, True]


@given(
    unit_cost=st.floats(0.01, 1000),
    more=st.floats(0, 2),
    name=st.sampled_from(["freight", "duty_rate", "deviation", "lead_time_sd", "rate", "holding_rate"]),
)
def test_more_of_a_cost_or_of_a_risk_never_makes_an_offer_cheaper(
    unit_cost: float, more: float, name: str
) -> None:
    assert offer(unit_cost, **{name: USUAL[name] + more}).total[0] >= offer(unit_cost).total[0] - 1e-9


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.floats(0, 9)), max_size=30))
def test_it_chooses_one_offer_of_each_item(offers: list[tuple[int, int, float]]) -> None:
    item, rank, total = (np.array([row[place] for row in offers]) for place in range(3))
    mask = chosen(item, rank, np.ones(len(offers), dtype=bool), total)
    assert sorted(item[mask].tolist()) == sorted({row[0] for row in offers})
    for row in np.flatnonzero(mask):
        same = [(other[1], other[2]) for other in offers if other[0] == item[row]]
        assert (rank[row], total[row]) == min(same)
