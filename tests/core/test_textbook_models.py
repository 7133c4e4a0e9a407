"""Textbook models: nothing near is cheaper, kernels agree with slow twins, nonsense is refused."""

from __future__ import annotations

import doctest
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from replenishment.core.economics import eoq
from replenishment.core.textbook.guaranteed import guaranteed_service
from replenishment.core.textbook.joint import joint_orders
from replenishment.core.textbook.known_needs import lot_for_lot, wagner_whitin
from replenishment.core.textbook.lot_sizes import PriceBreaks, eoq_with_backorders
from replenishment.core.textbook.newsvendor import (
    newsvendor_continuous,
    newsvendor_discrete,
    newsvendor_normal,
    newsvendor_poisson,
    normal_loss,
    poisson_loss,
)
from replenishment.core.textbook.reorder_points import (
    min_max,
    min_max_cost,
    min_max_poisson,
    reorder_quantity,
    reorder_quantity_poisson,
)
from replenishment.core.textbook.serial import SerialStock, serial_normal, serial_poisson

Array = np.ndarray[Any, Any]
DOCUMENT = Path(__file__).parents[2] / "docs" / "textbook.md"
some = st.floats(0.01, 1000)
chance_lists = st.lists(st.floats(0.001, 1), min_size=2, max_size=9)


def law_of(weights: list[float]) -> Array:
    return np.array([weights]) / sum(weights)


@given(some, some, some, some)
def test_it_costs_more_to_order_less_or_more_than_the_best(
    fixed: float, rate: float, hold: float, wait: float
) -> None:
    quantity, cost = eoq(*map(np.array, (fixed, rate, hold)))
    for size in (0.9 * quantity, quantity, 1.1 * quantity):
        assert cost <= (fixed * rate / size + hold * size / 2) * (1 + 1e-12)
    quantity, share, cost = eoq_with_backorders(fixed, rate, hold, wait)
    for size, part in itertools.product(quantity * [0.9, 1, 1.1], share * [0.9, 1, 1.1]):
        whole = fixed * rate / size + size * (hold * (1 - part) ** 2 + wait * part**2) / 2
        assert cost <= whole * (1 + 1e-12)
    plain = float(eoq(*map(np.array, (fixed, rate, hold)))[0])
    assert eoq_with_backorders(fixed, rate, hold, 1e12)[0] == pytest.approx(plain)


@given(
    some,
    some,
    st.floats(0.05, 1),
    st.floats(0.5, 100),
    st.lists(st.tuples(st.floats(0.5, 100), st.floats(0.8, 1)), max_size=4),
)
def test_it_finds_no_cheaper_quantity_under_price_breaks(
    fixed: float, rate: float, hold: float, price: float, steps: list[tuple[float, float]]
) -> None:
    starts = np.cumsum([0.0, *[step for step, _ in steps]])
    costs = price * np.cumprod([1.0, *[fall for _, fall in steps]])
    breaks = PriceBreaks(starts, costs)
    sizes = np.concatenate(
        [starts[1:], np.geomspace(0.01, 10, 200) * np.sqrt(2 * fixed * rate / hold / price)]
    )
    place = np.searchsorted(starts, sizes, side="right") - 1
    spent = np.concatenate([[0.0], np.cumsum(costs[:-1] * np.diff(starts))])
    each = {
        "all_units": costs[place],
        "incremental": (spent[place] + costs[place] * (sizes - starts[place])) / sizes,
    }
    for kind, mean_cost in each.items():
        quantity, at, cost = getattr(breaks, kind)(fixed, rate, hold)
        tried = mean_cost * rate + fixed * rate / sizes + hold * mean_cost * sizes / 2
        assert cost[0] <= tried.min() * (1 + 1e-9)
        assert starts[at[0]] <= quantity[0] < [*starts[1:], np.inf][at[0]]


@given(st.floats(0.1, 50), st.floats(0.1, 500), st.floats(0.05, 60))
def test_it_prefers_no_other_level_of_poisson_demand(hold: float, short: float, mean: float) -> None:
    level, cost = newsvendor_poisson(hold, short, mean)
    for other in (level - 1, level, level + 1):
        assert cost <= hold * (other - mean) + (hold + short) * poisson_loss(other, mean) + 1e-9 * cost
    law = stats.poisson.pmf(np.arange(200), mean)[None]
    found = newsvendor_discrete(hold, short, law / law.sum())
    np.testing.assert_allclose([level, cost], found, rtol=1e-7)


