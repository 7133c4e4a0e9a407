from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.utils import timezone

from catalog.models import CalendarEvent, Location, Product, PromotionRecord, SalesRecord
from catalog.selectors import demand_panel
from forecasting.services.known import known_append
from tests.cast import make_location, make_product
from tests.forecasting.shop import AS_OF

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def sell(product: Product, *places: Location) -> None:
    SalesRecord.objects.bulk_create(
        [
            SalesRecord(product=product, location=place, day=AS_OF - back * WEEK, quantity=Decimal(3))
            for place in places
            for back in range(3)
        ]
    )


def happen(*events: tuple[str, date]) -> None:
    CalendarEvent.objects.bulk_create(
        [CalendarEvent(country=country, day=day, name=f"e{k}") for k, (country, day) in enumerate(events)]
    )


def known(horizon: int = 4) -> tuple[pl.DataFrame, tuple[str, ...]]:
    panel = demand_panel(as_of=AS_OF, freq="W")
    return known_append(panel, as_of=AS_OF, known_at=timezone.now(), freq="W", horizon=horizon)


def events_of(panel: pl.DataFrame, product: Product, place: Location) -> list[Any]:
    name = f"{product.pk}@{place.pk}"
    rows = panel.with_columns(pl.col("unique_id").cast(pl.String)).filter(pl.col("unique_id") == name)
    return rows.sort("ds")["event"].to_list()


@pytest.mark.django_db
def test_it_shares_events_by_days_in_their_country_or_everywhere_past_and_ahead() -> None:
    product = make_product()
    home, abroad = make_location(country="GB"), make_location(country="CN")
    sell(product, home, abroad)
    happen(
        ("GB", AS_OF - WEEK),  # the last day of its week
        ("GB", AS_OF - WEEK + DAY),  # the first of the next
        ("", AS_OF + 2 * DAY),
        ("GB", AS_OF + 2 * DAY),  # the same day twice counts once
        ("CN", AS_OF + WEEK + DAY),
        ("CN", AS_OF + WEEK + 2 * DAY),
    )
    panel, columns = known()
    assert columns == ("event",)
    seventh = pytest.approx(1 / 7)
    assert events_of(panel, product, home) == [0, seventh, seventh, seventh, 0]
    assert events_of(panel, product, abroad) == [0, 0, 0, seventh, pytest.approx(2 / 7)]
    # Nothing else is known of the periods ahead.
    assert panel.filter(pl.col("ds") > AS_OF)["y"].null_count() == 4


@pytest.mark.django_db
def test_it_knows_of_no_events_where_none_lies_ahead() -> None:
    product, place = make_product(), make_location(country="GB")
    sell(product, place)
    happen(("GB", AS_OF - DAY), ("GB", AS_OF + 5 * WEEK))
    panel, columns = known()
    assert columns == ()
    assert "event" not in panel.columns
    assert panel["ds"].max() == AS_OF


@pytest.mark.django_db
def test_events_and_promotions_share_the_rows_of_the_periods_ahead() -> None:
    product, place = make_product(), make_location(country="GB")
    sell(product, place)
    happen(("", AS_OF + 10 * DAY))
    PromotionRecord.objects.create(product=product, location=place, day=AS_OF + DAY, kind="display")
    panel, columns = known()
    assert columns == ("promotion", "event")
    ahead = panel.filter(pl.col("ds") > AS_OF).sort("ds")
    assert ahead["promotion"].to_list() == [pytest.approx(1 / 7), None]
    assert ahead["event"].to_list() == [0, pytest.approx(1 / 7)]
