"""Lead times learned from receipts."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.lead_times_learned import LeadTimes, lead_times_learned

Delivery = tuple[int, int, float, float]
SCHEMA = {
    "supplier_id": pl.Int64,
    "location_id": pl.Int64,
    "slip_days": pl.Float64,
    "weight": pl.Float64,
}


def learned(
    deliveries: list[Delivery],
    *,
    supplier: int = 1,
    location: int = 1,
    stated: float = 10.0,
    deviation: float = 0.0,
) -> tuple[float, float, int]:
    rows = pl.DataFrame(
        {
            "supplier_id": [supplier],
            "location_id": [location],
            "lead_time_days": [stated],
            "lead_time_sd_days": [deviation],
        }
    )
    found: LeadTimes = lead_times_learned(rows, pl.DataFrame(deliveries, schema=SCHEMA, orient="row"))
    return float(found.mean_days[0]), float(found.sd_days[0]), int(found.receipts[0])


def test_it_keeps_what_is_stated_without_receipts() -> None:
    assert learned([], deviation=2.0) == (10.0, 2.0, 0)
    assert learned([(2, 1, 5.0, 1.0)], deviation=2.0) == (10.0, 2.0, 0)


def test_it_weighs_receipts_against_the_stated_lead_time_as_worked_by_hand() -> None:
    # Slips of 2, 4, 6: mean 4, variance 4. Between suppliers (3 x 16 - 4) / 3 = 14.667: k = 0.27, held at 1.
    mean, deviation, receipts = learned([(1, 1, slip, 1.0) for slip in (2.0, 4.0, 6.0)])
    assert mean == pytest.approx(10 + 3 * 4 / (3 + 1))
    # The variance of all deliveries stands for the stated one, which is 0.
    assert deviation == pytest.approx(math.sqrt(4 * (1 + 1 / 4)))
    assert receipts == 3


def test_it_counts_part_receipts_by_their_quantity() -> None:
    whole = [(1, 1, 2.0, 1.0), (1, 1, 2.0, 1.0)]
    late = learned([*whole, (1, 1, 12.0, 0.5)])[0]
    later = learned([*whole, (1, 1, 12.0, 1.0)])[0]
    assert learned(whole)[0] < late < later
    # Weights 1, 1, 1/2: mean slip (2 + 2 + 6) / 2.5 = 4, effective number 6.25 / 2.25.
    n, variance = 6.25 / 2.25, (0.8 * 4 + 0.2 * 64) / (1 - 2.25 / 6.25)
    k = np.clip(variance / ((n * 16 - variance) / n), 1, 10)
    assert late == pytest.approx(10 + n * 4 / (n + k))


def test_it_learns_of_a_location_from_the_suppliers_others() -> None:
    here, away = [(1, 1, 5.0, 1.0)] * 8, [(1, 2, 1.0, 1.0)] * 8
    steady = [(2, 1, 0.0, 1.0), (2, 1, 0.5, 1.0)]
    first, second = (learned([*here, *away, *steady], location=place)[0] for place in (1, 2))
    new, _, receipts = learned([*here, *away, *steady], location=3)
    assert 11.0 < second < new < first < 15.0
    assert receipts == 16


def test_it_is_never_in_before_it_is_sent() -> None:
    assert learned([(1, 1, -10.0, 1.0)] * 50, stated=4.0)[0] == 0.0


def test_it_comes_to_the_receipts_own_mean_and_spread() -> None:
    drawn = np.random.default_rng(0).normal(3.0, 2.0, 4000)
    mean, deviation, _ = learned([(1, 1, float(slip), 1.0) for slip in drawn], deviation=9.0)
    assert mean == pytest.approx(10 + drawn.mean(), abs=0.02)
    assert deviation == pytest.approx(drawn.std(), rel=0.03)


def test_it_errs_less_than_the_stated_mean_and_than_the_receipts_alone() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(1.0, 2.0, 300)
    deliveries: list[Delivery] = [
        (supplier, 1, float(slip), 1.0)
        for supplier, centre in enumerate(true.tolist())
        for slip in rng.normal(centre, 4.0, 3)
    ]
    frame = pl.DataFrame(deliveries, schema=SCHEMA, orient="row")
    rows = pl.DataFrame(
        {
            "supplier_id": range(300),
            "location_id": [1] * 300,
            "lead_time_days": [20.0] * 300,
            "lead_time_sd_days": [0.0] * 300,
        }
    )
    found = lead_times_learned(rows, frame).mean_days - 20.0
    raw = frame.group_by("supplier_id").agg(pl.col("slip_days").mean()).sort("supplier_id")["slip_days"]
    shrunk = ((found - true) ** 2).mean()
    assert shrunk < 0.8 * ((raw.to_numpy() - true) ** 2).mean()
    assert shrunk < 0.8 * (true**2).mean()


slips = st.lists(st.tuples(st.floats(-20, 60), st.floats(0.01, 1.0)), min_size=1, max_size=8)


@given(slips=slips, stated=st.floats(0, 60), deviation=st.floats(0, 20))
def test_it_lies_between_the_stated_lead_time_and_that_of_the_receipts(
    slips: list[tuple[float, float]], stated: float, deviation: float
) -> None:
    mean, spread, receipts = learned(
        [(1, 1, slip, weight) for slip, weight in slips], stated=stated, deviation=deviation
    )
    centre = sum(slip * weight for slip, weight in slips) / sum(weight for _, weight in slips)
    low, high = sorted((stated, max(stated + centre, 0.0)))
    assert low - 1e-9 <= mean <= high + 1e-9
    assert spread >= 0
    assert math.isfinite(spread)
    assert receipts == len(slips)


@given(slips=slips, later=st.floats(0, 30))
def test_it_is_later_where_all_receipts_are(slips: list[tuple[float, float]], later: float) -> None:
    def mean_of(shift: float) -> float:
        return learned([(1, 1, slip + shift, weight) for slip, weight in slips], stated=100.0)[0]

    # Whatever the weight that it gives to receipts, where these say more.
    if sum(slip * weight for slip, weight in slips) >= 0:
        assert mean_of(later) >= mean_of(0.0) - 1e-9
