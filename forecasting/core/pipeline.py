"""The whole way from a demand panel to calibrated demand distributions, with the champion of each segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.accuracy import AccuracySums, series_sums
from forecasting.core.backtest import (
    Backtest,
    FoldQuantiles,
    Scores,
    backtest,
    bias_factors,
    cross_calibrate,
    score,
    unbiased,
)
from forecasting.core.calibrate import Calibrator, Outcome, publishable
from forecasting.core.choose import OVERALL, Choice, blend, choose, finest, members, segments_of
from forecasting.core.classify import abc_classes, demand_patterns
from forecasting.core.cleaning import pack
from forecasting.core.mix import QuantileMix, mix_fit
from forecasting.core.models import ModelSettings, PredictsQuantiles, TrainingData, make, require_installed
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.publish import distribute, explain, predict_all, training_data
from forecasting.core.refresh import refresh
from forecasting.core.response.estimate import response_estimate
from forecasting.core.result import ForecastArtifact, ForecastResult
from forecasting.core.spec import ForecastSpec
from forecasting.core.stages import Progress, Stages

Array = npt.NDArray[Any]

_UNTRAINED = frozenset({"seasonal_naive", "moving_average", "ses", "croston", "tsb", "ets"})
# Scored with quantiles beside the champions, as yardsticks.
_YARDSTICKS = ("seasonal_naive", "moving_average")
# Mean-only runs choose by one fold: there is nothing to calibrate.
_MEAN_FOLDS, _MEAN_TESTED = 1, 3_000
# Of more series than this, LightGBM alone makes the means: what a choice would cost goes into its training.
_MEAN_CHOSEN = 12_000
_MEAN_ALONE, _MEAN_ROWS = "lightgbm", 1_000_000
# No held-out fold corrects its bias then: its targets are cut further up.
_MEAN_OPTIONS = {"most": 8.0}


def forecast(
    panel: pl.DataFrame,
    *,
    as_of: date,
    spec: ForecastSpec,
    progress: Progress | None = None,
    previous: ForecastArtifact | None = None,
) -> ForecastResult:
    """Forecast all series of a long demand panel (``unique_id, ds, y``, optional ``in_stock``, more columns).

    ``previous`` is what an earlier run learned: its champions are the incumbents. ``progress`` hears of each
    step: its name and the share of the whole that is done. Raises PanelError for a malformed panel,
    NotInstalledError for a model whose library is absent.
    """
    stages = Stages(progress)
    with stages.run("panel", 0.0):
        dense = panel_from_frame(
            panel,
            as_of=as_of,
            freq=spec.freq,
            horizon=spec.horizon,
            known=spec.known,
            static=spec.static,
            signals=spec.signals,
        )
    return _forecast(dense, spec, stages, previous)


def forecast_panel(panel: Panel, *, spec: ForecastSpec, progress: Progress | None = None) -> ForecastResult:
    """The same from a panel that is already dense."""
    return _forecast(panel, spec, Stages(progress), None)


def update(
    panel: pl.DataFrame, *, as_of: date, artifact: ForecastArtifact, progress: Progress | None = None
) -> ForecastResult:
    """Take new observations through what a run has learned: new features, refreshed calibration, no new fit.

    ``panel`` is the whole history up to ``as_of``, with the columns that the artifact was trained on. Raises
    PanelError for a malformed panel.
    """
    stages = Stages(progress)
    spec = artifact.spec
    with stages.run("panel", 0.0):
        dense = panel_from_frame(
            panel,
            as_of=as_of,
            freq=spec.freq,
            horizon=spec.horizon,
            known=spec.known,
            static=spec.static,
            signals=spec.signals,
            labels=artifact.labels,
        )
    return refresh(dense, artifact, stages)


def _forecast(
    panel: Panel, spec: ForecastSpec, stages: Stages, previous: ForecastArtifact | None
) -> ForecastResult:
    alone = not spec.levels and panel.count > _MEAN_CHOSEN and _MEAN_ALONE in spec.models
    models = (_MEAN_ALONE,) if alone else _asked(spec)
    require_installed(models)
    options = _MEAN_OPTIONS if alone else {}
    # A single mean needs no held-out folds: nothing to choose, nothing to calibrate.
    folds = spec.folds if spec.levels else _MEAN_FOLDS if len(models) > 1 else 0
    data = training_data(panel, replace(spec, rows=max(spec.rows, _MEAN_ROWS)) if alone else spec)
    rows = _tested(panel, spec) if folds else None
    sample = data if rows is None else training_data(panel.take(rows), spec)
    warnings: list[str] = []
    with stages.run("clean", 0.02):
        clean = data.clean(panel.periods)
        pattern = demand_patterns(panel.observed)
        corrections = pack(clean)
        abc = abc_classes(np.nansum(panel.observed[-data.features.season :], axis=0))
    response = None
    if spec.explain:
        with stages.run("response", 0.05):
            response = response_estimate(panel, clean, threads=spec.threads)
    del clean
    if not set(models) <= _UNTRAINED:
        with stages.run("features", 0.06):
            (sample if folds else data).prepare()
    with stages.run("backtest", 0.10):
        tested = backtest(
            sample,
            models,
            folds,
            lambda share: stages.tell("backtest", 0.1 + 0.5 * share),
            with_quantiles=bool(spec.levels),
        )
        factor = bias_factors(tested)
        tested = unbiased(tested)
    if folds and len(tested.folds) < folds:
        warnings.append(f"history is too short for {folds} folds: {len(tested.folds)} used")
    with stages.run("score", 0.60):
        at = np.arange(panel.count) if rows is None else rows
        of_sample = [pattern[i] for i in at], [abc[i] for i in at]
        segments = segments_of(*of_sample, spec.min_segment)
        choice = choose(tested, segments, _for_means(models), previous.champion if previous else None)
        of_segment = finest(*of_sample, choice.champion)
        mixed = mixture(tested, of_segment, choice)
    with stages.run("calibrate", 0.65):
        calibrator, mix, quantiles = _calibrate(tested, mixed, spec, models, segments, of_segment)
    with stages.run("score", 0.75):
        table, accuracy = _scores(sample, tested, mixed, quantiles, spec, models, segments, choice)
        if accuracy is not None and rows is not None:
            accuracy = AccuracySums(_spread_out(accuracy.sums, rows, panel.count), accuracy.by_step)
    del sample, quantiles  # the last fits need the room
    segment = finest(pattern, abc, choice.champion)
    model = [choice.champion[name] for name in segment]
    needed = {member for name in set(model) for member in members(name)} | (
        {mix.other} if mix.used else set()
    )
    if needed - _UNTRAINED:
        with stages.run("features", 0.80):
            data.prepare()
    with stages.run("fit", 0.82):
        fitted = {
            name: make(name, data.settings, **options).fit(data, panel.periods)
            for name in models
            if name in needed
        }
        data.release()
    with stages.run("distribution", 0.92):
        means = predict_all(data, fitted, factor, model, panel.periods)
        distribution = distribute(data, means, fitted, calibrator, mix, model, segment, spec)
    contributions = None
    if spec.explain:
        with stages.run("explain", 0.95):
            contributions = explain(data, fitted, model, distribution)
    stages.tell("done", 1.0)
    report = {
        "as_of": panel.as_of.isoformat(),
        "series": panel.count,
        "tested": len(at) if folds else 0,
        "periods": panel.periods,
        "folds": [str(panel.ds[fold.cut - 1]) for fold in tested.folds],
        "spec": spec.to_dict(),
        "stages": stages.table,
        "models": table,
        "champion": choice.champion,
        "decisions": [asdict(decision) for decision in choice.decisions],
        "mix": {"model": mix.other, "shares": mix.shares},
        "coverage": _coverage(table.get("champion", {})),
        "response": response.shop if response else None,
        "warnings": warnings,
    }
    outcome = tested.outcome_of(mixed) if tested.folds and spec.levels else None
    artifact = ForecastArtifact(
        spec=spec,
        as_of=panel.as_of,
        models=fitted,
        calibrator=calibrator,
        mix=mix,
        champion=choice.champion,
        factor={name: factor[name] for name in fitted if name in factor},
        outcome=outcome,
        labels=panel.labels,
        unique_id=panel.unique_id,
        yearly=data.features.yearly,
    )
    return ForecastResult(
        distribution=distribution,
        model=model,
        segment=segment,
        pattern=pattern,
        report=report,
        artifact=artifact,
        corrections=corrections,
        accuracy=accuracy,
        contributions=contributions,
        response=response,
    )


def _asked(spec: ForecastSpec) -> tuple[str, ...]:
    """The models of a run: where only means are asked for, none that is there for its quantiles."""
    return spec.models if spec.levels else _for_means(spec.models)


def _for_means(models: Sequence[str]) -> tuple[str, ...]:
    """The models that a champion is chosen from: one with a distribution of its own has its part in the
    quantiles, not in the mean, unless it is alone.
    """
    settings = ModelSettings()
    means = tuple(name for name in models if not isinstance(make(name, settings), PredictsQuantiles))
    return means or tuple(models)


def _tested(panel: Panel, spec: ForecastSpec) -> Array | None:
    """Positions of the series that the backtest runs on; None for all.

    They are drawn by the order of a hash of the name, so that neither the order of series nor the others in
    the panel decide.
    """
    most = spec.tested if spec.levels else min(spec.tested, _MEAN_TESTED)
    if panel.count <= most:
        return None
    order = pl.Series(panel.unique_id).hash(seed=spec.seed).arg_sort().to_numpy()
    return np.sort(order[:most])


def _spread_out(values: Array, rows: Array, count: int) -> Array:
    result = np.zeros((count, *values.shape[1:]), dtype=values.dtype)
    result[rows] = values
    return result


def mixture(tested: Backtest, segment: list[str], choice: Choice) -> list[Array]:
    """Means (N, H) of the champions together, each on its own series, for each fold."""
    names = np.array([choice.champion[name] for name in segment])
    result = [np.empty_like(fold.actual) for fold in tested.folds]
    for name in np.unique(names) if tested.folds else []:
        rows = names == name
        for own, mean in zip(result, blend(tested.means, str(name)), strict=True):
            own[rows] = mean[rows]
    return result


def _calibrate(
    tested: Backtest,
    mean: list[Array],
    spec: ForecastSpec,
    models: Sequence[str],
    segments: dict[str, Array],
    segment: list[str],
) -> tuple[Calibrator | None, QuantileMix, dict[str, list[FoldQuantiles]]]:
    """The calibrator of the champions together, what share a model with quantiles of its own has, and the
    quantiles on the folds of the champions and of the yardsticks.
    """
    if not spec.levels:
        return None, QuantileMix(), {}
    if not tested.folds:
        nothing = Outcome.empty(spec.horizon)
        return Calibrator(spec.levels, seed=spec.seed).fit(nothing), QuantileMix(), {}
    quantiles: dict[str, list[FoldQuantiles]] = {}
    for name in models:
        if name in tested.quantiles:
            quantiles[name] = _published(tested, [FoldQuantiles(*pair) for pair in tested.quantiles[name]])
        elif name in _YARDSTICKS:
            _, own = cross_calibrate(tested, tested.means[name], spec.levels, spec.seed)
            quantiles[name] = _published(tested, own)
    calibrator, own = cross_calibrate(tested, mean, spec.levels, spec.seed)
    others = [name for name in models if name in tested.quantiles]
    if not others:
        quantiles["champion"] = _published(tested, own)
        return calibrator, QuantileMix(), quantiles
    mix, quantiles["champion"] = mix_fit(tested, own, others[0], segments, segment, spec.levels)
    return calibrator, mix, quantiles


def _published(tested: Backtest, estimates: list[FoldQuantiles]) -> list[FoldQuantiles]:
    return [
        FoldQuantiles(*publishable(fold.period.copy(), fold.cumulative.copy(), tested.counts))
        for fold in estimates
    ]


def _scores(
    sample: TrainingData,
    tested: Backtest,
    mixed: list[Array],
    quantiles: dict[str, list[FoldQuantiles]],
    spec: ForecastSpec,
    models: Sequence[str],
    segments: dict[str, Array],
    choice: Choice,
) -> tuple[dict[str, dict[str, Scores]], AccuracySums | None]:
    """Scores of all models, of the blends that won somewhere, and of the champions together; each segment."""
    names = {*models, *choice.champion.values()}
    means = {name: blend(tested.means, name) for name in sorted(names)}
    if tested.folds:
        means["champion"] = mixed
    table = {
        name: {
            segment: score(tested, own, quantiles.get(name), spec.levels, rows)
            for segment, rows in segments.items()
        }
        for name, own in means.items()
    }
    if not tested.folds:
        return table, None
    return table, series_sums(sample, tested, mixed, quantiles.get("champion"), spec.levels)


def _coverage(champion: dict[str, Scores]) -> dict[str, Any]:
    """Per level the share of held-out demand below and at most the quantile, per period and cumulative."""
    scores_ = champion.get(OVERALL, {})
    return {
        f"{level / 100:.2f}": {
            kind: [scores_.get(f"{key}_{level}_below"), scores_.get(f"{key}_{level}")]
            for kind, key in (("period", "coverage"), ("cumulative", "cum_coverage"))
        }
        for level in (90, 95, 99)
        if f"coverage_{level}" in scores_
    }