@given(st.floats(0.1, 50), st.floats(0.1, 500), st.floats(1, 100), st.floats(0.1, 40))
def test_it_agrees_on_normal_demand_by_formula_and_by_quantiles(
    hold: float, short: float, mean: float, deviation: float
) -> None:
    level, cost = newsvendor_normal(hold, short, mean, deviation)
    found = newsvendor_continuous(hold, short, stats.norm(mean, deviation).ppf)
    np.testing.assert_allclose([level, cost], found, rtol=1e-6, atol=1e-9)
    missed = normal_loss(level, mean, deviation)
    assert cost == pytest.approx(hold * (level - mean) + (hold + short) * missed, rel=1e-6)


@given(st.floats(0, 60), some, some, chance_lists)
@settings(deadline=None)
def test_it_finds_no_cheaper_min_and_max(
    fixed: float, hold: float, short: float, weights: list[float]
) -> None:
    law = law_of(weights)
    s, up_to, cost = min_max(fixed, hold, short, law)
    for down, up in itertools.product((-2, -1, 0, 1, 2), repeat=2):
        if s[0] + down < up_to[0] + up:
            near = min_max_cost(fixed, hold, short, law, reorder_point=s + down, order_up_to=up_to + up)
            assert cost[0] <= near[0] * (1 + 1e-9)


def walked(law: Array, s: int, up_to: int, fixed: float, hold: float, short: float) -> float:
    """The obvious twin: the chain of positions after ordering, solved for its stationary shares."""
    depth = up_to - s
    moves = np.zeros((depth, depth))  # from and to d units below S
    orders = np.zeros(depth)
    for d, (units, chance) in itertools.product(range(depth), enumerate(law)):
        if d + units < depth:
            moves[d, d + units] += chance
        else:
            moves[d, 0] += chance
            orders[d] += chance
    balance = np.vstack([moves.T - np.eye(depth), np.ones(depth)])
    share = np.linalg.lstsq(balance, np.append(np.zeros(depth), 1.0), rcond=None)[0]
    left = up_to - np.arange(depth)[:, None] - np.arange(len(law))
    levels = (law * np.where(left > 0, hold * left, -short * left)).sum(axis=1)
    return float(share @ (levels + fixed * orders))


@given(st.floats(0, 60), some, some, chance_lists, st.integers(-3, 8), st.integers(1, 12))
@settings(deadline=None)
def test_it_costs_min_and_max_as_the_chain_of_positions_does(
    fixed: float, hold: float, short: float, weights: list[float], s: int, rise: int
) -> None:
    law = law_of(weights)
    found = min_max_cost(fixed, hold, short, law, reorder_point=s, order_up_to=s + rise)
    assert found[0] == pytest.approx(walked(law[0], s, s + rise, fixed, hold, short), rel=1e-7)


def test_it_covers_the_lead_time_with_min_and_max() -> None:
    mean, lead = np.array([0.3, 2.0, 6.0]), np.array([0.0, 3.0, 2.0])
    units = np.arange(80)
    law, over = (
        stats.poisson.pmf(units, mean[:, None]),
        stats.poisson.pmf(units, (mean * (lead + 1))[:, None]),
    )
    found = min_max_poisson(20, 1, 9, mean, lead)
    np.testing.assert_allclose(found, min_max(20, 1, 9, law, over), rtol=1e-9)
    rng = np.random.default_rng(5)
    s, up_to, cost = (part[1] for part in found)
    drawn = rng.poisson(2.0, 100_000)
    position, total, due = int(up_to), 0.0, np.zeros(3)
    stock = up_to
    for period, demand in enumerate(drawn):
        order = up_to - position if position <= s else 0
        position += order
        stock += due[period % 3]
        due[period % 3] = order
        stock -= demand
        position -= demand
        total += 20 * (order > 0) + (stock if stock > 0 else -9 * stock)
    assert total / len(drawn) == pytest.approx(cost, rel=0.02)


