"""What the engine promises on stationary demand against what its replay gets, and how it shares service."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from forecasting.core.grid import Grid
from replenishment.core import leadtime
from replenishment.core.counts import Counts
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.core.replay import ENGINE, forecast_schedules, lead_times
from replenishment.core.sharing import RATIOS, shared_points
from replenishment.core.simulate import simulate
from replenishment.core.spread import Spread
from replenishment.core.tails import pinned

HORIZON, WARM_UP, PERIODS = 14, 60, 2500
# Weekly rate and size of a negative binomial: slow, smooth, erratic, lumpy.
KINDS = ((0.5, 0.5), (10.0, 8.0), (20.0, 1.0), (5.0, 0.4))
LEADS = ((7.0, 0.0), (14.0, 4.9), (28.0, 9.8))


def world(unmet: str, kind: str) -> tuple[Items, History, DemandDistribution]:
    """Every kind of demand with every lead time, with and without MOQ and packs."""
    rows = [(*k, *lead, lot) for k in KINDS for lead in LEADS for lot in (0.0, 1.5)]
    rate, size, lead, sd, lot = (np.array(column) for column in zip(*rows, strict=True))
    names = [f"i{row}" for row in range(len(rows))]
    steps = np.arange(1, HORIZON + 1)
    chance = (size / (size + rate))[:, None, None]
    cube = stats.nbinom.ppf(np.array(QUANTILES), size[:, None, None] * steps[:, None], chance)
    grid = Grid("W")
    first = grid.index(date(2024, 1, 1))
    demand = DemandDistribution(
        unique_id=names,
        as_of=grid.label(first - 1),
        freq="W",
        ds=grid.labels(first, first + HORIZON - 1),
        mean=np.repeat(rate[:, None], HORIZON, axis=1),
        quantiles=np.repeat(cube[:, :1], HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(cube, axis=1),
    )
    frame = pl.DataFrame(
        {
            "unique_id": names,
            "on_hand": np.ceil(rate * 5),
            "lead_time_mean": lead,
            "lead_time_sd": sd,
            "moq": np.round(lot * rate),
            "order_multiple": np.where(lot > 0, 6.0, 1.0),
            "unmet": unmet,
            "target_kind": kind,
        }
    )
    rng = np.random.default_rng(0)
    sold = rng.negative_binomial(size, size / (size + rate), (PERIODS, len(rows))).astype(float)
    history = History(names, grid, grid.labels(first, first + PERIODS - 1), sold, 0)
    return Items.from_frame(frame), history, demand


@pytest.mark.parametrize("unmet", ["lost", "backorder"])
@pytest.mark.parametrize("kind", ["fill", "cycle", "overall"])
def test_it_gets_the_service_that_it_promises(unmet: str, kind: str) -> None:
    items, history, demand = world(unmet, kind)
    made = forecast_schedules(items, history, [demand], [ENGINE])[ENGINE]
    lead = lead_times(items, history)
    run = simulate(items, history.replayed, made, lead, period_days=7.0, warm_up=WARM_UP)
    assert made.fill is not None
    assert made.cycle is not None
    if kind == "overall":  # what is promised is the group's; single items may be far below the target
        total = run.demand.sum()
        assert run.served.sum() / total == pytest.approx(run.demand @ made.fill[0] / total, abs=0.02)
        assert run.served.sum() / total == pytest.approx(0.95, abs=0.02)
        return
    off = np.abs(run.served / run.demand - made.fill[0])
    assert np.mean(off < 0.02) > 0.85
    assert off.max() < 0.05
    if kind == "cycle":
        off = np.abs(run.clean / run.cycles - made.cycle[0])
        assert np.mean(off < 0.02) > 0.75
        assert off.max() < 0.05


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
