"""The SKU page and its charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalog.models import ExchangeRate, PromotionRecord, SalesRecord, SupplyTerms
from replenishment import services
from replenishment.charts import bridge_of, waterfall
from replenishment.models import Comment, PurchaseOrderEvent, Receipt, Suggestion
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.ahead_world import make_open_order
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
    return reverse(f"replenishment:{f'sku-{name}' if name else 'sku'}", args=place)


def options_of(client: Client, suggestion: Suggestion) -> list[Any]:
    found = client.get(address(suggestion, "suppliers")).context["options"]
    return [option for option, _histogram in found]


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
    answer = at_work.get(address(suggestion, "suppliers"))
    first, second, third = options_of(at_work, suggestion)
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
    [option] = options_of(at_work, suggestion)
    assert (option.minimum, option.minimum_currency) == (300, "EUR")
    SupplyTerms.objects.update(minimum_order_value=70)
    [option] = options_of(at_work, suggestion)
    assert (option.minimum, option.minimum_currency) == (70, "USD")


@pytest.mark.django_db
def test_it_says_when_a_suppliers_next_order_goes_out_and_comes_in(at_work: Client) -> None:
    supplier = make_supplier(order_days="3", administrative_days=1)
    suggestion = make_suggestion(make_plan(), supplier=supplier, terms_values={"lead_time_days": 10})
    [option] = options_of(at_work, suggestion)
    assert option.order_on == AS_OF + timedelta(days=3)
    assert option.arrives_on == AS_OF + timedelta(days=3 + 1 + 10)
    assert (option.lead_time_days, option.receipts) == (10, 0)


@pytest.mark.django_db
def test_it_finds_nothing_under_a_number_that_no_key_can_have(at_work: Client) -> None:
    for name in ("sku", "sku-chart", "sku-numbers", "sku-suppliers", "sku-changes"):
        assert at_work.get(reverse(f"replenishment:{name}", args=[10**30, 1])).status_code == 404
    assert at_work.post(reverse("replenishment:comment-delete", args=[10**30])).status_code == 404


@pytest.mark.django_db
def test_it_shows_a_sku_that_no_plan_holds(at_work: Client) -> None:
    product, location = make_product(), make_location()
    page = at_work.get(reverse("replenishment:sku", args=[product.pk, location.pk])).content.decode()
    assert "holds no suggestion" in page
    chart = reverse("replenishment:sku-chart", args=[product.pk, location.pk])
    assert list(at_work.get(chart).json()) == ["empty"]
    assert at_work.get(reverse("replenishment:sku", args=[product.pk + 99, location.pk])).status_code == 404


@pytest.mark.django_db
def test_it_draws_its_chart_in_both_themes(at_work: Client) -> None:
    suggestion = make_planned()
    light = at_work.get(address(suggestion, "chart"), {"theme": "light"})
    dark = at_work.get(address(suggestion, "chart"), {"theme": "dark", "width": "99999999999"})
    assert light.json()["doc"]["roots"]
    assert "#1f6b43" in light.content.decode()
    assert "#63c48f" in dark.content.decode()
    assert "#1f6b43" not in dark.content.decode()


@pytest.mark.django_db
def test_it_loosens_styles_on_this_page_alone(at_work: Client) -> None:
    suggestion = make_planned()
    policy = at_work.get(address(suggestion))["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "unsafe-inline" not in at_work.get("/workbench/")["Content-Security-Policy"]


# On PostgreSQL a bulk read asks for its columns' types first.
QUERIES = {"": 18, "chart": 31, "numbers": 32, "suppliers": 26, "what-if": 12, "projected": 14, "changes": 16}
BULK_READS = {"chart": 8, "numbers": 8, "suppliers": 4}
# Tables that are as long as the shop is large.
GROWING = (
    "product|salesrecord|stocklevel|pricerecord|promotionrecord|supplyterms|suggestion|forecastdistribution|"
    "purchaseorder|purchaseorderline|purchaseorderevent|receipt|planaction|comment|editscore|behaviourreading|"
    "trendreading|productimage|lookalike|settingevent"
)


@pytest.mark.django_db
@pytest.mark.parametrize("name", list(QUERIES))
def test_it_reads_nothing_of_other_products(
    at_work: Client, buyer: User, name: str, django_assert_num_queries: Any
) -> None:
    """As many queries as ever, and no table that grows with the shop is read from end to end."""
    suggestion = make_planned()
    make_busy(suggestion, buyer)
    at_work.get(address(suggestion, name))
    more = BULK_READS.get(name, 0) if connection.vendor == "postgresql" else 0
    with scans_found() as scans, django_assert_num_queries(QUERIES[name] + more):
        answer = at_work.get(address(suggestion, name))
    assert answer.status_code == 200
    assert not scans


@contextmanager
def scans_found() -> Iterator[list[str]]:
    """Steps of queries that read all of a growing table, as SQLite plans them."""
    found: list[str] = []

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.vendor == "sqlite" and sql.lstrip().startswith("SELECT"):
            with closing(connection.create_cursor()) as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                steps = [str(row[3]) for row in cursor.fetchall()]
            names = re.compile(rf"SCAN (\w+_({GROWING})|[A-Z]\d+)\b")
            # Of the board's index the first entry alone is read: it names the latest run.
            found.extend(
                f"{step}: {sql}" for step in steps if names.match(step) and "trend_board" not in step
            )
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield found


def make_busy(suggestion: Suggestion, by: User) -> None:
    """Other products of other suppliers in the plan, with stock, sales, orders, receipts, promotions."""
    for number in range(12):
        product, supplier = make_product(), make_supplier()
        make_suggestion(suggestion.plan_run, product=product, location=suggestion.location, supplier=supplier)
        make_stock(product, suggestion.location, number)
        days = [AS_OF - timedelta(days=day) for day in range(20)]
        key = {"product": product, "location": suggestion.location}
        SalesRecord.objects.bulk_create(SalesRecord(**key, day=day, quantity=1) for day in days)
        PromotionRecord.objects.bulk_create(PromotionRecord(**key, day=day, kind="coupon") for day in days)
        order = make_open_order(
            suggestion.location, {product: 9}, expected_on=AS_OF, supplier=supplier, by=by
        )
        PurchaseOrderEvent.objects.create(order=order, action="send", to_state="sent", actor=by)
        Receipt.objects.create(
            line=order.lines.get(), key="1", quantity=4, received_on=AS_OF - timedelta(days=3), received_by=by
        )
        Comment.objects.create(**key, author=by, text="of another")


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
