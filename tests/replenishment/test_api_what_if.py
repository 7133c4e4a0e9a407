"""What-if in the API: the answer, what it refuses, who may ask."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.replenishment.test_what_if import Shop
from tests.site.api_world import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ask(user: User, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = client_of(user).post(reverse("api:what-if-list"), body, format="json")
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_it_answers_before_and_after_with_the_rows_that_change_most(viewer: User, shop: Shop) -> None:
    found = ask(viewer, {"target": 0.99, "lead_time_days": "+10%", "limit": 3, "curves": True})
    assert (found["plan_run"], found["selected"], found["taken"], found["count"]) == (
        shop.plan.pk,
        12,
        12,
        12,
    )
    assert found["after"]["fill_rate"] > found["before"]["fill_rate"]
    assert len(found["rows"]) == 3
    apart = [abs(row["after"]["total_cost"] - row["before"]["total_cost"]) for row in found["rows"]]
    assert apart == sorted(apart, reverse=True)
    assert found["service"][0]["target"] < found["service"][-1]["target"]
    assert found["spending"][0] == {"spent": 0.0, "saved": 0.0}
    assert "service" not in ask(viewer, {})


def test_a_budget_that_is_left_out_stays_as_planned(viewer: User) -> None:
    Shop(budget=100.0)
    same = ask(viewer, {})
    assert same["before"] == same["after"]
    assert 50 < same["after"]["order_value"] <= 100
    free = ask(viewer, {"budget": None})
    assert free["before"] == same["before"]
    assert free["after"]["order_value"] > 150
    # The plan's money is for all of it: a part has no limit on either side.
    part = ask(viewer, {"selection": {"search": "P"}, "target": 0.95})
    assert part["after"]["order_value"] > 100


def test_it_takes_a_selection_by_natural_keys(viewer: User, shop: Shop) -> None:
    sku, place = shop.products[0].sku, shop.places[0].code
    found = ask(viewer, {"selection": {"sku": sku, "location": place}, "buy_from": shop.far.code})
    assert [(row["sku"], row["location"]) for row in found["rows"]] == [(sku, place)]
    row = found["rows"][0]
    assert row["after"]["order_value"] / row["after"]["order_quantity"] == pytest.approx(1.5)
    assert ask(viewer, {"selection": {"category": shop.category.code}})["selected"] == 4
    assert ask(viewer, {"selection": {"supplier": shop.near.code}})["selected"] == 12


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"target": 1.5}, "#/target"),
        ({"target": 0}, "#/target"),
        ({"lead_time_days": -3}, "#/lead_time_days"),
        ({"lead_time_days": "-300"}, "#/lead_time_days"),
        ({"lead_time_days": True}, "#/lead_time_days"),
        ({"lead_time_days": [1]}, "#/lead_time_days"),
        ({"lead_time_days": 1e300}, "#/lead_time_days"),
        ({"unit_cost": 0}, "#/unit_cost"),
        ({"budget": -1}, "#/budget"),
        ({"target_kind": "wish"}, "#/target_kind"),
        ({"buy_from": "nobody"}, "#/buy_from"),
        ({"selection": {"location": "nowhere"}}, "#/location"),
        ({"selection": {"abc": "D"}}, "#/selection/abc"),
        ({"selection": {"xyz": "X"}}, "#/selection"),
        ({"limit": 100000}, "#/limit"),
    ],
)
def test_it_names_the_field_that_is_wrong(
    viewer: User, shop: Shop, body: dict[str, Any], pointer: str
) -> None:
    assert ask(viewer, body, 400)["errors"][0]["pointer"] == pointer


def test_it_needs_a_plan(viewer: User) -> None:
    ask(viewer, {}, 400)


def test_it_answers_nothing_to_partners(partner_of_supplier: User, shop: Shop) -> None:
    ask(partner_of_supplier, {}, 403)
