from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma

from benchmarks.censored_demand import KINDS, lay, plant
from benchmarks.forecast_sets import frat
from forecasting.core.cleaning import CleanDemand, Reason, clean, pack, unpack
from forecasting.core.cleaning.expected import conditional_mean
from forecasting.core.panel import Array, Column, Panel


def make_panel(y: Array, *, freq: Any = "W", censored: Array | None = None, **values: Any) -> Panel:
    """A panel of these units (T, N); nothing lies ahead."""
    y = np.asarray(y, dtype=np.float32)
    days = {"D": 1, "W": 7, "M": 30}[freq] * np.arange(len(y) + 1)
    labels = np.datetime64("2022-01-03") + days.astype("timedelta64[D]")
    begun = np.isfinite(y).argmax(axis=0).astype(np.int32)
    return Panel(
        unique_id=[f"s{number:04d}" for number in range(y.shape[1])],
        freq=freq,
        as_of=labels[-2].astype(date),
        ds=labels[:-1],
        future=labels[-1:],
        y=y,
        censored=np.zeros(y.shape, dtype=bool) if censored is None else censored,
        start=begun,
        **values,
    )


def steady(periods: int = 110, count: int = 30, rate: float = 20, seed: int = 0) -> Array:
    return np.random.default_rng(seed).poisson(rate, (periods, count)).astype(np.float32)


def at(result: CleanDemand, period: int, series: int = 0) -> Reason:
    return Reason(int(result.reason[period, series]))


def test_it_leaves_plain_sales_alone() -> None:
    y = steady()
    result = clean(make_panel(y))
    np.testing.assert_array_equal(result.demand, y)
    assert (result.weight == 1).all()
    assert (result.reason == Reason.NONE).all()
    assert not result.ended.any()
    assert pack(result) == [b""] * 30


def test_it_fills_flagged_stock_outs_near_the_true_demand() -> None:
    y = steady(rate=50)
    censored = np.random.default_rng(1).random(y.shape) < 0.1
    censored[0] = False
    result = clean(make_panel(np.where(censored, 0, y), censored=censored))
    assert result.demand[censored].sum() == pytest.approx(y[censored].sum(), rel=0.03)
    assert (result.reason[censored] == Reason.STOCK_OUT).all()
    assert (result.probability[censored] == 1).all()
    assert (result.weight[censored] < 1).all()
    np.testing.assert_array_equal(result.demand[~censored], y[~censored])


def test_it_takes_sales_before_a_stock_out_as_a_lower_bound() -> None:
    y = steady(rate=20)
    censored = np.zeros(y.shape, dtype=bool)
    y[50, 0], censored[50, 0] = 31, True  # already more than usual
    y[60, 0], censored[60, 0] = 2, True
    result = clean(make_panel(y, censored=censored))
    assert 31 < result.demand[50, 0] < 40
    assert result.demand[60, 0] == pytest.approx(20, abs=3)


@pytest.mark.parametrize(("mean", "dispersion", "lower"), [(20, 3, 25), (4, 9, 1), (0.5, 2, 3), (100, 1, 60)])
def test_its_conditional_mean_is_that_of_the_gamma_tail(mean: float, dispersion: float, lower: float) -> None:
    law = gamma(mean / dispersion, scale=dispersion)
    total, _ = quad(lambda x: x * law.pdf(x), lower, law.ppf(1 - 1e-12), limit=200)
    found = conditional_mean(np.array([mean]), np.array([dispersion]), np.array([float(lower)]))
    assert found[0] == pytest.approx(max(total / law.sf(lower), mean), rel=1e-4)


def test_its_conditional_mean_stays_finite_far_out_in_the_tail() -> None:
    found = conditional_mean(np.array([1.0, 1e-9]), np.array([1.0, 1e-3]), np.array([1e4, 5.0]))
    assert (found > [1e4, 5]).all()
    assert (found < [1.01e4, 5.1]).all()


def test_it_estimates_a_hidden_promotion_as_promoted() -> None:
    rng = np.random.default_rng(0)
    promoted = rng.random((110, 40)) < 0.15
    y = rng.poisson(20 * np.where(promoted, 3, 1)).astype(np.float32)
    censored = rng.random(y.shape) < 0.08
    known = {"promotion": Column(np.vstack([promoted, promoted[:1]]).astype(np.float32), categorical=False)}
    result = clean(make_panel(np.where(censored, 0, y), censored=censored, known=known))
    for kind, rate in ((promoted, 60), (~promoted, 20)):
        assert result.demand[censored & kind].mean() == pytest.approx(rate, rel=0.06)


def test_it_estimates_a_hidden_weekday_and_a_common_peak_as_such() -> None:
    rng = np.random.default_rng(0)
    rate = np.full((140, 60), 10.0)
    rate[np.arange(140) % 7 == 5] *= 3
    rate[100:107] *= 4  # all series at once, as before Christmas
    y = rng.poisson(rate).astype(np.float32)
    censored = np.zeros(y.shape, dtype=bool)
    censored[40:54, :10] = True
    censored[100:107, 10:20] = True
    result = clean(make_panel(np.where(censored, 0, y), freq="D", censored=censored))
    days = np.arange(40, 54)
    saturday = days[days % 7 == 5]
    assert result.demand[saturday, :10].mean() == pytest.approx(30, rel=0.1)
    assert result.demand[np.setdiff1d(days, saturday), :10].mean() == pytest.approx(10, rel=0.1)
    assert result.demand[100:107, 10:20].sum() == pytest.approx(rate[100:107, 10:20].sum(), rel=0.12)


