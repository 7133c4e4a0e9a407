"""The rules of exceptions as pure arithmetic, against slow and obvious twins."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.core.exceptions import COLUMNS, Limits, held_cost, out_of_stock, runs_out, spikes

AS_OF = date(2024, 3, 3)
LINES: dict[str, Any] = {
    "product_id": pl.Int64, "location_id": pl.Int64, "line_id": pl.Int64, "order_id": pl.Int64,
    "day": pl.Date, "quantity": pl.Float64,
}  # fmt: skip
ACTIONS: dict[str, Any] = {
    "action_id": pl.Int64, "product_id": pl.Int64, "location_id": pl.Int64, "kind": pl.String,
    "saving": pl.Float64, "order_id": pl.Int64,
}  # fmt: skip


def row(**values: Any) -> pl.DataFrame:
    given = {
        "product_id": 1,
        "location_id": 2,
        "supplier_id": 3,
        "on_hand": 0.0,
        "on_order": 0.0,
        "daily": 2.0,
        "stock_out_on": None,
        "lead_days": 7.0,
        "quantity": 0.0,
        "margin": 3.0,
    } | values
    return pl.DataFrame([given], schema_overrides={"stock_out_on": pl.Date, "lead_days": pl.Float64})


def line(day: date | None, order: int = 5) -> pl.DataFrame:
    return pl.DataFrame([(1, 2, 9, order, day, 10.0)], schema=LINES, orient="row")


@given(
    surplus=st.floats(0, 1e4),
    daily=st.floats(0, 100),
    cost=st.floats(0, 1e3),
    rate=st.floats(0, 1),
)
def test_it_prices_what_is_held_as_a_sum_over_the_hours_does(
    surplus: float, daily: float, cost: float, rate: float
) -> None:
    frame = pl.DataFrame({"x": [surplus], "daily": [daily], "cost": [cost], "holding_rate": [rate]})
    [found] = frame.select(held_cost(pl.col("x"))).to_series()
    hours = (np.arange(365 * 24) + 0.5) / 24
    held = np.maximum(surplus - daily * hours, 0.0).sum() / 24
    # Of the hour in which the last unit goes, the sum sees the middle alone.
    slack = (daily / 24) / 24
    assert found == pytest.approx(held * cost * rate / 365, rel=1e-6, abs=(slack + 1e-9) * cost * rate / 365)


@given(days=st.integers(1, 60), lead=st.floats(0, 60))
def test_it_never_asks_for_more_than_the_days_until_goods_come(days: int, lead: float) -> None:
    ordered = out_of_stock(row(lead_days=lead), line(AS_OF + timedelta(days=days)), AS_OF)
    assert ordered["impact"].to_list() == [2.0 * 3.0 * days]
    assert ordered["order_id"].to_list() == [5]
    alone = out_of_stock(row(lead_days=lead), line(None), AS_OF)
    assert alone["impact"].item() == pytest.approx(2.0 * 3.0 * lead, abs=0.01)


@given(out=st.integers(0, 30), come=st.integers(0, 30), lead=st.integers(0, 30))
def test_it_runs_out_only_where_neither_goods_nor_an_order_now_come_in_time(
    out: int, come: int, lead: int
) -> None:
    def day(number: int) -> date:
        return AS_OF + timedelta(days=number)

    found = runs_out(
        row(on_hand=9.0, stock_out_on=day(out), lead_days=float(lead)),
        line(day(come)),
        pl.DataFrame(schema=ACTIONS),
        AS_OF,
    )
    # What comes before the stock-out is in its date already.
    back = min(come, lead) if come >= out else lead
    assert found["impact"].to_list() == ([(back - out) * 6.0] if back > out else [])


@given(usual=st.floats(0, 20), last=st.floats(0, 200))
def test_it_takes_for_a_spike_what_chance_rarely_makes(usual: float, last: float) -> None:
    weeks = pl.DataFrame(
        [{"product_id": 1, "location_id": 2, "w0": last} | {f"w{n}": usual for n in range(1, 9)}]
    )
    found = spikes(weeks, row(), Limits())
    expected = usual > 0 and last >= 3 * usual and last - usual >= 5 and last - usual > 4 * usual**0.5
    assert found.height == expected
    assert list(found.columns) == list(COLUMNS)
