"""Rolling-origin backtest: fit at past origins, forecast the held-out periods, score and calibrate by them.

Source: Tashman, Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16 (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core import scores
from forecasting.core.calibrate import Calibrator, Outcome
from forecasting.core.features import Level
from forecasting.core.models import PredictsQuantiles, TrainingData, make

Array = npt.NDArray[Any]

Scores = dict[str, float | None]
_COVERED = (0.9, 0.95, 0.99)
_MOST_BIAS = (-np.log(1.25), np.log(1.25))


def fold_cuts(periods: int, horizon: int, folds: int) -> list[int]:
    """Origins of the folds, oldest first: back to back, the last at the end of the data.

    A short history makes folds overlap, so that each still learns from half of it, and then makes them
    shorter than the horizon; under four periods there are none.
    """
    if periods < 4 or folds < 1:
        return []
    last = periods - min(horizon, max(1, periods // 3))
    first = max(periods // 2, 2)
    step = horizon if folds == 1 else min(horizon, (last - first) // (folds - 1))
    cuts = [last - step * back for back in range(folds)] if step > 0 else [last]
    return sorted(cut for cut in cuts if cut >= 2)


@dataclass(frozen=True, eq=False)
class Fold:
    """One held-out stretch: its origin, the actuals (N, H) with NaN where they don't count, scales and
    levels.
    """

    cut: int
    actual: Array
    absolute_scale: Array
    squared_scale: Array
    often: Array
    level: Level


@dataclass(frozen=True, eq=False)
class Backtest:
    """Folds, each model's means on them, (N, H) each, and the quantiles of models that have their own.

    ``quantiles`` are those of `PredictsQuantiles`, a pair for each fold; a model that learned too little on
    one of them is left out.
    """

    folds: list[Fold]
    means: dict[str, list[Array]]
    counts: Array
    quantiles: dict[str, list[tuple[Array, Array]]] = field(default_factory=dict)

    def outcome_of(self, means: list[Array], folds: Sequence[int] | None = None) -> Outcome:
        """Means (N, H) of each fold and what came, over some folds (default all)."""
        return Outcome.concat(
            [
                Outcome(means[k], self.folds[k].actual, self.folds[k].level, self.counts)
                for k in (range(len(self.folds)) if folds is None else folds)
            ]
        )


def make_fold(data: TrainingData, cut: int) -> Fold:
    """What was held out at an origin; series that had not started by then don't count."""
    panel = data.panel
    observed = panel.observed
    actual = np.full((panel.count, data.horizon), np.nan, dtype=np.float32)
    ahead = np.where(
        panel.censored[cut : cut + data.horizon], np.float32(np.nan), panel.y[cut : cut + data.horizon]
    )
    actual[:, : len(ahead)] = ahead.T
    actual[panel.start >= cut] = np.nan
    absolute, squared = scores.naive_scales(observed[:cut].T)
    year = observed[max(0, cut - data.features.season) : cut]
    seen = np.maximum(np.isfinite(year).sum(axis=0), 1)
    often = (np.nan_to_num(year) > 0).sum(axis=0) / seen
    return Fold(cut, actual, absolute, squared, often, data.features.level(cut))


def backtest(
    data: TrainingData,
    models: Sequence[str],
    folds: int,
    progress: Callable[[float], None] | None = None,
    *,
    with_quantiles: bool = True,
) -> Backtest:
    """Fit every model at every origin and keep its means of the held-out periods, and its quantiles if it
    has any and they are wanted.
    """
    cuts = fold_cuts(data.panel.periods, data.horizon, folds)
    means: dict[str, list[Array]] = {name: [] for name in models}
    quantiles: dict[str, list[tuple[Array, Array] | None]] | None = {} if with_quantiles else None
    for number, cut in enumerate(cuts):
        for place, name in enumerate(models):
            model = make(name, data.settings).fit(data, cut)
            means[name].append(model.predict(data, cut))
            if quantiles is not None and isinstance(model, PredictsQuantiles):
                quantiles.setdefault(name, []).append(model.predict_quantiles(data, cut))
            if progress:
                progress((number + (place + 1) / len(models)) / len(cuts))
    whole = {name: [pair for pair in pairs if pair is not None] for name, pairs in (quantiles or {}).items()}
    whole = {name: pairs for name, pairs in whole.items() if len(pairs) == len(cuts)}
    return Backtest([make_fold(data, cut) for cut in cuts], means, data.panel.counts, whole)


def bias_factors(result: Backtest) -> dict[str, float]:
    """What each model's means are to be multiplied by, so that they are not off on the whole.

    The mean log ratio of actual to forecast totals over the folds, drawn toward 0 the more the folds
    disagree (m^2 / (m^2 + its variance), a positive-part shrinkage of the James-Stein kind), at most 25%.
    """
    return {name: _factor(_log_ratios(means, result.folds)) for name, means in result.means.items()}


