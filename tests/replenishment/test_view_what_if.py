"""The what-if page: who may ask, what it shows, what it refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.cast import make_location, make_product, make_terms
from tests.replenishment.test_what_if import Shop
from tests.replenishment.world import make_forecast, make_stock, run_plan
from tests.site.api_world import client_of

pytestmark = pytest.mark.django_db
Counted = Any


@pytest.fixture
def shop() -> Shop:
    return Shop()


def asked(client: Client, htmx: bool = False, **values: Any) -> str:
    headers = {"HX-Request": "true"} if htmx else {}
    address = f"{reverse('replenishment:what-if')}?{urlencode(values)}"
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def drawn(client: Client, name: str, **values: Any) -> dict[str, Any]:
    answer = client.get(reverse("replenishment:what-if-chart", args=[name]), values)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_it_shows_the_plan_and_what_would_change(client: Client, viewer: User, shop: Shop) -> None:
    client.force_login(viewer)
    page = asked(client)
    assert "12 product-locations" in page
    assert shop.products[0].sku in page
    changed = asked(client, target="0.99", lead_time_mean="+10%")
    assert "Average stock value" in changed
    assert 'class="num good"' in changed
    assert "−" in changed


def test_it_answers_htmx_with_the_lower_part_alone(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    part = asked(client, htmx=True, target="0.99")
    assert part.lstrip().startswith('<div id="what-if"')


def test_it_takes_the_selection_from_the_address(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    page = asked(client, product=shop.products[0].pk, location=shop.places[1].pk)
    assert "1 product-location<" in page
    assert "Ask of the whole plan" in page
    for values in (
        {"category": shop.category.pk},
        {"supplier": shop.near.pk},
        {"q": shop.products[0].sku},
        {"abc": "C"},
    ):
        assert "In total" in asked(client, **values)
    assert "nothing of this selection" in asked(client, xyz="Z")


def test_it_is_linked_with_the_selection_filled_in(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    place = [shop.products[0].pk, shop.places[0].pk]
    sku = client.get(reverse("replenishment:sku", args=place)).content.decode()
    assert f"?product={place[0]}&amp;location={place[1]}" in sku
    bench = client.get(f"{reverse('replenishment:workbench')}?abc=A&supplier={shop.near.pk}&sort=item")
    link = f"{reverse('replenishment:what-if')}?supplier={shop.near.pk}&amp;abc=A"
    assert link in bench.content.decode()
    # It follows the filters when htmx swaps the rest.
    part = client.get(f"{reverse('replenishment:workbench')}?q=lamp", headers={"HX-Request": "true"})
    assert f"{reverse('replenishment:what-if')}?q=lamp" in part.content.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lead_time_mean": "-20"}, "makes no sense for 12 product-locations"),
        ({"lead_time_mean": "soon"}, "Write 14 to set it"),
        ({"lead_time_mean": "10%"}, "Write 14 to set it"),
        ({"target": "1.5"}, "less than or equal to"),
        ({"target": "0"}, "greater than or equal to"),
        ({"budget": "-1"}, "greater than or equal to"),
        ({"unit_cost": "0"}, "makes no sense"),
        ({"target_kind": "wish"}, "not one of the available choices"),
        ({"location": "999999"}, "not one of the available choices"),
        ({"location": "x' OR 1=1"}, "not one of the available choices"),
    ],
)
def test_it_says_what_is_wrong_beside_the_field(
    client: Client, buyer: User, shop: Shop, values: dict[str, Any], words: str
) -> None:
    client.force_login(buyer)
    page = asked(client, **values)
    assert "field--wrong" in page
    assert words in page
    assert "In total" not in page
    assert "empty" in drawn(client, "service", **values)


def test_it_says_when_the_other_supplier_has_no_terms(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    assert "10 product-locations stay as planned" in asked(client, other_supplier=shop.far.pk)
    assert "no terms for anything" in asked(client, other_supplier=shop.far.pk, q=shop.products[3].sku)


def test_an_emptied_budget_is_no_limit_and_one_that_is_not_asked_the_plans(
    client: Client, buyer: User
) -> None:
    Shop(budget=100.0)
    client.force_login(buyer)

    def orders(**values: Any) -> tuple[float, float]:
        page = client.get(reverse("replenishment:what-if"), values)
        answer = page.context["answer"]
        return answer.before.order_value, answer.after.order_value

    before, after = orders()
    assert before == after <= 100
    before, after = orders(budget="")
    assert before <= 100 < after


def test_it_takes_numbers_with_a_comma_and_typographic_minus(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    assert "In total" in asked(client, review_days="3,5", lead_time_mean="\N{MINUS SIGN}2")


def test_it_draws_both_curves(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    for name in ("service", "spending"):
        for theme in ("light", "dark"):
            assert drawn(client, name, theme=theme, width="600", budget="100")["root_id"]
    assert client.get(reverse("replenishment:what-if-chart", args=["else"])).status_code == 404
    shop.plan.suggestions.update(state="open")
    assert "empty" in drawn(
        client, "spending", budget="5", moq="0", lead_time_mean="0", review_days="0", q="none"
    )


def test_it_pages_and_sorts_the_items(client: Client, buyer: User, shop: Shop, monkeypatch: Any) -> None:
    monkeypatch.setattr("replenishment.views.what_if.PAGE_SIZE", 5)
    client.force_login(buyer)
    first, last = (asked(client, target="0.99", sort="stock_value", page=number) for number in ("1", "99"))
    assert "1–5 of 12" in first
    assert "11–12 of 12" in last


def test_it_asks_the_database_no_more_for_more_items(
    client: Client, buyer: User, shop: Shop, django_assert_max_num_queries: Counted
) -> None:
    client.force_login(buyer)
    asked(client)
    with django_assert_max_num_queries(24):
        asked(client, target="0.99")


def test_it_speaks_chinese(client: Client, buyer: User, shop: Shop) -> None:
    client.force_login(buyer)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
    page = asked(client, target="0.99")
    assert "In total" not in page
    assert "合计" in page


def test_it_shows_what_nobody_asks_for(client: Client, buyer: User) -> None:
    product, place = make_product(), make_location()
    make_terms(product=product)
    make_stock(product, place, 5)
    run_plan(make_forecast({(product, place): 0.0}))
    client.force_login(buyer)
    assert "In total" in asked(client, target="0.99")
    assert drawn(client, "service") == {"empty": "No demand is expected."}
    assert drawn(client, "spending") == {"empty": "Nothing is to be ordered today."}
    answer = client_of(buyer).post(reverse("api:what-if-list"), {"curves": True}, format="json").json()
    assert answer["before"]["fill_rate"] is None
    assert answer["service"][0]["fill_rate"] is None


def test_it_asks_for_a_plan_first(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert "No plan yet" in asked(client)
    assert "empty" in drawn(client, "service")


def test_it_refuses_those_who_may_not_see_suggestions(
    client: Client, shop: Shop, partner_of_supplier: User
) -> None:
    client.force_login(partner_of_supplier)
    assert client.get(reverse("replenishment:what-if")).status_code == 403
    assert client.get(reverse("replenishment:what-if-chart", args=["service"])).status_code == 403
