"""The peers of the forecasting benchmarks: statsforecast and mlforecast, as a careful user would set them up.

    python -m benchmarks.forecast_peers OUT.json [--sets NAME,NAME] [--methods NAME,NAME]

Writes each method's scores, per set and fold, to OUT.json after each step; what is there already is kept
(delete the file after a change to a method or panel).
Peers read sales as they are, as one without stock records does. Each is set up below.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecast_sets import SETS, Case, Fold, cases
from forecasting.core import scores
from forecasting.core.distribution import QUANTILES
from forecasting.core.panel import Array

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
# mlforecast warns of each lag that is longer than a series; LightGBM takes gaps, the ridge fills them.
warnings.filterwarnings("ignore", message="Found null values in")
YEAR = {"D": 182, "W": 52, "M": 12}  # periods that empirical quantiles and errors are taken from
MEAN_OF = {"D": 56, "W": 8, "M": 6}  # periods of the moving average
SEASON = {"D": 7, "W": 52, "M": 12}
PANDAS = {"D": "D", "M": "MS"}
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method says of one fold, (N, H) and (N, H, 9); None where it does not say it."""

    mean: Array | None = None
    quantiles: Array | None = None
    cumulative: Array | None = None


def scored(fold: Fold, said: Prediction) -> dict[str, float]:
    """All metrics of one fold; a point forecast without quantiles counts as its median."""
    line: dict[str, float] = {}
    actual = fold.actual
    if said.mean is not None:
        line["wape"] = scores.wape(said.mean, actual)
        line["bias"] = scores.bias(said.mean, actual)
        line["rmsse"] = scores.rmsse(said.mean, actual, fold.squared)
    median = said.mean if said.quantiles is None else said.quantiles[:, :, QUANTILES.index(0.5)]
    if median is not None:
        line["wape_median"] = scores.wape(median, actual)
    if said.quantiles is not None:
        line["pinball"] = scores.pinball(said.quantiles, actual, QUANTILES, fold.absolute)
    if said.cumulative is not None:
        line["cum_pinball"] = scores.cumulative_pinball(said.cumulative, actual, QUANTILES, fold.absolute)
    for kind, block, truth in (
        ("coverage", said.quantiles, actual),
        ("cum_coverage", said.cumulative, np.cumsum(actual, axis=1)),
    ):
        for level in (0.9, 0.95, 0.99) if block is not None else ():
            use = fold.often >= 2 * (1 - level)
            own = block[use][:, :, QUANTILES.index(level)]  # type: ignore[index]
            line[f"{kind}_{round(100 * level)}"] = scores.coverage_miss(own, truth[use], level)
    return line


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
        quantiles[row] = _from_levels({name: np.asarray(cells) for name, cells in said.items()}, "mean", "")
    return Prediction(np.maximum(mean, 0), np.sort(np.maximum(quantiles, 0), axis=2))


def mlforecast_lightgbm(case: Case, fold: Fold) -> Prediction:
    """Recursive LightGBM with a Tweedie loss on lags, rolling means, date, static and known columns."""
    return Prediction(_mlforecast(case, fold, _lightgbm(), conformal=False)[0])


def mlforecast_conformal(case: Case, fold: Fold) -> Prediction:
    """The same with mlforecast's conformal intervals."""
    mean, quantiles = _mlforecast(case, fold, _lightgbm(), conformal=True)
    return Prediction(mean, quantiles)


def mlforecast_ridge(case: Case, fold: Fold) -> Prediction:
    """Recursive ridge regression on the same features, text as dummies, targets standardised per series."""
    from mlforecast.target_transforms import LocalStandardScaler

    transforms = [LocalStandardScaler()]
    return Prediction(_mlforecast(case, fold, _ridge(), conformal=False, transforms=transforms)[0])


