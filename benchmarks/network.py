"""Networks: sums of demands, transfers and service times against what is exact. Figures: docs/network.md.

    python -m benchmarks.network [--products 200] [--years 3]

Seed 0 everywhere. `sums`: quantiles of sums of independent demands against 100,000 draws. `transfers`: what
the greedy allocation saves of what the transport problem (linear programme) saves. `safety`: warehouses with
stores behind them, simulated by day: negative binomial demand (means lognormal, variance 1.5 to 4 times the
mean), known to the planner; lost sales in stores, supplier 28 days, lane 3 days, reviews every 7 days on days
of their own, unit cost alike everywhere. Stock is what lies in warehouse and stores. `speed`: processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy import stats
from scipy.optimize import linprog

from benchmarks.plan_speed import demand_made
from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.dependent import Links, passed_on
from replenishment.core.items import Items
from replenishment.core.levels import levels
from replenishment.core.network import pooled, service_times, stock_of_levels, stock_pooled
from replenishment.core.sums import Sums
from replenishment.core.transfers import Needs, Options, allocated

DRAWS = 100_000
SUPPLIER, LANE, REVIEW, WARM_UP = 28, 3, 7, 200  # days
TARGETS = (0.8, 0.9, 0.95, 0.975, 0.99)


def sums() -> None:
    """Mean error of quantiles, in deviations of the sum."""
    rng = np.random.default_rng(0)
    kinds: dict[str, Callable[[float], np.ndarray]] = {
        "gamma, shape 4": lambda m: rng.gamma(4, m / 4, DRAWS),
        "gamma, shape 0.5": lambda m: rng.gamma(0.5, m / 0.5, DRAWS),
        "Poisson, mean 0.3": lambda m: rng.poisson(0.06 * m, DRAWS).astype(float),
        "negative binomial": lambda m: rng.negative_binomial(m / 15, 0.25, DRAWS).astype(float),
        "lumpy": lambda m: (rng.random(DRAWS) < 0.15) * rng.gamma(2, m / 0.3, DRAWS),
        "beyond 1.2 means": lambda m: np.maximum(rng.gamma(4, m / 4, DRAWS) - 1.2 * m, 0),
    }
    print("| demand of a part | parts | root of sum of squares | Pearson III |\n|---|---:|---:|---:|")
    for name, draw in kinds.items():
        for count in (2, 5, 20):
            wrong = []
            for _ in range(8):
                parts = np.array([draw(5 * np.exp(rng.normal())) for _ in range(count)])
                total = parts.sum(axis=0)
                mean, own = parts.mean(axis=1), np.quantile(parts, QUANTILES, axis=1).T
                exact = np.quantile(total, QUANTILES)
                off = own - mean[:, None]
                squares = (np.sign(off) * off**2).sum(axis=0)
                plain = np.maximum(mean.sum() + np.sign(squares) * np.sqrt(np.abs(squares)), 0)
                made = Sums(QUANTILES, (1, 1))
                made.add(
                    np.zeros(count, int), np.arange(count), mean[:, None], own[:, None].astype(np.float32),
                    np.zeros(count), np.ones(count),
                )  # fmt: skip
                both = np.array([plain, made.quantiles()[0, 0]])
                wrong.append(np.abs(both - exact).mean(axis=1) / total.std())
            print(f"| {name} | {count} | " + " | ".join(f"{x:.3f}" for x in np.mean(wrong, axis=0)) + " |")


def transfers() -> None:
    """Share of the greatest saving that the greedy allocation reaches."""
    rng = np.random.default_rng(0)
    print("\n| givers x takers | mean | worst of 300 |\n|---|---:|---:|")
    for givers, takers in ((1, 5), (3, 3), (5, 5), (10, 10)):
        reached = []
        for _ in range(300):
            count = givers + takers
            spare = np.where(np.arange(count) < givers, rng.integers(0, 60, count), 0).astype(float)
            need = np.where(np.arange(count) < givers, 0, rng.integers(1, 60, count)).astype(float)
            pairs = np.array([(g, givers + t) for g in range(givers) for t in range(takers)])
            saving = np.maximum(rng.normal(1.0, 0.3, len(pairs)), 0.01)  # a product costs much the same
            plain, none = np.ones(len(pairs)), np.zeros(len(pairs))
            moved, _ = allocated(
                Needs(need, np.zeros(count), np.ones(count), np.full(count, np.inf)),
                spare,
                Options(pairs[:, 0], pairs[:, 1], none, plain, saving, none, none),
            )
            rows = [pairs[:, 0] == g for g in range(givers)] + [
                pairs[:, 1] == givers + t for t in range(takers)
            ]
            best = linprog(
                -saving, A_ub=np.array(rows, float), b_ub=np.concatenate([spare[:givers], need[givers:]])
            )
            if best.fun < 0:
                reached.append(float(moved @ saving) / -best.fun)
        print(f"| {givers} x {takers} | {np.mean(reached):.1%} | {np.min(reached):.1%} |")


@dataclass
class World:
    """Products with one warehouse (row 0 of each) and stores, in rows of ``stores + 1``."""

    source: np.ndarray
    rate: np.ndarray
    ratio: np.ndarray
    demand: DemandDistribution
    sold: np.ndarray  # (days, rows)


def world(products: int, stores: int, days: int) -> World:
    """Demand as drawn, and as it would be forecast by who knows its law."""
    rng = np.random.default_rng([0, stores])
    size = products * (stores + 1)
    is_store = np.arange(size) % (stores + 1) > 0
    rate = np.where(is_store, np.exp(rng.normal(0, 1, size)), 0.0)
    ratio = rng.uniform(1.5, 4.0, size)
    shape = np.where(is_store, rate / (ratio - 1), 1.0)
    sold = np.where(is_store, rng.negative_binomial(shape, 1 / ratio, (days, size)), 0)
    weeks = np.arange(1, 14)
    quantiles = np.zeros((size, len(weeks), len(QUANTILES)))
    own = np.flatnonzero(is_store)
    quantiles[own] = stats.nbinom.ppf(
        QUANTILES, 7 * weeks[None, :, None] * shape[own, None, None], 1 / ratio[own, None, None]
    )
    demand = DemandDistribution(
        unique_id=[str(row) for row in range(size)],
        as_of=date(2024, 1, 1),
        freq="W",
        ds=np.datetime64("2024-01-08") + 7 * np.arange(len(weeks)),
        mean=np.repeat(7 * rate[:, None], len(weeks), axis=1),
        quantiles=np.repeat(quantiles[:, :1], len(weeks), axis=1),
        cum_quantiles=quantiles,
    )
    first = np.arange(size) // (stores + 1) * (stores + 1)
    return World(np.where(is_store, first, -1), rate, ratio, demand, sold)


def planned(
    here: World, lead: np.ndarray, review: np.ndarray, target: float, *, deviation: float | np.ndarray = 0.0
) -> np.ndarray:
    """Order-up-to levels; stores' demand that is served is demand of their warehouse."""
    links = np.flatnonzero(here.source >= 0)
    supply = Links(
        links, here.source[links], np.full(len(links), target), np.full(len(links), "supply lanes")
    )
    demand = passed_on(here.demand, supply, lambda rows, _: np.zeros(len(rows)))
    size = len(here.source)
    items = Items.from_frame(
        pl.DataFrame(
            {
                "unique_id": demand.unique_id,
                "on_hand": np.zeros(size),
                "lead_time_mean": lead,
                "lead_time_sd": np.broadcast_to(deviation, size),
                "review_days": review,
                "target": np.full(size, target),
                "unmet": np.where(here.source >= 0, "lost", "backorder"),
            }
        )
    )
    return levels(items, demand, np.arange(size), grid_days=1.0).order_up_to


