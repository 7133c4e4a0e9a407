"""New products: look-alikes are found, forecasts come from them, and plans order by these."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from catalog.models import ExchangeRate, Job, Location, Product, SalesRecord, StockLevel
from catalog.selectors import demand_panel, prices_latest
from catalog.services.by_hand import row_save
from forecasting import selectors, services
from forecasting.core.spec import ForecastSpec
from forecasting.models import (
    ForecastDistribution,
    ForecastRun,
    LookAlike,
    LookAlikeChoice,
    ProductVector,
    SignalRun,
)
from forecasting.services.look_alikes import _goods, look_alikes_find
from forecasting.services.new_products import planned_read
from forecasting.words import warning_text
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.forecasting.shop import AS_OF

QUICK = ForecastSpec(models=("moving_average",), horizon=6)


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"


def sell(product: Product, place: Location, *, rate: float, weeks: int) -> None:
    """Poisson sales of every day of the last weeks."""
    randomness = np.random.default_rng(product.pk)
    SalesRecord.objects.bulk_create(
        SalesRecord(
            product=product,
            location=place,
            day=AS_OF - timedelta(days=back),
            quantity=Decimal(int(units)),
            revenue=Decimal(3 * int(units)),
            recorded_at=timezone.now(),
        )
        for back, units in enumerate(randomness.poisson(rate, 7 * weeks))
        if units or back == 7 * weeks - 1
    )


@pytest.fixture
def shop(db: None) -> dict[str, Any]:
    """Bags sell ten a day, lamps one; a new bag has supply terms and has not sold yet."""
    place = make_location()
    bags = [make_product(sku=f"BAG{n}", name=f"jumbo bag {c}") for n, c in enumerate(["red", "blue", "pink"])]
    lamps = [make_product(sku=f"LAMP{n}", name=f"desk lamp {c}") for n, c in enumerate(["oak", "tin", "ash"])]
    for product in bags:
        sell(product, place, rate=10, weeks=40)
    for product in lamps:
        sell(product, place, rate=1, weeks=40)
    new = make_product(sku="BAGNEW", name="jumbo bag green", status="new")
    make_terms(supplier=make_supplier(), product=new, location=place)
    StockLevel.objects.create(
        product=new, location=place, day=AS_OF, on_hand=Decimal(0), recorded_at=timezone.now()
    )
    return {"place": place, "bags": bags, "lamps": lamps, "new": new}


def read_signals() -> dict[str, Any]:
    run = SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now(), state=Job.State.DONE)
    report = look_alikes_find(run, lambda share: None)
    SignalRun.objects.filter(pk=run.pk).update(report={"look_alikes": report})
    return report


def run_done(as_of: date = AS_OF) -> ForecastRun:
    run = services.run_create(acting_user=None, spec=QUICK, as_of=as_of)
    run = services.run_execute(run_id=run.pk)
    assert run.error == ""
    return run


def test_the_family_is_found_and_the_product_has_a_distribution(shop: dict[str, Any]) -> None:
    assert read_signals()["products"] == 1
    rows = {row.neighbour_id: row.weight for row in LookAlike.objects.filter(product=shop["new"])}
    assert sum(rows.values()) == pytest.approx(1)
    bags = sum(weight for pk, weight in rows.items() if pk in {bag.pk for bag in shop["bags"]})
    assert bags > 0.8
    run = run_done()
    assert run.series == 7
    assert run.report["new_products"] == {"series": 1, "without_sales": 1}
    own = ForecastDistribution.objects.get(run=run, product=shop["new"])
    assert (own.model, own.own_share, own.pattern) == ("look_alike", 0.0, "new")
    demand = selectors.distribution_read(run_id=run.pk, product_ids=[shop["new"].pk])
    assert 25 < demand.mean[0, 0] < 140  # bags sell 70 a week, lamps 7


def test_the_same_data_is_not_forecast_again_but_a_choice_is(shop: dict[str, Any], buyer: User) -> None:
    read_signals()
    first = run_done()
    assert run_done().same_as_id == first.pk
    for bag in shop["bags"]:
        services.look_alike_choose(product=shop["new"], neighbour=bag, choice="removed", acting_user=buyer)
    after = run_done()
    assert after.same_as_id is None
    means = [
        selectors.distribution_read(run_id=run.pk, product_ids=[shop["new"].pk]).mean[0, 0]
        for run in (first, after)
    ]
    assert means[1] < means[0] / 2


def test_what_was_removed_stays_out_and_what_was_added_stays_in(shop: dict[str, Any], buyer: User) -> None:
    new, [bag, *_], [lamp, *_] = shop["new"], shop["bags"], shop["lamps"]
    read_signals()
    services.look_alike_choose(product=new, neighbour=bag, choice="removed", acting_user=buyer)
    services.look_alike_choose(product=new, neighbour=lamp, choice="added", acting_user=buyer)
    for again in (False, True):
        if again:
            read_signals()
        rows = {row.neighbour_id: row.weight for row in LookAlike.objects.filter(product=new)}
        assert bag.pk not in rows
        assert rows[lamp.pk] == pytest.approx(max(rows.values()))
        assert sum(rows.values()) == pytest.approx(1)
    choice = LookAlikeChoice.objects.get(product=new, neighbour=lamp)
    assert (choice.choice, choice.decided_by) == ("added", buyer)


def test_a_choice_made_while_they_are_computed_counts(shop: dict[str, Any], buyer: User) -> None:
    new, [bag, *_], [lamp, *_] = shop["new"], shop["bags"], shop["lamps"]

    def choose(share: float) -> None:
        for other, choice in ((bag, "removed"), (lamp, "added")):
            services.look_alike_choose(product=new, neighbour=other, choice=choice, acting_user=buyer)

    run = SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now())
    look_alikes_find(run, choose)
    rows = {row.neighbour_id: row.weight for row in LookAlike.objects.filter(product=new)}
    assert bag.pk not in rows
    assert rows[lamp.pk] == pytest.approx(max(rows.values()))
    assert sum(rows.values()) == pytest.approx(1)


def test_products_that_come_while_it_reads_wait_for_the_next_reading(
    shop: dict[str, Any], buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prices_later(*, as_of: date) -> Any:
        late = make_product(name="jumbo bag black")
        sell(late, shop["place"], rate=5, weeks=10)
        ProductVector.objects.create(
            product=late, kind="text", model_id="m", content_sha="x", vector=np.ones(2, dtype="<f2").tobytes()
        )
        services.look_alike_choose(product=shop["new"], neighbour=late, choice="removed", acting_user=buyer)
        return prices_latest(as_of=as_of)

    monkeypatch.setattr("catalog.selectors.prices_latest", prices_later)
    assert read_signals()["products"] == 1


def test_a_run_of_an_earlier_day_does_not_see_what_later_sales_told(shop: dict[str, Any]) -> None:
    read_signals()
    run = run_done(AS_OF - timedelta(days=7))
    assert not ForecastDistribution.objects.filter(run=run, product=shop["new"]).exists()
    assert "Look-alikes were found from later sales" in warning_text(run.report["warnings"][-1])


def test_a_reading_while_today_is_open_serves_the_forecast_of_yesterday(
    shop: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FORESTOCK_TODAY = "clock"
    monkeypatch.setattr("catalog.selectors.today", lambda: AS_OF)
    read_signals()
    run = ForecastRun(as_of=AS_OF - timedelta(days=1), known_at=timezone.now())
    assert selectors.as_of_default() == run.as_of
    panel = demand_panel(as_of=run.as_of, freq="W")
    planned = planned_read(run, panel)
    assert planned.near
    assert planned.weights
    run.known_at -= timedelta(hours=1)
    assert planned_read(run, panel).too_late


def test_what_was_discontinued_after_a_run_was_asked_for_is_still_new_to_it(shop: dict[str, Any]) -> None:
    read_signals()
    reading = SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now())
    run = ForecastRun(as_of=AS_OF, known_at=timezone.now())
    shop["new"].status = Product.Status.DISCONTINUED
    row_save(row=shop["new"])
    panel = demand_panel(as_of=run.as_of, freq="W")
    assert list(planned_read(run, panel).near) == [shop["new"].pk]
    assert look_alikes_find(reading, lambda share: None)["products"] == 1
    run.known_at = timezone.now()
    assert planned_read(run, panel).near == {}
    assert read_signals()["products"] == 0


def test_prices_are_compared_in_the_home_currency(shop: dict[str, Any], settings: Settings) -> None:
    settings.FORESTOCK_HOME_CURRENCY = "USD"
    ExchangeRate.objects.create(base="JPY", quote="USD", day=AS_OF, rate=Decimal("0.01"))
    for currency in ("JPY", "XAF"):
        sell(shop["bags"][0], make_location(currency=currency), rate=5, weeks=10)
    ids, goods = _goods(AS_OF)
    prices = dict(zip(ids.tolist(), goods.price.tolist(), strict=True))
    # All sell for 3 of the local currency; of one no rate is known.
    assert prices[shop["bags"][0].pk] == pytest.approx((3 + 0.03) / 2)
    assert prices[shop["bags"][1].pk] == pytest.approx(3)


def test_nothing_is_learned_of_itself_or_of_what_never_sold(shop: dict[str, Any], buyer: User) -> None:
    for other in (shop["new"], make_product()):
        with pytest.raises(services.LookAlikeError):
            services.look_alike_choose(
                product=shop["new"], neighbour=other, choice="added", acting_user=buyer
            )


def test_own_sales_take_over_and_the_parts_still_add_up(shop: dict[str, Any]) -> None:
    sell(shop["new"], shop["place"], rate=4, weeks=6)
    read_signals()
    run = run_done()
    own = ForecastDistribution.objects.get(run=run, product=shop["new"])
    assert own.model == "look_alike+moving_average"
    assert own.own_share is not None
    assert 0.2 < own.own_share < 1
    mean = np.frombuffer(bytes(own.mean), dtype="<f4")
    parts = np.frombuffer(bytes(own.contributions), dtype="<f4").reshape(len(mean), -1)
    np.testing.assert_allclose(parts.sum(axis=1), mean, rtol=1e-4)
    assert 20 < mean[0] < 60


def test_a_successor_whose_predecessor_still_sells_inherits_and_is_not_counted_twice(
    shop: dict[str, Any],
) -> None:
    Product.objects.filter(pk=shop["bags"][0].pk).update(status="phase-out", successor=shop["new"])
    read_signals()
    run = run_done()
    assert not ForecastDistribution.objects.filter(run=run, product=shop["new"]).exists()


def test_terms_that_hold_everywhere_plan_it_where_its_look_alikes_sell(shop: dict[str, Any]) -> None:
    elsewhere = make_location()
    second = make_product(sku="BAGSECOND", name="jumbo bag yellow", status="new")
    make_terms(supplier=make_supplier(), product=second, location=None)
    read_signals()
    rows = ForecastDistribution.objects.filter(run=run_done(), product=second)
    assert [row.location_id for row in rows] == [shop["place"].pk]
    assert elsewhere.pk not in [row.location_id for row in rows]


def test_a_warehouse_that_never_sells_gets_no_demand_of_its_own(shop: dict[str, Any]) -> None:
    warehouse = make_location()
    make_terms(supplier=make_supplier(), product=shop["new"], location=warehouse)
    StockLevel.objects.create(
        product=shop["new"], location=warehouse, day=AS_OF, on_hand=Decimal(5), recorded_at=timezone.now()
    )
    read_signals()
    rows = ForecastDistribution.objects.filter(run=run_done(), product=shop["new"])
    assert [row.location_id for row in rows] == [shop["place"].pk]


def page_of(name: str, *pks: int) -> str:
    return reverse(f"forecasting:{name}", args=pks)


def test_the_list_shows_what_is_expected_and_from_whom(
    shop: dict[str, Any], client: Client, viewer: User
) -> None:
    read_signals()
    run_done()
    client.force_login(viewer)
    page = client.get(page_of("new-products"))
    assert page.status_code == 200
    [line] = page.context["lines"]
    assert (line.product, line.launched_on, line.own_weeks, line.own_share) == (shop["new"], None, 0, 0.0)
    assert line.low < line.mean < line.high
    assert {alike.product.sku[:3] for alike in line.alikes[:3]} == {"BAG"}
    assert b"BAGNEW" in client.get(page_of("new-products") + "?q=bagnew").content
    assert b"BAGNEW" not in client.get(page_of("new-products") + "?q=lamp").content


def test_the_list_costs_the_same_queries_at_any_length(
    shop: dict[str, Any], client: Client, viewer: User
) -> None:
    client.force_login(viewer)
    counts = []
    for more in range(2):
        for number in range(8 * more):
            make_terms(
                supplier=make_supplier(),
                product=make_product(name=f"jumbo bag {number}", status="new"),
                location=shop["place"],
            )
        read_signals()
        with CaptureQueriesContext(connection) as seen:
            client.get(page_of("new-products"))
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_buyer_takes_one_out_and_puts_one_in(shop: dict[str, Any], client: Client, buyer: User) -> None:
    read_signals()
    client.force_login(buyer)
    new, [bag, *_], [lamp, *_] = shop["new"], shop["bags"], shop["lamps"]
    assert bag.sku in client.get(page_of("look-alikes", new.pk)).content.decode()
    page = client.post(page_of("look-alike-remove", new.pk, bag.pk))
    assert page.status_code == 200
    assert f"{bag.sku} removed by {buyer.username}" in page.content.decode()
    assert not LookAlike.objects.filter(product=new, neighbour=bag).exists()
    assert client.post(page_of("look-alikes", new.pk), {"sku": lamp.sku}).status_code == 200
    assert client.post(page_of("look-alikes", new.pk), {"sku": "no such"}).status_code == 422
    assert client.post(page_of("look-alikes", new.pk), {"sku": new.sku}).status_code == 422
    assert client.post(page_of("look-alike-undo", new.pk, bag.pk)).status_code == 200
    assert [choice.neighbour for choice in LookAlikeChoice.objects.all()] == [lamp]
    options = client.get(page_of("look-alike-search", new.pk) + "?sku=lamp").content.decode()
    assert options.count("<option") == 3


def test_others_may_look_or_not_even_that(
    shop: dict[str, Any], client: Client, viewer: User, partner_of_supplier: User
) -> None:
    read_signals()
    new, bag = shop["new"].pk, shop["bags"][0].pk
    writes = [
        ("look-alikes", (new,)),
        ("look-alike-remove", (new, bag)),
        ("look-alike-undo", (new, bag)),
    ]
    client.force_login(viewer)
    for name, pks in writes:
        assert client.post(page_of(name, *pks), {"sku": "BAG0"}).status_code == 403
    assert client.get(page_of("look-alike-search", new)).status_code == 403
    assert LookAlikeChoice.objects.count() == 0
    client.force_login(partner_of_supplier)
    assert client.get(page_of("new-products")).status_code == 403
    assert client.get(page_of("look-alikes", new)).status_code == 403


def test_a_plan_orders_a_product_that_never_sold(shop: dict[str, Any]) -> None:
    from replenishment import services as replenishment
    from replenishment.models import Suggestion

    read_signals()
    run_done()
    plan = replenishment.plan_create(acting_user=None)
    plan = replenishment.plan_execute(plan_id=plan.pk)
    assert plan.error == ""
    row = Suggestion.objects.get(plan_run=plan, product=shop["new"])
    assert row.order_quantity > 0, row.reason
