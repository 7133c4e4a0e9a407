"""Time of a plan over 100,000 items, by kind of cycle, lead time and target.

    python benchmarks/plan_speed.py [--items 100000] [--horizon 60]

Assumptions: daily demand, a third slow (negative binomial, 0.05 to 0.5 units a day), the rest gamma; seed 0.
Prints seconds of processor time (all threads) and wall time, after one small plan that warms the caches.
"""

from __future__ import annotations

import argparse
import time
from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.items import Items
from replenishment.core.policy import plan

KINDS = 500  # different series; each stands for items / KINDS of them


def demand_made(items: int, horizon: int) -> DemandDistribution:
    """Series of stationary demand, from their exact quantiles."""
    rng = np.random.default_rng(0)
    steps = np.arange(1, horizon + 1)[:, None]
    mean = np.empty((KINDS, horizon))
    cumulative = np.empty((KINDS, horizon, len(QUANTILES)))
    for kind in range(KINDS):
        if kind % 3 == 0:
            rate = rng.uniform(0.05, 0.5)
            size = rate * rng.uniform(0.3, 3)
            cumulative[kind] = stats.nbinom.ppf(QUANTILES, size * steps, size / (size + rate))
        else:
            rate, shape = rng.lognormal(1.5, 1), rng.uniform(0.2, 8)
            cumulative[kind] = stats.gamma.ppf(QUANTILES, shape * steps, scale=rate / shape)
        mean[kind] = rate
    rows = np.arange(items) % KINDS
    return DemandDistribution(
        unique_id=[f"item {row}" for row in range(items)],
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(horizon),
        mean=mean[rows],
        quantiles=np.repeat(cumulative[:, :1], horizon, axis=1)[rows],
        cum_quantiles=np.maximum.accumulate(cumulative, axis=1)[rows],
    )


def items_made(demand: DemandDistribution, **columns: object) -> Items:
    """Items with random stock and cost, and some columns fixed."""
    rng = np.random.default_rng(1)
    count = len(demand.unique_id)
    frame = pl.DataFrame(
        {
            "unique_id": demand.unique_id,
            "on_hand": rng.poisson(demand.mean[:, 0] * 10).astype(float),
            "unit_cost": rng.lognormal(1, 1, count),
        }
    )
    return Items.from_frame(frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()}))


def main() -> None:
    """Print one line per case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--horizon", type=int, default=60)
    options = parser.parse_args()
    small = demand_made(KINDS, options.horizon)
    demand = demand_made(options.items, options.horizon)
    cases: dict[str, dict[str, object]] = {
        "fill 95%, backorders": {"unmet": "backorder"},
        "fill 95%, lost sales": {},
        "cycle 95%, lost sales": {"target_kind": "cycle"},
        "economic": {"target_kind": "economic"},
        "overall 95%": {"target_kind": "overall"},
        "fill 95%, packs of 6": {"order_multiple": 6.0},
        "fill 95%, order cost 5": {"order_cost": 5.0},
        "fill 95%, random lead time": {"lead_time_sd": 3.0},
        "fill 95%, lost sales, budget": {"budget": 1e5},
    }
    for name, given in cases.items():
        columns = dict(given)
        money = columns.pop("budget", None)
        budget = float(str(money)) if money is not None else None
        plan(items_made(small, **columns), small, budget=budget)
        items = items_made(demand, **columns)
        wall, processor = time.perf_counter(), time.process_time()
        made = plan(items, demand, budget=budget)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        fill = np.nanmean(made.expected_fill_rate)
        times = f"{wall:6.2f} s wall, {processor:6.2f} s CPU"
        print(f"{name:30} {options.items} items: {times}, mean fill {fill:.3f}")


if __name__ == "__main__":
    main()
