"""Peers that forecast each series by itself: naive, averages, smoothing, Croston's kind and ETS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.forecast_sets import Case, Fold
from forecasting.core.distribution import QUANTILES
from forecasting.core.panel import Array

YEAR = {"D": 182, "W": 52, "M": 12}  # periods that empirical quantiles and errors are taken from
MEAN_OF = {"D": 56, "W": 8, "M": 6}  # periods of the moving average
SEASON = {"D": 7, "W": 52, "M": 12}


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method says of one fold, (N, H) and (N, H, 9); None where it does not say it."""

    mean: Array | None = None
    quantiles: Array | None = None
    cumulative: Array | None = None


def seasonal_naive(case: Case, fold: Fold) -> Prediction:
    """The same period a season ago; the last one where history is younger."""
    season, horizon = SEASON[case.spec.freq], case.spec.horizon
    last = np.nan_to_num(fold.sales[:, -1:])
    if fold.sales.shape[1] < season:
        return Prediction(np.repeat(last, horizon, axis=1))
    ahead = np.tile(fold.sales[:, -season:], (1, horizon // season + 1))[:, :horizon]
    return Prediction(np.where(np.isfinite(ahead), ahead, last))


def moving_average(case: Case, fold: Fold) -> Prediction:
    """Mean of the last 8 weeks, 56 days or 6 months."""
    tail = fold.sales[:, -MEAN_OF[case.spec.freq] :]
    seen = np.isfinite(tail)
    mean = np.where(seen, tail, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return Prediction(np.repeat(mean[:, None], case.spec.horizon, axis=1))


def empirical(case: Case, fold: Fold) -> Prediction:
    """Quantiles of the last year's periods, and of their rolling sums over 1..h."""
    tail = fold.sales[:, -YEAR[case.spec.freq] :]
    horizon = case.spec.horizon
    period = np.nan_to_num(_quantiles(tail))
    cumulative = []
    for h in range(1, horizon + 1):
        sums = _quantiles(_rolling_sums(tail, h))
        # A series younger than h periods: its mean for those that are missing.
        cumulative.append(np.where(np.isfinite(sums), sums, h * period))
    return Prediction(
        None,
        np.repeat(period[:, None], horizon, axis=1),
        np.maximum.accumulate(np.stack(cumulative, axis=1), axis=1),
    )


def ses(case: Case, fold: Fold) -> Prediction:
    """Simple exponential smoothing, its parameter the best of five by one-step errors in each series.

    Quantiles are those of its own errors h ahead over the last year, single and summed.
    """
    horizon, keep, sales = case.spec.horizon, YEAR[case.spec.freq], fold.sales
    paths = np.stack([_smoothed(sales, alpha) for alpha in (0.05, 0.1, 0.2, 0.3, 0.5)])
    error = sales - paths[:, :, :-1]
    seen = np.isfinite(error)
    square = (np.where(seen, error, 0) ** 2).sum(axis=2) / np.maximum(seen.sum(axis=2), 1)
    best = paths[square.argmin(axis=0), np.arange(len(sales))]
    fitted, level = best[:, :-1], np.nan_to_num(best[:, -1:])
    quantiles = np.empty((len(sales), horizon, len(QUANTILES)))
    cumulative = np.empty_like(quantiles)
    for h in range(1, horizon + 1):
        origins = max(sales.shape[1] - h + 1, 0)
        single = sales[:, h - 1 :] - fitted[:, :origins]
        summed = _rolling_sums(sales, h) - h * fitted[:, :origins]
        for block, errors, times in ((quantiles, single, 1), (cumulative, summed, h)):
            spread = np.nan_to_num(_quantiles(errors[:, -keep:]))
            block[:, h - 1] = np.maximum(times * level + spread, 0)
    return Prediction(np.repeat(level, horizon, axis=1), quantiles, np.maximum.accumulate(cumulative, axis=1))


def croston_sba(case: Case, fold: Fold) -> Prediction:
    """Croston's method with the Syntetos-Boylan correction."""
    from statsforecast.models import CrostonSBA

    return Prediction(_statistical(fold, CrostonSBA(), case.spec.horizon))


def tsb(case: Case, fold: Fold) -> Prediction:
    """Teunter-Syntetos-Babai, both smoothings 0.1."""
    from statsforecast.models import TSB

    return Prediction(_statistical(fold, TSB(alpha_d=0.1, alpha_p=0.1), case.spec.horizon))


def auto_ets(case: Case, fold: Fold) -> Prediction:
    """AutoETS with its own intervals; weeks without a season (its seasons stop at 24 periods)."""
    from statsforecast.models import AutoETS

    model = AutoETS(season_length={"D": 7, "W": 1, "M": 12}[case.spec.freq])
    horizon = case.spec.horizon
    mean = np.zeros((len(fold.sales), horizon))
    quantiles = np.zeros((*mean.shape, len(QUANTILES)))
    for row, values in enumerate(_started(fold)):
        try:
            said = model.forecast(values, h=horizon, level=[50, 80, 90, 98])
        except NotImplementedError:  # fewer periods than parameters
            mean[row], quantiles[row] = values.mean(), np.quantile(values, QUANTILES)
            continue
        mean[row] = said["mean"]
        quantiles[row] = from_levels({name: np.asarray(cells) for name, cells in said.items()}, "mean", "")
    return Prediction(np.maximum(mean, 0), np.sort(np.maximum(quantiles, 0), axis=2))


def _quantiles(values: Array) -> Array:
    """Quantiles over the last axis (N, Q), NaN apart; NaN for a row without a number."""
    blind = ~np.isfinite(values).any(axis=1) if values.shape[1] else np.ones(len(values), dtype=bool)
    result = np.full((len(values), len(QUANTILES)), np.nan)
    if not blind.all():
        result[~blind] = np.nanquantile(values[~blind], QUANTILES, axis=1).T
    return result


def _rolling_sums(values: Array, h: int) -> Array:
    """Sums of h neighbours (N, T - h + 1)."""
    if values.shape[1] < h:
        return np.empty((len(values), 0))
    sums: Array = np.lib.stride_tricks.sliding_window_view(values, h, axis=1).sum(axis=2)
    return sums


def _started(fold: Fold) -> list[Array]:
    """Each series from its first row on."""
    return [np.nan_to_num(row[np.isfinite(row).argmax() :]).astype(np.float64) for row in fold.sales]


def _smoothed(sales: Array, alpha: float) -> Array:
    """Levels (N, T + 1) before each period and after the last; NaN up to and in a series' first period."""
    levels = np.full((len(sales), sales.shape[1] + 1), np.nan)
    for t in range(sales.shape[1]):
        now, before = np.nan_to_num(sales[:, t]), levels[:, t]
        after = np.where(np.isfinite(before), before + alpha * (now - before), now)
        levels[:, t + 1] = np.where(np.isfinite(sales[:, t]) | np.isfinite(before), after, np.nan)
    return levels


def _statistical(fold: Fold, model: Any, horizon: int) -> Array:
    """A statsforecast model's forecasts (N, H), at least 0; the mean of a series under three periods."""
    mean = np.zeros((len(fold.sales), horizon))
    for row, values in enumerate(_started(fold)):
        mean[row] = model.forecast(values, h=horizon)["mean"] if len(values) > 2 else values.mean()
    return np.maximum(np.nan_to_num(mean), 0)


def from_levels(said: dict[str, Array], middle: str, prefix: str) -> Array:
    """The nine quantiles (..., 9) from central intervals of 98, 90, 80 and 50%."""
    low = [said[f"{prefix}lo-{level}"] for level in (98, 90, 80, 50)]
    high = [said[f"{prefix}hi-{level}"] for level in (50, 80, 90, 98)]
    return np.stack([*low, said[middle], *high], axis=-1)
