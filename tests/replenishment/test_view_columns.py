"""The workbench's columns and its further filters: what is shown, and what is remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.models import StockLevel
from replenishment.models import Budget, SavedView, Suggestion
from replenishment.services.plan_sums import sums_store
from replenishment.views.columns import COLUMNS
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import AS_OF, make_forecast, make_order, make_plan, make_suggestion, run_plan

pytestmark = pytest.mark.django_db
WORKBENCH = "/workbench/"


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def keys(answer: Any) -> list[str]:
    return [column.key for column in answer.context["columns"]]


def shown(client: Client, **query: Any) -> list[Suggestion]:
    return list(client.get(WORKBENCH, query).context["page"].object_list)


def test_it_shows_what_is_chosen_and_remembers_it(at_work: Client) -> None:
    make_suggestion(make_plan(), allocated=7.0, landed_cost=3.25)
    usual = at_work.get(WORKBENCH)
    assert "allocated" not in keys(usual)
    chosen = at_work.get(WORKBENCH, {"cols": ["landed", "allocated"]})
    # In the columns' own order, and the quantity always.
    assert keys(chosen) == ["allocated", "quantity", "landed"]
    assert "3.25" in chosen.content.decode()
    assert keys(at_work.get(WORKBENCH)) == ["allocated", "quantity", "landed"]
    assert keys(at_work.get(WORKBENCH, {"cols": "cover,nonsense"})) == ["cover", "quantity"]


def test_its_heads_span_their_columns(at_work: Client) -> None:
    make_suggestion(make_plan())
    answer = at_work.get(WORKBENCH, {"cols": [column.key for column in COLUMNS]})
    assert [span for _label, span in answer.context["groups"]] == [6, 4, 4, 3]
    table = answer.content.decode().split("<thead>")[1]
    heads = table.split("</thead>")[0].split("</tr>")[1].count("<th ")
    cells = table.split("<tbody>")[1].split("</tr>")[0]
    assert cells.count("<td") + cells.count("<th ") == heads


def test_a_view_keeps_its_columns(at_work: Client, buyer: User) -> None:
    make_suggestion(make_plan())
    query = "cols=cover&cols=change&abc=A"
    at_work.post(reverse("replenishment:view-save"), {"name": "Mine", "query": query})
    view = SavedView.objects.get(owner=buyer)
    assert keys(at_work.get(f"{WORKBENCH}?{view.query}")) == ["cover", "quantity", "change"]


@pytest.mark.parametrize(
    ("query", "fits", "other"),
    [
        ({"cover": "5"}, {"cover_days": 4.0}, {"cover_days": 6.0}),
        ({"value": "100"}, {"home_unit_cost": 5.0}, {"home_unit_cost": 4.0}),
        ({"late": "on"}, {"on_order_late": 3.0}, {"on_order": 3.0}),
        ({"out": "on"}, {"cover_days": 8.0}, {"cover_days": 9.0}),
    ],
)
def test_its_further_filters_narrow_rows_and_sums_alike(
    at_work: Client, query: dict[str, str], fits: dict[str, Any], other: dict[str, Any]
) -> None:
    plan = make_plan()
    wanted = make_suggestion(plan, **fits)
    make_suggestion(plan, **other)
    answer = at_work.get(WORKBENCH, query)
    assert list(answer.context["page"].object_list) == [wanted]
    assert answer.context["totals"].lines == 1
    assert len(answer.context["rail"]) == 1
    assert answer.context["more_filters"] == 1


def test_it_finds_what_people_changed(at_work: Client, buyer: User) -> None:
    plan = make_plan()
    wanted, _other = make_suggestion(plan), make_suggestion(plan)
    address = reverse("replenishment:suggestion-edit", args=[wanted.pk])
    at_work.post(address, {"quantity": "30", "plan": plan.pk})
    assert shown(at_work, edited="on") == [wanted]


def test_this_week_shows_what_falls_due_within_seven_days(at_work: Client) -> None:
    plan = make_plan()
    days = {6: None, 7: None, 8: None}
    rows = {
        day: make_suggestion(plan, order_quantity=0, order_by=AS_OF + timedelta(days=day)) for day in days
    }
    assert set(shown(at_work, state="week")) == {rows[6], rows[7]}
    assert {name: n for name, _label, n in at_work.get(WORKBENCH).context["tabs"]}["week"] == 2


def test_the_sums_that_are_kept_are_those_of_the_rows(at_work: Client) -> None:
    plan = make_plan()
    supplier, place = make_supplier(), make_location()
    rows = [make_suggestion(plan, supplier=supplier, location=place, margin_at_risk=2) for _ in range(3)]
    edit = reverse("replenishment:suggestion-edit", args=[rows[0].pk])
    at_work.post(edit, {"quantity": "100", "plan": plan.pk})
    at_work.post(reverse("replenishment:suggestion-reject", args=[rows[1].pk]), {"reason": "no room"})
    kept = at_work.get(WORKBENCH)
    assert (kept.context["totals"].lines, kept.context["totals"].value) == (2, pytest.approx(310))
    sums_store(plan)
    anew = at_work.get(WORKBENCH)
    assert anew.context["totals"] == kept.context["totals"]
    assert anew.context["rail"][0] == kept.context["rail"][0]


def test_its_strip_tells_what_is_left_of_the_budget(at_work: Client, buyer: User) -> None:
    Budget.objects.create(name="Autumn", first_day=AS_OF, last_day=AS_OF, amount=1000)
    make_suggestion(make_plan())
    assert at_work.get(WORKBENCH).context["budget"].left == 1000
    make_order(buyer, count=1)
    # Drafts count, and at once.
    assert at_work.get(WORKBENCH).context["budget"].left == pytest.approx(940)


def test_its_rail_is_short_until_all_are_asked_for(at_work: Client) -> None:
    plan = make_plan()
    for number in range(32):
        last = make_suggestion(plan, margin_at_risk=100 - number)
    assert len(at_work.get(WORKBENCH).context["rail"]) == 30
    chosen = at_work.get(WORKBENCH, {"supplier": str(last.supplier_id)}).context["rail"]
    assert [row.supplier for row in chosen][-1] == last.supplier
    assert len(at_work.get(WORKBENCH, {"rail": 1}).context["rail"]) == 32


def test_an_edit_tells_what_service_it_buys_and_the_suppliers_new_sums(at_work: Client) -> None:
    product, place = make_product(), make_location()
    terms = make_terms(product=product)
    StockLevel.objects.create(product=product, location=place, day=AS_OF, on_hand=10)
    plan = run_plan(make_forecast({(product, place): 70.0}))
    suggestion = Suggestion.objects.get(plan_run=plan)

    def edited(quantity: float) -> Any:
        address = reverse("replenishment:suggestion-edit", args=[suggestion.pk])
        return at_work.post(address, {"quantity": quantity, "plan": plan.pk}, headers={"HX-Request": "true"})

    system = suggestion.order_quantity
    little, same, much = (edited(system * share).context["service"] for share in (0.5, 1.0, 2.0))
    assert little.final < same.final < much.final
    assert same.final == pytest.approx(same.system) == pytest.approx(little.system)
    answer = edited(system + 6)
    [row] = at_work.get(WORKBENCH).context["rail"]
    assert row.value == pytest.approx((system + 6) * float(terms.unit_cost))
    assert f'id="rail-{terms.supplier_id}" hx-swap-oob' in answer.content.decode()


@pytest.mark.parametrize(
    ("state", "offers"),
    [
        ("open", {"open=supply", "open=snooze", "open=reject"}),
        ("snoozed", {"/wake/"}),
        ("rejected", {"/reopen/"}),
        ("drafted", set()),
    ],
)
def test_its_rows_menu_offers_what_its_state_allows(
    at_work: Client, viewer: User, state: str, offers: set[str]
) -> None:
    address = reverse("replenishment:suggestion-menu", args=[make_suggestion(make_plan(), state=state).pk])
    assert address in at_work.get(WORKBENCH, {"state": "all"}).content.decode()
    known = ("open=supply", "open=snooze", "open=reject", "/wake/", "/reopen/")
    menu = at_work.get(address).content.decode()
    assert {word for word in known if word in menu} == offers
    at_work.force_login(viewer)
    menu = at_work.get(address).content.decode()
    assert not any(word in menu for word in known)
