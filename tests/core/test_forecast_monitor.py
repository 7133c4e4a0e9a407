from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from forecasting.core.distribution import QUANTILES
from forecasting.core.monitor import (
    Outcomes,
    Sums,
    coverage_factor,
    cusum,
    cusum_limit,
    expected_errors,
    normal_scores,
    segment_findings,
    series_findings,
)

Array = npt.NDArray[Any]
LEVELS = np.array(QUANTILES)
PERIODS = 26
# What the module promises: of right forecasts, so many series at most stand in alarm of a kind at a time.
MOST_FALSE = 1e-3


def negative_binomial(mean: float, size: float) -> Any:
    return stats.nbinom(size, size / (size + mean))


DEMANDS = {
    "hardly ever": stats.poisson(0.05),
    "rare": stats.poisson(0.5),
    "lumpy": negative_binomial(1, 0.3),
    "erratic": negative_binomial(40, 3),
    "smooth": stats.poisson(30),
}


def outcomes(actual: Array, forecast: Any, *, seed: int = 0) -> Outcomes:
    """Actuals (T, N) under one and the same forecast distribution of counts."""
    periods, count = actual.shape
    whole = np.ones(count, dtype=bool)
    quantiles = np.tile(forecast.ppf(LEVELS), (count, 1))
    mean = np.full(count, forecast.mean())
    error, variance = expected_errors(mean, quantiles, QUANTILES, whole)
    score = [
        normal_scores(actual[t], quantiles, QUANTILES, whole, seed=seed * 1000 + t) for t in range(periods)
    ]
    mean, error, variance = (np.tile(row, (periods, 1)) for row in (mean, error, variance))
    return Outcomes(actual, mean, error, variance, np.stack(score))


def draw(demand: Any, count: int = 30_000, *, seed: int = 1, periods: int = PERIODS) -> Array:
    return np.asarray(demand.rvs((periods, count), random_state=seed).astype(np.float32))


@pytest.mark.parametrize("name", DEMANDS)
def test_it_hardly_ever_cries_wolf(name: str) -> None:
    found = series_findings(outcomes(draw(DEMANDS[name]), DEMANDS[name]))
    for kind, finding in found.items():
        assert finding.off.mean() <= MOST_FALSE, kind


@pytest.mark.parametrize("name", DEMANDS)
def test_it_scores_right_forecasts_as_standard_normal(name: str) -> None:
    score = outcomes(draw(DEMANDS[name], 4000), DEMANDS[name]).score
    assert abs(score.mean()) < 0.05
    assert abs(score.std() - 1) < 0.05


def test_it_scores_continuous_demand_by_its_place() -> None:
    demand = stats.gamma(2, scale=0.1)
    values = np.asarray(demand.rvs(4000, random_state=3))
    quantiles = np.tile(demand.ppf(LEVELS), (len(values), 1))
    score = normal_scores(values, quantiles, QUANTILES, np.zeros(len(values), dtype=bool), seed=0)
    # Between levels the place is read off exactly; only the outer 2% are drawn.
    inner = (values > quantiles[0, 0]) & (values < quantiles[0, -1])
    np.testing.assert_allclose(stats.norm.cdf(score[inner]), demand.cdf(values[inner]), atol=0.035)
    assert abs((score > 2.4).mean() - stats.norm.sf(2.4)) < 0.004


@pytest.mark.parametrize("name", ["lumpy", "erratic", "smooth"])
def test_it_finds_demand_that_has_grown_within_half_a_year(name: str) -> None:
    demand = DEMANDS[name]
    # Twice as much; of lumpy demand five times, since its doubling is half a deviation.
    more = {"lumpy": negative_binomial(5, 1.5), "erratic": negative_binomial(80, 3)}.get(
        name, stats.poisson(60)
    )
    found = series_findings(outcomes(draw(more, 2000), demand))["bias"]
    assert found.off.mean() > {"lumpy": 0.5, "erratic": 0.9, "smooth": 0.99}[name]
    assert (found.effect[found.off] < 0).mean() > 0.99  # forecast below demand


def test_it_finds_a_steady_shift_of_two_deviations_within_eight_periods() -> None:
    shifted = np.random.default_rng(2).normal(2.0, 1.0, (8, 2000))
    upper, lower = cusum(shifted)
    assert (upper > cusum_limit()).mean() > 0.8
    assert (lower < cusum_limit()).all()


def test_it_forgets_a_shift_that_is_over() -> None:
    shift = np.full((20, 1), 2.0)
    assert cusum(shift)[0][0] > cusum_limit()
    assert cusum(np.concatenate([shift, np.zeros((5, 1))]))[0][0] < cusum_limit()


def test_it_keeps_the_time_between_false_alarms_that_its_limit_promises() -> None:
    # 1 in 100 and period: mean time to the first alarm of either side about 100 periods.
    limit = cusum_limit(0.01)
    scores = np.random.default_rng(5).normal(size=(1500, 400))
    first = np.full(scores.shape[1], len(scores))
    upper = lower = np.zeros(scores.shape[1])
    for t, row in enumerate(scores):
        upper, lower = np.maximum(upper + row - 0.5, 0), np.maximum(lower - row - 0.5, 0)
        first = np.where((first == len(scores)) & (np.maximum(upper, lower) > limit), t + 1, first)
    assert 85 < first.mean() < 115


