from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import kendalltau, theilslopes

from forecasting.core.trends.high import HighTree, high_sellers
from forecasting.core.trends.outlook import directions, past_origins
from forecasting.core.trends.reading import TRENDS, Trends, assess, read_trends
from forecasting.core.trends.statistics import level_shift, season_strength, steady_trend

Array = npt.NDArray[Any]
WEEKS = 130
RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same numbers whatever the order of the tests."""
    RNG.bit_generator.state = np.random.default_rng(5).bit_generator.state


def noise(count: int = 1, *, weeks: int = WEEKS, level: float = 200.0) -> Array:
    return RNG.poisson(level, (count, weeks)).astype(float)


def shop(*planted: Array, weeks: int = WEEKS) -> Array:
    """Planted series (T,) first, then 40 that only make noise."""
    return np.vstack([*planted, noise(40, weeks=weeks)])


def read(y: Array) -> Trends:
    return read_trends(y, np.zeros(len(y), dtype=np.int64))


def kinds(y: Array) -> list[str]:
    return [TRENDS[number] for number in read(y).trend]


# Statistics against other programs ----------------------------------------------------------------------


def test_it_finds_the_slope_and_tau_that_scipy_finds() -> None:
    y = RNG.poisson(3, (30, 40)).astype(float) + 0.05 * np.arange(40)
    found = steady_trend(y)
    weeks = np.arange(40)
    for row, line in enumerate(y):
        assert found.slope[row] == pytest.approx(theilslopes(line, weeks).slope)
        assert found.tau[row] == pytest.approx(kendalltau(weeks, line).statistic)


def slow_z(line: Array) -> float:
    """Mann and Kendall's z with Hamed and Rao's correction, step by step."""
    n = len(line)
    score = sum(np.sign(line[j] - line[i]) for i in range(n) for j in range(i + 1, n))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in np.unique(line, return_counts=True)[1])
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    left = line - theilslopes(line, np.arange(n)).slope * np.arange(n)
    ranks = np.array([(left < value).sum() + ((left == value).sum() + 1) / 2 for value in left])
    ranks -= ranks.mean()
    extra = 0.0
    for lag in range(1, n // 4 + 1):
        rho = float((ranks[lag:] * ranks[:-lag]).sum() / (ranks**2).sum())
        if abs(rho) > 1.96 / np.sqrt(n):
            extra += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
    variance *= max(1.0, 1 + 2 / (n * (n - 1) * (n - 2)) * extra)
    return float((score - np.sign(score)) / np.sqrt(variance))


def test_it_tests_a_trend_as_a_slow_twin_does() -> None:
    walk = np.cumsum(RNG.normal(size=(20, 39)), axis=1)
    counts = RNG.poisson(2, (20, 39)).astype(float)
    for y in (walk, counts):
        np.testing.assert_allclose(steady_trend(y).z, [slow_z(line) for line in y])


def test_it_trusts_a_wandering_series_less_than_plain_kendall() -> None:
    walk = np.cumsum(RNG.normal(size=(300, 39)), axis=1)
    taken = (np.abs(steady_trend(walk).z) > 1.96).mean()
    plain = np.mean([kendalltau(np.arange(39), line).pvalue < 0.05 for line in walk])
    assert taken < 0.85 * plain


def test_it_finds_the_week_of_a_step() -> None:
    y = noise(3, weeks=52)
    y[1, 30:] *= 1.5
    found = level_shift(y)
    assert found.p[1] < 0.01
    assert abs(found.week[1] - 30) <= 1
    assert found.size[1] == pytest.approx(100, abs=20)
    assert min(found.p[0], found.p[2]) > 0.01


def test_a_season_is_strong_where_the_year_repeats_and_weak_in_noise() -> None:
    wave = 1 + 0.6 * np.sin(2 * np.pi * np.arange(WEEKS) / 52)
    strength = season_strength(np.vstack([noise() * wave, noise(30)]))
    assert strength[0] > 0.9
    assert np.median(strength[1:]) < 0.3
    assert np.isnan(season_strength(noise(2, weeks=103))).all()


# Classes of planted series ---------------------------------------------------------------------------------


def test_it_tells_planted_series() -> None:
    time = np.arange(WEEKS)
    rising = noise(level=2000)[0] * np.exp(0.02 * (time - WEEKS))
    falling = noise(level=2000)[0] * np.exp(-0.009 * time)
    # Last year's next 13 weeks sold five times the usual, and so did the year before.
    at_peak = np.isin((time - WEEKS) % 52, np.arange(13))
    seasonal = noise()[0] * np.where(at_peak, 5, 1)
    new = np.where(time < WEEKS - 9, np.nan, noise()[0])
    fading = np.where(time < WEEKS - 20, noise()[0], 0.0)
    found = kinds(shop(rising, falling, seasonal, new, fading))
    assert found[:5] == ["rising", "falling", "peak", "new", "fading"]
    assert found[5:].count("stable") >= 36


def test_it_calls_lumpy_what_goes_neither_way_for_sure() -> None:
    lumps = np.where(RNG.random((40, WEEKS)) < 0.4, RNG.lognormal(2, 1, (40, WEEKS)).round(), 0.0)
    found = read(shop(*lumps))
    assert [TRENDS[number] for number in found.trend[:40]].count("lumpy") >= 8
    assert "lumpy" not in [TRENDS[number] for number in found.trend[40:]]


def test_a_season_that_is_not_on_sale_now_is_no_end() -> None:
    time = np.arange(WEEKS)
    at_peak = np.isin((time - WEEKS) % 52, np.arange(2, 10))
    trends = read(shop(np.where(at_peak, noise()[0], 0.0)))
    assert TRENDS[trends.trend[0]] == "peak"
    assert trends.direction[0] == 1


def test_a_shop_that_climbs_as_a_whole_is_rising() -> None:
    y = noise(30, weeks=60) * np.exp(0.02 * np.arange(60))
    assert kinds(y).count("rising") >= 28


def test_a_shop_that_went_down_and_repeats_it_falls_with_its_season() -> None:
    wave = 1 + 0.5 * np.cos(2 * np.pi * (np.arange(WEEKS) - WEEKS + 7) / 52)
    trends = read(noise(40) * wave)
    assert (trends.direction == -1).mean() > 0.9
    assert (trends.season_part < -0.2).mean() > 0.9


def test_it_is_less_sure_of_a_season_that_it_saw_once() -> None:
    """The same wave, cut after 60 weeks or read whole: with one year its size is uncertainty as well."""
    wave = 1 + 0.5 * np.cos(2 * np.pi * (np.arange(WEEKS) - WEEKS - 7) / 52)
    y = noise(40) * wave
    once, twice = read(y[:, -60:]), read(y)
    assert set(once.trend) == set(twice.trend) == {TRENDS.index("peak")}
    assert (once.signs.season > 0.2).all()
    np.testing.assert_allclose(once.signs.season_spread, once.signs.season - once.signs.climb)
    assert not twice.signs.season_spread.any()
    assert once.confidence.max() < twice.confidence.min()
    assert (once.confidence > 0.5).all()


# Behaviour on any panel ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        np.zeros((3, 60)),
        np.full((2, 60), 7.0),
        np.full((2, 60), np.nan),
        np.full((1, 1), 3.0),
        np.full((4, 5), 2.0),
        np.array([[np.nan] * 50 + [4.0]]),
        noise(1),
        np.zeros((0, 60)),
    ],
    ids=["zero", "constant", "unknown", "one week", "short", "one sale", "one row", "none"],
)
def test_it_reads_odd_panels(y: Array) -> None:
    trends = read(y)
    assert trends.trend.shape == (len(y),)
    for values in (trends.confidence, trends.score, trends.outlook.change, trends.outlook.chances):
        assert np.isfinite(values).all()
    assert ((trends.confidence >= 0) & (trends.confidence <= 1)).all()


def test_the_order_of_the_series_changes_nothing() -> None:
    y = np.round(noise(60) * RNG.gamma(2, 1, (60, 1)) * RNG.gamma(3, 0.3, (60, WEEKS)))
    groups = np.arange(60) % 3
    turn = RNG.permutation(60)
    one, other = read_trends(y, groups), read_trends(y[turn], groups[turn])
    np.testing.assert_array_equal(one.trend[turn], other.trend)
    np.testing.assert_allclose(one.outlook.change[turn], other.outlook.change, atol=1e-9)
    np.testing.assert_allclose(one.score[turn], other.score, rtol=1e-6)
    assert one.second is not None
    assert other.second is not None
    np.testing.assert_array_equal(one.second[turn], other.second)
    assert one.rules == other.rules


def test_units_in_dozens_give_the_same_classes() -> None:
    y = np.round(noise(60) * RNG.gamma(2, 1, (60, 1)) * RNG.gamma(3, 0.3, (60, WEEKS)))
    one, other = read(y), read(y / 12)
    np.testing.assert_array_equal(one.trend, other.trend)
    np.testing.assert_allclose(one.outlook.change, other.outlook.change, atol=1e-9)


def test_the_future_changes_nothing_that_was_told_before() -> None:
    y = noise(40)
    other = y.copy()
    other[:, 100:] = RNG.permutation(other[:, 100:].ravel()).reshape(40, -1) * 9
    groups = np.zeros(40, dtype=np.int64)
    one, two = assess(y, 100, groups), assess(other, 100, groups)
    np.testing.assert_array_equal(one.told, two.told)
    np.testing.assert_array_equal(one.trivial, two.trivial)
    assert (one.actual != two.actual).any()


def test_it_learns_only_from_quarters_that_were_over() -> None:
    y = noise(20)
    groups = np.zeros(20, dtype=np.int64)
    other = y.copy()
    other[:, 100:] = np.nan
    one, two = past_origins(y, 100, groups), past_origins(other, 100, groups)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.change, two.change)
    assert past_origins(y, 38, groups) is None


def test_within_ten_percent_is_stable() -> None:
    before = np.array([100.0, 100, 100, 100, 0, 0])
    after = np.array([110.0, 111, 90, 89, 0, 1])
    assert directions(before, after).tolist() == [0, 1, 0, -1, 0, 1]


def test_the_trees_rules_say_what_it_does() -> None:
    y = noise(200) * RNG.gamma(1, 1, (200, 1))
    tree = HighTree.fit(y, WEEKS)
    assert tree is not None
    rules = tree.rules()
    assert rules
    assert rules[0].share >= rules[-1].share >= 0.5
    chance = tree.chances(y, WEEKS)
    is_high = high_sellers(y[:, -13:].sum(axis=1), np.ones(200, dtype=bool))
    assert is_high.sum() == 20
    assert (chance[is_high] >= 0.5).mean() > 0.9
    assert (chance[~is_high] >= 0.5).mean() < 0.05


def test_it_compares_with_what_happened_and_with_the_trivial_answer() -> None:
    wave = 1 + 0.6 * np.sin(2 * np.pi * np.arange(WEEKS) / 52)
    found = assess(noise(80) * wave, WEEKS - 13, np.zeros(80, dtype=np.int64))
    assert (found.told == found.actual).mean() > (found.trivial == found.actual).mean()
    assert len(found.rows) == len(found.frequent) == 80
