"""The replay's stock, period by period: worked by hand, against a slow twin, and what always holds."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from replenishment.core import leadtime
from replenishment.core.items import Items
from replenishment.core.simulate import Run, Schedule, Trace, simulate

DEMAND = [3, 2, 4, 0, 6, 1]


def always(s: Any, up_to: Any, limit: Any = np.inf) -> Schedule:
    """Levels that hold from before the replay on."""
    s, up_to = np.atleast_1d(np.asarray(s, dtype=float)), np.atleast_1d(np.asarray(up_to, dtype=float))
    limit = np.broadcast_to(np.asarray(limit, dtype=float), s.shape)
    return Schedule(np.array([-1]), s[None], up_to[None], limit[None])


def one(**terms: object) -> Items:
    row = {"unique_id": "a", "on_hand": 4.0, "lead_time_mean": 1.0, "review_days": 1.0, **terms}
    return Items.from_frame(pl.DataFrame({name: [value] for name, value in row.items()}))


def by_hand(items: Items, schedule: Schedule, demand: list[int], lead: list[int] | int) -> tuple[Run, Trace]:
    wanted = np.array(demand, dtype=float)[:, None]
    times = np.broadcast_to(np.array(lead), (len(demand),))[:, None].astype(np.int32)
    run = simulate(items, wanted, schedule, times, period_days=1.0, trace=True)
    assert run.trace is not None
    return run, run.trace


def test_it_loses_what_it_cannot_serve() -> None:
    run, trace = by_hand(one(), always(5, 5), DEMAND, 1)
    assert trace.received[:, 0].tolist() == [0, 0, 4, 1, 4, 0]
    assert trace.served[:, 0].tolist() == [3, 1, 4, 0, 5, 0]
    assert trace.closing[:, 0].tolist() == [1, 0, 0, 1, 0, 0]
    assert trace.ordered[:, 0].tolist() == [4, 1, 4, 0, 5, 0]
    assert trace.arrives[:, 0].tolist() == [2, 3, 4, -1, 6, -1]
    assert (run.demand[0], run.served[0], run.orders[0], run.ordered[0]) == (16, 13, 4, 14)
    assert run.stock[0] == pytest.approx(2 / 6)
    assert (run.cycles[0], run.clean[0]) == (2, 2)  # receipts in 2, 3 and 4


def test_it_owes_what_it_cannot_serve_with_backorders() -> None:
    run, trace = by_hand(one(unmet="backorder"), always(5, 5), DEMAND, 1)
    assert trace.served[:, 0].tolist() == [3, 1, 3, 0, 5, 0]
    assert trace.closing[:, 0].tolist() == [1, -1, -1, 1, -1, -2]
    assert trace.ordered[:, 0].tolist() == [4, 2, 4, 0, 6, 1]
    assert (run.cycles[0], run.clean[0]) == (2, 1)
    assert run.stock[0] == pytest.approx(2 / 6)


def test_it_reviews_at_the_close_of_the_first_period_and_then_every_review_period() -> None:
    items = one(review_days=3.0, lead_time_mean=0.0, moq=5.0, order_multiple=4.0, on_hand=6.0)
    run, trace = by_hand(items, always(4, 7), [1, 2, 0, 0, 1, 9], 0)
    # Day 0 closes with 5: above 4. Day 3 closes with 3: 4 short of 7, MOQ 5, two packs of 4.
    assert trace.ordered[:, 0].tolist() == [0, 0, 0, 8, 0, 0]
    assert trace.received[:, 0].tolist() == [0, 0, 0, 0, 8, 0]
    assert trace.closing[:, 0].tolist() == [5, 3, 3, 3, 10, 1]
    assert run.orders[0] == 1
    assert run.cycles[0] == 0


def test_it_lets_no_order_overtake_another() -> None:
    _, trace = by_hand(one(lead_time_sd=1.0), always(5, 5), DEMAND, [3, 0, 0, 0, 0, 0])
    assert trace.ordered[:, 0].tolist() == [4, 1, 0, 0, 5, 1]
    assert trace.arrives[:, 0].tolist() == [4, 4, -1, -1, 5, 6]
    assert trace.received[:, 0].tolist() == [0, 0, 0, 0, 5, 5]


def test_it_throws_away_what_is_too_old_first_in_first_out() -> None:
    items = one(shelf_life_days=2.0, lead_time_mean=0.0)
    run, trace = by_hand(items, always(3, 3, 3), [1, 1, 0, 4], 0)
    # Opening stock of 4 sells on days 0 and 1; 2 of it are left at the close of day 1, and expire.
    assert trace.expired[:, 0].tolist() == [0, 2, 0, 0]
    assert trace.ordered[:, 0].tolist() == [0, 3, 0, 3]
    assert trace.closing[:, 0].tolist() == [3, 0, 3, 0]
    assert (run.expired[0], run.served[0]) == (2, 5)


def test_it_changes_levels_at_the_close_of_their_as_of_period() -> None:
    schedule = Schedule(
        np.array([-3, 2]), np.array([[2.0], [9.0]]), np.array([[2.0], [9.0]]), np.array([[np.inf], [np.inf]])
    )
    _, trace = by_hand(one(lead_time_mean=0.0), schedule, [0, 4, 0, 0], 0)
    assert trace.ordered[:, 0].tolist() == [0, 2, 7, 0]


def test_it_orders_nothing_where_no_level_is_known() -> None:
    schedule = Schedule(
        np.array([1]), np.array([[np.nan, 5.0]]), np.array([[np.nan, 5.0]]), np.full((1, 2), np.inf)
    )
    items = Items.from_frame(pl.DataFrame({"unique_id": ["a", "b"], "on_hand": [0, 0], "review_days": 1.0}))
    run = simulate(items, np.ones((4, 2)), schedule, np.zeros((4, 2), dtype=int), period_days=1.0, trace=True)
    assert run.trace is not None
    assert run.trace.ordered[:, 0].tolist() == [0, 0, 0, 0]
    assert run.trace.ordered[:, 1].tolist() == [0, 5, 1, 1]


def test_it_measures_after_the_warm_up_only() -> None:
    wanted, lead = np.array(DEMAND, dtype=float)[:, None], np.ones((6, 1), dtype=np.int32)
    run = simulate(one(), wanted, always(5, 5), lead, period_days=1.0, warm_up=3)
    assert (run.demand[0], run.served[0], run.orders[0], run.ordered[0]) == (7, 5, 1, 5)
    assert run.stock[0] == pytest.approx(1 / 3)
    assert (run.cycles[0], run.clean[0]) == (1, 1)


def many(rng: np.random.Generator, count: int, names: list[str] | None = None) -> Items:
    """Items with all terms at random."""
    multiple = rng.choice([1.0, 1.0, 3.0, 0.5], count)
    unmet = rng.choice(["lost", "backorder"], count)
    frame = pl.DataFrame(
        {
            "unique_id": names or [f"i{row}" for row in range(count)],
            "on_hand": np.where(unmet == "lost", rng.integers(0, 15, count), rng.integers(-5, 15, count)),
            "lead_time_mean": rng.integers(0, 6, count).astype(float),
            "lead_time_sd": rng.choice([0.0, 2.0], count),
            "review_days": rng.integers(0, 5, count).astype(float),
            "moq": rng.choice([0.0, 0.0, 4.0], count),
            "order_multiple": multiple,
            "max_stock": [value or None for value in rng.choice([0.0, 9.0, 20.0], count)],
            "shelf_life_days": [value or None for value in rng.choice([0.0, 0.0, 2.0, 5.0], count)],
            "unmet": unmet,
        }
    )
    return Items.from_frame(frame)


def scene(seed: int, count: int = 60, periods: int = 50) -> tuple[Items, Any, Schedule, Any]:
    rng = np.random.default_rng(seed)
    items = many(rng, count)
    demand = rng.poisson(rng.uniform(0.2, 4, count), (periods, count)).astype(float)
    s = rng.integers(0, 12, (3, count)).astype(float)
    schedule = Schedule(
        np.array([-2, 17, 30]),
        s,
        s + rng.integers(0, 6, (3, count)),
        np.where(np.isfinite(items.shelf_life_days), rng.integers(3, 20, (3, count)), np.inf),
    )
    lead = leadtime.drawn(items.unique_id, items.lead_time_mean, items.lead_time_sd, 1.0, periods, seed=seed)
    return items, demand, schedule, lead


def slow(items: Items, row: int, demand: Any, schedule: Schedule, lead: Any) -> dict[str, list[float]]:
    """The obvious twin: one item, batches in a list, orders in a list."""
    hand, owed = max(items.on_hand[row], 0.0), max(-items.on_hand[row], 0.0)
    batches = [[0, hand]]  # since when, how much
    orders: list[tuple[int, float]] = []
    told: dict[str, list[float]] = {
        name: [] for name in ("received", "served", "expired", "closing", "ordered")
    }
    moq, pack, lost = items.moq[row], items.order_multiple[row], items.unmet[row] == "lost"
    smallest = math.ceil(max(moq, pack) / pack - 1e-9) * pack

    def take(units: float) -> float:
        taken = 0.0
        for batch in batches:
            part = min(batch[1], units - taken)
            batch[1] -= part
            taken += part
        return taken

    for period, wanted in enumerate(demand[:, row].tolist()):
        came = sum(units for due, units in orders if due == period)
        batches.append([period, came])
        owed -= take(owed)
        served = take(wanted)
        if not lost:
            owed += wanted - served
        expired = 0.0
        life = items.shelf_life_days[row]
        for batch in batches:
            if math.isfinite(life) and period - batch[0] + 1 >= max(1, round(life)):
                expired, batch[1] = expired + batch[1], 0.0
        closing = sum(units for _, units in batches) - owed
        quantity = 0.0
        if period % max(1, round(items.review_days[row])) == 0:
            level = max(e for e, since in enumerate(schedule.since) if since <= period)
            s, up_to, limit = (
                float(part[level, row])
                for part in (schedule.reorder_point, schedule.order_up_to, schedule.shelf_limit)
            )
            position = closing + sum(units for due, units in orders if due > period)
            if position <= s and up_to > position:
                quantity = math.ceil(max(up_to - position, moq) / pack - 1e-9) * pack
                if position + quantity > items.max_stock[row]:
                    fits = math.floor((items.max_stock[row] - position) / pack + 1e-9) * pack
                    quantity = fits if fits >= smallest else min(smallest, quantity)
                if position + quantity > limit:
                    fits = math.floor((limit - position) / pack + 1e-9) * pack
                    quantity = fits if fits >= smallest else 0.0
        if quantity > 0:
            latest = max([due for due, _ in orders], default=0)
            orders.append((max(latest, period + 1 + int(lead[period, row])), quantity))
        for name, value in zip(told, (came, served, expired, closing, quantity), strict=True):
            told[name].append(value)
    return told


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_a_slow_twin(seed: int) -> None:
    items, demand, schedule, lead = scene(seed)
    run = simulate(items, demand, schedule, lead, period_days=1.0, trace=True)
    for row in range(len(items)):
        for name, values in slow(items, row, demand, schedule, lead).items():
            assert getattr(run.trace, name)[:, row].tolist() == pytest.approx(values), (row, name)


@pytest.mark.parametrize("seed", range(4))
def test_it_conserves_units(seed: int) -> None:
    items, demand, schedule, lead = scene(seed, count=200)
    run = simulate(items, demand, schedule, lead, period_days=1.0, trace=True)
    trace = run.trace
    assert trace is not None
    assert np.all(trace.opening[0] == items.on_hand)
    assert np.all(trace.opening[1:] == trace.closing[:-1])
    lost = np.where(items.unmet == "lost", trace.demand - trace.served, 0.0)
    left = trace.opening + trace.received - trace.demand + lost - trace.expired
    assert np.allclose(left, trace.closing, atol=1e-9)
    assert np.all(trace.closing[:, items.unmet == "lost"] >= 0)
    assert np.all((trace.served <= trace.demand) & (trace.served >= 0) & (trace.expired >= 0))
    # What was ordered is received once, in the order in which it was ordered, after its lead time.
    for row in range(len(items)):
        made = np.flatnonzero(trace.ordered[:, row] > 0)
        due = trace.arrives[made, row]
        assert np.all(np.diff(due) >= 0)
        assert np.all(due >= made + 1 + lead[made, row])
        received = np.bincount(due, weights=trace.ordered[made, row], minlength=len(demand))[: len(demand)]
        assert np.allclose(received, trace.received[:, row])
    assert np.allclose(run.served, trace.served.sum(axis=0))
    assert np.allclose(run.ordered, trace.ordered.sum(axis=0))


def test_it_draws_lead_times_by_seed_and_name_alone() -> None:
    names = [f"i{row}" for row in range(30)]
    mean, sd = np.full(30, 10.0), np.where(np.arange(30) % 3, 4.0, 0.0)
    drawn = leadtime.drawn(names, mean, sd, 1.0, 400, seed=1)
    assert np.all(drawn[:, ::3] == 10)
    assert drawn[:, 1::3].mean() == pytest.approx(10, abs=0.2)
    assert drawn[:, 1::3].std() == pytest.approx(4, abs=0.2)
    order = np.random.default_rng(0).permutation(30)[:11]
    again = leadtime.drawn([names[row] for row in order], mean[order], sd[order], 1.0, 300, seed=1)
    assert np.array_equal(again, drawn[:300, order])
    assert not np.array_equal(leadtime.drawn(names, mean, sd, 1.0, 400, seed=2), drawn)


def test_it_draws_the_gamma_quantile_of_each_chance() -> None:
    for periods in (8, 400):  # few periods are drawn one by one, many from a table
        drawn = leadtime.drawn(["a"], np.array([20.0]), np.array([9.0]), 7.0, periods, seed=3)[:, 0]
        key = int.from_bytes(hashlib.blake2b(b"a", digest_size=8).digest())
        chance = np.random.default_rng([3, key]).random(periods)
        shape = (20 / 9) ** 2
        assert drawn.tolist() == np.round(stats.gamma.ppf(chance, shape, scale=20 / shape) / 7).tolist()


def test_it_draws_any_lead_time_that_is_no_nonsense() -> None:
    drawn = leadtime.drawn(
        ["a", "b", "c"], np.array([1e9, 7.0, 0.0]), np.array([0.0, 1e6, 3.0]), 1.0, 50, seed=0
    )
    assert np.all(drawn >= 0)
    assert np.all(drawn[:, 2] == 0)
