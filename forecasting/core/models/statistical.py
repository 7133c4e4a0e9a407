"""Statistical baselines of each series by itself: SES, Croston in Syntetos and Boylan's form, TSB and ETS.

The first three run over all series at once in numpy (per-series calls cost more than their arithmetic), with
statsforecast as the oracle of their tests; ETS is statsforecast's own. A period whose demand is unknown or
was cut off by a stock-out changes nothing: levels are carried over it.
"""

from __future__ import annotations

from copy import copy
from importlib import import_module
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import ModelSettings, TrainingData

Array = npt.NDArray[Any]

# Bounds of statsforecast's optimiser; denser at the low end, where demand's best values lie.
_ALPHAS = np.concatenate([np.geomspace(0.01, 0.3, 14), np.linspace(0.36, 0.99, 8)])
_CHUNK = 2048
_MOST = 2.0  # no forecast above this many times the largest demand ever seen


def first_known(values: Array) -> Array:
    """First finite value of each column of (T, N), 0 where there is none."""
    seen = np.isfinite(values)
    if not len(values):
        return np.zeros(values.shape[1])
    first = np.take_along_axis(values, seen.argmax(axis=0)[None, :], axis=0)[0]
    return np.where(seen.any(axis=0), first, 0.0).astype(np.float64)


def exponential_smoothing(values: Array, alphas: Array) -> tuple[Array, Array]:
    """Level after the last period and sum of squared one-step errors, both shaped as ``alphas`` (..., N).

    ``values`` is (T, N) with NaN where unknown: the level is carried over those. It starts at the first known
    value.
    """
    level = np.broadcast_to(first_known(values), alphas.shape).copy()
    squares = np.zeros_like(level)
    for row in values:
        seen = np.isfinite(row)
        error = np.where(seen, row, 0.0) - level
        error *= seen
        level += alphas * error
        error *= error
        squares += error
    return level, squares


def _moved(alphas: Array, source: Array) -> Array:
    return np.where(source >= 0, alphas[source], np.median(alphas))


def _bounded(mean: Array, values: Array, horizon: int) -> Array:
    """A flat mean (N,) or a path (N, H) as (N, H) float32, from 0 to a multiple of the largest demand."""
    most = _MOST * np.nan_to_num(values).max(axis=0, initial=0.0)
    path = mean[:, None] if mean.ndim == 1 else mean
    path = np.clip(np.nan_to_num(path, nan=0.0, posinf=np.inf), 0.0, most[:, None])
    return np.broadcast_to(path, (len(path), horizon)).astype(np.float32)


class SimpleExponentialSmoothing:
    """Level smoothed with the alpha, of 22 from 0.01 to 0.99, that had the least squared one-step errors.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice (3rd edition, 2021), section 8.1.
    """

    name = "ses"

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Choose each series' alpha by the periods before ``cut``."""
        values = data.panel.observed[:cut]
        count = data.panel.count
        self.alpha_ = np.empty(count)
        for at in range(0, count, _CHUNK):
            part = values[:, at : at + _CHUNK]
            grid = np.repeat(_ALPHAS[:, None], part.shape[1], axis=1)
            _, squares = exponential_smoothing(part, grid)
            self.alpha_[at : at + _CHUNK] = _ALPHAS[squares.argmin(axis=0)]
        return self

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The alphas where the series are now; a new one takes the middle of all."""
        model = copy(self)
        model.alpha_ = _moved(self.alpha_, source)
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), the same for every h."""
        values = data.panel.observed[:origin]
        level, _ = exponential_smoothing(values, self.alpha_)
        return _bounded(level, values, data.horizon)


class CrostonSBA:
    """Size of a sale / periods between sales, each smoothed at sales only, less Croston's bias (1 - alpha/2).

    Source: Syntetos and Boylan, The accuracy of intermittent demand estimates, International Journal of
    Forecasting 21 (2005).
    """

    name = "croston"

    def __init__(self, settings: ModelSettings, *, alpha: float = 0.1) -> None:
        self.settings = settings
        self.alpha = alpha

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Nothing to learn: alpha is given, the levels are read at prediction."""
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), the same for every h."""
        values = data.panel.observed[:origin]
        count = values.shape[1]
        size, interval = np.full(count, np.nan), np.full(count, np.nan)
        waited = np.zeros(count)
        for row in values:
            waited += np.isfinite(row)
            sold = row > 0
            fresh = sold & np.isnan(size)
            size = np.where(fresh, row, np.where(sold, size + self.alpha * (row - size), size))
            interval = np.where(
                fresh, waited, np.where(sold, interval + self.alpha * (waited - interval), interval)
            )
            waited[sold] = 0
        return _bounded((1 - self.alpha / 2) * size / interval, values, data.horizon)