@given(some, some, some, st.floats(0.05, 10), chance_lists)
@settings(deadline=None)
def test_it_finds_the_best_quantity_by_trying_them_all(
    fixed: float, hold: float, short: float, rate: float, weights: list[float]
) -> None:
    law = law_of(weights)
    r, quantity, cost = (part[0] for part in reorder_quantity(fixed, hold, short, rate, law))
    left = np.arange(-60, 61)[:, None] - np.arange(law.shape[1])
    level = (law * np.where(left > 0, hold * left, -short * left)).sum(axis=1)
    for size in range(1, 41):
        best = (fixed * rate + np.lib.stride_tricks.sliding_window_view(level, size).sum(axis=1).min()) / size
        assert cost <= best * (1 + 1e-9)
    if quantity <= 40:
        at = int(r) + 61
        assert cost == pytest.approx((fixed * rate + level[at : at + int(quantity)].sum()) / quantity)


def test_it_finds_the_same_quantity_from_chances_as_from_the_mean() -> None:
    mean, lead = np.array([0.0, 0.4, 1.5, 7.0]), np.array([3.0, 2.0, 2.0, 1.0])
    law = stats.poisson.pmf(np.arange(60), (mean * lead)[:, None])
    found = reorder_quantity_poisson(100, 20, 150, mean, lead)
    np.testing.assert_allclose(found, reorder_quantity(100, 20, 150, mean, law), rtol=1e-9)
    assert (found[0][0], found[1][0]) == (-1, 1)
    assert [part[0] for part in min_max_poisson(100, 20, 150, 0.0)] == [-1, 0, 0]


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=7), st.floats(0, 100), st.floats(0, 5), st.floats(0, 3)
)
@settings(deadline=None)
def test_it_orders_known_needs_as_cheaply_as_any_choice_of_periods(
    needs: list[int], fixed: float, carry: float, unit: float
) -> None:
    orders, cost = wagner_whitin(needs, fixed, carry, unit)
    periods = len(needs)
    best = np.inf
    for made in itertools.product((False, True), repeat=periods):
        total, last = 0.0, -1
        for period, need in enumerate(needs):
            last = period if made[period] else last
            if need:
                total += np.inf if last < 0 else need * (unit + carry * (period - last))
        best = min(best, total + fixed * sum(made))
    assert cost[0] == pytest.approx(best, abs=1e-9)
    assert np.all(np.cumsum(orders[0]) >= np.cumsum(needs))
    assert orders.sum() == sum(needs)
    each, dearer = lot_for_lot(needs, fixed, carry, unit)
    assert each.tolist() == [needs]
    assert cost[0] <= dearer[0] + 1e-9


def test_it_answers_as_its_documents_show() -> None:
    failed, tried = doctest.testfile(str(DOCUMENT), module_relative=False)
    assert (failed, tried) == (0, 13)


def test_it_orders_jointly_for_little_more_than_the_best() -> None:
    rng = np.random.default_rng(0)
    tried = np.array(list(itertools.product([1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 40, 80], repeat=3)))
    over = []
    for _ in range(200):
        shared = np.exp(rng.uniform(0, 6))
        line, hold, rate = np.exp(rng.uniform(-1, 5, (3, 3)))
        found = joint_orders(np.zeros(3, dtype=int), shared, line, hold, rate)

        def cost(
            multiple: Array, shared: float = shared, line: Array = line, flow: Array = hold * rate
        ) -> Array:
            return np.asarray(np.sqrt(2 * (shared + (line / multiple).sum(1)) * (flow * multiple).sum(1)))

        assert found.cost[0] == pytest.approx(cost(found.multiple[None])[0])
        np.testing.assert_allclose(found.quantity, found.cycle[0] * found.multiple * rate)
        over.append(found.cost[0] / cost(tried).min())
    assert np.median(over) < 1.001
    assert np.quantile(over, 0.95) < 1.03


def test_it_keeps_suppliers_apart() -> None:
    rng = np.random.default_rng(1)
    supplier = rng.permutation(np.repeat(np.arange(20), 4))
    line, hold, rate = rng.uniform(1, 50, (3, 80))
    shared = rng.uniform(5, 200, 20)
    together = joint_orders(supplier, shared, line, hold, rate)
    for own in range(20):
        mine = supplier == own
        alone = joint_orders(np.zeros(4, dtype=int), shared[own], line[mine], hold[mine], rate[mine])
        assert alone.cost[0] == pytest.approx(together.cost[own])
        assert alone.multiple.tolist() == together.multiple[mine].tolist()


