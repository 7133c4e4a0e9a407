"""What the SKU page's chart and table tell, the histogram of lead times, and where parameters come from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import (
    CalendarEvent,
    ImportBatch,
    Location,
    Product,
    PromotionRecord,
    SalesRecord,
    StockLevel,
)
from forecasting.models import ForecastDistribution, ForecastRun
from replenishment import selectors, services
from replenishment.charts.lead_times import histogram
from replenishment.models import PlanRun, PolicyRule, Receipt, Suggestion
from replenishment.selectors import SkuStory, SupplyOption
from replenishment.sku_parameters import parameters_of
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.ahead_world import make_item, make_open_order, plan_of
from tests.replenishment.test_plan_supply import deliver
from tests.replenishment.world import AS_OF, later, make_forecast_run, make_plan, make_stock, make_suggestion

pytestmark = pytest.mark.django_db


def story_of(product: Product, location: Location) -> SkuStory:
    suggestion = (
        Suggestion.objects.select_related("plan_run__forecast_run").order_by("-pk").filter(product=product)
    ).first()
    run = suggestion.plan_run.forecast_run if suggestion else None
    return selectors.sku_story(product_id=product.pk, location=location, run=run, suggestion=suggestion)


def sell(product: Product, location: Location, *quantities: float) -> None:
    """So many units on the last days of weeks, the last one the as-of day's."""
    SalesRecord.objects.bulk_create(
        SalesRecord(product=product, location=location, day=AS_OF - timedelta(days=7 * back), quantity=units)
        for back, units in enumerate(reversed(quantities))
    )


def test_each_period_has_all_that_is_known_of_it(buyer: User) -> None:
    place = make_location(country="DE")
    product = make_item(place, on_hand=12)
    sell(product, place, 5, 6, 7)
    make_stock(product, place, 30, day=AS_OF - timedelta(days=8))
    key = {"product": product, "location": place}
    for day in (-2, -1, 0, 9, 10):
        PromotionRecord.objects.create(**key, day=later(day), kind="coupon", discount="0.2")
    for country, day in (("DE", 9), ("", 10), ("FR", 10)):
        CalendarEvent.objects.create(country=country, day=later(day), name=f"fair {country}")
    order = make_open_order(place, {product: 9}, expected_on=later(10), by=buyer)
    Receipt.objects.create(
        line=order.lines.get(), key="1", quantity=4, received_on=later(-1), received_by=buyer
    )
    order.lines.update(received=4)
    plan_of({product: 14}, place)
    story = story_of(product, place)
    assert [(span.first, span.last) for span in story.promotions] == [
        (later(-2), later(0)),
        (later(9), later(10)),
    ]
    periods = story.periods()
    before, last, first, second = periods[1:5]
    assert [period.sold for period in periods[:3]] == [5, 6, 7]
    assert (last.first, last.last, last.stock, last.came) == (later(-6), AS_OF, 12, 4)
    assert last.promotions == ("coupon",)
    assert (before.stock, before.promotions, before.events) == (30, (), ())
    # No level of that week is known, and a later one says nothing of it.
    assert periods[0].stock is None
    assert (first.first, first.last, first.is_ahead, first.promotions) == (later(1), later(7), True, ())
    assert first.mean == pytest.approx(14)
    assert first.quantiles is not None
    assert first.quantiles[0.1] < 14 < first.quantiles[0.9]
    assert second.events == ("fair DE", "fair ")
    assert second.coming >= 5
    assert first.stock_low is not None
    assert first.stock_high is not None
    assert first.stock is not None
    assert first.stock_low <= first.stock <= first.stock_high
    assert len(periods) == 3 + 13
    assert story.last_day == later(91)


def test_stock_of_the_markets_that_it_serves_counts_here() -> None:
    place = make_location()
    market = make_location(receiving_location=place)
    product = make_item(place, on_hand=12)
    make_stock(product, market, 3)
    make_stock(make_product(), place, 99)
    plan_of({product: 14}, place)
    assert story_of(product, place).stock == [(AS_OF, 15.0)]


