"""Service times in trees of warehouses: the general model of the textbook is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment.core.network import depths, service_times
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
    source, cost = rows["source"], rows["holding_cost"]
    found = service_times(**rows)
    inside = np.flatnonzero(source >= 0)
    exact = guaranteed_service(
        np.column_stack([source[inside], inside]),
        rows["own_time"],
        cost,
        rows["deviation"],
        1.0,
        promised_within=np.where(rows["at_once"], 0.0, np.inf),
    )
    variance = rows["deviation"] ** 2
    for row in np.argsort(-depths(source)):
        if source[row] >= 0:
            variance[source[row]] += variance[row]
    ours = float((cost * np.sqrt(variance * found.cover)).sum())
    assert ours == pytest.approx(exact.cost, rel=1e-9, abs=1e-9)
    # And the times hang together.
    wait = np.where(source >= 0, found.promise[source], 0.0)
    assert np.array_equal(found.wait, wait)
    assert np.array_equal(found.cover, np.where(found.holds, wait + rows["own_time"], 0.0))
    assert np.all(found.promise[rows["at_once"]] == 0)


def test_it_keeps_little_upstream_where_that_is_dear_and_all_where_pooling_pays() -> None:
    source = np.array([-1, *[0] * 16])
    times = np.array([20.0, *[3.0] * 16])
    deviation = np.array([0.0, *[5.0] * 16])
    at_once = source >= 0
    pooled = service_times(source, times, deviation, np.ones(17), at_once=at_once)
    assert pooled.holds[0]
    assert np.all(pooled.wait[1:] == 0)
    dear = service_times(source, times, deviation, np.array([50.0, *[1.0] * 16]), at_once=at_once)
    assert not dear.holds[0]
    assert np.all(dear.wait[1:] == 20.0)
    assert dear.promise[0] == 20.0


def test_it_refuses_sources_in_a_circle() -> None:
    with pytest.raises(ValueError, match="cycle"):
        depths(np.array([1, 2, 0]))


def test_it_takes_a_hundred_thousand_rows_at_once() -> None:
    products = 10_000
    source = np.repeat(np.arange(products) * 10, 10)
    source[::10] = -1
    random = np.random.default_rng(3)
    found = service_times(
        source,
        random.uniform(1, 40, len(source)),
        np.where(source >= 0, random.uniform(0, 9, len(source)), 0.0),
        np.ones(len(source)),
        at_once=source >= 0,
    )
    assert np.all(found.holds[source >= 0])
    assert 0 < np.sum(~found.holds) < products
