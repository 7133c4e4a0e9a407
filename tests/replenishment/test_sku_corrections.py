"""Stock-outs and spikes on the SKU page's chart."""

from __future__ import annotations

import struct
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import SalesRecord
from forecasting import selectors
from forecasting.core.cleaning import Reason
from forecasting.models import ForecastDistribution
from replenishment.models import Suggestion
from tests.cast import make_location, make_product, make_terms
from tests.replenishment.world import AS_OF, make_forecast, make_stock, run_plan

ESTIMATE = 88.25


def make_corrected(*records: tuple[int, Reason, float]) -> Suggestion:
    """A planned SKU with a year of weekly sales; `records` are weeks back, reason and demand."""
    product, location = make_product(), make_location()
    make_terms(product=product)
    make_stock(product, location, 30)
    SalesRecord.objects.bulk_create(
        SalesRecord(product=product, location=location, day=AS_OF - timedelta(days=7 * week), quantity=70)
        for week in range(52)
    )
    suggestion = run_plan(make_forecast({(product, location): 70.0})).suggestions.get()
    blob = b"".join(struct.pack("<HBf", back, int(why), demand) for back, why, demand in records)
    ForecastDistribution.objects.update(corrections=blob)
    return suggestion


def chart(client: Client, suggestion: Suggestion, language: str = "en") -> str:
    address = reverse("replenishment:sku-chart", args=[suggestion.product_id, suggestion.location_id])
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert answer.json()["doc"]["roots"]
    return answer.content.decode()


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


@pytest.mark.django_db
def test_it_reads_back_what_a_run_stored() -> None:
    suggestion = make_corrected((0, Reason.BULK, 70.0), (9, Reason.STOCK_OUT, ESTIMATE))
    place: dict[str, Any] = {
        "product_id": suggestion.product_id,
        "location_id": suggestion.location_id,
        "run_id": suggestion.plan_run.forecast_run_id,
    }
    found = selectors.corrections_read(**place)
    assert found.back.tolist() == [0, 9]
    assert found.reason.tolist() == [Reason.BULK, Reason.STOCK_OUT]
    assert found.demand.tolist() == [70, ESTIMATE]
    assert len(selectors.corrections_read(**place | {"run_id": 0}).back) == 0


@pytest.mark.django_db
def test_it_shades_stock_outs_with_the_demand_that_they_hid(at_work: Client) -> None:
    drawn = chart(at_work, make_corrected((9, Reason.STOCK_OUT, ESTIMATE), (4, Reason.LIKELY_STOCK_OUT, 60)))
    assert '"VStrip"' in drawn
    assert "Estimated demand: 88 (out of stock)" in drawn
    assert "Estimated demand: 60 (likely out of stock)" in drawn


@pytest.mark.django_db
def test_it_rings_spikes_and_says_why_without_shading_them(at_work: Client) -> None:
    drawn = chart(at_work, make_corrected((9, Reason.BULK, 70.0), (200, Reason.STOCK_OUT, ESTIMATE)))
    assert "Estimated demand: 70 (one-off bulk order)" in drawn
    assert '"VStrip"' not in drawn
    assert "out of stock" not in drawn  # before the history that is shown


@pytest.mark.django_db
def test_it_draws_a_history_without_corrections_as_before(at_work: Client) -> None:
    drawn = chart(at_work, make_corrected())
    assert '"VStrip"' not in drawn
