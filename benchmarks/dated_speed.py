"""Time and memory of the dated plan over 100,000 items.

    python -m benchmarks.dated_speed [--items 100000] [--horizon 60] [--days 84]

Assumptions: the items and demand of `plan_speed` (seed 0), each with two open receipts. Prints seconds of
processor time (all threads) of the expected path alone and with the orders of all reviews, wall time of the
bands of one item, and the peak of the process's memory.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from benchmarks.plan_speed import demand_made, items_made
from replenishment.core.dated import MeanDemand, Policy, Receipts, path
from replenishment.core.dated_bands import Increments, bands
from replenishment.core.policy import plan


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--horizon", type=int, default=60)
    parser.add_argument("--days", type=int, default=84)
    asked = parser.parse_args()
    demand = demand_made(asked.items, asked.horizon)
    items = items_made(demand)
    planned = plan(items, demand, grid_days=1.0)
    rng = np.random.default_rng(2)
    receipts = Receipts(
        item=np.repeat(np.arange(asked.items), 2),
        day=rng.integers(-3, asked.days, 2 * asked.items),
        quantity=np.repeat(demand.mean[:, 0] * 7.0, 2),
    )
    policy = Policy.of(
        items,
        reorder_point=planned.reorder_point,
        order_up_to=planned.order_up_to,
        today=planned.order_quantity,
    )
    start = time.process_time()
    mean = MeanDemand(demand, np.arange(asked.items))
    found = path(items, mean, receipts, days=asked.days)
    print(
        f"expected path         {time.process_time() - start:6.2f} s  {np.isfinite(found.out_day).sum()} out"
    )
    start = time.process_time()
    found = path(items, mean, receipts, policy, days=asked.days)
    print(f"with all its orders   {time.process_time() - start:6.2f} s  {len(found.purchases.item)} orders")
    increments = Increments(demand, 1, asked.days)
    incoming = np.zeros(asked.days + 1)
    incoming[[10, 30]] = 20.0
    bands(increments, stock=30.0, incoming=incoming, lost=True)
    start = time.perf_counter()
    increments = Increments(demand, 1, asked.days)
    bands(increments, stock=30.0, incoming=incoming, lost=True)
    print(f"bands of one item     {time.perf_counter() - start:6.3f} s")
    print(f"peak                  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB")


if __name__ == "__main__":
    main()
