from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Category, ExchangeRate, Product
from catalog.selectors import demand_panel
from forecasting.models import SignalRun, TrendReading
from forecasting.services.trends import _kinds, trends_read
from tests.cast import make_category, make_location, make_user
from tests.forecasting.shop import AS_OF, make_sales
from tests.replenishment.world import make_plan, make_suggestion

BOARD = reverse("forecasting:trend-board")


def read() -> SignalRun:
    """A run in which trends were told."""
    run = SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now() + timedelta(seconds=5))
    run.report = {"trends": trends_read(run, lambda share: None)}
    run.state = SignalRun.State.DONE
    run.save()
    return run


def shop() -> Category:
    """Four products in a category under another one, with 60 weeks of sales."""
    inner = make_category(parent=make_category(name="Kitchen"), name="Pans")
    Product.objects.filter(pk__in=[row.pk for row in make_sales(weeks=60)]).update(category=inner)
    return inner


@pytest.mark.django_db
def test_it_tells_products_categories_and_markets() -> None:
    shop()
    report = read().report["trends"]
    assert (report["products"], report["categories"], report["markets"]) == (4, 2, 1)
    assert TrendReading.objects.count() == 7
    whole = TrendReading.objects.get(category__name="Kitchen")
    parts = TrendReading.objects.filter(kind="product")
    assert whole.evidence["last"] == sum(row.evidence["last"] for row in parts)
    assert len(whole.sparkline) == 60
    assert len(parts[0].sparkline) == 52


@pytest.mark.django_db
def test_a_repeated_run_tells_them_once_and_a_later_one_knows_the_class_before() -> None:
    shop()
    run = read()
    trends_read(run, lambda share: None)
    assert TrendReading.objects.filter(run=run).count() == 7
    later = read()
    before = {row.product_id: row.trend for row in TrendReading.objects.filter(run=run, kind="product")}
    for row in TrendReading.objects.filter(run=later, kind="product"):
        assert row.previous == before[row.product_id]


@pytest.mark.django_db
def test_revenue_of_other_currencies_is_counted_in_the_home_currency(settings: Settings) -> None:
    settings.FORESTOCK_HOME_CURRENCY = "USD"
    ExchangeRate.objects.create(base="JPY", quote="USD", day=AS_OF, rate=Decimal("0.01"))
    make_sales(products=1, weeks=30)
    make_sales(products=1, weeks=30, location=make_location(currency="JPY", country="JP"))
    make_sales(products=1, weeks=30, location=make_location(currency="XAF", country="CM"))
    panel = demand_panel(as_of=AS_OF, freq="W")
    [products, markets] = _kinds(panel, AS_OF)
    # A unit sells for 3 of the local currency.
    assert products.worth.tolist() == pytest.approx([3, 0.03, 0])
    assert markets.worth.tolist() == pytest.approx([3, 0.03, 0])


@pytest.mark.django_db
def test_it_keeps_the_last_two_runs() -> None:
    make_sales(products=1, weeks=30)
    runs = [read() for _ in range(4)]
    kept = set(TrendReading.objects.values_list("run", flat=True))
    assert kept == {run.pk for run in runs[-2:]}


@pytest.mark.django_db
def test_a_shop_without_sales_has_no_trends(client: Client, buyer: User) -> None:
    assert read().report["trends"]["products"] == 0
    client.force_login(buyer)
    assert client.get(BOARD).status_code == 200


@pytest.mark.django_db
def test_the_board_lists_by_class_kind_category_and_words(client: Client, buyer: User) -> None:
    inner = shop()
    read()
    client.force_login(buyer)
    assert client.get(BOARD).context["page"].paginator.count == 4
    assert client.get(BOARD, {"kind": "category"}).context["page"].paginator.count == 2
    assert client.get(BOARD, {"category": str(inner.parent_id)}).context["page"].paginator.count == 4
    assert client.get(BOARD, {"kind": "category", "q": "pans"}).context["page"].paginator.count == 1
    tabs = client.get(BOARD).context["tabs"]
    assert tabs[0].count == sum(tab.count for tab in tabs[1:]) == 4
    for tab in tabs[1:]:
        assert client.get(BOARD, {"trend": tab.key}).context["page"].paginator.count == tab.count
    assert client.get(BOARD, {"kind": "x", "trend": "y", "category": "z", "page": "-"}).status_code == 200


@pytest.mark.django_db
def test_a_category_shows_its_products(client: Client, buyer: User) -> None:
    inner = shop()
    read()
    client.force_login(buyer)
    response = client.get(reverse("forecasting:trend-detail", args=["category", inner.parent_id]))
    assert response.status_code == 200
    assert len(response.context["lines"]) == 4
    product = Product.objects.earliest("pk")
    assert client.get(reverse("forecasting:trend-detail", args=["product", product.pk])).status_code == 200
    assert client.get(reverse("forecasting:trend-detail", args=["product", 10**9])).status_code == 404
    assert client.get(reverse("forecasting:trend-detail", args=["planet", 1])).status_code == 404


@pytest.mark.django_db
def test_partners_see_no_trends(client: Client, partner_of_supplier: User) -> None:
    client.force_login(partner_of_supplier)
    assert client.get(BOARD).status_code == 403
    assert client.get(reverse("forecasting:trend-detail", args=["product", 1])).status_code == 403


@pytest.mark.django_db
def test_more_products_need_no_more_queries(client: Client, buyer: User) -> None:
    shop()
    client.force_login(buyer)

    def queries() -> int:
        read()
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(BOARD).status_code == 200
        return len(caught)

    queries()
    few = queries()
    make_sales(products=12, weeks=30)
    assert queries() == few


@pytest.mark.django_db
def test_the_workbench_and_the_page_of_an_sku_show_the_trend_to_those_who_may(
    client: Client, buyer: User
) -> None:
    shop()
    read()
    reading = TrendReading.objects.filter(kind="product").latest("pk")
    TrendReading.objects.filter(pk=reading.pk).update(trend="rising")
    plan = make_plan()
    suggestion = make_suggestion(plan, product=reading.product)
    page = reverse("replenishment:sku", args=[suggestion.product_id, suggestion.location_id])
    detail = reverse("forecasting:trend-detail", args=["product", suggestion.product_id])
    client.force_login(buyer)
    assert 'class="trend trend--good"' in client.get("/workbench/").content.decode()
    assert detail in client.get(page).content.decode()
    plans = make_user("plans")
    plans.user_permissions.add(Permission.objects.get(codename="view_suggestion"))
    client.force_login(plans)
    assert 'class="trend ' not in client.get("/workbench/").content.decode()
    assert detail not in client.get(page).content.decode()
