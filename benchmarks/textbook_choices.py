"""What two choices of docs/textbook.md rest on: exact (s, S) against the plan, Silver against the best.

    python -m benchmarks.textbook_choices

First: items with a cost per order and the `economic` target, unit cost 10, review 7 days, Poisson
or negative binomial demand of 0.05 to 0.6 units a day, with lost sales and with backorders. Levels
of the plan (from quantiles) and exact ones (from the true law) are simulated for 30,000 days, twice
(seed 3); a unit short costs its price once. Second: 1,500 random suppliers of three items whose
costs differ a hundredfold, against the best of 9,261 sets of multiples (seed 0). Takes half a
minute.
"""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.items import Items
from replenishment.core.policy import plan
from replenishment.core.textbook.joint import joint_orders
from replenishment.core.textbook.reorder_points import min_max

REVIEW, DAYS, COPIES, HORIZON = 7, 30_000, 2, 60
LAWS = [(0.05, 1.0), (0.1, 1.0), (0.3, 1.0), (0.6, 1.0), (0.05, 2.5), (0.15, 3.0), (0.3, 4.0), (0.1, 6.0)]

Array = np.ndarray[Any, Any]


def law_over(rate: float, ratio: float, days: Any) -> Any:
    """Demand over some days: its mean a day and its variance-to-mean ratio."""
    mean = rate * np.asarray(days, dtype=float)
    return stats.poisson(mean) if ratio == 1 else stats.nbinom(mean / (ratio - 1), 1 / ratio)


def simulated(items: Items, laws: list[tuple[float, float]], s: Array, up_to: Array) -> tuple[Array, Array]:
    """Cost of a review, and share of demand served."""
    rng = np.random.default_rng(3)
    rows = np.repeat(np.arange(len(items)), COPIES)
    s, up_to, lost = s[rows], up_to[rows], (items.unmet == "lost")[rows]
    lead = items.lead_time_mean[rows].astype(int)
    rate, ratio = np.array(laws)[rows].T
    plain = ratio == 1
    count = len(rows)
    stock, on_order, due = up_to.copy(), np.zeros(count), np.zeros((count, 64))
    held, short, orders, total = (np.zeros(count) for _ in range(4))
    wanted = np.empty(count)
    for day in range(DAYS):
        came = due[:, day % 64].copy()
        due[:, day % 64] = 0
        stock, on_order = stock + came, on_order - came
        wanted[plain] = rng.poisson(rate[plain])
        lumps = ratio[~plain]
        wanted[~plain] = rng.negative_binomial(rate[~plain] / (lumps - 1), 1 / lumps)
        served = np.minimum(wanted, np.maximum(stock, 0))
        short, total = short + wanted - served, total + wanted
        stock = stock - np.where(lost, served, wanted)
        held += np.maximum(stock, 0)
        if day % REVIEW == REVIEW - 1:
            position = stock + on_order
            order = np.where(position <= s, np.maximum(up_to - position, 0), 0)
            orders += order > 0
            due[np.arange(count), (day + 1 + lead) % 64] += order
            on_order = on_order + order
    each = [part.reshape(-1, COPIES).mean(axis=1) / DAYS for part in (held, short, orders, total)]
    cost = each[0] * items.unit_cost * items.holding_rate / 365
    cost = cost + each[1] * items.stockout_cost + each[2] * items.order_cost
    return cost * REVIEW, 1 - each[1] / each[3]


def min_max_against_plan() -> None:
    """Print what exact (s, S) saves."""
    grid = list(
        itertools.product(LAWS, (0.0, 7.0, 21.0), (0.5, 3.0, 12.0), (1.0, 4.0, 20.0), ("lost", "backorder"))
    )
    laws = [law for law, *_ in grid]
    names = [f"i{row}" for row in range(len(grid))]
    frame = pl.DataFrame(
        {
            "unique_id": names,
            "on_hand": 0.0,
            "unit_cost": 10.0,
            "review_days": float(REVIEW),
            "target_kind": "economic",
            "lead_time_mean": [row[1] for row in grid],
            "order_cost": [row[2] for row in grid],
            "stockout_cost": [row[3] for row in grid],
            "unmet": [row[4] for row in grid],
        }
    )
    items = Items.from_frame(frame)
    steps = np.arange(1, HORIZON + 1)
    of_law = {law: np.stack([law_over(*law, steps).ppf(q) for q in QUANTILES], axis=1) for law in LAWS}
    cumulative = np.stack([of_law[law] for law in laws])
    demand = DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(HORIZON),
        mean=np.array([[law[0]] * HORIZON for law in laws]),
        quantiles=np.repeat(cumulative[:, :1], HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(cumulative, axis=1),
    )
    made = plan(items, demand)
    units = np.arange(200)
    spans = [(law, REVIEW, REVIEW + row[1]) for law, row in zip(laws, grid, strict=True)]
    review = np.stack([law_over(*law, short).pmf(units) for law, short, _ in spans])
    interval = np.stack([law_over(*law, long).pmf(units) for law, _, long in spans])
    hold = items.unit_cost * items.holding_rate * REVIEW / 365
    s, up_to, _ = min_max(items.order_cost, hold, items.stockout_cost, review, interval)
    theirs, promised = simulated(items, laws, made.reorder_point, made.order_up_to)
    exact, _ = simulated(items, laws, s, up_to)
    bought = s >= 0  # where not, it never pays to order at 0 or above
    share = exact[bought] / theirs[bought]
    off = np.abs(made.expected_fill_rate - promised)
    print(f"exact (s, S) against the plan, {int(bought.sum())} of {len(grid)} items that both buy:")
    print(f"  total cost {exact[bought].sum() / theirs[bought].sum():.4f} of the plan's")
    print(f"  quantiles .05 .50 .95 of an item's: {np.quantile(share, [0.05, 0.5, 0.95]).round(3)}")
    print(f"  items that pay more: {np.mean(share > 1):.2f}")
    print(f"  plan's promise of fill more than 2 points off: {np.mean(off > 0.02):.3f}, most {off.max():.3f}")


def silver_against_best() -> None:
    """Print how far Silver's heuristic is from the best multiples."""
    rng = np.random.default_rng(0)
    some = [*range(1, 13), 15, 18, 22, 27, 33, 40, 50, 65, 80]
    tried = np.array(list(itertools.product(some, repeat=3)))
    over = []
    for _ in range(1500):
        shared = np.exp(rng.uniform(0, 6))
        line, hold, rate = np.exp(rng.uniform(-1, 5, (3, 3)))
        found = joint_orders(np.zeros(3, dtype=int), shared, line, hold, rate)
        best = (shared + (line / tried).sum(axis=1)) * (hold * rate * tried).sum(axis=1)
        over.append(found.cost[0] / np.sqrt(2 * best.min()))
    print("Silver's heuristic against the best, 1,500 suppliers of three items:")
    print(f"  quantiles .50 .90 .99 and the worst: {np.quantile(over, [0.5, 0.9, 0.99, 1]).round(3)}")


if __name__ == "__main__":
    min_max_against_plan()
    silver_against_best()
