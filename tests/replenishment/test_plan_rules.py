"""Policy rules and budgets: which one wins, what it does, and who may change it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.utils import DatabaseError

from catalog.models import Category, Location, Product, Supplier
from forecasting.models import SeriesAccuracy
from replenishment import services
from replenishment.models import Budget, PlanRun, PolicyRule, SettingEvent, Suggestion
from replenishment.selectors.budgets import budgets_in_force
from replenishment.services.errors import SettingError
from replenishment.services.plan_rules import rules_won
from tests.cast import make_category, make_location, make_product, make_supplier
from tests.replenishment.world import (
    AS_OF,
    assert_adds_up,
    later,
    make_forecast,
    make_item,
    make_order,
    only,
    run_plan,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def make_rule(name: str = "a rule", **values: Any) -> PolicyRule:
    return PolicyRule.objects.create(name=name, **values)


def planned(place: Location, product: Product, **spec: Any) -> Suggestion:
    row = only(run_plan(make_forecast({(product, place): 20}), **spec))
    assert_adds_up(row)
    return row


def winner(**row: Any) -> PolicyRule | None:
    """Whichever rule wins a row of these values."""
    kinds = {"abc": pl.String, "xyz": pl.String}
    names = ("product_id", "category_id", "supplier_id", "location_id", "abc", "xyz")
    frame = pl.DataFrame(
        {name: pl.Series([row.get(name)], dtype=kinds.get(name, pl.Int64)) for name in names}
    )
    found = rules_won(frame, list(PolicyRule.objects.order_by("pk")))
    return PolicyRule.objects.filter(pk=found[0]).first() if found[0] is not None else None


def test_the_most_specific_rule_wins(place: Location) -> None:
    product, supplier, category = make_product(), make_supplier(), make_category()
    row = {
        "product_id": product.pk,
        "category_id": category.pk,
        "supplier_id": supplier.pk,
        "location_id": place.pk,
        "abc": "A",
        "xyz": "X",
    }
    assert winner(**row) is None
    scopes: list[dict[str, Any]] = [
        {},
        {"xyz": "X"},
        {"abc": "A"},
        {"abc": "A", "xyz": "X"},
        {"location": place},
        {"supplier": supplier},
        {"supplier": supplier, "location": place},
        {"category": category},
        {"product": product},
        {"product": product, "location": place},
    ]
    for number, scope in enumerate(scopes):
        rule = make_rule(f"rule {number}", **scope)
        assert winner(**row) == rule, scope
    make_rule("of another", product=make_product(), location=place, abc="A")
    assert winner(**row) == rule


def test_the_nearest_category_above_wins() -> None:
    top = make_category()
    middle = make_category(parent=top)
    low = make_category(parent=middle)
    of_top, of_middle = make_rule("top", category=top), make_rule("middle", category=middle)
    assert winner(category_id=low.pk) == of_middle
    assert winner(category_id=top.pk) == of_top
    assert winner(category_id=make_category().pk) is None


def test_a_ring_of_categories_does_not_hang() -> None:
    one, two = make_category(), make_category()
    Category.objects.filter(pk=one.pk).update(parent=two)
    Category.objects.filter(pk=two.pk).update(parent=one)
    assert winner(category_id=one.pk) is None
    rule = make_rule(category=two)
    assert winner(category_id=one.pk) == rule


def test_a_rule_sets_target_and_is_kept_with_the_number(place: Location) -> None:
    product = make_item(place)
    plain = planned(place, product)
    assert (plain.rule, plain.target_kind, plain.target) == (None, "fill", 0.95)
    rule = make_rule(product=product, target_kind="cycle", target=0.995, review_days=14)
    ruled = planned(place, product)
    assert (ruled.rule, ruled.target_kind, ruled.target) == (rule, "cycle", 0.995)
    assert ruled.review_days == 14
    assert ruled.reorder_point is not None
    assert plain.reorder_point is not None
    assert ruled.reorder_point > plain.reorder_point + 20
    assert ruled.change_rule is not None
    assert ruled.change_lead_time is not None
    assert ruled.change_rule > 0
    assert ruled.change_lead_time > 0


def test_a_rule_that_is_not_active_says_nothing(place: Location) -> None:
    product = make_item(place)
    make_rule(product=product, policy="not-bought", is_active=False)
    assert planned(place, product).order_quantity > 0
    PolicyRule.objects.update(is_active=True)
    row = planned(place, product)
    assert row.order_quantity == 0
    assert "not_bought_again" in row.reason


def test_typed_levels_are_those_of_the_rule(place: Location) -> None:
    product = make_item(place, on_hand=5, moq=0, order_multiple=1)
    make_rule(product=product, policy="min-max", reorder_point=6, order_up_to=25)
    row = planned(place, product)
    assert (row.reorder_point, row.order_up_to, row.order_quantity, row.policy) == (6, 25, 20, "min/max")


def test_a_rule_by_predictability_takes_the_runs_class(place: Location) -> None:
    product = make_item(place)
    run = make_forecast({(product, place): 20})
    SeriesAccuracy.objects.create(run=run, product=product, location=place, model="linear", xyz="Z", sums=b"")
    rule = make_rule(xyz="Z", target=0.8)
    row = only(run_plan(run))
    assert (row.xyz, row.rule, row.target) == ("Z", rule, 0.8)


def test_once_is_ordered_for_the_rest_of_the_season(place: Location) -> None:
    product = make_item(place, on_hand=0, moq=0, order_multiple=1)
    make_rule(product=product, policy="once", season_ends_on=later(28), target_kind="cycle", target=0.5)
    row = planned(place, product)
    assert row.expected_demand == pytest.approx(80)
    assert row.order_quantity == pytest.approx(80, abs=3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"target": 1.5}, "below 1"),
        ({"holding_rate": -0.1}, "holding rate"),
        ({"policy": "min-max", "reorder_point": 3.0}, "need both"),
        ({"policy": "min-max", "reorder_point": 3.0, "order_up_to": 2.0}, "below the reorder point"),
        ({"policy": "once"}, "end of its season"),
        ({"max_stock": float("nan")}, "maximum stock"),
        ({"name": " "}, "needs a name"),
        ({"salvage_share": 1.0}, "below their cost"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(buyer: User, values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        services.rule_save(rule=PolicyRule(**{"name": "new", **values}), acting_user=buyer)
    assert not PolicyRule.objects.exists()
    assert not SettingEvent.objects.exists()


def test_two_rules_for_the_same_are_refused(buyer: User, place: Location) -> None:
    services.rule_save(rule=PolicyRule(name="one", location=place, abc="A"), acting_user=buyer)
    with pytest.raises(SettingError, match="one"):
        services.rule_save(rule=PolicyRule(name="two", location=place, abc="A"), acting_user=buyer)
    services.rule_save(rule=PolicyRule(name="two", location=place, abc="B"), acting_user=buyer)


def test_each_change_of_a_rule_is_kept(buyer: User) -> None:
    rule = services.rule_save(rule=PolicyRule(name="one", target=0.9), acting_user=buyer)
    rule.target = 0.97
    services.rule_save(rule=rule, acting_user=buyer)
    services.rule_delete(rule=rule, acting_user=buyer)
    last, middle, first = SettingEvent.objects.all()
    assert [event.action for event in (first, middle, last)] == ["add", "change", "delete"]
    assert (middle.before["target"], middle.after["target"], middle.actor) == (0.9, 0.97, buyer)
    assert last.after == {}


@pytest.mark.django_db(transaction=True)
def test_what_was_changed_stays_in_the_history(buyer: User) -> None:
    services.rule_save(rule=PolicyRule(name="one"), acting_user=buyer)
    with pytest.raises(DatabaseError), transaction.atomic():
        SettingEvent.objects.update(name="another")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            SettingEvent.objects.all().delete()


def test_only_who_may_changes_rules_and_budgets(viewer: User, buyer: User, approver: User) -> None:
    rule = services.rule_save(rule=PolicyRule(name="one"), acting_user=buyer)
    for user in (viewer, approver):
        with pytest.raises(PermissionDenied):
            services.rule_save(rule=PolicyRule(name="two"), acting_user=user)
        with pytest.raises(PermissionDenied):
            services.rule_delete(rule=rule, acting_user=user)
    with pytest.raises(PermissionDenied):
        services.budget_save(budget=make_budget(save=False), acting_user=buyer)


def make_budget(*, save: bool = True, **values: Any) -> Budget:
    budget = Budget(
        **{
            "name": f"budget {Budget.objects.count()}",
            "first_day": AS_OF - timedelta(days=3),
            "last_day": AS_OF + timedelta(days=20),
            "amount": Decimal(100),
        }
        | values
    )
    if save:
        budget.save()
    return budget


def two_plans(place: Location, first: Product, second: Product) -> PlanRun:
    return run_plan(make_forecast({(first, place): 20, (second, place): 20}))


def test_a_budget_cuts_what_matches_it_and_nothing_else(place: Location) -> None:
    supplier = make_supplier()
    cut, free = make_item(place, supplier=supplier, unit_cost=2), make_item(place, unit_cost=2)
    make_budget(supplier=supplier, amount=Decimal(40))
    make_budget(name="over", last_day=AS_OF - timedelta(days=1), amount=Decimal(0))
    make_budget(name="off", is_active=False, amount=Decimal(0))
    plan = two_plans(place, cut, free)
    limited, other = plan.suggestions.get(product=cut), plan.suggestions.get(product=free)
    assert 0 < limited.order_quantity * 2 <= 40
    assert limited.adj_budget is not None
    assert limited.adj_budget < 0
    assert "budget" in limited.reason
    assert other.order_quantity * 2 > 60
    assert_adds_up(limited)


def test_a_budget_of_others_asks_no_rate(place: Location) -> None:
    product = make_item(place, currency="GBP")
    make_budget(supplier=make_supplier())
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.order_quantity > 0
    make_budget(name="of all")
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.reason == "exception: no exchange rate for GBP"


def test_a_budget_reckons_with_the_price_that_is_paid(place: Location) -> None:
    breaks = [[100, "8"]]
    product = make_item(place, unit_cost=10, price_breaks=breaks, moq=100, order_multiple=1, on_hand=0)
    make_budget(amount=Decimal(900))
    row = planned(place, product)
    assert row.order_quantity == 100
    assert row.home_value == 800
    Budget.objects.update(amount=Decimal(799))
    assert planned(place, product).order_quantity == 0


def test_a_cut_that_loses_a_price_break_stays_within_the_budget(place: Location) -> None:
    product = make_item(place, unit_cost=10, price_breaks=[[100, "8"]], moq=10, order_multiple=10, on_hand=0)
    make_budget(amount=Decimal(700))
    row = planned(place, product, order_cost=500.0)
    assert row.home_value is not None
    assert 0 < row.home_value <= 700


def test_a_budget_of_a_category_holds_for_all_below_it(place: Location) -> None:
    top = make_category()
    inside, outside = make_item(place), make_item(place)
    Product.objects.filter(pk=inside.pk).update(category=make_category(parent=top))
    make_budget(category=top, amount=Decimal(0))
    plan = two_plans(place, inside, outside)
    assert plan.suggestions.get(product=inside).order_quantity == 0
    assert plan.suggestions.get(product=outside).order_quantity > 0


def test_orders_count_against_a_budget_until_they_are_cancelled(buyer: User) -> None:
    order = make_order(buyer)  # two lines of 24 at 2.50
    budget = make_budget(amount=Decimal(200))
    other = make_budget(supplier=make_supplier())
    states = {state.budget: state for state in budgets_in_force(AS_OF)}
    assert (states[budget].committed, states[budget].left, states[budget].share) == (120, 80, 0.6)
    assert states[other].committed == 0
    assert [state.budget for state in budgets_in_force(AS_OF)] == [other, budget]
    services.order_cancel(order_id=order.pk, acting_user=buyer)
    assert budgets_in_force(AS_OF)[1].committed == 0
    assert budgets_in_force(date(2020, 1, 1)) == []


def test_a_budget_that_makes_no_sense_is_refused(admin_user: User) -> None:
    for values, words in (
        ({"last_day": AS_OF - timedelta(days=9)}, "before the first"),
        ({"amount": Decimal(-1)}, "0 or more"),
        ({"name": ""}, "name"),
    ):
        with pytest.raises(SettingError, match=words):
            services.budget_save(budget=make_budget(save=False, **values), acting_user=admin_user)
    assert Supplier.objects.count() == 0


def test_a_removed_rule_leaves_the_numbers(place: Location, buyer: User) -> None:
    product = make_item(place)
    rule = make_rule(product=product, target=0.99)
    row = planned(place, product)
    services.rule_delete(rule=rule, acting_user=buyer)
    row.refresh_from_db()
    assert (row.rule, row.target) == (None, 0.99)
