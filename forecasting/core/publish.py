"""From fitted models to what is published: means, their distribution, and their explanation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.calibrate import Calibrator, publishable
from forecasting.core.choose import members
from forecasting.core.distribution import DemandDistribution
from forecasting.core.explain import GROUPS, contributions_blend, explain_model, scale_to
from forecasting.core.mix import QuantileMix, mixed
from forecasting.core.models import Forecaster, ModelSettings, PredictsQuantiles, TrainingData
from forecasting.core.panel import Panel
from forecasting.core.spec import ForecastSpec

Array = npt.NDArray[Any]

_ROWS_PER_SERIES = 16


def training_data(panel: Panel, spec: ForecastSpec, *, yearly: bool | None = None) -> TrainingData:
    """A panel with the tables that models share."""
    rows = max(spec.rows, _ROWS_PER_SERIES * panel.count)
    settings = ModelSettings(seed=spec.seed, threads=spec.threads, rows=rows)
    return TrainingData(panel, horizon=spec.horizon, settings=settings, yearly=yearly)


def predict_all(
    data: TrainingData,
    fitted: dict[str, Forecaster],
    factor: dict[str, float],
    model: list[str],
    origin: int,
) -> dict[str, Array]:
    """Means (N, H) from an origin on of each model that has a part in ``model``, the series' models by name,
    corrected for its bias.
    """
    needed = {member for name in set(model) for member in members(name)}
    return {
        name: own.predict(data, origin) * np.float32(factor.get(name, 1.0))
        for name, own in fitted.items()
        if name in needed
    }


def distribute(
    data: TrainingData,
    means: dict[str, Array],
    fitted: dict[str, Forecaster],
    calibrator: Calibrator | None,
    mix: QuantileMix,
    model: list[str],
    segment: list[str],
    spec: ForecastSpec,
    *,
    width: float = 1.0,
) -> DemandDistribution:
    """The distribution of all series from their models' means (N, H); ``width`` stretches it about them."""
    panel = data.panel
    names = np.array(model)
    shape = (panel.count, spec.horizon)
    mean = np.zeros(shape, dtype=np.float32)
    for name in np.unique(names):
        rows = names == name
        parts = [means[member][rows] for member in members(str(name))]
        mean[rows] = np.maximum(np.mean(parts, axis=0, dtype=np.float32), 0)
    period = np.zeros((*shape, len(spec.levels)), dtype=np.float32)
    cumulative = np.zeros_like(period)
    if calibrator is not None:
        level = data.features.level(panel.periods)
        period, cumulative = calibrator.estimate(mean, level, panel.counts, width=width)
        other: object = fitted.get(mix.other)
        theirs = (
            other.predict_quantiles(data, panel.periods) if isinstance(other, PredictsQuantiles) else None
        )
        if theirs is not None:
            shares = mix.of(segment)
            period = mixed(period, theirs[0], shares[0], width=width)
            cumulative = mixed(cumulative, theirs[1], shares[1], width=width)
        period, cumulative = publishable(period, cumulative, panel.counts)
    return DemandDistribution(
        unique_id=panel.unique_id,
        as_of=panel.as_of,
        freq=panel.freq,
        ds=panel.future,
        mean=mean,
        quantiles=period,
        cum_quantiles=cumulative,
        levels=spec.levels,
    )


def explain(
    data: TrainingData, fitted: dict[str, Forecaster], model: list[str], distribution: DemandDistribution
) -> Array:
    """Contributions (N, H, G) float32 of every mean, from the members of each series' model."""
    result = np.zeros((*distribution.mean.shape, len(GROUPS)), dtype=np.float32)
    names = np.array(model)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        own = members(str(name))
        parts = {member: explain_model(fitted[member], data, data.panel.periods, rows) for member in own}
        split = contributions_blend(parts, dict.fromkeys(own, 1 / len(own)))
        result[rows] = scale_to(distribution.mean[rows], split)
    return result
