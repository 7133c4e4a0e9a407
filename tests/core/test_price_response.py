"""The response of demand to price and promotion: the regression, the pooling, and what is made of it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.cleaning import clean
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.response import pooling
from forecasting.core.response.estimate import Responses, response_estimate
from forecasting.core.response.poisson import PanelPoisson
from forecasting.core.response.regressors import Regressors
from forecasting.core.response.series import FIELDS, SeriesResponse, pack, price_factors

Array = npt.NDArray[Any]
END = date(2024, 12, 29)
WEEKS = 104
TRUE = (-2.0, 0.4)


def make_panel(
    y: Array, price: Array | None = None, promotion: Array | None = None, **more: Array | list[str]
) -> Panel:
    """A weekly panel of (T, N) arrays that ends on END; ``more`` are such columns, or a value a series."""
    periods, count = y.shape
    labels = [END - timedelta(weeks=periods - 1 - t) for t in range(periods)]
    given_columns = {"price": price, "promotion": promotion} | more
    columns = {
        name: np.repeat(values, periods) if isinstance(values, list) else values.T.ravel()
        for name, values in given_columns.items()
        if values is not None
    }
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat([f"{i:04}" for i in range(count)], periods),
            "ds": labels * count,
            "y": y.T.ravel().astype(np.float32),
            **columns,
        }
    ).fill_nan(None)
    static = ("category",) if "category" in more else ()
    return panel_from_frame(frame, as_of=END, freq="W", horizon=4, static=static)


def make_shop(
    count: int = 60, *, rate: float = 12.0, seed: int = 3, true: tuple[float, float] = TRUE
) -> dict[str, Array]:
    """Promotions that mostly cut the price, cuts without one, a common season, and drifting levels."""
    rng = np.random.default_rng(seed)
    shape = (WEEKS, count)
    promotion = rng.random(shape) < 0.12
    price = 10 * (1 - 0.25 * (promotion & (rng.random(shape) < 0.7)))
    price *= 1 - 0.15 * ((rng.random(shape) < 0.05) & ~promotion)
    season = 0.4 * np.sin(2 * np.pi * np.arange(WEEKS) / 52)[:, None]
    drift = np.cumsum(rng.normal(0, 0.01, shape), axis=0)
    mean = rate * np.exp(season + drift + true[0] * np.log(price / 10) + true[1] * promotion)
    return {"y": rng.poisson(mean), "price": price, "promotion": promotion.astype(np.float32)}


def estimate(panel: Panel) -> Responses:
    found = response_estimate(panel, clean(panel))
    assert found is not None
    return found


def series_of(**values: float) -> SeriesResponse:
    usual = dict.fromkeys(FIELDS, 0.0) | {
        "elasticity": -2.0,
        "elasticity_se": 0.4,
        "uplift": 0.3,
        "uplift_se": 0.1,
    }
    return SeriesResponse(**(usual | values))


def test_it_is_the_poisson_regression_with_an_own_level_in_each_block() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    shop = make_shop(3, rate=4)
    panel = make_panel(**shop)
    data = Regressors.of(panel, clean(panel))
    assert data is not None
    model = PanelPoisson(data, np.zeros(3, dtype=np.int64), "W")
    coefficients = np.zeros((3, 2))
    for _ in range(12):
        model.move(coefficients)  # of so few series there is no common movement
        info = model.information(coefficients)
        coefficients += np.linalg.solve(info.curvature, info.score[..., None])[..., 0]
    info = model.information(coefficients)
    block = np.searchsorted(model.begins, np.arange(WEEKS), side="right") - 1
    for i in range(3):
        levels = (block[:, None] == np.arange(len(model.begins))).astype(float)
        x = np.column_stack([data.price[:, i], data.promotion[:, i], levels])
        fit = statsmodels.GLM(
            data.units[:, i],
            x,
            family=statsmodels.families.Poisson(),
            var_weights=data.weight[:, i],
        ).fit()
        assert coefficients[i] == pytest.approx(fit.params[:2], abs=1e-3)
        assert np.linalg.inv(info.curvature[i]) == pytest.approx(fit.cov_params()[:2, :2], rel=1e-3)
        assert info.chi2[i] == pytest.approx(fit.pearson_chi2, rel=1e-3)


def test_pooling_is_the_normal_hierarchy_solved_at_once() -> None:
    rng = np.random.default_rng(0)
    count, group = 7, np.array([0, 0, 1, 1, 1, 2, 2])
    roots = rng.normal(size=(count, 2, 2))
    precision = roots @ roots.transpose(0, 2, 1)
    precision[3] = 0
    linear = (precision @ rng.normal(size=(count, 2, 1)))[:, :, 0]
    spread, group_spread = np.diag([0.5, 0.2]), np.array([[0.3, 0.05], [0.05, 0.1]])
    # All unknowns in one normal: the shop, three groups, seven series.
    size = 2 * (1 + 3 + count)
    whole, right = np.zeros((size, size)), np.zeros(size)
    base = np.diag(1 / pooling.PRIOR_SD**2)
    whole[:2, :2] += base
    right[:2] += base @ pooling.PRIOR_MEAN
    links = [(0, 1 + g, group_spread) for g in range(3)]
    links += [(1 + int(g), 4 + i, spread) for i, g in enumerate(group)]
    for one, other, cov in links:
        inner = np.linalg.inv(cov)
        a, b = slice(2 * one, 2 * one + 2), slice(2 * other, 2 * other + 2)
        for p, q, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            whole[p, q] += sign * inner
    for i in range(count):
        own = slice(2 * (4 + i), 2 * (4 + i) + 2)
        whole[own, own] += precision[i]
        right[own] += linear[i]
    exact, cov = np.linalg.solve(whole, right), np.linalg.inv(whole)
    fit = pooling._fit(precision, linear, group, spread, group_spread)
    assert fit.mean == pytest.approx(exact[8:].reshape(count, 2))
    assert fit.shop == pytest.approx(exact[:2])
    assert fit.group_cov[1] == pytest.approx(cov[4:6, 4:6])


def test_series_that_say_much_keep_their_own_and_those_that_say_nothing_take_their_groups() -> None:
    group = np.repeat([0, 1], 20)
    truth = np.where(group == 0, -1.0, -4.0)
    precision = np.tile(np.diag([1e4, 1e4]), (40, 1, 1))
    precision[[3, 33]] = 0
    linear = np.einsum("npq,nq->np", precision, np.stack([truth, np.full(40, 0.2)], axis=1))
    found = pooling.pool(precision, linear, group)
    assert found.mean[:, 0] == pytest.approx(truth, abs=0.1)
    assert found.own[0] == pytest.approx([1, 1], abs=0.01)
    assert found.own[3] == pytest.approx([0, 0])
    assert found.covariance[3, 0, 0] > 10 * found.covariance[0, 0, 0]


def test_it_finds_what_a_shop_was_made_with_and_says_how_sure_it_is() -> None:
    shop = make_shop()
    found = estimate(make_panel(**shop))
    assert found.elasticity.mean() == pytest.approx(TRUE[0], abs=0.12)
    assert found.uplift.mean() == pytest.approx(TRUE[1], abs=0.04)
    inside = np.abs(found.elasticity - TRUE[0]) <= 1.2816 * found.elasticity_se
    assert inside.mean() > 0.7
    assert (found.changes > 5).all()
    assert (found.own_price > 0.05).all()
    assert found.shop["elasticity"] == pytest.approx(TRUE[0], abs=0.15)


def test_a_promotion_is_not_taken_for_a_price() -> None:
    shop = make_shop(true=(-1.0, 0.6))
    together = estimate(make_panel(**shop))
    assert together.elasticity.mean() == pytest.approx(-1.0, abs=0.15)
    without = estimate(make_panel(shop["y"], shop["price"]))
    # The price alone has to answer for the promotions too.
    assert without.elasticity.mean() < -2


def test_a_common_season_is_not_taken_for_a_price() -> None:
    rng = np.random.default_rng(1)
    season = np.sin(2 * np.pi * np.arange(WEEKS) / 26)[:, None]
    # Half of the shop is cheap when all of it sells little; nobody answers to the price.
    price = np.where(np.arange(40) < 20, 10 * np.exp(0.2 * np.sign(season)), 10.0)
    y = rng.poisson(20 * np.exp(0.5 * season) * np.ones((1, 40)))
    found = estimate(make_panel(y, price * np.exp(rng.normal(0, 0.03, y.shape))))
    assert (found.elasticity[:20] > -0.35).all()


def test_units_have_no_say() -> None:
    shop = make_shop(30)
    one = estimate(make_panel(**shop))
    other = estimate(make_panel(**(shop | {"y": shop["y"] * 16})))
    assert other.elasticity == pytest.approx(one.elasticity, abs=0.02)
    assert other.uplift == pytest.approx(one.uplift, abs=0.01)
    dear = estimate(make_panel(**(shop | {"price": shop["price"] * 7})))
    assert dear.elasticity == pytest.approx(one.elasticity, abs=1e-3)


def test_nothing_after_the_as_of_date_counts() -> None:
    shop = make_shop(20)
    cut = 90
    later = {name: values.astype(float).copy() for name, values in shop.items()}
    for name, value in (("y", 500.0), ("price", 1.0), ("promotion", 1.0)):
        later[name][cut:] = value
    one, other = (make_panel(**values).until(cut) for values in (shop, later))
    assert np.array_equal(estimate(one).elasticity, estimate(other).elasticity)


def test_stock_outs_are_left_out() -> None:
    shop = make_shop()
    rng = np.random.default_rng(9)
    # Every other price cut sells out: what is left of its sales says nothing of its demand.
    out = (shop["price"] < 10) & (rng.random(shop["y"].shape) < 0.5)
    sold = np.where(out, np.minimum(shop["y"], 4), shop["y"])
    told = estimate(make_panel(sold, shop["price"], shop["promotion"], in_stock=~out))
    assert told.elasticity.mean() == pytest.approx(TRUE[0], abs=0.2)
    hidden = estimate(make_panel(sold, shop["price"], shop["promotion"]))
    assert hidden.elasticity.mean() > told.elasticity.mean() + 0.3


def test_a_price_that_never_changed_takes_the_shops_response_and_its_doubt() -> None:
    shop = make_shop()
    shop["price"][:, :10] = 10.0
    shop["promotion"][:, :10] = 0.0
    shop["y"][:, :10] = np.random.default_rng(2).poisson(12.0, (WEEKS, 10))
    found = estimate(make_panel(**shop))
    assert (found.changes[:10] == 0).all()
    assert found.elasticity[:10] == pytest.approx(np.full(10, found.shop["elasticity"]), abs=0.6)
    assert found.elasticity_se[:10].min() > found.elasticity_se[10:].mean()


def test_categories_differ() -> None:
    rates = np.where(np.arange(60) < 30, -1.0, -3.5)
    rng = np.random.default_rng(5)
    price = 10 * np.where(rng.random((WEEKS, 60)) < 0.15, 0.8, 1.0)
    y = rng.poisson(6 * np.exp(rates * np.log(price / 10)))
    price[:, [0, 59]] = 10.0
    category = ["tea" if rate == -1.0 else "wine" for rate in rates]
    found = estimate(make_panel(y, price, category=category))
    assert found.elasticity[0] > -1.8
    assert found.elasticity[59] < -2.5


def test_without_prices_and_promotions_that_vary_there_is_nothing_to_tell() -> None:
    shop = make_shop(12)
    steady = np.full_like(shop["price"], 10.0)
    for panel in (
        make_panel(shop["y"]),
        make_panel(shop["y"], steady),
        make_panel(shop["y"], steady, np.zeros_like(steady)),
        make_panel(shop["y"], np.full_like(steady, np.nan)),
    ):
        assert response_estimate(panel, clean(panel)) is None
    few = np.where(np.arange(WEEKS)[:, None] == 40, 9.9, steady)
    assert response_estimate(panel := make_panel(np.minimum(shop["y"], 1), few), clean(panel)) is None


def test_what_sales_came_to_is_no_price() -> None:
    shop = make_shop(20)
    never = np.zeros(shop["y"].shape, dtype=bool)
    found = estimate(make_panel(**shop, price_asked=never))
    assert np.isnan(found.elasticity).all()
    assert np.isfinite(found.uplift).all()
    assert found.shop["elasticity"] is None
    panel = make_panel(shop["y"], shop["price"], price_asked=never)
    assert response_estimate(panel, clean(panel)) is None
    always = estimate(make_panel(**shop, price_asked=~never))
    assert np.array_equal(always.elasticity, estimate(make_panel(**shop)).elasticity)


def test_prices_known_only_where_something_sold_count_only_of_steady_sellers() -> None:
    slow, fast = make_shop(20, rate=0.7), make_shop(20, rate=20)
    for shop, counts in ((slow, False), (fast, True)):
        price = np.where(shop["y"] > 0, shop["price"], np.nan)
        found = response_estimate(panel := make_panel(shop["y"], price), clean(panel))
        assert (found is not None) is counts


def test_a_price_holds_until_the_next_one() -> None:
    rng = np.random.default_rng(8)
    level = np.repeat(rng.choice([8.0, 9.0, 10.0, 11.0], (13, 30)), 8, axis=0)
    y = rng.poisson(15 * np.exp(-2 * np.log(level / 10)))
    changed = np.vstack([np.ones((1, 30), dtype=bool), np.diff(level, axis=0) != 0])
    found = estimate(make_panel(y, np.where(changed, level, np.nan)))
    assert np.array_equal(found.elasticity, estimate(make_panel(y, level)).elasticity)
    assert found.elasticity.mean() == pytest.approx(-2, abs=0.2)


def test_an_elasticity_above_zero_is_not_believed() -> None:
    shop = make_shop(true=(1.5, 0.0))
    found = estimate(make_panel(**shop))
    assert (found.elasticity <= 0).all()
    assert found.elasticity.mean() > -0.05
    assert (found.uplift >= 0).all()


def test_the_order_of_series_and_threads_change_nothing() -> None:
    shop = make_shop(30)
    panel = make_panel(**shop)
    one = estimate(panel)
    again = response_estimate(panel, clean(panel), threads=2)
    assert again is not None
    assert np.array_equal(one.elasticity, again.elasticity)
    turned = {name: values[:, ::-1] for name, values in shop.items()}
    assert estimate(make_panel(**turned)).elasticity[::-1] == pytest.approx(one.elasticity, abs=1e-3)


def test_what_is_stored_comes_back() -> None:
    found = estimate(make_panel(**make_shop(10)))
    blobs = pack(found, 12)
    assert [len(blob) for blob in blobs] == [36] * 10 + [0, 0]
    assert SeriesResponse.of(blobs[11]) is None
    back = SeriesResponse.of(blobs[4])
    assert back is not None
    assert back.elasticity == pytest.approx(found.elasticity[4], rel=1e-6)
    assert back.seen_changes == found.changes[4]
    assert pack(None, 2) == [b"", b""]
    with pytest.raises(ValueError, match="no response"):
        SeriesResponse.of(b"\0" * 8)


@given(
    st.floats(-12, 4), st.floats(0, 5), st.floats(-1, 4), st.floats(0, 2), st.floats(-1, 1),
    st.floats(0, 3), st.floats(0, 3), st.floats(0, 0.9), st.floats(0, 0.9),
)  # fmt: skip
def test_a_lower_price_or_a_deeper_discount_never_sells_less(
    slope: float, error: float, uplift: float, other: float, both: float,
    one: float, two: float, shallow: float, deep: float,
) -> None:  # fmt: skip
    response = series_of(
        elasticity=slope, elasticity_se=error, uplift=uplift, uplift_se=other, correlation=both
    )
    low, high = sorted((one, two))
    assert response.price(low).middle >= response.price(high).middle
    assert response.price(1) == (1, 1, 1)
    shallow, deep = sorted((shallow, deep))
    assert response.promotion(deep).middle >= response.promotion(shallow).middle >= 1
    for span in (response.price(low), response.promotion(deep)):
        assert 0 <= span.low <= span.middle <= span.high < math.inf


def test_factors_are_powers_of_the_price() -> None:
    span = series_of().price(0.9)
    assert span.middle == pytest.approx(0.9**-2)
    assert span.low == pytest.approx(0.9 ** (-2 + 1.28155 * 0.4), rel=1e-5)
    assert span.more.middle == pytest.approx(0.9**-2 - 1)
    both = series_of().promotion(0.2)
    assert both.middle == pytest.approx(math.exp(0.3) * 0.8**-2)
    alone = replace(series_of(), elasticity=math.nan, elasticity_se=math.nan)
    assert alone.promotion(0.2).middle == pytest.approx(math.exp(0.3))
    assert not alone.has_price
    assert series_of(elasticity=-8.0).price(0.1).high == pytest.approx(math.exp(3))
    factors = price_factors(np.array([-2.0, np.nan, -1.0]), np.array([0.9, 0.9, 0.0]))
    assert factors == pytest.approx([0.9**-2, 1, math.exp(1.5)])
