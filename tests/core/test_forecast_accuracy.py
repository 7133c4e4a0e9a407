from __future__ import annotations

import itertools
import math
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from forecasting.core import backtest as bt
from forecasting.core.accuracy import COLUMN, COVERED, SUMS, AccuracySums, band_ends, scores_of, series_sums
from forecasting.core.classify import xyz_by_error
from forecasting.core.distribution import QUANTILES
from forecasting.core.models import ModelSettings, TrainingData
from forecasting.core.models.baselines import SeasonalNaive
from forecasting.core.panel_read import panel_from_frame

Array = npt.NDArray[Any]

MONDAY = date(2022, 1, 3)
PERIODS, HORIZON, COUNT = 90, 8, 40


def shop(freq: str = "W") -> pl.DataFrame:
    """Series of all sizes with stock-outs; every fifth starts late, and one never sold."""
    rng = np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    step = {"D": 1, "W": 7}[freq]
    for number in range(COUNT):
        rate = rng.gamma(1, 6)
        rows += [
            {
                "unique_id": f"s{number:02d}",
                "ds": MONDAY + timedelta(days=step * period),
                "y": float(rng.poisson(rate)) if number else 0.0,
                "in_stock": bool(rng.random() > 0.1),
            }
            for period in range(70 if number % 5 == 0 else 0, PERIODS)
        ]
    return pl.DataFrame(rows)


@cache
def make_backtest(folds: int, freq: str = "W") -> tuple[TrainingData, bt.Backtest, list[bt.FoldQuantiles]]:
    as_of = MONDAY + timedelta(days={"D": 1, "W": 7}[freq] * (PERIODS - 1))
    panel = panel_from_frame(shop(freq), as_of=as_of, freq=freq, horizon=HORIZON)  # type: ignore[arg-type]
    data = TrainingData(panel, horizon=HORIZON, settings=ModelSettings(rows=2_000))
    result = bt.backtest(data, ("moving_average",), folds)
    _, quantiles = bt.cross_calibrate(result, result.means["moving_average"], QUANTILES, 0)
    return data, result, quantiles


def sums_of(folds: int, freq: str = "W") -> AccuracySums:
    data, result, quantiles = make_backtest(folds, freq)
    return series_sums(data, result, result.means["moving_average"], quantiles, QUANTILES)


def test_it_scores_a_fold_as_the_backtest_does() -> None:
    _, result, quantiles = make_backtest(1)
    sums = sums_of(1)
    rng = np.random.default_rng(0)
    chance: Array = rng.random(COUNT)
    groups: list[Array] = [chance >= 0, chance < 0.5]
    for rows in groups:  # all series, and half of them
        expected = bt.score(result, result.means["moving_average"], quantiles, QUANTILES, rows)
        found = scores_of(sums.sums[rows].sum(axis=(0, 1), dtype=np.float64))
        # Cumulative scores weigh the steps by how many sums are known there; see below for those.
        names = [name for name in expected if name not in {"rmsse", "cum_pinball"}]
        assert len(names) == 17
        for name in names:
            assert found[name] == pytest.approx(expected[name], abs=2e-6), name


def test_it_scores_cumulative_demand_as_the_backtest_does_where_no_stock_ran_out() -> None:
    _, result, quantiles = make_backtest(1)
    full: Array = np.asarray(np.isfinite(result.folds[0].actual).all(axis=1))
    assert full.sum() > 5
    expected = bt.score(result, result.means["moving_average"], quantiles, QUANTILES, full)
    found = scores_of(sums_of(1).sums[full].sum(axis=(0, 1), dtype=np.float64))
    assert found["cum_pinball"] == pytest.approx(expected["cum_pinball"], abs=2e-6)


def test_it_adds_up_over_bands_steps_and_folds() -> None:
    sums = sums_of(3)
    assert sums.sums.shape == (COUNT, len(band_ends(HORIZON)), len(SUMS))
    np.testing.assert_allclose(sums.sums.sum(axis=(0, 1)), sums.by_step.sum(axis=0), rtol=1e-5)
    start = 0
    for band, end in enumerate(band_ends(HORIZON)):
        np.testing.assert_allclose(sums.sums[:, band].sum(0), sums.by_step[start:end].sum(0), rtol=1e-5)
        start = end
    _, result, _ = make_backtest(3)
    actual = np.concatenate([fold.actual for fold in result.folds], axis=1)
    np.testing.assert_array_equal(sums.sums[:, :, COLUMN["count"]].sum(1), np.isfinite(actual).sum(axis=1))


