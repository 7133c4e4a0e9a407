"""Plan after plan: small changes don't nag, and what did change adds up."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Location, Product, StockLevel, SupplyTerms
from replenishment import services
from replenishment.models import PlanRun, PolicyRule, Suggestion
from replenishment.selectors.plan_summary import plans_list
from tests.cast import make_location
from tests.replenishment.world import assert_adds_up, make_forecast, make_item, only, run_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def replanned(place: Location, product: Product, rate: float = 20, **spec: Any) -> Suggestion:
    row = only(run_plan(make_forecast({(product, place): rate}), **spec))
    assert_adds_up(row)
    return row


def moved(row: Suggestion) -> dict[str, float]:
    """What is not 0 of the terms between two plans."""
    return {name: getattr(row, name) for name in Suggestion.CHANGES if getattr(row, name)}


def test_the_first_plan_has_nothing_to_compare_with(place: Location) -> None:
    row = replanned(place, make_item(place))
    assert row.previous_quantity is None
    assert row.change_demand is None


def test_a_plan_that_changes_nothing_says_so(place: Location) -> None:
    product = make_item(place)
    first, second = replanned(place, product), replanned(place, product)
    assert second.previous_quantity == first.order_quantity == second.order_quantity
    assert moved(second) == {}
    assert PlanRun.objects.get(pk=second.plan_run_id).previous_id == first.plan_run_id


@pytest.mark.parametrize(
    ("change", "term", "sign"),
    [
        ({"rate": 40}, "change_demand", 1),
        ({"on_hand": 25}, "change_stock", -1),
        ({"lead_time_days": 28.0}, "change_lead_time", 1),
        ({"moq": 300}, "change_price", 1),
        ({"target": 0.999}, "change_rule", 1),
        ({"budget": 30.0}, "change_other", -1),
    ],
)
def test_each_change_has_its_term(place: Location, change: dict[str, Any], term: str, sign: int) -> None:
    product = make_item(place, order_multiple=1)
    replanned(place, product)
    rate, spec = change.pop("rate", 20), {}
    if "on_hand" in change:
        StockLevel.objects.update(**change)
    elif "budget" in change or "target" in change:
        spec = change
    else:
        SupplyTerms.objects.update(**change)
    found = moved(replanned(place, product, rate, **spec))
    assert list(found) == [term]
    assert found[term] * sign > 0


def test_a_small_change_is_kept_as_it_was(place: Location) -> None:
    product = make_item(place, order_multiple=1, moq=0)
    first = replanned(place, product)
    StockLevel.objects.update(on_hand=6)
    second = replanned(place, product)
    assert second.order_quantity == first.order_quantity
    assert second.adj_calm == 1
    assert "kept" in second.reason
    assert moved(second) == {"change_stock": -1, "change_other": 1}
    StockLevel.objects.update(on_hand=15)
    third = replanned(place, product)
    assert third.order_quantity == first.order_quantity - 10
    assert third.adj_calm == 0


def test_a_plan_without_settings_is_made_as_the_one_before(place: Location) -> None:
    product = make_item(place)
    run = make_forecast({(product, place): 20})
    assert services.plan_create(acting_user=None).spec["target"] == 0.95
    run_plan(run, target=0.9, budget=10.0)
    spec = services.plan_create(acting_user=None).spec
    assert (spec["target"], spec["budget"]) == (0.9, None)


def test_calm_can_be_turned_off(place: Location) -> None:
    product = make_item(place, order_multiple=1, moq=0)
    first = replanned(place, product)
    StockLevel.objects.update(on_hand=6)
    assert replanned(place, product, calm=0.0).order_quantity == first.order_quantity - 1


def test_calm_does_not_hide_a_rule(place: Location) -> None:
    product = make_item(place, order_multiple=1, moq=0)
    first = replanned(place, product)
    PolicyRule.objects.create(name="a bit more", product=product, target=0.955)
    assert replanned(place, product).order_quantity > first.order_quantity


def test_what_was_rejected_is_thought_through_anew(place: Location, buyer: User) -> None:
    product = make_item(place, order_multiple=1, moq=0)
    first = replanned(place, product)
    services.suggestion_reject(suggestion_id=first.pk, reason="no", acting_user=buyer)
    StockLevel.objects.update(on_hand=6)
    assert replanned(place, product).order_quantity == first.order_quantity - 1


def test_what_was_drafted_is_on_order_now(place: Location, buyer: User) -> None:
    product = make_item(place)
    first = replanned(place, product)
    services.drafts_create(suggestion_ids=[first.pk], acting_user=buyer)
    second = replanned(place, product)
    assert second.order_quantity == 0
    assert moved(second) == {"change_stock": -first.order_quantity}


def test_a_product_without_terms_any_more_still_adds_up(place: Location) -> None:
    product = make_item(place)
    first = replanned(place, product)
    Suggestion.objects.update(terms=None)
    SupplyTerms.objects.all().delete()
    second = only(run_plan(make_forecast({(product, place): 20})))
    assert second.previous_quantity == first.order_quantity
    assert second.change_other == -first.order_quantity


inputs = st.fixed_dictionaries(
    {
        "on_hand": st.integers(0, 120),
        "rate": st.sampled_from([0.0, 3.0, 20.0, 26.0]),
        "lead_time_days": st.sampled_from([3.0, 7.0, 20.0]),
        "moq": st.sampled_from([0, 12, 90]),
        "unit_cost": st.sampled_from(["0.5", "2.5", "40"]),
        "target": st.sampled_from([0.8, 0.95, 0.99]),
        "target_kind": st.sampled_from(["fill", "cycle", "overall", "economic"]),
        "budget": st.sampled_from([None, 25.0, 400.0]),
    }
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=inputs, after=inputs)
def test_any_two_plans_add_up(place: Location, before: dict[str, Any], after: dict[str, Any]) -> None:
    Product.objects.update(status="discontinued")
    product = make_item(place)
    for values in (before, after):
        spec = {name: values[name] for name in ("target", "target_kind", "budget")}
        StockLevel.objects.filter(product=product).update(on_hand=values["on_hand"])
        SupplyTerms.objects.filter(product=product).update(
            **{name: values[name] for name in ("lead_time_days", "moq", "unit_cost")}
        )
        plan = run_plan(make_forecast({(product, place): values["rate"]}), **spec)
        assert_adds_up(plan.suggestions.get(product=product))


def test_the_list_of_plans_tells_what_their_orders_are_worth(
    place: Location, client: Client, buyer: User, django_assert_num_queries: Any
) -> None:
    plan = run_plan(make_forecast({(make_item(place), place): 20}))
    client.force_login(buyer)
    shown = client.get(reverse("replenishment:plan-list")).context["page"].object_list[0]
    assert shown.worth == plan.report["home_value"] > 0
    with django_assert_num_queries(1):  # reports are long: a list leaves them where they are
        assert "report" in next(iter(plans_list())).get_deferred_fields()
