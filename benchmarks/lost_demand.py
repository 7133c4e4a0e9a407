"""Demand lost to stock-outs, told by views: in made-up shops where the truth is known.

    .venv/bin/python -m benchmarks.lost_demand [--shops 50]

Beside it the guess of a buyer: usual sales of a day, times the days without stock. docs/behaviour.md has the
figures.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from forecasting.core.lost_demand import behaviour_summarise


def shop(items: int = 400, days: int = 120, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A shop's days, and by item the units truly lost in the last 56 of them.

    Interest wanders from week to week, each item has a rate of its own, and a third of the items run out for
    one to three weeks, more often while they are wanted.
    """
    rng = np.random.default_rng(seed)
    level = rng.gamma(2.0, 10.0, (items, 1))
    weeks = np.exp(np.cumsum(rng.normal(0, 0.15, (items, days // 7 + 1)), axis=1))
    views = rng.poisson(level * np.repeat(weeks, 7, axis=1)[:, :days])
    rate = rng.gamma(4.0, 0.08 / 4.0, (items, 1))
    demand = rng.poisson(rate * views)
    out = np.zeros((items, days), bool)
    for item in rng.choice(items, items // 3, replace=False):
        start = days - 56 + int(rng.integers(0, 35))
        out[item, start : start + int(rng.integers(7, 21))] = True
    sold = np.where(out, 0, demand)
    requests = np.where(out, rng.binomial(demand, 0.2), 0)
    age = np.tile(np.arange(days)[::-1], items)
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat([f"{item:04}" for item in range(items)], days),
            "age": age,
            "views": views.ravel(),
            "carts": rng.binomial(views, 0.1).ravel(),
            "wishlists": np.zeros(items * days, np.int64),
            "searches": np.zeros(items * days, np.int64),
            "stock_requests": requests.ravel(),
            "y": sold.ravel().astype(float),
            "in_stock": ~out.ravel(),
            "group": np.repeat(np.arange(items) % 5, days),
        }
    )
    truth = pl.DataFrame(
        {
            "unique_id": [f"{item:04}" for item in range(items)],
            "lost": np.where(out, demand, 0)[:, days - 56 :].sum(axis=1),
            "out": out[:, days - 56 :].sum(axis=1),
            # What a buyer would say: the usual sales of a day, times the days without stock.
            "usual": np.where(out, 0, demand).sum(axis=1) / (~out).sum(axis=1) * out.sum(axis=1),
        }
    )
    return frame, truth


def scored(seed: int) -> tuple[float, float, float, float]:
    """Of one shop: sum of estimates over the truth, of the guesses; share of intervals that hold the truth;
    absolute errors by item over those of the guess."""
    days, truth = shop(seed=seed)
    found = behaviour_summarise(days, window=56, recent=28).join(truth, on="unique_id")
    hit = found.filter(pl.col("out") > 0)
    lost, estimate, low, high, usual = (
        hit[name].cast(pl.Float64).to_numpy()
        for name in ("lost", "lost_units", "lost_low", "lost_high", "usual")
    )
    return (
        estimate.sum() / lost.sum() - 1,
        usual.sum() / lost.sum() - 1,
        float(((lost >= np.floor(low)) & (lost <= np.ceil(high))).mean()),
        np.abs(estimate - lost).sum() / np.abs(usual - lost).sum(),
    )


def main() -> None:
    """Print the mean over shops, the least and the most."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shops", type=int, default=50)
    count = parser.parse_args().shops
    rows = np.array([scored(seed) for seed in range(count)])
    names = (
        "sum of the estimates, off the truth",
        "sum of the guesses, off the truth",
        "intervals of 90% that hold the truth",
        "absolute error by item, of the guess's",
    )
    print(f"{f'{count} shops of 400 products':38}{'mean':>10}{'least':>10}{'most':>10}")
    for name, column in zip(names, rows.T, strict=True):
        sign = "+" if name.endswith("truth") and name.startswith("sum") else ""
        told = [format(value, f"{sign}10.3f") for value in (column.mean(), column.min(), column.max())]
        print(f"{name:38}{''.join(told)}")


if __name__ == "__main__":
    main()
