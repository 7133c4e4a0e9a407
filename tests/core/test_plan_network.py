"""Service times in trees of warehouses: the general model of the textbook is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment.core.network import ServiceTimes, depths, pooled, service_times, stock_pooled
from replenishment.core.textbook.guaranteed import guaranteed_service

numbers = st.integers(0, 2**32 - 1)


def tree(seed: int) -> dict[str, np.ndarray]:
    """Some trees of up to 12 rows in any order, whole times."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 13))
    source = np.array([random.integers(-1, row) if row else -1 for row in range(count)])
    moved = random.permutation(count)
    placed = np.empty(count, dtype=np.int64)
    placed[moved] = np.where(source >= 0, moved[source], -1)
    supplies = np.isin(np.arange(count), placed)
    at_once = ~supplies | (random.random(count) < 0.2)
    return {
        "source": placed,
        "own_time": random.integers(0, 8, count).astype(float),
        "deviation": np.where(at_once, random.integers(1, 30, count), 0).astype(float),
        "holding_cost": random.integers(1, 9, count).astype(float),
        "at_once": at_once,
    }


@settings(max_examples=150, deadline=None)
@given(seed=numbers)
def test_it_costs_what_the_general_model_costs(seed: int) -> None:
    rows = tree(seed)
    source, cost, time = rows["source"], rows["holding_cost"], rows["own_time"]
    deviation = np.sqrt(pooled(source, rows["deviation"] ** 2))

    def held(some: np.ndarray, cover: np.ndarray) -> np.ndarray:
        return np.asarray(deviation[some, None] * np.sqrt(cover))

    found = service_times(source, time, time, held, cost, at_once=rows["at_once"])
    inside = np.flatnonzero(source >= 0)
    exact = guaranteed_service(
        np.column_stack([source[inside], inside]),
        time,
        cost,
        rows["deviation"],
        1.0,
        promised_within=np.where(rows["at_once"], 0.0, np.inf),
    )
    ours = found.holds * cost * held(np.arange(len(cost)), (found.wait + time)[:, None])[:, 0]
    assert ours.sum() == pytest.approx(exact.cost, rel=1e-9, abs=1e-9)
    # And the times hang together.
    promise = np.where(found.holds, 0.0, found.wait + time)
    assert np.array_equal(found.wait, np.where(source >= 0, promise[source], 0.0))
    assert np.all(found.holds[rows["at_once"]])


def chosen(stores: int, *, fill: float = 0.95, warehouse_cost: float = 1.0) -> ServiceTimes:
    source = np.array([-1, *[0] * stores])
    own = np.where(source >= 0, 5.0, 0.0)
    mean, deviation = pooled(source, own), np.sqrt(pooled(source, own * 5))

    def held(rows: np.ndarray, cover: np.ndarray) -> np.ndarray:
        return stock_pooled(
            mean=mean[rows],
            deviation=deviation[rows],
            review=np.full(len(rows), 7.0),
            target=np.full(len(rows), fill),
            of_units=np.ones(len(rows), dtype=bool),
            cover=cover,
        )

    return service_times(
        source,
        np.where(source >= 0, 10.0, 47.0),
        np.where(source >= 0, 6.5, 43.5),
        held,
        np.where(source >= 0, 1.0, warehouse_cost),
        at_once=source >= 0,
    )


def test_it_holds_stock_upstream_where_pooling_pays_and_where_it_is_cheap() -> None:
    assert not chosen(2).holds[0]
    assert chosen(2).wait.tolist() == [0, 43.5, 43.5]
    assert chosen(2, warehouse_cost=0.05).holds[0]
    assert chosen(2, warehouse_cost=0.05).wait.tolist() == [0, 0, 0]
    assert chosen(200, fill=0.99).holds[0]


def test_pooled_stock_is_what_normal_demand_leaves() -> None:
    random = np.random.default_rng(0)
    found = stock_pooled(
        mean=np.array([10.0]),
        deviation=np.array([4.0]),
        review=np.array([7.0]),
        target=np.array([0.95]),
        of_units=np.array([True]),
        cover=np.array([[21.0]]),
    )[0, 0]
    demand = random.normal(210, 4 * np.sqrt(21), 400_000)
    level = next(s for s in np.arange(190, 260, 0.1) if np.maximum(demand - s, 0).mean() <= 0.05 * 70)
    assert found == pytest.approx(np.maximum(level - demand, 0).mean() + 35, rel=0.01)


def test_it_refuses_sources_in_a_circle() -> None:
    with pytest.raises(ValueError, match="cycle"):
        depths(np.array([1, 2, 0]))


def test_it_takes_a_hundred_thousand_rows_at_once() -> None:
    products = 10_000
    source = np.repeat(np.arange(products) * 10, 10)
    source[::10] = -1
    random = np.random.default_rng(3)
    time = random.uniform(1, 40, len(source))
    deviation = np.sqrt(pooled(source, np.where(source >= 0, random.uniform(0, 9, len(source)), 0.0)))
    found = service_times(
        source,
        time,
        time,
        lambda rows, cover: deviation[rows, None] * np.sqrt(cover),
        np.ones(len(source)),
        at_once=source >= 0,
    )
    assert np.all(found.holds[source >= 0])
    assert 0 < np.sum(~found.holds) < products
