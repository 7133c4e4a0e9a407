"""What other settings would do to the latest plan: the selection, the sums, the curves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from catalog.models import KitComponent, Location, Product, Supplier
from forecasting.core.response.series import FIELDS
from forecasting.models import ForecastDistribution, ForecastOverride
from replenishment import selectors
from replenishment.core.what_if import ChangeError, Changes, Shift
from replenishment.models import PlanItems, PlanRun, Suggestion
from replenishment.selectors.what_if import (
    Answer,
    Selection,
    WhatIfError,
    what_if,
    what_if_service,
    what_if_spending,
)
from replenishment.selectors.what_if_kept import demand_kept, outlook_kept
from tests.cast import make_category, make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import make_forecast, make_stock, run_plan

pytestmark = pytest.mark.django_db


class Shop:
    """Six products at two locations, from two suppliers, with stock, terms, a forecast and a plan."""

    def __init__(self, **spec: Any) -> None:
        self.category = make_category()
        below = make_category(parent=self.category)
        self.near, self.far = make_supplier(), make_supplier()
        self.places: list[Location] = [make_location(), make_location()]
        self.products: list[Product] = [
            make_product(category=below if number < 2 else None) for number in range(6)
        ]
        for number, product in enumerate(self.products):
            make_terms(
                product=product,
                supplier=self.near,
                unit_cost=Decimal(2 + number),
                lead_time_days=14,
                rank=1,
            )
        make_terms(
            product=self.products[0], supplier=self.far, unit_cost=Decimal("1.5"), lead_time_days=60, rank=2
        )
        rates = {}
        for number, product in enumerate(self.products):
            for place in self.places:
                make_stock(product, place, 10.0 * number)
                rates[product, place] = 8.0 + 4 * number
        self.plan = run_plan(make_forecast(rates), **spec)


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Shop:
    return Shop(**getattr(request, "param", {}))


def shifted(**texts: str) -> Changes:
    return Changes(shifts={name: Shift.of(text) for name, text in texts.items()})


@pytest.mark.parametrize(
    "shop", [{}, {"target_kind": "overall"}, {"budget": 300.0}, {"target_kind": "economic"}], indirect=True
)
def test_it_finds_before_any_change_what_the_plan_has_stored(shop: Shop) -> None:
    answer = what_if(shop.plan, Selection(), Changes(), budget=shop.plan.spec["budget"])
    rows = {(row["product_id"], row["location_id"]): row for row in answer.rows.iter_rows(named=True)}
    stored = list(Suggestion.objects.filter(plan_run=shop.plan))
    assert len(rows) == len(stored) == 12
    for suggestion in stored:
        row = rows[suggestion.product_id, suggestion.location_id]
        assert row["order_quantity"] == suggestion.order_quantity
        assert row["fill_rate"] == suggestion.expected_fill_rate
        assert row["cycle_service"] == suggestion.expected_cycle_service
        assert row["order_value"] == pytest.approx(suggestion.home_value, abs=0.01)
        assert row["more_total_cost"] == 0
    assert answer.before == answer.after


def test_it_holds_more_stock_for_more_service_and_for_longer_lead_times(shop: Shop) -> None:
    more = what_if(shop.plan, Selection(), Changes(target=0.99))
    assert more.after.fill_rate > more.before.fill_rate
    assert more.after.stock_value > more.before.stock_value
    assert more.after.lost_margin < more.before.lost_margin
    later = what_if(shop.plan, Selection(), shifted(lead_time_mean="+50%"))
    assert later.after.order_quantity > later.before.order_quantity
    dearer = what_if(shop.plan, Selection(), shifted(unit_cost="+10%"))
    assert dearer.after.order_value == pytest.approx(1.1 * dearer.before.order_value)


def test_it_puts_the_rows_first_that_change_most(shop: Shop) -> None:
    rows = what_if(shop.plan, Selection(), Changes(target=0.99), sort="order_quantity").rows
    apart = [abs(value) for value in rows["more_order_quantity"]]
    assert apart == sorted(apart, reverse=True)


def test_it_takes_only_what_the_selection_holds(shop: Shop) -> None:
    def count(**values: Any) -> int:
        return what_if(shop.plan, Selection(**values), Changes()).selected

    assert count() == 12
    assert count(location_id=shop.places[0].pk) == 6
    assert count(product_id=shop.products[0].pk) == 2
    assert count(category_id=shop.category.pk) == 4
    assert count(supplier_id=shop.near.pk, search=shop.products[1].sku) == 2
    abc = Suggestion.objects.values_list("abc", flat=True)
    assert count(abc=abc[0]) == list(abc).count(abc[0])
    with pytest.raises(WhatIfError, match="nothing of this selection"):
        count(search="no such thing")


def test_it_buys_on_another_suppliers_terms_where_there_are_any(shop: Shop) -> None:
    answer = what_if(shop.plan, Selection(), Changes(), supplier_id=shop.far.pk)
    assert answer.without_terms == 10
    moved = answer.rows.filter(answer.rows["more_stock_value"] != 0)
    assert set(moved["product_id"]) == {shop.products[0].pk}
    assert (moved["new_order_value"] / moved["new_order_quantity"]).to_list() == pytest.approx([1.5, 1.5])
    assert (moved["more_order_quantity"] > 0).all()
    other: Supplier = make_supplier()
    with pytest.raises(WhatIfError, match="no terms"):
        what_if(shop.plan, Selection(), Changes(), supplier_id=other.pk)


def test_it_compares_suppliers_by_landed_cost(db: None) -> None:
    """Duty and freight are in what the plan pays, and in what it would pay another supplier."""
    product, place = make_product(), make_location()
    near, far = make_supplier(), make_supplier()
    make_terms(product=product, supplier=near, unit_cost=Decimal(5), freight_cost=Decimal(1), rank=1)
    make_terms(
        product=product,
        supplier=far,
        unit_cost=Decimal(4),
        duty_rate=Decimal("0.25"),
        freight_cost=Decimal(2),
        rank=2,
    )
    make_stock(product, place, 5)
    plan = run_plan(make_forecast({(product, place): 20.0}))

    def cost(**values: Any) -> float:
        after = what_if(plan, Selection(), Changes(), **values).after
        return after.order_value / after.order_quantity

    assert cost() == cost(supplier_id=near.pk) == pytest.approx(5 + 1)
    assert cost(supplier_id=far.pk) == pytest.approx(4 * 1.25 + 2)


def test_it_spends_no_more_than_the_budget(shop: Shop) -> None:
    free = what_if(shop.plan, Selection(), Changes())
    tight = what_if(shop.plan, Selection(), Changes(), budget=100.0)
    assert free.after.order_value > 100
    assert 50 < tight.after.order_value <= 100
    assert tight.after.stock_value == free.after.stock_value


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        (shifted(lead_time_mean="-20"), "lead_time_mean"),
        (shifted(unit_cost="-100%"), "unit_cost"),
        (Changes(target=1.5), "target"),
        (Changes(target=0.0), "target"),
    ],
)
def test_it_refuses_what_makes_no_sense(shop: Shop, changes: Changes, column: str) -> None:
    with pytest.raises(ChangeError) as refusal:
        what_if(shop.plan, Selection(), changes)
    assert refusal.value.column == column


def test_it_leaves_out_what_could_not_be_planned_and_says_why() -> None:
    bare, sold, place = make_product(), make_product(), make_location()
    make_terms(product=sold)
    make_stock(sold, place, 5)
    plan = run_plan(make_forecast({(bare, place): 5.0, (sold, place): 8.0}))
    answer = what_if(plan, Selection(), Changes())
    assert (answer.selected, answer.before.items) == (2, 1)
    assert answer.left_out == {"exception: no supply terms": 1}
    with pytest.raises(WhatIfError, match="could be planned"):
        what_if(plan, Selection(product_id=bare.pk), Changes())


def test_it_leaves_out_what_others_pass_demand_on_to() -> None:
    """A component is bought for kits as well: its own forecast is a part of what the plan planned with."""
    part, alone, kit, place = make_product(), make_product(), make_product(), make_location()
    for product in (part, alone):
        make_terms(product=product)
        make_stock(product, place, 5)
    KitComponent.objects.create(kit=kit, component=part, quantity=2)
    plan = run_plan(make_forecast({(kit, place): 20.0, (part, place): 8.0, (alone, place): 8.0}))
    answer = what_if(plan, Selection(), Changes())
    assert answer.rows["product_id"].to_list() == [alone.pk]
    assert answer.left_out == {"assembled": 1, "with demand that other products or locations pass on": 1}
    with pytest.raises(WhatIfError, match="demand of its own"):
        what_if(plan, Selection(product_id=part.pk), Changes())


def test_it_leaves_out_what_has_no_exchange_rate() -> None:
    foreign, known, place = make_product(), make_product(), make_location()
    make_terms(product=foreign, currency="JPY")
    make_terms(product=known)
    for product in (foreign, known):
        make_stock(product, place, 5)
    plan = run_plan(make_forecast({(foreign, place): 5.0, (known, place): 8.0}))
    answer = what_if(plan, Selection(), Changes())
    assert answer.before.items == 1
    assert answer.left_out == {"no exchange rate": 1}


def test_it_reckons_with_the_demand_of_the_plan_overrides_and_all(shop: Shop, buyer: Any) -> None:
    first = what_if(shop.plan, Selection(), Changes()).before
    ForecastOverride.objects.create(
        product=shop.products[0],
        kind="percent",
        value=Decimal(300),
        first_day=shop.plan.as_of,
        last_day=shop.plan.as_of.replace(year=shop.plan.as_of.year + 1),
        expires_on=shop.plan.as_of.replace(year=shop.plan.as_of.year + 1),
        reason="a fair",
        created_by=buyer,
    )
    assert what_if(shop.plan, Selection(), Changes()).before == first


def test_what_it_keeps_between_questions_changes_no_answer(shop: Shop) -> None:
    questions = [
        (Selection(), Changes(), None),
        (Selection(), Changes(target=0.99), None),
        (Selection(location_id=shop.places[0].pk), Changes(target=0.99), None),
        (Selection(), shifted(lead_time_mean="+50%"), 200.0),
    ]

    def asked(number: int) -> Any:
        selection, changes, budget = questions[number]
        answer = what_if(shop.plan, selection, changes, budget=budget)
        return answer.before, answer.after, answer.rows.to_dicts()

    fresh = []
    for number in range(len(questions)):
        demand_kept.cache_clear()
        outlook_kept.cache_clear()
        fresh.append(asked(number))
    for number in (0, 1, 3, 2, 1, 0):
        assert asked(number) == fresh[number], number
    again = run_plan(shop.plan.forecast_run, target=0.9)
    assert what_if(again, Selection(), Changes()).before.fill_rate < fresh[0][0].fill_rate
    # A row that a buyer has moved to another supplier is no longer of that selection.
    near = Selection(supplier_id=shop.near.pk)
    count = what_if(again, near, Changes()).selected
    row = Suggestion.objects.filter(plan_run=again, supplier=shop.near)[0]
    Suggestion.objects.filter(pk=row.pk).update(supplier=shop.far)
    assert what_if(again, near, Changes()).selected == count - 1


def test_it_lets_a_part_stand_for_a_large_selection(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = what_if(shop.plan, Selection(), Changes())
    monkeypatch.setattr("replenishment.selectors.what_if.MOST_ITEMS", 7)
    part = what_if(shop.plan, Selection(), Changes())
    assert (part.selected, part.taken) == (12, 6)
    assert part.before.items == 12
    assert part.before.stock == pytest.approx(exact.before.stock, rel=0.35)


def test_it_tells_what_stock_each_service_takes(shop: Shop) -> None:
    found = what_if_service(shop.plan, Selection(), Changes(target=0.98))
    assert found.curve["fill_rate"].is_sorted()
    assert found.curve["stock_value"].is_sorted()
    assert (found.curve["fill_rate"] >= found.curve["target"] - 1e-3).all()
    assert found.after.stock_value > found.before.stock_value
    # The curve is the least stock value for each fill rate: nothing lies above it.
    reached = np.interp(found.after.stock_value, found.curve["stock_value"], found.curve["fill_rate"])
    assert found.after.fill_rate <= reached + 0.01


def test_it_tells_what_each_next_sum_of_money_saves(shop: Shop) -> None:
    curve = what_if_spending(shop.plan, Selection(), Changes(target=0.98))
    assert curve.row(0) == (0.0, 0.0)
    assert curve["spent"].is_sorted()
    assert curve["saved"].is_sorted()
    answer = what_if(shop.plan, Selection(), Changes(target=0.98))
    assert curve["spent"][-1] == pytest.approx(answer.after.order_value)
    gains = (curve["saved"].diff()[1:] / curve["spent"].diff()[1:]).to_list()
    assert gains == sorted(gains, reverse=True)


def test_it_asks_for_a_new_plan_where_the_old_one_kept_nothing(shop: Shop) -> None:
    plan = selectors.plan_latest()
    assert plan is not None
    PlanItems.objects.all().delete()
    with pytest.raises(WhatIfError, match="new plan"):
        what_if(plan, Selection(), Changes())


def test_it_asks_for_a_new_plan_where_the_forecast_was_cleared(shop: Shop) -> None:
    from django.utils import timezone

    run = shop.plan.forecast_run
    run.pruned_at = timezone.now()
    run.save()
    plan = PlanRun.objects.get(pk=shop.plan.pk)
    with pytest.raises(WhatIfError, match="cleared"):
        what_if(plan, Selection(), Changes())


def test_another_price_moves_demand_where_the_forecast_stored_a_response(shop: Shop) -> None:
    dearer = Changes(shifts={"price": Shift("scale", 1.1)})
    row = {"product_id": shop.products[2].pk, "location_id": shop.places[0].pk}

    def of(answer: Answer, product_id: int, location_id: int) -> dict[str, Any]:
        mine = (pl.col("product_id") == product_id) & (pl.col("location_id") == location_id)
        return answer.rows.row(by_predicate=mine, named=True)

    without = what_if(shop.plan, Selection(), dearer)
    assert without.after.stock == pytest.approx(without.before.stock)
    stored = dict.fromkeys(FIELDS, 0.0) | {"elasticity": -3.0, "elasticity_se": 0.5, "uplift": np.nan}
    ForecastDistribution.objects.filter(**row).update(
        response=np.array(list(stored.values()), dtype="<f4").tobytes()
    )
    answer = what_if(shop.plan, Selection(), dearer)
    assert of(answer, **row)["new_demand"] == pytest.approx(of(answer, **row)["demand"] * 1.1**-3, rel=1e-5)
    other = {"product_id": shop.products[3].pk, "location_id": shop.places[0].pk}
    assert of(answer, **other)["new_demand"] == of(answer, **other)["demand"]
    assert answer.after.stock < answer.before.stock
    curve = what_if_service(shop.plan, Selection(), dearer)
    assert curve.after.stock < curve.before.stock
    spending, planned = (
        max(what_if_spending(shop.plan, Selection(), changes)["spent"].to_list())
        for changes in (dearer, Changes())
    )
    assert spending < planned
