"""Suggestions: changing, rejecting and drafting them."""

from __future__ import annotations

import math
import threading
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection

from catalog.models import Job, SupplyTerms
from replenishment import services
from replenishment.models import PurchaseOrder, PurchaseOrderLine, Suggestion
from tests.cast import make_location, make_supplier, make_user
from tests.replenishment.world import later, make_plan, make_suggestion, make_world

pytestmark = pytest.mark.django_db


def edit(suggestion: Suggestion, quantity: float | None, user: User, seen: int | None = None) -> Suggestion:
    return services.suggestion_edit(
        suggestion_id=suggestion.pk,
        quantity=quantity,
        reason="Fair week",
        acting_user=user,
        seen_plan_run_id=seen,
    )


def test_it_keeps_the_systems_number_beside_the_buyers(buyer: User) -> None:
    suggestion = make_suggestion(make_plan())
    changed = edit(suggestion, 31.5, buyer)
    assert (changed.order_quantity, changed.edited_quantity, changed.final_quantity) == (24, 31.5, 31.5)
    assert (changed.edited_by, changed.edit_reason) == (buyer, "Fair week")
    back = edit(suggestion, None, buyer)
    assert (back.final_quantity, back.edited_by, back.edited_at, back.edit_reason) == (24, None, None, "")


@pytest.mark.parametrize("quantity", [-1, math.nan, math.inf, 1e30])
def test_it_refuses_quantities_that_are_none(buyer: User, quantity: float) -> None:
    suggestion = make_suggestion(make_plan())
    with pytest.raises(services.SuggestionError):
        edit(suggestion, quantity, buyer)
    suggestion.refresh_from_db()
    assert suggestion.edited_quantity is None


def test_it_refuses_to_change_what_a_newer_plan_replaced(buyer: User) -> None:
    old = make_suggestion(make_plan())
    new = make_plan()
    for step in (
        lambda: edit(old, 5, buyer),
        lambda: services.suggestion_reject(suggestion_id=old.pk, reason="", acting_user=buyer),
        lambda: services.drafts_create(suggestion_ids=[old.pk], acting_user=buyer),
        lambda: edit(make_suggestion(new), 5, buyer, seen=old.plan_run_id),
    ):
        with pytest.raises(services.StaleError):
            step()
    assert not PurchaseOrder.objects.exists()


@pytest.mark.parametrize("state", [Job.State.QUEUED, Job.State.RUNNING, Job.State.FAILED])
def test_its_plan_counts_until_a_newer_one_is_done(buyer: User, state: str) -> None:
    suggestion = make_suggestion(make_plan())
    make_plan(state=state)
    assert edit(suggestion, 5, buyer).final_quantity == 5


def test_it_needs_terms_to_buy_on(buyer: User) -> None:
    suggestion = make_suggestion(make_plan())
    Suggestion.objects.filter(pk=suggestion.pk).update(supplier=None, terms=None, unit_cost=None)
    with pytest.raises(services.SuggestionError):
        edit(suggestion, 5, buyer)
    with pytest.raises(services.SuggestionError, match=suggestion.product.sku):
        services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)


def test_its_rejected_suggestion_is_not_drafted_until_reopened(buyer: User) -> None:
    suggestion = make_suggestion(make_plan())
    services.suggestion_reject(suggestion_id=suggestion.pk, reason="Gone soon", acting_user=buyer)
    assert services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer) == []
    with pytest.raises(services.SuggestionError):
        edit(suggestion, 5, buyer)
    services.suggestion_reopen(suggestion_id=suggestion.pk, acting_user=buyer)
    assert len(services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)) == 1
    for step in (services.suggestion_reopen,):
        with pytest.raises(services.SuggestionError):
            step(suggestion_id=suggestion.pk, acting_user=buyer)


def test_it_forbids_both_to_those_who_only_look(viewer: User, approver: User) -> None:
    suggestion = make_suggestion(make_plan())
    for user in (viewer, approver):
        with pytest.raises(PermissionDenied):
            edit(suggestion, 5, user)
        with pytest.raises(PermissionDenied):
            services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=user)


