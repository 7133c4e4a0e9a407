"""Purchase orders: the list, one order, and its steps."""

from __future__ import annotations

import re
import uuid
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import ExchangeRate, StockLevel
from inventory_site.templatetags.forestock import money
from replenishment.models import PurchaseOrder
from tests.replenishment.world import make_order

pytestmark = pytest.mark.django_db
ORDERS = "/orders/"
HTMX = {"HX-Request": "true"}


def act(client: Client, order: PurchaseOrder, action: str, **values: str) -> str:
    address = reverse("replenishment:order-act", args=[order.pk, action])
    page = client.post(address, values, follow=True).content.decode()
    order.refresh_from_db()
    return page


def buttons(client: Client, order: PurchaseOrder) -> set[str]:
    page = client.get(reverse("replenishment:order-detail", args=[order.pk])).content.decode()
    steps = ("submit", "return", "send", "close", "cancel")
    found = {step for step in steps if reverse("replenishment:order-act", args=[order.pk, step]) in page}
    if reverse("replenishment:order-approve-part", args=[order.pk]) in page:
        found.add("approve")
    if reverse("replenishment:order-receive", args=[order.pk]) in page:
        found.add("receive")
    return found


def receipt(order: PurchaseOrder, *quantities: str, **values: str) -> dict[str, str]:
    lines = order.lines.order_by("pk")
    return {
        "received_on": str(timezone.localdate()),
        "key": uuid.uuid4().hex,
        **{f"line-{line.pk}": text for line, text in zip(lines, quantities, strict=True)},
        **values,
    }


def test_it_lists_open_orders_and_others_by_state(client: Client, buyer: User) -> None:
    draft, sent, closed = (make_order(buyer, state=state) for state in ("draft", "sent", "closed"))
    client.force_login(buyer)

    def listed(**query: str) -> list[PurchaseOrder]:
        return list(client.get(ORDERS, query).context["page"].object_list)

    assert listed() == [sent, draft]
    assert listed(state="closed") == [closed]
    assert listed(state="all") == [closed, sent, draft]
    assert listed(state="nonsense") == [sent, draft]
    assert listed(q=draft.number) == [draft]
    assert listed(q=sent.supplier.name if sent.supplier else "") == [sent]
    counts = {tab.key: tab.count for tab in client.get(ORDERS).context["tabs"]}
    assert counts["open"] == 2
    assert counts["all"] == 3


def test_it_totals_in_each_currency_and_at_home(client: Client, buyer: User) -> None:
    ExchangeRate.objects.create(base="EUR", quote="USD", day=date(2024, 1, 1), rate="2")
    make_order(buyer, terms_values={"unit_cost": 10, "currency": "EUR"})
    make_order(buyer)
    client.force_login(buyer)
    answer = client.get(ORDERS)
    # 48 units at 10 EUR (2 USD each), and 48 at 2.50 USD.
    assert answer.context["currencies"] == [("EUR", Decimal(480)), ("USD", Decimal(120))]
    assert answer.context["total"] == Decimal(1080)
    assert "€480.00" in answer.content.decode()


def test_it_shows_each_person_the_steps_that_they_may_take(
    client: Client, buyer: User, approver: User, viewer: User
) -> None:
    steps = {
        "draft": ({"submit", "cancel"}, set()),
        "submitted": ({"cancel"}, {"approve", "return"}),
        "approved": ({"send", "cancel"}, {"return"}),
        "sent": ({"receive", "close", "cancel"}, set()),
        "part-received": ({"receive", "close"}, set()),
        "closed": (set(), set()),
        "cancelled": (set(), set()),
    }
    for state, (of_buyer, of_approver) in steps.items():
        order = make_order(buyer, state=state)
        for user, expected in ((buyer, of_buyer), (approver, of_approver), (viewer, set())):
            client.force_login(user)
            assert buttons(client, order) == expected, (state, user)


