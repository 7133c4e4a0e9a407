"""Behaviour read, shown and handed out."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import BehaviourRecord, StockLevel
from forecasting import services
from forecasting.models import BehaviourReading, SignalRun
from forecasting.services import behaviour
from tests.cast import make_location, make_product
from tests.forecasting.shop import AS_OF, make_sales
from tests.site.api_world import client_of

pytestmark = pytest.mark.django_db


def look(product: Any, location: Any, views: np.ndarray[Any, Any], **values: Any) -> None:
    """Views of the days up to `AS_OF`, the last one's last."""
    recorded = values.pop("recorded_at", timezone.now())
    BehaviourRecord.objects.bulk_create(
        BehaviourRecord(
            product=product,
            location=location,
            day=AS_OF - timedelta(days=len(views) - 1 - place),
            views=int(count),
            carts=int(count) // 5,
            recorded_at=recorded,
            **values,
        )
        for place, count in enumerate(views)
    )


@pytest.fixture
def location(db: None) -> Any:
    return make_location()


def read(**values: Any) -> SignalRun:
    run = SignalRun.objects.create(**{"as_of": AS_OF, "known_at": timezone.now()} | values)
    done = services.signal_run_execute(run_id=run.pk)
    assert "error" not in done.report["behaviour"], done.report
    return done


def test_it_reads_interest_conversion_and_what_was_lost(location: Any) -> None:
    products = make_sales(location=location, products=3)
    rng = np.random.default_rng(3)
    for product in products:
        look(product, location, rng.poisson(40, 182))
    gone, risen = products[0], products[1]
    BehaviourRecord.objects.filter(product=risen, day__gt=AS_OF - timedelta(days=28)).update(views=100)
    for back in range(10):
        day = AS_OF - timedelta(days=back)
        StockLevel.objects.create(product=gone, location=location, day=day, on_hand=0)
        gone_sales = gone.pk
    from catalog.models import SalesRecord

    SalesRecord.objects.filter(product=gone_sales, day__gt=AS_OF - timedelta(days=10)).delete()
    report = read().report["behaviour"]
    assert (report["product_locations"], report["lost"]) == (3, 1)
    lost = BehaviourReading.objects.get(product=gone)
    # About 40 views a day, 2 of them bought: some 20 in ten days.
    assert lost.out_days == 10
    assert lost.lost_units == pytest.approx(20, rel=0.15)
    assert lost.lost_low < 20 < lost.lost_high  # type: ignore[operator]
    # A unit costs 3.
    assert float(lost.lost_value or 0) == pytest.approx(3 * (lost.lost_units or 0), abs=0.01)
    up = BehaviourReading.objects.get(product=risen)
    assert (up.interest_went, up.conversion_went) == ("up", "down")
    assert up.interest_change == pytest.approx(2.5, rel=0.1)
    steady = BehaviourReading.objects.get(product=products[2])
    assert (steady.interest_went, steady.lost_units) == ("steady", 0)
    assert len(steady.sparkline) == 26
    assert sum(steady.sparkline[-8:]) == steady.views


def test_it_reads_twice_the_same_and_forgets_what_is_gone(location: Any) -> None:
    products = make_sales(location=location, products=2)
    for product in products:
        look(product, location, np.full(100, 20))
    read()
    first = list(BehaviourReading.objects.order_by("product").values("product", "views", "lost_units"))
    read()
    assert (
        list(BehaviourReading.objects.order_by("product").values("product", "views", "lost_units")) == first
    )
    BehaviourRecord.objects.all().delete()
    read()
    assert not BehaviourReading.objects.exists()