def mlforecast_ridge_log(case: Case, fold: Fold) -> Prediction:
    """The same on log(1 + y): a low bias is the price of a good WAPE."""
    from mlforecast.target_transforms import GlobalSklearnTransformer
    from sklearn.preprocessing import FunctionTransformer

    transforms = [GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))]
    return Prediction(_mlforecast(case, fold, _ridge(), conformal=False, transforms=transforms)[0])


PEERS: dict[str, Callable[[Case, Fold], Prediction]] = {
    "seasonal_naive": seasonal_naive,
    "moving_average": moving_average,
    "empirical": empirical,
    "ses": ses,
    "croston_sba": croston_sba,
    "tsb": tsb,
    "mlforecast_ridge": mlforecast_ridge,
    "mlforecast_ridge_log": mlforecast_ridge_log,
    "mlforecast_lightgbm": mlforecast_lightgbm,
    "mlforecast_conformal": mlforecast_conformal,
    "auto_ets": auto_ets,
}
# Shown, but not among the peers that the gates name.
BEYOND = ("mlforecast_ridge_log",)
# AutoETS takes minutes on a thousand long daily series.
LEFT_OUT = {("retail_daily", "auto_ets"), ("journey_daily", "auto_ets")}


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


def _from_levels(said: dict[str, Array], middle: str, prefix: str) -> Array:
    """The nine quantiles (..., 9) from central intervals of 98, 90, 80 and 50%."""
    low = [said[f"{prefix}lo-{level}"] for level in (98, 90, 80, 50)]
    high = [said[f"{prefix}hi-{level}"] for level in (50, 80, 90, 98)]
    return np.stack([*low, said[middle], *high], axis=-1)


def _lightgbm() -> Any:
    import lightgbm

    return lightgbm.LGBMRegressor(
        objective="tweedie",
        tweedie_variance_power=1.5,
        n_estimators=300,
        learning_rate=0.05,
        num_leaves=31,
        min_child_samples=20,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        random_state=0,
        n_jobs=THREADS,
        force_row_wise=True,
        verbosity=-1,
    )


def _ridge() -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    dummies = OneHotEncoder(handle_unknown="ignore", min_frequency=20)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("dummies", dummies, make_column_selector(dtype_include="category")),
            ("numbers", numbers, make_column_selector(dtype_exclude="category")),
        ]
    )
    return make_pipeline(columns, Ridge(alpha=10.0))


