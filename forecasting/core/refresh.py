"""New observations through trained models: the daily update between two full runs.

Features are made anew at the new origin, the fitted champions predict from there, and the calibration hears
what came of the forecasts since: their errors join those of the held-out folds, and the bands widen or narrow
by how much of the demand since the training they have covered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.backtest import make_fold
from forecasting.core.calibrate import Calibrator, Outcome
from forecasting.core.choose import finest, members
from forecasting.core.classify import abc_classes, demand_patterns
from forecasting.core.cleaning import pack
from forecasting.core.models import Forecaster, KnowsSeries, TrainingData
from forecasting.core.monitor import coverage_factor
from forecasting.core.panel import Panel
from forecasting.core.publish import distribute, explain, predict_all, training_data
from forecasting.core.response.estimate import response_estimate
from forecasting.core.result import ForecastArtifact, ForecastResult
from forecasting.core.stages import Stages

Array = npt.NDArray[Any]

# The band whose coverage is watched: the one between the 10% and the 90% quantile.
_BAND = (0.1, 0.9)
_SMALLEST = 30


def refresh(panel: Panel, artifact: ForecastArtifact, stages: Stages) -> ForecastResult:
    """The forecast of a panel as of its last period by an artifact's models.

    ``report`` has no scores of its own; ``report["update"]`` tells the periods since the training, the share
    of their demand inside the band, and the factor on the width of the bands.
    """
    spec = artifact.spec
    data = training_data(panel, spec, yearly=artifact.yearly)
    models = _realigned(artifact, data)
    with stages.run("clean", 0.1):
        pattern = demand_patterns(panel.observed)
        abc = abc_classes(np.nansum(panel.observed[-data.features.season :], axis=0))
        clean = data.clean(panel.periods)
        corrections = pack(clean)
    response = None
    if spec.explain:
        with stages.run("response", 0.2):
            response = response_estimate(panel, clean, threads=spec.threads)
    del clean
    segment = finest(pattern, abc, artifact.champion)
    model = [artifact.champion[name] for name in segment]
    calibrator, width = artifact.calibrator, 1.0
    heard: dict[str, Any] = {}
    since = int(np.searchsorted(panel.ds, np.datetime64(artifact.as_of), side="right"))
    if artifact.outcome is not None and 2 <= since < panel.periods:
        with stages.run("calibrate", 0.3):
            calibrator, width, heard = _listen(data, artifact, models, artifact.outcome, model, since)
    with stages.run("distribution", 0.6):
        means = predict_all(data, models, artifact.factor, model, panel.periods)
        distribution = distribute(
            data, means, models, calibrator, artifact.mix, model, segment, spec, width=width
        )
    contributions = None
    if spec.explain:
        with stages.run("explain", 0.8):
            contributions = explain(data, models, model, distribution)
    stages.tell("done", 1.0)
    report = {
        "as_of": panel.as_of.isoformat(),
        "trained_as_of": artifact.as_of.isoformat(),
        "series": panel.count,
        "periods": panel.periods,
        "folds": [],
        "spec": spec.to_dict(),
        "stages": stages.table,
        "models": {},
        "champion": artifact.champion,
        "decisions": [],
        "coverage": {},
        "update": heard,
        "response": response.shop if response else None,
        "warnings": [],
    }
    return ForecastResult(
        distribution=distribution,
        model=model,
        segment=segment,
        pattern=pattern,
        report=report,
        artifact=replace(artifact, calibrator=calibrator),
        corrections=corrections,
        contributions=contributions,
        response=response,
    )


def _realigned(artifact: ForecastArtifact, data: TrainingData) -> dict[str, Forecaster]:
    """The models with what they know of each series where the panel now has it: products come and go."""
    unique_id = data.panel.unique_id
    if unique_id == artifact.unique_id:
        return artifact.models
    at = {name: position for position, name in enumerate(artifact.unique_id)}
    source = np.array([at.get(name, -1) for name in unique_id], dtype=np.int64)
    return {
        name: model.realigned(data, source) if isinstance(model, KnowsSeries) else model
        for name, model in artifact.models.items()
    }


def _listen(
    data: TrainingData,
    artifact: ForecastArtifact,
    models: dict[str, Forecaster],
    before: Outcome,
    model: list[str],
    since: int,
) -> tuple[Calibrator, float, dict[str, Any]]:
    """The calibrator with the outcomes since the training, the factor on its width, and what was heard."""
    panel, spec = data.panel, artifact.spec
    means = predict_all(data, models, artifact.factor, model, since)
    names = np.array(model)
    mean = np.zeros((panel.count, spec.horizon), dtype=np.float32)
    for name in np.unique(names):
        rows = names == name
        mean[rows] = np.mean([means[member][rows] for member in members(str(name))], axis=0)
    fold = make_fold(data, since)
    seen = np.isfinite(fold.actual)
    outcome = Outcome.concat([before, Outcome(mean, fold.actual, fold.level, panel.counts)])
    calibrator = Calibrator(spec.levels, seed=spec.seed).fit(outcome)
    period, _ = calibrator.predict(np.maximum(mean, 0), fold.level, panel.counts)
    low, high = (period[:, :, spec.levels.index(level)] for level in _BAND)
    inside = np.where(seen, (fold.actual >= low) & (fold.actual <= high), False)
    number = seen.sum(axis=0)
    known = number >= _SMALLEST
    share = np.where(known, inside.sum(axis=0) / np.maximum(number, 1), np.nan)
    # Counts make the band cover more than its level: what held-out demand showed is the aim.
    aim = _usual_share(calibrator, before, spec.levels)
    width = float(coverage_factor(share[:, None], aim)[0])
    heard = {
        "periods": int(min(panel.periods - since, spec.horizon)),
        "covered": round(float(np.nanmean(share)), 4) if known.any() else None,
        "usual": round(aim, 4),
        "width": round(width, 4),
    }
    return calibrator, width, heard


def _usual_share(calibrator: Calibrator, outcome: Outcome, levels: tuple[float, ...]) -> float:
    """Share of the held-out demand that the band covered."""
    period, _ = calibrator.predict(outcome.mean, outcome.level, outcome.counts)
    low, high = (period[:, :, levels.index(level)] for level in _BAND)
    seen = np.isfinite(outcome.actual)
    if not seen.any():
        return _BAND[1] - _BAND[0]
    return float(((outcome.actual >= low) & (outcome.actual <= high))[seen].mean())