def test_it_finds_errors_that_have_grown_and_demand_that_leaves_its_band() -> None:
    # The same mean, three times the deviation: no bias.
    quiet, wild = negative_binomial(40, 8), negative_binomial(40, 0.8)
    found = series_findings(outcomes(draw(wild, 2000), quiet))
    assert found["drift"].off.mean() > 0.7
    assert found["coverage"].off.mean() > 0.5
    assert found["drift"].effect.mean() == pytest.approx(2.6, rel=0.2)
    assert found["coverage"].effect.mean() > 0.3


def test_it_takes_unknown_periods_for_nothing() -> None:
    actual = draw(stats.poisson(60), 500)
    known = outcomes(actual, stats.poisson(30))
    gaps = np.concatenate([actual, np.full_like(actual, np.nan)])
    full = outcomes(gaps, stats.poisson(30))
    first, second = cusum(known.score), cusum(full.score)
    np.testing.assert_allclose(first, second)
    assert not any(finding.off.any() for finding in series_findings(full).values())


def test_it_says_nothing_of_a_handful_of_periods() -> None:
    found = series_findings(outcomes(draw(stats.poisson(300), 50, periods=5), stats.poisson(30)))
    assert not any(finding.off.any() for finding in found.values())


def sums(*, share: float, spread: float, periods: int = 12, seed: int = 0, wild: bool = False) -> Sums:
    """A segment of 300 series that all go up and down together."""
    shock = share * np.exp(np.random.default_rng(seed).normal(0, spread, (periods, 1)))
    rng = np.random.default_rng(seed + 1)
    actual = rng.negative_binomial(
        1.5 if wild else 8, (1.5 if wild else 8) / ((1.5 if wild else 8) + 40 * shock), (periods, 300)
    )
    return Sums.of(outcomes(actual.astype(np.float32), negative_binomial(40, 8), seed=seed))


def test_it_takes_ups_and_downs_that_all_series_share_for_chance() -> None:
    false = [
        name
        for seed in range(60)
        for name, finding in segment_findings(sums(share=1.0, spread=0.1, seed=seed)).items()
        if finding.off[0]
    ]
    assert len(false) <= 1


def test_it_finds_a_segment_that_is_off() -> None:
    low = segment_findings(sums(share=1.3, spread=0.05))["bias"]
    assert low.off[0]
    assert low.effect[0] == pytest.approx(1 / 1.3 - 1, abs=0.04)
    grown = segment_findings(sums(share=1.0, spread=0.05, wild=True))
    assert grown["drift"].off[0]
    assert grown["coverage"].off[0]
    assert not any(f.off[0] for f in segment_findings(sums(share=1.3, spread=0.05, periods=3)).values())


def test_it_expects_the_errors_that_come() -> None:
    demand = negative_binomial(12, 2)
    quantiles = demand.ppf(LEVELS)[None]
    mean, variance = expected_errors(np.array([demand.mean()]), quantiles, QUANTILES, np.array([True]))
    error = np.abs(np.asarray(demand.rvs(200_000, random_state=1)) - demand.mean())
    assert mean[0] == pytest.approx(error.mean(), rel=0.1)
    assert variance[0] == pytest.approx(error.var(), rel=0.1)


def test_it_widens_bands_that_demand_leaves_and_narrows_idle_ones() -> None:
    rng = np.random.default_rng(0)
    # Demand is normal with deviation 1; bands were made for 0.7, 1, 1.5: the factors have to undo it.
    made_for = np.array([0.7, 1.0, 1.5])
    factor, covered, seen = np.ones(3), [], []
    for _ in range(120):
        inside = np.abs(rng.normal(size=(400, 1))) <= 1.645 * made_for * factor
        covered.append(inside.mean(axis=0))
        seen.append(covered[-1])
        factor = coverage_factor(np.array(covered), 0.9)
    np.testing.assert_allclose(factor * made_for, 1.0, atol=0.06)
    np.testing.assert_allclose(np.mean(seen[40:], axis=0), 0.9, atol=0.01)


def test_it_steps_as_adaptive_conformal_inference_does() -> None:
    covered = np.array([[1.0, 0.0, np.nan], [1.0, 0.5, np.nan]])
    np.testing.assert_allclose(
        coverage_factor(covered, 0.9, step=0.5), np.exp([-0.1, 0.5 * (0.9 + 0.4), 0.0])
    )
    np.testing.assert_allclose(coverage_factor(covered[1:], 0.9, step=0.5, start=1.2)[2], 1.2)
    always = np.zeros((100, 1))
    assert coverage_factor(always, 0.9)[0] == 2.0
    assert coverage_factor(always + 1, 0.9)[0] >= 0.5
