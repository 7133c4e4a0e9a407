from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Location, Product, PromotionRecord, SalesRecord
from catalog.selectors import demand_panel
from forecasting import selectors, services
from forecasting.core.spec import ForecastSpec
from forecasting.services.known import promotions_ahead
from tests.cast import make_location, make_product
from tests.forecasting.shop import AS_OF

WEEK = timedelta(days=7)


def promote(product: Product, location: Location, *days: date, kind: str = "display") -> None:
    PromotionRecord.objects.bulk_create(
        [PromotionRecord(product=product, location=location, day=day, kind=kind) for day in days]
    )


def sell(product: Product, location: Location, day: date, units: int) -> None:
    SalesRecord.objects.create(product=product, location=location, day=day, quantity=Decimal(units))


def ahead(freq: str = "W", horizon: int = 4) -> list[tuple[Any, ...]] | None:
    rows = promotions_ahead(
        demand_panel(as_of=AS_OF, freq=freq),  # type: ignore[arg-type]
        as_of=AS_OF,
        known_at=timezone.now(),
        freq=freq,  # type: ignore[arg-type]
        horizon=horizon,
    )
    return None if rows is None else sorted(rows.sort(pl.all()).iter_rows())


@pytest.mark.django_db
def test_it_knows_nothing_without_plans() -> None:
    product, location = make_product(), make_location()
    sell(product, location, AS_OF, 5)
    promote(product, location, AS_OF, AS_OF - WEEK, AS_OF + 10 * WEEK)
    assert ahead() is None


@pytest.mark.django_db
def test_it_counts_promoted_days_up_to_the_last_planned_week_where_the_stock_is_held() -> None:
    store = make_location()
    market = make_location(kind=Location.Kind.MARKET, receiving_location=store)
    mug, cup = make_product(), make_product()
    for product in (mug, cup):
        sell(product, store, AS_OF - WEEK, 5)
    first, second = AS_OF + timedelta(days=1), AS_OF + timedelta(days=2)
    promote(mug, store, first, second)
    promote(mug, store, first, kind="mailer")  # a second promotion of one day counts once
    promote(mug, market, second, AS_OF + timedelta(days=3), AS_OF + 2 * WEEK)
    assert ahead() == [
        (f"{mug.pk}@{store.pk}", AS_OF + WEEK, pytest.approx(3 / 7)),
        (f"{mug.pk}@{store.pk}", AS_OF + 2 * WEEK, pytest.approx(1 / 7)),
        (f"{cup.pk}@{store.pk}", AS_OF + WEEK, 0.0),
        (f"{cup.pk}@{store.pk}", AS_OF + 2 * WEEK, 0.0),
    ]


@pytest.mark.django_db
def test_it_shares_by_the_length_of_each_month() -> None:
    product, location = make_product(), make_location()
    for back in range(70):
        sell(product, location, AS_OF - timedelta(days=back), 2)
    # 28 June: June is not complete, so that it is the first period ahead.
    promote(product, location, date(2026, 6, 10), date(2026, 6, 30), date(2026, 7, 1))
    name = f"{product.pk}@{location.pk}"
    assert ahead("M", 3) == [
        (name, date(2026, 6, 30), pytest.approx(2 / 30)),
        (name, date(2026, 7, 31), pytest.approx(1 / 31)),
    ]


@pytest.mark.django_db
def test_it_leaves_out_plans_recorded_after_the_time_asked_for() -> None:
    product, location = make_product(), make_location()
    sell(product, location, AS_OF, 5)
    promote(product, location, AS_OF + WEEK)
    panel = demand_panel(as_of=AS_OF, freq="W")
    earlier = timezone.now() - timedelta(hours=1)
    assert promotions_ahead(panel, as_of=AS_OF, known_at=earlier, freq="W", horizon=4) is None


@pytest.mark.django_db
def test_it_forecasts_more_for_a_promoted_week(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"
    location = make_location()
    products = [make_product() for _ in range(8)]
    recorded = timezone.now()
    sales = []
    for number, product in enumerate(products):
        for week in range(80):
            promoted = (week + number) % 5 == 0
            day = AS_OF - week * WEEK
            sales.append((product, day, 60 if promoted else 20))
            if promoted:
                promote(product, location, *(day - timedelta(days=back) for back in range(7)))
    SalesRecord.objects.bulk_create(
        [
            SalesRecord(product=p, location=location, day=day, quantity=Decimal(units), recorded_at=recorded)
            for p, day, units in sales
        ]
    )
    promote(products[0], location, *(AS_OF + WEEK + timedelta(days=day) for day in range(1, 8)))
    run = services.run_create(acting_user=None, spec=ForecastSpec(models=("linear",), horizon=3))
    run = services.run_execute(run_id=run.pk)
    assert run.report["spec"]["known"] == ["promotion"], run.error
    mean = selectors.distribution_read(run_id=run.pk, product_ids=[products[0].pk]).mean[0]
    assert mean[1] > 1.3 * max(mean[0], mean[2])
