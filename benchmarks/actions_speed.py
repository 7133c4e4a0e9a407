"""Time of pricing the actions on 100,000 items.

    python -m benchmarks.actions_speed [--items 100000] [--horizon 60]

Assumptions: the items and demand of `plan_speed` (seed 0); stock of up to eight hundred days' demand, so that
most items are in excess, and an open order line for every other item. Prints seconds of processor time (all
threads) and the number of actions by kind.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.plan_speed import demand_made, items_made
from replenishment.core.actions import actions
from replenishment.core.line_actions import Lines
from replenishment.core.policy import plan


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--horizon", type=int, default=60)
    asked = parser.parse_args()
    demand = demand_made(asked.items, asked.horizon)
    rng = np.random.default_rng(3)
    item = np.arange(0, asked.items, 2)
    lines = Lines(
        item=item,
        day=rng.integers(-3, 60, len(item)),
        quantity=np.ceil(demand.mean[item, 0] * 14.0),
        unit_cost=np.ones(len(item)),
        changeable=rng.random(len(item)) < 0.8,
    )
    made = items_made(demand)
    items = replace(
        made,
        on_hand=np.round(demand.mean[:, 0] * rng.uniform(0, 800, asked.items)),
        on_order=np.bincount(item, lines.quantity, asked.items),
    )
    levels = plan(items, demand, grid_days=1.0).order_up_to
    measured = partial(
        actions,
        items,
        demand,
        np.arange(asked.items),
        order_up_to=levels,
        lines=lines,
        return_share=np.where(rng.random(asked.items) < 0.3, 0.8, 0.0),
    )
    measured()
    start = time.process_time()
    found = measured()
    print(f"actions {time.process_time() - start:6.2f} s")
    for kind, number in found["kind"].value_counts(sort=True).iter_rows():
        print(f"{kind:10s} {number:7d}")


if __name__ == "__main__":
    main()
