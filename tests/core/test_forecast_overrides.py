from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from forecasting.core.distribution import QUANTILES, DemandDistribution, Freq
from forecasting.core.overrides import Kind, Override, day_shares, means_change, overrides_apply

AS_OF = date(2026, 6, 28)  # a Sunday
Array = npt.NDArray[Any]


def labels(freq: Freq, horizon: int) -> Array:
    if freq == "M":
        months = np.datetime64("2026-07", "M") + np.arange(horizon) + 1
        return months.astype("datetime64[D]") - np.timedelta64(1, "D")
    step = {"D": 1, "W": 7}[freq]
    return np.array([AS_OF + timedelta(days=step * (h + 1)) for h in range(horizon)], dtype="datetime64[D]")


def make_demand(mean: Any, *, freq: Freq = "W", whole: bool = False) -> DemandDistribution:
    """Normal around these means (N, H), sd of the root of twice the mean; or negative binomial counts."""
    mean = np.asarray(mean, dtype=np.float64)
    levels = np.array(QUANTILES)

    def quantiles(expected: Array) -> Array:
        if whole:
            values = nbinom.ppf(levels, np.maximum(expected, 1e-9)[..., None], 0.5)
        else:
            z = np.array([-2.326, -1.645, -1.282, -0.674, 0, 0.674, 1.282, 1.645, 2.326])
            values = expected[..., None] + np.sqrt(2 * expected)[..., None] * z
        return np.where(expected[..., None] > 0, np.maximum(values, 0), 0)

    summed = np.maximum.accumulate(quantiles(np.cumsum(mean, axis=1)), axis=1)
    return DemandDistribution(
        unique_id=[f"s{n}" for n in range(len(mean))],
        as_of=AS_OF,
        freq=freq,
        ds=labels(freq, mean.shape[1]),
        mean=mean,
        quantiles=quantiles(mean),
        cum_quantiles=summed,
    )


def make_override(
    kind: Kind, value: float, first: int, last: int, rows: Any = (0,), key: int = 1
) -> Override:
    """From `first` to `last` days after the as-of date."""
    return Override(
        key=key,
        kind=kind,
        value=value,
        first_day=AS_OF + timedelta(days=first),
        last_day=AS_OF + timedelta(days=last),
        rows=np.array(rows, dtype=np.intp),
    )


def test_it_adds_half_of_a_weeks_change_where_half_of_its_days_are_meant() -> None:
    demand = make_demand([[14.0, 28.0, 7.0]])
    # The last three days of the first week, the first three of the second.
    changed, [effect] = overrides_apply(demand, [make_override("percent", 100, 5, 10)])
    np.testing.assert_allclose(changed.mean[0], [14 + 6, 28 + 12, 7], rtol=1e-6)
    assert effect.days == 6
    assert [effect.model, effect.before, effect.after] == pytest.approx([18, 18, 36])


@pytest.mark.parametrize(
    ("freq", "first", "last", "shares"),
    [
        ("D", 2, 3, [0, 1, 1, 0]),
        ("W", 1, 28, [1, 1, 1, 1]),
        ("W", -30, 1, [1 / 7, 0, 0, 0]),
        # July has 31 days, of which the first two lie before 2026-07-03, and August begins on the 34th.
        ("M", 5, 34, [29 / 31, 1 / 31, 0, 0]),
    ],
)
def test_it_knows_which_days_a_period_has(freq: Freq, first: int, last: int, shares: list[float]) -> None:
    override = make_override("percent", 0, first, last)
    found = day_shares(labels(freq, 4), freq, override.first_day, override.last_day)
    np.testing.assert_allclose(found, shares)


def test_it_spreads_units_over_series_in_proportion_to_their_means() -> None:
    demand = make_demand([[10.0, 10.0], [30.0, 30.0], [5.0, 5.0]])
    changed, [effect] = overrides_apply(demand, [make_override("uplift", 40, 1, 7, rows=(0, 1))])
    np.testing.assert_allclose(changed.mean, [[20, 10], [60, 30], [5, 5]], rtol=1e-6)
    assert [effect.before, effect.after] == pytest.approx([40, 80])
    # The series that is not meant keeps every digit.
    np.testing.assert_array_equal(changed.quantiles[2], demand.quantiles[2])
    np.testing.assert_array_equal(changed.cum_quantiles[2], demand.cum_quantiles[2])


