"""LightGBM, global and direct: one model for all series, with the horizon as a feature."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData

Array = npt.NDArray[Any]

_MIN_ROWS = 200


class LightGBMDirect:
    """Gradient-boosted trees on demand / scale with a Tweedie loss, rows weighted by scale.

    Sources: Ke et al., LightGBM (NeurIPS 2017); Makridakis et al., M5 accuracy competition (2022), whose
    winners used this family; the Tweedie loss fits demand that is zero at times and skewed otherwise.
    Weighting by scale gives errors in units their due; a target of more than ``most`` scales (a one-off bulk
    order) is cut to that. Direct, not recursive: one call predicts every h.
    """

    name = "lightgbm"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        trees: int = 100,
        leaves: int = 63,
        learning_rate: float = 0.06,
        tweedie_power: float = 1.6,
        min_rows_in_leaf: int = 60,
        most: float = 4.0,
    ) -> None:
        self.settings = settings
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.tweedie_power = tweedie_power
        self.min_rows_in_leaf = min_rows_in_leaf
        self.most = most

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Train on the sampled rows whose target lies before ``cut``."""
        import lightgbm as lgb

        samples = data.training(cut)
        self.booster_: Any = None
        if len(samples.y) < _MIN_ROWS or not float(samples.y.max()) > 0:
            return self
        parameters = {
            "objective": "tweedie",
            "tweedie_variance_power": self.tweedie_power,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": min(self.min_rows_in_leaf, len(samples.y) // 20),
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
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
            samples.x,
            label=np.minimum(samples.y, self.most),
            weight=samples.weight,
            feature_name=[f"f{index}" for index in range(samples.x.shape[1])],
            categorical_feature=data.features.categorical,
            params=parameters,
            free_raw_data=True,
        )
        self.booster_ = lgb.train(parameters, table, num_boost_round=self.trees)
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H); the series' own level where there was too little to train on."""
        scale = data.features.level(origin).scale
        if self.booster_ is None:
            return np.repeat(scale[:, None], data.horizon, axis=1).astype(np.float32)
        x = data.features.block(origin, data.horizon)
        ratio: Array = self.booster_.predict(x, num_threads=self.settings.threads)
        mean: Array = ratio.reshape(len(scale), data.horizon) * scale[:, None]
        return mean.astype(np.float32)
