from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from forecasting.core.backtest import Backtest, Fold, bias_factors, unbiased
from forecasting.core.choose import NEEDED, Choice, choose, finest, segments_of
from forecasting.core.features import Level
from forecasting.core.pipeline import forecast, update
from forecasting.core.result import ForecastResult
from forecasting.core.spec import ForecastSpec
from tests.core.extras import needs_torch

COUNT, HORIZON = 120, 4


def backtest(errors: dict[str, float], *, folds: int = 3, noise: float = 0.3) -> Backtest:
    """Folds on which each model's means are off by independent noise and by a factor of its own."""
    rng = np.random.default_rng(5)
    ones = np.ones(COUNT)
    made: list[Fold] = []
    means: dict[str, list[np.ndarray]] = {name: [] for name in errors}
    for cut in range(folds):
        actual = rng.gamma(4.0, 2.0, (COUNT, HORIZON)).astype(np.float32)
        made.append(Fold(cut + 10, actual, ones, ones * 9, ones, Level(ones, ones, ones, ones, ones > 0)))
        for name, factor in errors.items():
            means[name].append((factor * actual * rng.lognormal(0, noise, actual.shape)).astype(np.float32))
    return Backtest(made, means, np.ones(COUNT, dtype=bool))


def everything() -> dict[str, np.ndarray]:
    return segments_of(["smooth"] * COUNT, ["A"] * COUNT, 30)


def test_it_blends_models_whose_errors_are_independent() -> None:
    choice: Choice = choose(backtest({"a": 1.0, "b": 1.0, "bad": 2.0}), everything(), ("a", "b", "bad"))
    assert choice.champion["overall"] == "a+b"


def test_it_keeps_the_incumbent_unless_the_challenger_is_clearly_better() -> None:
    tested = backtest({"a": 1.0, "b": 1.0})
    close = choose(tested, everything(), ("a", "b"), {"overall": "a+b"})
    assert close.champion["overall"] == "a+b"
    assert not close.decisions[0].switched
    far = choose(backtest({"a": 1.0, "b": 1.6}), everything(), ("a", "b"), {"overall": "b"})
    assert far.champion["overall"] != "b"
    decision = far.decisions[0]
    assert decision.switched
    assert decision.previous == "b"
    assert decision.difference is not None
    assert decision.difference < -NEEDED


def on_trial(seed: int, noise: float) -> Backtest:
    """Two models, and the deep one with errors that are as large, or smaller, and mostly another's."""
    tested = backtest({"a": 1.0, "b": 1.3})
    rng = np.random.default_rng(seed)
    own = [(mean * rng.lognormal(0, 0.03, mean.shape)).astype(np.float32) for mean in tested.means["a"]]
    if noise:
        own = [
            (fold.actual * rng.lognormal(0, noise, fold.actual.shape)).astype(np.float32)
            for fold in tested.folds
        ]
    return replace(tested, means=tested.means | {"deep": own})


def test_a_model_on_trial_never_gets_in_by_luck() -> None:
    # The same forecast with a little noise of its own: on some draws it comes out ahead.
    segments = {f"smooth {letter}": np.arange(COUNT) % 3 == at for at, letter in enumerate("ABC")}
    for seed in range(40):
        choice = choose(on_trial(seed, 0), everything() | segments, ("a", "b", "deep"))
        assert all("deep" not in name for name in choice.champion.values())


def test_a_model_on_trial_gets_in_where_it_is_surely_better_and_goes_where_it_no_longer_is() -> None:
    better = choose(on_trial(0, 0.1), everything(), ("a", "b", "deep"))
    assert "deep" in better.champion["overall"]
    assert better.decisions[0].challenger != better.champion["overall"]
    gone = choose(on_trial(0, 0), everything(), ("a", "b", "deep"), {"overall": "deep"})
    assert gone.champion["overall"] == "a"
    assert gone.decisions[0].previous == "deep"
    assert gone.decisions[0].switched


def test_it_forgets_an_incumbent_that_is_no_longer_there() -> None:
    choice = choose(backtest({"a": 1.0, "b": 3.0}), everything(), ("a", "b"), {"overall": "gone"})
    assert choice.champion["overall"] == "a"
    assert not choice.decisions[0].switched


def test_it_takes_the_finest_segment_that_has_a_champion() -> None:
    found = segments_of(["smooth"] * 60 + ["lumpy"] * 10, ["A"] * 40 + ["B"] * 30, 30)
    assert set(found) == {"overall", "smooth", "smooth A"}
    champion = dict.fromkeys(found, "a")
    assert finest(["smooth", "smooth", "lumpy"], ["A", "B", "A"], champion) == [
        "smooth A",
        "smooth",
        "overall",
    ]


def test_it_corrects_a_bias_that_all_folds_agree_on_and_leaves_one_that_they_do_not() -> None:
    tested = backtest({"low": 0.85, "right": 1.0})
    factors = bias_factors(tested)
    assert factors["low"] == pytest.approx(1 / 0.85 / np.exp(0.3**2 / 2), rel=0.03)
    turning = backtest({"x": 1.0})
    for fold, factor in enumerate((0.8, 1.25, 1.0)):
        turning.means["x"][fold] *= factor
    assert bias_factors(turning)["x"] == pytest.approx(1.0, abs=0.03)
    # The correction of a fold comes from the others: changing its own actuals does not change it.
    before = unbiased(tested).means["low"][0] / tested.means["low"][0]
    tested.folds[0].actual[:] *= 5
    after = unbiased(tested).means["low"][0] / tested.means["low"][0]
    np.testing.assert_allclose(before, after)