class TSB:
    """Probability of a sale, smoothed in every period, x size of a sale, smoothed at sales: fades when
    sales stop.

    Both alphas are chosen per series from a small grid by squared one-step errors. Source: Teunter, Syntetos
    and Babai, Intermittent demand: linking forecasting to inventory obsolescence, European Journal of
    Operational Research 214 (2011).
    """

    name = "tsb"

    def __init__(
        self, settings: ModelSettings, *, alphas: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.3)
    ) -> None:
        self.settings = settings
        self.alphas = alphas

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Choose each series' pair of alphas by the periods before ``cut``."""
        values = data.panel.observed[:cut]
        count = data.panel.count
        pairs = np.array([(size, chance) for size in self.alphas for chance in self.alphas])
        best = np.empty(count, dtype=np.int64)
        for at in range(0, count, _CHUNK):
            part = values[:, at : at + _CHUNK]
            shape = (len(pairs), part.shape[1])
            size, chance = (np.broadcast_to(pairs[:, [k]], shape) for k in (0, 1))
            best[at : at + _CHUNK] = self._run(part, size, chance)[1].argmin(axis=0)
        self.size_alpha_, self.chance_alpha_ = pairs[best, 0], pairs[best, 1]
        return self

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The alphas where the series are now; a new one takes the middle of all."""
        model = copy(self)
        model.size_alpha_ = _moved(self.size_alpha_, source)
        model.chance_alpha_ = _moved(self.chance_alpha_, source)
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), the same for every h."""
        values = data.panel.observed[:origin]
        level, _ = self._run(values, self.size_alpha_, self.chance_alpha_)
        return _bounded(level, values, data.horizon)

    @staticmethod
    def _run(values: Array, size_alpha: Array, chance_alpha: Array) -> tuple[Array, Array]:
        """Mean after the last period and sum of squared one-step errors, shaped as the alphas (..., N)."""
        size = np.broadcast_to(first_known(np.where(values > 0, values, np.nan)), size_alpha.shape).copy()
        chance = np.broadcast_to(
            first_known(np.where(np.isfinite(values), values > 0, np.nan)), size_alpha.shape
        ).copy()
        squares = np.zeros_like(size)
        for row in values:
            seen, sold = np.isfinite(row), row > 0
            units = np.where(seen, row, 0.0)
            squares += ((units - chance * size) * seen) ** 2
            size += size_alpha * ((units - size) * sold)
            chance += chance_alpha * ((sold - chance) * seen)
        return chance * size, squares


# Of ETS: season and recent periods looked at. A year of weeks is too long a season for it, and its state's.
_SEASON: dict[str, int] = {"D": 7, "W": 1, "M": 12}
_RECENT: dict[str, int] = {"D": 182, "W": 104, "M": 60}
_LEAST = 12
_OFTEN = 0.5


class ETS:
    """Exponential smoothing as a state space model, chosen per series by AICc, from statsforecast.

    To keep it to milliseconds a series: errors and seasons are additive, trends none or damped, seasons are
    the week of days and the year of months, and history stops at 182 days, 104 weeks or 60 months; a trend
    needs a series that sells in half of its periods. Demand enters divided by its mean. A series with fewer
    than 12 known periods, or without change, takes the mean of what it has.
    Source: Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008).
    """

    name = "ets"

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Choose and fit each series' model on the recent periods before ``cut``."""
        ets: Any = import_module("statsforecast.ets")
        freq = data.panel.freq
        self.begin_ = max(0, cut - _RECENT[freq])
        self.unit_ = np.ones(data.panel.count)
        self.models_: list[dict[str, Any] | None] = []
        for number, known in enumerate(self._histories(data, cut)):
            self.models_.append(None)
            if len(known) < _LEAST or np.ptp(known) == 0:
                continue
            self.unit_[number] = known.mean()
            season = _SEASON[freq] if len(known) >= 3 * _SEASON[freq] else 1
            regular = (known > 0).mean() >= _OFTEN
            kinds = ["ANN"] + (["AAN"] if regular else []) + (["ANA"] if season > 1 else [])
            fits = []
            for kind in kinds:
                try:
                    fits.append(ets.ets_f(known / self.unit_[number], season, kind, damped=kind[1] == "A"))
                except (NotImplementedError, ValueError):
                    continue
            sound = [fit for fit in fits if np.isfinite(fit["aicc"])]
            if sound:
                best = min(sound, key=lambda fit: float(fit["aicc"]))
                keep = ("m", "components", "par", "n_params", "fit")
                self.models_[number] = {name: best[name] for name in keep} | {"fit": None}
        return self

    def realigned(self, data: TrainingData, source: Array) -> Self:
        """The series' models where the series are now; a new one takes the mean of what it has."""
        model = copy(self)
        model.unit_ = np.where(source >= 0, self.unit_[source], 1.0)
        model.models_ = [self.models_[at] if at >= 0 else None for at in source]
        return model

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H): new observations move the states, not the parameters."""
        ets: Any = import_module("statsforecast.ets")
        mean = np.zeros((data.panel.count, data.horizon))
        for number, known in enumerate(self._histories(data, origin)):
            model, unit = self.models_[number], self.unit_[number]
            if model is None:
                mean[number] = known.mean() if len(known) else 0.0
            else:
                state = ets.forward_ets(model, known / unit)
                mean[number] = ets.pegelsfcast_C(data.horizon, state) * unit
        return _bounded(mean, data.panel.observed[:origin], data.horizon)

    def _histories(self, data: TrainingData, origin: int) -> list[Array]:
        """Recent demand of each series, float64; a seasonal series keeps its rhythm across unknown
        periods.
        """
        recent = data.panel.observed[self.begin_ : origin].astype(np.float64)
        filled = data.filled[self.begin_ : origin].astype(np.float64)
        seasonal = _SEASON[data.panel.freq] > 1
        histories = []
        for column, whole in zip(recent.T, filled.T, strict=True):
            seen = np.isfinite(column)
            first = int(seen.argmax()) if seen.any() else len(seen)
            histories.append(whole[first:] if seasonal else column[seen])
        return histories
