"""Support vector regression with a kernel that scales: Nystroem's features under a linear machine."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData
from forecasting.core.models.design import Design

Array = npt.NDArray[Any]

_MIN_ROWS = 200
_MOST_ROWS = 30_000
_CHUNK = 50_000


class SupportVector:
    """Epsilon-insensitive regression of log(c + demand / scale) on the linear terms and a Gaussian kernel.

    The kernel enters through ``landmarks`` of the training rows (Nystroem), so that cost grows with the rows
    and not with their square; at most 30,000 rows, drawn with the seed. The loss is squared beyond epsilon;
    the exponential is scaled to the training rows' mean.
    Sources: Drucker et al., Support vector regression machines (NeurIPS 1996); Williams and Seeger, Using the
    Nystroem method to speed up kernel machines (NeurIPS 2000); scikit-learn's ``Nystroem`` and
    ``LinearSVR``.
    """

    name = "svr"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        landmarks: int = 100,
        cost: float = 0.05,
        epsilon: float = 0.1,
        most: float = 4.0,
        zero: float = 0.3,
    ) -> None:
        self.settings = settings
        self.landmarks = landmarks
        self.cost = cost
        self.epsilon = epsilon
        self.most = most
        self.zero = zero

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Fit on a sample of the rows whose target lies before ``cut``."""
        from sklearn.kernel_approximation import Nystroem
        from sklearn.svm import LinearSVR
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        samples = data.training(cut)
        self.model_: Any = None
        if len(samples.y) < _MIN_ROWS:
            return self
        rows = np.arange(len(samples.y))
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.settings.seed)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        x, weight = samples.x[rows], samples.weight[rows].astype(np.float64)
        y = np.minimum(samples.y[rows], self.most)
        with threadpool_limits(1):
            self.design_ = Design().fit(data, cut, x)
            terms = self.design_.terms(data, x, samples.series[rows], samples.target[rows])
            self.design_.standardise(terms, weight)
            columns = self.design_.columns(terms, x)
            self.kernel_ = Nystroem(
                gamma=0.2 / columns.shape[1],
                n_components=min(self.landmarks, len(columns)),
                random_state=self.settings.seed,
            ).fit(columns)
            self.model_ = LinearSVR(
                C=self.cost,
                epsilon=self.epsilon,
                loss="squared_epsilon_insensitive",
                dual=False,
                tol=1e-8,
                max_iter=2000,
                random_state=self.settings.seed,
            )
            target = np.log(self.zero + y)
            self.model_.fit(self._mapped(columns), target, sample_weight=weight)
            fitted = np.exp(self.score(columns))
        self.factor_ = float(weight @ (y + self.zero) / (weight @ fitted))
        return self

    def score(self, columns: Array) -> Array:
        """Log of demand / scale + c (n,) of columns (n, C), before the factor."""
        result: Array = self._mapped(columns) @ self.model_.coef_ + self.model_.intercept_
        return result

    def _mapped(self, columns: Array) -> Array:
        return np.hstack([columns, self.kernel_.transform(columns) * np.sqrt(columns.shape[1])])

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The series' effects where the series are now."""
        model = copy(self)
        if hasattr(self, "design_"):
            model.design_ = self.design_.realigned(data.panel, source)
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), cut off at 0; the series' own level where there was too little to train on."""
        from threadpoolctl import threadpool_limits

        count, horizon = data.panel.count, data.horizon
        scale = data.features.level(origin).scale
        if self.model_ is None:
            return np.repeat(scale[:, None], horizon, axis=1).astype(np.float32)
        x = data.features.block(origin, horizon)
        series = np.repeat(np.arange(count), horizon)
        target = origin + np.tile(np.arange(horizon), count)
        score = np.empty(len(x))
        with threadpool_limits(1):
            terms = self.design_.terms(data, x, series, target)
            for at in range(0, len(x), _CHUNK):
                part = slice(at, at + _CHUNK)
                score[part] = self.score(self.design_.columns(terms.take(part), x[part]))
        ratio = np.clip(self.factor_ * np.exp(np.minimum(score, 20.0)) - self.zero, 0, self.most)
        return (ratio.reshape(count, horizon) * scale[:, None]).astype(np.float32)
