"""The response to price and promotion in a run: estimated, stored, read, told, and cleared away with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Location, PriceRecord, Product, PromotionRecord, SalesRecord
from forecasting import selectors, services
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastDistribution, ForecastRun
from tests.cast import make_location, make_product
from tests.forecasting.shop import AS_OF
from tests.site.api_world import client_of

WEEKS, COUNT = 60, 12
SPEC = ForecastSpec(freq="W", horizon=3, models=("moving_average",), folds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def artifacts(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path


def sell(*, prices: bool, promotions: bool = True) -> tuple[list[Product], Location]:
    """A shop that sells 30 a week at 10 each, with an elasticity of -2; a promotion sells half more."""
    rng = np.random.default_rng(4)
    place, products = make_location(), [make_product() for _ in range(COUNT)]
    days = [AS_OF - timedelta(weeks=back) for back in range(WEEKS)]
    cheap = rng.random((WEEKS, COUNT)) < 0.2
    shown = rng.random((WEEKS, COUNT)) < 0.15
    units = rng.poisson(30 * np.where(cheap, 0.8**-2.0, 1) * np.where(shown, 1.5, 1))
    recorded = timezone.now()
    sales, asked, promoted = [], [], []
    for number, product in enumerate(products):
        for back, day in enumerate(days):
            price = Decimal(8 if cheap[back, number] else 10)
            own: dict[str, Any] = {"product": product, "location": place, "recorded_at": recorded}
            quantity = Decimal(int(units[back, number]))
            sales.append(SalesRecord(**own, day=day, quantity=quantity, revenue=quantity * price))
            asked.append(PriceRecord(**own, day=day, price=price))
            if shown[back, number]:
                # All days of the week that ends then.
                promoted += [
                    PromotionRecord(**own, day=day - timedelta(days=n), kind="display") for n in range(7)
                ]
    SalesRecord.objects.bulk_create(sales)
    if prices:
        PriceRecord.objects.bulk_create(asked)
    if promotions:
        PromotionRecord.objects.bulk_create(promoted)
    return products, place


def run(**changes: Any) -> ForecastRun:
    made = services.run_create(acting_user=None, as_of=AS_OF, spec=replace(SPEC, **changes))
    done = services.run_execute(run_id=made.pk)
    assert done.state == ForecastRun.State.DONE, done.error
    return done


def test_a_run_stores_what_its_prices_and_promotions_tell() -> None:
    products, place = sell(prices=True)
    done = run()
    found = selectors.response_read(done, product_id=products[0].pk, location_id=place.pk)
    assert found is not None
    assert found.elasticity == pytest.approx(-2, abs=0.6)
    assert found.uplift == pytest.approx(np.log(1.5), abs=0.15)
    assert found.seen_changes > 5
    assert found.seen_promoted > 3
    assert done.report["response"]["series_with_changes"] == COUNT
    assert "response" in done.report["stages"]
    names = [f"{product.pk}@{place.pk}" for product in products]
    values = selectors.elasticities_read(
        done, [*names, "0@0"], product_ids=[p.pk for p in products], location_ids=[place.pk]
    )
    assert values[0] == pytest.approx(found.elasticity)
    assert np.isnan(values[-1])
    assert selectors.response_read(done, product_id=10**9, location_id=place.pk) is None


def test_what_sales_came_to_is_no_price() -> None:
    products, place = sell(prices=False)
    found = selectors.response_read(run(), product_id=products[0].pk, location_id=place.pk)
    assert found is not None
    assert not found.has_price
    assert found.has_promotion


def test_a_run_without_prices_and_promotions_stores_none_and_its_page_says_nothing_of_it(
    client: Client, viewer: User
) -> None:
    sell(prices=False, promotions=False)
    done = run()
    assert done.report["response"] is None
    assert set(ForecastDistribution.objects.values_list("response", flat=True)) == {b""}
    client.force_login(viewer)
    page = client.get(reverse("forecasting:run-detail", args=[done.pk])).content.decode()
    assert "Data fingerprint" in page
    assert "at an unchanged price" not in page


def test_the_runs_page_tells_the_shops_response(client: Client, viewer: User) -> None:
    sell(prices=True)
    done = run()
    client.force_login(viewer)
    page = client.get(reverse("forecasting:run-detail", args=[done.pk])).content.decode()
    assert f"by price changes of {COUNT} product-locations" in page
    assert "more at an unchanged price" in page


def test_a_run_that_changes_nothing_leads_to_what_is_stored_and_an_update_makes_its_own() -> None:
    products, place = sell(prices=True)
    first, again = run(), run()
    assert again.same_as == first
    key = {"product_id": products[0].pk, "location_id": place.pk}
    assert selectors.response_read(again, **key) == selectors.response_read(first, **key)
    SalesRecord.objects.create(
        product=products[0], location=place, day=AS_OF + timedelta(days=7), quantity=Decimal(30)
    )
    made = services.run_create(
        acting_user=None, as_of=AS_OF + timedelta(days=7), spec=SPEC, kind=ForecastRun.Kind.UPDATE
    )
    update = services.run_execute(run_id=made.pk)
    assert update.kind == ForecastRun.Kind.UPDATE
    found = selectors.response_read(update, **key)
    assert found is not None
    assert found.has_price


def test_prices_after_the_as_of_date_change_nothing() -> None:
    products, place = sell(prices=True)
    key = {"product_id": products[0].pk, "location_id": place.pk}
    before = selectors.response_read(run(), **key)
    for product in products:
        PriceRecord.objects.create(product=product, location=place, day=AS_OF + timedelta(days=1), price=1)
        SalesRecord.objects.create(
            product=product, location=place, day=AS_OF + timedelta(days=1), quantity=Decimal(900)
        )
    assert selectors.response_read(run(seed=1), **key) == before


def test_pruned_runs_keep_no_response() -> None:
    products, place = sell(prices=True)
    first = run()
    run(seed=1)
    services.runs_prune(keep=1)
    assert selectors.response_read(first, product_id=products[0].pk, location_id=place.pk) is None


def test_the_api_tells_it_of_a_single_forecast(viewer: User) -> None:
    sell(prices=True)
    run()
    row = ForecastDistribution.objects.first()
    assert row is not None
    api = client_of(viewer)
    told = api.get(f"/api/v1/forecasts/{row.pk}/").json()["response"]
    assert told["elasticity"] == pytest.approx(-2, abs=0.6)
    assert told["price_changes"] > 5
    ForecastDistribution.objects.update(response=b"")
    assert api.get(f"/api/v1/forecasts/{row.pk}/").json()["response"] is None
