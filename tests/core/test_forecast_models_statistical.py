"""The statistical baselines against statsforecast, series by series."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from statsforecast.models import TSB as TheirTSB  # noqa: N811
from statsforecast.models import AutoETS, SimpleExponentialSmoothingOptimized
from statsforecast.models import CrostonSBA as TheirCroston
from statsforecast.models import SimpleExponentialSmoothing as TheirSES

from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.models.statistical import TSB, exponential_smoothing
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame

T, N, H = 90, 12, 3
Floats = npt.NDArray[np.float64]


def demand(seed: int = 0) -> Floats:
    """(T, N): regular, trending and intermittent series."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(rng.gamma(2, 10, N), (T, N)).astype(float)
    y[:, 1] = 5 + 0.5 * np.arange(T) + rng.normal(size=T)
    y[:, 6:] *= rng.random((T, N - 6)) < 0.3
    return y


def panel_of(y: Floats) -> Panel:
    start = date(2022, 1, 3)
    labels = [start + timedelta(days=7 * k) for k in range(len(y))]
    frame = pl.concat(
        pl.DataFrame({"unique_id": f"s{number:02d}", "ds": labels, "y": column})
        for number, column in enumerate(y.T)
    ).with_columns(pl.col("y").fill_nan(None))
    return panel_from_frame(frame, as_of=labels[-1], freq="W", horizon=H)


def predict(name: str, y: Floats) -> npt.NDArray[np.float32]:
    data = TrainingData(panel_of(y), horizon=H, settings=ModelSettings())
    return make(name, data.settings).fit(data, len(y)).predict(data, len(y))


def test_it_smooths_as_statsforecast_does() -> None:
    y = demand()
    for alpha in (0.05, 0.4, 0.95):
        level, squares = exponential_smoothing(y, np.full(N, alpha))
        for number in range(N):
            theirs = TheirSES(alpha).forecast(y=y[:, number], h=1, fitted=True)
            assert level[number] == pytest.approx(theirs["mean"][0], rel=1e-6)
            errors = y[1:, number] - theirs["fitted"][1:]
            assert squares[number] == pytest.approx(errors @ errors, rel=1e-5)


def test_it_chooses_an_alpha_as_good_as_statsforecasts_optimum() -> None:
    y = demand(1)
    data = TrainingData(panel_of(y), horizon=H, settings=ModelSettings())
    model = make("ses", data.settings).fit(data, T)
    _, ours = exponential_smoothing(y, model.alpha_)  # type: ignore[attr-defined]
    for number in range(N):
        fitted = SimpleExponentialSmoothingOptimized().forecast(y=y[:, number], h=1, fitted=True)["fitted"]
        assert ours[number] <= 1.002 * ((y[1:, number] - fitted[1:]) ** 2).sum()


def test_it_forecasts_intermittent_demand_as_statsforecasts_croston_does() -> None:
    y = demand(2)
    mean = predict("croston", y)
    for number in range(N):
        theirs = TheirCroston().forecast(y=y[:, number], h=H)["mean"]
        np.testing.assert_allclose(mean[number], theirs, rtol=1e-5)


def test_it_runs_tsb_as_statsforecast_does() -> None:
    y = demand(3)
    for size, chance in ((0.1, 0.1), (0.3, 0.05)):
        level, _ = TSB._run(y, np.full(N, size), np.full(N, chance))
        for number in range(N):
            theirs = TheirTSB(alpha_d=size, alpha_p=chance).forecast(y=y[:, number], h=1)["mean"][0]
            assert level[number] == pytest.approx(theirs, rel=1e-5)


def test_it_chooses_the_pair_of_alphas_with_the_least_squared_error() -> None:
    y = demand(3)
    data = TrainingData(panel_of(y), horizon=H, settings=ModelSettings())
    model = TSB(data.settings).fit(data, T)
    _, best = TSB._run(y, model.size_alpha_, model.chance_alpha_)
    for size in model.alphas:
        for chance in model.alphas:
            _, other = TSB._run(y, np.full(N, size), np.full(N, chance))
            assert (best <= other * (1 + 1e-9)).all()


def test_it_fits_ets_as_statsforecast_does() -> None:
    y = demand(4)
    mean = predict("ets", y)
    for number, kind in ((0, "ANN"), (1, "AAN")):
        theirs = AutoETS(season_length=1, model=kind, damped=kind == "AAN").forecast(y=y[:, number], h=H)[
            "mean"
        ]
        np.testing.assert_allclose(mean[number], theirs, rtol=0.02)
    assert (np.diff(mean[1]) > 0.05).all()


def test_it_finds_the_week_of_daily_demand_with_ets() -> None:
    rng = np.random.default_rng(0)
    week = np.array([1, 1, 1, 1, 3, 6, 2.0])
    y = rng.poisson(10 * np.tile(week, 20)).astype(float)
    labels = [date(2023, 1, 2) + timedelta(days=k) for k in range(140)]
    frame = pl.DataFrame({"unique_id": "a", "ds": labels, "y": y})
    panel = panel_from_frame(frame, as_of=labels[-1], freq="D", horizon=7)
    data = TrainingData(panel, horizon=7, settings=ModelSettings())
    mean = make("ets", data.settings).fit(data, 140).predict(data, 140)[0]
    np.testing.assert_allclose(mean, 10 * week, rtol=0.25)


@pytest.mark.parametrize("name", ["ses", "croston", "tsb", "ets"])
def test_it_carries_its_levels_over_periods_out_of_stock(name: str) -> None:
    y = demand(5)
    whole = panel_of(y)
    gap = np.zeros(T, dtype=bool)
    gap[[30, 31, 60]] = True
    hidden = whole.y.copy()
    hidden[gap] = 0
    censored = replace(whole, y=hidden, censored=np.repeat(gap[:, None], N, axis=1))
    data = TrainingData(censored, horizon=H, settings=ModelSettings())
    shown = make(name, data.settings).fit(data, T).predict(data, T)
    np.testing.assert_allclose(shown, predict(name, y[~gap]), rtol=1e-5)


@pytest.mark.parametrize("name", ["ses", "croston", "tsb", "ets"])
def test_it_stops_where_values_would_explode(name: str) -> None:
    y = np.zeros((40, 1))
    y[:, 0] = 1.35 ** np.arange(40)
    assert predict(name, y).max() <= 2 * y.max() * (1 + 1e-6)