@pytest.mark.parametrize("freq", ["W", "D"])
def test_it_measures_against_seasonal_naive_like_plain_loops(freq: str) -> None:
    data, result, _ = make_backtest(3, freq)
    season = {"W": 52, "D": 7}[freq]
    observed, sums = data.panel.observed, sums_of(3, freq)
    naive_error, scaled, series = 0.0, 0.0, 0
    for k, fold in enumerate(result.folds):
        simple = SeasonalNaive(data.settings).fit(data, fold.cut).predict(data, fold.cut)
        for i in range(COUNT):
            past = [float(value) for value in observed[: fold.cut, i]]
            gaps = [abs(b - a) for a, b in zip(past, past[season:], strict=False) if not math.isnan(a + b)]
            if len(gaps) < 8:
                gaps = [abs(b - a) for a, b in itertools.pairwise(past) if not math.isnan(a + b)]
            cells = [h for h in range(HORIZON) if not math.isnan(fold.actual[i, h])]
            naive_error += sum(abs(float(simple[i, h] - fold.actual[i, h])) for h in cells)
            scale = sum(gaps) / len(gaps) if gaps else 0.0
            if scale > 0 and cells:
                mean = result.means["moving_average"][k]
                errors = [abs(float(mean[i, h] - fold.actual[i, h])) for h in cells]
                scaled += sum(errors) / len(errors) / scale
                series += 1
    total = sums.by_step.sum(axis=0)
    assert total[COLUMN["naive_absolute_error"]] == pytest.approx(naive_error, rel=1e-6)
    assert scores_of(total)["mase"] == pytest.approx(scaled / series, rel=1e-6)


def test_it_leaves_out_and_counts_what_was_out_of_stock() -> None:
    data, result, _ = make_backtest(3)
    expected = [
        sum(
            int(data.panel.censored[fold.cut : fold.cut + HORIZON, i].sum())
            for fold in result.folds
            if data.panel.start[i] < fold.cut
        )
        for i in range(COUNT)
    ]
    assert sums_of(3).left_out.tolist() == expected
    assert sum(expected) > 20
    cells = sums_of(3).sums[:, :, COLUMN["count"]].sum()
    started = sum(HORIZON for fold in result.folds for i in range(COUNT) if data.panel.start[i] < fold.cut)
    assert cells + sum(expected) == started


def test_it_has_no_score_where_there_is_nothing_to_stand_on() -> None:
    nothing = scores_of(np.zeros(len(SUMS)))
    assert set(nothing.values()) == {None}
    data, result, _ = make_backtest(1)
    bare = series_sums(data, result, result.means["moving_average"], None, ())
    found = scores_of(bare.by_step.sum(axis=0))
    assert found["wape"] is not None
    assert found["pinball"] is found["wape_median"] is found["coverage_95"] is None
    empty = series_sums(data, bt.Backtest([], {}, data.panel.counts), [], None, ())
    assert not empty.sums.any()


def test_it_names_two_counts_and_a_weight_for_each_level() -> None:
    for kind in ("coverage", "cum_coverage"):
        for level in COVERED:
            assert {f"{kind}_{round(level * 100)}_{p}" for p in ("below", "at_most", "weight")} <= set(SUMS)
    assert len(set(SUMS)) == len(SUMS)


@pytest.mark.parametrize("horizon", [1, 2, 3, 4, 13, 28, 365])
def test_it_cuts_the_horizon_into_bands(horizon: int) -> None:
    ends = band_ends(horizon)
    assert ends == sorted(set(ends))
    assert ends[-1] == horizon
    assert ends[0] >= 1


def test_it_classes_by_how_well_demand_can_be_forecast() -> None:
    count = np.array([4, 4, 4, 0, 4])
    actual = np.array([40.0, 40.0, 40.0, 0.0, 0.0])
    squared = np.array([4 * 25.0, 4 * 100.0, 4 * 101.0, 0.0, 0.0])  # errors of .5, 1 and 1.005 of the mean
    assert xyz_by_error(squared, actual, count) == ["X", "Y", "Z", "", "Z"]
