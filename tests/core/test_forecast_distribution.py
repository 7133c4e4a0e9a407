from __future__ import annotations

import time
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.core.distribution import QUANTILES, DemandDistribution, quantile_name

AS_OF = date(2024, 1, 1)


def make(count: int = 3, horizon: int = 5, seed: int = 0) -> DemandDistribution:
    rng = np.random.default_rng(seed)
    mean = rng.gamma(2, 2, (count, horizon))
    quantiles = np.sort(rng.gamma(2, 2, (count, horizon, 9)), axis=2)
    cumulative = np.sort(np.cumsum(rng.gamma(2, 2, (count, horizon, 9)), axis=1), axis=2)
    ds = np.datetime64("2024-01-08") + 7 * np.arange(horizon)
    return DemandDistribution([f"s{i}" for i in range(count)], AS_OF, "W", ds, mean, quantiles, cumulative)


def test_it_names_quantile_columns_by_two_digits_and_three_where_needed() -> None:
    assert [quantile_name(level) for level in (0.01, 0.5, 0.975)] == ["q01", "q50", "q975"]


def test_it_survives_the_trip_through_a_frame_in_any_row_order() -> None:
    distribution = make()
    frame = distribution.to_frame()
    assert frame.columns[:5] == ["unique_id", "ds", "h", "mean", "q01"]
    assert frame.columns[-1] == "cum_q99"
    back = DemandDistribution.from_frame(frame.sort("h", descending=True), "W", AS_OF)
    assert sorted(back.unique_id) == sorted(distribution.unique_id)
    back = back.take([back.unique_id.index(name) for name in distribution.unique_id])
    for name in ("mean", "quantiles", "cum_quantiles", "ds"):
        np.testing.assert_array_equal(getattr(back, name), getattr(distribution, name))
    assert back.levels == QUANTILES


def test_it_refuses_a_frame_whose_series_have_different_periods() -> None:
    with pytest.raises(ValueError, match="same periods"):
        DemandDistribution.from_frame(make().to_frame().head(-1), "W", AS_OF)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d["mean"].__setitem__((0, 0), -1), "negative"),
        (lambda d: d["mean"].__setitem__((0, 0), np.nan), "not finite"),
        (lambda d: d["quantiles"].__setitem__((0, 0, 0), 1e6), "cross"),
        (lambda d: d["cum_quantiles"].__setitem__((0, -1), 0.0), "fall along h"),
        (lambda d: d.update(mean=d["mean"][:, :-1]), "shape"),
        (lambda d: d.update(ds=d["ds"][::-1]), "ds must rise"),
    ],
)
def test_it_refuses_a_distribution_that_is_none(change, problem: str) -> None:  # type: ignore[no-untyped-def]
    good = make()
    fields = {name: getattr(good, name).copy() for name in ("ds", "mean", "quantiles", "cum_quantiles")}
    change(fields)
    with pytest.raises(ValueError, match=problem):
        DemandDistribution(unique_id=good.unique_id, as_of=AS_OF, freq="W", **fields)


def test_it_gives_zero_for_no_periods_and_the_stored_values_at_whole_periods() -> None:
    distribution = make()
    mean, quantiles, short = distribution.interval(np.zeros(3))
    assert not mean.any()
    assert not quantiles.any()
    assert not short.any()
    mean, quantiles, short = distribution.interval([1.0, 3.0, 5.0])
    np.testing.assert_allclose(mean, distribution.cum_mean[[0, 1, 2], [0, 2, 4]])
    np.testing.assert_allclose(quantiles, distribution.cum_quantiles[[0, 1, 2], [0, 2, 4]])
    assert not short.any()


def test_it_interpolates_between_periods() -> None:
    distribution = make()
    mean, quantiles, _ = distribution.interval(2.25)
    np.testing.assert_allclose(mean, 0.75 * distribution.cum_mean[:, 1] + 0.25 * distribution.cum_mean[:, 2])
    cum = distribution.cum_quantiles.astype(float)
    np.testing.assert_allclose(quantiles, 0.75 * cum[:, 1] + 0.25 * cum[:, 2])


def test_it_carries_the_last_rate_and_a_spread_like_the_root_of_time_past_the_horizon() -> None:
    steps = np.arange(1, 5)
    cum_mean = 10.0 * steps
    spread = np.linspace(-2, 2, 9)
    cum = cum_mean[None, :, None] + spread * np.sqrt(steps)[None, :, None]
    quantiles = np.broadcast_to(10 + spread, (1, 4, 9))
    ds = np.datetime64("2024-01-08") + 7 * np.arange(4)
    distribution = DemandDistribution(["a"], AS_OF, "W", ds, np.full((1, 4), 10.0), quantiles, cum)
    mean, far, short = distribution.interval([9.0])
    assert short.tolist() == [True]
    np.testing.assert_allclose(mean, [90.0])
    np.testing.assert_allclose(far[0], 90 + spread * 3, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(0, 12), min_size=2, max_size=2).map(sorted))
def test_it_never_falls_as_the_interval_grows_and_never_crosses(seed: int, spans: list[float]) -> None:
    distribution = make(seed=seed)
    mean_a, quantiles_a, _ = distribution.interval(spans[0])
    mean_b, quantiles_b, _ = distribution.interval(spans[1])
    assert np.all(mean_b >= mean_a - 1e-9)
    assert np.all(quantiles_b >= quantiles_a - 1e-6)
    assert np.all(np.diff(quantiles_b, axis=1) >= -1e-6)


def test_it_answers_for_a_hundred_thousand_series_well_within_a_second() -> None:
    distribution = make(count=2000, horizon=13).take(np.tile(np.arange(2000), 50))
    start = time.process_time()
    mean, quantiles, short = distribution.interval(np.linspace(0, 20, 100_000))
    assert time.process_time() - start < 1.0
    assert mean.shape == (100_000,)
    assert quantiles.shape == (100_000, 9)
    assert short.any()
