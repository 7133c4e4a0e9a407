"""Contributions: exact, adding up to the mean, and filed under the right group."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from itertools import permutations
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.tree import DecisionTreeRegressor

from forecasting.core import explain, treeshap
from forecasting.core.explain import (
    GROUPS,
    LEVEL,
    contributions_blend,
    contributions_linear,
    contributions_tree,
    explain_model,
    group_codes,
    group_of,
    log_to_units,
    scale_to,
)
from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.panel_read import panel_from_frame
from tests.core.extras import EVERY_MODEL, needs_torch

SEASON, PROMOTION = GROUPS.index("season"), GROUPS.index("promotion")
DEEP = pytest.param("deep", marks=needs_torch)
MONDAY = date(2023, 1, 2)
NAMES = ["lag1", "h", "season_lag", "known_price", "known_promo", "past_orders", "static_store", "mean8"]


def table(rows: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Features with missing values, zeros, codes and negative codes."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(1.0, 1.0, (rows, len(NAMES))).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = 0
    x[:, 6] = rng.integers(-1, 70, rows)
    x[rng.random(rows) < 0.05, 6] = np.nan
    return x


@cache
def boosted(objective: str = "tweedie", zero_as_missing: bool = False) -> Any:
    x = table(3000)
    clean = np.nan_to_num(x)
    mean = np.exp(
        0.5 * clean[:, 0] - 0.4 * clean[:, 3] + 0.3 * (clean[:, 6] % 3) + 0.2 * clean[:, 4] * clean[:, 2]
    )
    y = np.random.default_rng(1).poisson(mean).astype(float)
    parameters = {
        "objective": objective, "num_leaves": 24, "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 10,
        "zero_as_missing": zero_as_missing, "max_cat_to_onehot": 1, "cat_smooth": 1.0,
        "bagging_fraction": 0.8, "bagging_freq": 1,
    }  # fmt: skip
    return lgb.train(parameters, lgb.Dataset(x, label=y, categorical_feature=[6]), 30)


@pytest.mark.parametrize("zero_as_missing", [False, True])
def test_it_gives_the_values_of_lightgbm_itself(zero_as_missing: bool) -> None:
    booster, x = boosted(zero_as_missing=zero_as_missing), table(700, seed=5)
    codes = group_codes(NAMES)
    values, base = treeshap.tree_values(booster, x, codes, len(GROUPS))
    theirs = booster.predict(x, pred_contrib=True)
    np.testing.assert_allclose(base, theirs[:, -1], rtol=1e-10)
    for code in range(len(GROUPS)):
        np.testing.assert_allclose(values[:, code], theirs[:, :-1][:, codes == code].sum(axis=1), atol=1e-10)


def test_it_gives_each_feature_its_own_value_where_each_is_a_group() -> None:
    booster, x = boosted(), table(300, seed=6)
    values, _ = treeshap.tree_values(booster, x, np.arange(len(NAMES)), len(NAMES))
    np.testing.assert_allclose(values, booster.predict(x, pred_contrib=True)[:, :-1], atol=1e-10)


def test_it_gives_the_same_on_one_and_two_threads_and_on_long_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, x, codes = boosted(), table(1500), group_codes(NAMES)
    one, _ = treeshap.tree_values(booster, x, codes, len(GROUPS), threads=1)
    monkeypatch.setattr(treeshap, "_CHUNK", 400)
    two, _ = treeshap.tree_values(booster, x, codes, len(GROUPS), threads=2)
    np.testing.assert_array_equal(one, two)
    never_kept, _ = treeshap.tree_values(booster, x, codes, len(GROUPS), kept=2)
    np.testing.assert_allclose(never_kept, one, atol=1e-10)


def test_it_leaves_trees_that_it_cannot_read_to_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, x, scale = boosted(), table(200), np.ones(200)
    fast = contributions_tree(booster, x, scale, NAMES)
    monkeypatch.setattr(treeshap, "MOST_FEATURES", 2)
    with pytest.raises(ValueError, match="path of more than 2 features"):
        treeshap.tree_values(booster, x, group_codes(NAMES), len(GROUPS))
    np.testing.assert_allclose(contributions_tree(booster, x, scale, NAMES), fast, atol=1e-5)


@pytest.mark.parametrize("objective", ["tweedie", "poisson", "regression", "quantile"])
def test_it_splits_a_prediction_into_parts_that_add_up_in_units(objective: str) -> None:
    booster, x = boosted(objective), table(500, seed=7)
    scale = np.random.default_rng(2).gamma(1.0, 20.0, 500)
    parts = contributions_tree(booster, x, scale, NAMES)
    assert parts.dtype == np.float32
    np.testing.assert_allclose(parts.sum(axis=1), booster.predict(x) * scale, rtol=1e-5)


def test_it_gives_the_shapley_values_of_a_single_tree_as_counted_out_by_hand() -> None:
    x = np.random.default_rng(3).normal(size=(400, 3)).astype(np.float32)
    x[::7, 1] = np.nan
    y = np.where(np.nan_to_num(x[:, 1], nan=2.0) > 0, x[:, 0], x[:, 2]) + (x[:, 0] > 0.5)
    tree = (
        DecisionTreeRegressor(max_leaf_nodes=9, random_state=0)
        .fit(x, y, sample_weight=1 + np.arange(400))
        .tree_
    )

    def value(row: np.ndarray[Any, Any], known: set[int], node: int = 0) -> float:
        """What the tree says where only some features are known: the others go both ways, by weight."""
        left, right = tree.children_left[node], tree.children_right[node]
        if left < 0:
            return float(tree.value[node, 0, 0])
        feature = tree.feature[node]
        if feature in known:
            unknown = np.isnan(row[feature])
            goes_left = tree.missing_go_to_left[node] if unknown else row[feature] <= tree.threshold[node]
            return value(row, known, left if goes_left else right)
        weights = tree.weighted_n_node_samples[[left, right]] / tree.weighted_n_node_samples[node]
        return float(weights @ [value(row, known, left), value(row, known, right)])

    trees = treeshap.single_tree(tree, np.arange(3))
    found = treeshap.shapley_values(trees, x[:40], 3)
    for row, values in zip(x[:40], found, strict=True):
        expected = np.zeros(3)
        for order in permutations(range(3)):
            for place, feature in enumerate(order):
                before = set(order[:place])
                expected[feature] += (value(row, before | {feature}) - value(row, before)) / 6
        np.testing.assert_allclose(values, expected, atol=1e-10)
        np.testing.assert_allclose(values.sum() + trees.base, value(row, {0, 1, 2}), atol=1e-10)


def test_it_refuses_an_objective_whose_link_it_does_not_know() -> None:
    x = table(300)
    parameters = {"objective": "cross_entropy", "verbosity": -1}
    booster = lgb.train(parameters, lgb.Dataset(x, label=np.full(300, 0.5)), 1)
    with pytest.raises(ValueError, match="cross_entropy"):
        contributions_tree(booster, x, np.ones(300), NAMES)


@given(
    values=arrays(np.float64, (6, len(GROUPS)), elements=st.floats(-3, 3)),
    base=st.floats(-3, 3),
)
@settings(max_examples=50, deadline=None)
def test_it_splits_an_exponential_exactly_and_without_regard_to_order(
    values: np.ndarray[Any, Any], base: float
) -> None:
    parts = log_to_units(values, base)
    np.testing.assert_allclose(parts.sum(axis=1), np.exp(base + values.sum(axis=1)), rtol=1e-9, atol=1e-12)
    mixed = log_to_units(values[:, ::-1], base)[:, ::-1]
    np.testing.assert_allclose(mixed[:, 1:-1], parts[:, 1:-1], rtol=1e-9, atol=1e-12)
    assert (np.sign(parts[:, 1:]) == np.sign(values[:, 1:])).all()


def test_it_splits_a_linear_models_prediction_by_its_terms() -> None:
    design = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]])
    coefficients, groups = np.array([0.5, 0.25, -1.0]), np.array([LEVEL, SEASON, SEASON])
    parts = contributions_linear(coefficients, design, groups, intercept=4.0)
    np.testing.assert_allclose(parts[:, [LEVEL, SEASON]], [[4.5, -2.5], [4.0, -1.25]])
    logs = contributions_linear(coefficients, design, groups, "log", intercept=4.0)
    np.testing.assert_allclose(logs.sum(axis=1), np.exp(4 + design @ coefficients))


@given(
    parts=arrays(np.float64, (4, 3, len(GROUPS)), elements=st.floats(-50, 50)),
    mean=arrays(np.float64, (4, 3), elements=st.floats(0, 100)),
)
@settings(max_examples=100, deadline=None)
def test_it_adds_up_to_whatever_mean_was_published(
    parts: np.ndarray[Any, Any], mean: np.ndarray[Any, Any]
) -> None:
    scaled = scale_to(mean, parts).astype(np.float64)
    size = np.abs(scaled).sum(axis=-1) + 1e-6
    assert (np.abs(scaled.sum(axis=-1) - mean) <= 1e-5 * size).all()


def test_it_keeps_the_proportions_where_a_cap_changed_the_mean() -> None:
    parts = np.zeros((1, len(GROUPS)))
    parts[0, [LEVEL, SEASON]] = 6, 2
    np.testing.assert_allclose(scale_to(np.array([4.0]), parts)[0, [LEVEL, SEASON]], [3, 1])
    negative = np.zeros((1, len(GROUPS)))
    negative[0, [LEVEL, SEASON]] = -6, 2
    np.testing.assert_allclose(scale_to(np.array([4.0]), negative)[0, [LEVEL, SEASON]], [2, 2])
    np.testing.assert_array_equal(scale_to(np.array([0.0]), negative), np.zeros((1, len(GROUPS))))


def test_it_blends_contributions_as_the_means_are_blended() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 3, len(GROUPS)))
    weight = rng.random(5)
    blend = contributions_blend({"a": first, "b": second}, {"a": weight, "b": 1 - weight})
    mean = weight[:, None] * first.sum(axis=2) + (1 - weight[:, None]) * second.sum(axis=2)
    np.testing.assert_allclose(blend.sum(axis=2), mean)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("lag1", "level"), ("mean52", "level"), ("smooth30", "level"), ("since_sale", "level"),
        ("h", "trend"), ("age", "trend"), ("total_short", "trend"),
        ("weekday", "season"), ("season_total", "season"), ("time_of_year", "season"),
        ("known_price", "price"), ("change_base_price", "price"), ("past_price", "price"),
        ("known_discount_pct", "price"), ("known_promotion", "promotion"), ("change_feature", "promotion"),
        ("known_tpr_only", "promotion"), ("known_display", "promotion"), ("known_mailer", "promotion"),
        ("known_holiday", "season"), ("known_event_name", "season"),
        ("static_store", "location"), ("static_region", "location"), ("static_category", "level"),
        ("static_product", "level"), ("past_orders", "signals"), ("past_buyers", "signals"),
        ("known_temperature", "signals"), ("location_mean", "location"), ("category_mean", "level"),
    ],
)  # fmt: skip
def test_it_files_each_feature_under_its_group(name: str, group: str) -> None:
    assert group_of(name) == group


@cache
def shop(promo_lift: float = 3.0) -> TrainingData:
    """60 series with a yearly season and promotions that multiply demand, planned ahead."""
    rng = np.random.default_rng(0)
    periods, horizon = 130, 4
    labels = [MONDAY + timedelta(days=7 * week) for week in range(periods + horizon)]
    season = 1 + 0.6 * np.sin(2 * np.pi * np.arange(periods + horizon) / 52)
    frames = []
    for number in range(60):
        promo = rng.random(periods + horizon) < 0.15
        promo[periods] = number < 30
        y = rng.poisson(rng.gamma(2, 6) * season * np.where(promo, promo_lift, 1)).astype(float)
        frames.append(pl.DataFrame({"unique_id": f"s{number:02d}", "ds": labels, "y": y, "promo": promo}))
    panel = panel_from_frame(
        pl.concat(frames), as_of=labels[periods - 1], freq="W", horizon=horizon, known=("promo",), static=()
    )
    return TrainingData(panel, horizon=horizon, settings=ModelSettings(rows=6000))


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_it_explains_every_model_by_parts_that_add_up_to_its_mean(name: str) -> None:
    data = shop()
    model = make(name, data.settings).fit(data, data.panel.periods)
    mean = model.predict(data, data.panel.periods)
    parts = explain_model(model, data, data.panel.periods)
    assert parts.shape == (*mean.shape, len(GROUPS))
    np.testing.assert_allclose(parts.sum(axis=2), mean, rtol=1e-5, atol=1e-5)
    some = np.array([7, 3])
    np.testing.assert_allclose(
        explain_model(model, data, data.panel.periods, some), parts[some], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", ["tree", "linear", "svr", "lightgbm", DEEP])
def test_it_follows_each_models_own_arithmetic(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is split is the model's formula: nothing is left for the last step to make fit."""
    monkeypatch.setattr(explain, "scale_to", lambda mean, parts: parts)
    data = shop()
    model = make(name, data.settings).fit(data, data.panel.periods)
    mean = model.predict(data, data.panel.periods)
    total = explain_model(model, data, data.panel.periods).sum(axis=2)
    free = (mean > 0) & (mean < 3 * data.features.level(data.panel.periods).scale[:, None])
    assert free.mean() > 0.8
    np.testing.assert_allclose(total[free], mean[free], rtol=1e-4)


