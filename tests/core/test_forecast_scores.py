from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.core import scores
from forecasting.core.distribution import QUANTILES


def case(seed: int, count: int = 5, horizon: int = 8):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    actual = rng.poisson(2, (count, horizon)).astype(float)
    actual[rng.random(actual.shape) < 0.15] = np.nan
    train = rng.poisson(2, (count, 20)).astype(float)
    train[rng.random(train.shape) < 0.1] = np.nan
    mean = rng.gamma(2, 1, (count, horizon))
    quantiles = np.sort(rng.gamma(2, 1, (count, horizon, 9)), axis=2)
    return mean, quantiles, actual, train


def slow_naive(row: list[float]) -> list[float]:
    return [b - a for a, b in itertools.pairwise(row) if not math.isnan(a) and not math.isnan(b)]


def slow_pinball(quantile: float, level: float, actual: float) -> float:
    return level * (actual - quantile) if actual >= quantile else (1 - level) * (quantile - actual)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000))
def test_it_scores_like_plain_loops(seed: int) -> None:
    mean, quantiles, actual, train = case(seed)
    cells = [(i, h) for i in range(5) for h in range(8) if not math.isnan(actual[i, h])]
    total = sum(actual[c] for c in cells)
    errors = [mean[c] - actual[c] for c in cells]
    assert scores.wape(mean, actual) == pytest.approx(sum(abs(e) for e in errors) / total)
    assert scores.bias(mean, actual) == pytest.approx(sum(errors) / total)
    assert scores.mse(mean, actual) == pytest.approx(sum(e * e for e in errors) / len(errors))
    absolute, squared = scores.naive_scales(train)
    scaled_rmse, scaled_pinball = [], []
    for i in range(5):
        steps = slow_naive(train[i].tolist())
        assert absolute[i] == pytest.approx(sum(abs(s) for s in steps) / max(len(steps), 1))
        assert squared[i] == pytest.approx(sum(s * s for s in steps) / max(len(steps), 1))
        own = [h for h in range(8) if not math.isnan(actual[i, h])]
        if not own or absolute[i] == 0:
            continue
        scaled_rmse.append(
            math.sqrt(sum((mean[i, h] - actual[i, h]) ** 2 for h in own) / len(own) / squared[i])
        )
        losses = [
            slow_pinball(quantiles[i, h, q], level, actual[i, h])
            for h in own
            for q, level in enumerate(QUANTILES)
        ]
        scaled_pinball.append(sum(losses) / len(losses) / absolute[i])
    assert scores.rmsse(mean, actual, squared) == pytest.approx(np.mean(scaled_rmse))
    assert scores.pinball(quantiles, actual, QUANTILES, absolute) == pytest.approx(np.mean(scaled_pinball))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000))
def test_it_scores_cumulative_demand_at_a_quarter_half_and_whole_horizon(seed: int) -> None:
    _, quantiles, actual, train = case(seed)
    cumulative = np.cumsum(quantiles, axis=1)
    absolute, _ = scores.naive_scales(train)
    by_step = []
    for h in (2, 4, 8):
        series = []
        for i in range(5):
            total = sum(actual[i, :h])
            if math.isnan(total) or absolute[i] == 0:
                continue
            losses = [
                slow_pinball(cumulative[i, h - 1, q], level, total) for q, level in enumerate(QUANTILES)
            ]
            series.append(sum(losses) / len(losses) / h / absolute[i])
        if series:
            by_step.append(np.mean(series))
    found = scores.cumulative_pinball(cumulative, actual, QUANTILES, absolute)
    assert found == pytest.approx(np.mean(by_step)) if by_step else math.isnan(found)


def test_it_counts_coverage_from_both_sides_of_a_tie_and_in_whole_units() -> None:
    actual = np.array([0.0, 0.0, 1.0, 2.0, np.nan])
    assert scores.coverage(np.array([1.9] * 5), actual) == (0.5, 0.75)
    assert scores.coverage_miss(np.array([1.0] * 5), actual, 0.6) == 0
    assert scores.coverage_miss(np.array([1.0] * 5), actual, 0.9) == pytest.approx(-0.15)
    assert scores.coverage_miss(np.array([1.0] * 5), actual, 0.4) == pytest.approx(0.1)


def test_it_knows_no_score_without_demand() -> None:
    nothing = np.full((2, 3), np.nan)
    assert math.isnan(scores.wape(np.ones((2, 3)), nothing))
    assert math.isnan(scores.wape(np.ones((2, 3)), np.zeros((2, 3))))
    assert math.isnan(scores.mse(np.ones((2, 3)), nothing))
    assert math.isnan(scores.rmsse(np.ones((2, 3)), nothing, np.ones(2)))
    assert math.isnan(scores.pinball(np.ones((2, 3, 9)), nothing, QUANTILES, np.ones(2)))
    assert all(math.isnan(share) for share in scores.coverage(nothing, nothing))