def test_it_infers_a_stock_out_between_strong_sales_and_not_where_a_record_says_otherwise() -> None:
    y = steady(rate=20)
    y[40:44, 0] = 0
    panel = make_panel(y)
    result = clean(panel)
    assert {at(result, period) for period in range(40, 44)} == {Reason.LIKELY_STOCK_OUT}
    assert (result.probability[40:44, 0] > 0.9).all()
    assert result.demand[40:44, 0] == pytest.approx(20, abs=3)
    assert (result.weight[40:44, 0] < 0.5).all()
    stocked = np.ones(y.shape, dtype=bool)
    believed = clean(panel, stocked=stocked)
    assert (believed.probability == 0).all()
    assert (believed.demand[40:44, 0] == 0).all()


def test_it_infers_no_stock_out_from_intermittent_demand() -> None:
    y = np.random.default_rng(0).poisson(0.6, (156, 200)).astype(np.float32)
    result = clean(make_panel(y))
    assert (result.reason == Reason.LIKELY_STOCK_OUT).mean() < 0.005
    assert (y == 0).mean() > 0.5


def test_it_infers_no_stock_out_from_a_season_or_a_closed_shop() -> None:
    rng = np.random.default_rng(0)
    y = rng.poisson(20, (156, 40)).astype(np.float32)
    for year in range(3):
        y[52 * year + 20 : 52 * year + 28, 0] = 0
    y[70:72] = 0
    result = clean(make_panel(y))
    assert (result.reason[70:72, 1:] == Reason.NONE).all()
    assert (result.reason[:, 0] == Reason.NONE).all()


def test_it_leaves_silence_at_the_end_alone_until_it_is_long() -> None:
    y = steady(periods=156)
    y[150:, 0] = 0
    y[110:, 1] = 0
    result = clean(make_panel(y))
    assert (result.reason[:, 0] == Reason.NONE).all()
    assert result.ended.tolist()[:3] == [False, True, False]
    end = int(result.end[1])
    assert 110 < end <= 110 + 27
    assert (result.reason[end:, 1] == Reason.AFTER_END).all()
    assert (result.weight[end:, 1] == 0).all()
    assert (result.weight[:end, 1] == 1).all()


def test_it_does_not_bury_a_seasonal_series_in_its_quiet_months() -> None:
    y = np.zeros((156, 2), dtype=np.float32)
    for year in range(3):
        y[52 * year + 30 : 52 * year + 50] = 12
    quiet = y[: 52 * 2 + 26]
    assert not clean(make_panel(quiet)).ended.any()
    quiet[100:, 0] = 0
    stopped = np.vstack([quiet, np.zeros((60, 2), dtype=np.float32)])
    assert clean(make_panel(stopped)).ended.all()


def test_it_counts_no_end_where_stock_ran_out() -> None:
    y = steady(periods=156)
    y[110:, 0] = 0
    censored = np.zeros(y.shape, dtype=bool)
    censored[110:, 0] = True
    result = clean(make_panel(y, censored=censored))
    assert not result.ended.any()
    assert result.demand[155, 0] == pytest.approx(20, abs=5)


def test_it_lets_nothing_before_launch_teach() -> None:
    y = steady()
    y[:30, 0] = 0
    y[:20, 1] = np.nan
    y[:, 2] = 0
    result = clean(make_panel(y))
    assert result.launched.tolist()[:3] == [30, 20, 110]
    assert (result.reason[:30, 0] == Reason.BEFORE_LAUNCH).all()
    assert (result.weight[:30, 0] == 0).all()
    assert (result.reason[:20, 1] == Reason.NONE).all()
    assert np.isnan(result.demand[:20, 1]).all()
    assert (result.weight[:, 2] == 0).all()


def test_it_tells_bulk_orders_promotions_cancellations_returns_and_other_outliers_apart() -> None:
    rng = np.random.default_rng(0)
    orders = rng.poisson(8, (110, 30)).astype(np.float32) + 1
    y = (orders * rng.integers(1, 4, orders.shape)).astype(np.float32)
    promoted = (np.arange(110)[:, None] + np.arange(30)) % 12 == 0
    promoted[50:55, :4] = False
    y[promoted] *= 6
    promotion = np.vstack([promoted, promoted[:1]]).astype(np.float32)
    zero = np.zeros_like(orders)
    cancelled, returned = zero.copy(), zero.copy()
    y[50, 0], orders[50, 0] = 900, 1
    y[51, 1], orders[51, 1] = 900, 300
    y[52, 2], cancelled[53, 2] = 900, 880
    y[53, 3], returned[53, 3] = 900, 700
    panel = make_panel(
        y,
        known={"promotion": Column(promotion, categorical=False)},
        past={
            name: Column(values, categorical=False)
            for name, values in (("orders", orders), ("cancelled_units", cancelled), ("returns", returned))
        },
    )
    result = clean(panel)
    spikes = ([50, 51, 52, 53], [0, 1, 2, 3])
    kinds = [Reason.BULK, Reason.OUTLIER, Reason.CANCELLATION, Reason.RETURN]
    assert result.reason[spikes].tolist() == kinds
    assert (result.weight[spikes] < 0.2).all()
    assert (result.weight[spikes] > 0).all()
    assert result.demand[spikes].tolist() == [900, 900, 20, 200]
    assert (result.weight[promoted] == 1).all()
    assert set(np.unique(result.reason[promoted])) == {Reason.NONE, Reason.PROMOTION}
    assert not (result.reason[~promoted] == Reason.PROMOTION).any()