def simulated(here: World, level: np.ndarray, lane: int, *, warehouse: bool) -> tuple[float, float]:
    """Fill rate of customers, and average stock of a product."""
    days, size = here.sold.shape
    offset = np.random.default_rng(7).integers(0, REVIEW, (size,))
    is_store = here.source >= 0
    stores = np.flatnonzero(is_store)
    above = here.source[stores]
    on_hand = np.where(is_store | warehouse, np.maximum(level, 0.0), 0.0)
    coming = np.zeros((days + 60, size))
    on_order, waiting = np.zeros(size), np.zeros(size)  # waiting: what the warehouse owes a store
    served = asked = held = 0.0

    def ship(day: int) -> None:
        owed = np.bincount(above, weights=waiting[stores], minlength=size)
        part = np.minimum(on_hand / np.where(owed > 0, owed, 1.0), 1.0)
        sent = np.floor(waiting[stores] * part[above] + 1e-9)
        rest = on_hand - np.bincount(above, weights=sent, minlength=size)
        # What rounding left goes to the first that still waits.
        each = int(len(stores) // len(np.unique(above)))
        for column in range(each):
            mine = np.arange(column, len(stores), each)
            more = np.minimum(np.floor(rest[above[mine]]), waiting[stores[mine]] - sent[mine])
            sent[mine] += more
            rest[above[mine]] -= more
        waiting[stores] -= sent
        on_hand[:] = np.where(is_store, on_hand, rest)
        coming[day + lane, stores] += sent

    for day in range(days):
        on_hand += coming[day]
        on_order -= coming[day]
        if warehouse:
            ship(day)
        sales = np.minimum(on_hand, here.sold[day])
        on_hand -= sales
        if day >= WARM_UP:
            served, asked, held = served + sales.sum(), asked + here.sold[day].sum(), held + on_hand.sum()
        due = stores[(day + offset[stores]) % REVIEW == 0]
        order = np.maximum(level[due] - on_hand[due] - on_order[due], 0.0)
        on_order[due] += order
        if warehouse:
            waiting[due] += order
            ship(day + 1)
            owed = np.bincount(above, weights=waiting[stores], minlength=size)
            roots = np.flatnonzero(~is_store & ((day + offset) % REVIEW == 0))
            order = np.maximum(level[roots] - on_hand[roots] - on_order[roots] + owed[roots], 0.0)
            on_order[roots] += order
            coming[day + 1 + SUPPLIER, roots] += order
        else:
            coming[day + 1 + lane, due] += order
    return served / asked, held / (days - WARM_UP) / np.sum(~is_store)


def holding(here: World) -> np.ndarray:
    """Which rows hold stock, by the service times that cost least at a fill rate of 95%."""
    is_store = here.source >= 0
    size = len(is_store)
    mean, deviation = pooled(here.source, here.rate), np.sqrt(pooled(here.source, here.rate * here.ratio))

    def held(rows: np.ndarray, cover: np.ndarray) -> np.ndarray:
        if not is_store[rows[0]]:
            return stock_pooled(
                mean=mean[rows],
                deviation=deviation[rows],
                review=np.full(len(rows), float(REVIEW)),
                target=np.full(len(rows), 0.95),
                of_units=np.ones(len(rows), bool),
                cover=cover,
            )
        stock = np.zeros_like(cover)
        for state in range(cover.shape[1]):
            times = np.zeros(size)
            times[rows] = cover[:, state] - REVIEW
            stock[:, state] = stock_of_levels(
                order_up_to=planned(here, times, np.full(size, float(REVIEW)), 0.95)[rows],
                fill=np.full(len(rows), 0.95),
                mean=here.rate[rows],
                lead_time=times[rows],
                review=np.full(len(rows), float(REVIEW)),
            )
        return stock

    lead = np.where(is_store, LANE, SUPPLIER).astype(float)
    return service_times(
        here.source, lead + REVIEW, lead + REVIEW / 2, held, np.ones(size), at_once=is_store
    ).holds


def outcomes(here: World, holds: np.ndarray) -> list[tuple[float, float]]:
    """Fill and stock at each of the targets, where these rows hold stock and the others pass demand on."""
    is_store = here.source >= 0
    waits = is_store & ~holds[np.where(is_store, here.source, 0)]
    lead = np.where(is_store, LANE + waits * (SUPPLIER + REVIEW / 2), SUPPLIER) * holds
    found = []
    for target in TARGETS:
        level = planned(
            here, lead, np.where(holds, REVIEW, 0.0), target, deviation=waits * REVIEW / np.sqrt(12)
        )
        found.append(simulated(here, np.where(holds, level, 0.0), LANE, warehouse=True))
    return found


def at_equal_fill(result: list[tuple[float, float]]) -> float:
    """Stock at a fill of 95%, between the targets."""
    fill, stock = zip(*result, strict=True)
    return float(np.interp(0.95, fill, stock))


def safety(products: int, years: int) -> None:
    """Stock at equal fill, and fill and stock as asked: stores alone, all hold, none holds, as chosen."""
    names = ("stores buy alone", "all hold, each by itself", "none holds", "service times chosen")
    head = "| stores | warehouses that hold | " + " | ".join(names) + " |\n|---:|---:" + "|---:" * 4 + "|"
    equal, asked = [head], [head]
    for stores in (2, 4, 8, 16, 40):
        here = world(max(products // stores, 10), stores, 365 * years)
        is_store = here.source >= 0
        chosen = holding(here)
        far, review = np.full(len(is_store), float(SUPPLIER + LANE)), np.full(len(is_store), float(REVIEW))
        results = [
            [
                simulated(here, planned(here, far, review, target), SUPPLIER + LANE, warehouse=False)
                for target in TARGETS
            ],
            *(outcomes(here, holds) for holds in (np.ones(len(is_store), bool), is_store, chosen)),
        ]
        first = f"| {stores} | {np.mean(chosen[~is_store]):.0%} | "
        equal.append(first + " | ".join(f"{at_equal_fill(result):.1f}" for result in results) + " |")
        told = [r[TARGETS.index(0.95)] for r in results]
        asked.append(first + " | ".join(f"{fill:.1%}: {stock:.1f}" for fill, stock in told) + " |")
    print("\nAverage stock of a product at 95% fill:\n", *equal, sep="\n")
    print("\nAsked for 95%, fill and average stock:\n", *asked, sep="\n")


def speed(products: int = 10_000, shops: int = 9) -> None:
    """Processor time for 100,000 rows: products in a hub and shops, horizon 60 days, once compiled."""
    each = shops + 1
    demand = demand_made(products * each, 60)
    rng = np.random.default_rng(0)
    row = np.arange(products * each)
    source = np.where(row % each > 0, row // each * each, -1)
    givers = np.flatnonzero(source >= 0)
    supply = Links(givers, source[givers], np.ones(len(givers)), np.full(len(givers), "supply lanes"))
    stock = rng.uniform(0, 20, len(row))
    mean = pooled(source, np.where(source >= 0, 1.0, 0.0))
    days = np.where(source >= 0, 9.0, 35.0)

    def held(rows: np.ndarray, cover: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(mean[rows, None] * cover))

    need = np.where(rng.random(len(row)) < 0.3, 20.0, 0.0)
    plain = Needs(need, np.zeros(len(row)), np.ones(len(row)), np.full(len(row), np.inf))
    spare = np.where(need > 0, 0.0, rng.uniform(0, 30, len(row)))
    ends = [(row // each * each + (row + step) % each) for step in range(1, each)]
    count = len(row) * shops
    ways = Options(
        np.tile(row, shops), np.concatenate(ends), np.zeros(count), np.ones(count), rng.uniform(0, 1, count),
        np.zeros(count), np.zeros(count),
    )  # fmt: skip
    tasks: dict[str, Callable[[], object]] = {
        "demand passed on, 90,000 links": lambda: passed_on(demand, supply, lambda rows, _: stock[rows]),
        "service times": lambda: service_times(
            source, days, days, held, np.ones(len(row)), at_once=source >= 0
        ),
        "transfers, 900,000 ways": lambda: allocated(plain, spare, ways),
    }
    print("\n| 100,000 rows | seconds |\n|---|---:|")
    for name, task in tasks.items():
        task()
        start = time.process_time()
        task()
        print(f"| {name} | {time.process_time() - start:.2f} |")


def main() -> None:
    """Print all four."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--years", type=int, default=3)
    given = parser.parse_args()
    sums()
    transfers()
    speed()
    safety(given.products, given.years)


if __name__ == "__main__":
    main()
