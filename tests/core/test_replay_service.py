"""What the engine promises on stationary demand against what its replay gets, and how it shares service."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import PERIOD_DAYS, QUANTILES, DemandDistribution, Freq
from forecasting.core.grid import Grid
from replenishment.core import leadtime
from replenishment.core.counts import Counts
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.core.replay import ENGINE, forecast_schedules, lead_times
from replenishment.core.sharing import RATIOS, kept, shared_points
from replenishment.core.simulate import Run, simulate
from replenishment.core.spread import Spread
from replenishment.core.tails import pinned

WARM_UP, PERIODS = 60, 2500
# Rate of a period and size of a negative binomial: smooth, erratic, intermittent, lumpy.
KINDS = ((30.0, 30.0), (20.0, 1.0), (0.3, 0.6), (2.0, 0.15))
# Horizon; lead time, its deviation and review, in days.
TIMES: dict[Freq, tuple[int, tuple[tuple[float, float, float], ...]]] = {
    "D": (60, ((3, 0, 1), (7, 0, 7), (14, 4, 7), (21, 7, 1))),
    "W": (16, ((7, 0, 7), (14, 4.9, 7), (28, 9.8, 7), (28, 9.8, 14))),
    "M": (12, ((30, 0, 30), (60, 0, 30), (75, 20, 30))),
}


def world(freq: Freq, unmet: str, kind: str) -> tuple[Items, History, DemandDistribution, Any]:
    """Every kind of demand with its true quantiles, every lead time, with and without lots; and the kinds."""
    horizon, times = TIMES[freq]
    rows = [(*k, *time, lot) for k in KINDS for time in times for lot in (0.0, 2.0)]
    rate, size, lead, sd, review, lot = (np.array(column) for column in zip(*rows, strict=True))
    names = [f"i{row}" for row in range(len(rows))]
    steps = np.arange(1, horizon + 1)
    chance = (size / (size + rate))[:, None, None]
    cube = stats.nbinom.ppf(np.array(QUANTILES), size[:, None, None] * steps[:, None], chance)
    grid = Grid(freq)
    first = grid.index(date(2024, 1, 1))
    demand = DemandDistribution(
        unique_id=names,
        as_of=grid.label(first - 1),
        freq=freq,
        ds=grid.labels(first, first + horizon - 1),
        mean=np.repeat(rate[:, None], horizon, axis=1),
        quantiles=np.repeat(cube[:, :1], horizon, axis=1),
        cum_quantiles=np.maximum.accumulate(cube, axis=1),
    )
    frame = pl.DataFrame(
        {
            "unique_id": names,
            "on_hand": np.ceil(rate * 5),
            "lead_time_mean": lead,
            "lead_time_sd": sd,
            "review_days": review,
            "moq": np.round(lot * rate * np.maximum(review / PERIOD_DAYS[freq], 1)),
            "order_multiple": np.where(lot > 0, 6.0, 1.0),
            "unmet": unmet,
            "target_kind": kind,
        }
    )
    rng = np.random.default_rng(0)
    sold = rng.negative_binomial(size, size / (size + rate), (PERIODS, len(rows))).astype(float)
    history = History(names, grid, grid.labels(first, first + PERIODS - 1), sold, 0)
    return Items.from_frame(frame), history, demand, np.repeat(np.arange(len(KINDS)), len(times) * 2)


def replayed(items: Items, history: History, demand: DemandDistribution) -> tuple[Run, Any, Any]:
    """What a replay gives, with the fill rate and the cycle service that the engine's levels promise."""
    made = forecast_schedules(items, history, [demand], [ENGINE])[ENGINE]
    lead = lead_times(items, history)
    days = PERIOD_DAYS[demand.freq]
    run = simulate(items, history.replayed, made, lead, period_days=days, warm_up=WARM_UP)
    assert made.fill is not None
    assert made.cycle is not None
    return run, made.fill[0], made.cycle[0]


