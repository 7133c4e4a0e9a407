"""mlforecast on a panel file, as `benchmarks.forecast_speed` runs it: recursive LightGBM, 26 features.

python -m benchmarks.forecast_speed_peer PANEL OUT AS_OF HORIZON KNOWN STATIC THREADS
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import lightgbm
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean, RollingStd


def main() -> None:
    """Read, fit, predict, write; prints the seconds of each step."""
    panel, out, as_of, horizon, known, static, threads = sys.argv[1:]
    names = known.split(",")
    clock = [time.perf_counter()]
    frame = pd.read_parquet(panel)
    frame["ds"] = pd.to_datetime(frame["ds"])
    past = frame["ds"] <= pd.Timestamp(as_of)
    ahead = frame.loc[~past, ["unique_id", "ds", *names]].reset_index(drop=True)
    frame = frame[past].reset_index(drop=True)
    clock.append(time.perf_counter())
    model = lightgbm.LGBMRegressor(
        objective="tweedie",
        tweedie_variance_power=1.1,
        n_estimators=100,
        num_leaves=128,
        learning_rate=0.1,
        force_row_wise=True,
        n_jobs=int(threads),
        random_state=0,
        verbosity=-1,
    )
    engine = MLForecast(
        models={"mean": model},
        freq="D",
        lags=[1, 2, 3, 7, 14, 21, 28],
        lag_transforms={
            1: [
                *(RollingMean(size, min_samples=1) for size in (7, 14, 28, 56)),
                RollingStd(28, min_samples=2),
            ],
            7: [RollingMean(7, min_samples=1), RollingMean(28, min_samples=1)],
            28: [RollingMean(28, min_samples=1)],
        },
        date_features=["dayofweek", "day", "week", "month"],
        num_threads=int(threads),
    )
    made = engine.preprocess(frame, static_features=static.split(","), dropna=True, return_X_y=True)
    clock.append(time.perf_counter())
    engine.fit_models(*made)
    del made, frame
    clock.append(time.perf_counter())
    said = engine.predict(h=int(horizon), X_df=ahead)
    said["mean"] = said["mean"].clip(lower=0)
    said.to_parquet(out)
    clock.append(time.perf_counter())
    steps = [later - earlier for earlier, later in pairwise(clock)]
    print(
        "    mlforecast: read {:.1f}, features {:.1f}, fit {:.1f}, predict {:.1f} s".format(*steps),
        flush=True,
    )


if __name__ == "__main__":
    main()
