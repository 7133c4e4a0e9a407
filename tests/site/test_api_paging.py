from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import ImportBatch, Indicator, KitComponent, SalesRecord, SupplierClosure
from tests.cast import make_category, make_lane, make_location, make_product, make_terms
from tests.site.api_world import (
    DAY,
    World,
    add_action,
    add_alarm,
    add_bulk_act,
    add_category_suggestion,
    add_comment,
    add_day,
    add_edit_score,
    add_exception,
    add_forecast,
    add_image,
    add_look_alike,
    add_override,
    add_replay,
    add_signals,
    add_suggestion,
    add_transfer,
    add_trend,
    add_trial,
    add_voice,
    client_of,
    make_run,
)
from tests.site.test_api_matrix import callers, world  # noqa: F401


def walk(client: APIClient, url: str, link: str = "next") -> list[list[Any]]:
    pages = []
    following: str | None = url
    while following:
        answer = client.get(following).json()
        pages.append(answer["results"])
        following = answer[link]
    return pages


def fill_sales() -> list[tuple[str, str, str]]:
    """Days of two products at two locations, many of them alike in all but one part of the key."""
    places = [make_location(), make_location()]
    for product in (make_product(), make_product()):
        for place in places:
            for number in range(6):
                add_day(product, place, DAY + timedelta(days=number))
    rows = SalesRecord.objects.order_by("product_id", "location_id", "day")
    return [(row.product.sku, row.location.code, str(row.day)) for row in rows]


def keys(pages: list[list[Any]]) -> list[tuple[str, str, str]]:
    return [(row["sku"], row["location"], row["day"]) for page in pages for row in page]


@pytest.mark.parametrize("size", [1, 5, 24, 100])
def test_it_walks_a_composite_key_forwards_without_a_gap_or_a_repeat(viewer: User, size: int) -> None:
    wanted = fill_sales()
    client = client_of(viewer)
    pages = walk(client, f"{reverse('api:sales-list')}?page_size={size}")
    assert keys(pages) == wanted
    assert {len(page) for page in pages[:-1]} <= {size}


def test_it_walks_back_the_way_it_came(viewer: User) -> None:
    wanted = fill_sales()
    client = client_of(viewer)
    url = f"{reverse('api:sales-list')}?page_size=5"
    last = url
    while following := client.get(last).json()["next"]:
        last = following
    pages = walk(client, last, "previous")
    assert keys(list(reversed(pages))) == wanted
    assert client.get(url).json()["previous"] is None


def test_it_neither_repeats_nor_skips_when_rows_come_and_go_between_pages(viewer: User) -> None:
    wanted = fill_sales()
    client = client_of(viewer)
    first = client.get(reverse("api:sales-list"), {"page_size": 10}).json()
    SalesRecord.objects.filter(product__sku=wanted[0][0], day=DAY).delete()
    assert keys(walk(client, first["next"])) == wanted[10:]


def test_it_keeps_the_filters_from_page_to_page(viewer: User) -> None:
    wanted = fill_sales()
    sku, location = wanted[0][:2]
    query = f"?page_size=2&sku={sku}&location={location}&day_from={DAY + timedelta(days=1)}"
    assert keys(walk(client_of(viewer), reverse("api:sales-list") + query)) == wanted[1:6]


def test_it_lists_runs_newest_first(viewer: User) -> None:
    ids = [make_run().pk for _ in range(5)]
    pages = walk(client_of(viewer), f"{reverse('api:forecast-run-list')}?page_size=2")
    assert [row["id"] for page in pages for row in page] == ids[::-1]


@pytest.mark.parametrize(
    "cursor", ["x", "W10=", "WyJhIiwxXQ==", "WyJjIiwxLDIsMyJd", "é", "%00", "eyJhIjoxfQ=="]
)
def test_it_refuses_what_is_no_cursor(viewer: User, cursor: str) -> None:
    response = client_of(viewer).get(reverse("api:sales-list"), {"cursor": cursor})
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("size", ["0", "1001", "-1", "ten", "1e3", "²"])
def test_it_refuses_a_page_size_out_of_bounds(viewer: User, size: str) -> None:
    response = client_of(viewer).get(reverse("api:sales-list"), {"page_size": size})
    assert response.status_code == 400


