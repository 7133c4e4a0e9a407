"""What every model is: an estimator in scikit-learn's manner, found by its name in one registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from forecasting.core.cleaning import CleanDemand, clean
from forecasting.core.features import FeatureTable
from forecasting.core.panel import Panel
from forecasting.core.samples import SampledRows, Samples

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ModelSettings:
    """What all models are built with: seed, threads, and about how many rows to learn from."""

    seed: int = 0
    threads: int = 1
    rows: int = 200_000


class TrainingData:
    """A panel with the tables that models share, each made when first asked for."""

    def __init__(
        self, panel: Panel, *, horizon: int, settings: ModelSettings, yearly: bool | None = None
    ) -> None:
        self.panel = panel
        self.yearly = yearly
        self.horizon = horizon
        self.settings = settings
        self._clean: dict[int, CleanDemand] = {}
        self._training: tuple[int, Samples] | None = None

    def clean(self, cut: int) -> CleanDemand:
        """The demand behind the sales before an origin, and what each period may teach."""
        if cut not in self._clean:
            end = self.panel.periods
            panel = self.panel if cut == end else self.panel.until(cut)
            # The whole history's is asked for again at the end; of the origins before, one at a time.
            kept = {at: found for at, found in self._clean.items() if at == end}
            self._clean = kept | {cut: clean(panel, stocked=panel.stocked, threads=self.settings.threads)}
        return self._clean[cut]

    @cached_property
    def features(self) -> FeatureTable:
        """Features of every (series, origin, horizon)."""
        return FeatureTable(self.panel, yearly=self.yearly, threads=self.settings.threads)

    @cached_property
    def samples(self) -> SampledRows:
        """Sampled rows over the whole panel, without targets."""
        return self.features.samples(horizon=self.horizon, rows=self.settings.rows, seed=self.settings.seed)

    def prepare(self) -> None:
        """Make the sampled rows now: their time counts as that of features."""
        len(self.samples.target)

    def training(self, cut: int) -> Samples:
        """Training rows of what was known at an origin; the latest one's are kept."""
        if self._training is None or self._training[0] != cut:
            last = cut == self.panel.periods
            self._training = (cut, self.samples.before(cut, self.clean(cut), last=last))
            if last:
                # The last fits ask for these rows alone.
                self.__dict__.pop("samples", None)
        return self._training[1]

    def release(self) -> None:
        """Forget what only fits need; it is made again should one come."""
        self._clean, self._training = {}, None
        self.__dict__.pop("samples", None)

    @cached_property
    def filled(self) -> Array:
        """(T, N) observed demand, float32; an unknown period repeats the last known one, 0 before the
        first.
        """
        observed = self.panel.observed
        index = np.where(np.isfinite(observed), np.arange(len(observed))[:, None], -1)
        np.maximum.accumulate(index, axis=0, out=index)
        return np.where(index >= 0, np.take_along_axis(observed, np.maximum(index, 0), axis=0), np.float32(0))


class Forecaster(Protocol):
    """One model. ``fit`` reads periods before ``cut`` only and returns self; fitted state ends in ``_``.

    ``predict`` gives the mean demand (N, H), 0 or more and finite, of the periods from ``origin`` on. An
    origin later than the fit's cut is allowed: new observations enter through features without a new fit.
    """

    name: str

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Learn from the periods before ``cut``."""

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H) of the periods ``origin .. origin + H - 1``."""


@runtime_checkable
class PredictsQuantiles(Protocol):
    """A model that has a distribution of its own, not only a mean."""

    def predict_quantiles(self, data: TrainingData, origin: int) -> tuple[Array, Array] | None:
        """Quantiles (N, H, Q) per period and cumulative, not rounded; None where it learned too little."""


@runtime_checkable
class KnowsSeries(Protocol):
    """A model that learned something of each series, held by its position."""

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The same model for another panel: ``source`` (N,) is the position that each of its series had when
        the model was fitted, -1 for a new one.
        """


_MODELS: dict[str, str] = {
    "seasonal_naive": "forecasting.core.models.baselines:SeasonalNaive",
    "moving_average": "forecasting.core.models.baselines:MovingAverage",
    "ses": "forecasting.core.models.statistical:SimpleExponentialSmoothing",
    "croston": "forecasting.core.models.statistical:CrostonSBA",
    "tsb": "forecasting.core.models.statistical:TSB",
    "ets": "forecasting.core.models.statistical:ETS",
    "linear": "forecasting.core.models.linear:LinearDirect",
    "tree": "forecasting.core.models.tree:DecisionTree",
    "forest": "forecasting.core.models.forest:QuantileForest",
    "svr": "forecasting.core.models.svr:SupportVector",
    "lightgbm": "forecasting.core.models.gbm:LightGBMDirect",
    "deep": "forecasting.core.models.deep:DeepDemand",
}


_EXTRAS: dict[str, tuple[str, str]] = {"deep": ("torch", "requirements-deep.txt")}


class NotInstalledError(ValueError):
    """A model was asked for whose library is not installed."""


def require_installed(names: Iterable[str]) -> None:
    """NotInstalledError, with what to install, where a model can't be trained for want of its library."""
    for name in names:
        library, listed = _EXTRAS.get(name, ("", ""))
        if library and find_spec(library) is None:
            raise NotInstalledError(
                f"the model {name!r} is trained with {library}, which is not installed: "
                f"pip install -r {listed}"
            )


def model_names() -> tuple[str, ...]:
    """Names of all models."""
    return tuple(_MODELS)


def make(name: str, settings: ModelSettings, **options: Any) -> Forecaster:
    """Build a model by its name; ValueError for an unknown one. Its module is imported only now.

    ``options`` are the model's own parameters, where they are to be others than its defaults.
    """
    if name not in _MODELS:
        raise ValueError(f"no model {name!r}; there are {', '.join(_MODELS)}")
    module, _, kind = _MODELS[name].partition(":")
    factory: Callable[..., Forecaster] = getattr(import_module(module), kind)
    return factory(settings, **options)