FIRST = date(2023, 1, 2)


def shop(weeks: int, *, jump: float = 1.0) -> pl.DataFrame:
    """Sixty series; ``jump`` multiplies what sells after week 70."""
    rng = np.random.default_rng(11)
    level = rng.gamma(2.0, 6.0, 60)
    rows = []
    for t in range(weeks):
        units = rng.poisson(level * (jump if t >= 70 else 1.0))
        rows += [(f"s{i:02d}", FIRST + timedelta(weeks=t), float(u)) for i, u in enumerate(units)]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")


@pytest.fixture(scope="module")
def trained() -> ForecastResult:
    spec = ForecastSpec(freq="W", horizon=4, models=("moving_average", "linear"), rows=8_000, min_segment=20)
    return forecast(shop(70), as_of=FIRST + timedelta(weeks=69), spec=spec)


def test_it_updates_from_new_sales_without_a_new_fit(trained: ForecastResult) -> None:
    as_of = FIRST + timedelta(weeks=73)
    calm = update(shop(74), as_of=as_of, artifact=trained.artifact)
    assert calm.artifact.models is trained.artifact.models
    assert calm.distribution.ds[0] == np.datetime64(FIRST + timedelta(weeks=74))
    assert calm.distribution.mean.sum() == pytest.approx(trained.distribution.mean.sum(), rel=0.1)
    grown = update(shop(74, jump=1.5), as_of=as_of, artifact=trained.artifact)
    assert grown.distribution.mean.sum() > 1.1 * calm.distribution.mean.sum()
    assert grown.report["update"]["covered"] < calm.report["update"]["covered"]
    assert grown.report["update"]["width"] > calm.report["update"]["width"]


def test_it_updates_on_the_day_of_training_to_the_same_forecast(trained: ForecastResult) -> None:
    same = update(shop(70), as_of=FIRST + timedelta(weeks=69), artifact=trained.artifact)
    np.testing.assert_allclose(same.distribution.mean, trained.distribution.mean, rtol=1e-6)
    np.testing.assert_allclose(same.distribution.quantiles, trained.distribution.quantiles)


def test_it_tests_a_sample_of_a_large_panel_whatever_the_order_of_its_rows() -> None:
    spec = ForecastSpec(
        freq="W", horizon=4, models=("moving_average", "linear"), rows=8_000, min_segment=10, tested=25
    )
    panel, as_of = shop(60), FIRST + timedelta(weeks=59)
    result = forecast(panel, as_of=as_of, spec=spec)
    assert result.report["tested"] == 25
    assert result.accuracy is not None
    assert (result.accuracy.sums[:, :, 0].sum(axis=1) > 0).sum() == 25
    again = forecast(panel.sample(fraction=1.0, shuffle=True, seed=1), as_of=as_of, spec=spec)
    np.testing.assert_array_equal(result.distribution.quantiles, again.distribution.quantiles)


def priced(weeks: int, *, names: range) -> pl.DataFrame:
    """Series that sell more the lower their price, each by an elasticity of its own."""
    frames = []
    for i in names:
        rng = np.random.default_rng(i)
        price = np.where(rng.random(weeks) < 0.3, 0.7, 1.0) * (1 + i % 5)
        lift = 3.0 if i % 2 else 1.2
        units = rng.poisson(20 * np.where(price < 1 + i % 5, lift, 1.0))
        days = [FIRST + timedelta(weeks=t) for t in range(weeks)]
        frames.append(pl.DataFrame({"unique_id": f"s{i:03d}", "ds": days, "y": units * 1.0, "price": price}))
    return pl.concat(frames)


@pytest.mark.parametrize(
    "model", ["ses", "tsb", "ets", "linear", "svr", pytest.param("deep", marks=needs_torch)]
)
def test_it_knows_each_series_by_its_name_when_products_come_and_go(model: str) -> None:
    spec = ForecastSpec(freq="W", horizon=3, models=(model,), known=("price",), rows=8_000, folds=1)
    as_of, later = FIRST + timedelta(weeks=59), FIRST + timedelta(weeks=60)
    first = forecast(priced(60, names=range(10, 50)), as_of=as_of, spec=spec)
    same = update(priced(64, names=range(10, 50)), as_of=later, artifact=first.artifact)
    # New ones before the others in order of names, and some gone.
    moved = update(priced(64, names=range(5, 45)), as_of=later, artifact=first.artifact)
    assert moved.distribution.unique_id[:5] == [f"s{i:03d}" for i in range(5, 10)]
    staying = moved.distribution.mean[5:]
    np.testing.assert_allclose(staying, same.distribution.mean[:35], rtol=0.03)
    assert np.isfinite(moved.distribution.mean).all()


def test_it_updates_across_the_day_from_which_a_year_of_history_could_be_looked_at() -> None:
    spec = ForecastSpec(freq="W", horizon=4, models=("moving_average", "lightgbm"), rows=8_000)
    first = forecast(shop(54), as_of=FIRST + timedelta(weeks=53), spec=spec)
    assert first.artifact.yearly is False
    result = update(shop(60), as_of=FIRST + timedelta(weeks=59), artifact=first.artifact)
    assert result.distribution.mean.sum() == pytest.approx(first.distribution.mean.sum(), rel=0.15)
