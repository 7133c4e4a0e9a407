"""What is read of plans and orders: filters, sums, offers, who sees what, what needs a person today."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q, Sum
from django.utils import timezone

from catalog.models import ImportBatch, Job, PartnerAccount
from catalog.selectors import products_search
from replenishment import selectors, services
from replenishment.models import ApprovalLimit, PlanRun, PurchaseOrder, Suggestion
from replenishment.selectors import suggestions
from replenishment.selectors.suggestions import SORTS
from replenishment.services.plan_sums import sums_store
from tests.cast import make_location, make_product, make_supplier, make_user
from tests.replenishment.world import (
    AS_OF,
    later,
    make_forecast_run,
    make_order,
    make_plan,
    make_suggestion,
)

pytestmark = pytest.mark.django_db


def test_it_filters_by_each_of_its_filters() -> None:
    plan = make_plan()
    product = make_product(name="Käsereibe groß")
    wanted = make_suggestion(plan, product=product, abc="A", pattern="smooth")
    make_suggestion(plan, abc="B", pattern="lumpy")
    for filters in (
        {},
        {"search": "kasereibe GROSS"},
        {"search": wanted.supplier.name if wanted.supplier else ""},
        {"supplier_id": wanted.supplier_id},
        {"location_id": wanted.location_id},
        {"abc": "A"},
        {"pattern": "smooth"},
    ):
        found = list(selectors.suggestions_list(plan, **filters))
        assert (found == [wanted]) == bool(filters), filters


def found_in_one_query(plan: PlanRun, text: str) -> set[Suggestion]:
    """The same search as one condition over the tables: the oracle."""
    held = Q(product__in=products_search(text)) | Q(supplier__name__icontains=text)
    return set(Suggestion.objects.filter(held, plan_run=plan))


@pytest.mark.parametrize("most_keys", [500, 1])
@pytest.mark.parametrize("text", ["cup", "ceramic CUP", "tea", "Ceramics", "nothing of the kind", "e"])
def test_a_search_finds_what_products_or_suppliers_hold(
    monkeypatch: pytest.MonkeyPatch, text: str, most_keys: int
) -> None:
    monkeypatch.setattr(suggestions, "MOST_KEYS", most_keys)
    plan, other = make_plan(), make_plan()
    for name, supplier in (
        ("Ceramic cup", "Tea House"),
        ("Cup, ceramic", "Ceramics Ltd"),
        ("Kettle", "Ceramics Ltd"),
        ("Kettle", "Cup & Co"),
        ("Tea cup", "Tea House"),
        ("Spoon", "Others"),
    ):
        for each in (plan, other):
            make_suggestion(each, product=make_product(name=name), supplier=make_supplier(name=supplier))
    assert set(selectors.suggestions_list(plan, search=text)) == found_in_one_query(plan, text)


def test_sums_of_filtered_rows_are_those_of_all_rows_where_all_pass() -> None:
    plan = make_plan()
    near, far = make_supplier(minimum_order_value=Decimal(50)), make_supplier(currency="EUR")
    places = [make_location(), make_location()]
    for number in range(24):
        make_suggestion(
            plan,
            supplier=(near, far, None)[number % 3],
            location=places[number % 2],
            currency="EUR" if number % 5 == 0 else "USD",
            order_quantity=(0.0, 4.0, 10.0)[number % 4 % 3],
            order_by=AS_OF + timedelta(days=number - 5),
            margin_at_risk=None if number % 7 == 0 else float(number),
            on_hand=float(number % 2),
        )
    sums_store(plan)
    for supplier_id, location_id in ((None, None), (near.pk, None), (None, places[0].pk)):
        kept = selectors.plan_sums(plan, supplier_id=supplier_id, location_id=location_id)
        rows = selectors.suggestions_list(plan, location_id=location_id)
        found = selectors.plan_sums(plan, suggestions=rows, supplier_id=supplier_id)
        assert (found.tabs, found.out) == (kept.tabs, kept.out)
        assert found.totals == kept.totals
        assert found.suppliers == kept.suppliers
        assert all(type(count) is int for count in found.tabs.values())
    assert selectors.plan_sums(plan, suggestions=Suggestion.objects.none()).suppliers == []


def test_each_row_is_in_the_tabs_that_fit_it() -> None:
    plan = make_plan()
    rows = {
        "order": make_suggestion(plan),
        "waiting": make_suggestion(plan, order_quantity=0, reason="not_due"),
        "drafted": make_suggestion(plan, state="drafted"),
        "rejected": make_suggestion(plan, state="rejected"),
        "exception": make_suggestion(plan, order_quantity=0, reason="exception: no stock record"),
    }
    edited = make_suggestion(plan, order_quantity=0, edited_quantity=5)
    for tab, row in rows.items():
        expected = {row, edited} if tab == "order" else {row}
        assert set(selectors.suggestions_list(plan).filter(selectors.tab_filters(plan)[tab])) == expected, tab


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
def test_it_puts_what_is_not_known_last(sort: str) -> None:
    plan = make_plan()
    known = make_suggestion(
        plan,
        cover_days=3,
        order_by=AS_OF,
        demand_p50=1,
        net_need=1,
        margin_at_risk=1,
        expected_fill_rate=0.9,
    )
    unknown = make_suggestion(
        plan, product=make_product(sku="ZZZ" if sort == "item" else "AAA"), on_hand=None
    )
    Suggestion.objects.filter(pk=unknown.pk).update(unit_cost=None, home_unit_cost=None, order_quantity=0)
    if sort == "quantity":  # never unknown: nothing to order is the smallest
        known, unknown = unknown, known
    rows = selectors.suggestions_list(plan).order_by(*selectors.suggestions_order(sort))
    assert [row.pk for row in rows] == [known.pk, unknown.pk]


def test_it_sums_what_the_suppliers_minimum_asks() -> None:
    plan = make_plan()
    supplier = make_supplier(minimum_order_value=100)
    for _ in range(2):
        make_suggestion(plan, supplier=supplier, location=make_location(), order_by=later(3))
    late = make_suggestion(plan, order_by=AS_OF, margin_at_risk=50)
    Suggestion.objects.filter(pk=late.pk).update(edited_quantity=48)
    sums_store(plan)
    rows = selectors.plan_sums(plan).suppliers
    assert [row.supplier for row in rows] == [late.supplier, supplier]
    assert (rows[0].value, rows[0].is_late, rows[0].share) == (120, True, 1.0)
    # Two locations are two orders: the minimum counts twice.
    assert (rows[1].lines, rows[1].value, rows[1].minimum) == (2, 120, 200)
    assert rows[1].share == pytest.approx(0.6)
    assert rows[1].order_by == later(3)


@pytest.mark.parametrize(
    ("quantity", "terms", "offer"),
    [
        (24, {}, None),
        (25, {"order_multiple": 6}, 30),
        (25, {"order_multiple": 4, "unit_size": 6}, 36),
        (5, {"moq": 12, "order_multiple": 5}, 15),
        (0, {"order_multiple": 6}, None),
        (0.3, {"order_multiple": "0.1", "unit_size": "0.1"}, None),
        (0.35, {"order_multiple": "0.1", "unit_size": "0.1"}, 0.4),
    ],
)
def test_it_offers_what_the_packs_make_of_a_quantity(
    quantity: float, terms: dict[str, Any], offer: float | None
) -> None:
    suggestion = make_suggestion(make_plan(), edited_quantity=quantity, terms_values=terms)
    suggestion = Suggestion.objects.select_related("terms").get(pk=suggestion.pk)
    assert selectors.quantity_offer(suggestion) == offer


def test_its_orders_know_their_worth(buyer: User) -> None:
    order = make_order(buyer, count=3)
    found: Any = selectors.orders_priced().get(pk=order.pk)
    assert (found.lines_count, found.value) == (3, Decimal(180))
    everything = PurchaseOrder.objects.all()
    assert selectors.orders_worth(everything) == [("USD", Decimal(180))]
    assert everything.aggregate(total=Sum("home_value"))["total"] == 180


@pytest.mark.parametrize("state", PurchaseOrder.State.values)
def test_a_supplier_sees_its_own_orders_once_they_were_sent(buyer: User, state: str) -> None:
    order, other = make_order(buyer, state=state), make_order(buyer, state=state)
    user = make_user("theirs", "Partner")
    PartnerAccount.objects.create(user=user, supplier=order.supplier)
    seen = {order} if state in {"sent", "part-received", "closed"} else set()
    assert set(selectors.orders_list(user)) == seen
    assert set(selectors.orders_list(buyer)) == {order, other}


def test_a_supplier_sees_what_was_called_off_after_it_was_sent(buyer: User, approver: User) -> None:
    order = make_order(buyer)
    user = make_user("theirs", "Partner")
    PartnerAccount.objects.create(user=user, supplier=order.supplier)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    services.order_approve(order_id=order.pk, acting_user=approver)
    services.order_send(order_id=order.pk, acting_user=buyer)
    services.order_cancel(order_id=order.pk, acting_user=buyer)
    assert set(selectors.orders_list(user)) == {order}


def test_a_channel_sees_no_orders(buyer: User, partner_of_channel: User) -> None:
    make_order(buyer, state="sent")
    assert not selectors.orders_list(partner_of_channel).exists()


def test_its_actions_are_those_that_the_services_take(buyer: User, approver: User, viewer: User) -> None:
    order = make_order(buyer, state="submitted")
    assert selectors.order_actions(order=order, user=buyer) == {"cancel"}
    assert selectors.order_actions(order=order, user=approver) == {"approve", "return"}
    assert selectors.order_actions(order=order, user=viewer) == set()
    outsider = make_user("outsider", "Approver")
    assert selectors.order_actions(order=order, user=outsider) == set()


def test_what_waits_for_approval_is_what_one_could_approve(buyer: User, approver: User, viewer: User) -> None:
    within, beyond, unknown = (make_order(buyer, state="submitted") for _ in range(3))
    PurchaseOrder.objects.filter(pk=beyond.pk).update(home_value=Decimal(10_001))
    PurchaseOrder.objects.filter(pk=unknown.pk).update(home_value=None)
    make_order(buyer)
    PurchaseOrder.objects.filter(pk=make_order(buyer, state="submitted").pk).update(created_by=approver)
    assert list(selectors.orders_to_approve(approver)) == [within, unknown]
    assert not selectors.orders_to_approve(buyer).exists()
    ApprovalLimit.objects.create(user=viewer, amount=10_000)
    assert not selectors.orders_to_approve(viewer).exists()


def test_it_knows_what_is_late_and_what_is_in_hand(buyer: User, superuser: User) -> None:
    late, punctual = make_order(buyer, state="sent"), make_order(buyer, state="sent")
    PurchaseOrder.objects.filter(pk=late.pk).update(expected_on=later(-1))
    PurchaseOrder.objects.filter(pk=punctual.pk).update(expected_on=AS_OF)
    done = make_order(buyer, state="closed")
    PurchaseOrder.objects.filter(pk=done.pk).update(expected_on=later(-9))
    assert list(selectors.orders_late(today=AS_OF)) == [late]
    draft = make_order(buyer)
    make_order(superuser)
    assert list(selectors.orders_in_hand(buyer)) == [draft]


def test_it_counts_what_is_out_and_what_can_not_be_planned() -> None:
    plan = make_plan()
    common = {"daily_demand": 2.0, "lead_time_days": 9.0}
    make_suggestion(plan, on_hand=0, cover_days=0, **common)
    make_suggestion(plan, on_hand=4, cover_days=2, **common)
    make_suggestion(plan, on_hand=4, cover_days=2, on_order=50, **common)
    make_suggestion(plan, on_hand=90, cover_days=45, **common)
    make_suggestion(plan, on_hand=0, cover_days=None, daily_demand=0)
    make_suggestion(plan, on_hand=None, order_quantity=0, reason="exception: no stock record")
    states = selectors.plan_sums(plan)
    assert (states.tabs["exception"], states.out) == (1, 1)


def test_it_tells_of_failed_jobs_until_one_works() -> None:
    failed = make_forecast_run(state=Job.State.FAILED, finished_at=timezone.now() - timedelta(days=1))
    assert selectors.jobs_failed() == [failed]
    make_forecast_run(state=Job.State.RUNNING)
    assert selectors.jobs_failed() == [failed]
    make_forecast_run()
    assert selectors.jobs_failed() == []


def test_an_import_that_failed_is_told_until_one_of_its_kind_works() -> None:
    failed = ImportBatch.objects.create(kind="sales", state=Job.State.FAILED)
    ImportBatch.objects.create(kind="stock", state=Job.State.DONE)
    assert selectors.jobs_failed() == [failed]
    ImportBatch.objects.create(kind="sales", state=Job.State.DONE)
    assert selectors.jobs_failed() == []


def test_its_value_follows_the_final_quantity() -> None:
    plan = make_plan()
    row = make_suggestion(plan, home_unit_cost=3.75)
    assert row.final_value == pytest.approx(90)
    Suggestion.objects.filter(pk=row.pk).update(edited_quantity=10)
    row.refresh_from_db()
    assert (row.final, row.final_value) == (10, pytest.approx(37.5))
    assert make_suggestion(plan, home_unit_cost=None).final_value is None


def test_without_a_plan_there_is_nothing() -> None:
    assert selectors.plan_latest() is None
    assert not selectors.suggestions_list(None).exists()
    assert selectors.plan_sums(None).suppliers == []
    assert selectors.plan_sums(None).totals.lines == 0
