"""A single regression tree over the shared features: the smallest model of its kind, and a readable one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData

Array = npt.NDArray[Any]

_MIN_ROWS = 200
_MOST_ROWS = 100_000


class DecisionTree:
    """One tree on demand / scale by squared error, rows weighted by scale.

    A leaf holds at least one row in 300, and no fewer than 100: a leaf's mean is then steady, and the tree
    has at most some 300 answers. Targets stop at ``most`` scales; a missing value goes where it fits best.
    Source: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984); scikit-learn's
    ``DecisionTreeRegressor``.
    """

    name = "tree"

    def __init__(self, settings: ModelSettings, *, share_in_leaf: float = 1 / 300, most: float = 8.0) -> None:
        self.settings = settings
        self.share_in_leaf = share_in_leaf
        self.most = most

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Fit on the sampled rows whose target lies before ``cut``."""
        from sklearn.tree import DecisionTreeRegressor

        samples = data.training(cut)
        self.model_: Any = None
        if len(samples.y) < _MIN_ROWS:
            return self
        x, y, weight = samples.x, samples.y, samples.weight
        if len(y) > _MOST_ROWS:
            rows = np.random.default_rng(self.settings.seed).choice(len(y), _MOST_ROWS, replace=False)
            x, y, weight = x[rows], y[rows], weight[rows]
        smallest = max(min(100, len(y) // 10), int(len(y) * self.share_in_leaf))
        self.model_ = DecisionTreeRegressor(min_samples_leaf=smallest, random_state=self.settings.seed)
        self.model_.fit(x, np.minimum(y, self.most), sample_weight=weight)
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H); the series' own level where there was too little to train on."""
        scale = data.features.level(origin).scale
        if self.model_ is None:
            return np.repeat(scale[:, None], data.horizon, axis=1).astype(np.float32)
        ratio: Array = self.model_.predict(data.features.block(origin, data.horizon))
        return (ratio.reshape(len(scale), data.horizon) * scale[:, None]).astype(np.float32)