@pytest.mark.parametrize("freq", ["D", "W", "M"])
@pytest.mark.parametrize("unmet", ["lost", "backorder"])
def test_demand_of_every_kind_gets_the_service_that_is_promised(freq: Freq, unmet: str) -> None:
    for kind in ("fill", "cycle"):
        items, history, demand, group = world(freq, unmet, kind)
        run, fill, cycle = replayed(items, history, demand)
        got_fill, got_cycle = run.served / run.demand, run.clean / run.cycles
        for own, (rate, size) in enumerate(KINDS):
            mine, lumpy = group == own, size < 0.5
            within = 0.025 if lumpy else 0.02  # nine quantiles say little of lumps
            assert got_fill[mine].mean() == pytest.approx(fill[mine].mean(), abs=within), (kind, own)
            if kind == "cycle":
                assert got_cycle[mine].mean() == pytest.approx(cycle[mine].mean(), abs=within), own
                # whole units force more where demand is slow
                assert 0.93 <= got_cycle[mine].mean() <= (0.98 if rate < 1 or lumpy else 0.97), own
        off = np.abs(got_fill - fill) if kind == "fill" else np.abs(got_cycle - cycle)
        assert off.max() < 0.065
        assert np.mean(off < 0.02) > (0.75 if kind == "fill" else 0.5)


@pytest.mark.parametrize("unmet", ["lost", "backorder"])
def test_a_group_gets_the_service_that_is_promised_together(unmet: str) -> None:
    items, history, demand, _ = world("W", unmet, "overall")
    run, fill, _ = replayed(items, history, demand)
    total = run.demand.sum()  # single items may be far below the target
    assert run.served.sum() / total == pytest.approx(run.demand @ fill / total, abs=0.02)
    assert run.served.sum() / total == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("unmet", ["lost", "backorder"])
