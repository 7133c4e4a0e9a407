"""The workbench."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import ExchangeRate
from replenishment import selectors
from replenishment.models import PurchaseOrder, Suggestion
from tests.cast import make_location, make_product, make_supplier
from tests.replenishment.ahead_world import make_item, plan_of
from tests.replenishment.world import AS_OF, later, make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db
WORKBENCH = "/workbench/"
HTMX = {"HX-Request": "true"}


def shown(client: Client, **query: Any) -> list[Suggestion]:
    return list(client.get(WORKBENCH, query).context["page"].object_list)


def edit(client: Client, suggestion: Suggestion, quantity: str, **values: Any) -> Any:
    return client.post(
        reverse("replenishment:suggestion-edit", args=[suggestion.pk]),
        {"quantity": quantity, "plan": suggestion.plan_run_id} | values,
        headers=HTMX,
    )


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def test_it_offers_a_plan_where_there_is_none(at_work: Client) -> None:
    assert "No plan yet" in at_work.get(WORKBENCH).content.decode()


def test_it_shows_the_latest_plan_alone(at_work: Client) -> None:
    make_suggestion(make_plan())
    latest = make_suggestion(make_plan())
    assert shown(at_work) == [latest]


def test_it_sorts_its_tabs_by_what_can_be_done(at_work: Client) -> None:
    plan = make_plan()
    due = make_suggestion(plan)
    waiting = make_suggestion(plan, order_quantity=0.0)
    drafted = make_suggestion(plan, state="drafted")
    rejected = make_suggestion(plan, state="rejected")
    broken = make_suggestion(plan, order_quantity=0.0, reason="exception: no stock is known")
    assert shown(at_work) == [due]
    assert shown(at_work, state="waiting") == [waiting]
    assert shown(at_work, state="drafted") == [drafted]
    assert shown(at_work, state="rejected") == [rejected]
    assert shown(at_work, state="exception") == [broken]
    assert len(shown(at_work, state="all")) == 5
    assert shown(at_work, state="all", due="on") == [due]
    counts = {name: count for name, _label, count in at_work.get(WORKBENCH).context["tabs"]}
    assert counts == dict.fromkeys(counts, 0) | {
        "order": 1,
        "waiting": 1,
        "drafted": 1,
        "rejected": 1,
        "exception": 1,
        "all": 5,
    }


def test_it_filters(at_work: Client) -> None:
    plan = make_plan()
    one = make_suggestion(
        plan,
        product=make_product(name="Äpfel, rot"),
        location=make_location(),
        abc="A",
        pattern="smooth",
        supplier=make_supplier(name="Orchard"),
    )
    other = make_suggestion(plan, abc="B", pattern="lumpy")
    assert shown(at_work, q="äpfel") == shown(at_work, q="APFEL rot") == [one]
    assert shown(at_work, q="orchard") == [one]
    assert shown(at_work, q=other.product.sku) == [other]
    assert shown(at_work, location=one.location_id) == [one]
    assert shown(at_work, abc="B") == shown(at_work, pattern="lumpy") == [other]
    assert shown(at_work, supplier=other.supplier_id) == [other]
    assert shown(at_work, q="nothing of this name") == []


@pytest.mark.parametrize(
    "query", ["supplier=x&location=999999&page=zz&sort=password&abc=Q", "page=-3", "q=%00"]
)
def test_it_bears_a_strange_address(at_work: Client, query: str) -> None:
    suggestion = make_suggestion(make_plan())
    answer = at_work.get(f"{WORKBENCH}?{query}")
    assert answer.status_code == 200
    if "q=" not in query:
        assert list(answer.context["page"].object_list) == [suggestion]


def test_it_sorts_both_ways_with_the_unknown_last(at_work: Client) -> None:
    plan = make_plan()
    low, high, unknown = (make_suggestion(plan, cover_days=days) for days in (2.0, 9.0, None))
    assert shown(at_work, sort="cover") == [low, high, unknown]
    assert shown(at_work, sort="-cover") == [high, low, unknown]


def test_it_pages_on_the_server(at_work: Client) -> None:
    plan = make_plan()
    supplier, location = make_supplier(), make_location()
    for _ in range(51):
        make_suggestion(plan, supplier=supplier, location=location)
    assert len(shown(at_work)) == 50
    assert len(shown(at_work, page=2)) == 1


def test_it_sends_only_the_changing_part_to_htmx(at_work: Client) -> None:
    make_suggestion(make_plan())
    answer = at_work.get(WORKBENCH, headers=HTMX)
    assert b"<html" not in answer.content
    assert b'id="workbench"' in answer.content
    assert "HX-Request" in answer["Vary"]


def test_it_adds_up_the_suppliers_in_the_home_currency(at_work: Client) -> None:
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate="1.5")
    plan = make_plan()
    supplier = make_supplier(currency="EUR", minimum_order_value=160)
    for _ in range(2):
        values = {"unit_cost": 2, "currency": "EUR"}
        place = make_location()
        make_suggestion(plan, supplier=supplier, location=place, terms_values=values, home_unit_cost=3)
    [row] = at_work.get(WORKBENCH).context["rail"]
    # Two orders of 24 x 2 EUR: 144 USD of twice 240 USD.
    assert (row.lines, row.value, row.minimum, row.share) == (2, 144.0, 480.0, pytest.approx(0.3))


def test_it_edits_in_place_and_restores(at_work: Client, buyer: User) -> None:
    suggestion = make_suggestion(make_plan())
    answer = edit(at_work, suggestion, "36", reason="a fair")
    assert answer.status_code == 200
    suggestion.refresh_from_db()
    assert (suggestion.edited_quantity, suggestion.edited_by) == (36.0, buyer)
    assert suggestion.edit_reason == "a fair"
    assert suggestion.order_quantity == 24.0
    page = answer.content.decode()
    assert f'id="q-{suggestion.pk}"' in page
    assert 'value="36"' in page
    assert 'data-line-value="90"' in page
    edit(at_work, suggestion, "")
    suggestion.refresh_from_db()
    assert suggestion.edited_quantity is None


def test_it_offers_what_the_packs_make_of_a_typed_quantity(at_work: Client) -> None:
    terms = {"unit_cost": 2, "currency": "USD", "unit_size": 12, "moq": 30}
    suggestion = make_suggestion(make_plan(), terms_values=terms)
    assert at_work.get(WORKBENCH).context["offers"] == {}
    page = edit(at_work, suggestion, "7").content.decode()
    assert '"quantity": "36"' in page
    assert at_work.get(WORKBENCH).context["offers"] == {suggestion.pk: 36.0}


@pytest.mark.parametrize(
    ("typed", "number"), [("12,5", 12.5), (" 1 200 ", 1200.0), ("7.25", 7.25), ("0", 0.0), ("1e2", 100.0)]
)
def test_it_reads_numbers_as_people_write_them(at_work: Client, typed: str, number: float) -> None:
    suggestion = make_suggestion(make_plan())
    assert edit(at_work, suggestion, typed).status_code == 200
    suggestion.refresh_from_db()
    assert suggestion.edited_quantity == number


@pytest.mark.parametrize("typed", ["-1", "1,200", "1.200,5", "many", "NaN", "Infinity", "1e30", "=1+1"])
def test_it_refuses_what_is_no_quantity(at_work: Client, typed: str) -> None:
    suggestion = make_suggestion(make_plan())
    answer = edit(at_work, suggestion, typed)
    assert answer.status_code == 422
    assert unquote(answer["X-Message"])
    suggestion.refresh_from_db()
    assert suggestion.edited_quantity is None


def test_it_tells_that_a_newer_plan_has_come(at_work: Client) -> None:
    suggestion = make_suggestion(make_plan())
    make_plan()
    answer = edit(at_work, suggestion, "36")
    assert answer.status_code == 409
    assert "newer plan" in unquote(answer["X-Message"])
    assert answer["X-Reload"]
    drawer = at_work.get(reverse("replenishment:suggestion-explain", args=[suggestion.pk])).content.decode()
    assert "A newer plan has replaced this one" in drawer


def test_it_rejects_with_a_reason_and_reopens(at_work: Client) -> None:
    suggestion = make_suggestion(make_plan())
    address = reverse("replenishment:suggestion-reject", args=[suggestion.pk])
    assert at_work.post(address, {"reason": ""}, headers=HTMX).status_code == 422
    answer = at_work.post(address, {"reason": "delisted"}, headers=HTMX)
    # It goes to another tab: the workbench shows itself anew.
    assert answer["HX-Trigger"] == "workbench:changed"
    assert "Undo" in answer.content.decode()
    suggestion.refresh_from_db()
    assert (suggestion.state, suggestion.edit_reason) == ("rejected", "delisted")
    at_work.post(reverse("replenishment:suggestion-reopen", args=[suggestion.pk]), headers=HTMX)
    suggestion.refresh_from_db()
    assert suggestion.state == "open"


def test_it_explains_with_terms_that_add_up(at_work: Client) -> None:
    suggestion = make_suggestion(
        make_plan(),
        on_hand=3.0,
        expected_demand=17.3330078125,
        safety_stock=4.1103515625,
        net_need=18.443359375,
        adj_cycle=2.0,
        adj_multiple=3.556640625,
        order_quantity=24.0,
    )
    answer = at_work.get(reverse("replenishment:suggestion-explain", args=[suggestion.pk]))
    rows = answer.context["bridge"]
    terms = [row for row in rows if not row.is_total]
    assert sum(row.amount for row in terms) == 24.0
    assert sum(row.shown for row in terms) == 24
    page = answer.content.decode()
    assert "+17.3" in page
    assert "<svg" in page


def test_it_makes_drafts_of_what_is_ticked(at_work: Client, buyer: User) -> None:
    suggestions, supplier, location = make_world(3)
    ticked = [suggestion.pk for suggestion in suggestions[:2]]
    answer = at_work.post(reverse("replenishment:workbench-drafts"), {"suggestion": ticked})
    order = PurchaseOrder.objects.get()
    assert answer["Location"] == reverse("replenishment:order-detail", args=[order.pk])
    assert (order.supplier, order.location, order.created_by) == (supplier, location, buyer)
    assert set(order.lines.values_list("suggestion_id", flat=True)) == set(ticked)
    at_work.post(reverse("replenishment:workbench-drafts"), {"suggestion": ticked})
    assert PurchaseOrder.objects.count() == 1


def test_it_makes_drafts_of_all_that_the_filter_shows(at_work: Client) -> None:
    plan = make_plan()
    one, _other = make_suggestion(plan), make_suggestion(plan)
    make_suggestion(plan, order_quantity=0.0, supplier=one.supplier)
    assert f'name="plan" value="{plan.pk}"' in at_work.get(WORKBENCH).content.decode()
    query = f"supplier={one.supplier_id}&page=7"
    at_work.post(
        reverse("replenishment:workbench-drafts"), {"all": "1", "query": query, "plan": str(plan.pk)}
    )
    order = PurchaseOrder.objects.get()
    assert [line.suggestion_id for line in order.lines.all()] == [one.pk]


@pytest.mark.parametrize("field", ["supplier", "location", "page"])
def test_it_takes_a_number_that_no_key_can_have_for_none(at_work: Client, field: str) -> None:
    suggestion = make_suggestion(make_plan())
    assert shown(at_work, **{field: "9" * 30}) == [suggestion]


def test_it_drafts_nothing_of_a_newer_plan_than_the_buyer_saw(at_work: Client) -> None:
    seen = make_plan()
    make_suggestion(make_plan())
    for values in ({"plan": str(seen.pk)}, {}):
        answer = at_work.post(reverse("replenishment:workbench-drafts"), {"all": "1"} | values, follow=True)
        assert "A newer plan has replaced" in answer.content.decode()
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.parametrize("values", [{}, {"suggestion": ["x", "-1", "9" * 15, "9" * 30]}])
def test_it_makes_no_draft_of_nothing(at_work: Client, values: dict[str, Any]) -> None:
    make_suggestion(make_plan())
    answer = at_work.post(reverse("replenishment:workbench-drafts"), values)
    assert answer["Location"].startswith(WORKBENCH)
    assert PurchaseOrder.objects.count() == 0


def test_it_writes_names_as_text(at_work: Client) -> None:
    make_suggestion(make_plan(), product=make_product(name="<script>alert(1)</script>"))
    page = at_work.get(WORKBENCH).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


WORKBENCH_QUERIES = 19


@pytest.mark.parametrize("rows", [1, 50])
def test_it_asks_the_database_as_often_for_many_rows(
    at_work: Client, rows: int, django_assert_num_queries: Any
) -> None:
    plan = make_plan()
    for _ in range(rows):
        make_suggestion(plan)
    at_work.get(WORKBENCH)
    with django_assert_num_queries(WORKBENCH_QUERIES):
        at_work.get(WORKBENCH)


def test_it_says_when_an_order_goes_out_that_has_to_wait(at_work: Client) -> None:
    plan = make_plan()
    make_suggestion(plan, order_on=later(3), order_by=AS_OF)
    make_suggestion(plan, order_on=AS_OF, order_by=AS_OF)
    page = at_work.get(WORKBENCH).content.decode()
    assert page.count("goes out") == 1
    assert page.count("lead 9 d") == 1


def test_it_shows_what_an_edited_quantity_serves_after_a_reload_too(
    at_work: Client, buyer: User, django_assert_max_num_queries: Any
) -> None:
    place = make_location()
    products = {make_item(place, on_hand=5): 14.0 for _ in range(3)}
    plan = plan_of(products, place)
    edited, *others = plan.suggestions.order_by("pk")
    assert edited.order_quantity > 3
    post = {"plan": plan.pk, "quantity": "1"}
    saved = at_work.post(reverse("replenishment:suggestion-edit", args=[edited.pk]), post, headers=HTMX)
    with django_assert_max_num_queries(WORKBENCH_QUERIES + 3):
        page = at_work.get(WORKBENCH)
    [(pk, service)] = page.context["services"].items()
    assert pk == edited.pk
    assert service.final < service.system
    assert service == saved.context["service"]
    row = page.content.decode().split(f'id="s-{edited.pk}"')[1].split("</tr>")[0]
    assert f"system {service.system:.0%}" in row
    # Many at once are as one by one.
    alone = selectors.line_services(plan, [others[0]]) | selectors.line_services(plan, [others[1]])
    together = selectors.line_services(plan, others)
    assert together.keys() == alone.keys()
    for pk, service in together.items():
        assert (service.final, service.system) == pytest.approx((alone[pk].final, alone[pk].system))


def test_it_offers_to_clear_the_filters_that_leave_nothing(at_work: Client) -> None:
    make_suggestion(make_plan())
    page = at_work.get(WORKBENCH, {"abc": "B", "state": "excess"}).content.decode()
    assert "Clear the filters" in page
    assert 'href="?state=excess"' in page
    page = at_work.get(WORKBENCH, {"q": "<nothing>", "state": "excess"}).content.decode()
    assert "Nothing is found by “&lt;nothing&gt;” here." in page
    assert 'href="?state=excess"' in page
    assert "Clear the filters" not in at_work.get(WORKBENCH, {"state": "rejected"}).content.decode()
