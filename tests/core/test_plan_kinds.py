"""Kinds of policies: each against the textbook, or against what it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, poisson

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.constraints import TERMS, smallest_order
from replenishment.core.items import POLICY_KINDS
from replenishment.core.policy import Plan, plan
from replenishment.core.textbook.known_needs import wagner_whitin
from tests.core.test_plan_bridge import AS_OF, HORIZON, demand_of, items_of

RATE = 2.0
DEMAND = demand_of((RATE, 1.0))


def planned(demand: DemandDistribution = DEMAND, **columns: Any) -> Plan:
    found = plan(items_of(1, **columns), demand)
    numbers = [found.net_need, *(getattr(found, term) for term in TERMS)]
    assert found.reason[0].startswith("exception") or sum(numbers)[0] == found.order_quantity[0]
    return found


def normal_season(mean: float, deviation: float, days: int) -> DemandDistribution:
    """Nothing for all days but one, on which the season's demand falls: normal."""
    cumulative = np.zeros((1, HORIZON, len(QUANTILES)))
    cumulative[:, days - 1 :] = mean + deviation * norm.ppf(QUANTILES)
    means = np.zeros((1, HORIZON))
    means[:, days - 1] = mean
    return DemandDistribution(
        unique_id=["i0"],
        as_of=AS_OF,
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=means,
        quantiles=np.diff(cumulative, axis=1, prepend=0.0),
        cum_quantiles=cumulative,
    )


def test_min_max_takes_the_levels_as_they_were_typed() -> None:
    terms: dict[str, Any] = {"policy_kind": "min-max", "typed_reorder_point": 10.0, "typed_order_up_to": 30.0}
    due, waiting = planned(on_hand=10.0, **terms), planned(on_hand=11.0, **terms)
    assert (due.reorder_point[0], due.order_up_to[0], due.order_quantity[0]) == (10, 30, 20)
    assert waiting.order_quantity[0] == 0
    assert due.policy == ["min/max"]
    # Two weeks sell 28: a minimum of 10 with cycles of 20 fails now and then, and says so.
    assert 0.3 < due.expected_fill_rate[0] < 0.9


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"policy_kind": "min-max"}, "no reorder point was typed"),
        (
            {"policy_kind": "min-max", "typed_reorder_point": 9.0, "typed_order_up_to": 8.0},
            "the typed order-up-to level is below the reorder point",
        ),
        ({"policy_kind": "once"}, "no end of the season"),
        ({"policy_kind": "once", "season_days": 7.0}, "the season ends before an order can arrive"),
        (
            {"policy_kind": "once", "season_days": 9.0, "salvage_share": 1.0},
            "salvage share is not from 0 to below 1",
        ),
    ],
)
def test_nonsense_is_an_exception_that_says_so(columns: dict[str, Any], words: str) -> None:
    assert planned(**columns).reason == [f"exception: {words}"]


def test_once_is_the_newsvendor_of_the_textbook() -> None:
    # Snyder and Shen, example 4.3: 56.603956, with a holding cost of 0.18 and a shortage cost of 0.70.
    found = planned(
        normal_season(50.0, 8.0, 20),
        policy_kind="once",
        season_days=20.0,
        unit_cost=0.24,
        salvage_share=0.25,
        stockout_cost=0.70,
        target_kind="economic",
        order_multiple=0.001,
    )
    assert found.order_quantity[0] == pytest.approx(56.603956, rel=2e-3)
    assert found.expected_cycle_service[0] == pytest.approx(0.70 / 0.88, abs=0.005)
    assert found.expected_demand[0] == 50
    assert found.policy == ["once"]


def test_once_covers_what_is_left_of_the_season_and_no_more() -> None:
    terms: dict[str, Any] = {
        "policy_kind": "once",
        "target_kind": "cycle",
        "target": 0.9,
        "lead_time_mean": 3.0,
    }
    long, short = planned(season_days=30.0, **terms), planned(season_days=10.0, **terms)
    assert long.order_quantity[0] == pytest.approx(poisson.ppf(0.9, 60), abs=1)
    assert short.order_quantity[0] == pytest.approx(poisson.ppf(0.9, 20), abs=1)
    assert planned(season_days=10.0, on_hand=40.0, **terms).order_quantity[0] == 0