def test_it_offers_nobody_to_approve_an_own_order(client: Client, superuser: User) -> None:
    order = make_order(superuser, state="submitted")
    client.force_login(superuser)
    assert "approve" not in buttons(client, order)
    page = act(client, order, "approve")
    assert order.state == "submitted"
    assert "Another person has to approve" in page


def test_it_tells_an_approver_when_the_order_is_beyond_their_limit(
    client: Client, buyer: User, approver: User
) -> None:
    order = make_order(buyer, terms_values={"unit_cost": 1_000}, state="submitted")
    client.force_login(approver)
    assert "approve" not in buttons(client, order)
    page = act(client, order, "approve")
    assert order.state == "submitted"
    assert "your limit" in page


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_day_of_a_receipt_is_filled_in_every_language(client: Client, buyer: User, language: str) -> None:
    order = make_order(buyer, state="sent")
    client.force_login(buyer)
    page = client.get(f"{ORDERS}{order.pk}/", headers={"Accept-Language": language}).content.decode()
    [field] = [field for field in re.findall("<input [^>]*>", page) if 'type="date"' in field]
    assert re.search(r'value="\d{4}-\d\d-\d\d"', field)


def test_it_walks_an_order_from_draft_to_closed(client: Client, buyer: User, approver: User) -> None:
    order = make_order(buyer)
    client.force_login(buyer)
    act(client, order, "submit", comment="for the fair")
    client.force_login(approver)
    act(client, order, "return", comment="halve it")
    assert order.state == "draft"
    client.force_login(buyer)
    act(client, order, "submit")
    client.force_login(approver)
    assert "for the fair" in act(client, order, "approve")
    client.force_login(buyer)
    act(client, order, "send")
    assert order.state == "sent"
    post = receipt(order, "24", "10,5")
    address = reverse("replenishment:order-receive", args=[order.pk])
    for _again in range(2):
        client.post(address, post)
    order.refresh_from_db()
    assert order.state == "part-received"
    assert sorted(order.lines.values_list("received", flat=True)) == [Decimal("10.5"), Decimal(24)]
    levels = StockLevel.objects.filter(location=order.location).values_list("on_hand", flat=True)
    assert sorted(levels) == [Decimal("10.5"), Decimal(24)]
    client.post(address, receipt(order, "", "13.5"))
    order.refresh_from_db()
    assert order.state == "closed"
    actions = list(order.events.order_by("pk").values_list("action", flat=True))
    assert actions == [
        "draft", "submit", "return", "submit", "approve", "send", "receive", "receive",
    ]  # fmt: skip


def test_it_returns_an_order_only_with_a_comment(client: Client, buyer: User, approver: User) -> None:
    order = make_order(buyer, state="submitted")
    client.force_login(approver)
    assert "alert--error" in act(client, order, "return", comment=" ")
    assert order.state == "submitted"


def test_it_says_why_a_step_is_not_allowed(client: Client, buyer: User) -> None:
    order = make_order(buyer)
    client.force_login(buyer)
    page = act(client, order, "send")
    assert order.state == "draft"
    assert "alert--error" in page
    assert client.post(reverse("replenishment:order-act", args=[order.pk, "explode"])).status_code == 404
    assert client.post(reverse("replenishment:order-act", args=[order.pk + 99, "submit"])).status_code == 404


@pytest.mark.parametrize(
    "values", [{"received_on": "2999-01-01"}, {"received_on": "yesterday"}, {"key": ""}, {"received_on": ""}]
)
def test_it_refuses_a_receipt_that_makes_no_sense(
    client: Client, buyer: User, values: dict[str, str]
) -> None:
    order = make_order(buyer, state="sent")
    client.force_login(buyer)
    answer = client.post(
        reverse("replenishment:order-receive", args=[order.pk]),
        receipt(order, "1", "1", **values),
        follow=True,
    )
    assert "alert--error" in answer.content.decode()
    order.refresh_from_db()
    assert order.state == "sent"


