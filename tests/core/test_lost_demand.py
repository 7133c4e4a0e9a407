"""Lost demand: textbook answers, and a made shop where the truth is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import gamma

from benchmarks.lost_demand import shop
from forecasting.core.lost_demand import (
    behaviour_summarise,
    change_estimate,
    dispersion_of,
    lost_estimate,
    rates_estimate,
)


def test_it_finds_what_was_truly_lost_and_says_how_surely() -> None:
    days, truth = shop()
    found = behaviour_summarise(days, window=56, recent=28).join(truth, on="unique_id")
    assert found["out_days"].to_list() == found["out"].to_list()
    hit = found.filter(pl.col("out") > 0)
    lost, estimate, low, high, usual = (
        hit[name].cast(pl.Float64).to_numpy()
        for name in ("lost", "lost_units", "lost_low", "lost_high", "usual")
    )
    assert estimate.sum() == pytest.approx(lost.sum(), rel=0.03)
    assert 0.86 <= ((lost >= np.floor(low)) & (lost <= np.ceil(high))).mean() <= 0.99
    assert np.abs(estimate - lost).sum() < 0.75 * np.abs(usual - lost).sum()
    assert found.filter(pl.col("out") == 0)["lost_units"].sum() == 0


def test_it_is_the_gamma_poisson_posterior() -> None:
    """By hand: equal items have a prior of a tenth of the mean's spread, shape 100."""
    units, looks = np.array([50.0, 50.0]), np.array([1_000.0, 1_000.0])
    rates = rates_estimate(units, looks, np.array([0, 0]))
    shape, rate = 100 + 50, 100 / 0.05 + 1_000
    assert rates.mean == pytest.approx([shape / rate] * 2)
    assert rates.low == pytest.approx([gamma.ppf(0.05, shape, scale=1 / rate)] * 2)
    mean, low, high = lost_estimate(rates, np.array([200.0, 0.0]), np.array([4.0, 0.0]), np.zeros(2))
    variance = 10 + 200**2 * shape / rate**2
    assert mean == pytest.approx([6, 0])
    assert high[0] == pytest.approx(gamma.ppf(0.95, 100 / variance, scale=variance / 10) - 4)
    assert low[1] == high[1] == 0


def test_it_leans_on_the_group_where_an_item_tells_little() -> None:
    units = np.array([90.0, 110.0, 0.0, 1_000.0])
    looks = np.array([1_000.0, 1_000.0, 2.0, 1_000.0])
    rates = rates_estimate(units, looks, np.array([0, 0, 0, 1]))
    assert rates.mean[2] == pytest.approx(0.1, rel=0.05)
    assert rates.mean[3] > 0.8
    spread = (rates.high - rates.low) / rates.mean
    assert spread[2] > 1.3 * spread[0]


def test_it_counts_a_request_as_a_unit_at_least() -> None:
    rates = rates_estimate(np.array([5.0]), np.array([1_000.0]), np.array([0]))
    mean, low, high = lost_estimate(rates, np.array([10.0]), np.array([0.0]), np.array([3.0]))
    assert (mean[0], high[0] >= 3, low[0] < 1) == (3.0, True, True)


def test_it_says_nothing_of_a_shop_without_looks() -> None:
    rates = rates_estimate(np.array([5.0]), np.array([0.0]), np.array([0]))
    assert np.isnan(rates.mean).all()
    days = shop(items=3)[0].with_columns(views=pl.lit(0), carts=pl.lit(0))
    found = behaviour_summarise(days, window=56, recent=28)
    assert found["conversion"].null_count() == 3
    assert found["interest_change"].null_count() == 3


def test_it_counts_carts_where_nobody_counts_views() -> None:
    days, truth = shop()
    found = behaviour_summarise(
        days.with_columns(views=pl.lit(0, dtype=pl.Int64)), window=56, recent=28
    ).join(truth, on="unique_id")
    assert found["lost_units"].sum() == pytest.approx(truth["lost"].sum(), rel=0.15)


def test_it_measures_overdispersion() -> None:
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(50), 100)
    looks = np.full(5_000, 20.0)
    assert dispersion_of(rng.poisson(2.0, 5_000).astype(float), looks, item, 50) == pytest.approx(1, abs=0.08)
    lumpy = 3.0 * rng.poisson(2.0 / 3, 5_000).astype(float)
    assert dispersion_of(lumpy, looks, item, 50) == pytest.approx(3, rel=0.1)


def test_it_tells_a_change_from_noise() -> None:
    rng = np.random.default_rng(2)
    before = rng.poisson(100, 2_000).astype(float)
    same, doubled = rng.poisson(100, 2_000).astype(float), rng.poisson(200, 2_000).astype(float)
    _ratio, low, high = change_estimate(before, same)
    assert ((low <= 1) & (high >= 1)).mean() == pytest.approx(0.9, abs=0.02)
    ratio, low, _high = change_estimate(before, doubled)
    assert np.median(ratio) == pytest.approx(2, rel=0.02)
    assert (low > 1).mean() > 0.99
    # Twice the sales of twice the views: no change of conversion.
    ratio, low, high = change_estimate(before, doubled, exposure=(np.full(2_000, 10.0), np.full(2_000, 20.0)))
    assert ((low <= 1) & (high >= 1)).mean() == pytest.approx(0.9, abs=0.02)
    ratio, _low, _high = change_estimate(np.array([0.0]), np.array([5.0]))
    assert np.isnan(ratio[0])