def test_it_spreads_units_equally_where_the_model_expects_nothing() -> None:
    demand = make_demand(np.zeros((2, 4)), whole=True)
    changed, _ = overrides_apply(demand, [make_override("absolute", 42, 1, 14, rows=(0, 1))])
    np.testing.assert_allclose(changed.mean, [[10.5, 10.5, 0, 0]] * 2, rtol=1e-6)
    # What was never seen to sell is not known to the unit: half of the mean's size as spread, at least.
    low, high = changed.quantiles[0, 0, 0], changed.quantiles[0, 0, -1]
    assert low < 5
    assert high > 20
    np.testing.assert_array_equal(changed.cum_quantiles[0, 2], changed.cum_quantiles[0, 1])


def test_it_cuts_units_to_the_days_that_are_still_ahead() -> None:
    demand = make_demand([[10.0, 10.0]])
    # 14 of its 28 days have passed.
    changed, [effect] = overrides_apply(demand, [make_override("absolute", 100, -13, 14)])
    assert effect.days == 14
    np.testing.assert_allclose(changed.mean.sum(), 50, rtol=1e-6)
    past = make_override("absolute", 100, -13, 0, key=7)
    unchanged, [nothing] = overrides_apply(demand, [past])
    assert unchanged is demand
    assert (nothing.key, nothing.days, nothing.after) == (7, 0, 0.0)


def test_it_changes_means_that_have_no_quantiles() -> None:
    demand = replace(
        make_demand([[10.0]]), levels=(), quantiles=np.empty((1, 1, 0)), cum_quantiles=np.empty((1, 1, 0))
    )
    changed, _ = overrides_apply(demand, [make_override("absolute", 30, 1, 7)])
    assert changed.mean[0, 0] == 30


def test_it_applies_overrides_in_the_order_given() -> None:
    demand = make_demand([[10.0]])
    double, hundred = make_override("percent", 100, 1, 7), make_override("absolute", 100, 1, 7, key=2)
    changed, effects = overrides_apply(demand, [double, hundred])
    assert changed.mean[0, 0] == pytest.approx(100)
    found = [units for e in effects for units in (e.model, e.before, e.after)]
    assert found == pytest.approx([10, 10, 20, 10, 20, 100])
    changed, _ = overrides_apply(demand, [hundred, double])
    assert changed.mean[0, 0] == pytest.approx(200)


def test_it_takes_away_no_more_than_there_is() -> None:
    demand = make_demand([[10.0, 10.0]], whole=True)
    changed, _ = overrides_apply(demand, [make_override("uplift", -25, 1, 7)])
    np.testing.assert_allclose(changed.mean, [[0, 10]], rtol=1e-6)
    assert not changed.quantiles[0, 0].any()
    assert not changed.cum_quantiles[0, 0].any()
    # Then there is demand again, and nobody knows how much exactly.
    again, _ = overrides_apply(
        demand, [make_override("percent", -100, 1, 7), make_override("absolute", 20, 1, 7)]
    )
    assert again.quantiles[0, 0, 0] < 20 < again.quantiles[0, 0, -1]


def test_it_scales_every_quantile_of_a_percentage_on_all_periods() -> None:
    demand = make_demand([[20.0, 30.0, 40.0]])
    changed, _ = overrides_apply(demand, [make_override("percent", 50, 1, 21)])
    np.testing.assert_allclose(changed.quantiles, demand.quantiles * 1.5, rtol=1e-5)
    np.testing.assert_allclose(changed.cum_quantiles, demand.cum_quantiles * 1.5, rtol=1e-5)
    less, _ = overrides_apply(demand, [make_override("absolute", 45, 1, 21)])
    np.testing.assert_allclose(less.quantiles, demand.quantiles / 2, rtol=1e-5)


