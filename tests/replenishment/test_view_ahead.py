"""Pages of proposed actions and of projected stock, and the same in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import Location
from replenishment import selectors
from replenishment.models import PlanAction, Suggestion
from tests.cast import make_location, make_product, make_supplier, make_user
from tests.replenishment.ahead_world import make_action, make_item, make_open_order, plan_of
from tests.replenishment.world import later, make_plan, make_suggestion

pytestmark = pytest.mark.django_db
LIST = "/actions/"
KINDS: dict[str, dict[str, Any]] = {
    "expedite": {"days": 3, "sold": 2.5},
    "postpone": {"days": 12, "outstanding": 60},
    "cut": {"outstanding": 60},
    "cancel": {"outstanding": 60},
    "transfer": {},
    "return": {"instead": [{"kind": "write-off", "quantity": 4, "saving": 3.5}]},
    "markdown": {"days": 91, "price_cut": 0.3, "sold": 40.0, "elasticity": 2.0},
    "write-off": {},
}


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def make_all(count: int = 1) -> list[PlanAction]:
    """So many actions of each kind, those on orders on lines of their own."""
    plan, supplier, other = make_plan(), make_supplier(), make_location()
    made = []
    for _ in range(count):
        for kind, details in KINDS.items():
            product, here = make_product(), make_location()
            values: dict[str, Any] = {}
            if "outstanding" in details or kind == "expedite":
                order = make_open_order(
                    here, {product: 60.0}, expected_on=later(5), state="draft", supplier=supplier
                )
                values["order_line"] = order.lines.get()
            if kind == "transfer":
                values["other_location"] = other
            made.append(
                make_action(plan, product=product, location=here, kind=kind, details=details, **values)
            )
    return made


def decide(action: PlanAction, step: str) -> str:
    return reverse("replenishment:action-decide", args=[action.pk, step])


def test_it_says_what_to_do_of_each_kind(at_work: Client) -> None:
    make_all()
    answer = at_work.get(LIST)
    page = " ".join(answer.content.decode().split())
    for text in (
        "Ask for it 3 days earlier: 2.5 units fewer would be lost.",
        "Have it delivered 12 days later.",
        "Order 10 fewer of the 60 that are still to come.",
        "Take its 10 units off the order.",
        "which would buy them",
        "Send 10 units back to the supplier.",
        "Cut the price by 30% for 91 days: 40 units are expected to sell, 10 of them because of it.",
        "Write off 10 units",
        "Write off (4, $3.50)",
        "8 actions, expected to save $400",
    ):
        assert text in page, text
    assert "Nothing to do here" in at_work.get(LIST, {"kind": "cut", "state": "done"}).content.decode()


def test_its_filters_narrow_it_and_nonsense_does_not(at_work: Client) -> None:
    made = make_all()
    cut = next(action for action in made if action.kind == "cut")
    supplier = cut.order_line.order.supplier_id if cut.order_line else None

    def shown(**query: Any) -> int:
        return int(at_work.get(LIST, query).context["page"].paginator.count)

    assert shown() == 8
    assert shown(kind="cut") == shown(location=cut.location_id) == shown(q=cut.product.sku) == 1
    assert shown(supplier=supplier) == 4
    assert shown(supplier=10**30, location="x", kind="y", page="z", state="?") == 8


def test_its_queries_do_not_grow_with_its_rows(at_work: Client) -> None:
    make_all()
    at_work.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as few:
        at_work.get(LIST)
    PlanAction.objects.all().delete()
    make_all(4)
    with CaptureQueriesContext(connection) as many:
        at_work.get(LIST)
    assert len(many) == len(few) <= 18


def test_it_takes_decisions_and_comes_back_to_the_same_list(at_work: Client) -> None:
    cut = next(action for action in make_all() if action.kind == "cut")
    answer = at_work.post(decide(cut, "carry-out") + "?kind=cut", {"comment": ""})
    assert answer["Location"] == f"{LIST}?kind=cut"
    cut.refresh_from_db()
    assert cut.state == "done"
    assert cut.order_line is not None
    assert cut.order_line.quantity == 50
    other = PlanAction.objects.get(kind="return")
    page = at_work.post(decide(other, "dismiss"), {"comment": ""}, follow=True).content.decode()
    assert "Say why" in page
    at_work.post(decide(other, "dismiss"), {"comment": "season"})
    assert "season" in at_work.get(LIST, {"state": "dismissed"}).content.decode()
    at_work.post(decide(other, "reopen"))
    at_work.post(decide(other, "done"), {"comment": "sent back"})
    other.refresh_from_db()
    assert (other.state, other.comment) == ("done", "sent back")
    assert at_work.post(decide(other, "nonsense")).status_code == 404
    assert at_work.get(decide(other, "done")).status_code == 405
    assert at_work.post(decide(other, "done"), {"comment": "x" * 300}, follow=True).status_code == 200


def test_it_is_for_those_who_may(client: Client, viewer: User, partner_of_supplier: User) -> None:
    action = make_all()[0]
    assert client.get(LIST).status_code == 302
    client.force_login(viewer)
    page = client.get(LIST)
    assert page.status_code == 200
    assert decide(action, "done") not in page.content.decode()
    assert client.post(decide(action, "done"), {"comment": "x"}).status_code == 403
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        assert client.get(LIST).status_code == 403
        assert client.post(decide(action, "dismiss"), {"comment": "x"}).status_code == 403
    action.refresh_from_db()
    assert action.state == "open"


def test_the_sku_page_projects_the_stock(at_work: Client, place: Location) -> None:
    product = make_item(place, on_hand=20)
    make_open_order(place, {product: 10}, expected_on=later(-3))
    plan = plan_of({product: 14}, place)
    suggestion = plan.suggestions.get()
    args = [product.pk, place.pk]
    assert (
        reverse("replenishment:sku-projected", args=args)
        in at_work.get(reverse("replenishment:sku", args=args)).content.decode()
    )
    page = at_work.get(reverse("replenishment:sku-projected", args=args))
    dated = page.context["dated"]
    assert dated.stock_out_on == suggestion.stock_out_on == later(16)
    assert dated.orders[0].quantity == suggestion.order_quantity > 0
    assert (dated.orders[0].day, dated.orders[0].arrives) == (plan.as_of, later(7))
    assert dated.orders[0].value == pytest.approx(suggestion.home_value)
    assert dated.arrivals[0].is_late
    assert dated.chance_before_arrival < dated.chance_unordered
    assert dated.chance_ordered < dated.chance_unordered
    assert "late" in page.content.decode()


def test_a_drafted_suggestion_is_not_counted_twice(at_work: Client, place: Location, buyer: User) -> None:
    from replenishment import services

    product = make_item(place, on_hand=5)
    suggestion = plan_of({product: 14}, place).suggestions.get()
    before = selectors.dated_plan(suggestion)
    services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    suggestion = Suggestion.objects.get()
    after = selectors.dated_plan(suggestion)
    assert before is not None
    assert after is not None
    assert before.orders[0].quantity == after.arrivals[0].quantity
    assert (after.expected == before.expected).all()


def test_it_projects_nothing_without_stock_terms_or_forecast(at_work: Client) -> None:
    suggestion = make_suggestion(make_plan())
    args = [suggestion.product_id, suggestion.location_id]
    page = at_work.get(reverse("replenishment:sku-projected", args=args)).content.decode()
    assert "holds no stock, lead time or forecast of its own" in page
    assert at_work.get(reverse("replenishment:sku-projected", args=[10**30, 1])).status_code == 200


def test_projections_are_for_those_who_may(
    client: Client, partner_of_supplier: User, place: Location
) -> None:
    product = make_item(place)
    plan = plan_of({product: 14}, place)
    addresses = [
        reverse("replenishment:sku-projected", args=[product.pk, place.pk]),
        reverse("replenishment:plan-purchases-chart", args=[plan.pk]),
    ]
    for address in addresses:
        assert client.get(address).status_code == 302
    for user in (partner_of_supplier, make_user("nobody")):
        client.force_login(user)
        for address in addresses:
            assert client.get(address).status_code == 403


def test_purchases_ahead_are_drawn_and_listed(at_work: Client, place: Location) -> None:
    plan = plan_of({make_item(place, on_hand=0): 14.0}, place)
    chart = at_work.get(reverse("replenishment:plan-purchases-chart", args=[plan.pk]), {"width": "300"})
    assert chart.json()["doc"]["roots"]
    part = render_to_string(
        "replenishment/partials/purchases_ahead.html",
        {"plan": plan, "purchases": selectors.purchases_ahead(plan), "home_currency": "USD"},
    )
    assert part.count("<tr>") == 3
    page = at_work.get(reverse("replenishment:plan-detail", args=[plan.pk])).content.decode()
    assert "Purchases ahead" in page
    assert "bokeh.min.js" in page
    plan.report = {}
    plan.save()
    assert list(at_work.get(reverse("replenishment:plan-purchases-chart", args=[plan.pk])).json()) == [
        "empty"
    ]


# API


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_the_api_lists_and_decides(buyer: User, viewer: User) -> None:
    made = make_all()
    make_plan(state="failed")
    client = api(buyer)
    url = reverse("api:plan-action-list")
    rows = client.get(url).json()["results"]
    assert {row["kind"] for row in rows} == set(KINDS)
    assert client.get(url, {"kind": "cut", "min_saving": "60"}).json()["results"] == []
    cut = next(action for action in made if action.kind == "cut")
    detail = client.get(reverse("api:plan-action-detail", args=[cut.pk])).json()
    assert (detail["sku"], detail["order_line"], detail["details"]) == (
        cut.product.sku,
        cut.order_line_id,
        {"outstanding": 60},
    )
    carry_out = reverse("api:plan-action-carry-out", args=[cut.pk])
    assert api(viewer).post(carry_out, {}).status_code == 403
    assert client.post(carry_out, {}).json()["state"] == "done"
    assert client.post(carry_out, {}).status_code == 400
    other = next(action for action in made if action.kind == "return")
    dismiss = reverse("api:plan-action-dismiss", args=[other.pk])
    assert client.post(dismiss, {}).status_code == 400
    assert client.post(dismiss, {"comment": "season"}).json()["comment"] == "season"
    assert client.post(reverse("api:plan-action-reopen", args=[other.pk])).json()["state"] == "open"
    done = client.post(reverse("api:plan-action-done", args=[other.pk]), {"comment": "sent back"})
    assert done.json()["decided_by"] == buyer.username


def test_the_api_gives_the_dated_plan(buyer: User, place: Location, partner_of_supplier: User) -> None:
    suggestion = plan_of({make_item(place, on_hand=20): 14}, place).suggestions.get()
    url = reverse("api:suggestion-dated-plan", args=[suggestion.pk])
    found = api(buyer).get(url).json()
    assert found["stock_out_on"] == str(later(11))
    assert len(found["days"]) == 85
    day = found["days"][30]
    assert day["p10"] <= day["p50"] <= day["p90"]
    assert found["orders"][0]["quantity"] == suggestion.order_quantity
    bare = make_suggestion(make_plan())
    assert api(buyer).get(reverse("api:suggestion-dated-plan", args=[bare.pk])).status_code == 404
    assert api(partner_of_supplier).get(url).status_code == 403
    assert api(make_user("nobody")).get(url).status_code == 403
