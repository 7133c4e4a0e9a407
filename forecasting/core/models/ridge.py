"""Ridge regression, global and direct: the linear twin of the LightGBM engine, on the same features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData

Array = npt.NDArray[Any]

_MIN_ROWS = 50
_MOST_ROWS = 150_000
_MOST_CODES = 12
_CHUNK = 100_000
# A linear model follows a freak value of a feature without bound; standardised features stop here.
_CLIP = 4.0


class RidgeDirect:
    """Linear regression of demand / scale with an L2 penalty (closed form), rows weighted by scale.

    Every feature also enters multiplied by log h, so that the weight of recent demand may fade with the
    horizon. Targets and predictions stop at ``most`` scales, so that one bulk order does not tilt the plane.
    Source: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970); scikit-learn's ``Ridge``.
    """

    name = "ridge"

    def __init__(self, settings: ModelSettings, *, alpha: float = 100.0, most: float = 6.0) -> None:
        self.settings = settings
        self.alpha = alpha
        self.most = most

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Fit on the sampled rows whose target lies before ``cut``."""
        from sklearn.linear_model import Ridge
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        samples = data.training(cut)
        self.model_: Any = None
        if len(samples.y) < _MIN_ROWS:
            return self
        x, y, weight = samples.x, samples.y, samples.weight
        if len(y) > _MOST_ROWS:
            chosen = np.random.default_rng(self.settings.seed).choice(len(y), _MOST_ROWS, replace=False)
            x, y, weight = x[chosen], y[chosen], weight[chosen]
        self.h_ = data.features.names.index("h")
        codes = set(data.features.categorical)
        self.numeric_ = [index for index in range(x.shape[1]) if index not in codes]
        self.codes_ = {
            index: values
            for index in sorted(codes)
            if len(values := np.unique(x[np.isfinite(x[:, index]), index])) <= _MOST_CODES
        }
        numbers = x[:, self.numeric_].astype(np.float64)
        seen = np.isfinite(numbers)
        count = np.maximum(seen.sum(axis=0), 1)
        self.mean_ = np.where(seen, numbers, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(seen, (numbers - self.mean_) ** 2, 0).sum(axis=0) / count)
        self.spread_ = np.where(spread > 1e-12, spread, 1.0)
        self.model_ = Ridge(alpha=self.alpha, solver="cholesky")
        with threadpool_limits(self.settings.threads):
            self.model_.fit(self._design(x), np.minimum(y, self.most), sample_weight=weight)
        return self

    def _design(self, x: Array) -> Array:
        numbers = (x[:, self.numeric_] - self.mean_) / self.spread_
        numbers = np.clip(np.nan_to_num(numbers, nan=0.0), -_CLIP, _CLIP)
        dummies = [(x[:, [index]] == values[None, :]) for index, values in self.codes_.items()]
        fade = np.log(x[:, [self.h_]])
        return np.hstack([numbers, numbers * fade, *dummies]).astype(np.float64)

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), cut off at 0; the series' own level where there was too little to train on."""
        from threadpoolctl import threadpool_limits

        scale = data.features.level(origin).scale
        if self.model_ is None:
            return np.repeat(scale[:, None], data.horizon, axis=1).astype(np.float32)
        x = data.features.block(origin, data.horizon)
        with threadpool_limits(self.settings.threads):
            parts = [
                self.model_.predict(self._design(x[at : at + _CHUNK])) for at in range(0, len(x), _CHUNK)
            ]
        ratio = np.concatenate(parts).clip(0, self.most)
        return (ratio.reshape(len(scale), data.horizon) * scale[:, None]).astype(np.float32)