@pytest.mark.parametrize("name", ["tree", "linear", "svr", "lightgbm", DEEP])
def test_it_credits_a_planned_promotion_with_the_units_it_adds(name: str) -> None:
    data = shop()
    model = make(name, data.settings).fit(data, data.panel.periods)
    parts = explain_model(model, data, data.panel.periods)[:, 0]
    share = parts[:, PROMOTION] / parts.sum(axis=1)
    # Demand is tripled: of three units two are the promotion's, against a usual week with a few promotions.
    assert np.median(share[:30]) > 0.4
    assert -0.4 < np.median(share[30:]) < 0
    signals = parts[:, GROUPS.index("signals")]
    np.testing.assert_array_equal(signals, 0)


def test_it_gives_seasonal_naive_a_season_around_the_recent_mean() -> None:
    data = shop()
    origin = data.panel.periods
    model = make("seasonal_naive", data.settings).fit(data, origin)
    parts = explain_model(model, data, origin)
    recent = data.panel.observed[origin - 8 : origin].mean(axis=0)
    np.testing.assert_allclose(parts[:, 0, LEVEL], recent, rtol=1e-5)
    np.testing.assert_allclose(
        parts[..., SEASON], model.predict(data, origin) - recent[:, None], rtol=1e-4, atol=1e-4
    )
