"""Compiled arithmetic against its slow twins in numpy, over items of all kinds."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core import blocks as blocks_module
from replenishment.core import levels as levels_module
from replenishment.core.exchange import shared
from replenishment.core.items import Items
from replenishment.core.levels import Levels, levels
from tests.core.slow import counts, cycle, exchange, service, spread

COUNT, HORIZON = 240, 40


def drawn() -> tuple[Items, DemandDistribution]:
    """Items of every kind of target, cycle and lead time, with smooth and slow demand."""
    rng = np.random.default_rng(4)
    steps = np.arange(1, HORIZON + 1)[:, None]
    cumulative, mean = np.empty((COUNT, HORIZON, len(QUANTILES))), np.empty((COUNT, HORIZON))
    for row in range(COUNT):
        if row % 3 == 0:
            rate = rng.uniform(0.02, 0.6)
            size = rate * rng.uniform(0.3, 3)
            cumulative[row] = stats.nbinom.ppf(QUANTILES, size * steps, size / (size + rate))
        else:
            rate, shape = rng.lognormal(1, 1), rng.uniform(0.1, 8)
            cumulative[row] = stats.gamma.ppf(QUANTILES, shape * steps, scale=rate / shape)
        mean[row] = rate
    names = [f"i{row}" for row in range(COUNT)]
    demand = DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=mean,
        quantiles=np.repeat(cumulative[:, :1], HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(cumulative, axis=1),
    )
    pick = rng.choice
    columns: dict[str, Any] = {
        "unique_id": names,
        "on_hand": rng.uniform(0, 50, COUNT),
        "unit_cost": rng.lognormal(1, 1, COUNT),
        "order_cost": pick([0.0, 0.0, 1.0, 8.0], COUNT),
        "lead_time_mean": pick([0.0, 2.0, 7.0, 10.0, 45.0], COUNT),
        "lead_time_sd": pick([0.0, 0.0, 3.0], COUNT),
        "review_days": pick([1.0, 7.0], COUNT),
        "moq": pick([0.0, 0.0, 10.0, 70.0], COUNT),
        "order_multiple": pick([1.0, 1.0, 6.0, 0.25], COUNT),
        "max_stock": pick([np.nan, np.nan, 25.0], COUNT),
        "target_kind": pick(["fill", "cycle", "economic"], COUNT),
        "target": pick([0.8, 0.95, 0.99], COUNT),
        "unmet": pick(["lost", "backorder"], COUNT),
    }
    return Items.from_frame(pl.DataFrame(columns).with_columns(pl.col("max_stock").fill_nan(None))), demand


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> tuple[Items, Levels, Levels]:
    """Levels by the compiled functions and by their twins."""
    items, demand = drawn()
    found = levels(items, demand, np.arange(COUNT))
    for name, twin in {
        "Spread": spread.Spread,
        "mixed": spread.mixed,
        "Counts": counts.Counts,
        "cycles": cycle,
        "Model": service.Model,
    }.items():
        for module in (blocks_module, levels_module):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, twin)
    monkeypatch.setattr("replenishment.core.sharing.Spread", spread.Spread)
    monkeypatch.setattr("replenishment.core.counts.fitted", counts.fitted)
    return items, found, levels(items, demand, np.arange(COUNT))


def test_it_sets_the_levels_that_plain_arithmetic_sets(both: tuple[Items, Levels, Levels]) -> None:
    items, found, slow = both
    whole = items.order_multiple >= 1
    # Mixtures of lead times sort values of which some are equal: in which order is left open.
    random = (items.lead_time_sd > 0) & (items.lead_time_mean > 0)
    for name in ("reorder_point", "order_up_to"):
        fast, plain = getattr(found, name), getattr(slow, name)
        assert np.array_equal(fast[whole & ~random], plain[whole & ~random])
        np.testing.assert_allclose(fast[~random], plain[~random], rtol=2e-6, atol=2e-6)
        assert np.abs(fast - plain).max() <= 1
        assert np.mean(np.abs(fast - plain)[random] < 1e-4) > 0.95
    for name in ("fill_rate", "cycle_service"):
        fast, plain = getattr(found, name), getattr(slow, name)
        np.testing.assert_allclose(fast[whole & ~random], plain[whole & ~random], atol=1e-6)
        np.testing.assert_allclose(fast, plain, atol=1e-3)


def test_it_reads_the_same_loss_from_a_distribution(both: tuple[Items, Levels, Levels]) -> None:
    _, found, slow = both
    at = slow.demand.points(24) + 0.37
    for fast, plain in zip(found.demand.losses(at), slow.demand.losses(at), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-9 * plain.max())
    np.testing.assert_allclose(found.demand.deviation, slow.demand.deviation, rtol=1e-9)
    level = np.linspace(0, 1, COUNT)
    np.testing.assert_allclose(found.demand.quantile(level), slow.demand.quantile(level), rtol=1e-9)


def test_it_shares_out_service_as_plain_bisection_does() -> None:
    rng = np.random.default_rng(8)
    points = np.cumsum(rng.exponential(2.0, (60, 25)), axis=1)
    ratios, fills = np.sort(rng.random((2, 60, 25)), axis=2)
    weight, (price, value) = rng.dirichlet(np.ones(60)), rng.lognormal(0, 2, (2, 60))
    whole = np.arange(60) % 2 == 0
    for goal in (0.3, 0.8, 0.95):
        found = shared(points, ratios, fills, weight, price, value, whole, goal)
        np.testing.assert_allclose(
            found, exchange.shared(points, ratios, fills, weight, price, value, whole, goal), rtol=1e-6
        )
