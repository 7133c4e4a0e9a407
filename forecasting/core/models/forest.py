"""Quantile regression forest: the demand of past rows that ended in the same leaves, as a distribution."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import QUANTILES
from forecasting.core.models.base import ModelSettings, TrainingData
from forecasting.core.samples import Samples

Array = npt.NDArray[Any]

_MIN_ROWS = 500
_MOST_ROWS = 150_000
_ZERO = 0.3  # targets enter as log(this + demand / scale), so that zeros stay finite
_CHUNK = 16_384
_PERIOD, _CUMULATIVE = 0, 1


class QuantileForest:
    """A random forest whose leaves keep the quantiles of what was sold, for one period and cumulative.

    Trees are grown on the logs of demand / scale of the target period and of all periods up to it, so that
    one forest serves both. A leaf holds the weighted quantiles of either over the rows that ended there, a
    forecast the mean of its leaves' over the trees. Rows weigh the root of their scale: between units, which
    the mean is about, and series alike, which scaled losses are about.
    Sources: Breiman, Random forests, Machine Learning 45 (2001); Meinshausen, Quantile regression forests,
    Journal of Machine Learning Research 7 (2006), here with quantiles averaged (Vincent's way) instead of
    pooled weights.
    """

    name = "forest"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        trees: int = 50,
        leaves: int = 127,
        min_rows_in_leaf: int = 60,
        most: float = 20.0,
    ) -> None:
        self.settings = settings
        self.trees = trees
        self.leaves = leaves
        self.min_rows_in_leaf = min_rows_in_leaf
        self.most = most

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Grow the forest on the sampled rows whose target lies before ``cut``."""
        import lightgbm as lgb

        samples = data.training(cut)
        self.booster_: Any = None
        if len(samples.y) < _MIN_ROWS or not float(samples.y.max()) > 0:
            return self
        rows = np.arange(len(samples.y))
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.settings.seed)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        x, weight = samples.x[rows], np.sqrt(samples.weight[rows])
        y = np.column_stack([samples.y[rows], _rates(data, samples, rows, cut)])
        parameters = {
            "objective": "l2",
            "boosting": "rf",
            "num_leaves": self.leaves,
            "min_data_in_leaf": min(self.min_rows_in_leaf, len(rows) // 20),
            "feature_fraction": 0.5,
            "bagging_fraction": 0.6,
            "bagging_freq": 1,
            "max_bin": 127,
            "max_cat_threshold": 16,
            "cat_smooth": 50.0,
            "min_data_per_group": 200,
            "seed": self.settings.seed,
            "num_threads": self.settings.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        table = lgb.Dataset(
            x,
            label=np.log(_ZERO + np.minimum(y, self.most)).sum(axis=1),
            weight=weight,
            feature_name=[f"f{index}" for index in range(x.shape[1])],
            categorical_feature=data.features.categorical,
            params=parameters,
        )
        self.booster_ = lgb.train(parameters, table, num_boost_round=self.trees)
        ends = self._leaves(x)
        self.quantiles_ = np.empty((self.trees, self.leaves, 2, len(QUANTILES)), dtype=np.float32)
        self.mean_ = np.zeros((self.trees, self.leaves), dtype=np.float32)
        # Sorted once by demand, rows need only be told apart by leaf in each tree.
        orders = [np.argsort(y[:, kind], kind="stable") for kind in (_PERIOD, _CUMULATIVE)]
        rising = [(order, y[order, kind], weight[order]) for kind, order in enumerate(orders)]
        for tree in range(self.trees):
            leaf = ends[:, tree]
            mass = np.bincount(leaf, weight, self.leaves)
            total = np.bincount(leaf, weight * np.minimum(y[:, _PERIOD], self.most), self.leaves)
            np.divide(total, mass, out=self.mean_[tree], where=mass > 0, casting="same_kind")
            for kind, (order, values, masses) in enumerate(rising):
                self.quantiles_[tree, :, kind] = _leaf_quantiles(leaf[order], values, masses, self.leaves)
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H); the series' own level where there was too little to train on."""
        scale = data.features.level(origin).scale
        if self.booster_ is None:
            return np.repeat(scale[:, None], data.horizon, axis=1).astype(np.float32)
        ratio = self._averaged(data, origin, self.mean_[..., None])[:, 0]
        return (ratio.reshape(len(scale), data.horizon) * scale[:, None]).astype(np.float32)

    def predict_quantiles(self, data: TrainingData, origin: int) -> tuple[Array, Array] | None:
        """Quantiles (N, H, Q) float32 per period and cumulative, at the levels of `QUANTILES`.

        They rise along q and are not rounded to counts. None where there was too little to train on.
        """
        if self.booster_ is None:
            return None
        level = data.features.level(origin)
        count, horizon, width = data.panel.count, data.horizon, len(QUANTILES)
        ratio = self._averaged(data, origin, self.quantiles_.reshape(self.trees, self.leaves, -1))
        both = ratio.reshape(count, horizon, 2, width)
        both *= np.where(level.sold, level.scale, 0).astype(np.float32)[:, None, None, None]
        both[:, :, _CUMULATIVE] *= np.arange(1, horizon + 1, dtype=np.float32)[:, None]
        return both[:, :, _PERIOD], both[:, :, _CUMULATIVE]

    def _averaged(self, data: TrainingData, origin: int, table: Array) -> Array:
        """(N x H, K) float32: the mean over trees of their leaves' rows of ``table`` (trees, leaves, K)."""
        x = data.features.block(origin, data.horizon)
        result = np.empty((len(x), table.shape[2]), dtype=np.float32)
        for at in range(0, len(x), _CHUNK):
            ends = self._leaves(x[at : at + _CHUNK])
            part = np.zeros((len(ends), table.shape[2]), dtype=np.float32)
            for tree in range(self.trees):
                part += table[tree, ends[:, tree]]
            result[at : at + _CHUNK] = part / self.trees
        return result

    def _leaves(self, x: Array) -> Array:
        ends = self.booster_.predict(x, pred_leaf=True, num_threads=self.settings.threads)
        return np.asarray(ends, dtype=np.int32).reshape(len(x), self.trees)


def _rates(data: TrainingData, samples: Samples, rows: Array, cut: int) -> Array:
    """(n,) demand a period over all periods from the origin to the target, / scale."""
    steps = samples.x[rows, data.features.names.index("h")].astype(np.int64)
    series, end = samples.series[rows], samples.target[rows] + 1
    total = np.zeros((cut + 1, data.panel.count))
    np.cumsum(np.nan_to_num(data.clean(cut).demand), axis=0, out=total[1:])
    rate: Array = (total[end, series] - total[end - steps, series]) / steps / samples.scale[rows]
    return rate


def _leaf_quantiles(leaf: Array, y: Array, weight: Array, leaves: int) -> Array:
    """(leaves, Q) weighted quantiles of rows of rising ``y`` in each leaf; 0 in a leaf without any."""
    leaf = leaf.astype(np.int16)  # (small integers are sorted by counting)
    order = np.argsort(leaf, kind="stable")
    values, mass = y[order], np.cumsum(weight[order], dtype=np.float64)
    bounds = np.searchsorted(leaf[order], np.arange(leaves + 1))
    start, stop = bounds[:-1], bounds[1:]
    before = np.where(start > 0, mass[start - 1], 0.0)
    total = np.where(stop > start, mass[stop - 1] - before, 0.0)
    wanted = before[:, None] + total[:, None] * np.array(QUANTILES)
    at = np.clip(np.searchsorted(mass, wanted), start[:, None], np.maximum(stop - 1, start)[:, None])
    return np.where((stop > start)[:, None], values[np.minimum(at, len(values) - 1)], 0.0)
