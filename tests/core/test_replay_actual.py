"""What was really done, from counts of stock, sales and order lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from replenishment.core.actual import Records, actual, actual_course
from replenishment.core.items import Items
from replenishment.core.simulate import simulate
from tests.core.test_replay_simulate import always

NAN = float("nan")


def items(count: int = 1, **terms: Any) -> Items:
    plain = {"on_hand": 10.0, "unit_cost": 4.0, "price": 10.0, "holding_rate": 0.25, "order_cost": 3.0}
    frame = pl.DataFrame({"unique_id": [f"i{row}" for row in range(count)]})
    return Items.from_frame(frame.with_columns(**{name: pl.lit(v) for name, v in (plain | terms).items()}))


def records(stock: list[float], sold: list[float], *, returned: Any = 0.0, lines: Any = ()) -> Records:
    sales = np.array(sold)[:, None]
    return Records(
        stock=np.array(stock)[:, None],
        sold=sales,
        returned=np.broadcast_to(np.asarray(returned, dtype=float), (len(sold),))[:, None],
        orders=np.array([float(len(lines))]),
        ordered=np.array([float(sum(lines))]),
        arrived=np.zeros((len(sold), 1)),
    )


def test_it_comes_to_what_is_worked_out_by_hand() -> None:
    """Weekly: opens with 10, sells 6, 4, 0, 5; ten come in the fourth week, after one without stock, in which
    seven would have sold.
    """
    found = actual(
        items(),
        records([10, 4, 0, 0, 5], [6, 4, 0, 5], lines=(10,)),
        np.array([[6.0], [4.0], [7.0], [5.0]]),
        period_days=7.0,
    )
    assert (found["demand"][0], found["served"][0]) == (22, 15)
    assert found["fill_rate"][0] == pytest.approx(15 / 22)
    assert found["average_stock_value"][0] == pytest.approx(4 * 9 / 4)
    assert found["holding_cost"][0] == pytest.approx(9 * 0.25 * 28 / 365)
    assert (found["orders"][0], found["ordered"][0], found["order_cost"][0]) == (1, 10, 3)
    assert found["lost_margin"][0] == 7 * 6
    assert found["total_cost"][0] == pytest.approx(found["holding_cost"][0] + 3 + 42)
    assert np.isnan(found["cycle_service"][0])


def test_without_order_lines_stock_that_rose_was_ordered() -> None:
    """Rises of 10 and 20 beyond sales; two units that customers brought back are no delivery."""
    known = records([5, 11, 9, 11, 28], [4, 2, 0, 3], returned=[0, 0, 2, 0])
    assert known.delivered()[:, 0].tolist() == [10, 0, 0, 20]
    found = actual(items(), known, known.sold, period_days=7.0)
    assert (found["orders"][0], found["ordered"][0]) == (2, 30)
    assert found["lost_margin"][0] == 0


def test_it_knows_an_item_by_nine_closes_of_ten_and_fills_the_missing_one() -> None:
    stock = [3.0] * 11
    stock[5] = NAN
    known = records(stock, [0.0] * 10)
    assert known.known.tolist() == [True]
    assert known.filled()[:, 0].tolist() == [3.0] * 11
    stock[6] = NAN
    assert records(stock, [0.0] * 10).known.tolist() == [False]
    assert records([NAN, *[3.0] * 10], [0.0] * 10).filled()[0, 0] == 3.0


def test_what_was_on_order_at_the_start_comes_to_every_policy() -> None:
    inferred = records([5, 11, 9, 11, 28], [4, 2, 0, 3])
    assert inferred.coming(np.array([1.0]))[:, 0].tolist() == [10, 0, 0, 0]
    assert inferred.coming(np.array([4.0]))[:, 0].tolist() == [10, 0, 2, 20]
    told = records([5, 11, 9, 11, 28], [4, 2, 0, 3])
    told.arrived[2] = 2
    assert told.coming(np.array([4.0]))[:, 0].tolist() == [0, 0, 2, 0]
    unknown = records([5, NAN, NAN, NAN, 28], [4, 2, 0, 3])
    assert not unknown.coming(np.array([4.0])).any()


def test_what_comes_anyway_is_on_order() -> None:
    coming, demand = np.array([[0.0], [6.0], [0.0]]), np.array([[3.0], [3.0], [3.0]])
    run = simulate(
        items(on_hand=4.0, review_days=1.0),
        demand,
        always(9, 9),
        np.zeros((3, 1), dtype=int),
        period_days=1.0,
        coming=coming,
        trace=True,
    )
    assert run.trace is not None
    # At the close of day 0 there is 1, and 6 on the way: two are ordered, and come with them.
    assert run.trace.ordered[:, 0].tolist() == [2, 3, 3]
    assert run.trace.received[:, 0].tolist() == [0, 8, 3]


def test_a_simulated_past_compares_equal_to_itself() -> None:
    """Records made of a policy's own run come to the same costs as the run."""
    rng = np.random.default_rng(8)
    shop, demand = items(6), rng.poisson(4, (60, 6)).astype(float)
    levels = always([6.0] * 6, [14.0] * 6)
    groups = np.ones((6, 1))
    run = simulate(shop, demand, levels, np.full((60, 6), 2), period_days=1.0, trace=True, groups=groups)
    assert run.trace is not None
    assert run.course is not None
    past = Records(
        stock=np.vstack([shop.on_hand[None], run.trace.closing]),
        sold=run.trace.served,
        returned=np.zeros_like(demand),
        orders=run.orders,
        ordered=run.ordered,
        arrived=np.zeros_like(demand),
    )
    found = actual(shop, past, demand, period_days=1.0)
    assert found["served"] == pytest.approx(run.served)
    assert found["demand"] == pytest.approx(run.demand)
    assert found["average_stock"] == pytest.approx(run.stock)
    assert past.delivered() == pytest.approx(run.trace.received)
    course = actual_course(shop, past, demand, groups)
    for name in ("stock_value", "demand", "served"):
        assert getattr(course, name) == pytest.approx(getattr(run.course, name))