def simulated(found: SerialStock, hold: list[float], lead: list[int], short: float, draws: Array) -> float:
    """Period by period, echelon base stock in a row of stages; all that is held or on its way is paid for."""
    stages, local = len(lead), np.cumsum(hold)
    at = found.local.copy()
    way = [[0.0] * periods for periods in lead]
    owed, total = 0.0, 0.0
    for demand in draws:
        for stage in range(stages):
            at[stage] += way[stage].pop(0)
        owed += demand
        served = min(owed, at[-1])
        at[-1] -= served
        owed -= served
        total += short * owed
        for stage in range(stages):
            leaving = sum(way[stage + 1]) if stage + 1 < stages else 0.0
            total += local[stage] * (at[stage] + leaving)
        for stage in range(stages):
            position = sum(at[stage:]) + sum(map(sum, way[stage:])) - owed
            order = max(found.echelon[stage] - position, 0.0)
            if stage:
                order = min(order, at[stage - 1])
                at[stage - 1] -= order
            way[stage].append(order)
    return float(total / len(draws))


def test_it_costs_what_a_simulated_row_of_stages_does() -> None:
    hold, lead, short, mean = [1.0, 0.5, 2.0], [2, 1, 1], 30.0, 3.0
    found = serial_poisson(hold, lead, short, mean, tail=1e-9)
    draws = np.random.default_rng(2).poisson(mean, 60_000)
    assert simulated(found, hold, lead, short, draws) == pytest.approx(found.cost, rel=0.01)


def test_it_stocks_one_stage_as_the_newsvendor_does() -> None:
    found = serial_normal([1.5], [3], 12.0, 20.0, 5.0, points=4000, cells=2000, tail=1e-7)
    level, cost = newsvendor_normal(1.5, 12.0, 20.0, 5.0, 2)
    np.testing.assert_allclose([found.echelon[0], found.cost], [level[0], cost[0]], rtol=2e-3)
    whole = serial_poisson([1.5], [3], 12.0, 2.0, tail=1e-9)
    level, cost = newsvendor_poisson(1.5, 12.0, 6.0)
    np.testing.assert_allclose([whole.echelon[0], whole.cost], [level[0], cost[0]], rtol=1e-6)


def test_it_costs_no_less_to_move_a_stage_of_a_row() -> None:
    hold, lead, short, mean = [1.0, 0.5, 2.0], [2.0, 1.0, 1.0], 30.0, 3.0
    best = serial_poisson(hold, lead, short, mean, tail=1e-9)
    assert np.all(np.diff(best.echelon) < 0)
    assert best.local.sum() == pytest.approx(best.echelon[0])
    dearer = serial_poisson(hold, lead, 2 * short, mean, tail=1e-9)
    assert dearer.cost > best.cost
    assert np.all(dearer.echelon >= best.echelon)
    fine = serial_normal([2, 2, 3], [2, 1, 1], 37.12, 5, 1, points=10_000, cells=1000)
    finer = serial_normal([2, 2, 3], [2, 1, 1], 37.12, 5, 1, points=20_000, cells=2000, tail=1e-7)
    assert fine.cost == pytest.approx(finer.cost, rel=1e-4)
    np.testing.assert_allclose(finer.echelon, [22.71, 12.02, 6.49], atol=0.01)


def trees() -> st.SearchStrategy[tuple[list[tuple[int, int]], list[int]]]:
    @st.composite
    def made(draw: Callable[..., Any]) -> tuple[list[tuple[int, int]], list[int]]:
        count = draw(st.integers(1, 4))
        arcs = []
        for stage in range(1, count):
            other = draw(st.integers(0, stage - 1))
            arcs.append((other, stage) if draw(st.booleans()) else (stage, other))
        return arcs, [draw(st.integers(1, 2)) for _ in range(count)]

    return made()