def _mlforecast(
    case: Case, fold: Fold, model: Any, *, conformal: bool, transforms: list[Any] | None = None
) -> tuple[Array, Array | None]:
    """Means (N, H) and, with conformal intervals, quantiles (N, H, 9)."""
    import pandas as pd
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd
    from mlforecast.utils import PredictionIntervals

    freq, horizon = case.spec.freq, case.spec.horizon
    periods = fold.sales.shape[1]
    lags = {"D": [1, 2, 3, 7, 14, 21, 28, 56, 364], "W": [1, 2, 3, 4, 8, 13, 26, 52], "M": [1, 2, 3, 6, 12]}
    windows = {"D": [7, 28, 56, 182], "W": [4, 8, 13, 26, 52], "M": [2, 3, 6, 12]}
    rolling = [RollingMean(size, min_samples=1) for size in windows[freq] if size < periods]
    dates = {"D": ["dayofweek", "day", "month"], "W": ["week", "month"], "M": ["month"]}
    known, static = list(case.spec.known), list(case.spec.static)
    frame = fold.panel.select("unique_id", "ds", "y", *known, *static).sort("unique_id", "ds").to_pandas()
    frame["ds"] = pd.to_datetime(frame["ds"])
    for name in static:
        frame[name] = frame[name].astype("category")
    for name in known:
        frame[name] = frame[name].astype("float64")
    future = frame["ds"] > pd.Timestamp(fold.as_of)
    past = frame[~future].assign(y=frame.loc[~future, "y"].fillna(0.0).astype("float64"))
    engine = MLForecast(
        models={"model": model},
        freq=PANDAS.get(freq) or f"W-{_DAYS[fold.as_of.weekday()]}",
        lags=[lag for lag in lags[freq] if lag < periods],
        lag_transforms={1: [*rolling, RollingStd(windows[freq][1], min_samples=2)]},
        date_features=dates[freq],
        target_transforms=transforms,
        num_threads=THREADS,
    )
    options: dict[str, Any] = {}
    count = {"D": 2, "W": 4, "M": 2}[freq]
    if conformal:
        # A series too young for the calibration windows can't take part; it gets its empirical quantiles.
        sizes = past.groupby("unique_id")["y"].transform("size")
        past = past[sizes > count * horizon + 4]
        options["prediction_intervals"] = PredictionIntervals(n_windows=count, h=horizon)
    engine.fit(past, static_features=static, dropna=False, **options)
    ahead = frame.loc[future, ["unique_id", "ds", *known]] if known else None
    if ahead is not None:
        ahead = ahead[ahead["unique_id"].isin(past["unique_id"].unique())]
    level: list[int | float] | None = [50, 80, 90, 98] if conformal else None
    said = engine.predict(h=horizon, X_df=ahead, level=level).sort_values(["unique_id", "ds"])
    rows = np.searchsorted(np.array(fold.unique_id), said["unique_id"].unique())
    fallback = moving_average(case, fold).mean
    if fallback is None:
        raise RuntimeError("the moving average has a mean")
    mean = fallback.copy()
    mean[rows] = np.maximum(said["model"].to_numpy().reshape(-1, horizon), 0)
    if not conformal:
        return mean, None
    quantiles = empirical(case, fold).quantiles
    if quantiles is None:
        raise RuntimeError("the empirical method has quantiles")
    own = {name: said[name].to_numpy().reshape(-1, horizon) for name in said.columns if "model" in name}
    quantiles = quantiles.copy()
    quantiles[rows] = np.sort(np.maximum(_from_levels(own, "model", "model-"), 0), axis=2)
    return mean, quantiles


Table = dict[str, dict[str, dict[str, dict[str, float]]]]


def run_peers(
    sets: list[Case], methods: list[str], path: Path | None, *, folds: int = 3, quiet: bool = False
) -> Table:
    """Scores by set, method and fold (as-of date); each with its seconds. Known ones in the file are kept."""
    table: Table = json.loads(path.read_text()) if path is not None and path.is_file() else {}
    for method in methods:
        for case in sets:
            if (case.name, method) in LEFT_OUT:
                continue
            for cut in case.cuts[-folds:]:
                place = table.setdefault(case.name, {}).setdefault(method, {})
                if str(cut) in place:
                    continue
                fold = case.fold(cut)
                start = time.perf_counter()
                said = PEERS[method](case, fold)
                seconds = time.perf_counter() - start
                place[str(cut)] = {name: round(value, 6) for name, value in scored(fold, said).items()} | {
                    "seconds": round(seconds, 2)
                }
                if path is not None:
                    path.write_text(json.dumps(table, indent=1) + "\n")
            if not quiet and table.get(case.name, {}).get(method):
                row = means(table[case.name][method])
                print(f"{case.name:16}{method:22}" + _line(row), flush=True)
    return table


def means(folds: dict[str, dict[str, float]]) -> dict[str, float]:
    """Mean of each metric over the folds."""
    names = next(iter(folds.values()))
    return {name: float(np.mean([line[name] for line in folds.values()])) for name in names}


def _line(row: dict[str, float]) -> str:
    names = ("wape", "bias", "rmsse", "wape_median", "pinball", "cum_pinball", "seconds")
    return "".join(f"{row[name]:9.3f}" if name in row else f"{'-':>9}" for name in names)


def main() -> None:
    """Fill the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default=",".join(PEERS))
    arguments = parser.parse_args()
    run_peers(cases(arguments.sets.split(",")), arguments.methods.split(","), arguments.out)


if __name__ == "__main__":
    main()
