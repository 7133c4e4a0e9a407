"""The page of exceptions."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from catalog import selectors as catalog
from replenishment.models import DigestChoice, ExceptionCase, PlanRun, PurchaseOrder
from tests.cast import make_location, make_product, make_supplier, make_user
from tests.replenishment.world import make_order, make_plan, make_suggestion

pytestmark = pytest.mark.django_db
PAGE = "/exceptions/"
ACT = "/exceptions/act/"
HTMX = {"HX-Request": "true"}
# The details of each kind, as the search writes them.
DETAILS: dict[str, dict[str, Any]] = {
    "out-of-stock": {"daily": 2.0, "days": 7.0, "next_on": None, "on_order": 0.0, "quantity": 0.0},
    "runs-out": {
        "daily": 2.0,
        "out_on": "2024-03-07",
        "back_on": "2024-03-10",
        "days": 3,
        "is_ordered": False,
        "quantity": 0.0,
    },
    "late-order": {"days": 10, "units": 24.0, "products": 2},
    "surplus-on-order": {"action": "cut", "quantity": 9.0, "days": None},
    "excess": {
        "on_hand": 600.0, "surplus": 570.0, "action": "return", "units": 30.0, "saving": 80.0, "cover": 300.0,
    },
    "dead-stock": {
        "on_hand": 100.0, "surplus": 70.0, "action": None, "units": None, "saving": None, "days": 180,
        "value": 700.0,
    },
    "trend-flip": {"trend": "falling", "previous": "rising", "confidence": 0.8, "change": -0.5},
    "spike": {"units": 40.0, "usual": 4.0},
    "forecast-alarm": {"alarms": ["bias", "drift"], "effect": -2.5, "daily": 2.0},
    "sentiment-drop": {"before": 0.8, "now": 0.6, "changed_on": "2024-02-27", "reviews": 30},
    "no-look-alikes": {"weeks": 0, "stock_value": 70.0, "order_value": 0.0},
    "supplier-slips": {"stated": 7.0, "learned": 14.0, "slip": 7.0, "receipts": 6, "products": 1},
    "cost-jump": {"before": 10.0, "now": 12.0, "share": 0.2, "currency": "USD", "units": 730.0},
    "rate-jump": {"currency": "EUR", "before": 1.0, "now": 1.1, "share": 0.1, "products": 3},
    "moq-cover": {"moq": 1000.0, "quantity": 1000.0, "days": 500.0},
    "not-planned": {"reason": "exception: no stock record", "revenue": 500.0},
    "rejected-rows": {"import": 1, "kind": "stock", "file": "stock.csv", "rows": 4, "read": 100},
    "failed-job": {"job": "plan", "pk": 1, "error": "No stock is known"},
}  # fmt: skip
OF_PLACES = {
    "out-of-stock", "runs-out", "surplus-on-order", "excess", "dead-stock", "spike", "forecast-alarm",
    "moq-cover", "not-planned",
}  # fmt: skip


def add_case(kind: str = "out-of-stock", **values: Any) -> ExceptionCase:
    values = {"kind": kind, "key": str(ExceptionCase.objects.count()), "impact": 10.0} | values
    values.setdefault("details", DETAILS[kind])
    if kind in OF_PLACES:
        values.setdefault("product", make_product())
        values.setdefault("location", make_location())
    elif kind in {"trend-flip", "sentiment-drop", "no-look-alikes", "cost-jump"}:
        values.setdefault("product", make_product())
    elif kind == "supplier-slips":
        values.setdefault("supplier", make_supplier())
    return ExceptionCase.objects.create(**values)


def add_every_kind(order: PurchaseOrder) -> None:
    for kind in DETAILS:
        add_case(kind, **({"order": order, "supplier": order.supplier} if kind == "late-order" else {}))


def said(answer: Any) -> str:
    return unquote(answer["X-Message"])


def test_it_tells_every_kind_in_a_sentence_with_a_fix(client: Client, buyer: User, admin_user: User) -> None:
    assert set(DETAILS) == set(ExceptionCase.Kind.values)
    add_every_kind(make_order(buyer, state="sent"))
    client.force_login(buyer)
    page = client.get(PAGE).content.decode()
    for sentence in (
        "None left, and 2 a day are wanted; an order placed now takes 7 days.",
        "Runs out on Mar 7, 2024; an order placed now comes 3 days later, on Mar 10, 2024.",
        "10 days late, 24 units still to come.",
        "9 of the units on order are not needed.",
        "600 on hand last 300 days, 570 more than the target. Proposed: Return to the supplier, 30 units",
        "100 on hand, worth $700.00: none sold for 180 days.",
        "Falling; it was: Rising (80% sure).",
        "40 sold in a week, where 4 are usual.",
        "Sales are not what was forecast: bias, drift.",
        "60% of reviews praise it, 80% did before Feb 27, 2024.",
        "Nothing to learn its demand from; $70.00 in stock, $0 to be ordered.",
        "Takes 14 days, where 7 are stated (by 6 deliveries).",
        "(+20%)",
        "3 items are bought in it.",
        "The MOQ of 1,000 lasts 500 days.",
        "no stock",
        "4 of 100 rows of stock.csv were rejected.",
        "No stock is known",
    ):
        assert sentence in " ".join(page.split()), sentence
    for fix in (
        "Open the order", "Override the forecast", "See the trend", "Read the reviews", "Choose look-alikes",
        "Compare suppliers", "Open the workbench", "Open the import", "Plan again", "Open the item",
    ):  # fmt: skip
        assert fix in page, fix
    client.force_login(admin_user)
    assert "Accept the lead time" in client.get(PAGE).content.decode()


def test_it_shows_the_most_expensive_first_and_sums_by_group(client: Client, buyer: User) -> None:
    add_case(impact=5.0)
    dear = add_case("cost-jump", impact=90.0)
    client.force_login(buyer)
    answer = client.get(PAGE)
    assert answer.context["lines"][0].case == dear
    sums = answer.context["sums"]
    assert (sums.cases, sums.impact) == (2, 95.0)
    assert {group.key: group.impact for group in sums.groups if group.cases} == {"stock": 5.0, "supply": 90.0}


def test_it_filters_by_group_kind_owner_state_and_words(
    client: Client, buyer: User, admin_user: User
) -> None:
    lamp = add_case(product=make_product(name="A lamp"))
    mine = add_case("excess", owner=buyer)
    theirs = add_case("spike", owner=admin_user)
    closed = add_case("moq-cover", state="closed", closed_at=timezone.now(), is_found=False)
    client.force_login(buyer)

    def shown(**query: str) -> set[int]:
        return {line.case.pk for line in client.get(PAGE, query).context["lines"]}

    assert shown() == {lamp.pk, mine.pk, theirs.pk}
    assert shown(group="stock") == {lamp.pk, mine.pk}
    assert shown(group="stock", kind="excess") == {mine.pk}
    assert shown(owner="mine") == {mine.pk}
    assert shown(owner="nobody") == {lamp.pk}
    assert shown(state="closed") == {closed.pk}
    assert shown(q="lamp") == {lamp.pk}
    assert shown(kind="nonsense", owner="x", state="y", group="z") == {lamp.pk, mine.pk, theirs.pk}


def test_it_says_when_nothing_is_wrong(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "Nothing is out of order here" in client.get(PAGE).content.decode()


def test_it_assigns_snoozes_and_closes_what_is_ticked(client: Client, buyer: User, admin_user: User) -> None:
    cases = [add_case() for _ in range(3)]
    other = add_case()
    client.force_login(buyer)
    ids = [case.pk for case in cases]
    answer = client.post(ACT, {"step": "assign", "case": ids, "owner": admin_user.pk}, headers=HTMX)
    assert "3 exceptions are admin&#x27;s now." in answer.content.decode()
    until = catalog.today() + timedelta(days=3)
    client.post(ACT, {"step": "snooze", "case": ids[:2], "until": until.isoformat()}, headers=HTMX)
    client.post(ACT, {"step": "close", "case": ids[2:], "comment": "Known"}, headers=HTMX)
    states = dict(ExceptionCase.objects.values_list("pk", "state"))
    assert [states[pk] for pk in (*ids, other.pk)] == ["snoozed", "snoozed", "closed", "open"]
    client.post(ACT, {"step": "reopen", "case": ids[:1]}, headers=HTMX)
    assert ExceptionCase.objects.get(pk=ids[0]).state == "open"


def test_it_takes_and_gives_up_one(client: Client, buyer: User) -> None:
    case = add_case()
    client.force_login(buyer)
    client.post(ACT, {"step": "take", "case": case.pk}, headers=HTMX)
    assert ExceptionCase.objects.get().owner == buyer
    client.post(ACT, {"step": "release", "case": case.pk}, headers=HTMX)
    assert ExceptionCase.objects.get().owner is None


def test_it_keeps_the_filters_after_something_was_done(client: Client, buyer: User) -> None:
    case, other = add_case(), add_case("spike")
    client.force_login(buyer)
    answer = client.post(f"{ACT}?group=demand", {"step": "take", "case": other.pk}, headers=HTMX)
    assert [line.case for line in answer.context["lines"]] == [other]
    # Without JavaScript too.
    answer = client.post(f"{ACT}?group=stock", {"step": "take", "case": case.pk})
    assert answer["Location"] == f"{PAGE}?group=stock"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"step": "close", "comment": ""}, "Say why"),
        ({"step": "snooze", "until": ""}, "Say until which day"),
        ({"step": "snooze", "until": "2001-01-01"}, "Snooze until a day of the next year"),
        ({"step": "snooze", "until": "soon"}, "Enter a valid date"),
        ({"step": "explode"}, "Select a valid choice"),
        ({"step": "take", "case": ""}, "Tick some exceptions first"),
        ({"step": "assign", "owner": "999999"}, "Select a valid choice"),
    ],
)
def test_it_says_why_something_was_not_done(
    client: Client, buyer: User, values: dict[str, str], words: str
) -> None:
    case = add_case()
    client.force_login(buyer)
    answer = client.post(ACT, {"case": case.pk} | values, headers=HTMX)
    assert answer.status_code == 409
    assert words in said(answer)
    answer = client.post(ACT, {"case": case.pk} | values, follow=True)
    assert words in answer.content.decode()
    assert case.events.count() == 0


def test_it_drafts_the_order_by_one_click(client: Client, buyer: User) -> None:
    suggestion = make_suggestion(make_plan())
    case = add_case(product=suggestion.product, location=suggestion.location)
    client.force_login(buyer)
    assert "Draft an order" in client.get(PAGE).content.decode()
    answer = client.post(reverse("replenishment:exception-fix", args=[case.pk]), headers=HTMX)
    order = PurchaseOrder.objects.get()
    assert f"Order {order.number} is drafted." in answer.content.decode()
    assert ExceptionCase.objects.get().state == "closed"
    answer = client.post(reverse("replenishment:exception-fix", args=[case.pk]), headers=HTMX)
    assert answer.status_code == 409


def test_it_plans_again_by_one_click(
    client: Client, buyer: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("replenishment.views.exceptions.plan_execute_task.delay", sent.append)
    make_plan()
    case = add_case("failed-job")
    client.force_login(buyer)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("replenishment:exception-fix", args=[case.pk]), headers=HTMX)
    assert sent == [PlanRun.objects.get(state="queued").pk]


def test_it_tells_where_a_case_comes_from_and_what_happened(
    client: Client, buyer: User, viewer: User
) -> None:
    plan = make_plan()
    case = add_case(plan_run=plan, forecast_run=plan.forecast_run)
    client.force_login(buyer)
    client.post(ACT, {"step": "take", "case": case.pk})
    address = reverse("replenishment:exception-detail", args=[case.pk])
    page = client.get(address).content.decode()
    assert reverse("replenishment:plan-detail", args=[plan.pk]) in page
    assert reverse("forecasting:run-detail", args=[plan.forecast_run_id]) in page
    assert "Assigned" in page
    assert 'name="step" value="close"' in page
    client.force_login(viewer)
    assert 'name="step"' not in client.get(address).content.decode()
    assert client.get(reverse("replenishment:exception-detail", args=[10**6])).status_code == 404


def test_it_remembers_who_wants_the_e_mail(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    assert "Stop the daily e-mail" in client.get(PAGE).content.decode()
    client.post(reverse("replenishment:exceptions-digest"), {"is_wanted": "0"})
    assert "Send me the daily e-mail" in client.get(PAGE).content.decode()
    client.post(reverse("replenishment:exceptions-digest"), {"is_wanted": "1"})
    assert DigestChoice.objects.get(user=buyer).is_wanted


def test_it_refuses_who_may_not(
    client: Client, viewer: User, partner_of_supplier: User, partner_of_channel: User
) -> None:
    case = add_case()
    detail = reverse("replenishment:exception-detail", args=[case.pk])
    fix = reverse("replenishment:exception-fix", args=[case.pk])
    digest = reverse("replenishment:exceptions-digest")
    assert client.get(PAGE).status_code == 302
    client.force_login(viewer)
    assert (client.get(PAGE).status_code, client.get(detail).status_code) == (200, 200)
    assert (client.post(ACT, {"step": "take"}).status_code, client.post(fix).status_code) == (403, 403)
    for user in (partner_of_supplier, partner_of_channel, make_user("no-one")):
        client.force_login(user)
        assert [client.get(address).status_code for address in (PAGE, detail)] == [403, 403]
        assert [client.post(address).status_code for address in (ACT, fix, digest)] == [403, 403, 403]
    assert case.events.count() == 0


def test_it_takes_no_get_where_something_changes(client: Client, buyer: User) -> None:
    case = add_case()
    client.force_login(buyer)
    for address in (ACT, reverse("replenishment:exception-fix", args=[case.pk])):
        assert client.get(address).status_code == 405


@pytest.mark.parametrize("times", [1, 3])
def test_it_asks_the_database_as_often_for_many_rows(
    client: Client, buyer: User, times: int, django_assert_num_queries: Any
) -> None:
    plan = make_plan()
    for _ in range(times):
        add_every_kind(make_order(buyer, state="sent"))
        suggestion = make_suggestion(plan)
        add_case(product=suggestion.product, location=suggestion.location)
    client.force_login(buyer)
    client.get(PAGE)
    with django_assert_num_queries(PAGE_QUERIES):
        client.get(PAGE)


PAGE_QUERIES = 13


def test_it_says_what_money_an_impact_is(client: Client, buyer: User) -> None:
    kinds = {
        "out-of-stock": "margin of lost sales",
        "no-look-alikes": "value in stock and to be ordered",
    }
    cases = {kind: add_case(kind) for kind in kinds}
    client.force_login(buyer)
    page = client.get(PAGE).content.decode().replace("&#x27;", "’")
    for kind, words in kinds.items():
        assert words in page.split(f'id="case-{cases[kind].pk}"')[1].split("</tr>")[0]


def test_it_hands_out_all_that_the_filters_match_as_a_file(client: Client, buyer: User) -> None:
    product = make_product(sku="=1+1")
    add_case("out-of-stock", product=product, impact=12.5, owner=buyer)
    add_case("excess", impact=7.0)
    add_case("spike", impact=90.0)
    client.force_login(buyer)
    assert reverse("replenishment:exceptions-export", args=["xlsx"]) in client.get(PAGE).content.decode()
    text = client.get("/exceptions/export.csv", {"group": "stock"}).getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [
        (row["kind"], float(row["impact in home currency"]), row["measure of the impact"]) for row in rows
    ] == [
        ("Out of stock", 12.5, "margin"),
        ("Excess stock", 7.0, "cost"),
    ]
    assert (rows[0]["SKU"], rows[0]["owner"]) == ("'=1+1", buyer.username)
    book = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/exceptions/export.xlsx").getvalue()))
    assert [row[0] for row in book.get_sheet_by_index(0).to_python()[1:]] == [
        "Demand spike", "Out of stock", "Excess stock",
    ]  # fmt: skip


def test_it_hands_no_file_to_a_partner(client: Client, partner_of_supplier: User) -> None:
    client.force_login(partner_of_supplier)
    assert client.get("/exceptions/export.csv").status_code == 403
