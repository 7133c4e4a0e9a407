"""Changes of settings, and the curve of what money saves."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment.core.budget import within_budget
from replenishment.core.constraints import smallest_order
from replenishment.core.items import Items
from replenishment.core.policy import drafted
from replenishment.core.spending import spending_curve
from replenishment.core.what_if import ChangeError, Changes, Shift, compared, outlook, service_curve, total
from tests.core.test_plan_service import LAWS, cases, demand_of


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("14", "set", 14),
        (" 1.5 ", "set", 1.5),
        (".5", "set", 0.5),
        ("+3", "add", 3),
        ("-3.25", "add", -3.25),
        ("\N{MINUS SIGN}3", "add", -3),
        ("+10%", "scale", 1.1),
        ("- 10 %", "scale", 0.9),
    ],
)
def test_it_reads_changes(text: str, kind: str, value: float) -> None:
    shift = Shift.of(text)
    assert shift.kind == kind
    assert shift.value == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "10%", "ten", "1e3", "+", "--3", "+3+3", "nan", "inf", "1,5", "٣", "3%+"]
)
def test_it_refuses_what_is_no_change(text: str) -> None:
    with pytest.raises(ValueError, match="not a change"):
        Shift.of(text)


def items_of(**columns: Any) -> Items:
    return Items.from_frame(pl.DataFrame({"unique_id": ["a", "b"], "on_hand": [3.0, 4.0], **columns}))


def test_it_moves_the_cost_of_a_unit_short_with_price_and_cost_unless_it_was_stated() -> None:
    items = items_of(unit_cost=[10.0, 10.0], price=[15.0, 15.0], stockout_cost=[None, 2.0])
    changed = Changes(shifts={"unit_cost": Shift.of("+10%"), "price": Shift.of("-1")}).applied(items)
    assert changed.unit_cost.tolist() == pytest.approx([11, 11])
    assert changed.stockout_cost.tolist() == pytest.approx([3, 2])
    assert changed.on_hand.tolist() == items.on_hand.tolist()


def test_it_leaves_everything_as_it_is_without_a_change() -> None:
    items, demand, _ = cases()
    found = compared(items, Changes().applied(items), demand)
    assert found.before.equals(found.after)
    assert not found.left_out


def test_it_names_the_items_that_can_be_planned_on_one_side_alone() -> None:
    items = items_of(moq=[0.0, 0.0], shelf_life_days=[None, 10.0])
    demand = demand_of(["a", "b"], np.array([10.0, 10.0]), cubes(2))
    found = compared(items, Changes(shifts={"moq": Shift.of("1000")}).applied(items), demand)
    assert found.before["unique_id"].to_list() == found.after["unique_id"].to_list() == ["a"]
    assert list(found.left_out) == ["b"]
    assert "shelf life" in found.left_out["b"]


def cubes(count: int) -> Any:
    steps = np.arange(1, 61)[:, None]
    from forecasting.core.distribution import QUANTILES

    return np.repeat(LAWS["erratic"][0](steps).ppf(QUANTILES)[None], count, axis=0)


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(["lead_time_mean", "review_days", "unit_cost", "moq", "order_cost"]),
    amount=st.floats(-50, 50, allow_nan=False),
)
def test_it_changes_or_refuses_but_never_breaks(name: str, amount: float) -> None:
    items = items_of(unit_cost=[10.0, 10.0])
    demand = demand_of(["a", "b"], np.array([10.0, 10.0]), cubes(2))
    changes = Changes(shifts={name: Shift("add", amount)})
    if getattr(items, name)[0] + amount < (1e-6 if name == "unit_cost" else 0):
        with pytest.raises(ChangeError):
            changes.applied(items)
        return
    found = compared(items, changes.applied(items), demand).after
    assert found.height == 2
    for column in ("stock_value", "holding_cost", "ordering_cost", "lost_margin", "order_quantity"):
        assert (found[column] >= 0).all()
    assert np.allclose(found["cycle_stock"] + found["safety_stock"], found["stock"])
    assert found["fill_rate"].is_between(0, 1).all()


def test_it_sums_service_by_what_is_asked_of_it() -> None:
    rows = outlook(*cases()[:2])
    found = total(rows)
    assert found.fill_rate == pytest.approx(np.average(rows["fill_rate"], weights=rows["demand"]))
    assert found.cycle_service == pytest.approx(np.average(rows["cycle_service"], weights=rows["cycles"]))
    assert found.total_cost == pytest.approx(found.holding_cost + found.ordering_cost + found.lost_margin)
    assert np.isnan(total(rows.clear()).fill_rate)


def test_it_finds_less_stock_for_the_same_service_of_all_together() -> None:
    items, demand, _ = cases()
    alone = total(outlook(items, demand))
    curve = service_curve(items, demand)
    same = np.interp(alone.fill_rate, curve["fill_rate"], curve["stock_value"])
    assert same < alone.stock_value


def test_it_saves_along_the_curve_what_a_budget_buys() -> None:
    items, demand, _ = cases()
    draft = drafted(items, demand, grid_days=1.0)
    curve = spending_curve(items, demand)
    quantity = draft.decided().order_quantity[draft.rows]
    good, over = draft.good, draft.levels.demand
    for share in (0.1, 0.3, 0.6, 0.9):
        budget = share * float(curve["spent"][-1])
        bought = within_budget(
            budget=budget,
            quantity=quantity,
            position=good.position,
            demand=over,
            margin=good.stockout_cost,
            unit_cost=good.unit_cost,
            smallest=smallest_order(good.moq, good.order_multiple),
            multiple=good.order_multiple,
        )
        short = over.loss(np.column_stack([good.position, good.position + bought]))
        saved = float(((short[:, 0] - short[:, 1]) * good.stockout_cost).sum())
        assert saved == pytest.approx(np.interp(budget, curve["spent"], curve["saved"]), rel=0.03)


def test_it_has_nothing_to_spend_on_where_nothing_is_due() -> None:
    items = items_of(on_order=[1e6, 1e6])
    demand = demand_of(["a", "b"], np.array([10.0, 10.0]), cubes(2))
    curve = spending_curve(items, demand)
    assert curve.rows() == [(0.0, 0.0)]
