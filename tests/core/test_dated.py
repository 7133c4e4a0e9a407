"""The dated plan: the expected path against an obvious twin, its bands against simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution, Freq
from replenishment.core.constraints import smallest_order
from replenishment.core.dated import MeanDemand, Path, Policy, Purchases, Receipts, path
from replenishment.core.dated_bands import Increments, bands, bands_ahead
from replenishment.core.items import Items

DAYS = 42
STEP = {"D": 1, "W": 7, "M": 30}


def gamma_demand(
    mean: float, ratio: float, *, freq: Freq = "D", horizon: int = 60, count: int = 1
) -> DemandDistribution:
    """Independent gamma demand of so many units a period, with ``ratio`` times that as its variance."""
    steps = np.arange(1, horizon + 1)[:, None]
    cum = stats.gamma.ppf(QUANTILES, mean / ratio * steps, scale=ratio)
    return _demand(np.full(horizon, mean), cum, freq, count)


def _demand(mean: Any, cum: Any, freq: Freq, count: int = 1) -> DemandDistribution:
    horizon = len(mean)
    return DemandDistribution(
        unique_id=[f"item {row}" for row in range(count)],
        as_of=date(2024, 1, 1),
        freq=freq,
        ds=np.datetime64("2024-01-01") + np.arange(1, horizon + 1) * STEP[freq],
        mean=np.repeat(mean[None], count, axis=0),
        quantiles=np.repeat(cum[None, :1], horizon, axis=1).repeat(count, axis=0),
        cum_quantiles=np.maximum.accumulate(np.repeat(cum[None], count, axis=0), axis=1),
    )


def make_items(count: int = 1, **columns: Any) -> Items:
    values = {"unique_id": [f"item {row}" for row in range(count)], "on_hand": [40.0] * count}
    return Items.from_frame(pl.DataFrame(values | {k: [v] * count for k, v in columns.items()}))


def mean_of(demand: DemandDistribution) -> MeanDemand:
    return MeanDemand(demand, np.arange(len(demand.unique_id)))


def receipts_of(*rows: tuple[int, int, float]) -> Receipts:
    item, day, quantity = zip(*rows, strict=True)
    return Receipts(np.array(item), np.array(day), np.array(quantity))


def policy_of(items: Items, point: float, up_to: float, today: float = 0.0) -> Policy:
    count = len(items)
    return Policy.of(
        items,
        reorder_point=np.full(count, point),
        order_up_to=np.full(count, up_to),
        today=np.full(count, today),
    )


def test_it_runs_out_on_the_day_whose_demand_finds_too_little() -> None:
    found = path(make_items(on_hand=10.0), mean_of(gamma_demand(3, 1)), Receipts.none(), keep=True)
    assert found.out_day[0] == 4  # 3, 6, 9, and 12 > 10
    assert found.stock[0, :6].tolist() == [10, 7, 4, 1, 0, 0]


def test_stock_that_is_used_up_exactly_lasts_the_day() -> None:
    found = path(make_items(on_hand=9.0), mean_of(gamma_demand(3, 1)), Receipts.none())
    assert found.out_day[0] == 4


def test_an_open_order_in_time_puts_the_stock_out_off() -> None:
    found = path(make_items(on_hand=10.0), mean_of(gamma_demand(3, 1)), receipts_of((0, 3, 6.0)), keep=True)
    assert found.out_day[0] == 6
    assert found.stock[0, 2:7].tolist() == [4, 7, 4, 1, 0]


def test_what_comes_in_on_the_day_of_the_stock_out_is_late_for_it() -> None:
    found = path(make_items(on_hand=10.0), mean_of(gamma_demand(3, 1)), receipts_of((0, 4, 6.0)), keep=True)
    assert found.out_day[0] == 4
    assert found.stock[0, 4] == 6  # two units were lost, and take nothing of it


def test_late_orders_count_as_arriving_on_the_next_day() -> None:
    found = path(make_items(on_hand=3.0), mean_of(gamma_demand(3, 1)), receipts_of((0, -9, 6.0)), keep=True)
    assert found.stock[0, :4].tolist() == [3, 6, 3, 0]


def test_backorders_are_served_from_what_comes_in() -> None:
    items = make_items(on_hand=10.0, unmet="backorder")
    found = path(items, mean_of(gamma_demand(3, 1)), receipts_of((0, 4, 6.0)), keep=True)
    assert found.stock[0, 3:6].tolist() == [1, 4, 1]


def test_weekly_demand_is_spread_evenly_over_its_days() -> None:
    found = path(make_items(on_hand=15.0), mean_of(gamma_demand(14, 2, freq="W")), Receipts.none(), keep=True)
    assert np.allclose(found.stock[0, :9], [15, 13, 11, 9, 7, 5, 3, 1, 0])
    assert found.out_day[0] == 8


def test_past_the_horizon_the_rate_carries_on() -> None:
    demand = mean_of(gamma_demand(3, 1, horizon=5))
    assert demand.at(np.array([0]), np.array([20.0]))[0] == pytest.approx(60)
    assert demand.days_until(np.array([60.0]))[0] == pytest.approx(20)
    found = path(make_items(on_hand=59.0), demand, Receipts.none())
    assert found.out_day[0] == 20


def test_what_never_sells_never_runs_out() -> None:
    demand = mean_of(_demand(np.zeros(9), np.zeros((9, 9)), "D"))
    assert np.isinf(path(make_items(on_hand=0.0), demand, Receipts.none()).out_day[0])
    assert np.isinf(demand.days_until(np.array([0.0]))[0])


def test_the_next_orders_come_at_reviews_and_fill_up_to_the_level() -> None:
    items = make_items(on_hand=30.0, lead_time_mean=7.0, review_days=7.0)
    found = path(items, mean_of(gamma_demand(3, 1)), Receipts.none(), policy_of(items, 50, 50, 20), days=28)
    orders = found.purchases
    assert orders.day.tolist() == [0, 7, 14, 21, 28]
    assert orders.arrives.tolist() == [7, 14, 21, 28, 35]
    assert orders.quantity.tolist() == [20, 21, 21, 21, 21]


def test_an_order_that_is_drafted_already_is_not_made_again() -> None:
    items = make_items(on_hand=30.0, lead_time_mean=7.0, review_days=7.0, unmet="backorder")
    late = receipts_of((0, 60, 20.0))  # past the horizon, on order all the same
    found = path(items, mean_of(gamma_demand(3, 1)), late, policy_of(items, 50, 50), days=28)
    assert found.purchases.quantity.tolist() == [21, 21, 21, 21]


def test_levels_move_with_the_demand_to_come_unless_they_are_typed() -> None:
    mean = np.concatenate([np.full(28, 2.0), np.full(32, 6.0)])
    cum = np.repeat(np.cumsum(mean)[:, None], 9, axis=1)
    items = make_items(on_hand=28.0, lead_time_mean=7.0, review_days=7.0)
    demand = mean_of(_demand(mean, cum, "D"))
    moving = path(items, demand, Receipts.none(), policy_of(items, 28, 28), days=28)
    assert moving.purchases.quantity.tolist() == [14, 14, 42, 42]  # 14 days ahead
    typed = replace(policy_of(items, 28, 28), fixed=np.array([True]))
    assert path(items, demand, Receipts.none(), typed, days=28).purchases.quantity.tolist() == [14] * 4


def test_what_is_ordered_once_is_not_ordered_again() -> None:
    items = make_items(on_hand=3.0, policy_kind="once", season_days=60.0)
    found = path(items, mean_of(gamma_demand(3, 1)), Receipts.none(), policy_of(items, 120, 120, 117))
    assert found.purchases.quantity.tolist() == [117]


def test_typed_limits_stay_as_they_are() -> None:
    items = make_items(policy_kind="min-max", typed_reorder_point=10.0, typed_order_up_to=20.0)
    assert policy_of(items, 10, 20).fixed.tolist() == [True]


def test_what_is_not_bought_again_is_not_ordered() -> None:
    items = make_items(on_hand=3.0)
    found = path(items, mean_of(gamma_demand(3, 1)), Receipts.none(), policy_of(items, -1, -1))
    assert len(found.purchases.item) == 0


def slow_path(items: Items, daily: Any, receipts: Receipts, policy: Policy, days: int) -> Path:
    """One item after the other, with plain numbers."""
    orders, stock = [], np.zeros((len(items), days + 1))
    out = np.full(len(items), np.inf)
    for row in range(len(items)):
        lead = int(np.ceil(items.lead_time_mean[row]))
        review = max(1, round(items.review_days[row]))
        least = float(smallest_order(items.moq[[row]], items.order_multiple[[row]])[0])
        open_orders = [
            (max(int(d), 1), float(q))
            for i, d, q in zip(receipts.item, receipts.day, receipts.quantity, strict=True)
            if i == row
        ]
        now = float(items.on_hand[row] - items.allocated[row])
        if now < 0:
            out[row] = 1
        for day in range(days + 1):
            if day:
                wanted = float(daily[row, day - 1])
                if wanted > now + 1e-9:
                    out[row] = min(out[row], day)
                    now = min(now, 0.0) if items.unmet[row] == "lost" else now - wanted
                else:
                    now -= wanted
                now += sum(q for when, q in open_orders if when == day)
                open_orders = [(when, q) for when, q in open_orders if when > day]
            if day == 0:
                quantity = float(policy.today[row])
            elif day >= policy.first[row] and (day - policy.first[row]) % review == 0:
                position = now + sum(q for _, q in open_orders)
                quantity = 0.0
                if position <= policy.reorder_point[row] + 1e-6:
                    need = max(policy.order_up_to[row] - position, 0.0)
                    multiple = items.order_multiple[row]
                    quantity = np.ceil(max(need, least if need > 0 else 0) / multiple - 1e-6) * multiple
            else:
                quantity = 0.0
            if quantity > 0:
                orders.append((row, day, day + lead, quantity))
                if lead:
                    open_orders.append((day + lead, quantity))
                else:
                    now += quantity
            stock[row, day] = now
    columns = [np.array(column) for column in zip(*orders, strict=True)] if orders else [np.empty(0)] * 4
    return Path(out, Purchases(*columns), stock, np.empty(0))


@settings(max_examples=60, deadline=None)
@given(
    on_hand=st.integers(0, 60),
    allocated=st.integers(0, 20),
    mean=st.sampled_from([0.0, 0.5, 2.0, 5.0]),
    lead=st.sampled_from([0.0, 2.0, 6.5, 20.0]),
    review=st.sampled_from([1.0, 4.0, 7.0]),
    moq=st.sampled_from([0.0, 10.0]),
    multiple=st.sampled_from([1.0, 6.0]),
    unmet=st.sampled_from(["lost", "backorder"]),
    levels=st.tuples(st.integers(0, 40), st.integers(0, 20)),
    today=st.integers(0, 30),
    late=st.lists(st.tuples(st.integers(-5, 50), st.integers(1, 30)), max_size=4),
)
def test_it_agrees_with_one_item_at_a_time(
    on_hand: int,
    allocated: int,
    mean: float,
    lead: float,
    review: float,
    moq: float,
    multiple: float,
    unmet: str,
    levels: tuple[int, int],
    today: int,
    late: list[tuple[int, int]],
) -> None:
    items = make_items(
        on_hand=float(on_hand),
        allocated=float(allocated),
        lead_time_mean=lead,
        review_days=review,
        moq=moq,
        order_multiple=multiple,
        unmet=unmet,
    )
    demand = mean_of(_demand(np.full(60, mean), np.full((60, 9), mean).cumsum(axis=0), "D"))
    receipts = receipts_of(*((0, day, float(q)) for day, q in late)) if late else Receipts.none()
    policy = policy_of(items, levels[0], levels[0] + levels[1], float(today))
    found = path(items, demand, receipts, policy, days=DAYS, keep=True)
    twin = slow_path(items, np.full((1, DAYS), mean), receipts, policy, DAYS)
    assert np.allclose(found.stock, twin.stock, atol=1e-6)
    assert found.out_day.tolist() == twin.out_day.tolist()
    assert found.purchases.day.tolist() == twin.purchases.day.tolist()
    assert np.allclose(found.purchases.quantity, twin.purchases.quantity, atol=1e-6)


def simulated(
    demand: Any,
    stock: float,
    incoming: Any,
    *,
    lost: bool,
    lead: int = 0,
    review: int = 0,
    level: float = 0.0,
) -> tuple[Any, Any]:
    """Stock at the close of each day (T + 1, paths), and the share of paths that ran out up to each day.

    With a ``review`` period, orders up to ``level`` are placed at reviews from the first one on.
    """
    days, paths = demand.shape
    now, due = np.full(paths, stock), np.repeat(incoming[:, None], paths, axis=1)
    due = np.vstack([due, np.zeros((lead + 1, paths))])
    coming = np.full(paths, incoming.sum())
    closing, out = [now], [np.zeros(paths, dtype=bool)]
    for day in range(1, days + 1):
        wanted = demand[day - 1]
        out.append(out[-1] | (wanted > now + 1e-9))
        now = (np.maximum(now - wanted, 0.0) if lost else now - wanted) + due[day]
        coming = coming - due[day]
        if review and day % review == 0:
            quantity = np.maximum(level - now - coming, 0.0)
            due[day + lead] += quantity
            coming = coming + quantity
        closing.append(now)
    return np.array(closing), np.mean(out, axis=1)


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("ratio", [0.5, 3.0])
def test_its_bands_are_those_of_independent_demand(*, lost: bool, ratio: float) -> None:
    mean, paths = 3.0, 20_000
    incoming = np.zeros(DAYS + 1)
    incoming[[12, 25]] = 45.0, 30.0
    drawn = np.random.default_rng(0).gamma(mean / ratio, ratio, size=(DAYS, paths))
    closing, out = simulated(drawn, 32.0, incoming, lost=lost)
    increments = Increments(gamma_demand(mean, ratio), 0, DAYS)
    found = bands(increments, stock=32.0, incoming=incoming, lost=lost)
    exact = np.quantile(closing, found.levels, axis=1).T
    assert np.abs(found.stock - exact).max() < 0.12 * closing.std(axis=1).max() + 0.3
    assert np.abs(found.out_by - out).max() < 0.02


@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_its_bands_of_slow_demand_are_those_of_whole_units(ratio: float) -> None:
    mean, paths = 0.15, 20_000
    law = stats.poisson(mean) if ratio == 1 else stats.nbinom(mean / (ratio - 1), 1 / ratio)
    steps = np.arange(1, 61)[:, None]
    cum: Any = (
        stats.poisson.ppf(QUANTILES, mean * steps)
        if ratio == 1
        else stats.nbinom.ppf(QUANTILES, mean / (ratio - 1) * steps, 1 / ratio)
    )
    incoming = np.zeros(DAYS + 1)
    incoming[15] = 3.0
    drawn: Any = law.rvs(size=(DAYS, paths), random_state=1)
    closing, out = simulated(drawn, 2.0, incoming, lost=True)
    increments = Increments(_demand(np.full(60, mean), cum, "D"), 0, DAYS)
    found = bands(increments, stock=2.0, incoming=incoming, lost=True)
    assert np.abs(found.stock - np.quantile(closing, found.levels, axis=1).T).max() <= 1.0
    assert np.abs(found.out_by - out).max() < 0.03


@pytest.mark.parametrize(("lost", "allowed"), [(False, 0.25), (True, 0.4)])
def test_its_bands_stop_widening_once_later_orders_are_in(*, lost: bool, allowed: float) -> None:
    mean, ratio, lead, review, level = 3.0, 3.0, 5, 7, 60.0
    unmet = "lost" if lost else "backorder"
    items = make_items(on_hand=30.0, lead_time_mean=lead, review_days=review, unmet=unmet)
    demand = gamma_demand(mean, ratio)
    ahead = path(
        items, mean_of(demand), Receipts.none(), policy_of(items, level, level, 30.0), days=DAYS, keep=True
    )
    increments = Increments(demand, 0, DAYS)
    incoming = np.zeros(DAYS + 1)
    incoming[lead] = 30.0
    known = bands(increments, stock=30.0, incoming=incoming, lost=lost)
    found = bands_ahead(increments, known, ahead, row=0, incoming=incoming, lost=lost)
    drawn = np.random.default_rng(0).gamma(mean / ratio, ratio, size=(DAYS, 20_000))
    closing, _ = simulated(drawn, 30.0, incoming, lost=lost, lead=lead, review=review, level=level)
    exact = np.quantile(closing, found.levels, axis=1).T
    assert np.abs(found.stock - exact).max() < allowed * closing.std(axis=1).max()
    assert np.ptp(found.stock[-1]) < 1.3 * np.ptp(found.stock[lead + review])


def test_without_later_orders_its_bands_are_those_that_are_known() -> None:
    items = make_items(on_hand=30.0)
    demand = gamma_demand(3, 3)
    increments, incoming = Increments(demand, 0, DAYS), np.zeros(DAYS + 1)
    ahead = path(items, mean_of(demand), Receipts.none(), policy_of(items, -1, -1), days=DAYS, keep=True)
    known = bands(increments, stock=30.0, incoming=incoming, lost=True)
    found = bands_ahead(increments, known, ahead, row=0, incoming=incoming, lost=True)
    assert np.array_equal(found.stock, known.stock)


@settings(max_examples=25, deadline=None)
@given(
    stock=st.floats(0, 80),
    more=st.floats(0, 40),
    day=st.integers(1, DAYS),
    ratio=st.sampled_from([0.5, 2.0, 8.0]),
    lost=st.booleans(),
)
def test_more_stock_is_never_more_likely_to_run_out(
    stock: float, more: float, day: int, ratio: float, *, lost: bool
) -> None:
    increments = Increments(gamma_demand(2.0, ratio), 0, DAYS)
    incoming = np.zeros(DAYS + 1)
    incoming[day] = 20.0
    first = bands(increments, stock=stock, incoming=incoming, lost=lost)
    second = bands(increments, stock=stock + more, incoming=incoming, lost=lost)
    assert np.all(second.out_by <= first.out_by + 0.01)
    assert np.all(second.stock >= first.stock - 0.02 * (1 + stock + more))
    for found in (first, second):
        assert np.all(np.diff(found.out_by) >= 0)
        assert np.all((found.out_by >= 0) & (found.out_by <= 1))
        assert np.all(np.diff(found.stock, axis=1) >= -1e-9)
        assert not lost or np.all(found.stock >= 0)
