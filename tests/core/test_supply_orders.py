"""Orders as a whole: minimums and containers, against hand-worked cases and a slow, obvious twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from replenishment.core.containers import Containers, Filled, to_containers
from replenishment.core.order_lines import Lines
from replenishment.core.price_breaks import Prices
from replenishment.core.spread import Spread
from replenishment.core.supplier_orders import Minimums, Topped, at_minimums, to_minimums

Array = npt.NDArray[Any]
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
USUAL: dict[str, Any] = {
    "order": 0,
    "quantity": 10.0,
    "position": 100.0,
    "smallest": 1.0,
    "multiple": 1.0,
    "most": 1000.0,
    "mean": 70.0,
    "review_days": 7.0,
    "margin": 4.0,
    "price": 10.0,
    "freight": 1.0,
    "holding": 2.5,
    "weight": 2.0,
    "volume": 0.01,
}


def lines_of(*rows: dict[str, Any]) -> Lines:
    """Lines with demand of 10 a day unless told, gamma distributed over a week."""
    filled = [{**USUAL, **row} for row in rows]
    columns = {name: np.array([row[name] for row in filled], dtype=float) for name in USUAL}
    mean = columns.pop("mean")
    price = columns.pop("price")
    breaks = [row.get("breaks", []) for row in filled]
    quantiles = np.array([gamma.ppf(LEVELS, 9.0, scale=value / 9.0) for value in mean])
    return Lines(
        **{**columns, "order": columns["order"].astype(np.int64)},
        demand=Spread.from_quantiles(quantiles, LEVELS, mean),
        daily_demand=mean / 7.0,
        prices=Prices.of(price, breaks, [False] * len(rows)),
    )


def topped(lines: Lines, **minimum: Any) -> Topped:
    return to_minimums(lines, minimums(lines, **minimum))


def minimums(lines: Lines, **minimum: Any) -> Minimums:
    orders = int(lines.order.max()) + 1
    given = {"value": 0.0, "weight": 0.0, "volume": 0.0, "order_cost": 0.0, **minimum}
    return Minimums(
        **{name: np.broadcast_to(np.asarray(value, float), orders) for name, value in given.items()}
    )


def filled(lines: Lines, weight: float = np.inf, volume: float = np.inf, **minimum: Any) -> Filled:
    orders = int(lines.order.max()) + 1
    return to_containers(
        lines, Containers(np.full(orders, weight), np.full(orders, volume)), minimums(lines, **minimum)
    )


# --- minimums ----------------------------------------------------------------------------------------------


def test_it_leaves_orders_at_their_minimum_alone() -> None:
    found = topped(lines_of({}, {"order": 1}), value=[100.0, 0.0])
    assert found.quantity.tolist() == [10.0, 10.0]
    assert not (found.topped_up | found.put_off | found.below | found.unchecked).any()


def test_it_tops_up_with_what_will_be_needed_first() -> None:
    lines = lines_of(
        {"position": 60.0}, {"quantity": 0.0, "position": 90.0}, {"quantity": 0.0, "position": 400.0}
    )
    found = topped(lines, value=300.0)
    assert found.topped_up.tolist() == [True]
    assert found.quantity @ np.full(3, 10.0) == 300.0
    assert found.quantity[0] > 10.0
    assert found.quantity[2] == 0.0


def test_it_tops_up_to_weight_and_volume_as_well() -> None:
    lines = lines_of({"position": 60.0}, {"quantity": 0.0, "position": 60.0, "weight": 0.0})
    found = topped(lines, weight=50.0, volume=0.5)
    assert found.quantity @ lines.weight >= 50.0
    assert found.quantity @ lines.volume >= 0.5 - 1e-9


def test_it_counts_prices_that_fall_as_the_order_grows() -> None:
    lines = lines_of({"position": 60.0, "breaks": [[20, 8.0]]})
    found = topped(lines, value=200.0)
    assert found.quantity.tolist() == [25.0]


def test_it_puts_off_what_can_wait_and_would_cost_much_to_top_up() -> None:
    # A day's demand of a slow product against a minimum of years: ample stock until the next order.
    lines = lines_of({"position": 150.0, "quantity": 2.0, "margin": 0.1})
    found = topped(lines, value=5000.0)
    assert (found.quantity.tolist(), found.put_off.tolist()) == ([0.0], [True])


def test_it_does_not_put_off_what_would_run_out() -> None:
    lines = lines_of({"position": 60.0, "quantity": 2.0, "margin": 0.1})
    assert topped(lines, value=5000.0).topped_up.tolist() == [True]


def test_it_tops_up_a_little_rather_than_put_off() -> None:
    lines = lines_of({"position": 90.0, "quantity": 48.0})
    found = topped(lines, value=500.0)
    assert (found.quantity.tolist(), found.topped_up.tolist()) == ([50.0], [True])


def test_the_cost_of_an_order_speaks_for_waiting() -> None:
    lines = lines_of({"position": 110.0, "quantity": 5.0})
    assert topped(lines, value=150.0).topped_up.tolist() == [True]
    assert topped(lines, value=150.0, order_cost=500.0).put_off.tolist() == [True]


def test_it_leaves_an_urgent_order_that_has_no_room() -> None:
    lines = lines_of({"position": 10.0, "quantity": 20.0, "most": 25.0})
    found = topped(lines, value=500.0)
    assert (found.quantity.tolist(), found.below.tolist()) == ([20.0], [True])


def test_it_says_so_where_a_weight_is_not_known() -> None:
    lines = lines_of(
        {"weight": np.nan}, {"quantity": 0.0}, {"order": 1}, {"order": 1, "quantity": 0.0, "weight": np.nan}
    )
    found = topped(lines, weight=[50.0, 50.0])
    assert found.unchecked.tolist() == [True, False]
    assert found.quantity.tolist()[:2] == [10.0, 0.0]
    # What is not known is not topped up with; what is known suffices.
    assert found.quantity.tolist()[2:] == [25.0, 0.0]
    assert not topped(lines, weight=[0.0, 20.0]).unchecked.any()


def slow(lines: Lines, value: float) -> Array:
    """Pack by pack, the one that costs least per unit of money."""
    quantity, price = lines.quantity.copy(), lines.unit_cost
    while quantity @ price < value * (1 - 1e-9):
        best, chosen = -np.inf, (-1, 0.0)
        for row in range(len(lines)):
            step = lines.multiple[row] if quantity[row] > 0 else lines.smallest[row]
            if quantity[row] + step > lines.most[row] + 1e-9:
                continue
            at = np.full((len(lines), 1), quantity[row])
            worth = lines.worth(at, at + step)[row, 0] / step / price[row]
            if worth > best:
                best, chosen = worth, (row, step)
        if chosen[0] < 0:
            return lines.quantity
        quantity[chosen[0]] += chosen[1]
    return quantity


row = st.fixed_dictionaries(
    {
        "quantity": st.integers(0, 3),
        "position": st.floats(0, 200),
        "packs": st.integers(0, 20),
        "multiple": st.sampled_from([1.0, 6.0, 2.5]),
        "mean": st.floats(5, 100),
        "price": st.floats(1, 20),
        "margin": st.floats(0.1, 10),
        "holding": st.floats(0.1, 5),
        "order": st.integers(0, 1),
    }
)


def made(rows: list[dict[str, Any]]) -> Lines:
    return lines_of(
        *(
            {
                **values,
                "quantity": values["quantity"] * values["multiple"],
                "smallest": values["multiple"],
                "most": (values["quantity"] + values["packs"]) * values["multiple"],
            }
            for values in rows
        )
    )


@settings(max_examples=60)
@given(rows=st.lists(row, min_size=1, max_size=5), value=st.floats(1, 3000))
def test_it_tops_up_as_pack_by_pack_does(rows: list[dict[str, Any]], value: float) -> None:
    lines = made([{**values, "order": 0} for values in rows])
    found = topped(lines, value=value)
    if found.topped_up[0]:
        price = lines.unit_cost
        wanted = slow(lines, value)
        assert found.quantity @ price == pytest.approx(wanted @ price)
        zero = np.zeros((len(lines), 1))
        cost, least = (lines.worth(zero, quantity[:, None]).sum() for quantity in (found.quantity, wanted))
        assert cost == pytest.approx(least, rel=1e-6, abs=1e-6)


@settings(max_examples=60)
@given(
    rows=st.lists(row, min_size=1, max_size=6),
    value=st.floats(0, 3000),
    weight=st.floats(0, 500),
    order_cost=st.floats(0, 50),
)
def test_quantities_stay_within_their_terms_whatever_the_minimum(
    rows: list[dict[str, Any]], value: float, weight: float, order_cost: float
) -> None:
    lines = made(rows)
    terms = minimums(lines, value=value, weight=weight, order_cost=order_cost)
    found = to_minimums(lines, terms)
    packs = found.quantity / lines.multiple
    assert packs == pytest.approx(np.round(packs), abs=1e-9)
    assert np.all((found.quantity <= np.maximum(lines.most, lines.quantity) + 1e-9) & (found.quantity >= 0))
    begun = lines.total(np.ones(len(lines)), len(terms)) > 0
    changed = lines.with_quantity(found.quantity)
    assert np.array_equal(begun & ~found.put_off, changed.total(np.ones(len(lines)), len(terms)) > 0)
    assert np.all(at_minimums(changed, terms) | found.below | found.put_off | ~begun)
    assert not np.any(found.topped_up & (found.put_off | found.below))


# --- containers --------------------------------------------------------------------------------------------


def test_it_fills_a_container_that_is_nearly_full() -> None:
    # 950 of 1,000 kg: 25 units more cost a little holding, the air 47.5 of freight for a container at 500.
    lines = lines_of({"quantity": 475.0, "position": 0.0, "mean": 400.0})
    found = filled(lines, weight=1000.0)
    assert (found.quantity.tolist(), found.filled.tolist()) == ([500.0], [True])


def test_it_trims_what_barely_needs_another_container() -> None:
    lines = lines_of({"quantity": 505.0, "position": 0.0, "mean": 350.0})
    found = filled(lines, weight=1000.0)
    assert (found.quantity.tolist(), found.trimmed.tolist()) == ([500.0], [True])


def test_it_ships_air_where_anything_else_costs_more() -> None:
    lines = lines_of({"quantity": 750.0, "position": 0.0, "mean": 760.0, "holding": 100.0, "freight": 0.01})
    assert filled(lines, weight=1000.0).quantity.tolist() == [750.0]


def test_it_does_nothing_where_freight_is_not_known() -> None:
    lines = lines_of({"quantity": 475.0, "position": 0.0, "mean": 400.0, "freight": 0.0})
    assert filled(lines, weight=1000.0).quantity.tolist() == [475.0]


def test_it_never_trims_below_the_suppliers_minimum() -> None:
    lines = lines_of({"quantity": 505.0, "position": 0.0, "mean": 350.0, "most": 505.0})
    assert filled(lines, weight=1000.0, value=5050.0).quantity.tolist() == [505.0]


def test_it_fills_by_volume_where_goods_are_light() -> None:
    lines = lines_of({"quantity": 475.0, "position": 0.0, "mean": 400.0, "weight": np.nan})
    assert filled(lines, volume=5.0).quantity.tolist() == [500.0]
    assert filled(lines, weight=1000.0).unchecked.tolist() == [True]


@settings(max_examples=60)
@given(
    rows=st.lists(row, min_size=1, max_size=6),
    weight=st.floats(5, 200),
    volume=st.floats(0.05, 2),
    value=st.floats(0, 500),
)
def test_containers_are_never_overloaded_and_never_more(
    rows: list[dict[str, Any]], weight: float, volume: float, value: float
) -> None:
    lines = made(rows)
    terms = minimums(lines, value=value)
    boxes = Containers(np.full(len(terms), weight), np.full(len(terms), volume))
    found = to_containers(lines, boxes, terms)
    before, after = boxes.load(lines), boxes.load(lines.with_quantity(found.quantity))
    assert np.all(np.ceil(after - 1e-6) <= np.ceil(before - 1e-6))
    assert np.all(after[found.trimmed] <= np.ceil(before - 1e-6)[found.trimmed] - 1 + 1e-6)
    assert np.all(after[found.filled] > before[found.filled])
    packs = found.quantity / lines.multiple
    assert packs == pytest.approx(np.round(packs), abs=1e-9)
    assert np.all((found.quantity <= np.maximum(lines.most, lines.quantity) + 1e-9) & (found.quantity >= 0))
    assert np.all(at_minimums(lines.with_quantity(found.quantity), terms) | ~at_minimums(lines, terms))
