"""Dependent demand: what draws would give is the oracle."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.dependent import Links, cycles, extended, layers
from replenishment.core.dependent import passed_on as passed_on_from

HORIZON = 20
DRAWS = 60_000
DAYS = np.arange(1, HORIZON + 1)


def demand_of(cumulative: np.ndarray, mean: np.ndarray) -> DemandDistribution:
    """Quantiles (N, H, Q) of cumulative demand, each day alike, with its mean (N,)."""
    return DemandDistribution(
        unique_id=[f"i{row}" for row in range(len(mean))],
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.repeat(np.asarray(mean, dtype=float)[:, None], HORIZON, axis=1),
        quantiles=np.repeat(cumulative[:, :1], HORIZON, axis=1),
        cum_quantiles=cumulative,
    )


def gammas(*rates: float, shape: float = 0.7) -> DemandDistribution:
    """A day's demand is gamma with the mean ``rate``, days are independent."""
    found = np.zeros((len(rates), HORIZON, len(QUANTILES)))
    for row, rate in enumerate(rates):
        if rate > 0:
            found[row] = stats.gamma.ppf(QUANTILES, shape * DAYS[:, None], scale=rate / shape)
    return demand_of(found, np.array(rates))


def drawn(random: np.random.Generator, rate: float, shape: float = 0.7) -> np.ndarray:
    """Cumulative demand (DRAWS, H)."""
    if rate <= 0:
        return np.zeros((DRAWS, HORIZON))
    return np.asarray(np.cumsum(random.gamma(shape, rate / shape, (DRAWS, HORIZON)), axis=1))


def links_of(*rows: tuple[int, int, float, str]) -> Links:
    giver, taker, quantity, kind = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Links(np.array(giver), np.array(taker), np.array(quantity), np.array(kind, dtype=object))


def passed_on(demand: DemandDistribution, links: Links, stock: np.ndarray) -> DemandDistribution:
    return passed_on_from(demand, links, lambda rows, _demand: stock[rows])


def agrees(made: DemandDistribution, row: int, draws: np.ndarray, within: float) -> None:
    """Means within 2%, quantiles within a share of the deviation, on average and (six times that) each."""
    assert np.allclose(made.cum_mean[row], draws.mean(axis=0), rtol=0.02, atol=0.02 * draws[:, -1].mean())
    some = draws.mean(axis=0) > 0.02 * draws.mean(axis=0)[-1]
    wrong = made.cum_quantiles[row] - np.quantile(draws, QUANTILES, axis=0).T
    wrong = np.abs(wrong[some]) / draws.std(axis=0)[some, None]
    assert wrong.mean() < within
    assert wrong.max() < 6 * within


def test_it_explodes_kits_through_two_levels_beyond_what_is_in_stock() -> None:
    # A hamper (row 0) holds 2 boxes (row 1), a box 3 bars (row 2), which are sold alone too.
    made = passed_on(
        gammas(4.0, 0.0, 5.0),
        links_of((0, 1, 2, "kits"), (1, 2, 3, "kits")),
        np.array([20.0, 30.0, 999.0]),
    )
    random = np.random.default_rng(5)
    boxes = 2 * np.maximum(drawn(random, 4.0) - 20, 0)
    agrees(made, 1, boxes, 0.03)
    agrees(made, 2, drawn(random, 5.0) + 3 * np.maximum(boxes - 30, 0), 0.08)
    assert np.array_equal(made.cum_quantiles[0], gammas(4.0).cum_quantiles[0])


def test_a_successor_takes_over_when_the_stock_of_the_old_product_is_gone() -> None:
    made = passed_on(gammas(6.0, 1.0), links_of((0, 1, 1, "successors")), np.array([60.0, 5.0]))
    random = np.random.default_rng(6)
    agrees(made, 1, drawn(random, 1.0) + np.maximum(drawn(random, 6.0) - 60, 0), 0.1)
    assert made.cum_mean[1, 1] == pytest.approx(2.0, rel=0.05)  # next to nothing for now
    assert made.mean[1, -1] == pytest.approx(7.0, rel=0.02)


def test_a_source_sees_the_demand_of_all_that_it_supplies() -> None:
    rates = [0.0, 3.0, 0.5, 0.2, 7.0, 1.0]
    made = passed_on(
        gammas(*rates), links_of(*((row, 0, 1, "supply lanes") for row in range(1, 6))), np.zeros(6)
    )
    random = np.random.default_rng(7)
    agrees(made, 0, np.sum([drawn(random, rate) for rate in rates[1:]], axis=0), 0.03)


def test_one_part_alone_is_what_it_was() -> None:
    own = gammas(3.0, 0.0)
    made = passed_on(own, links_of((0, 1, 1, "supply lanes")), np.zeros(2))
    assert np.allclose(made.cum_quantiles[1], own.cum_quantiles[0], rtol=1e-5, atol=1e-5)
    assert np.allclose(made.quantiles[1], own.quantiles[0], rtol=1e-5, atol=1e-5)