def test_it_gives_known_units_the_spread_of_more_customers_and_not_of_larger_orders() -> None:
    # One unit in three weeks, and 30 ordered by name: many times 30 is no likely demand.
    demand = make_demand([[1 / 3] * 4], whole=True)
    changed, _ = overrides_apply(demand, [make_override("uplift", 30, 1, 7)])
    top = changed.quantiles[0, 0, -1]
    assert 33 < top < 75
    scaled = demand.quantiles[0, 0, -1] * changed.mean[0, 0] / demand.mean[0, 0]
    assert scaled > 200
    # The sum's uncertainty grows by about as much, and the rest of the weeks keep theirs.
    assert changed.cum_quantiles[0, 3, -1] < 75
    np.testing.assert_array_equal(changed.quantiles[0, 1:], demand.quantiles[0, 1:])


def test_it_doubles_poisson_demand_as_poisson_demand_of_twice_the_mean() -> None:
    """The oracle: compound Poisson demand with twice the arrivals has root 2 the deviation."""
    demand = make_demand([[100.0] * 3])
    changed, _ = overrides_apply(demand, [make_override("absolute", 600, 1, 21)])
    exact = make_demand([[200.0] * 3])
    np.testing.assert_allclose(changed.quantiles, exact.quantiles, rtol=1e-4)
    np.testing.assert_allclose(changed.cum_quantiles, exact.cum_quantiles, rtol=1e-4)


means = st.lists(
    st.one_of(st.just(0.0), st.floats(0.001, 5), st.floats(5, 2000)), min_size=12, max_size=12
).map(lambda values: np.array(values).reshape(3, 4))
overrides = st.lists(
    st.tuples(
        st.sampled_from(["absolute", "percent", "uplift"]),
        st.floats(-100, 500),
        st.integers(-10, 30),
        st.integers(0, 20),
        st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=4,
)


def made(drawn: Any) -> list[Override]:
    return [
        make_override(kind, abs(value) if kind == "absolute" else value, first, first + more, rows, key)
        for key, (kind, value, first, more, rows) in enumerate(drawn)
    ]


@given(means, overrides, st.booleans())
def test_it_gives_distributions_again(mean: Array, drawn: Any, whole: bool) -> None:
    """DemandDistribution itself refuses crossing, falling or negative quantiles, and what is not finite."""
    demand = make_demand(mean, whole=whole)
    changed, effects = overrides_apply(demand, made(drawn))
    assert len(effects) == len(drawn)
    if whole:
        assert (changed.quantiles == np.rint(changed.quantiles)).all()
        assert (changed.cum_quantiles == np.rint(changed.cum_quantiles)).all()
    never = sorted({0, 1, 2} - {row for *_, rows in drawn for row in rows})
    for name in ("mean", "quantiles", "cum_quantiles"):
        np.testing.assert_array_equal(getattr(changed, name)[never], getattr(demand, name)[never])


@given(means, overrides)
def test_it_makes_the_total_what_it_was_told(mean: Array, drawn: Any) -> None:
    demand = make_demand(mean)
    own = made(drawn)
    change = means_change(demand.mean, demand.ds, demand.freq, own)
    last, effect = own[-1], change.effects[-1]
    if not effect.days:
        return
    before = means_change(demand.mean, demand.ds, demand.freq, own[:-1]).mean
    # What was there of the part of the periods that is not meant stays; the rest is the override's.
    share = day_shares(demand.ds, "W", last.first_day, last.last_day)
    rest = (before[last.rows] * (1 - share)).sum()
    found = change.mean[last.rows].sum() - rest
    covered = effect.days / last.days
    wanted = {
        "absolute": last.value * covered,
        "percent": effect.before * (1 + last.value / 100),
        "uplift": max(effect.before + last.value * covered, 0),
    }[last.kind]
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert effect.after == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@given(means, st.booleans())
def test_it_changes_nothing_by_no_percent_or_no_units(mean: Array, whole: bool) -> None:
    demand = make_demand(mean, whole=whole)
    none = [make_override("percent", 0, 1, 14, (0, 1, 2)), make_override("uplift", 0, 3, 9, (0, 2))]
    changed, _ = overrides_apply(demand, none)
    for name in ("mean", "quantiles", "cum_quantiles"):
        np.testing.assert_allclose(getattr(changed, name), getattr(demand, name), rtol=1e-6)
