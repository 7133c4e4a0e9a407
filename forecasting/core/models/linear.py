"""Log-linear regression, global and direct: one plane for the logs of all series' demand."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData
from forecasting.core.models.design import Design, Terms

Array = npt.NDArray[Any]
Solver = Literal["closed", "gradient"]

_MIN_ROWS = 50
_MOST_ROWS = 400_000
_CHUNK = 50_000
_BINS = 10


class LinearDirect:
    """Linear regression of log(c + demand / scale) with an L2 penalty, rows weighted by scale.

    Terms are the logs of levels, log-price ratios, promotions and their products, each also times log h, and
    codes as dummies (`forecasting.core.models.design`). Targets stop at ``most`` scales, further up where the
    known columns alone explain more, so that one bulk order does not tilt the plane. The mean is the
    exponential times the mean of what it missed in training, by tenths of the prediction (Duan's smearing).
    ``solver`` is the closed form or gradient descent; both end at the same coefficients.
    Sources: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970); Duan, Smearing estimate, Journal of
    the American Statistical Association 78 (1983); Nesterov, Introductory Lectures on Convex Optimization
    (2004), section 2.2.
    """

    name = "linear"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        alpha: float = 100.0,
        most: float = 3.0,
        zero: float = 0.8,
        solver: Solver = "closed",
    ) -> None:
        self.settings = settings
        self.alpha = alpha
        self.most = most
        self.zero = zero
        self.solver = solver

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Fit on the sampled rows whose target lies before ``cut``."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        samples = data.training(cut)
        self.coefficients_: Array | None = None
        if len(samples.y) < _MIN_ROWS:
            return self
        rows = np.arange(len(samples.y))
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.settings.seed)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        x, weight = samples.x[rows], samples.weight[rows].astype(np.float64)
        with threadpool_limits(1):
            self.design_ = Design().fit(data, cut, x)
            terms = self.design_.terms(data, x, samples.series[rows], samples.target[rows])
            self.design_.standardise(terms, weight)
            y = np.minimum(samples.y[rows], self._most(terms.effect))
            target = np.log(self.zero + y)
            gram, cross, centre, level = self._moments(terms, x, target, weight)
            solve = solve_closed if self.solver == "closed" else solve_gradient
            self.coefficients_ = solve(gram, cross, self.alpha)
            self.intercept_ = float(level - centre @ self.coefficients_)
            self._smear(self._score(terms, x), y, weight)
        return self

    def _most(self, effect: Array) -> Array:
        return np.maximum(self.most, np.exp(effect))

    def _moments(
        self, terms: Terms, x: Array, target: Array, weight: Array
    ) -> tuple[Array, Array, Array, float]:
        """Weighted, centred second moments of the columns, theirs with the target, and both means."""
        gram: Any = 0.0
        cross: Any = 0.0
        sums: Any = 0.0
        for part, design in self._chunks(terms, x):
            weighted = design * weight[part, None]
            gram = gram + weighted.T @ design
            cross = cross + weighted.T @ target[part]
            sums = sums + weighted.sum(axis=0)
        mass = float(weight.sum())
        centre, level = sums / mass, float(weight @ target) / mass
        return gram - mass * np.outer(centre, centre), cross - mass * centre * level, centre, level

    def _chunks(self, terms: Terms, x: Array) -> Any:
        for at in range(0, len(x), _CHUNK):
            part = slice(at, at + _CHUNK)
            yield part, self.design_.columns(terms.take(part), x[part])

    def _score(self, terms: Terms, x: Array) -> Array:
        parts = [design @ self.coefficients_ + self.intercept_ for _, design in self._chunks(terms, x)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _smear(self, score: Array, y: Array, weight: Array) -> None:
        """Factors from exp(score) to the mean, at the middles of bins of the score."""
        edges = np.quantile(score, np.linspace(0, 1, _BINS + 1))
        bins = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, _BINS - 1)
        actual = np.bincount(bins, weight * (y + self.zero), _BINS)
        fitted = np.bincount(bins, weight * np.exp(score), _BINS)
        used = fitted > 0
        self.middles_ = (0.5 * (edges[1:] + edges[:-1]))[used]
        self.factors_ = actual[used] / fitted[used]

    def _rows(self, data: TrainingData, origin: int) -> tuple[Array, Terms]:
        count, horizon = data.panel.count, data.horizon
        x = data.features.block(origin, horizon)
        series = np.repeat(np.arange(count), horizon)
        target = origin + np.tile(np.arange(horizon), count)
        return x, self.design_.terms(data, x, series, target)

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The series' effects where the series are now."""
        model = copy(self)
        if hasattr(self, "design_"):
            model.design_ = self.design_.realigned(data.panel, source)
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), cut off at 0; the series' own level where there was too little to train on."""
        from threadpoolctl import threadpool_limits

        scale = data.features.level(origin).scale
        if self.coefficients_ is None:
            return np.repeat(scale[:, None], data.horizon, axis=1).astype(np.float32)
        with threadpool_limits(1):
            x, terms = self._rows(data, origin)
            score = self._score(terms, x)
        ratio = np.interp(score, self.middles_, self.factors_) * np.exp(np.minimum(score, 20)) - self.zero
        ratio = np.clip(ratio, 0, self._most(terms.effect))
        return (ratio.reshape(len(scale), data.horizon) * scale[:, None]).astype(np.float32)

    def explain(self, data: TrainingData, origin: int, rows: Array) -> Array:
        """Contributions (n, H, G) of some series (positions) by group, adding up to the mean.

        G are the groups of `forecasting.core.explain`; the score's terms are turned to units there.
        """
        from forecasting.core.explain import GROUPS, LEVEL, group_codes, log_to_units, scale_to

        mean = self.predict(data, origin)[rows]
        parts = np.zeros((*mean.shape, len(GROUPS)))
        if self.coefficients_ is None:
            parts[..., LEVEL] = mean
            return parts.astype(np.float32)
        scale = data.features.level(origin).scale
        x, terms = self._rows(data, origin)
        groups = group_codes(self.design_.features)
        values = np.zeros((len(x), len(GROUPS)))
        for part, design in self._chunks(terms, x):
            for code in np.unique(groups):
                own = groups == code
                values[part, code] = design[:, own] @ self.coefficients_[own]
        score = values.sum(axis=1) + self.intercept_
        factor = np.interp(score, self.middles_, self.factors_)
        ratio = log_to_units(values, self.intercept_) * factor[:, None]
        ratio[:, LEVEL] -= self.zero
        units = ratio.reshape(len(scale), data.horizon, -1)[rows] * scale[rows, None, None]
        return scale_to(mean, units)


def solve_closed(gram: Array, cross: Array, alpha: float) -> Array:
    """Coefficients (C,) that minimise b'Gb/2 - c'b + alpha b'b/2, by Cholesky's factors."""
    from scipy.linalg import cho_factor, cho_solve

    result: Array = cho_solve(cho_factor(gram + alpha * np.eye(len(cross))), cross)
    return result


def solve_gradient(
    gram: Array, cross: Array, alpha: float, *, tolerance: float = 1e-10, most_steps: int = 200_000
) -> Array:
    """The same by gradient descent with Nesterov's momentum for strongly convex functions.

    The gradient is that over all rows, through their second moments. Stops when its norm falls below
    ``tolerance`` of where it began.
    """
    steepest = float(np.linalg.eigvalsh(gram)[-1]) + alpha
    momentum = (np.sqrt(steepest) - np.sqrt(alpha)) / (np.sqrt(steepest) + np.sqrt(alpha))
    at = ahead = np.zeros(len(cross))
    for _ in range(most_steps):
        gradient = gram @ ahead + alpha * ahead - cross
        if np.linalg.norm(gradient) <= tolerance * np.linalg.norm(cross):
            break
        step = ahead - gradient / steepest
        ahead = step + momentum * (step - at)
        at = step
    return ahead
