"""The classic policies against their formulas, and that none of them sees what is yet to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.grid import Grid
from replenishment.core.classic import CLASSICS, Situation
from replenishment.core.classic.smoothing import PARAMETERS, smoothed
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.core.replay import lead_times
from replenishment.core.simulate import Schedule, simulate


def history(demand: Any, begin: int, freq: Any = "W") -> History:
    grid = Grid(freq)
    first = grid.index_floor(date(2024, 1, 1))
    demand = np.asarray(demand, dtype=float)
    names = [f"i{row}" for row in range(demand.shape[1])]
    return History(names, grid, grid.labels(first, first + len(demand) - 1), demand, begin)


def items(count: int, **terms: Any) -> Items:
    frame = pl.DataFrame({"unique_id": [f"i{row}" for row in range(count)], "on_hand": 5.0})
    filled = {"lead_time_mean": 14.0, "lead_time_sd": 0.0, "review_days": 7.0, **terms}
    return Items.from_frame(
        frame.with_columns(
            **{k: pl.Series(v) if isinstance(v, list) else pl.lit(v) for k, v in filled.items()}
        )
    )


def random_history(seed: int = 0, periods: int = 120, count: int = 12, begin: int = 60) -> History:
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.3, 8, count)
    demand = rng.negative_binomial(1.5, 1.5 / (1.5 + rate), (periods, count)).astype(float)
    demand[:30, 1] = np.nan  # starts late
    demand[:80, 2] = np.nan  # starts within the replay
    demand[40:44, 3] = np.nan  # unknown for a month
    return history(demand, begin)


def level(name: str, past: History, **terms: Any) -> Schedule:
    cover = terms.pop("cover_days", 21.0)
    own = items(len(past.unique_id), **terms)
    return CLASSICS[name](Situation(own, past, cover_days=cover))


def test_min_max_covers_the_lead_time_and_more_at_the_mean_of_half_a_year() -> None:
    past = random_history()
    made = level("minmax", past, cover_days=28.0)
    mean = past.demand[60 + 1 - 26 : 61, 0].mean()
    assert made.reorder_point[0, 0] == np.ceil((2 + 4) * mean)
    assert np.all(made.reorder_point[:, 0] == made.reorder_point[0, 0])
    # Without history nothing is known; the third item's first sale comes in period 80, the next quarter ends
    # in period 86.
    assert made.since.tolist() == [0, 13, 26, 39, 52]
    assert np.isnan(made.reorder_point[:2, 2]).all()
    assert np.all(made.reorder_point[2:, 2] == np.ceil(6 * past.demand[80:87, 2].mean()))
    later = level("minmax_refreshed", past, cover_days=28.0)
    assert later.reorder_point[1, 0] == np.ceil(6 * past.demand[60 + 14 - 26 : 60 + 14, 0].mean())


def test_safety_stock_is_z_sigma_root_of_lead_time_and_review() -> None:
    past = random_history()
    window = past.demand[60 + 5 - 12 : 60 + 6, 0]
    mean, sigma = window.mean(), window.std(ddof=1)
    z = stats.norm.ppf(0.98)
    made = level("moving_average", past, target=0.98, lead_time_sd=7.0)
    assert made.since[5] == 5
    assert made.reorder_point[5, 0] == np.ceil(3 * mean + z * sigma * np.sqrt(3))
    made = level("moving_average_lead_time", past, target=0.98, lead_time_sd=7.0)
    assert made.reorder_point[5, 0] == np.ceil(3 * mean + z * np.sqrt(3 * sigma**2 + mean**2))


def test_smoothing_takes_the_parameter_with_the_least_error_so_far() -> None:
    past = random_history()
    own = items(12)
    levels, sigmas = smoothed(Situation(own, past), np.array([0, 30]))
    for column in (0, 1, 3):
        for row, last in ((0, 60), (1, 90)):
            best = None
            for alpha in PARAMETERS:
                at, errors = np.nan, []
                for y in past.demand[: last + 1, column]:
                    if np.isnan(y):
                        continue
                    if np.isnan(at):
                        at = y
                        continue
                    errors.append(y - at)
                    at += alpha * (y - at)
                found = (float(np.mean(np.square(errors))), at)
                best = found if best is None or found[0] < best[0] else best
            assert best is not None
            assert sigmas[row, column] == pytest.approx(np.sqrt(best[0]))
            assert levels[row, column] == pytest.approx(best[1])


def test_the_bootstrap_resamples_demand_over_drawn_lead_times() -> None:
    steady = history(np.full((100, 2), 4.0), 60)
    assert np.all(level("bootstrap", steady, target=0.9).reorder_point == 12)
    rng = np.random.default_rng(1)
    past = history(rng.poisson(20, (200, 1)), 100)
    found = level("bootstrap", past, target=0.9, lead_time_sd=7.0).reorder_point[0, 0]
    shape = (14 / 7) ** 2
    weeks = np.round(rng.gamma(shape, 14 / shape, 20_000) / 7).astype(int) + 1
    year = past.demand[100 + 1 - 52 : 101, 0]
    sums = [rng.choice(year, size).sum() for size in weeks]
    assert found == pytest.approx(np.quantile(sums, 0.9), rel=0.06)


def test_the_daily_bootstrap_keeps_weekdays_together() -> None:
    weekend = np.tile([0, 0, 0, 0, 0, 10, 10], 80).astype(float)[:, None]
    past = history(weekend, 450, "D")
    assert np.all(level("bootstrap", past, target=0.99, lead_time_mean=7.0).reorder_point == 40)


def test_allocated_service_costs_least_where_stock_is_cheap() -> None:
    rng = np.random.default_rng(2)
    past = history(rng.poisson(20, (150, 40)), 100)
    cost = [1.0] * 20 + [20.0] * 20
    made = level("ses_allocated", past, unit_cost=cost, target=0.95)
    points = made.reorder_point[0]
    assert points[:20].min() > points[20:].max()
    run = simulate(
        items(40, unit_cost=cost), past.replayed, made, np.full((50, 40), 2), period_days=7.0, warm_up=5
    )
    assert run.served.sum() / run.demand.sum() == pytest.approx(0.96, abs=0.03)


@pytest.mark.parametrize("name", sorted(CLASSICS))
def test_levels_rise_with_what_is_asked_and_stay_in_bounds(name: str) -> None:
    past = random_history()
    low = level(name, past, target=0.8, cover_days=14.0, order_cost=1.0, lead_time_sd=3.0)
    high = level(name, past, target=0.97, cover_days=35.0, order_cost=1.0, lead_time_sd=3.0)
    known = np.isfinite(low.reorder_point)
    assert known[:, 0].all()
    assert np.all(high.reorder_point[known] >= low.reorder_point[known])
    assert np.all(low.order_up_to[known] >= low.reorder_point[known])
    assert np.all(low.reorder_point[known] % 1 == 0)
    never = level(name, past, max_stock=0.0)
    assert np.all(never.order_up_to[np.isfinite(never.order_up_to)] == -1)


@pytest.mark.parametrize("name", sorted(CLASSICS))
def test_levels_know_nothing_of_later_demand(name: str) -> None:
    past = random_history()
    changed = past.demand.copy()
    changed[85:] = changed[85:] * 7 + 3
    before = level(name, past, lead_time_sd=3.0)
    after = level(name, replace(past, demand=changed), lead_time_sd=3.0)
    early = before.since < 25
    assert np.array_equal(before.reorder_point[early], after.reorder_point[early], equal_nan=True)
    assert np.array_equal(before.order_up_to[early], after.order_up_to[early], equal_nan=True)
    assert name == "minmax" or not np.array_equal(before.reorder_point, after.reorder_point, equal_nan=True)


@pytest.mark.parametrize("name", sorted(CLASSICS))
def test_an_item_does_not_depend_on_the_order_of_the_others(name: str) -> None:
    past = random_history()
    own = items(12, lead_time_sd=5.0)
    order = np.random.default_rng(3).permutation(12)
    runs = []
    for chosen in (np.arange(12), order):
        mine, history_ = own.take(chosen), past.take(chosen)
        made = CLASSICS[name](Situation(mine, history_))
        lead = lead_times(mine, history_)
        runs.append(simulate(mine, history_.replayed, made, lead, period_days=7.0))
    assert np.allclose(runs[0].served[order], runs[1].served)
    assert np.allclose(runs[0].stock[order], runs[1].stock)
