"""The log-linear model, its solvers and the effects of known columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from forecasting.core import scores
from forecasting.core.explain import GROUPS
from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.models.effects import fit_known_effects
from forecasting.core.models.linear import LinearDirect, solve_closed, solve_gradient
from forecasting.core.panel import Column, Panel
from forecasting.core.panel_read import panel_from_frame

T, H = 80, 4
ELASTICITY, DISPLAY = -2.0, 0.7


@cache
def shop(count: int = 60, seed: int = 1, cut: int = T) -> Panel:
    """Demand = level x price ratio ** -2 x exp(0.7 display), Poisson; prices fall now and then."""
    rng = np.random.default_rng(seed)
    periods = T + H
    labels = [date(2022, 1, 3) + timedelta(days=7 * k) for k in range(periods)]
    frames = []
    for number in range(count):
        price = np.round(
            rng.uniform(1, 9) * np.where(rng.random(periods) < 0.2, rng.choice([0.7, 0.85]), 1.0), 4
        )
        display = rng.random(periods) < 0.15
        level = rng.gamma(3, 8)
        rate = level * (price / np.median(price)) ** ELASTICITY * np.exp(DISPLAY * display)
        frames.append(
            pl.DataFrame(
                {
                    "unique_id": f"s{number:03d}",
                    "ds": labels,
                    "y": rng.poisson(rate).astype(float),
                    "price": price,
                    "display": display,
                    "orders": rng.poisson(rate / 2).astype(float),
                    "item": f"i{number % 7}",
                }
            )
        )
    return panel_from_frame(
        pl.concat(frames),
        as_of=labels[cut - 1],
        freq="W",
        horizon=H,
        known=["price", "display"],
        static=["item"],
    )


def training(panel: Panel) -> TrainingData:
    return TrainingData(panel, horizon=H, settings=ModelSettings(rows=20_000))


def test_it_reaches_the_same_coefficients_by_gradient_descent_as_in_closed_form() -> None:
    data = training(shop())
    closed = LinearDirect(data.settings).fit(data, T)
    gradient = LinearDirect(data.settings, solver="gradient").fit(data, T)
    assert closed.coefficients_ is not None
    assert gradient.coefficients_ is not None
    assert np.abs(closed.coefficients_).max() > 0.05
    np.testing.assert_allclose(gradient.coefficients_, closed.coefficients_, atol=1e-7)
    np.testing.assert_allclose(gradient.predict(data, T), closed.predict(data, T), rtol=1e-5)


def test_it_solves_ridge_regression_as_scikit_learn_does() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 8)), rng.normal(size=200)
    theirs = Ridge(alpha=3.0, fit_intercept=False, tol=1e-12).fit(x, y).coef_
    for solve in (solve_closed, solve_gradient):
        np.testing.assert_allclose(solve(x.T @ x, x.T @ y, 3.0), theirs, atol=1e-8)


def test_it_learns_the_price_elasticity_and_the_lift_of_a_display() -> None:
    panel = shop(seed=2)
    effects = fit_known_effects(panel, T)
    assert effects is not None
    assert effects.names == ["price", "display"]
    assert effects.positive == [True, False]
    # On the scale of log(0.3 + demand / scale) effects are a little smaller than in plain logs.
    price, display = effects.coefficients[:, :2].mean(axis=0)
    assert ELASTICITY < price < 0.6 * ELASTICITY
    assert 0.6 * DISPLAY < display < DISPLAY


def test_it_forecasts_promoted_demand_close_to_the_truth() -> None:
    whole, known = shop(seed=3, cut=T), shop(seed=3, cut=T - H)
    data = training(known)
    actual = whole.y[T - H :].T
    mean = make("linear", data.settings).fit(data, T - H).predict(data, T - H)
    flat = make("moving_average", data.settings).fit(data, T - H).predict(data, T - H)
    assert scores.wape(mean, actual) < 0.6 * scores.wape(flat, actual)
    assert abs(scores.bias(mean, actual)) < 0.08


def test_it_hides_the_effect_of_past_promotions_from_the_level() -> None:
    """Three weeks of display before the origin, none after it: demand goes back to where it was."""
    panel = shop(seed=4)
    y, shown = panel.y.copy(), panel.known["display"].values.copy()
    base = y[: T - 3, 0][shown[: T - 3, 0] == 0].mean()
    shown[T - 3 : T, 0], shown[T:, 0] = 1, 0
    y[T - 3 : T, 0] = np.round(base * np.exp(DISPLAY))
    price = panel.known["price"].values.copy()
    price[T - 3 :, 0] = np.median(price[:T, 0])

    changed = replace(
        panel,
        y=y,
        known={"price": Column(price, categorical=False), "display": Column(shown, categorical=False)},
    )
    data = training(changed)
    mean = make("linear", data.settings).fit(data, T).predict(data, T)[0]
    assert mean.mean() == pytest.approx(base, rel=0.25)
    assert mean.mean() < 0.8 * y[T - 3 : T, 0].mean()


def test_it_explains_its_mean_by_groups_that_add_up() -> None:
    data = training(shop())
    model = LinearDirect(data.settings).fit(data, T)
    rows = np.arange(0, data.panel.count, 3)
    parts = model.explain(data, T, rows)
    mean = model.predict(data, T)[rows]
    assert parts.shape == (*mean.shape, len(GROUPS))
    np.testing.assert_allclose(parts.sum(axis=-1), mean, rtol=1e-4)
    shown = data.panel.known["display"].values[T : T + H].T[rows] > 0
    lift = parts[..., GROUPS.index("promotion")] / mean
    assert lift[shown].mean() > lift[~shown].mean() + 0.1


def test_it_takes_the_level_of_series_where_there_is_too_little_to_learn_from() -> None:
    labels = [date(2022, 1, 3) + timedelta(days=7 * k) for k in range(6)]
    frame = pl.DataFrame({"unique_id": "a", "ds": labels, "y": [4.0, 5, 6, 4, 5, 6]})
    panel = panel_from_frame(frame, as_of=labels[-1], freq="W", horizon=H)
    data = training(panel)
    mean = make("linear", data.settings).fit(data, 6).predict(data, 6)
    np.testing.assert_allclose(mean, 5, rtol=0.3)


@pytest.mark.parametrize("name", ["tree", "svr", "linear"])
def test_it_beats_the_moving_average_where_known_columns_move_demand(name: str) -> None:
    whole, known = shop(seed=5, cut=T), shop(seed=5, cut=T - H)
    data = training(known)
    actual = whole.y[T - H :].T
    mean = make(name, data.settings).fit(data, T - H).predict(data, T - H)
    flat = make("moving_average", data.settings).fit(data, T - H).predict(data, T - H)
    assert scores.wape(mean, actual) < 0.9 * scores.wape(flat, actual)
