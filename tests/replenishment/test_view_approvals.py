"""The approver's pages: the queue, an order to decide on, and the order on paper."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from replenishment import services
from replenishment.models import PurchaseOrder, PurchaseOrderEvent
from tests.cast import make_supplier
from tests.replenishment.world import make_order

pytestmark = pytest.mark.django_db
QUEUE = reverse("replenishment:order-approval")
BULK = reverse("replenishment:order-approve-bulk")
QUEUE_QUERIES = 14


def submitted(by: User, **values: Any) -> PurchaseOrder:
    return make_order(by, state="submitted", **values)


def detail(order: PurchaseOrder) -> str:
    return reverse("replenishment:order-detail", args=[order.pk])


def part(order: PurchaseOrder) -> str:
    return reverse("replenishment:order-approve-part", args=[order.pk])


def seen(order: PurchaseOrder) -> int:
    return order.events.latest("pk").pk


def test_only_approvers_see_the_queue_and_decide(
    client: Client, buyer: User, viewer: User, partner_of_supplier: User
) -> None:
    order = submitted(buyer)
    for user in (buyer, viewer, partner_of_supplier):
        client.force_login(user)
        assert client.get(QUEUE).status_code == 403
        assert client.post(BULK, {"order": order.pk}).status_code == 403
        line = order.lines.all()[0].pk
        assert client.post(part(order), {"line": line, "comment": "x"}).status_code == 403
    client.logout()
    assert client.get(QUEUE).status_code == 302
    order.refresh_from_db()
    assert order.state == "submitted"


def test_the_queue_shows_what_to_decide_first_and_marks_the_rest(
    client: Client, buyer: User, approver: User
) -> None:
    ready = submitted(buyer, margin_at_risk=40.0)
    dear = submitted(buyer, terms_values={"unit_cost": 1_000})
    own = submitted(buyer)
    PurchaseOrder.objects.filter(pk=own.pk).update(submitted_by=approver)
    client.force_login(approver)
    answer = client.get(QUEUE)
    lanes = {name: [r.order.pk for r in answer.context[name]] for name in ("ready", "above", "own")}
    assert lanes == {"ready": [ready.pk], "above": [dear.pk], "own": [own.pk]}
    page = answer.content.decode()
    assert f'name="order" value="{ready.pk}"' in page
    assert f'name="order" value="{dear.pk}"' not in page
    assert f'name="order" value="{own.pk}"' not in page
    sku = ready.lines.order_by("product__sku")[0].product.sku
    assert f"most: {sku}, $40" in page
    client.force_login(buyer)
    assert QUEUE not in client.get("/orders/").content.decode()
    client.force_login(approver)
    assert QUEUE in client.get("/orders/").content.decode()


def test_it_approves_the_ticked_orders_and_says_what_became_of_each(
    client: Client, buyer: User, approver: User
) -> None:
    one, two, dear = submitted(buyer), submitted(buyer), submitted(buyer, terms_values={"unit_cost": 1_000})
    client.force_login(approver)
    posted = {"order": [one.pk, two.pk, dear.pk, "x"], f"seen-{one.pk}": seen(one), "comment": "for the fair"}
    page = client.post(BULK, posted, follow=True).content.decode()
    assert f"2 orders approved: {one.number}, {two.number}." in page
    assert f"{dear.number} was not approved:" in page
    states = PurchaseOrder.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["approved", "approved", "submitted"]
    # A double click says so, and approves nothing twice.
    page = client.post(BULK, posted, follow=True).content.decode()
    assert f"{one.number} was not approved:" in page
    approvals = PurchaseOrderEvent.objects.filter(action="approve")
    assert [event.comment for event in approvals] == ["for the fair"] * 2
    assert "Tick the orders" in client.post(BULK, {}, follow=True).content.decode()
    assert "too long" in client.post(BULK, {"comment": "x" * 2001}, follow=True).content.decode()


def test_bulk_approval_leaves_out_what_changed_meanwhile(client: Client, buyer: User, approver: User) -> None:
    order = submitted(buyer)
    before = seen(order)
    services.order_line_set(line_id=order.lines.all()[0].pk, quantity=90, acting_user=buyer)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    client.force_login(approver)
    posted = {"order": order.pk, f"seen-{order.pk}": before}
    assert "has changed since" in client.post(BULK, posted, follow=True).content.decode()
    page = client.post(
        reverse("replenishment:order-act", args=[order.pk, "approve"]), {"seen": before}, follow=True
    )
    assert "has changed since" in page.content.decode()
    order.refresh_from_db()
    assert order.state == "submitted"


def test_an_order_is_approved_in_part_from_its_page(client: Client, buyer: User, approver: User) -> None:
    order = submitted(buyer, count=3)
    client.force_login(approver)
    page = client.get(f"{detail(order)}?queue").content.decode()
    lines = list(order.lines.order_by("pk").values_list("pk", flat=True))
    assert all(f'name="line" value="{pk}" checked' in page for pk in lines)
    assert QUEUE in page
    posted = {"line": lines[:2], "seen": seen(order), "queue": "1"}
    assert "why the rest goes back" in client.post(part(order), posted, follow=True).content.decode()
    answer = client.post(part(order), posted | {"comment": "next month"})
    assert answer["Location"] == QUEUE
    rest = PurchaseOrder.objects.get(split_from=order)
    assert rest.number in client.get(QUEUE).content.decode()
    assert list(rest.lines.values_list("pk", flat=True)) == lines[2:]
    page = client.get(detail(order)).content.decode()
    assert "Approved in part" in page
    assert detail(rest) in page
    client.force_login(buyer)
    page = client.get(detail(rest)).content.decode()
    assert "next month" in page
    assert detail(order) in page


def test_all_ticked_is_a_whole_approval_and_none_is_refused(
    client: Client, buyer: User, approver: User
) -> None:
    order = submitted(buyer)
    client.force_login(approver)
    assert "at least one line" in client.post(part(order), {"comment": "x"}, follow=True).content.decode()
    lines = list(order.lines.values_list("pk", flat=True))
    answer = client.post(part(order), {"line": lines})
    assert answer["Location"] == detail(order)
    order.refresh_from_db()
    assert (order.state, PurchaseOrder.objects.count()) == ("approved", 1)
    assert client.post(part(order), {"line": lines, "comment": "x" * 2001}).status_code == 302
    assert client.post(reverse("replenishment:order-approve-part", args=[999_999])).status_code == 404


def test_returning_from_the_queue_leads_back_to_it(client: Client, buyer: User, approver: User) -> None:
    order = submitted(buyer)
    client.force_login(approver)
    address = reverse("replenishment:order-act", args=[order.pk, "return"])
    assert client.post(address, {"comment": "halve it", "queue": "1"})["Location"] == QUEUE
    order.refresh_from_db()
    assert order.state == "draft"


def test_the_page_tells_the_approver_what_the_buyer_changed_and_why(
    client: Client, buyer: User, approver: User
) -> None:
    order = submitted(buyer, count=1, margin_at_risk=31.0, edited_quantity=60.0, edit_reason="a fair")
    client.force_login(approver)
    page = client.get(detail(order)).content.decode()
    for words in (
        "+36",
        "“a fair”",
        "150% more than the system orders",
        "None of these items was ordered before.",
        "$31",
    ):
        assert words in page, words
    # An admin may change quantities too, on the same page.
    assert "?edit" not in page


def test_an_admin_may_also_change_quantities(client: Client, buyer: User, admin_user: User) -> None:
    order = submitted(buyer)
    client.force_login(admin_user)
    assert "?edit" in client.get(detail(order)).content.decode()
    line = reverse("replenishment:order-line-set", args=[order.lines.all()[0].pk])
    assert line in client.get(f"{detail(order)}?edit").content.decode()


@pytest.mark.parametrize("rows", [1, 10])
def test_the_queue_takes_as_many_queries_for_many_orders(
    client: Client, buyer: User, approver: User, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        submitted(buyer, count=1 + number % 3)
    client.force_login(approver)
    client.get(QUEUE)
    with django_assert_num_queries(QUEUE_QUERIES):
        assert len(client.get(QUEUE).context["ready"]) == rows


def test_it_prints_an_order_in_the_suppliers_units(client: Client, buyer: User) -> None:
    order = make_order(
        buyer,
        state="approved",
        terms_values={
            "purchase_unit": "case",
            "unit_size": Decimal(12),
            "article_number": "A-77",
            "unit_cost": Decimal("2.50"),
        },
    )
    first, second = order.lines.order_by("product__sku")
    second.quantity = Decimal(25)
    second.save()
    client.force_login(buyer)
    answer = client.get(reverse("replenishment:order-print", args=[order.pk]))
    rows = {row.line.pk: row for row in answer.context["rows"]}
    assert (rows[first.pk].quantity, rows[first.pk].unit, rows[first.pk].unit_cost) == (2, "case", 30)
    # 25 are no whole cases: they are said in pieces.
    assert (rows[second.pk].quantity, rows[second.pk].unit, rows[second.pk].unit_cost) == (
        25,
        "each",
        Decimal("2.5"),
    )
    page = answer.content.decode()
    assert order.supplier is not None
    for words in (order.number, order.supplier.name, order.location.name, "A-77", "of 12", "$122.50"):
        assert words in page, words
    assert "Not an order" not in page
    chinese = client.get(answer.request["PATH_INFO"], headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "Purchase order" not in chinese


def test_a_draft_says_on_paper_that_it_is_none(
    client: Client, buyer: User, partner_of_supplier: User
) -> None:
    order = make_order(buyer)
    address = reverse("replenishment:order-print", args=[order.pk])
    client.force_login(buyer)
    assert "Not an order: it is draft." in client.get(address).content.decode()
    client.force_login(partner_of_supplier)
    assert client.get(address).status_code == 403
    assert make_supplier().pk


def test_the_history_has_no_form_in_the_admin(client: Client, superuser: User, buyer: User) -> None:
    order = submitted(buyer)
    client.force_login(superuser)
    address = reverse("admin:replenishment_purchaseorder_change", args=[order.pk])
    event = order.events.latest("pk")
    form = {
        "events-TOTAL_FORMS": "1",
        "events-INITIAL_FORMS": "1",
        "events-0-id": event.pk,
        "events-0-comment": "changed",
        "events-0-DELETE": "on",
        "lines-TOTAL_FORMS": "0",
        "lines-INITIAL_FORMS": "0",
    }
    client.post(address, form)
    event.refresh_from_db()
    assert event.comment == ""
