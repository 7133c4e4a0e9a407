"""Synthetic sales of M5's shape, and scores against the days held out.

    python -m benchmarks.forecast_speed_data make SERIES AS_OF HORIZON FOLDER
    python -m benchmarks.forecast_speed_data score PANEL TRUTH OUT RESULT.json
    python -m benchmarks.forecast_speed_data compare OUT OUT RESULT.json

A series is a product in one of ten stores. Units are negative binomial about a rate: level of the product x
weight of the store x weekday of the department x season of the year x a level that drifts from week to week x
what price and promotion add; a tenth of the series start late, and some are off the shelf for weeks. Half of
the days of the median series have no sale, as in M5. Nothing in it favours direct or recursive forecasts.
"""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.core import scores

DAYS = 400
STORES = [
    f"{state}_{number}"
    for state, count in (("CA", 4), ("TX", 3), ("WI", 3))
    for number in range(1, count + 1)
]
DEPARTMENTS = ("FOODS_1", "FOODS_2", "FOODS_3", "HOBBIES_1", "HOBBIES_2", "HOUSEHOLD_1", "HOUSEHOLD_2")


def make(count: int, as_of: date, horizon: int, folder: Path, seed: int = 0) -> None:
    """Write panel-COUNT.parquet (future days with null y) and truth-COUNT.parquet."""
    rng = np.random.default_rng(seed)
    days = DAYS + horizon
    labels = [as_of - timedelta(days=DAYS - 1 - day) for day in range(days)]
    products = -(-count // len(STORES))
    department = rng.integers(0, len(DEPARTMENTS), products)
    level = rng.lognormal(-0.2, 1.2, products)
    store_weight = rng.lognormal(0, 0.3, len(STORES))
    weekday = rng.lognormal(0, 0.15, (len(DEPARTMENTS), 7))
    weekday *= np.array([0.9, 0.85, 0.85, 0.9, 1.05, 1.3, 1.25])
    phase, swing = rng.uniform(0, 2 * np.pi, products), rng.uniform(0, 0.3, products)
    base_price = np.round(rng.lognormal(1.2, 0.6, products), 2)
    elasticity = rng.uniform(0.5, 2.5, products)
    day_of_week = np.array([label.weekday() for label in labels])
    day_of_year = np.array([label.timetuple().tm_yday for label in labels])
    week = np.arange(days) // 7
    weeks = int(week[-1]) + 1

    product, store = np.divmod(np.arange(count), len(STORES))
    # A promotion is a week of a product in all stores, with 10 to 40% off; regular prices move twice a year.
    promoted = rng.random((products, weeks)) < 0.06
    cut = np.where(promoted, rng.uniform(0.1, 0.4, (products, weeks)), 0.0)
    drift_price = np.exp(
        np.cumsum(rng.normal(0, 0.05, (products, weeks)) * (rng.random((products, weeks)) < 0.04), axis=1)
    )
    price = np.round(base_price[:, None] * drift_price * (1 - cut), 2)[:, week].astype(np.float32)
    effect = (price / base_price[:, None]) ** -elasticity[:, None] * np.where(promoted, 1.3, 1.0)[:, week]
    season = 1 + swing[:, None] * np.sin(2 * np.pi * day_of_year / 365.25 + phase[:, None])
    rate = (level[:, None] * effect * season * weekday[department][:, day_of_week]).astype(np.float32)

    y = np.empty((count, days), dtype=np.float32)
    size = rng.uniform(0.4, 4.0, count)
    for first in range(0, count, 2000):
        rows = slice(first, min(first + 2000, count))
        number = rows.stop - rows.start
        # Levels drift as an autoregression about their mean, so that the last weeks tell, but not all.
        noise = rng.normal(0, 0.12, (number, weeks))
        walk = np.zeros((number, weeks))
        for step in range(1, weeks):
            walk[:, step] = 0.95 * walk[:, step - 1] + noise[:, step]
        mean = rate[product[rows]] * store_weight[store[rows], None] * np.exp(walk)[:, week]
        gamma = rng.gamma(size[rows, None], 1 / size[rows, None], (number, days))
        units = rng.poisson(mean * gamma)
        away = rng.random((number, weeks)) < 0.01
        away |= np.roll(away, 1, axis=1)
        units[away[:, week]] = 0
        y[rows] = units
    start = np.where(rng.random(count) < 0.1, rng.integers(1, DAYS - 60, count), 0)
    y[np.arange(days) < start[:, None]] = np.nan

    names = [f"{DEPARTMENTS[department[p]]}_{p:04d}_{STORES[s]}" for p, s in zip(product, store, strict=True)]
    series = np.repeat(np.arange(count), days)

    def text(values: list[str]) -> pl.Series:
        enum = pl.Enum(sorted(set(values)))
        return pl.Series(values, dtype=enum).gather(series).cast(pl.Categorical)

    frame = pl.DataFrame(
        {
            "unique_id": pl.Series(names).gather(series),
            "ds": pl.Series(labels * count).cast(pl.Date),
            "y": y.ravel(),
            "price": price[product].ravel(),
            "promotion": np.repeat(promoted[:, week], len(STORES), axis=0)[:count].ravel().astype(np.int8),
            "item": text([f"P{p:04d}" for p in product]),
            "department": text([DEPARTMENTS[department[p]] for p in product]),
            "category": text([DEPARTMENTS[department[p]].split("_")[0] for p in product]),
            "store": text([STORES[s] for s in store]),
            "state": text([STORES[s].split("_")[0] for s in store]),
        }
    ).filter(pl.col("y").is_not_nan())
    held = pl.col("ds") > as_of
    frame.filter(held).select("unique_id", "ds", "y").write_parquet(folder / f"truth-{count}.parquet")
    panel = frame.with_columns(pl.when(held).then(None).otherwise(pl.col("y")).alias("y"))
    panel.write_parquet(folder / f"panel-{count}.parquet")


def score(panel: Path, truth: Path, out: Path, result: Path) -> None:
    """WAPE, bias and RMSSE of the means in a forecast file."""
    said = pl.read_parquet(out, columns=["unique_id", "ds", "mean"]).with_columns(pl.col("ds").cast(pl.Date))
    both = (
        pl.read_parquet(truth)
        .join(said.with_columns(pl.col("unique_id").cast(pl.String)), on=["unique_id", "ds"], how="left")
        .sort("unique_id", "ds")
    )
    if both["mean"].null_count():
        raise RuntimeError(f"{out} lacks {both['mean'].null_count()} of {both.height} forecasts")
    names = both["unique_id"].unique(maintain_order=True)
    horizon = both.height // len(names)
    actual, mean = (both[name].to_numpy().reshape(-1, horizon) for name in ("y", "mean"))
    steps = (
        pl.scan_parquet(panel)
        .select("unique_id", "ds", "y")
        .filter(pl.col("y").is_not_null())
        .sort("unique_id", "ds")
        .group_by("unique_id", maintain_order=True)
        .agg((pl.col("y").diff().cast(pl.Float64) ** 2).mean().alias("squared"))
        .collect()
    )
    squared = pl.DataFrame({"unique_id": names}).join(steps, on="unique_id", how="left")["squared"]
    table = {
        "wape": scores.wape(mean, actual),
        "bias": scores.bias(mean, actual),
        "rmsse": scores.rmsse(mean, actual, squared.fill_null(0).to_numpy()),
        "zero": float((actual == 0).mean()),
    }
    result.write_text(json.dumps(table))


def compare(first: Path, second: Path, result: Path) -> None:
    """Largest difference of any number of two files, relative to the number or, if larger, to one unit."""
    one, two = (pl.read_parquet(path).sort("unique_id", "h") for path in (first, second))
    if one["unique_id"].to_list() != two["unique_id"].to_list() or one.columns != two.columns:
        raise RuntimeError("the files hold other series or columns")
    largest = 0.0
    for name in one.columns:
        if one[name].dtype.is_float():
            a, b = one[name].to_numpy().astype(np.float64), two[name].to_numpy().astype(np.float64)
            largest = max(largest, float((np.abs(a - b) / np.maximum(np.abs(a), 1)).max()))
    result.write_text(json.dumps({"largest": largest}))


def main() -> None:
    """Make, score or compare."""
    action, *rest = sys.argv[1:]
    if action == "make":
        make(int(rest[0]), date.fromisoformat(rest[1]), int(rest[2]), Path(rest[3]))
    elif action == "score":
        score(*(Path(name) for name in rest))
    elif action == "compare":
        compare(*(Path(name) for name in rest))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
