"""The workbench's transfers, and orders between locations on the pages and in the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Location
from replenishment import services
from replenishment.models import PlanAction, PlanRun, PurchaseOrder
from tests.cast import make_lane, make_location, make_product, make_terms
from tests.replenishment.world import make_forecast, make_plan, make_stock, make_suggestion, run_plan

pytestmark = pytest.mark.django_db

WORKBENCH = reverse("replenishment:workbench")
DRAFTS = reverse("replenishment:transfer-drafts")


def make_transfer(plan: PlanRun, source: Location, destination: Location, **values: object) -> PlanAction:
    product = make_product()
    for place in (source, destination):
        make_suggestion(plan, product=product, location=place, order_quantity=0.0)
    details = {"lane": 1, "lead_time_days": 2.0, "is_supply": False, "wanted": 12.0}
    return PlanAction.objects.create(
        plan_run=plan,
        kind=PlanAction.Kind.TRANSFER,
        product=product,
        location=source,
        other_location=destination,
        quantity=12,
        saving=30.5,
        cost=1.2,
        details=details | values,
    )


@pytest.fixture
def ends(db: None) -> tuple[Location, Location]:
    return make_location(code="HUB"), make_location(code="SHOP")


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def test_it_shows_what_would_move(at_work: Client, ends: tuple[Location, Location]) -> None:
    plan = make_plan()
    row = make_transfer(plan, *ends, wanted=20.0)
    make_transfer(plan, *reversed(ends), is_supply=True)
    done = make_transfer(plan, *ends)
    PlanAction.objects.filter(pk=done.pk).update(state="done")
    response = at_work.get(WORKBENCH, {"state": "transfers"})
    assert {name: count for name, _label, count in response.context["tabs"]}["transfers"] == 2
    text = response.content.decode()
    for part in (row.product.sku, "HUB", "SHOP", "of 20 wanted", "Excess", "Supply", "2 d"):
        assert part in text
    assert done.product.sku not in text
    found = at_work.get(WORKBENCH, {"state": "transfers", "q": row.product.sku}).context["page"]
    assert list(found.object_list) == [row]


def test_it_makes_drafts_of_the_ticked(at_work: Client, ends: tuple[Location, Location]) -> None:
    plan = make_plan()
    one, two = make_transfer(plan, *ends), make_transfer(plan, *ends)
    response = at_work.post(DRAFTS, {"transfer": [one.pk, two.pk]})
    order = PurchaseOrder.objects.get()
    address = reverse("replenishment:order-detail", args=[order.pk])
    assert response.headers["Location"] == address
    page = at_work.get(address).content.decode()
    assert "HUB → SHOP" in page
    assert order.lines.count() == 2
    listed = at_work.get(reverse("replenishment:order-list"), {"q": "HUB"}).content.decode()
    assert order.number in listed
    assert "Transfer" in listed
    again = at_work.post(DRAFTS, {"transfer": [one.pk]}, follow=True).content.decode()
    assert "nothing new to draft" in again
    assert "Nothing was ticked" in at_work.post(DRAFTS, {"transfer": ["x"]}, follow=True).content.decode()


def test_it_says_when_a_newer_plan_has_come(at_work: Client, ends: tuple[Location, Location]) -> None:
    row = make_transfer(make_plan(), *ends)
    make_plan()
    page = at_work.post(DRAFTS, {"transfer": [row.pk]}, follow=True).content.decode()
    assert "newer plan" in page
    assert not PurchaseOrder.objects.exists()


def test_the_steps_of_a_transfer_are_those_of_an_order(
    at_work: Client, buyer: User, ends: tuple[Location, Location]
) -> None:
    [order] = services.transfers_draft(action_ids=[make_transfer(make_plan(), *ends).pk], acting_user=buyer)
    at_work.post(reverse("replenishment:order-act", args=[order.pk, "submit"]))
    PurchaseOrder.objects.update(state="approved")
    sent = at_work.post(reverse("replenishment:order-act", args=[order.pk, "send"]), follow=True)
    assert "only 0 are on hand" in sent.content.decode()
    PurchaseOrder.objects.update(state="sent")
    page = at_work.get(reverse("replenishment:order-detail", args=[order.pk]))
    assert "cancel" not in page.context["actions"]
    assert "receive" in page.context["actions"]


def test_who_only_looks_can_t_draft(client: Client, viewer: User, ends: tuple[Location, Location]) -> None:
    row = make_transfer(make_plan(), *ends)
    client.force_login(viewer)
    page = client.get(WORKBENCH, {"state": "transfers"}).content.decode()
    assert row.product.sku in page
    assert 'name="transfer"' not in page
    assert client.post(DRAFTS, {"transfer": [row.pk]}).status_code == 403
    client.logout()
    assert client.post(DRAFTS, {"transfer": [row.pk]}).status_code == 302
    assert not PurchaseOrder.objects.exists()


def test_pages_of_rows_that_only_others_demand_reaches(
    at_work: Client, ends: tuple[Location, Location]
) -> None:
    hub, shop = ends
    make_lane(hub, shop, is_supply=True)
    product = make_product()
    make_terms(product=product)
    make_stock(product, hub, 50)
    make_stock(product, shop, 1)
    plan = run_plan(make_forecast({(product, shop): 9}))
    for row in plan.suggestions.all():
        assert at_work.get(reverse("replenishment:suggestion-explain", args=[row.pk])).status_code == 200
        page = at_work.get(reverse("replenishment:sku", args=[product.pk, row.location_id]))
        assert page.status_code == 200
    assert "Supplies" in at_work.get(reverse("replenishment:sku", args=[product.pk, hub.pk])).content.decode()


def test_it_asks_the_database_as_often_for_many(at_work: Client, ends: tuple[Location, Location]) -> None:
    plan = make_plan()

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert at_work.get(WORKBENCH, {"state": "transfers"}).status_code == 200
        return len(queries)

    make_transfer(plan, *ends)
    asked()
    one = asked()
    for _ in range(20):
        make_transfer(plan, *ends)
    assert asked() == one
