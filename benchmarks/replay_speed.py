"""Time of a replay of 10,000 product-locations over 365 days, from the engine's levels to the table.

    python -m benchmarks.replay_speed [--items 10000] [--days 365] [--every 30] [--policies NAME,NAME]

Assumptions: the demand of benchmarks/plan_speed.py (a third slow), a distribution as of every 30 days
(7: every week), lead time 7 days with a deviation of 2, review each day, lost sales, fill 95%, packs of 1;
two years of history for the classic policies; seed 0. Prints seconds of processor time, all threads.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from benchmarks.plan_speed import demand_made, items_made
from forecasting.core.grid import Grid
from replenishment.core.history import History
from replenishment.core.replay import POLICIES, replay

BEFORE = 730


def main() -> None:
    """Print one line per policy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--every", type=int, default=30)
    parser.add_argument("--policies", default=",".join(POLICIES))
    options = parser.parse_args()
    demand = demand_made(options.items, 30)
    rng = np.random.default_rng(0)
    sold = rng.poisson(demand.mean[:, 0], (BEFORE + options.days, options.items)).astype(float)
    grid, start = Grid("D"), date(2022, 1, 1)
    labels = grid.labels(grid.index(start), grid.index(start) + len(sold) - 1)
    history = History(demand.unique_id, grid, labels, sold, BEFORE)
    items = items_made(demand, lead_time_sd=2.0, review_days=1.0)
    first = start + timedelta(days=BEFORE - 1)
    dates = [first + timedelta(days=day) for day in range(0, options.days, options.every)]
    for policy in options.policies.split(","):
        clock = time.process_time()
        made = replay(items, history, (replace(demand, as_of=day) for day in dates), policies=[policy])
        seconds = time.process_time() - clock
        fill = made.served.sum() / made.demand.sum()
        print(
            f"{policy:26} {options.items} items, {options.days} days: {seconds:6.2f} s CPU, fill {fill:.3f}"
        )


if __name__ == "__main__":
    main()
