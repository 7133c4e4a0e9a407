"""The quantile forest, and its share in the published distribution."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from forecasting.core import scores
from forecasting.core.backtest import Backtest, Fold, FoldQuantiles
from forecasting.core.choose import OVERALL
from forecasting.core.distribution import QUANTILES
from forecasting.core.features import Level
from forecasting.core.mix import QuantileMix, mix_fit, mixed
from forecasting.core.models import ModelSettings, TrainingData
from forecasting.core.models.forest import QuantileForest, _leaf_quantiles
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast, update
from forecasting.core.spec import ForecastSpec

Array = npt.NDArray[Any]

MONDAY = date(2022, 1, 3)
PERIODS, HORIZON = 104, 4


def lumpy(count: int, periods: int, seed: int = 3) -> Array:
    """(N, T) units: most weeks nothing, then a few or many; every series has a level of its own."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(1.5, 4.0, (count, 1)) + 1
    sizes: Array = rng.poisson(rng.gamma(0.8, level / 0.8, (count, periods)))
    return sizes * (rng.random((count, periods)) < 0.4)


def frame(y: Array) -> pl.DataFrame:
    count, periods = y.shape
    return pl.DataFrame(
        {
            "unique_id": np.repeat([f"s{number:04d}" for number in range(count)], periods),
            "ds": [MONDAY + timedelta(days=7 * k) for k in range(periods)] * count,
            "y": y.astype(float).ravel(),
        }
    )


@cache
def grown() -> tuple[TrainingData, QuantileForest, Array]:
    y = lumpy(400, PERIODS + HORIZON)
    as_of = MONDAY + timedelta(days=7 * (PERIODS - 1))
    panel = panel_from_frame(frame(y[:, :PERIODS]), as_of=as_of, freq="W", horizon=HORIZON)
    data = TrainingData(panel, horizon=HORIZON, settings=ModelSettings(rows=30_000))
    return data, QuantileForest(data.settings).fit(data, PERIODS), y[:, PERIODS:]


def test_a_leaf_holds_the_weighted_quantiles_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    leaf, y, weight = rng.integers(0, 5, 300), rng.poisson(3, 300), rng.random(300) + 0.1
    leaf[leaf == 3] = 4  # a leaf without rows
    rising = np.argsort(y)
    found = _leaf_quantiles(leaf[rising], y[rising], weight[rising], 6)
    for number in range(6):
        rows = np.flatnonzero(leaf == number)
        if not len(rows):
            assert not found[number].any()
            continue
        rows = rows[np.argsort(y[rows], kind="stable")]
        share = np.cumsum(weight[rows]) / weight[rows].sum()
        expected = [y[rows[int(np.argmax(share >= level - 1e-12))]] for level in QUANTILES]
        assert np.array_equal(found[number], expected)


def test_it_covers_demand_that_it_has_not_seen_per_period_and_cumulative() -> None:
    data, forest, actual = grown()
    quantiles = forest.predict_quantiles(data, PERIODS)
    assert quantiles is not None
    for level in (0.75, 0.9, 0.95):
        for values, truth in zip(quantiles, (actual, np.cumsum(actual, axis=1)), strict=True):
            miss = scores.coverage_miss(values[:, :, QUANTILES.index(level)], truth, level)
            assert abs(miss) < 0.03


def test_it_beats_the_quantiles_of_each_series_own_past_on_lumpy_demand() -> None:
    data, forest, actual = grown()
    quantiles = forest.predict_quantiles(data, PERIODS)
    assert quantiles is not None
    past = data.panel.y[-52:].T
    own = np.repeat(np.quantile(past, QUANTILES, axis=1).T[:, None, :], HORIZON, axis=1)
    scale, _ = scores.naive_scales(data.panel.y.T)
    assert scores.pinball(quantiles[0], actual, QUANTILES, scale) < scores.pinball(
        own, actual, QUANTILES, scale
    )


