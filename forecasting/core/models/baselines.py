"""Baselines that need no training: what any other model has to beat."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.features import SEASON
from forecasting.core.models.base import ModelSettings, TrainingData

Array = npt.NDArray[Any]

_WINDOW: dict[str, int] = {"D": 56, "W": 8, "M": 6}


class SeasonalNaive:
    """Demand of the same period a season ago: the last year (52 weeks, 12 months), for days the last week.

    A series too young for that repeats its last known period. Source: Hyndman and Athanasopoulos,
    Forecasting: Principles and Practice (3rd edition, 2021), section 5.2.
    """

    name = "seasonal_naive"

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Choose the season; the values themselves are read at prediction."""
        self.season_ = 7 if data.panel.freq == "D" else SEASON[data.panel.freq]
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H)."""
        filled = data.filled
        steps = np.arange(data.horizon)
        past = origin + steps - self.season_ * (steps // self.season_ + 1)
        last = filled[origin - 1]
        values = np.where(past[:, None] >= 0, filled[np.maximum(past, 0)], last)
        young = past[:, None] < data.panel.start[None, :]
        mean: Array = np.where(young, last[None, :], values).T
        return mean.astype(np.float32)


class MovingAverage:
    """Mean of the last known periods: 56 days, 8 weeks or 6 months; a younger series takes what it has."""

    name = "moving_average"

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    def fit(self, data: TrainingData, cut: int) -> Self:
        """Choose the window; the values themselves are read at prediction."""
        self.window_ = _WINDOW[data.panel.freq]
        return self

    def predict(self, data: TrainingData, origin: int) -> Array:
        """Mean demand (N, H), the same for every h."""
        recent = data.panel.observed[max(0, origin - self.window_) : origin]
        seen = np.isfinite(recent)
        number = seen.sum(axis=0)
        mean = np.where(seen, recent, 0).sum(axis=0) / np.maximum(number, 1)
        mean = np.where(number > 0, mean, data.filled[origin - 1])
        return np.repeat(mean[:, None], data.horizon, axis=1).astype(np.float32)