@given(trees(), st.lists(st.floats(0.1, 5), min_size=8, max_size=8), st.integers(0, 2), st.integers(0, 2))
@settings(deadline=None, max_examples=25)
def test_it_places_safety_stock_as_cheaply_as_any_promises(
    tree: tuple[list[tuple[int, int]], list[int]], numbers: list[float], outside: int, most: int
) -> None:
    arcs, work = tree
    count = len(work)
    hold, own = np.array(numbers[:count]), np.array(numbers[4 : 4 + count])
    last = [stage for stage in range(count) if all(first != stage for first, _ in arcs)]
    own[[stage for stage in range(count) if stage not in last]] = 0.0
    source = [all(second != stage for _, second in arcs) for stage in range(count)]
    within = np.where(source, outside, 0)
    promised = np.where([stage in last for stage in range(count)], most, np.inf)
    found = guaranteed_service(arcs, work, hold, own, 2.0, supplied_within=within, promised_within=promised)
    variance = own**2
    for _ in range(count):
        variance = own**2 + np.array(
            [sum(variance[second] for first, second in arcs if first == k) for k in range(count)]
        )
    best = np.inf
    for promise in itertools.product(range(sum(work) + outside + 1), repeat=count):
        waits = [
            max([within[k], *[promise[first] for first, second in arcs if second == k]]) for k in range(count)
        ]
        left = np.array(waits) + work - np.array(promise)
        if np.all(left >= 0) and np.all(np.array(promise) <= promised):
            best = min(best, float((2.0 * hold * np.sqrt(variance * left)).sum()))
    assert found.cost == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert np.all(found.promise <= promised)
    for first, second in arcs:
        assert found.promise[first] <= found.waits[second]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: eoq_with_backorders([1, 1], [5, -1], 1, 1), "row 2: demand must be finite and 0 or more"),
        (lambda: eoq_with_backorders(1, 5, 1, 0), "row 1: backorder_cost must be finite and above 0"),
        (lambda: eoq_with_backorders([1, 1], [1, 2, 3], 1, 1), "lengths differ"),
        (lambda: PriceBreaks(np.array([[0, 5, 5]]), np.array([[3, 2, 1]])), "price breaks must rise"),
        (lambda: PriceBreaks(np.array([[1, 5]]), np.array([[3, 2]])), "price breaks must rise from 0"),
        (lambda: PriceBreaks(np.array([[0, 5]]), np.array([[2, 3]])), "unit costs must not rise"),
        (
            lambda: PriceBreaks(np.array([[0, 5]]), np.array([[2, 0]])),
            "unit_costs must be finite and above 0",
        ),
        (
            lambda: PriceBreaks(np.array([[0, 5]]), np.array([[2, 1]])).all_units(1, [1, 2], 0.1),
            "2 items, but price breaks of 1",
        ),
        (lambda: newsvendor_normal(0, 1, 5, 1), "holding_cost must be finite and above 0"),
        (lambda: newsvendor_poisson(1, 1, np.nan), "mean must be finite"),
        (lambda: newsvendor_discrete(1, 1, np.array([[0.5, 0.4]])), "row 1: the sum of demand must be 1"),
        (lambda: min_max(1, 1, 1, np.array([[0.5, 0.6]])), "the sum of demand must be 1"),
        (lambda: min_max(1, 1, 1, np.array([[-0.5, 1.5]])), "demand must be finite and 0 or more"),
        (lambda: min_max_cost(1, 1, 1, np.array([[0.5, 0.5]]), reorder_point=2, order_up_to=2), "s below S"),
        (lambda: min_max_poisson(1, 1, 0, 2), "shortage_cost must be finite and above 0"),
        (lambda: reorder_quantity_poisson(1, 1, 1, 2, -1), "lead_time must be finite and 0 or more"),
        (lambda: wagner_whitin([1, -2], 1, 1), "needs must be finite and 0 or more"),
        (lambda: wagner_whitin([1, 2], [[1, 2, 3]], 1), "order_cost has shape"),
        (lambda: joint_orders(np.array([0, 2]), [1, 1], 1, 1, 1), "suppliers must be numbered 0 to 1"),
        (lambda: joint_orders(np.array([0, 0]), [1, 1], 1, 1, 1), "supplier 1 has no items"),
        (lambda: joint_orders(np.array([0]), [0], 0, 1, 1), "costs nothing"),
        (lambda: serial_normal([1, 1], [0, 0], 1, 5, 1), "all lead times are 0"),
        (lambda: serial_normal([1, 1], [1, 1], 1, 5, 0), "a deviation above 0"),
        (lambda: serial_poisson([1], [1], 1, 0), "mean demand must be above 0"),
        (lambda: guaranteed_service([(0, 1), (1, 2), (2, 0)], [1, 1, 1], 1, 1, 1), "must make a tree"),
        (lambda: guaranteed_service([(0, 1), (1, 0)], [1, 1], 1, 1, 1), "must make a tree"),
        (lambda: guaranteed_service([(0, 3)], [1, 1], 1, 1, 1), "numbered 0 to 1"),
        (lambda: guaranteed_service([(0, 1)], [1, 1.5], 1, 1, 1), "row 2: processing_time must be whole"),
    ],
)
def test_it_refuses_nonsense_in_one_line(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        call()
    assert "\n" not in str(raised.value)