def test_wide_cycles_get_the_service_that_is_promised(unmet: str) -> None:
    """EOQ of up to 200 days' demand, reviewed each day."""
    for kind in ("fill", "cycle"):
        items, history, demand, _ = world("D", unmet, kind)
        days = np.tile([5.0, 20.0, 60.0, 200.0], len(items) // 4)
        rate = demand.mean[:, 0]
        order_cost = (days * rate) ** 2 * items.unit_cost * items.holding_rate / (2 * DAYS_PER_YEAR * rate)
        run, fill, cycle = replayed(replace(items, order_cost=order_cost), history, demand)
        assert np.abs(run.served / run.demand - fill).max() < 0.035
        if kind == "cycle":
            off, often = run.clean / run.cycles - cycle, run.cycles > 100
            assert abs(off.mean()) < 0.02
            assert np.abs(off[often]).max() < 0.07


def test_economic_levels_cost_no_more_than_any_others() -> None:
    """Reorder points a little or far above and below are not cheaper, by simulation."""
    items, history, demand, _ = world("W", "backorder", "economic")
    margin = np.tile([0.05, 0.4], len(items) // 2)
    items = replace(items, stockout_cost=margin, holding_rate=np.full(len(items), 1.0))
    made = forecast_schedules(items, history, [demand], [ENGINE])[ENGINE]
    lead = lead_times(items, history)
    costs = []
    for factor in (1.0, 0.7, 0.9, 1.1, 1.4):
        point = np.round(made.reorder_point * factor)
        moved = replace(made, reorder_point=point, order_up_to=point + made.order_up_to - made.reorder_point)
        run = simulate(items, history.replayed, moved, lead, period_days=7.0, warm_up=WARM_UP)
        held = run.stock * items.unit_cost * items.holding_rate * 7 / DAYS_PER_YEAR
        costs.append(held + (run.demand - run.served) * items.stockout_cost / (PERIODS - WARM_UP))
    assert costs[0].sum() <= 1.01 * min(cost.sum() for cost in costs)
    assert np.mean(costs[0] <= 1.05 * np.min(costs, axis=0)) > 0.8


def test_orders_that_arrive_together_make_one_receipt() -> None:
    count, gap = 4000, 2
    mean, sd = np.array([28.0]), np.array([9.8])
    time = leadtime.gamma(mean, sd, 7.0, np.array([float(gap)]))
    said = leadtime.merging(time, mean, sd, 7.0, np.array([[gap, gap]], dtype=float))
    drawn = leadtime.drawn(["a"], mean, sd, 7.0, count, seed=0)[::gap, 0]
    arrives = np.maximum.accumulate(np.arange(len(drawn)) * gap + drawn)
    assert said[0] == pytest.approx(np.mean(np.diff(arrives) == 0), abs=0.03)


@pytest.mark.parametrize("law", [stats.gamma(0.7, scale=30), stats.gamma(6, scale=5), stats.norm(200, 20)])
def test_service_is_shared_by_the_gamma_distribution_that_a_forecast_suggests(law: Any) -> None:
    spread = Spread.from_quantiles(law.ppf([QUANTILES]), QUANTILES, np.array([law.mean()]))
    points = shared_points(spread, np.array([law.mean()]))[0]
    for ratio in (0.5, 0.9, 0.99):
        level = np.interp(ratio, RATIOS, points)
        assert level == pytest.approx(law.ppf(ratio), rel=0.06)
    assert np.all(np.diff(points) >= 0)


@pytest.mark.parametrize(("shape", "reviews"), [(0.7, 1.0), (6.0, 4.0), (30.0, 2.0), (2.0, 0.0), (2.0, 60.0)])
def test_a_unit_that_is_left_before_the_goods_come_is_kept_with_the_chance_of_a_gamma_process(
    shape: float, reviews: float
) -> None:
    whole, mean = stats.gamma(shape, scale=10), np.array([10 * shape])
    spread = Spread.from_quantiles(whole.ppf([QUANTILES]), QUANTILES, mean)
    points, chances = shared_points(spread, mean)[0], kept(spread, mean, np.array([reviews]))[0]
    assert np.all(np.diff(chances) >= 0)
    lead = stats.gamma(max(shape * reviews / (reviews + 1), 1e-9), scale=10)
    begun = lead.cdf(points) if reviews else np.ones(len(points))
    usual = RATIOS > 0.5
    assert np.allclose(chances[usual], (whole.cdf(points) / begun)[usual], atol=0.03)


def test_a_thick_tail_of_one_item_does_not_take_the_stock_of_the_others() -> None:
    law = stats.gamma(2, scale=10)
    usual = law.ppf(QUANTILES)
    thick = usual.copy()
    thick[-2:] *= (1.3, 2.5)
    both = Spread.from_quantiles(np.array([usual, thick]), QUANTILES, np.array([20.0, 20.0]))
    points = shared_points(both, np.array([20.0, 20.0]))
    assert np.allclose(points[0], points[1], rtol=0.02)


def test_slow_movers_are_shared_by_their_own_quantile() -> None:
    counts = Counts.negative_binomial(np.array([0.05, 0.4, 4.0]), np.array([1.0, 2.0, 1.2]))
    points = shared_points(counts, np.array([0.05, 0.4, 4.0]))
    assert np.all(np.isfinite(points))
    assert np.all(np.diff(points, axis=1) >= 0)
    assert np.interp(0.9, RATIOS, points[2]) == pytest.approx(7.0, abs=0.3)
    assert points[0, RATIOS > 0.9999].max() > 1


def test_tails_are_thinned_to_the_forecast_mean() -> None:
    quantiles = np.array([[0, 5, 10, 20, 40, 80, 150, 250, 700.0]] * 2)
    spread = Spread.from_quantiles(quantiles, QUANTILES, np.array([68.0, 200.0]))
    mean = np.array([0.93 * spread.mean[0], 200.0])
    thin = pinned(spread, mean)
    assert thin.mean[0] == pytest.approx(1.02 * mean[0] + 0.5)
    assert np.array_equal(thin.knots[1], spread.knots[1])  # its mean is below the one forecast
    for level in (0.5, 0.9, 0.95):
        assert thin.quantile(np.full(2, level))[0] == spread.quantile(np.full(2, level))[0]