def test_it_refuses_a_filter_that_there_is_not(viewer: User) -> None:
    response = client_of(viewer).get(reverse("api:sales-list"), {"locaton": "LOC-1"})
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"parameter": "locaton", "detail": "There is no such filter.", "code": "invalid"}
    ]


def add_rows(world: World, number: int) -> None:  # noqa: F811
    """A row more in every list."""
    product, location = make_product(category=make_category()), make_location()
    make_category(parent=world.category)
    make_lane(world.location, location)
    KitComponent.objects.create(kit=world.product, component=product)
    terms = make_terms(product=product, location=location, supplier=world.supplier)
    day = DAY + timedelta(days=number + 1)
    SupplierClosure.objects.create(supplier=world.supplier, first_day=day, last_day=day)
    add_day(product, location)
    add_signals(product, location, world.indicator)
    Indicator.objects.create(code=f"I-{number}", name="Another")
    add_forecast(world.run, product, location)
    add_alarm(world.run, product, location)
    add_image(product)
    add_category_suggestion(product, world.category)
    add_voice(product)
    add_trend(world.signal_run, product)
    add_trial()
    add_override(User.objects.earliest("pk"), product)
    add_look_alike(product, world.product)
    add_suggestion(world.plan, product, location, terms)
    add_replay()
    add_bulk_act(world.plan, world.buyer)
    add_transfer(world.plan, product, world.location, location)
    add_action(world.plan, world.order("draft"))
    add_comment(product, world.location, world.buyer)
    add_exception(world.plan, product, location)
    add_edit_score(add_suggestion(world.plan, product, make_location(), terms))
    ImportBatch.objects.create(kind="sales", state="done")


LISTS = [
    "category-list",
    "product-list",
    "location-list",
    "kit-component-list",
    "transfer-lane-list",
    "supplier-list",
    "supplier-closure-list",
    "supply-terms-list",
    "sales-list",
    "stock-list",
    "price-list",
    "review-list",
    "behaviour-list",
    "behaviour-reading-list",
    "shopper-event-list",
    "indicator-list",
    "indicator-value-list",
    "product-image-list",
    "category-suggestion-list",
    "import-list",
    "forecast-run-list",
    "forecast-list",
    "forecast-alarm-list",
    "product-voice-list",
    "trend-list",
    "signal-trial-list",
    "forecast-override-list",
    "look-alike-list",
    "plan-run-list",
    "comment-list",
    "policy-rule-list",
    "budget-list",
    "replay-list",
    "edit-score-list",
    "suggestion-list",
    "bulk-act-list",
    "transfer-list",
    "plan-action-list",
    "exception-list",
    "purchase-order-list",
    "token-list",
]


def test_it_knows_every_list() -> None:
    from inventory_site.api.urls import router

    patterns: list[Any] = list(router.urls)
    names = {str(pattern.name) for pattern in patterns if "get" in pattern.callback.actions}
    assert {name for name in names if name.endswith("-list")} == set(LISTS)


def test_it_lists_50_rows_with_as_many_queries_as_1(
    world: World,  # noqa: F811
    callers: dict[str, User | None],  # noqa: F811
) -> None:
    client = client_of(callers["viewer"])

    def counts() -> dict[str, int]:
        found = {}
        for name in LISTS:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(f"api:{name}"), {"page_size": 100}).status_code == 200
            found[name] = len(queries)
        return found

    counts()
    one = counts()
    for number in range(49):
        add_rows(world, number)
    assert counts() == one
    # Permission, partner's account, the rows; the latest run or plan; three reads for distributions.
    assert max(one.values()) <= 10
    assert len(client.get(reverse("api:sales-list")).json()["results"]) > 50


def test_it_counts_no_rows_to_make_a_page(viewer: User) -> None:
    fill_sales()
    client = client_of(viewer)
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("api:sales-list"))
    assert not any("COUNT(" in query["sql"].upper() for query in queries)


@pytest.mark.postgres
def test_it_finds_a_deep_page_by_a_row_comparison(viewer: User) -> None:
    fill_sales()
    client = client_of(viewer)
    first = client.get(reverse("api:sales-list"), {"page_size": 5}).json()
    with CaptureQueriesContext(connection) as queries:
        client.get(first["next"])
    key = ", ".join(f'"catalog_salesrecord"."{name}"' for name in ("product_id", "location_id", "day"))
    assert any(f"({key}) > (" in query["sql"] for query in queries)
