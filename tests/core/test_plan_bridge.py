"""The order and its arithmetic: any input adds up, and more of anything moves it the right way."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.budget import within_budget
from replenishment.core.constraints import TERMS, smallest_order
from replenishment.core.items import Items, ItemsError
from replenishment.core.policy import Plan, plan
from replenishment.core.spread import Spread

HORIZON = 40
AS_OF = date(2024, 1, 1)


def demand_of(*rates_and_ratios: tuple[float, float]) -> DemandDistribution:
    """Negative binomial days (Poisson where the ratio is 1), exact quantiles of their sums."""
    steps = np.arange(1, HORIZON + 1)[:, None]
    count = len(rates_and_ratios)
    cumulative = np.zeros((count, HORIZON, len(QUANTILES)))
    mean = np.zeros((count, HORIZON))
    for row, (rate, ratio) in enumerate(rates_and_ratios):
        mean[row] = rate
        if rate > 0 and ratio > 1:
            cumulative[row] = stats.nbinom.ppf(QUANTILES, rate / (ratio - 1) * steps, 1 / ratio)
        elif rate > 0:
            cumulative[row] = stats.poisson.ppf(QUANTILES, rate * steps)
    return DemandDistribution(
        unique_id=[f"i{row}" for row in range(count)],
        as_of=AS_OF,
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=mean,
        quantiles=np.repeat(cumulative[:, :1], HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(np.maximum(cumulative, 0), axis=1),
    )


def items_of(count: int, **columns: Any) -> Items:
    frame = {"unique_id": [f"i{row}" for row in range(count)], "on_hand": [0.0] * count}
    for name, value in columns.items():
        frame[name] = value if isinstance(value, list) else [value] * count
    return Items.from_frame(pl.DataFrame(frame))


amount = st.one_of(st.just(0.0), st.floats(0, 1e5), st.integers(0, 500).map(float))
item = st.fixed_dictionaries(
    {
        "on_hand": st.one_of(amount, st.floats(-50, 0)),
        "on_order": amount,
        "allocated": amount,
        "unit_cost": st.floats(0.01, 1e4),
        "holding_rate": st.floats(0, 2),
        "order_cost": st.one_of(st.just(0.0), st.floats(0, 100)),
        "lead_time_mean": st.floats(0, 60),
        "lead_time_sd": st.one_of(st.just(0.0), st.floats(0.1, 20)),
        "review_days": st.floats(0, 30),
        "moq": st.one_of(st.just(0.0), st.floats(0, 500)),
        "order_multiple": st.sampled_from([1.0, 6.0, 12.0, 0.1, 2.5, 1 / 3]),
        "max_stock": st.one_of(st.none(), st.floats(0, 300)),
        "shelf_life_days": st.one_of(st.none(), st.floats(0, 60)),
        "target_kind": st.sampled_from(["fill", "cycle", "economic", "overall"]),
        "target": st.sampled_from([0.5, 0.9, 0.95, 0.99]),
        "unmet": st.sampled_from(["lost", "backorder"]),
        "rate": st.sampled_from([0.0, 0.01, 0.2, 3.0, 40.0]),
        "ratio": st.sampled_from([1.0, 4.0]),
    }
)
PLANNED = {(rate, ratio): (rate, ratio) for rate in (0.0, 0.01, 0.2, 3.0, 40.0) for ratio in (1.0, 4.0)}
DEMAND = demand_of(*PLANNED)
PLACES = {key: row for row, key in enumerate(PLANNED)}


def planned(rows: list[dict[str, Any]], budget: float | None = None) -> tuple[Items, Plan]:
    names = [f"i{row}" for row in range(len(rows))]
    demand = replace(DEMAND.take([PLACES[row["rate"], row["ratio"]] for row in rows]), unique_id=names)
    kept = [{key: value for key, value in row.items() if key not in ("rate", "ratio")} for row in rows]
    frame = pl.DataFrame(kept, infer_schema_length=None).with_columns(unique_id=pl.Series(names))
    items = Items.from_frame(frame)
    return items, plan(items, demand, budget=budget)


def test_it_adds_up_where_a_smallest_order_has_to_sell_within_a_shelf_life() -> None:
    """The level waits for room for a smallest order of 1.2 units, which is no whole number of grains."""
    _, made = planned(
        [
            {
                "on_hand": 0.0,
                "order_multiple": 0.1,
                "moq": 1.2,
                "shelf_life_days": 5.0,
                "rate": 3.0,
                "ratio": 1.0,
            }
        ]
    )
    assert "level_at_shelf_life" in made.reason[0]
    assert made.expected_demand[0] + made.safety_stock[0] == made.reorder_point[0]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(item, min_size=1, max_size=8), budget=st.one_of(st.none(), st.floats(0, 1e6)))
def test_it_adds_up_exactly_and_keeps_the_supply_rules(
    rows: list[dict[str, Any]], budget: float | None
) -> None:
    items, made = planned(rows, budget)
    good = ~np.isnan(made.net_need)
    total = made.net_need.copy()
    for term in TERMS:
        total = total + getattr(made, term)
    assert np.array_equal(total[good], made.order_quantity[good])
    assert np.array_equal((made.expected_demand + made.safety_stock)[good], made.reorder_point[good])
    assert np.all(made.order_quantity[~good] == 0)
    assert all(made.reason[row].startswith("exception:") for row in np.flatnonzero(~good))
    assert np.all(made.order_quantity >= 0)
    quantity, multiple = made.order_quantity, items.order_multiple
    packs = quantity / multiple
    assert np.allclose(packs[good], np.round(packs[good]), atol=1e-5)
    smallest = smallest_order(items.moq, multiple)
    some = good & (quantity > 0)
    assert np.all(quantity[some] >= smallest[some] - 1e-6)
    over = some & (items.position + quantity > items.max_stock + 1e-6)
    assert all("above_max" in made.reason[row] for row in np.flatnonzero(over))
    assert np.allclose(quantity[over], smallest[over])
    assert np.all((made.order_up_to >= made.reorder_point)[good])
    assert np.all(((made.reorder_point >= 0) | (made.reorder_point == -1))[good])
    due = items.position <= made.reorder_point + 1e-6
    assert np.all(quantity[good & ~due] == 0)
    for share in (made.expected_fill_rate, made.expected_cycle_service):
        assert np.all((share[good] >= 0) & (share[good] <= 1))
    if budget is not None:
        assert float(quantity @ np.where(good, items.unit_cost, 0)) <= budget * (1 + 1e-9) + 1e-6


plain = st.fixed_dictionaries(
    {
        "on_hand": st.integers(0, 300).map(float),
        "lead_time_mean": st.integers(0, 20).map(float),
        "lead_time_sd": st.sampled_from([0.0, 3.0]),
        "review_days": st.sampled_from([1.0, 7.0]),
        "moq": st.sampled_from([0.0, 20.0]),
        "order_multiple": st.sampled_from([1.0, 6.0]),
        "unmet": st.sampled_from(["lost", "backorder"]),
        "target_kind": st.sampled_from(["fill", "cycle"]),
        "target": st.sampled_from([0.8, 0.9, 0.95, 0.98]),
        "rate": st.sampled_from([0.2, 3.0]),
        "ratio": st.sampled_from([1.0, 4.0]),
    }
)


@settings(max_examples=25, deadline=None)
@given(row=plain, change=st.sampled_from(["target", "rate", "lead_time_mean"]))
def test_a_higher_target_more_demand_and_a_longer_lead_time_never_lower_levels_or_orders(
    row: dict[str, Any], change: str
) -> None:
    more = dict(row)
    more[change] = {"target": 0.99, "rate": 40.0}.get(change, row["lead_time_mean"] + 7)
    _, made = planned([row, more])
    assert made.reorder_point[1] >= made.reorder_point[0]
    assert made.order_up_to[1] >= made.order_up_to[0]
    assert made.order_quantity[1] >= made.order_quantity[0]


@settings(max_examples=40, deadline=None)
@given(row=item, stock=st.one_of(st.floats(0, 1000), st.integers(0, 200).map(float)))
def test_more_stock_never_means_a_larger_order(row: dict[str, Any], stock: float) -> None:
    """Of any item, with every rule of supply, on the shelf or on its way."""
    _, poorer = planned([row])
    for name in ("on_hand", "on_order"):
        _, richer = planned([{**row, name: row[name] + stock}])
        if np.isfinite(poorer.reorder_point[0]):  # else a backlog that makes no sense
            assert richer.reorder_point[0] == poorer.reorder_point[0]
            assert richer.order_up_to[0] == poorer.order_up_to[0]
            assert richer.order_quantity[0] <= poorer.order_quantity[0]


@pytest.mark.parametrize("kind", ["fill", "cycle"])
@pytest.mark.parametrize("unmet", ["lost", "backorder"])
def test_slow_movers_never_get_a_lower_level_for_a_longer_lead_time(kind: str, unmet: str) -> None:
    """Day by day, of Poisson and of lumpy demand: quantiles of 0, 0, 1, 1, 2 say something else each day."""
    rows = [
        {
            "on_hand": 0.0,
            "target_kind": kind,
            "unmet": unmet,
            "lead_time_mean": float(lead),
            "target": target,
            "rate": 0.01,
            "ratio": ratio,
        }
        for ratio in (1.0, 4.0)
        for target in (0.8, 0.95, 0.98)
        for lead in range(30)
    ]
    _, made = planned(rows)
    assert np.all(np.diff(made.reorder_point.reshape(6, -1), axis=1) >= 0)


def test_it_never_lowers_the_level_along_a_fine_ladder_of_targets() -> None:
    targets = np.linspace(0.5, 0.995, 60)
    for kind in ("fill", "cycle"):
        for unmet in ("lost", "backorder"):
            rows = [
                {
                    "on_hand": 0.0,
                    "target": float(t),
                    "target_kind": kind,
                    "unmet": unmet,
                    "rate": rate,
                    "ratio": 4.0,
                }
                for rate in (0.2, 3.0, 40.0)
                for t in targets
            ]
            _, made = planned(rows)
            ladder = made.reorder_point.reshape(3, -1)
            assert np.all(np.diff(ladder, axis=1) >= 0), (kind, unmet)


def test_it_orders_up_to_the_level_with_moq_and_packs_as_a_buyer_would() -> None:
    items = items_of(3, on_hand=[10.0, 200.0, 10.0], moq=[0.0, 0.0, 100.0], order_multiple=[12.0, 12.0, 12.0])
    made = plan(items, demand_of((3, 1), (3, 1), (3, 1)))
    need = made.reorder_point[0] - 10
    assert made.order_quantity[0] == np.ceil(need / 12) * 12
    assert made.order_quantity[1] == 0
    assert made.adj_not_due[1] == 200 - made.reorder_point[1]
    assert made.order_quantity[2] == 108
    assert made.adj_moq[2] == 100 - (made.reorder_point[2] - 10)
    assert made.adj_multiple[2] == 8
    assert made.reason[1] == "not_due"
    assert made.reason[2] == "order; moq; multiple"


def test_it_cuts_to_the_maximum_and_says_when_the_smallest_order_goes_above_it() -> None:
    items = items_of(3, on_hand=[5.0, 5.0, 0.0], max_stock=[20.0, 20.0, 0.0], moq=[0.0, 18.0, 0.0])
    made = plan(items, demand_of((3, 1), (3, 1), (3, 1)))
    assert made.order_quantity.tolist() == [15, 18, 0]
    assert "above_max" in made.reason[1]
    assert "above_max" not in made.reason[0]
    assert (made.reorder_point[2], made.order_up_to[2]) == (-1, -1)
    assert "not_bought_again" in made.reason[2]


def test_it_orders_no_more_than_sells_within_the_shelf_life() -> None:
    items = items_of(
        3, on_hand=0.0, shelf_life_days=[10.0, 10.0, None], order_cost=50.0, moq=[0.0, 40.0, 0.0]
    )
    made = plan(items, demand_of((3, 1), (3, 1), (3, 1)))
    assert made.order_up_to[0] <= 3 * 17
    assert made.order_quantity[0] <= 3 * 17 < made.order_quantity[2]
    assert made.reason[1].startswith("exception: the smallest order exceeds")


def test_it_raises_a_short_cycle_to_the_economic_order_quantity() -> None:
    items = items_of(2, unit_cost=1.0, holding_rate=0.25, order_cost=[0.0, 10.0])
    made = plan(items, demand_of((3, 1), (3, 1)))
    quantity = np.sqrt(2 * 10 * 3 * 365 / 0.25)
    assert made.adj_cycle[0] == 0
    assert made.adj_cycle[1] == round(quantity - 21)
    assert made.policy == ["(R,S)", "(R,s,S)"]
    assert made.reorder_point[1] < made.reorder_point[0]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("lead_time_mean", -1.0, "negative lead time"),
        ("unit_cost", 0.0, "zero cost"),
        ("on_hand", -1.0, "negative stock on hand without backorders"),
        ("order_multiple", 0.0, "order multiple is not above 0"),
        ("target", 1.0, "target is not between 0 and 1"),
    ],
)
def test_it_names_what_cannot_be_planned_and_plans_the_others(column: str, value: float, words: str) -> None:
    usual = {"on_hand": 0.0, "unit_cost": 1.0, "lead_time_mean": 7.0, "order_multiple": 1.0, "target": 0.95}
    made = plan(items_of(2, **{column: [value, usual[column]]}), demand_of((3, 1), (3, 1)))
    assert made.reason[0] == f"exception: {words}"
    assert made.order_quantity[0] == 0
    assert np.isnan(made.reorder_point[0])
    assert made.order_quantity[1] > 0


NONSENSE: list[tuple[str, float, str]] = [
    ("lead_time_mean", -1.0, "negative lead time"),
    ("lead_time_sd", -2.0, "negative lead time deviation"),
    ("review_days", -7.0, "negative review period"),
    ("unit_cost", 0.0, "zero cost"),
    ("unit_cost", -3.0, "negative cost"),
    ("price", -1.0, "negative price"),
    ("holding_rate", -0.1, "negative holding rate"),
    ("order_cost", -5.0, "negative order cost"),
    ("moq", -10.0, "negative MOQ"),
    ("order_multiple", -6.0, "order multiple is not above 0"),
    ("max_stock", -1.0, "negative maximum stock"),
    ("shelf_life_days", -1.0, "negative shelf life"),
    ("on_order", -1.0, "negative stock on order"),
    ("allocated", -1.0, "negative allocated stock"),
    ("target", 1.5, "target is not between 0 and 1"),
    ("target", 0.0, "target is not between 0 and 1"),
]


@settings(max_examples=30, deadline=None)
@given(row=plain, others=st.lists(item, min_size=1, max_size=4), wrong=st.sampled_from(NONSENSE))
def test_nonsense_is_named_and_changes_nothing_for_the_others(
    row: dict[str, Any], others: list[dict[str, Any]], wrong: tuple[str, float, str]
) -> None:
    usual = {"price": 2.0, "max_stock": None, "shelf_life_days": None}
    column, value, words = wrong
    clean = [{**usual, **other} for other in others]
    _, alone = planned(clean)
    _, made = planned([*clean, {**usual, **row, column: value}])
    assert made.reason[-1] == f"exception: {words}"
    assert made.order_quantity[-1] == 0
    assert np.isnan(made.reorder_point[-1])
    assert made.reason[:-1] == alone.reason
    assert np.array_equal(made.order_quantity[:-1], alone.order_quantity)
    assert np.array_equal(made.reorder_point[:-1], alone.reorder_point, equal_nan=True)


def test_it_makes_an_exception_of_an_item_without_a_distribution_and_covers_a_backlog() -> None:
    items = items_of(3, on_hand=[0.0, -5.0, 0.0], unmet="backorder")
    made = plan(items, demand_of((3, 1), (3, 1)))
    assert made.reason[2] == "exception: no distribution"
    assert made.order_quantity[1] == made.order_quantity[0] + 5
    frame = made.to_frame()
    assert frame["net_need"].null_count() == 1
    assert frame.columns == [field.name for field in fields(Plan)]


def test_it_says_where_the_protection_interval_passes_the_horizon() -> None:
    made = plan(items_of(2, lead_time_mean=[33.0, 40.0]), demand_of((3, 1), (3, 1)))
    assert "horizon_short" not in made.reason[0]
    assert "horizon_short" in made.reason[1]
    assert made.expected_demand[1] == pytest.approx(3 * 47, rel=1e-5)
    assert made.reorder_point[1] > made.reorder_point[0]


def test_it_interpolates_expected_demand_between_periods() -> None:
    items = items_of(1, lead_time_mean=3.5, review_days=7.0)
    assert plan(items, demand_of((3, 1))).expected_demand[0] == pytest.approx(31.5, abs=1e-5)


def test_it_orders_nothing_where_nothing_is_expected() -> None:
    made = plan(items_of(1, moq=10.0), demand_of((0, 1)))
    assert made.order_quantity[0] == 0
    assert made.expected_fill_rate[0] == 1
    assert "no_demand" in made.reason[0]


def test_it_spends_a_budget_where_it_saves_most() -> None:
    items = items_of(3, unit_cost=[1.0, 1.0, 10.0], price=[3.0, 1.1, 12.0], moq=[0.0, 0.0, 0.0])
    demand = demand_of((3, 1), (3, 1), (3, 1))
    free = plan(items, demand)
    cost = float(free.order_quantity @ items.unit_cost)
    half = plan(items, demand, budget=60.0)
    assert half.order_quantity @ items.unit_cost <= 60
    assert half.order_quantity[0] == pytest.approx(free.order_quantity[0], abs=3)
    assert half.order_quantity[0] > half.order_quantity[1]
    assert np.array_equal(plan(items, demand, budget=cost).order_quantity, free.order_quantity)
    assert np.all(plan(items, demand, budget=0.0).order_quantity == 0)
    kept = plan(items_of(1, moq=40.0), demand_of((3, 1)), budget=39.0)
    assert kept.order_quantity[0] == 0
    assert "budget" in kept.reason[0]
    with pytest.raises(ValueError, match="budget"):
        plan(items, demand, budget=-1.0)


def test_it_takes_what_is_free_and_ranks_the_rest() -> None:
    bought = within_budget(
        budget=500.0,
        quantity=np.full(3, 50.0),
        position=np.zeros(3),
        demand=Spread.from_knots(np.tile([0.0, 50.0, 100.0], (3, 1)), np.array([0.0, 0.5, 1.0])),
        margin=np.array([5.0, 1.0, 20.0]),
        unit_cost=np.array([0.0, 10.0, 10.0]),
        smallest=np.ones(3),
        multiple=np.ones(3),
    )
    # The best line's 50 units are worth more than the first of the poor line's.
    assert bought.tolist() == [50, 0, 50]


def test_it_spends_a_budget_as_well_as_buying_unit_by_unit() -> None:
    items = items_of(4, unit_cost=[1.0, 2.0, 3.0, 1.0], price=[2.0, 5.0, 4.0, 1.2])
    demand = demand_of((3, 1), (2, 1), (1, 1), (4, 1))
    wanted = plan(items, demand).order_quantity
    made = plan(items, demand, budget=120.0).order_quantity
    margin, rates = items.price - items.unit_cost, np.array([3.0, 2, 1, 4]) * 14
    bought, left = np.zeros(4), 120.0
    while True:
        worth = stats.poisson.sf(bought, rates) * margin / items.unit_cost
        worth[(bought >= wanted) | (items.unit_cost > left)] = -1
        if worth.max() < 0:
            break
        bought[worth.argmax()] += 1
        left -= items.unit_cost[worth.argmax()]

    def saved(quantity: Any) -> float:
        return float(
            sum(
                margin
                * [stats.poisson.sf(np.arange(q), r).sum() for q, r in zip(quantity, rates, strict=True)]
            )
        )

    assert made @ items.unit_cost <= 120
    assert saved(made) >= 0.995 * saved(bought)


def test_it_refuses_values_that_are_no_items() -> None:
    for column, values in {
        "on_hand": ["1", "x"],
        "unit_cost": [1.0, np.inf],
        "target_kind": ["fill", "best"],
        "moq": [True, False],
    }.items():
        with pytest.raises(ItemsError, match=column):
            Items.from_frame(
                pl.DataFrame({"unique_id": ["a", "b"], "on_hand": [1.0, 2.0], column: values}, strict=False)
            )
    with pytest.raises(ItemsError, match="twice"):
        Items.from_frame(pl.DataFrame({"unique_id": ["a", "a"], "on_hand": [1.0, 2.0]}))
    defaults = Items.from_frame(pl.DataFrame({"unique_id": ["a"], "on_hand": [1], "price": [None]}))
    assert defaults.price[0] == pytest.approx(1 / 0.7)
    assert defaults.stockout_cost[0] == pytest.approx(1 / 0.7 - 1)
