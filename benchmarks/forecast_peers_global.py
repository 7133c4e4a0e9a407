"""Peers that learn one model of all series, recursively: mlforecast with LightGBM and ridge regression."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from benchmarks.forecast_peers_local import Prediction, empirical, from_levels, moving_average
from benchmarks.forecast_sets import Case, Fold
from forecasting.core.panel import Array

# mlforecast warns of each lag that is longer than a series; LightGBM takes gaps, the ridge fills them.
warnings.filterwarnings("ignore", message="Found null values in")
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
PANDAS = {"D": "D", "M": "MS"}
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


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
    quantiles[rows] = np.sort(np.maximum(from_levels(own, "model", "model-"), 0), axis=2)
    return mean, quantiles
