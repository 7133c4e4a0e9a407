"""Properties that every model of the registry has."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.panel_read import panel_from_frame
from tests.core.extras import EVERY_MODEL

MONDAY = date(2022, 1, 3)
PERIODS = 64


def shop(count: int = 14, *, unit: float = 1.0, reverse: bool = False) -> pl.DataFrame:
    """Smooth, promoted, lumpy and odd series: all zero, one row, unknown throughout, out of stock."""
    rng = np.random.default_rng(5)
    frames = []
    for number in range(count):
        promo = rng.random(PERIODS) < 0.2
        price = np.where(promo, 1.5, 2.0)
        rate = rng.gamma(2, 6) if number % 3 else 0.4
        y = rng.poisson(rate * (1 + 1.5 * promo)).astype(float) * unit
        stock = rng.random(PERIODS) > 0.1
        name = f"s{count - number if reverse else number:03d}"
        frames.append(_frame(name, y, promo, price, stock, "ab"[number % 2]))
    zero = np.zeros(PERIODS)
    never = zero.astype(bool)
    steady = np.full(PERIODS, 2.0)
    frames.append(_frame("zero", zero, never, steady, ~never, "a"))
    frames.append(_frame("unknown", np.full(PERIODS, np.nan), never, steady, ~never, "a"))
    frames.append(_frame("one", zero + 3 * unit, never, steady, ~never, "b")[-1:])
    frames.append(
        _frame("spike", np.where(np.arange(PERIODS) == 40, 5000.0 * unit, 0.0), never, steady, ~never, "b")
    )
    return pl.concat(frames)


def _frame(
    name: str,
    y: npt.NDArray[np.float64],
    promo: npt.NDArray[np.bool_],
    price: npt.NDArray[np.float64],
    stock: npt.NDArray[np.bool_],
    group: str,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "unique_id": name,
            "ds": [MONDAY + timedelta(days=7 * k) for k in range(len(y))],
            "y": pl.Series(y, dtype=pl.Float64).fill_nan(None),
            "promo": promo,
            "price": price,
            "in_stock": stock,
            "group": group,
        }
    )


def means(
    frame: pl.DataFrame, name: str, *, cut: int | None = None, origin: int | None = None, threads: int = 1
) -> tuple[list[str], npt.NDArray[np.float32]]:
    panel = panel_from_frame(
        frame,
        as_of=MONDAY + timedelta(days=7 * (PERIODS - 1)),
        freq="W",
        horizon=4,
        known=["promo", "price"],
        static=["group"],
    )
    data = TrainingData(panel, horizon=4, settings=ModelSettings(seed=3, threads=threads, rows=6_000))
    with threadpool_limits(threads):
        model = make(name, data.settings).fit(data, PERIODS if cut is None else cut)
        return panel.unique_id, model.predict(data, PERIODS if origin is None else origin)


@cache
def usual(name: str) -> tuple[list[str], npt.NDArray[np.float32]]:
    return means(shop(), name)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_gives_a_finite_mean_of_at_least_zero_for_every_series(name: str) -> None:
    ids, mean = usual(name)
    assert mean.shape == (len(ids), 4)
    assert mean.dtype == np.float32
    assert np.isfinite(mean).all()
    assert (mean >= 0).all()
    assert mean[ids.index("zero")].max() < 0.5
    # One bulk order of 5,000 half a year ago is no reason to expect the next.
    assert name == "croston" or mean[ids.index("spike")].max() < 2500
    assert mean[ids.index("s001")].mean() > 1


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_forecasts_ten_times_as_many_units_ten_times_as_high(name: str) -> None:
    stocked = [shop(unit=unit).with_columns(in_stock=True) for unit in (1, 10)]
    one, ten = (means(frame, name)[1] for frame in stocked)
    tolerance = 0.02 if name == "ets" else 1e-4  # its optimiser stops a little elsewhere
    np.testing.assert_allclose(ten, 10 * one, rtol=tolerance, atol=1e-3)
    # Estimates of demand that ran out differ in their last bit, and few rows make a tree turn on one.
    tolerance = {"ets": 0.02, "lightgbm": 0.05}.get(name, 2e-3)
    np.testing.assert_allclose(means(shop(unit=10), name)[1], 10 * usual(name)[1], rtol=tolerance, atol=1e-2)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_gives_the_same_numbers_again_and_on_two_threads(name: str) -> None:
    np.testing.assert_allclose(means(shop(), name, threads=2)[1], usual(name)[1], rtol=1e-6)


@pytest.mark.parametrize("name", ["seasonal_naive", "moving_average", "ses", "croston", "tsb", "ets"])
def test_it_forecasts_a_series_by_itself_whatever_the_others_are(name: str) -> None:
    ids, mean = usual(name)
    there, again = means(shop(reverse=True), name)
    for number in range(14):
        one, two = mean[ids.index(f"s{number:03d}")], again[there.index(f"s{14 - number:03d}")]
        np.testing.assert_allclose(one, two, rtol=1e-6)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_takes_new_observations_in_without_a_new_fit(name: str) -> None:
    ids, later = means(shop(), name, cut=50, origin=PERIODS)
    assert np.isfinite(later).all()
    _, before = means(shop(), name, cut=50, origin=50)
    regular = [ids.index(f"s{number:03d}") for number in range(14)]
    assert not np.allclose(later[regular], before[regular], rtol=1e-3)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_bears_a_panel_of_one_series_with_one_row(name: str) -> None:
    frame = _frame("only", np.array([2.0]), np.array([True]), np.array([1.0]), np.array([True]), "a")
    panel = panel_from_frame(frame, as_of=MONDAY, freq="W", horizon=3, known=["promo"])
    data = TrainingData(panel, horizon=3, settings=ModelSettings())
    mean = make(name, data.settings).fit(data, 1).predict(data, 1)
    assert mean.shape == (1, 3)
    assert np.isfinite(mean).all()
    assert (mean >= 0).all()


def test_it_refuses_a_name_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no model 'prophecy'"):
        make("prophecy", ModelSettings())