@pytest.mark.parametrize("typed", ["-1", "x", "1,000"])
def test_it_refuses_a_receipt_of_no_quantity(client: Client, buyer: User, typed: str) -> None:
    order = make_order(buyer, state="sent")
    client.force_login(buyer)
    client.post(reverse("replenishment:order-receive", args=[order.pk]), receipt(order, typed, "1"))
    assert not order.lines.filter(received__gt=0).exists()


def test_it_changes_a_drafts_line_in_place(client: Client, buyer: User) -> None:
    order = make_order(buyer)
    line = order.lines.order_by("pk")[0]
    client.force_login(buyer)
    address = reverse("replenishment:order-line-set", args=[line.pk])
    page = client.post(address, {"quantity": "30"}, headers=HTMX).content.decode()
    line.refresh_from_db()
    assert (line.quantity, line.suggested_quantity) == (Decimal(30), Decimal(24))
    # 54 units at 2.50.
    assert "$135.00" in page
    assert "24 → 30" in page
    for wrong, status in (("0", 409), ("", 422), ("many", 422), ("1e40", 422)):
        answer = client.post(address, {"quantity": wrong}, headers=HTMX)
        assert (answer.status_code, bool(unquote(answer["X-Message"]))) == (status, True), wrong
    line.refresh_from_db()
    assert line.quantity == Decimal(30)


def test_it_loads_the_page_anew_when_a_change_makes_it_a_draft_again(client: Client, buyer: User) -> None:
    order = make_order(buyer, state="submitted")
    client.force_login(buyer)
    address = reverse("replenishment:order-line-set", args=[order.lines.all()[0].pk])
    answer = client.post(address, {"quantity": "30"}, headers=HTMX)
    assert answer["HX-Refresh"] == "true"
    order.refresh_from_db()
    assert order.state == "draft"


def test_it_takes_a_line_off_but_not_the_last(client: Client, buyer: User) -> None:
    order = make_order(buyer)
    client.force_login(buyer)
    for _ in range(2):
        line = order.lines.all()[0]
        client.post(reverse("replenishment:order-line-remove", args=[line.pk]))
    assert order.lines.count() == 1


@pytest.mark.parametrize("rows", [1, 50])
def test_it_lists_with_as_many_queries_for_many_orders(
    client: Client, buyer: User, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_order(buyer, count=1)
    client.force_login(buyer)
    client.get(ORDERS)
    with django_assert_num_queries(LIST_QUERIES):
        assert len(client.get(ORDERS).context["page"].object_list) == rows


@pytest.mark.parametrize("rows", [1, 50])
def test_it_shows_an_order_with_as_many_queries_for_many_lines(
    client: Client, buyer: User, rows: int, django_assert_num_queries: Any
) -> None:
    order = make_order(buyer, count=rows)
    PurchaseOrder.objects.filter(pk=order.pk).update(state="sent")
    client.force_login(buyer)
    address = reverse("replenishment:order-detail", args=[order.pk])
    client.get(address)
    with django_assert_num_queries(DETAIL_QUERIES):
        assert len(client.get(address).context["lines"]) == rows


LIST_QUERIES = 10
DETAIL_QUERIES = 10


def test_it_leads_to_the_plan_and_the_forecast_and_sums_its_lines(client: Client, buyer: User) -> None:
    order = make_order(buyer)
    plan = order.plan_run
    assert plan is not None
    client.force_login(buyer)
    page = client.get(reverse("replenishment:order-detail", args=[order.pk])).content.decode()
    assert reverse("replenishment:plan-detail", args=[plan.pk]) in page
    assert reverse("forecasting:run-detail", args=[plan.forecast_run_id]) in page
    assert f"Unit cost ({order.currency})" in page
    line = order.lines.first()
    assert line is not None
    answer = client.post(
        reverse("replenishment:order-line-set", args=[line.pk]), {"quantity": "7"}, headers=HTMX
    ).content.decode()
    total = sum((line.quantity * line.unit_cost for line in order.lines.all()), Decimal(0))
    assert f'id="order-total" class="num" hx-swap-oob="true">{money(total, order.currency)}<' in answer
