"""Orders raised to price breaks, against the textbook's lot sizes and against trying every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.price_breaks import Prices, raised
from replenishment.core.textbook.lot_sizes import PriceBreaks

Breaks = list[list[float]]
# Snyder and Shen, examples 3.5 and 3.6 (Joe's corner store with discounts).
UNIT_COST, BREAKS = 0.75, [[400.0, 0.72], [800.0, 0.68]]
TEXTBOOK: dict[str, Any] = {"order_cost": 8.0, "demand": 1300.0, "holding_rate": 0.3}


def order(
    quantity: float,
    breaks: Breaks,
    *,
    unit_cost: float = UNIT_COST,
    incremental: bool = False,
    multiple: float = 2.0**-20,
    most: float = np.inf,
    **terms: float,
) -> float:
    found = raised(
        np.array([quantity]),
        Prices.of(np.array([unit_cost]), [breaks], [incremental]),
        multiple=np.array([multiple]),
        most=np.array([most]),
        **{name: np.array([value]) for name, value in {**TEXTBOOK, **terms}.items()},
    )
    return float(found[0])


def yearly(
    sizes: npt.NDArray[Any], unit_cost: float, breaks: Breaks, incremental: bool, **terms: float
) -> npt.NDArray[Any]:
    """Goods, orders and holding a year, counted unit by unit."""
    costs = []
    for size in sizes.tolist():
        edges = [0.0, *(start for start, _ in breaks), np.inf]
        prices = [unit_cost, *(cost for _, cost in breaks)]
        if incremental:
            spent = sum(
                cost * max(0.0, min(size, high) - low)
                for low, high, cost in zip(edges, edges[1:], prices, strict=False)
            )
            unit = spent / size
        else:
            unit = [cost for low, cost in zip(edges, prices, strict=False) if size >= low][-1]
        costs.append(
            unit * terms["demand"]
            + terms["order_cost"] * terms["demand"] / size
            + terms["holding_rate"] * unit * size / 2
        )
    return np.array(costs)


def test_it_orders_as_the_textbook_does_with_all_units_breaks() -> None:
    assert order(304.0, BREAKS) == 800.0


def test_it_orders_as_the_textbook_does_with_incremental_breaks() -> None:
    book = PriceBreaks(np.array([[0.0, 400.0, 800.0]]), np.array([[0.75, 0.72, 0.68]]))
    wanted, _, cost = book.incremental(8.0, 1300.0, 0.3)
    assert wanted[0] == pytest.approx(304.0468, abs=1e-4)
    assert order(10.0, BREAKS, incremental=True) == pytest.approx(wanted[0], abs=1e-5)
    assert yearly(wanted, UNIT_COST, BREAKS, True, **TEXTBOOK)[0] == pytest.approx(cost[0])


@given(
    unit_cost=st.floats(0.5, 50),
    shares=st.lists(st.floats(0.5, 1.0), max_size=3),
    steps=st.lists(st.floats(1, 500), min_size=3, max_size=3),
    incremental=st.booleans(),
    demand=st.floats(5000, 50000),
    order_cost=st.floats(0.5, 40),
    holding_rate=st.floats(0.2, 0.6),
)
def test_it_raises_the_smallest_order_to_the_textbooks(
    unit_cost: float,
    shares: list[float],
    steps: list[float],
    incremental: bool,
    demand: float,
    order_cost: float,
    holding_rate: float,
) -> None:
    starts = np.cumsum(steps)[: len(shares)]
    costs = unit_cost * np.cumprod(shares)
    breaks = [[float(a), float(b)] for a, b in zip(starts, costs, strict=True)]
    book = PriceBreaks(np.array([[0.0, *starts]]), np.array([[unit_cost, *costs]]))
    find = book.incremental if incremental else book.all_units
    wanted, _, best = find(order_cost, demand, holding_rate)
    terms = {"order_cost": order_cost, "demand": demand, "holding_rate": holding_rate}
    found = order(2.0**-18, breaks, unit_cost=unit_cost, incremental=incremental, **terms)
    if wanted[0] <= demand:
        cost = yearly(np.array([found]), unit_cost, breaks, incremental, **terms)[0]
        assert cost == pytest.approx(best[0], rel=1e-6)


@given(
    quantity=st.integers(0, 60),
    multiple=st.sampled_from([1, 6, 12]),
    starts=st.lists(st.integers(1, 150), min_size=1, max_size=3, unique=True).map(sorted),
    shares=st.lists(st.floats(0.6, 1.05), min_size=3, max_size=3),
    incremental=st.booleans(),
    most=st.integers(0, 200),
    order_cost=st.floats(0, 20),
    demand=st.floats(0, 400),
)
def test_it_finds_what_trying_every_multiple_finds(
    quantity: int,
    multiple: int,
    starts: list[int],
    shares: list[float],
    incremental: bool,
    most: int,
    order_cost: float,
    demand: float,
) -> None:
    quantity = -(-quantity // multiple) * multiple
    costs = 4.0 * np.cumprod(shares)[: len(starts)]
    breaks = [[float(a), float(b)] for a, b in zip(starts, costs, strict=True)]
    terms = {"order_cost": order_cost, "demand": demand, "holding_rate": 0.25}
    found = order(
        quantity, breaks, unit_cost=4.0, incremental=incremental, multiple=multiple, most=most, **terms
    )
    if quantity == 0:
        assert found == 0
        return
    cap = min(float(most), demand)
    assert found >= quantity
    assert found % multiple == 0
    assert found == quantity or found <= cap
    tried = np.array([quantity, *(size for size in range(quantity, 401, multiple) if size <= cap)], float)
    best = yearly(tried, 4.0, breaks, incremental, **terms).min()
    cost = yearly(np.array([found]), 4.0, breaks, incremental, **terms)[0]
    assert cost <= best * (1 + 1e-8) + 1e-12


@pytest.mark.parametrize(
    ("incremental", "last"), [(False, 0.68), (True, (400 * 0.75 + 400 * 0.72 + 400 * 0.68) / 1200)]
)
def test_it_costs_what_the_kind_of_break_says(incremental: bool, last: float) -> None:
    prices = Prices.of(np.full(2, 0.75), [BREAKS, list(reversed(BREAKS))], [incremental] * 2)
    assert prices.unit_cost_at(np.array([100.0, 1200.0])) == pytest.approx([0.75, last])


def test_it_buys_no_more_than_a_year_of_demand_for_a_low_price() -> None:
    assert order(10.0, [[2000.0, 0.1]]) < 2000.0
