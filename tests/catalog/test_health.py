"""The health of the data: what lacks, how fresh it is, which days are missing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from catalog import selectors, services
from catalog.models import DataHealth, ImportBatch, Location, Product, SalesRecord, StockLevel
from catalog.selectors.health import days_missing, health_measured
from tests.cast import make_lane, make_location, make_product, make_terms

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 3, 31)


def sell(product: Product, place: Location, *days: date, revenue: int = 0) -> None:
    for day in days:
        SalesRecord.objects.create(
            product=product, location=place, day=day, quantity=Decimal(2), revenue=Decimal(revenue)
        )


def stock(product: Product, place: Location, day: date, **values: Any) -> None:
    StockLevel.objects.create(product=product, location=place, day=day, on_hand=Decimal(5), **values)


def test_it_counts_what_products_that_sell_lack() -> None:
    place = make_location()
    whole, bare, old, made_up = (make_product(sku=sku) for sku in ("WHOLE", "BARE", "OLD", "MADE"))
    make_product(sku="NEVER")
    make_product(sku="GONE", status="discontinued")
    for product in (whole, bare, old, made_up):
        sell(product, place, AS_OF - timedelta(days=3), revenue=0 if product == bare else 8)
    for product in (whole, old):
        make_terms(product=product)
    make_terms(product=made_up, is_assumed=True)
    stock(whole, place, AS_OF)
    stock(old, place, AS_OF - timedelta(days=8))
    stock(made_up, place, AS_OF, is_assumed=True)
    report = health_measured(as_of=AS_OF)
    assert (report["sold"], report["products"], report["unsold"]) == (4, 5, 1)
    assert report["no_stock"] == {"count": 1, "skus": ["BARE"]}
    assert report["old_stock"] == {"count": 1, "skus": ["OLD"]}
    assert report["no_terms"] == {"count": 1, "skus": ["BARE"]}
    assert report["no_price"] == {"count": 1, "skus": ["BARE"]}
    assert report["assumed_stock"] == report["assumed_terms"] == {"count": 1, "skus": ["MADE"]}
    assert report["first"] == "2026-03-28"


def test_stock_and_terms_count_where_the_stock_is_held_and_lanes_supply_a_place() -> None:
    warehouse, store = make_location(), make_location()
    market = make_location(receiving_location=warehouse)
    product = make_product()
    make_terms(product=product, location=warehouse)
    sell(product, market, AS_OF)
    sell(product, store, AS_OF)
    stock(product, warehouse, AS_OF)
    stock(product, store, AS_OF)
    assert health_measured(as_of=AS_OF)["no_terms"]["count"] == 1
    make_lane(warehouse, store, is_supply=True)
    report = health_measured(as_of=AS_OF)
    assert (report["sold"], report["no_stock"]["count"], report["no_terms"]["count"]) == (2, 0, 0)


def test_a_day_is_missing_where_its_weekday_normally_sells() -> None:
    days = {AS_OF - timedelta(days=n) for n in range(120)}
    # Sundays are closed; of the others two are missing, one of them too long ago.
    open_days = {day for day in days if day.weekday() != 6}
    missing = {AS_OF - timedelta(days=5), AS_OF - timedelta(days=101)}
    assert all(day.weekday() != 6 for day in missing)
    found = days_missing(open_days - missing, first_gap=AS_OF - timedelta(days=90))
    assert found == [AS_OF - timedelta(days=5)]
    # After the last day with sales nothing is missing: that is for the freshness to say.
    stale = {day for day in open_days if day < AS_OF - timedelta(days=20)}
    assert days_missing(stale, first_gap=AS_OF - timedelta(days=90)) == []
    assert days_missing({AS_OF, AS_OF - timedelta(days=20)}, first_gap=AS_OF - timedelta(days=90)) == []


def test_gaps_are_told_with_the_freshness_of_their_location() -> None:
    place, quiet = make_location(code="A"), make_location(code="B")
    make_location(code="C")
    product = make_product()
    gap = AS_OF - timedelta(days=4)
    sell(product, place, *(AS_OF - timedelta(days=n) for n in range(60) if n != 4))
    stock(product, quiet, AS_OF - timedelta(days=30))
    services.health_keep(as_of=AS_OF)
    [first, second] = selectors.freshness_list(selectors.health_latest())
    assert (first.location, first.sales, first.stock) == (quiet, None, AS_OF - timedelta(days=30))
    assert (second.location, second.gaps, second.gap_days) == (place, 1, (gap,))


def test_a_day_is_kept_once_and_the_latest_measurement_wins() -> None:
    services.health_keep(as_of=AS_OF)
    sell(make_product(), make_location(), AS_OF)
    kept = services.health_keep(as_of=AS_OF)
    assert DataHealth.objects.count() == 1
    assert selectors.health_latest() == kept
    assert kept.report["sold"] == 1


def test_refused_rows_of_the_last_month_are_summed() -> None:
    make = ImportBatch.objects.create
    make(kind="sales", state="done", rows_rejected=3)
    newest = make(kind="stock", state="failed", rows_rejected=4)
    make(kind="stock", state="done")
    make(kind="sales", state="done", rows_rejected=9, created_at=timezone.now() - timedelta(days=31))
    make(kind="sales", state="done", rows_rejected=9, taken_back_at=timezone.now())
    found = selectors.imports_rejected()
    assert (found.rows, found.files, found.failed, found.newest) == (7, 2, 1, newest)


def test_an_import_measures_once_none_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.services.health import health_keep_after_import

    waiting = ImportBatch.objects.create(kind="sales")
    ImportBatch.objects.create(kind="sales", options={"draft": True})
    health_keep_after_import()
    assert DataHealth.objects.count() == 0
    ImportBatch.objects.filter(pk=waiting.pk).update(state="done")
    health_keep_after_import()
    assert DataHealth.objects.count() == 1
    # An import stands whatever happens to the measurement.
    monkeypatch.setattr("catalog.services.health.health_measured", lambda **_: 1 / 0)
    health_keep_after_import()