def test_sums_of_normal_demands_are_exact() -> None:
    mean, sd = np.array([1000.0, 600.0, 0.0]), np.array([30.0, 40.0, 0.0])
    at = np.sqrt(DAYS)[:, None] * stats.norm.ppf(QUANTILES)
    own = demand_of(mean[:, None, None] * DAYS[:, None] + sd[:, None, None] * at, mean)
    made = passed_on(own, links_of((0, 2, 1, "kits"), (1, 2, 1, "kits")), np.zeros(3))
    assert np.allclose(made.cum_quantiles[2], 1600 * DAYS[:, None] + 50 * at, rtol=1e-5)


@pytest.mark.parametrize("parts", [2, 5, 20])
@pytest.mark.parametrize("kind", ["poisson", "negative binomial", "lumpy"])
def test_sums_of_slow_and_lumpy_demands_are_near_to_drawn_ones(kind: str, parts: int) -> None:
    random = np.random.default_rng(8)
    draws, quantiles = [], []
    for _ in range(parts):
        size = float(np.exp(random.normal()))
        if kind == "poisson":
            x = random.poisson(2 * size, DRAWS).astype(float)
        elif kind == "negative binomial":
            x = random.negative_binomial(size, 0.25, DRAWS).astype(float)
        else:
            x = (random.random(DRAWS) < 0.15) * random.gamma(2, 5 * size, DRAWS)
        draws.append(x)
        quantiles.append(np.repeat(np.quantile(x, QUANTILES)[None], HORIZON, axis=0))
    mean = np.array([x.mean() for x in draws])
    own = demand_of(np.array([*quantiles, np.zeros((HORIZON, len(QUANTILES)))]), np.append(mean, 0.0))
    made = passed_on(own, links_of(*((row, parts, 1, "kits") for row in range(parts))), np.zeros(parts + 1))
    total = np.sum(draws, axis=0)
    wrong = np.abs(made.cum_quantiles[parts, 0] - np.quantile(total, QUANTILES)) / total.std()
    # A unit more or less is much of the deviation of two slow ones.
    assert wrong.mean() < (0.25 if parts == 2 and kind != "lumpy" else 0.13)


def test_it_names_what_goes_round_in_circles() -> None:
    links = links_of(
        (0, 1, 1, "kits"), (1, 2, 1, "kits"), (2, 0, 1, "kits"), (2, 3, 1, "kits"), (4, 5, 1, "kits"),
        (5, 4, 1, "successors"), (6, 6, 1, "supply lanes"), (6, 3, 1, "supply lanes"),
    )  # fmt: skip
    found = cycles(links, 8)
    assert found == {
        0: "a cycle in kits",
        1: "a cycle in kits",
        2: "a cycle in kits",
        4: "a cycle in kits and successors",
        5: "a cycle in kits and successors",
        6: "a cycle in supply lanes",
    }
    with pytest.raises(ValueError, match="cycle"):
        layers(links, 8)


def test_rows_without_series_of_their_own_take_what_is_passed_on() -> None:
    made = passed_on(extended(gammas(3.0), ["box"]), links_of((0, 1, 4, "kits")), np.zeros(2))
    assert made.unique_id == ["i0", "box"]
    assert np.allclose(made.mean[1], 12.0)


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[float], Links, np.ndarray]:
    count = draw(st.integers(2, 7))
    rates = draw(st.lists(st.sampled_from([0.0, 0.01, 0.4, 3.0, 50.0]), min_size=count, max_size=count))
    rows = [
        (giver, taker, draw(st.sampled_from([0.5, 1.0, 12.0])), "kits")
        for giver in range(count)
        for taker in range(giver + 1, count)
        if draw(st.booleans())
    ]
    stock = draw(st.lists(st.floats(-10, 200), min_size=count, max_size=count))
    return rates, links_of(*rows), np.array(stock)


@settings(max_examples=80, deadline=None)
@given(network=networks())
def test_what_is_asked_beyond_stock_arrives_and_nothing_else(network: Any) -> None:
    rates, links, stock = network
    own = gammas(*rates)
    made = passed_on(own, links, stock)  # a distribution checks itself: rising, finite, 0 or more
    nothing = passed_on(own, links, np.zeros(len(rates)))
    expected = np.array(rates)
    for giver, taker, quantity in sorted(zip(links.giver, links.taker, links.quantity, strict=True)):
        expected[taker] += expected[giver] * quantity
    # Without stock all demand arrives, with stock no more than that, and no more than the stock is missing.
    assert np.allclose(nothing.mean[:, 0], expected, rtol=1e-4, atol=1e-6)
    assert np.all(made.cum_mean <= nothing.cum_mean * (1 + 1e-5) + 1e-5)
    assert np.all(made.cum_mean >= own.cum_mean * (1 - 1e-5) - 1e-5)
    order = np.argsort(links.taker, kind="stable")
    shuffled = passed_on(own, links.take(order[::-1]), stock)
    assert np.allclose(shuffled.cum_quantiles, made.cum_quantiles, rtol=1e-3, atol=1e-3)
