from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks.signal_shops import AS_OF, shop
from forecasting.core.explain import group_of
from forecasting.core.features import FeatureTable
from forecasting.core.fingerprint import fingerprint
from forecasting.core.leading import KINDS
from forecasting.core.panel import Column, PanelError
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast
from forecasting.core.spec import ForecastSpec
from tests.core.test_forecast_cleaning import make_panel


def table_of(signal: np.ndarray, y: float = 4.0) -> FeatureTable:
    panel = make_panel(np.full(signal.shape, y, dtype=np.float32))
    column = Column(signal.astype(np.float32), categorical=False)
    return FeatureTable(replace(panel, signals={"views": column}))


def features(table: FeatureTable, cut: int) -> dict[str, float]:
    row = table.block(cut, 1)[0]
    return {kind: float(row[table.names.index(f"signal_views_{kind}")]) for kind in KINDS}


def test_a_signal_is_told_against_its_own_last_year() -> None:
    signal = np.full((60, 1), 10.0)
    signal[58], signal[59] = 20, 40
    year = signal[8:]
    found = features(table_of(signal), 60)
    usual, spread = year.mean(), year.std()
    assert found == pytest.approx(
        {
            "value": 40,
            "last": 40 / usual,
            "before": 20 / usual,
            "near": 30 / usual,
            "recent": signal[-8:].mean() / usual,
            "unusual": (40 - usual) / spread,
            "per_unit": 30 / 4,
        },
        rel=1e-5,
    )


def test_what_came_after_an_origin_is_in_none_of_its_features() -> None:
    rng = np.random.default_rng(0)
    signal = rng.gamma(2, 3, (60, 5))
    later = signal.copy()
    later[40:] = 1e6
    one, two = table_of(signal), table_of(later)
    np.testing.assert_array_equal(one.block(40, 1), two.block(40, 1))
    assert not np.array_equal(one.block(41, 1), two.block(41, 1), equal_nan=True)


def test_an_unknown_signal_and_one_below_zero_have_no_ratios() -> None:
    signal = np.full((60, 2), np.nan)
    signal[:, 1] = -5.0
    table = table_of(signal)
    block = table.block(60, 1)
    at = {kind: table.names.index(f"signal_views_{kind}") for kind in KINDS}
    assert np.isnan(block[0, list(at.values())]).all()
    assert block[1, at["value"]] == -5
    assert np.isnan(block[1, [at["last"], at["near"], at["recent"], at["unusual"]]]).all()


def test_signals_are_explained_as_signals_whatever_they_are_called() -> None:
    for name in ("views", "indicator_market_price", "store_visits"):
        assert group_of(f"signal_{name}_last") == "signals"


FAST = ForecastSpec(horizon=2, models=("lightgbm", "linear"), folds=2, rows=5_000, signals=("carts",))


def test_no_forecast_sees_a_signal_after_the_as_of_date() -> None:
    """Rows later than the as-of date carry absurd values, and the forecast is as if they were not there."""
    panel = shop("leads", seed=0, series=12, weeks=50)
    as_of = AS_OF - timedelta(weeks=2)
    later = pl.col("ds") > as_of
    wild = panel.with_columns(pl.when(later).then(1e6).otherwise(pl.col("carts")).alias("carts"))
    results = [forecast(frame, as_of=as_of, spec=FAST) for frame in (panel.filter(~later), wild)]
    one, two = (result.distribution for result in results)
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.quantiles, two.quantiles)
    assert results[0].report["models"] == results[1].report["models"]


def test_no_earlier_origin_of_a_backtest_sees_a_signal_of_the_last_one() -> None:
    """Values of the last fold's periods may change that fold's training for later, but no score of it."""
    panel = shop("leads", seed=0, series=12, weeks=50)
    held_out = pl.col("ds") > AS_OF - timedelta(weeks=FAST.horizon)
    wild = panel.with_columns(pl.when(held_out).then(1e6).otherwise(pl.col("carts")).alias("carts"))
    spec = replace(FAST, models=("lightgbm",))
    one, two = (forecast(frame, as_of=AS_OF, spec=spec).report for frame in (panel, wild))
    assert one["folds"] == two["folds"]
    assert one["models"] == two["models"]


def test_a_signal_enters_the_fingerprint_and_its_absence_changes_none() -> None:
    panel = shop("none", seed=0, series=3, weeks=20)
    plain, with_signal = ForecastSpec(), ForecastSpec(signals=("carts",))
    assert fingerprint(panel, plain) != fingerprint(panel, with_signal)
    assert ForecastSpec.from_dict(with_signal.to_dict()) == with_signal


def test_an_undeclared_column_teaches_the_models_nothing() -> None:
    panel = shop("leads", seed=0, series=12, weeks=50)
    spec = replace(FAST, signals=())
    one = forecast(panel, as_of=AS_OF, spec=spec).distribution
    two = forecast(panel.drop("carts", "echo", "noise"), as_of=AS_OF, spec=spec).distribution
    np.testing.assert_array_equal(one.mean, two.mean)


@pytest.mark.parametrize(
    ("signals", "known", "words"),
    [
        (("nowhere",), (), "the column is missing"),
        (("y",), (), "can't be declared"),
        (("carts",), ("carts",), "can't be known or static"),
        (("unique_text",), (), "must be numbers or booleans"),
    ],
)
def test_a_wrong_signal_is_refused(signals: tuple[str, ...], known: tuple[str, ...], words: str) -> None:
    panel = shop("none", seed=0, series=2, weeks=10).with_columns(unique_text=pl.lit("a"))
    with pytest.raises(PanelError, match=words):
        panel_from_frame(panel, as_of=date(2026, 6, 28), freq="W", horizon=1, known=known, signals=signals)
