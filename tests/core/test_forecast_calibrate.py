from __future__ import annotations

import numpy as np
import pytest

from forecasting.core import scores
from forecasting.core.calibrate import Calibrator, Outcome
from forecasting.core.distribution import QUANTILES
from forecasting.core.features import Level


def world(count: int, horizon: int, seed: int) -> Outcome:
    """Negative binomial demand around a mean that the model knows but for a factor per series.

    The factor is shared by all periods of a series, so cumulative errors grow faster than like a root.
    """
    rng = np.random.default_rng(seed)
    level = rng.gamma(1.0, 3.0, count) + 0.05
    truth = level * rng.lognormal(-0.08, 0.4, count)
    rate = rng.gamma(2.0, truth[:, None] / 2.0, (count, horizon))
    actual = rng.poisson(rate).astype(np.float32)
    mean = np.repeat(level[:, None], horizon, axis=1).astype(np.float32)
    deviation = np.sqrt(level + level**2 / 2)
    every = np.ones(count, dtype=bool)
    return Outcome(mean, actual, Level(level, deviation, np.full(count, 52.0), np.ones(count), every), every)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_it_covers_fresh_demand_as_often_as_it_says_per_period_and_cumulative(level: float) -> None:
    calibrator = Calibrator(QUANTILES).fit(world(1500, 6, seed=1))
    fresh = world(1500, 6, seed=2)
    period, cumulative = calibrator.predict(fresh.mean, fresh.level, fresh.counts)
    index = QUANTILES.index(level)
    assert abs(scores.coverage_miss(period[:, :, index], fresh.actual, level)) < 0.01
    total = np.cumsum(fresh.actual, axis=1)
    assert abs(scores.coverage_miss(cumulative[:, :, index], total, level)) < 0.01
    busy = fresh.level.scale > 4
    for h in (0, 5):
        miss = scores.coverage_miss(cumulative[busy][:, h, index], total[busy][:, h], level)
        assert abs(miss) < 0.03


def test_it_models_cumulative_demand_as_such_and_not_as_a_sum_of_quantiles() -> None:
    outcome = world(1500, 6, seed=1)
    period, cumulative = (
        Calibrator(QUANTILES).fit(outcome).predict(outcome.mean, outcome.level, outcome.counts)
    )
    busy = outcome.level.scale > 4
    summed = period[busy].sum(axis=1)[:, -2]
    independent = np.sqrt(((period[busy] - outcome.mean[busy][..., None]) ** 2).sum(axis=1))[:, -2]
    direct = cumulative[busy, -1, -2]
    total = outcome.mean[busy].sum(axis=1)
    assert (direct < summed).mean() > 0.95
    assert (direct - total).mean() > 1.05 * independent.mean()


def test_it_gives_back_the_median_of_its_errors_and_whole_rising_counts() -> None:
    fresh = world(400, 5, seed=4)
    period, cumulative = (
        Calibrator(QUANTILES).fit(world(800, 5, seed=3)).predict(fresh.mean, fresh.level, fresh.counts)
    )
    for quantiles in (period, cumulative):
        assert (quantiles >= 0).all()
        assert (np.diff(quantiles, axis=2) >= 0).all()
        np.testing.assert_array_equal(quantiles, np.rint(quantiles))
    assert (np.diff(cumulative, axis=1) >= 0).all()


def test_it_scales_with_the_unit_of_demand() -> None:
    outcome = world(600, 4, seed=5)
    calibrated = []
    for factor in (1.0, 1000.0):
        past = outcome.level
        level = Level(past.scale * factor, past.deviation * factor, past.known, past.busy, past.sold)
        own = Outcome(
            outcome.mean * factor, outcome.actual * factor, level, np.zeros(len(outcome.mean), dtype=bool)
        )
        calibrated.append(Calibrator(QUANTILES).fit(own).predict(own.mean, own.level, own.counts)[1])
    np.testing.assert_allclose(calibrated[1], calibrated[0] * 1000, rtol=2e-3, atol=1e-2)


def test_it_falls_back_to_a_gamma_where_nothing_was_held_out() -> None:
    calibrator = Calibrator(QUANTILES).fit(Outcome.empty(3))
    ones = np.ones(2)
    level = Level(np.array([4.0, 1.0]), np.array([3.0, 1.0]), ones, ones, ones > 0)
    mean = np.array([[4.0] * 3, [0.0] * 3], dtype=np.float32)
    period, cumulative = calibrator.predict(mean, level, np.zeros(2, dtype=bool))
    assert period[0, 0, 0] < 4 < period[0, 0, -1]
    assert not period[1].any()
    assert (np.diff(cumulative[0], axis=0) > 0).all()


def test_it_learns_nothing_from_series_that_never_sold() -> None:
    outcome = world(600, 4, seed=6)
    dead = 300
    scale = np.concatenate([outcome.level.scale, np.full(dead, 1e-6)])
    level = Level(
        scale,
        np.concatenate([outcome.level.deviation, np.full(dead, 1e-7)]),
        np.full(600 + dead, 52.0),
        np.repeat([1.0, 0.0], [600, dead]),
        np.arange(600 + dead) < 600,
    )
    mixed = Outcome(
        np.concatenate([outcome.mean, np.full((dead, 4), 1e-5, np.float32)]),
        np.concatenate([outcome.actual, np.zeros((dead, 4), np.float32)]),
        level,
        np.ones(600 + dead, dtype=bool),
    )
    _, cumulative = Calibrator(QUANTILES).fit(mixed).predict(mixed.mean, level, mixed.counts)
    assert cumulative[600:].max() == 0
    assert cumulative[:600].max() < 40 * scale.max()


def test_it_does_not_let_series_that_hardly_sell_widen_the_others() -> None:
    live = world(600, 6, seed=6)
    count = 4000
    tiny = np.full(count, 0.002)
    mean = np.repeat(tiny[:, None], 6, axis=1).astype(np.float32)
    every = np.ones(count, dtype=bool)
    hardly = Outcome(
        mean, np.zeros((count, 6), np.float32), Level(tiny, tiny, np.full(count, 52.0), tiny, every), every
    )
    alone = Calibrator(QUANTILES).fit(live)
    among = Calibrator(QUANTILES).fit(Outcome.concat([live, hardly]))
    fresh = world(300, 6, seed=7)
    for mine, theirs in zip(
        among.predict(fresh.mean, fresh.level, fresh.counts),
        alone.predict(fresh.mean, fresh.level, fresh.counts),
        strict=True,
    ):
        assert mine[..., -1].mean() == pytest.approx(theirs[..., -1].mean(), rel=0.25)
    assert not among.predict(hardly.mean, hardly.level, hardly.counts)[0][..., :-1].any()