def test_it_drafts_one_order_per_supplier_location_and_currency(buyer: User) -> None:
    plan = make_plan()
    suppliers, places = [make_supplier(), make_supplier()], [make_location(), make_location()]
    suggestions = [
        make_suggestion(
            plan, supplier=supplier, location=place, terms_values={"currency": currency}, lead_time_days=days
        )
        for supplier in suppliers
        for place in places
        for currency in ("USD", "EUR")
        for days in (3.0, 9.2)
    ]
    orders = services.drafts_create(suggestion_ids=[s.pk for s in suggestions], acting_user=buyer)
    assert len(orders) == 8
    assert len({(order.supplier_id, order.location_id, order.currency) for order in orders}) == 8
    for order in orders:
        assert order.lines.count() == 2
        assert (order.state, order.created_by, order.plan_run) == ("draft", buyer, plan)
        assert order.expected_on == later(10)
        assert order.home_value == (Decimal(120) if order.currency == "USD" else None)
        assert order.events.get().to_state == "draft"
    assert len({order.number for order in orders}) == 8
    assert set(plan.suggestions.values_list("state", flat=True)) == {"drafted"}


def test_its_line_carries_where_the_number_came_from(buyer: User) -> None:
    breaks = [[30, "2.00"]]
    suggestion = make_suggestion(make_plan(), terms_values={"article_number": "A-17", "price_breaks": breaks})
    edit(suggestion, 31.5, buyer)
    services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    line = PurchaseOrderLine.objects.get()
    assert line.suggestion == suggestion
    assert (line.article_number, line.suggested_quantity) == ("A-17", Decimal(24))
    assert (line.quantity, line.unit_cost) == (Decimal("31.5"), Decimal(2))


def test_it_prices_an_order_in_its_own_currency(buyer: User) -> None:
    suggestion = make_suggestion(make_plan(), terms_values={"price_breaks": [[30, "2.00"]]})
    edit(suggestion, 40, buyer)
    assert suggestion.terms is not None
    SupplyTerms.objects.filter(pk=suggestion.terms.pk).update(currency="JPY", unit_cost=400)
    [order] = services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    line = order.lines.get()
    assert (order.currency, line.unit_cost) == (suggestion.currency, suggestion.unit_cost)
    line = services.order_line_set(line_id=line.pk, quantity=10, acting_user=buyer)
    assert line.unit_cost == suggestion.unit_cost


def test_it_passes_over_what_is_drafted_or_nothing(buyer: User) -> None:
    [one, two, zero], _supplier, _place = make_world(3)
    Suggestion.objects.filter(pk=zero.pk).update(order_quantity=0)
    first = services.drafts_create(suggestion_ids=[one.pk, one.pk, zero.pk], acting_user=buyer)
    second = services.drafts_create(suggestion_ids=[one.pk, two.pk, zero.pk], acting_user=buyer)
    assert [order.lines.get().suggestion for order in [*first, *second]] == [one, two]
    assert services.drafts_create(suggestion_ids=[one.pk, two.pk, zero.pk], acting_user=buyer) == []
    assert services.drafts_create(suggestion_ids=[], acting_user=buyer) == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_drafts_once_from_two_places_at_the_same_time() -> None:
    user = make_user("both", "Buyer")
    suggestions, _supplier, _place = make_world(40)
    ids = [suggestion.pk for suggestion in suggestions]
    start = threading.Barrier(2)
    found: list[list[PurchaseOrder]] = []

    def draft() -> None:
        try:
            start.wait()
            found.append(services.drafts_create(suggestion_ids=ids, acting_user=user))
        finally:
            connection.close()

    threads = [threading.Thread(target=draft) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(orders) for orders in found) == [0, 1]
    assert PurchaseOrderLine.objects.count() == len(ids)
    assert set(PurchaseOrderLine.objects.values_list("suggestion_id", flat=True)) == set(ids)
