"""Stock on hand in the long run and the time between orders, against a simulation of the levels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES
from replenishment.core import leadtime
from replenishment.core.items import Items
from replenishment.core.policy import drafted
from replenishment.core.simulate import Schedule, simulate
from tests.core.test_plan_service import HORIZON, LAWS, cases, demand_of

PERIODS, WARM_UP = 6000, 300


def test_it_foresees_the_stock_and_the_orders_of_a_simulation() -> None:
    items, demand, laws = cases()
    found = drafted(items, demand).levels
    rng = np.random.default_rng(5)
    days = np.column_stack([LAWS[name][1](rng, PERIODS) for name in laws]).astype(np.float64)
    lead = leadtime.drawn(items.unique_id, items.lead_time_mean, items.lead_time_sd, 1.0, PERIODS, seed=5)
    schedule = Schedule(
        np.zeros(1), found.reorder_point[None], found.order_up_to[None], np.full((1, len(items)), np.inf)
    )
    run = simulate(items, days, schedule, lead, period_days=1.0, warm_up=WARM_UP)
    demanded = run.demand / (PERIODS - WARM_UP)
    off = np.abs(found.stock - run.stock) / np.maximum(run.stock, demanded * 7)
    assert off.max() < 0.09
    assert np.median(off) < 0.02
    between = (PERIODS - WARM_UP) / run.orders
    # Lumpy demand in units of a few customers: the chance of a review without any is least certain.
    assert np.abs(found.order_days / between - 1).max() < 0.18
    assert np.median(np.abs(found.order_days / between - 1)) < 0.02


def test_it_gives_the_textbook_stock_of_base_stock_and_backorders() -> None:
    """Snyder and Shen, section 4.3.4: E[(S - D(L + 1))+], reviewed every day."""
    items = Items.from_frame(
        pl.DataFrame({"unique_id": ["a"], "on_hand": [0.0], "lead_time_mean": [4.0], "review_days": [1.0],
                      "unmet": ["backorder"], "target_kind": ["cycle"], "order_multiple": [0.001]})
    )  # fmt: skip
    law = stats.norm(50 * 5, 8 * np.sqrt(5))
    steps = np.arange(1, HORIZON + 1)[:, None]
    cube = stats.norm(50 * steps, 8 * np.sqrt(steps)).ppf(QUANTILES)
    found = drafted(items, demand_of(["a"], np.array([50.0]), cube[None])).levels
    level = found.reorder_point[0]
    exact = law.expect(lambda x: level - x, lb=0, ub=level)
    assert found.stock[0] == pytest.approx(exact, rel=0.01)
    assert found.order_days[0] == pytest.approx(1.0, rel=1e-6)
    assert found.cycle_stock[0] == pytest.approx(0.0, abs=1e-6)


def test_it_holds_nothing_of_what_is_not_bought_again() -> None:
    items, demand, _ = cases()
    columns = {"unique_id": items.unique_id, "on_hand": 0.0, "max_stock": 0.0}
    found = drafted(Items.from_frame(pl.DataFrame(columns)), demand).levels
    assert not found.stock.any()
    assert np.isinf(found.order_days).all()