def test_there_is_a_story_without_a_plan(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    product, place = make_product(), make_location()
    sell(product, place, 5, 6)
    make_forecast_run()
    chart = client.get(reverse("replenishment:sku-chart", args=[product.pk, place.pk]))
    assert chart.json()["doc"]["roots"]
    story = selectors.sku_story(
        product_id=product.pk, location=place, run=ForecastRun.objects.get(), suggestion=None
    )
    assert [period.sold for period in story.periods()] == [5, 6]
    page = client.get(reverse("replenishment:sku-numbers", args=[product.pk, place.pk])).content.decode()
    assert page.count("<tr>") == 3


def test_a_run_that_repeats_another_has_its_story() -> None:
    place = make_location()
    product = make_item(place)
    plan = plan_of({product: 14}, place)
    again = make_forecast_run(same_as=plan.forecast_run)
    PlanRun.objects.update(forecast_run=again)
    assert story_of(product, place).demand is not None


def test_the_table_is_of_the_last_periods_and_those_ahead(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    place = make_location()
    product = make_item(place)
    sell(product, place, *range(80))
    plan_of({product: 14}, place)
    answer = client.get(reverse("replenishment:sku-numbers", args=[product.pk, place.pk]))
    assert len(answer.context["periods"]) == 60 + 13
    assert answer.content.decode().count('class="is-ahead"') == 13


# Suppliers


def test_the_page_learns_lead_times_as_the_plan_did(buyer: User) -> None:
    place, slow, other = make_location(), make_supplier(), make_supplier()
    product, elsewhere = make_item(place, supplier=slow), make_item(place, supplier=other)
    for week in range(6):
        sent = AS_OF - timedelta(days=7 * week + 60)
        deliver(buyer, slow, place, sent=sent, days=[(12 + week % 3, 10)], product=product)
        deliver(buyer, other, place, sent=sent, days=[(7, 10)], product=elsewhere)
    plan = plan_of({product: 14, elsewhere: 14}, place)
    row = plan.suggestions.get(product=product)
    assert row.lead_time_receipts == 6
    # Whatever else is delivered after the plan: its weights are kept with it.
    assert set(plan.report["lead_times"]) == {"weight", "variance"}
    [option] = selectors.supply_options(product=product, location=place, plan=plan, run=plan.forecast_run)
    assert option.lead_time_days == pytest.approx(row.lead_time_days)
    assert option.lead_time_sd_days == pytest.approx(row.lead_time_sd_days)
    assert sorted(option.took_days) == [12, 12, 13, 13, 14, 14]
    picture = histogram(option)
    assert picture is not None
    assert [(bar.first, bar.count) for bar in picture.bins] == [(day, 2 * (day > 11)) for day in range(7, 15)]
    assert picture.stated_x < picture.learned_x


def option_of(*took: float, stated: float = 7.0) -> SupplyOption:
    option: Any = SupplyOption.__new__(SupplyOption)
    terms = make_terms(lead_time_days=stated)
    for name, value in (("terms", terms), ("took_days", took), ("lead_time_days", stated)):
        object.__setattr__(option, name, value)
    found: SupplyOption = option
    return found


def test_the_histogram_holds_every_delivery_in_few_bars() -> None:
    assert histogram(option_of(3, 4)) is None
    picture = histogram(option_of(0.2, 5, 90, 90.4, stated=60))
    assert picture is not None
    assert len(picture.bins) <= 14
    assert sum(bar.count for bar in picture.bins) == 4
    assert (picture.first, picture.bins[0].count) == (0, 2)
    assert all(0 <= bar.x <= bar.x + bar.width <= picture.width for bar in picture.bins)
    assert max(bar.height for bar in picture.bins) <= picture.height
    assert 0 <= picture.stated_x <= picture.width
    same = histogram(option_of(7, 7, 7))
    assert same is not None
    assert [(bar.first, bar.last, bar.count) for bar in same.bins] == [(7, 7, 3)]


# Parameters


def sources(suggestion: Suggestion) -> dict[str, tuple[Any, str]]:
    return {row.name: (row.value, row.source) for row in parameters_of(suggestion)}


def test_the_stored_response_is_among_them(client: Client, buyer: User) -> None:
    place = make_location()
    suggestion = plan_of({make_item(place): 14}, place).suggestions.get()
    numbers = (-1.8, 0.25, 0.3, 0.1, 0.2, 9, 4, 0.7, 0.0)
    ForecastDistribution.objects.update(response=np.array(numbers, dtype="<f4").tobytes())
    client.force_login(buyer)
    page = client.get(reverse("replenishment:sku", args=[suggestion.product_id, place.pk]))
    found = {row.name: row for row in page.context["parameters"]}
    assert found["elasticity"].value == pytest.approx(-1.8)
    assert (found["elasticity"].source, found["elasticity"].seen) == ("price", 9)
    text = page.content.decode()
    assert "−1.80 ± 0.25" in text
    assert "9 price changes seen here count 70%" in text
    assert "4 promoted periods seen here: the estimate is that of its category and the shop" in text


def test_each_parameter_names_its_source(client: Client, buyer: User) -> None:
    place = make_location()
    product = make_item(place, product={"shelf_life_days": 30}, moq=12)
    suggestion = plan_of({product: 14}, place).suggestions.get()
    found = sources(suggestion)
    assert found["target"] == (0.95, "plan")
    assert found["lead_time"] == (7.0, "terms")
    assert found["review"] == (7.0, "terms")
    assert found["moq"][1] == "terms"
    assert found["holding_rate"] == (0.25, "plan")
    assert found["shelf_life"] == (30, "product")
    assert found["on_hand"] == (20, "stock")
    assert "max_stock" not in found
    rule = PolicyRule(
        name="Teas", product=product, target=0.9, review_days=14, max_stock=500, holding_rate=0.3
    )
    services.rule_save(rule=rule, acting_user=buyer)
    suggestion = plan_of({product: 14}, place).suggestions.get()
    found = sources(suggestion)
    assert found["target"] == (0.9, "rule")
    assert found["review"] == (14.0, "rule")
    assert found["max_stock"] == (500.0, "rule")
    assert found["holding_rate"] == (0.3, "rule")
    assert found["order_cost"][1] == "plan"
    client.force_login(buyer)
    page = client.get(reverse("replenishment:sku", args=[product.pk, place.pk])).content.decode()
    assert reverse("replenishment:rule-change", args=[rule.pk]) in page
    assert "supply terms, typed" in page
    batch = ImportBatch.objects.create(kind="supply_terms", state="done")
    product.terms.update(batch=batch)
    page = client.get(reverse("replenishment:sku", args=[product.pk, place.pk])).content.decode()
    assert f"supply terms, import {batch.pk}" in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"order_quantity": 24}, "Order 24 from"),
        ({"order_quantity": 24, "order_on": later(3)}, " on Mar 6"),
        ({"order_quantity": 0, "order_by": later(9)}, "the next order is due by Mar 12"),
        ({"order_quantity": 0}, "Nothing to order now."),
        ({"order_quantity": 24, "edited_quantity": 30}, "Order 30 from"),
        ({"state": "rejected"}, "The suggestion was rejected."),
        ({"state": "drafted"}, "24 units are in an order."),
        ({"reason": "exception: no stock record", "net_need": None}, "Not planned."),
        ({"on_hand": 0}, "It is out of stock."),
        ({"on_hand": 8, "stock_out_on": later(4)}, "The stock of 8 lasts until Mar 7."),
    ],
)
def test_the_first_sentence_says_what_to_do(
    client: Client, buyer: User, values: dict[str, Any], words: str
) -> None:
    client.force_login(buyer)
    if "edited_quantity" in values:
        values = values | {"edited_by": buyer}
    suggestion = make_suggestion(make_plan(), **{"net_need": 20.0, "reorder_point": 40.0} | values)
    place = [suggestion.product_id, suggestion.location_id]
    page = client.get(reverse("replenishment:sku", args=place)).content.decode()
    headline = page.split('id="sku-headline"')[1].split("</p>")[0]
    assert words in " ".join(headline.split()), headline


def test_stock_before_the_history_is_left_out() -> None:
    place = make_location()
    product = make_item(place)
    StockLevel.objects.create(product=product, location=place, day=later(-2000), on_hand=5)
    plan_of({product: 14}, place)
    assert len(story_of(product, place).stock) == 1