@pytest.mark.parametrize("at_once", [1, 2, 3, 6])
def test_it_holds_no_more_product_locations_at_once_than_it_may(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(behaviour, "_AT_ONCE", at_once)
    sizes: list[int] = []
    days_of = behaviour._days

    def spy(*given: Any) -> Any:
        days = days_of(*given)
        sizes.append(days["unique_id"].n_unique())
        return days

    monkeypatch.setattr(behaviour, "_days", spy)
    large, small = make_location(), make_location()
    products = make_sales(location=large, products=5)
    for product in products:
        look(product, large, np.full(60, 20))
    look(products[0], small, np.full(60, 10))
    stale = BehaviourReading.objects.create(product=make_product(), location=large, as_of=AS_OF)
    read()
    found = set(BehaviourReading.objects.values_list("product", "location", "views"))
    wanted = {(product.pk, large.pk, 56 * 20) for product in products}
    assert found == wanted | {(products[0].pk, small.pk, 56 * 10)}
    assert stale.product_id not in {product for product, _, _ in found}
    assert max(sizes) <= at_once
    assert sum(sizes) == 6


def test_it_knows_nothing_that_was_recorded_later_or_happened_later(location: Any) -> None:
    [product] = make_sales(location=location, products=1)
    look(product, location, np.full(100, 20))
    known = timezone.now()
    BehaviourRecord.objects.create(
        product=product, location=location, day=AS_OF + timedelta(days=1), views=9_999
    )
    read()
    assert BehaviourReading.objects.get().views == 56 * 20
    BehaviourRecord.objects.filter(day=AS_OF).update(views=500, recorded_at=timezone.now())
    read(known_at=known)
    assert BehaviourReading.objects.get().views == 55 * 20


def test_it_reads_products_that_never_sold(location: Any) -> None:
    make_sales(location=location, products=1)
    look(make_product(), location, np.full(30, 20))
    read()
    new = BehaviourReading.objects.get()
    assert (new.views, new.lost_value, new.out_days) == (600, None, 0)


def make_readings(location: Any, count: int) -> None:
    for number in range(count):
        BehaviourReading.objects.create(
            product=make_product(), location=location, as_of=AS_OF, views=10 * number, sparkline=[1, 2, 3],
            conversion=0.05, conversion_low=0.04, conversion_high=0.06,
            lost_units=number + 1.0, lost_low=0.5, lost_high=number + 4.0, out_days=3,
            lost_value=Decimal(number) if number % 2 else None,
            interest_change=2.0 if number % 3 else 0.4, interest_went="up" if number % 3 else "down",
            conversion_change=0.5, conversion_went="down", is_assumed=number == 0,
        )  # fmt: skip


def page(user: User, **query: str) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("forecasting:behaviour"), query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_the_groups_with_what_matters_most_first(viewer: User, location: Any) -> None:
    make_readings(location, 6)
    skus = list(BehaviourReading.objects.order_by("pk").values_list("product__sku", flat=True))
    text = page(viewer)
    places = [text.index(f"{sku} ") for sku in (skus[5], skus[3], skus[1], skus[4], skus[2], skus[0])]
    assert places == sorted(places)
    assert "assumed" in text
    falling = page(viewer, group="falling")
    assert skus[0] in falling
    assert skus[1] not in falling
    assert f">{skus[1]} " in page(viewer, group="unsold")
    assert skus[1] not in page(viewer, q=skus[5])
    assert skus[1] in page(viewer, location=location.code)
    assert skus[1] not in page(viewer, location=make_location().code)
    assert "No product-location here" in page(viewer, q="nothing-of-the-kind")


def test_it_says_what_to_do_where_there_is_no_behaviour(viewer: User) -> None:
    assert "No behaviour yet" in page(viewer)


def test_it_reads_as_many_queries_for_fifty_as_for_one(viewer: User, location: Any) -> None:
    make_readings(location, 1)
    client = Client()
    client.force_login(viewer)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("forecasting:behaviour")).status_code == 200
        return len(queries)

    count()
    one = count()
    make_readings(location, 49)
    assert count() == one
    assert one <= 16


def test_it_shows_the_page_to_none_but_those_who_may(
    partner_of_supplier: User, partner_of_channel: User
) -> None:
    from tests.cast import make_user

    for user in (partner_of_supplier, partner_of_channel, make_user("nobody")):
        client = Client()
        client.force_login(user)
        assert client.get(reverse("forecasting:behaviour")).status_code == 403
    assert Client().get(reverse("forecasting:behaviour")).status_code == 302


def test_it_hands_out_groups_by_the_api(viewer: User, location: Any) -> None:
    make_readings(location, 6)
    client, url = client_of(viewer), reverse("api:behaviour-reading-list")
    found = client.get(url, {"group": "falling"}).json()["results"]
    assert [row["interest_went"] for row in found] == ["down", "down"]
    assert client.get(url, {"group": "best"}).status_code == 400


def test_it_shows_the_reading_on_the_page_of_the_sku(buyer: User, location: Any) -> None:
    make_readings(location, 2)
    reading = BehaviourReading.objects.latest("pk")
    client = Client()
    client.force_login(buyer)
    url = reverse("replenishment:sku", args=[reading.product_id, location.pk])
    text = client.get(url).content.decode()
    assert "Units sold per 100 views" in text
    assert "0.5–5 on 3 days without stock" in text
    other = client.get(reverse("replenishment:sku", args=[make_product().pk, location.pk])).content.decode()
    assert "Units sold per 100 views" not in other
