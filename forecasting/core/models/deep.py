"""A global network on the log-linear terms, with embedded codes: the deep model of the registry."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData, require_installed
from forecasting.core.models.design import Design, Terms
from forecasting.core.models.network import Training, scorer, to_onnx, train

Array = npt.NDArray[Any]

_MIN_ROWS = 500
_MOST_ROWS = 300_000
_CHUNK = 50_000
_OFTEN = 0.02  # share of rows


class NetworkDesign(Design):
    """The terms as a network takes them: standardised numbers, which of them are unknown, log h, and codes
    that it embeds itself.

    A code is its place among those of the training rows, from 1; 0 is one that was not there.
    """

    def standardise(self, terms: Terms, weight: Array) -> None:
        """Learn each term's weighted mean and spread, and which are unknown often enough to tell."""
        super().standardise(terms, weight)
        self.gaps_ = np.flatnonzero((~np.isfinite(terms.values)).mean(axis=0) > _OFTEN)

    def columns(self, terms: Terms, x: Array) -> Array:
        """The columns (n, D + C) float32 of rows."""
        parts = [self.numbers(terms), ~np.isfinite(terms.values[:, self.gaps_]), np.log(terms.horizon)]
        parts += [_places(x[:, index], values) for index, values in self.codes_.items()]
        return np.column_stack(parts).astype(np.float32)

    @property
    def features(self) -> list[str]:
        """The feature behind each column."""
        numbers = self.number_features
        codes = [self.names_[index] for index in self.codes_]
        return [*numbers, *(numbers[at] for at in self.gaps_), "h", *codes]

    @property
    def sizes(self) -> list[int]:
        """How many codes each code column has."""
        return [len(values) for values in self.codes_.values()]


class DeepDemand:
    """The mean of a few multilayer perceptrons, one function of all series and horizons.

    log(c + demand / scale) by squared error on the standardised terms of the linear model and embeddings of
    the static columns; rows weigh their scale, targets and forecasts stop at ``most`` scales, and the
    exponential is scaled to the training rows' mean. Trained with torch on at most 300,000 rows for a fixed
    number of steps; kept as ONNX, so that predicting needs onnxruntime alone.
    Sources: Guo and Berkhahn, Entity embeddings of categorical variables (2016); Montero-Manso and Hyndman,
    Principles and algorithms for forecasting groups of time series, International Journal of Forecasting 37
    (2021).
    """

    name = "deep"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        how: Training | None = None,
        most: float = 4.0,
        zero: float = 0.3,
    ) -> None:
        self.settings = settings
        self.how = how or Training()
        self.most = most
        self.zero = zero

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Train on the sampled rows whose target lies before ``cut``; NotInstalledError without torch."""
        require_installed((self.name,))
        samples = data.training(cut)
        self.__dict__.pop("score", None)
        self.graph_: Any = None  # ONNX, bytes
        if len(samples.y) < _MIN_ROWS:
            return self
        rows = np.arange(len(samples.y))
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.settings.seed)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        x, series, target = samples.x[rows], samples.series[rows], samples.target[rows]
        weight = samples.weight[rows].astype(np.float64)
        y = np.minimum(samples.y[rows], self.most)
        self.design_ = NetworkDesign()
        self.design_.fit(data, cut, x)
        terms = self.design_.terms(data, x, series, target)
        self.design_.standardise(terms, weight)
        columns = np.empty((len(x), len(self.design_.features)), dtype=np.float32)
        for part in _parts(len(x)):
            columns[part] = self.design_.columns(terms.take(part), x[part])
        # A network starts at nothing: targets are measured from their mean.
        logs = np.log(self.zero + y)
        self.middle_ = float(weight @ logs / weight.sum())
        networks = train(
            columns,
            logs - self.middle_,
            weight / weight.mean(),
            sizes=self.design_.sizes,
            how=self.how,
            seed=self.settings.seed,
            threads=self.settings.threads,
        )
        self.graph_ = to_onnx(networks)
        fitted = np.exp(self.score(columns))
        self.factor_ = float(weight @ (y + self.zero) / (weight @ fitted))
        return self

    @cached_property
    def score(self) -> Any:
        """Log of demand / scale + c (n,) of columns (n, D + C), before the factor."""
        run = scorer(self.graph_, self.settings.threads)
        return lambda columns: run(columns).astype(np.float64) + self.middle_

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "score"}

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The series' effects where the series are now."""
        model = copy(self)
        if self.graph_ is not None:
            model.design_ = self.design_.realigned(data.panel, source)
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), cut off at 0; the series' own level where there was too little to train on."""
        count, horizon = data.panel.count, data.horizon
        scale = data.features.level(origin).scale
        if self.graph_ is None:
            return np.repeat(scale[:, None], horizon, axis=1).astype(np.float32)
        x = data.features.block(origin, horizon)
        series = np.repeat(np.arange(count), horizon)
        target = origin + np.tile(np.arange(horizon), count)
        terms = self.design_.terms(data, x, series, target)
        score = np.empty(len(x))
        for part in _parts(len(x)):
            score[part] = self.score(self.design_.columns(terms.take(part), x[part]))
        ratio = np.clip(self.factor_ * np.exp(np.minimum(score, 20.0)) - self.zero, 0, self.most)
        return (ratio.reshape(count, horizon) * scale[:, None]).astype(np.float32)


def _parts(count: int) -> list[slice]:
    return [slice(at, at + _CHUNK) for at in range(0, count, _CHUNK)]


def _places(codes: Array, values: Array) -> Array:
    """(n,) place of each code among rising ``values``, from 1; 0 for one that is not there."""
    at = np.minimum(np.searchsorted(values, codes), len(values) - 1)
    return np.where(values[at] == codes, at + 1, 0)
