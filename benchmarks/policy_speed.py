"""Time of policies over many items: base stock, fill-rate targets, exact (s,S) and (r,Q), Wagner-Whitin.

    python -m benchmarks.policy_speed [--repeats 5]

Seed 0; each line is the least processor time (all threads) of some repeats, after one call that compiles.
Fill-rate targets are whole plans without bridges and orders: levels from demand distributions (daily
quantiles, horizon 60, as in `benchmarks.plan_speed`), lead time 7 and review 7 days.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.plan_speed import demand_made, items_made
from replenishment.core.constraints import ordered
from replenishment.core.levels import levels
from replenishment.core.textbook.known_needs import wagner_whitin
from replenishment.core.textbook.newsvendor import newsvendor_normal, normal_loss
from replenishment.core.textbook.reorder_points import min_max_poisson, reorder_quantity_poisson


def base_stock(count: int) -> Callable[[], object]:
    """Base stock of normal demand, orders with MOQ and multiple, and the loss that the level leaves."""
    rng = np.random.default_rng(0)
    hold, short, mean = rng.uniform(0.1, 1, count), rng.uniform(1, 9, count), rng.lognormal(2, 1, count)
    position = rng.uniform(0, 8, count) * mean
    moq, multiple = rng.choice([0.0, 12.0, 50.0], count), rng.choice([1.0, 6.0, 12.0], count)
    never = np.full(count, np.inf)

    def run() -> object:
        level = np.ceil(newsvendor_normal(hold, short, mean, 0.4 * mean, 4)[0])
        orders = ordered(
            position=position,
            reorder_point=level,
            order_up_to=level,
            moq=moq,
            multiple=multiple,
            max_stock=never,
            shelf_limit=never,
        )
        return orders, normal_loss(level, 5 * mean, 0.4 * np.sqrt(5) * mean)

    return run


def fill_targets(count: int, unmet: str) -> Callable[[], object]:
    """Levels that reach a fill rate of 95%."""
    demand = demand_made(count, 60)
    items, places = items_made(demand, unmet=unmet), np.arange(count)
    return lambda: levels(items, demand, places)


def slow_movers(count: int) -> tuple[np.ndarray, ...]:
    """Order, holding and shortage cost and mean of slow items."""
    rng = np.random.default_rng(0)
    return (
        rng.uniform(1, 60, count),
        rng.uniform(0.2, 2, count),
        rng.uniform(2, 60, count),
        np.exp(rng.uniform(np.log(0.05), np.log(12), count)),
    )


def main() -> None:
    """Print one line per policy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    fixed, hold, short, mean = slow_movers(10_000)
    needs = rng.poisson(20, (10_000, 52)) * (rng.random((10_000, 52)) < 0.5)
    cases: list[tuple[str, int, float | None, Callable[[], object]]] = [
        ("base stock, MOQ, multiple, loss", 100_000, 0.1, base_stock(100_000)),
        ("fill rate 95%, backorders", 100_000, 0.3, fill_targets(100_000, "backorder")),
        ("fill rate 95%, lost sales", 100_000, 0.3, fill_targets(100_000, "lost")),
        ("exact (s,S), Poisson", 10_000, 2.0, lambda: min_max_poisson(fixed, hold, short, mean, 3.0)),
        (
            "exact (r,Q), Poisson",
            10_000,
            None,
            lambda: reorder_quantity_poisson(fixed, hold, short, mean, 3.0),
        ),
        ("Wagner-Whitin, 52 periods", 10_000, None, lambda: wagner_whitin(needs, fixed, hold)),
    ]
    for name, count, gate, run in cases:
        run()
        least = np.inf
        for _ in range(options.repeats):
            start = time.process_time()
            run()
            least = min(least, time.process_time() - start)
        limit = f", gate {gate:g} s" if gate else ""
        print(f"{name:32} {count:7,} items: {least:7.3f} s CPU{limit}", flush=True)


if __name__ == "__main__":
    main()
