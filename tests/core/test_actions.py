"""Actions on excess and late need: worked by hand, by the rules of the books, and by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.core.distribution import DemandDistribution
from replenishment.core.actions import Assumptions, actions
from replenishment.core.excess import Outlook, Worth, disposal, markdown, worth
from replenishment.core.items import Items
from replenishment.core.line_actions import Lines
from tests.core.test_dated import _demand, gamma_demand, make_items

ALL = Assumptions(least_saving=0.0)


def steady(rate: float, *, count: int = 1, horizon: int = 120) -> DemandDistribution:
    """So many units a day, for sure."""
    cum = np.repeat(np.cumsum(np.full(horizon, rate))[:, None], 9, axis=1)
    return _demand(np.full(horizon, rate), cum, "D", count)


def lines_of(*rows: tuple[int, float], cost: float = 10.0, changeable: bool = True, item: int = 0) -> Lines:
    """Open lines of one item: day of arrival and quantity."""
    day, quantity = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    count = len(rows)
    return Lines(
        np.full(count, item),
        day.astype(np.int64),
        quantity,
        np.full(count, cost),
        np.full(count, changeable),
    )


NO_LINES = Lines(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, bool))


def found_of(
    items: Items,
    demand: DemandDistribution,
    *,
    up_to: float = 20.0,
    lines: Lines = NO_LINES,
    share: float = 0.0,
    given: Assumptions = ALL,
) -> pl.DataFrame:
    count = len(items)
    return actions(
        items,
        demand,
        np.arange(count),
        order_up_to=np.full(count, up_to),
        lines=lines,
        return_share=np.full(count, share),
        assumptions=given,
    )


def one(frame: pl.DataFrame, kind: str) -> dict[str, Any]:
    rows = frame.filter(pl.col("kind") == kind)
    assert rows.height == 1, frame
    return rows.row(0, named=True)


def worth_of(
    demand: DemandDistribution, most: float, *, cost: float = 10.0, rate: float = 0.25, days: float = 730
) -> Worth:
    return worth(
        Outlook(demand, np.array([0])),
        most=np.array([most]),
        needed=np.zeros(1),
        unit_cost=np.array([cost]),
        holding_rate=np.array([rate]),
        usable_days=np.array([days]),
        perishes=np.array([False]),
    )


def test_excess_of_steady_demand_is_worth_its_cost_less_holding() -> None:
    found = worth_of(steady(2), 300.0)
    for units in (50.0, 120.0, 300.0):
        by_hand = 10 * units - 10 * 0.25 / 365 * units**2 / (2 * 2)  # sold off in units / 2 days
        assert found.at(np.array([[units]]))[0, 0] == pytest.approx(by_hand, rel=2e-3)


def test_excess_of_random_demand_is_worth_what_simulation_says() -> None:
    days, paths, units = 400, 4000, 900.0
    drawn = np.random.default_rng(0).gamma(0.5, 4.0, size=(days, paths))
    cum = np.cumsum(drawn, axis=0)
    sold = np.minimum(cum[-1], units).mean()
    held = np.maximum(units - cum, 0.0).mean(axis=1).sum() * 10 * 0.25 / 365
    found = worth_of(gamma_demand(2, 4, horizon=400), units, days=400.0)
    assert found.at(np.array([[units]]))[0, 0] == pytest.approx(10 * sold - held, rel=0.01)


@pytest.mark.parametrize("ratio", [0.0, 2.0])
@pytest.mark.parametrize("proceeds", [6.0, 8.0])
def test_it_keeps_what_the_book_says(proceeds: float, ratio: float) -> None:
    # Silver, Pyke and Thomas: demand of (c - g) / (c r) years; Rosenfield: the same for random demand.
    demand = gamma_demand(2, ratio, horizon=400) if ratio else steady(2, horizon=400)
    keep = 2 * 365 * (10 - proceeds) / (10 * 0.4)
    found = worth_of(demand, 900.0, rate=0.4, days=1500.0)
    quantity, saving = disposal(
        found,
        units=np.array([900.0]),
        limit=np.array([900.0]),
        proceeds=np.array([proceeds]),
        unit=np.ones(1),
    )
    assert 900 - quantity[0] == pytest.approx(keep, abs=900 / 24 + 5)  # a step of the table
    assert saving[0] > 0


def test_what_sells_soon_is_not_sold_off() -> None:
    found = worth_of(steady(2), 60.0)
    quantity, saving = disposal(
        found, units=np.array([60.0]), limit=np.array([60.0]), proceeds=np.array([9.0]), unit=np.ones(1)
    )
    assert (quantity[0], saving[0]) == (0, 0)


def test_the_latest_order_is_cancelled_first_and_saves_its_holding() -> None:
    items = make_items(on_hand=100.0, on_order=50.0, unit_cost=10.0, price=15.0)
    found = found_of(items, steady(1), lines=lines_of((10, 30.0), (20, 20.0)))
    late, soon = (
        found.filter(pl.col("line") == 1).row(0, named=True),
        found.filter(pl.col("line") == 0).row(0, named=True),
    )
    # 150 in position, 91 sell within the horizon: 59 too many; 130 above the level.
    assert (late["kind"], late["quantity"], late["act_day"]) == ("cancel", 20, 19)
    assert late["saving"] == pytest.approx(10 * 0.25 / 365 * (130**2 - 110**2) / 2, rel=0.02)
    assert (soon["kind"], soon["quantity"]) == ("cancel", 30)
    assert soon["saving"] == pytest.approx(10 * 0.25 / 365 * (110**2 - 80**2) / 2, rel=0.02)


@pytest.mark.parametrize(("on_hand", "cut"), [(60.0, 24), (80.0, 24)])
def test_a_line_is_cut_in_whole_multiples_and_leaves_the_smallest_order(on_hand: float, cut: int) -> None:
    columns: dict[str, Any] = {"unit_cost": 10.0, "order_multiple": 12.0, "moq": 36.0}
    items = make_items(on_hand=on_hand, on_order=60.0, **columns)
    found = found_of(items, steady(1), lines=lines_of((80, 60.0)))
    assert one(found, "cut")["quantity"] == cut  # 29 or 49 too many; 36 is the MOQ


def test_what_has_come_in_in_part_is_not_cut() -> None:
    items = make_items(on_hand=100.0, on_order=50.0, unit_cost=10.0)
    found = found_of(items, steady(1), lines=lines_of((10, 50.0), changeable=False))
    assert not set(found["kind"]) & {"cut", "cancel", "postpone"}


def test_an_order_that_comes_in_too_soon_is_put_off() -> None:
    items = make_items(on_hand=60.0, on_order=20.0, unit_cost=10.0, lead_time_mean=7.0, review_days=7.0)
    found = one(found_of(items, steady(1), lines=lines_of((10, 20.0))), "postpone")
    # The level of 20 is 14 of demand and 6 of safety: down to that in 54 days.
    assert (found["days"], found["quantity"], found["act_day"]) == (44, 20, 9)
    assert found["saving"] == pytest.approx(10 * 0.25 / 365 * 20 * 44)


def test_an_order_that_comes_in_in_time_is_left_alone() -> None:
    items = make_items(on_hand=18.0, on_order=20.0, unit_cost=10.0, lead_time_mean=7.0, review_days=7.0)
    assert found_of(items, steady(1), lines=lines_of((10, 20.0))).height == 0


def test_an_order_behind_a_stock_out_is_worth_bringing_forward() -> None:
    items = make_items(on_hand=5.0, on_order=20.0, unit_cost=10.0, price=16.0)
    found = one(found_of(items, steady(1), lines=lines_of((12, 20.0))), "expedite")
    # Runs out on day 6: in by the close of day 5 instead of day 12.
    assert (found["days"], found["act_day"], found["line"]) == (7, 4, 0)
    assert found["sold"] == pytest.approx(7, abs=0.1)
    assert found["saving"] == pytest.approx(7 * 6, abs=0.6)


def test_the_units_that_expediting_saves_are_those_of_simulation() -> None:
    items = make_items(on_hand=20.0, on_order=60.0, unit_cost=10.0, price=16.0)
    demand = gamma_demand(2, 3)
    found = one(found_of(items, demand, lines=lines_of((18, 60.0))), "expedite")
    drawn = np.random.default_rng(0).gamma(2 / 3, 3.0, size=(18, 20_000))

    def lost(arrival: int) -> float:
        stock, total = np.full(20_000, 20.0), 0.0
        for day in range(1, 19):
            total += np.maximum(drawn[day - 1] - stock, 0.0).mean()
            stock = np.maximum(stock - drawn[day - 1], 0.0) + (60.0 if day == arrival else 0.0)
        return total

    assert found["sold"] == pytest.approx(lost(18) - lost(18 - int(found["days"])), rel=0.05)


def test_only_the_first_order_after_the_stock_out_is_brought_forward() -> None:
    items = make_items(on_hand=5.0, on_order=50.0, unit_cost=10.0, price=16.0)
    found = found_of(items, steady(1), lines=lines_of((3, 2.0), (15, 24.0), (20, 24.0)))
    assert one(found, "expedite")["line"] == 1


def test_goods_that_a_supplier_takes_back_are_returned_where_they_would_lie_for_years() -> None:
    items = make_items(on_hand=2000.0, unit_cost=10.0, price=15.0)
    found = found_of(items, steady(1), share=0.9, given=Assumptions(elasticity=0.5))
    row = one(found, "return")
    keep = 1 * 365 * 0.1 / 0.25
    # Above the level of 20; not more than what is above the horizon's demand may go.
    assert 2000 - row["quantity"] == pytest.approx(20 + keep, abs=1980 / 24 + 5)
    assert row["cost"] == pytest.approx(row["quantity"])
    assert row["saving"] > 0


def test_what_never_sells_is_written_off() -> None:
    items = make_items(on_hand=50.0, unit_cost=10.0, price=15.0)
    row = one(found_of(items, steady(0), up_to=-1.0), "write-off")
    assert (row["quantity"], row["cost"]) == (50, 500)
    assert row["saving"] == pytest.approx(50 * 10 * 0.25 * 2, rel=0.01)  # two years of holding


def test_what_perishes_before_it_sells_is_written_off_if_nothing_better_is_found() -> None:
    items = make_items(on_hand=100.0, unit_cost=10.0, price=15.0, shelf_life_days=30.0)
    row = one(found_of(items, steady(1), given=Assumptions(elasticity=0.0)), "write-off")
    assert row["quantity"] == pytest.approx(70, abs=80 / 24 + 1)


def test_a_markdown_sells_what_would_lie_for_years() -> None:
    items = make_items(on_hand=800.0, unit_cost=10.0, price=20.0)
    row = one(found_of(items, steady(1)), "markdown")
    factor = (1 - row["price_cut"]) ** -2.0
    assert row["sold"] == pytest.approx(91 * factor, rel=0.01)
    assert row["quantity"] == pytest.approx(91 * (factor - 1), rel=0.02)
    assert row["cost"] == pytest.approx(20 * row["price_cut"] * row["sold"])


def test_a_markdown_sells_no_more_than_there_is() -> None:
    days, paths = 91, 20_000
    demand = gamma_demand(2, 6, horizon=100)
    found = markdown(
        Outlook(demand, np.array([0])),
        worth_of(demand, 280.0),
        units=np.array([280.0]),
        on_hand=np.array([300.0]),
        price=np.array([30.0]),
        holding_rate=np.array([0.25]),
        elasticity=2.5,
        window_days=float(days),
    )
    total = np.random.default_rng(0).gamma(2 / 6 * days, 6.0, size=paths)
    factor = (1 - found.cut[0]) ** -2.5
    assert found.cut[0] > 0
    assert found.sold[0] == pytest.approx(np.minimum(300.0, factor * total).mean(), rel=0.02)


@pytest.mark.parametrize("on_hand", [-3.0, 0.0, 1.0, 4.0])
def test_no_markdown_sells_less_than_nothing(on_hand: float) -> None:
    """A forecast whose mean is below what its quantiles imply."""
    rate = np.full(120, 0.01)
    cum = np.repeat(np.cumsum(np.full(120, 0.05))[:, None], 9, axis=1)
    demand = _demand(rate, cum, "D", 1)
    found = markdown(
        Outlook(demand, np.array([0])),
        worth_of(demand, 6.0),
        units=np.array([6.0]),
        on_hand=np.array([on_hand]),
        price=np.array([30.0]),
        holding_rate=np.array([0.25]),
        elasticity=2.0,
        window_days=91.0,
    )
    assert 0 <= found.sold[0] <= max(on_hand, 0.0)
    assert found.more[0] >= 0


def test_where_price_moves_nobody_there_is_no_markdown() -> None:
    items = make_items(on_hand=800.0, unit_cost=10.0, price=20.0)
    found = found_of(items, steady(1), given=Assumptions(elasticity=0.3))
    assert "markdown" not in set(found["kind"])


def test_small_change_is_left_out() -> None:
    items = make_items(on_hand=18.0, on_order=20.0, unit_cost=0.01, lead_time_mean=7.0, review_days=7.0)
    assert found_of(items, steady(0.5), lines=lines_of((10, 20.0)), given=Assumptions()).height == 0


@settings(max_examples=80, deadline=None)
@given(
    on_hand=st.integers(0, 400),
    allocated=st.integers(0, 30),
    open_lines=st.lists(st.tuples(st.integers(-5, 90), st.integers(1, 200), st.booleans()), max_size=4),
    rate=st.sampled_from([0.0, 0.2, 1.0, 6.0]),
    up_to=st.integers(-1, 60),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    moq=st.sampled_from([0.0, 25.0]),
    multiple=st.sampled_from([1.0, 12.0]),
    shelf_life=st.sampled_from([20.0, np.inf]),
)
def test_no_unit_is_given_away_twice(
    on_hand: int,
    allocated: int,
    open_lines: list[tuple[int, int, bool]],
    rate: float,
    up_to: int,
    share: float,
    moq: float,
    multiple: float,
    shelf_life: float,
) -> None:
    day, quantity, changeable = (
        np.array(column) for column in (zip(*open_lines, strict=True) if open_lines else ([], [], []))
    )
    lines = Lines(
        np.zeros(len(day), np.int64),
        day.astype(np.int64),
        quantity.astype(float),
        np.full(len(day), 10.0),
        changeable.astype(bool),
    )
    columns: dict[str, Any] = {} if np.isinf(shelf_life) else {"shelf_life_days": shelf_life}
    items = make_items(
        on_hand=float(on_hand),
        allocated=float(allocated),
        on_order=float(quantity.sum()),
        unit_cost=10.0,
        price=16.0,
        moq=moq,
        order_multiple=multiple,
        **columns,
    )
    demand = gamma_demand(rate, 2.0) if rate else steady(0)
    found = found_of(items, demand, up_to=float(up_to), lines=lines, share=share, given=Assumptions())
    assert np.all(found["saving"].to_numpy() >= 1)
    assert np.all(found["quantity"].to_numpy() > 0)
    assert np.all(found["act_day"].to_numpy() >= 0)
    changes = found.filter(pl.col("kind").is_in(["cut", "cancel", "postpone"]))
    assert changes["line"].n_unique() == changes.height
    for line, kind, units in changes.select("line", "kind", "quantity").iter_rows():
        assert lines.changeable[line]
        assert units <= lines.quantity[line] + 1e-9
        assert (kind == "cut") == (units < lines.quantity[line] - 1e-9)
        if kind == "cut":
            left = lines.quantity[line] - units
            assert left >= moq - 1e-9
    less = found.filter(pl.col("kind").is_in(["cut", "cancel", "return", "write-off"]))["quantity"].sum()
    assert less <= max(items.position[0] - max(up_to, 0), 0.0) + 1e-6
    on_the_shelf = found.filter(pl.col("kind").is_in(["return", "markdown", "write-off"]))
    assert on_the_shelf.height <= 1
    assert on_the_shelf["quantity"].sum() <= max(on_hand - allocated, 0) + 1e-6
