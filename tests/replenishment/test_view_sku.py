"""The SKU page and its charts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalog.models import ExchangeRate, SalesRecord, SupplyTerms
from replenishment import services
from replenishment.charts import bridge_of, waterfall
from replenishment.models import Suggestion
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import AS_OF, make_forecast, make_plan, make_stock, make_suggestion, run_plan
from tests.site.api_world import client_of


def make_planned(**values: Any) -> Suggestion:
    """A suggestion of a plan on a stored forecast, with a year of weekly sales."""
    product, location = make_product(**values), make_location()
    make_terms(product=product)
    make_stock(product, location, 30, is_assumed=True)
    SalesRecord.objects.bulk_create(
        SalesRecord(product=product, location=location, day=AS_OF - timedelta(days=7 * week), quantity=70)
        for week in range(52)
    )
    return run_plan(make_forecast({(product, location): 70.0})).suggestions.get()


def address(suggestion: Suggestion, name: str = "") -> str:
    place = [suggestion.product_id, suggestion.location_id]
    return (
        reverse("replenishment:sku-chart", args=[*place, name])
        if name
        else reverse("replenishment:sku", args=place)
    )


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


@pytest.mark.django_db
def test_it_shows_the_suggestion_and_where_it_comes_from(at_work: Client, buyer: User) -> None:
    suggestion = make_planned(name="Lamp", names={"zh-hans": "台灯"})
    [order] = services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    answer = at_work.get(address(suggestion))
    page = answer.content.decode()
    plan = suggestion.plan_run
    for text in ("Lamp", "assumed", f"plan {plan.pk}", f"forecast {plan.forecast_run_id}", order.number):
        assert text in page, text
    terms = [row for row in answer.context["bridge"] if not row.is_total]
    assert sum(row.amount for row in terms) == suggestion.order_quantity
    assert float(sum(row.shown for row in terms)) == suggestion.order_quantity
    chinese = at_work.get(address(suggestion), headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "台灯" in chinese


@pytest.mark.django_db
def test_it_prices_all_suppliers_side_by_side(at_work: Client) -> None:
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate="2")
    suggestion = make_planned(sku="LAMP")
    euro = make_terms(
        product=suggestion.product, unit_cost=3, currency="EUR", freight_cost="0.5", duty_rate=0.1, rank=2
    )
    make_terms(product=suggestion.product, unit_cost=3, currency="XAF", rank=3)
    make_terms(product=suggestion.product, location=make_location(), rank=4)
    answer = at_work.get(address(suggestion))
    first, second, third = answer.context["options"]
    assert (first.terms, first.is_chosen, first.landed) == (suggestion.terms, True, 2.5)
    assert second.terms == euro
    assert (second.price, second.freight, second.landed) == (6, 1, pytest.approx(7.6))
    assert second.duty == pytest.approx(0.6)
    assert second.total == pytest.approx(second.landed + second.holding)
    assert second.holding == pytest.approx(0.25 * 7.6 * second.safety_stock / 3650, rel=1e-3)
    assert (third.price, third.total) == (None, None)
    assert answer.content.decode().count('badge--accent">chosen') == 1


@pytest.mark.django_db
def test_its_api_gives_the_same_options(buyer: User) -> None:
    suggestion = make_planned()
    make_terms(product=suggestion.product, unit_cost=9, price_breaks=[[10, 1.5]])
    rows = client_of(buyer).get(f"/api/v1/suggestions/{suggestion.pk}/supply-options/").json()
    assert [(row["is_chosen"], row["price"]) for row in rows] == [(True, 1.5), (False, 2.5)]
    assert rows[1]["supplier"] == suggestion.supplier.code  # type: ignore[union-attr]
    assert rows[0]["total_cost"] == pytest.approx(rows[0]["landed_cost"] + rows[0]["holding_cost"])


@pytest.mark.django_db
def test_it_shows_a_suppliers_minimum_in_the_suppliers_currency(at_work: Client) -> None:
    supplier = make_supplier(currency="EUR", minimum_order_value=300)
    suggestion = make_suggestion(make_plan(), supplier=supplier, terms_values={"currency": "USD"})
    [option] = at_work.get(address(suggestion)).context["options"]
    assert (option.minimum, option.minimum_currency) == (300, "EUR")
    SupplyTerms.objects.update(minimum_order_value=70)
    [option] = at_work.get(address(suggestion)).context["options"]
    assert (option.minimum, option.minimum_currency) == (70, "USD")


@pytest.mark.django_db
def test_it_says_when_a_suppliers_next_order_goes_out_and_comes_in(at_work: Client) -> None:
    supplier = make_supplier(order_days="3", administrative_days=1)
    suggestion = make_suggestion(make_plan(), supplier=supplier, terms_values={"lead_time_days": 10})
    [option] = at_work.get(address(suggestion)).context["options"]
    assert option.order_on == AS_OF + timedelta(days=3)
    assert option.arrives_on == AS_OF + timedelta(days=3 + 1 + 10)
    assert (option.lead_time_days, option.receipts) == (10, 0)


@pytest.mark.django_db
def test_it_finds_nothing_under_a_number_that_no_key_can_have(at_work: Client) -> None:
    for name in ("sku", "sku-chart"):
        args = [10**30, 1, "forecast"][: 3 if name == "sku-chart" else 2]
        assert at_work.get(reverse(f"replenishment:{name}", args=args)).status_code == 404


@pytest.mark.django_db
def test_it_shows_a_sku_that_no_plan_holds(at_work: Client) -> None:
    product, location = make_product(), make_location()
    page = at_work.get(reverse("replenishment:sku", args=[product.pk, location.pk])).content.decode()
    assert "holds no suggestion" in page
    chart = reverse("replenishment:sku-chart", args=[product.pk, location.pk, "forecast"])
    assert list(at_work.get(chart).json()) == ["empty"]
    assert at_work.get(reverse("replenishment:sku", args=[product.pk + 99, location.pk])).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["forecast", "cover"])
def test_it_draws_its_charts_in_both_themes(at_work: Client, name: str) -> None:
    suggestion = make_planned()
    light = at_work.get(address(suggestion, name), {"theme": "light"})
    dark = at_work.get(address(suggestion, name), {"theme": "dark", "width": "99999999999"})
    assert light.json()["doc"]["roots"]
    assert "#1f6b43" in light.content.decode()
    assert "#63c48f" in dark.content.decode()
    assert "#1f6b43" not in dark.content.decode()
    assert at_work.get(address(suggestion, "nonsense")).status_code == 404


@pytest.mark.django_db
def test_it_loosens_styles_on_this_page_alone(at_work: Client) -> None:
    suggestion = make_planned()
    policy = at_work.get(address(suggestion))["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "unsafe-inline" not in at_work.get("/workbench/")["Content-Security-Policy"]


# Bulk reads are counted on PostgreSQL alone: SQLite's go around Django's cursor.
SKU_QUERIES, BULK_READS = 33, 4


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 12])
def test_it_asks_the_database_as_often_for_many_rows(
    at_work: Client, rows: int, django_assert_num_queries: Any
) -> None:
    plan, product = make_plan(), make_product()
    suggestion = make_suggestion(plan, product=product)
    for _ in range(rows):
        make_suggestion(plan, product=product)
    at_work.get(address(suggestion))
    more = BULK_READS if connection.vendor == "postgresql" else 0
    with django_assert_num_queries(SKU_QUERIES + more):
        at_work.get(address(suggestion))


def test_it_stands_each_bar_on_the_one_before() -> None:
    suggestion = Suggestion(
        expected_demand=20.0,
        safety_stock=5.0,
        on_hand=10.0,
        on_order=0.0,
        allocated=0.0,
        net_need=15.0,
        adj_cycle=4.5,
        adj_multiple=4.5,
        order_quantity=24.0,
    )
    rows = bridge_of(suggestion)
    picture = waterfall(rows)
    assert picture is not None
    bars = {bar.row.key: bar for bar in picture.bars}
    assert bars["safety_stock"].y < bars["expected_demand"].y
    assert bars["on_hand"].y == pytest.approx(bars["safety_stock"].y)
    assert bars["net_need"].y + bars["net_need"].height == pytest.approx(picture.zero)
    assert bars["net_need"].y == pytest.approx(bars["on_hand"].end)
    assert {bar.kind for bar in picture.bars} == {"up", "down", "total"}
    assert waterfall(bridge_of(Suggestion())) is None