def test_once_reaches_a_fill_rate_over_the_season() -> None:
    found = planned(policy_kind="once", target=0.95, season_days=20.0, lead_time_mean=3.0)
    level = found.order_up_to[0]
    missed = [
        1 - (np.arange(400) - at).clip(0) @ poisson.pmf(np.arange(400), 40) / 40 for at in (level, level - 1)
    ]
    assert missed[0] >= 0.948
    assert missed[1] < 0.952
    assert found.expected_fill_rate[0] == pytest.approx(missed[0], abs=0.005)


def test_continuous_review_needs_less_than_a_weekly_one() -> None:
    often, weekly = planned(policy_kind="continuous"), planned()
    assert often.reorder_point[0] < weekly.reorder_point[0]
    assert often.policy == ["(s,S)"]


def test_a_fixed_lot_is_the_economic_quantity_in_whole_packs() -> None:
    # EOQ: sqrt(2 x 10 x 730 / (4 x .25)) = 120.8, in packs of 25: 125 costs less than 100.
    found = planned(policy_kind="fixed-lot", order_cost=10.0, unit_cost=4.0, order_multiple=25.0, price=9.0)
    assert found.order_quantity[0] == 125
    assert found.policy == ["(s,Q)"]
    assert (
        planned(
            policy_kind="fixed-lot", order_cost=10.0, unit_cost=4.0, order_multiple=25.0, moq=140.0
        ).order_quantity[0]
        == 150
    )


def test_lot_for_lot_orders_what_the_review_needs_whatever_an_order_costs() -> None:
    cheap, dear = planned(), planned(policy_kind="lot-for-lot", order_cost=50.0)
    assert dear.order_up_to[0] == cheap.order_up_to[0] < planned(order_cost=50.0).order_up_to[0]


def test_known_needs_are_ordered_together_as_wagner_and_whitin_do() -> None:
    needs = np.full(26, 14.0)
    held = 4.0 * 0.25 * 7 / 365
    orders, _ = wagner_whitin(needs[None], 5.0, held)
    found = planned(policy_kind="known-needs", order_cost=5.0, unit_cost=4.0)
    assert found.order_up_to[0] - found.reorder_point[0] == pytest.approx(orders[0, 0] - 14)
    assert orders[0, 0] > 28


def test_what_is_not_bought_is_not_bought() -> None:
    found = planned(policy_kind="not-bought")
    assert found.order_quantity[0] == 0
    assert "not_bought_again" in found.reason[0]


def test_groups_that_share_a_target_are_served_apart() -> None:
    demand = demand_of((2.0, 1.0), (2.0, 4.0), (2.0, 1.0), (2.0, 4.0))
    costs = {"unit_cost": [1.0, 50.0, 1.0, 1.0], "target_kind": "overall", "target": 0.95}
    apart = plan(items_of(4, service_group=["a", "a", "b", "b"], **costs), demand)
    first = plan(items_of(2, unit_cost=[1.0, 50.0], target_kind="overall", target=0.95), demand)
    assert apart.reorder_point[:2].tolist() == first.reorder_point.tolist()
    assert apart.reorder_point[3] > apart.reorder_point[1]


@given(
    kind=st.sampled_from(POLICY_KINDS),
    on_hand=st.floats(0, 300),
    order_cost=st.sampled_from([0.0, 3.0, 80.0]),
    moq=st.sampled_from([0.0, 5.0, 70.0]),
    multiple=st.sampled_from([1.0, 6.0, 0.25]),
    levels=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    days=st.floats(8, 90),
    target_kind=st.sampled_from(["fill", "cycle", "economic", "overall"]),
)
@settings(max_examples=60, deadline=None)
def test_every_kind_adds_up_and_orders_whole_packs(
    kind: str,
    on_hand: float,
    order_cost: float,
    moq: float,
    multiple: float,
    levels: tuple[float, float],
    days: float,
    target_kind: str,
) -> None:
    found = planned(
        policy_kind=kind,
        on_hand=on_hand,
        order_cost=order_cost,
        moq=moq,
        order_multiple=multiple,
        typed_reorder_point=levels[0],
        typed_order_up_to=levels[0] + levels[1],
        season_days=days,
        target_kind=target_kind,
        unit_cost=2.0,
    )
    quantity = found.order_quantity[0]
    if quantity > 0:
        least = smallest_order(np.array([moq]), np.array([multiple]))[0]
        assert quantity >= least - 1e-6
        assert abs(quantity / multiple - round(quantity / multiple)) < 1e-6