def test_it_finds_the_same_in_a_large_panel_as_in_a_small_one() -> None:
    y = steady(periods=60, count=5000, rate=10)
    y[30:34, 7] = 0
    y[20, 11] = 400
    result = clean(make_panel(y))
    assert {at(result, period, 7) for period in range(30, 34)} == {Reason.LIKELY_STOCK_OUT}
    assert result.demand[30:34, 7] == pytest.approx(10, abs=2)
    assert at(result, 20, 11) == Reason.OUTLIER
    assert (result.reason == Reason.NONE).mean() > 0.9999


def hostile(seed: int, periods: int, count: int) -> Panel:
    """Sparse sales of any size, gaps, stock-outs, columns with holes."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(rng.gamma(0.5, 10, count), (periods, count)).astype(np.float32)
    y *= (rng.random(y.shape) < 0.5) * rng.choice([1, 1, 1, 1000], y.shape)
    y[rng.random(y.shape) < 0.1] = np.nan
    censored = (rng.random(y.shape) < 0.2) | (rng.random(count) < 0.1)
    price = rng.choice([0.5, 1, 2, np.nan], (periods + 1, count)).astype(np.float32)
    kind = rng.choice([0, 1, 2, np.nan], (periods + 1, count)).astype(np.float32)
    return make_panel(
        y,
        freq=rng.choice(["D", "W", "M"]),
        censored=censored,
        known={"price": Column(price, categorical=False), "kind": Column(kind, categorical=True)},
        static={"shop": Column(np.arange(count, dtype=np.float32) % 2, categorical=True)},
    )


@given(seed=st.integers(0, 10_000), periods=st.integers(1, 60), count=st.integers(1, 24))
@settings(max_examples=40, deadline=None)
def test_it_keeps_its_promises_on_any_panel(seed: int, periods: int, count: int) -> None:
    panel = hostile(seed, periods, count)
    result = clean(panel)
    known = np.isfinite(panel.y)
    assert (np.isfinite(result.demand) == known).all()
    untold = known & np.isin(result.reason, [Reason.NONE, Reason.BULK, Reason.OUTLIER, Reason.PROMOTION])
    np.testing.assert_array_equal(result.demand[untold], panel.y[untold])
    assert (result.demand[known] >= panel.y[known] * (1 - 1e-6)).all()
    for values in (result.weight, result.probability):
        assert ((values >= 0) & (values <= 1)).all()
    assert (result.weight[~known] == 0).all()
    larger = clean(replace(panel, y=panel.y * 10))
    np.testing.assert_array_equal(larger.reason, result.reason)
    np.testing.assert_allclose(larger.demand, result.demand * 10, rtol=2e-3, atol=1e-3)


def test_it_packs_and_unpacks_the_corrections_of_recent_periods() -> None:
    y = steady(periods=130)
    censored = np.zeros(y.shape, dtype=bool)
    censored[[5, 120, 129], 3] = True
    y[censored] = 0
    y[100, 4] = np.nan
    result = clean(make_panel(y, censored=censored))
    blobs = pack(result)
    assert [bool(blob) for blob in blobs[:6]] == [False, False, False, True, True, False]
    found = unpack(blobs[3])
    assert found.back.tolist() == [0, 9]  # period 5 lies further back than 104 weeks
    assert found.reason.tolist() == [Reason.STOCK_OUT] * 2
    np.testing.assert_array_equal(found.demand, result.demand[[129, 120], 3])
    gap = unpack(blobs[4])
    assert (gap.back.tolist(), gap.reason.tolist()) == ([29], [Reason.UNKNOWN])
    assert np.isnan(gap.demand).all()
    assert len(unpack(b"").back) == 0
    with pytest.raises(ValueError, match="buffer size"):
        unpack(b"123")


@pytest.mark.parametrize("kind", KINDS)
def test_it_reconstructs_hidden_demand_of_a_grocer_with_little_bias(kind: str) -> None:
    try:
        case = frat()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    full = lay(case, case.panel, case.cuts[-1])
    sales, out = plant(full.y, kind, seed=1)
    result = clean(replace(full, y=sales, censored=out))
    assert out.mean() > 0.02
    assert result.demand[out].sum() == pytest.approx(full.y[out].sum(), rel=0.03)