def test_it_says_nothing_of_a_panel_too_small_to_learn_from() -> None:
    panel = panel_from_frame(
        frame(lumpy(3, 20)), as_of=MONDAY + timedelta(days=7 * 19), freq="W", horizon=HORIZON
    )
    data = TrainingData(panel, horizon=HORIZON, settings=ModelSettings())
    forest = QuantileForest(data.settings).fit(data, 20)
    assert forest.predict_quantiles(data, 20) is None
    assert np.isfinite(forest.predict(data, 20)).all()


# --- its share


def fold(actual: Array) -> Fold:
    count = len(actual)
    ones = np.ones(count)
    return Fold(0, actual, ones, ones, ones, Level(ones, ones, ones, ones, ones > 0))


def poisson_quantiles(rate: Array, horizon: int) -> FoldQuantiles:
    from scipy.stats import poisson

    steps = np.arange(1, horizon + 1)
    period = poisson.ppf(np.array(QUANTILES), np.broadcast_to(rate[:, None, None], (len(rate), horizon, 1)))
    cumulative = poisson.ppf(np.array(QUANTILES), (rate[:, None] * steps)[..., None])
    return FoldQuantiles(period.astype(np.float32), cumulative.astype(np.float32))


@pytest.mark.parametrize("right", ["own", "other"])
def test_the_share_goes_to_whoever_knows_the_demand(right: str) -> None:
    rng = np.random.default_rng(7)
    count, horizon = 300, 4
    rate = rng.gamma(2, 3, count) + 1
    actual = rng.poisson(rate[:, None], (count, horizon)).astype(np.float32)
    true, wrong = poisson_quantiles(rate, horizon), poisson_quantiles(2.5 * rate, horizon)
    own, other = (true, wrong) if right == "own" else (wrong, true)
    tested = Backtest(
        [fold(actual)] * 2,
        {},
        np.ones(count, dtype=bool),
        {"forest": [(other.period, other.cumulative)] * 2},
    )
    everything = {OVERALL: np.ones(count, dtype=bool)}
    mix, published = mix_fit(tested, [own] * 2, "forest", everything, [OVERALL] * count, QUANTILES)
    assert mix.shares[OVERALL] == ((0.0, 0.0) if right == "own" else (1.0, 1.0))
    assert mix.used is (right == "other")
    assert np.array_equal(published[0].period, np.ceil(true.period - 0.5))


def test_a_series_takes_the_shares_of_the_finest_segment_that_has_some() -> None:
    mix = QuantileMix("forest", {OVERALL: (0.25, 0.5), "lumpy": (1.0, 0.75)})
    period, cumulative = mix.of(["lumpy A", "smooth", "overall"])
    assert period.tolist() == [1.0, 0.25, 0.25]
    assert cumulative.tolist() == [0.75, 0.5, 0.5]


def test_width_stretches_the_others_spread_about_its_median() -> None:
    other = np.arange(9, dtype=np.float32)[None, None, :]
    wide = mixed(np.zeros_like(other), other, np.ones(1, dtype=np.float32), width=2.0)
    assert wide[0, 0].tolist() == [-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]


def test_a_run_tells_its_shares_and_an_update_keeps_them() -> None:
    y = lumpy(120, 91)
    panel = frame(y)
    spec = ForecastSpec(freq="W", horizon=HORIZON, models=("moving_average", "forest"), rows=10_000)
    result = forecast(
        panel.filter(pl.col("ds") < MONDAY + timedelta(days=630)),
        as_of=MONDAY + timedelta(days=7 * 89),
        spec=spec,
    )
    assert result.report["mix"]["model"] == "forest"
    assert result.artifact.mix.used
    assert set(result.model) == {"moving_average"}  # its part is in the quantiles, not in the mean
    later = update(panel, as_of=MONDAY + timedelta(days=7 * 90), artifact=result.artifact)
    assert later.artifact.mix.shares == result.artifact.mix.shares
    assert later.distribution.quantiles.shape == (120, HORIZON, len(QUANTILES))