def unbiased(result: Backtest) -> Backtest:
    """The backtest with each fold's means corrected by what the other folds say."""
    corrected = {}
    for name, means in result.means.items():
        ratios = _log_ratios(means, result.folds)
        factors = [_factor(np.delete(ratios, k)) for k in range(len(ratios))]
        corrected[name] = [mean * np.float32(own) for mean, own in zip(means, factors, strict=True)]
    return replace(result, means=corrected)


def _log_ratios(means: list[Array], folds: list[Fold]) -> Array:
    ratios = []
    for mean, fold in zip(means, folds, strict=True):
        seen = np.isfinite(fold.actual)
        actual = float(fold.actual[seen].sum(dtype=np.float64))
        forecast = float(mean[seen].sum(dtype=np.float64))
        ratios.append(np.log(actual / forecast) if actual > 0 and forecast > 0 else 0.0)
    return np.array(ratios)


def _factor(ratios: Array) -> float:
    if len(ratios) < 2:
        return 1.0
    mean, variance = float(ratios.mean()), float(ratios.var(ddof=1)) / len(ratios)
    if mean == 0:
        return 1.0
    return float(np.exp(np.clip(mean * mean**2 / (mean**2 + variance), *_MOST_BIAS)))


@dataclass(frozen=True, eq=False)
class FoldQuantiles:
    """Quantiles (N, H, Q) of one fold, per period and cumulative, calibrated on the other folds."""

    period: Array
    cumulative: Array


def cross_calibrate(
    result: Backtest, means: list[Array], levels: tuple[float, ...], seed: int
) -> tuple[Calibrator, list[FoldQuantiles]]:
    """The calibrator of means (N, H) from all folds, and each fold's quantiles from the other folds alone.

    These are estimates, not yet rounded to counts. With a single fold there is no other: its quantiles are
    then scored on what calibrated them.
    """
    everything = list(range(len(result.folds)))
    final = Calibrator(levels, seed=seed).fit(result.outcome_of(means, everything))
    quantiles = []
    for k, fold in enumerate(result.folds):
        others = [other for other in everything if other != k]
        own = Calibrator(levels, seed=seed).fit(result.outcome_of(means, others)) if others else final
        quantiles.append(FoldQuantiles(*own.estimate(means[k], fold.level, result.counts)))
    return final, quantiles


def score(
    result: Backtest,
    means: list[Array],
    quantiles: list[FoldQuantiles] | None,
    levels: tuple[float, ...],
    rows: Array,
) -> Scores:
    """Mean of the folds' scores over some series (boolean, N). None where a score has no ground to stand
    on.
    """
    table: list[dict[str, float]] = []
    for k, fold in enumerate(result.folds):
        mean, actual = means[k][rows], fold.actual[rows]
        line = {
            "wape": scores.wape(mean, actual),
            "bias": scores.bias(mean, actual),
            "mse": scores.mse(mean, actual),
            "rmsse": scores.rmsse(mean, actual, fold.squared_scale[rows]),
        }
        if quantiles is not None:
            period, cumulative = quantiles[k].period[rows], quantiles[k].cumulative[rows]
            scale = fold.absolute_scale[rows]
            line["wape_median"] = scores.wape(period[:, :, _nearest(levels, 0.5)], actual)
            line["pinball"] = scores.pinball(period, actual, levels, scale)
            line["cum_pinball"] = scores.cumulative_pinball(cumulative, actual, levels, scale)
            line |= _coverage_shares(period, actual, fold.often[rows], levels, "coverage")
            ends = np.cumsum(actual, axis=1, dtype=np.float64)
            line |= _coverage_shares(cumulative, ends, fold.often[rows], levels, "cum_coverage")
        table.append(line)
    names = table[0] if table else {}
    return {name: _mean([line[name] for line in table]) for name in names}


def _coverage_shares(
    quantiles: Array, actual: Array, often: Array, levels: tuple[float, ...], name: str
) -> dict[str, float]:
    line = {}
    for level in _COVERED:
        use = often >= 2 * (1 - level)
        column = quantiles[use][:, :, _nearest(levels, level)]
        below, at_most = scores.coverage(column, actual[use])
        key = f"{name}_{round(level * 100)}"
        line[f"{key}_below"], line[key] = below, at_most
    return line


def _nearest(levels: tuple[float, ...], level: float) -> int:
    return int(np.argmin(np.abs(np.array(levels) - level)))


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return round(float(np.mean(finite)), 6) if finite else None
