"""Approving: part of an order, many at once; what an approver is told about an order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.models import ExchangeRate
from inventory_site.templatetags.approval_words import unusual_words
from replenishment import selectors, services
from replenishment.models import (
    ApprovalLimit,
    Budget,
    PlanAction,
    PurchaseOrder,
    PurchaseOrderEvent,
    PurchaseOrderLine,
    Suggestion,
)
from tests.cast import make_category, make_product, make_user
from tests.replenishment.ahead_world import make_action
from tests.replenishment.world import AS_OF, make_order, make_plan, make_suggestion

pytestmark = pytest.mark.django_db


def submitted(by: User, **values: Any) -> PurchaseOrder:
    return make_order(by, state="submitted", **values)


def line_ids(order: PurchaseOrder) -> list[int]:
    return list(order.lines.order_by("pk").values_list("pk", flat=True))


def approve_part(order: PurchaseOrder, lines: list[int], user: User, **values: Any) -> Any:
    values = {"comment": "too much of the rest"} | values
    return services.order_approve_part(order_id=order.pk, line_ids=lines, acting_user=user, **values)


def test_it_approves_a_part_and_gives_the_rest_back_as_a_draft(buyer: User, approver: User) -> None:
    order = submitted(buyer, count=3)
    first, second, third = line_ids(order)
    suggestions = dict(order.lines.values_list("pk", "suggestion_id"))
    kept, rest = approve_part(order, [second], approver)
    assert (kept.state, kept.approved_by, kept.home_value) == ("approved", approver, Decimal(60))
    assert (rest.state, rest.created_by, rest.submitted_by, rest.approved_by) == ("draft", buyer, None, None)
    assert (rest.split_from, rest.home_value, rest.number) == (order, Decimal(120), f"PO-{rest.pk:06d}")
    same = ("kind", "supplier_id", "location_id", "currency", "plan_run_id", "expected_on")
    assert [getattr(rest, name) for name in same] == [getattr(order, name) for name in same]
    assert (line_ids(order), line_ids(rest)) == ([second], [first, third])
    moved = PurchaseOrderLine.objects.filter(order__in=[order, rest])
    assert dict(moved.values_list("pk", "suggestion_id")) == suggestions
    assert set(Suggestion.objects.values_list("state", flat=True)) == {"drafted"}
    event = order.events.latest("pk")
    assert (event.action, event.from_state, event.to_state, event.actor, event.comment) == (
        "approve-part",
        "submitted",
        "approved",
        approver,
        "too much of the rest",
    )
    assert event.data["home_value"] == ["180.00", "60.00"]
    assert (event.data["rest"], [row["line"] for row in event.data["lines"]]) == (rest.number, [first, third])
    [event] = rest.events.all()
    assert (event.action, event.to_state, event.comment) == ("split", "draft", "too much of the rest")
    assert event.data["split_from"] == order.number
    # The rest takes the usual way: its maker submits it, and it is approved for itself.
    services.order_submit(order_id=rest.pk, acting_user=buyer)
    assert services.order_approve(order_id=rest.pk, acting_user=approver).state == "approved"


def test_all_lines_are_a_whole_approval(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    kept, rest = approve_part(order, line_ids(order), approver, comment="")
    assert (kept.state, rest, PurchaseOrder.objects.count()) == ("approved", None, 1)
    assert order.events.latest("pk").action == "approve"


@pytest.mark.parametrize("lines", ["none", "foreign"])
def test_a_part_has_lines_of_this_order(buyer: User, approver: User, lines: str) -> None:
    order, other = submitted(buyer), submitted(buyer)
    chosen = {"none": [], "foreign": [*line_ids(order)[:1], *line_ids(other)[:1]]}[lines]
    with pytest.raises(services.OrderError):
        approve_part(order, chosen, approver)
    order.refresh_from_db()
    assert (order.state, order.lines.count()) == ("submitted", 2)


def test_a_part_takes_a_comment_and_another_person_within_limit(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    one = line_ids(order)[:1]
    with pytest.raises(services.OrderError, match="why the rest"):
        approve_part(order, one, approver, comment="  ")
    with pytest.raises(PermissionDenied):
        approve_part(order, one, buyer)
    own = submitted(approver_as_maker := make_user("both", "Admin", is_staff=True))
    ApprovalLimit.objects.create(user=approver_as_maker, amount=10_000)
    with pytest.raises(services.SelfApprovalError):
        approve_part(own, line_ids(own)[:1], approver_as_maker)
    # The whole order is held against the limit: nobody gets past it by splitting.
    ApprovalLimit.objects.filter(user=approver).update(amount=100)
    with pytest.raises(services.LimitError):
        approve_part(order, one, approver)
    assert PurchaseOrder.objects.count() == 2


def test_the_same_part_twice_splits_once(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    one = line_ids(order)[:1]
    approve_part(order, one, approver)
    with pytest.raises(services.TransitionError):
        approve_part(order, one, approver)
    assert PurchaseOrder.objects.count() == 2


def test_what_was_changed_since_it_was_seen_is_not_decided_unseen(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    seen = order.events.latest("pk").pk
    line = order.lines.all()[0]
    services.order_line_set(line_id=line.pk, quantity=900, acting_user=buyer)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    for step in (services.order_approve, services.order_return):
        with pytest.raises(services.StaleError):
            step(order_id=order.pk, acting_user=approver, comment="fine", seen_event=seen)
    with pytest.raises(services.StaleError):
        approve_part(order, line_ids(order)[:1], approver, seen_event=seen)
    [result] = services.orders_approve(
        order_ids=[order.pk], acting_user=approver, seen_events={order.pk: seen}
    )
    assert "has changed" in result.error
    order.refresh_from_db()
    assert order.state == "submitted"
    seen = order.events.latest("pk").pk
    assert (
        services.order_approve(order_id=order.pk, acting_user=approver, seen_event=seen).state == "approved"
    )


def test_a_later_edit_reopens_what_was_approved_in_part(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    kept, _rest = approve_part(order, line_ids(order)[:1], approver)
    services.order_line_set(line_id=kept.lines.get().pk, quantity=25, acting_user=buyer)
    kept.refresh_from_db()
    assert (kept.state, kept.approved_by, kept.submitted_by) == ("draft", None, None)


def test_actions_stay_with_the_lines_that_move(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    kept, moved = order.lines.order_by("pk")
    plan = order.plan_run
    assert plan is not None
    make_action(plan, product=moved.product, location=order.location, kind="cut", order_line=moved)
    _order, rest = approve_part(order, [kept.pk], approver)
    action = PlanAction.objects.get()
    assert action.order_line is not None
    assert action.order_line.order == rest
    line = services.order_line_set(line_id=moved.pk, quantity=20, acting_user=buyer)
    assert line.order == rest


def test_it_approves_each_of_many_for_itself(buyer: User, approver: User) -> None:
    good, dear, draft = (
        submitted(buyer),
        submitted(buyer, terms_values={"unit_cost": 1_000}),
        make_order(buyer),
    )
    other = submitted(buyer)
    results = services.orders_approve(
        order_ids=[other.pk, dear.pk, draft.pk, good.pk, good.pk, 999_999], acting_user=approver
    )
    assert [bool(result.error) for result in results] == [False, True, True, False, True]
    assert [result.number for result in results] == [
        good.number,
        dear.number,
        draft.number,
        other.number,
        "999999",
    ]
    assert "your limit" in results[1].error
    states = dict(PurchaseOrder.objects.values_list("pk", "state"))
    assert states == {good.pk: "approved", dear.pk: "submitted", draft.pk: "draft", other.pk: "approved"}
    assert PurchaseOrderEvent.objects.filter(action="approve").count() == 2
    again = services.orders_approve(order_ids=[good.pk], acting_user=approver)
    assert again[0].error
    assert PurchaseOrderEvent.objects.filter(action="approve").count() == 2


def test_nobody_approves_own_orders_in_bulk(superuser: User, buyer: User) -> None:
    ApprovalLimit.objects.create(user=superuser, amount=10_000)
    mine, theirs = submitted(superuser), submitted(buyer)
    results = services.orders_approve(order_ids=[mine.pk, theirs.pk], acting_user=superuser)
    assert ["Another person" in results[0].error, results[1].error] == [True, ""]


def test_bulk_approval_is_for_approvers_and_has_an_end(buyer: User, viewer: User, approver: User) -> None:
    order = submitted(buyer)
    for user in (buyer, viewer):
        with pytest.raises(PermissionDenied):
            services.orders_approve(order_ids=[order.pk], acting_user=user)
    with pytest.raises(services.OrderError, match="At most"):
        services.orders_approve(order_ids=range(1, 300), acting_user=approver)


def test_the_history_of_a_split_cannot_be_changed(buyer: User, approver: User) -> None:
    order = submitted(buyer)
    approve_part(order, line_ids(order)[:1], approver)
    with pytest.raises(DatabaseError), transaction.atomic():
        order.events.update(comment="nothing happened")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            order.events.all().delete()


class Splits(TestCase):
    """Nothing is lost or doubled, whatever part is approved."""

    @hypothesis_settings(max_examples=15, deadline=None)
    @given(chosen=st.lists(st.booleans(), min_size=4, max_size=4).filter(any))
    def test_the_parts_are_the_whole(self, chosen: list[bool]) -> None:
        buyer, boss = make_user("b", "Buyer"), make_user("a", "Approver", is_staff=True)
        ApprovalLimit.objects.create(user=boss, amount=10_000)
        order = submitted(buyer, count=4)
        before = list(order.lines.order_by("pk").values_list("pk", "product", "quantity", "unit_cost"))
        on_order = selectors.on_order(as_of=AS_OF).sort("product_id")
        lines = selectors.lines_open(as_of=AS_OF)
        wanted = [pk for pk, is_chosen in zip(line_ids(order), chosen, strict=True) if is_chosen]
        approve_part(order, wanted, boss)
        after = PurchaseOrderLine.objects.order_by("pk").values_list("pk", "product", "quantity", "unit_cost")
        assert list(after) == before
        assert line_ids(order) == wanted
        assert selectors.on_order(as_of=AS_OF).sort("product_id").equals(on_order)
        assert selectors.lines_open(as_of=AS_OF).equals(lines)
        total = sum(value for value in PurchaseOrder.objects.values_list("home_value", flat=True) if value)
        assert total == order_value(before)


def order_value(lines: list[Any]) -> Decimal:
    return sum((quantity * cost for _pk, _product, quantity, cost in lines), Decimal(0))


# -- what an approver is told -----------------------------------------------------------------------------
def review(order: PurchaseOrder) -> selectors.OrderReview:
    return selectors.order_review(
        PurchaseOrder.objects.select_related("supplier", "plan_run").get(pk=order.pk)
    )


def kinds(order: PurchaseOrder) -> list[set[str]]:
    return [{found.kind for found in row.unusual} for row in review(order).lines]


def order_again(order: PurchaseOrder, by: User, **values: Any) -> PurchaseOrder:
    """One line of the product of the order's first line, from the same supplier to the same place."""
    line = order.lines.all()[0]
    again = PurchaseOrder.objects.create(
        number=f"X-{PurchaseOrder.objects.count()}",
        supplier=order.supplier,
        location=order.location,
        currency=order.currency,
        state=values.pop("state", "submitted"),
        created_by=by,
        home_value=Decimal(60),
    )
    PurchaseOrderLine.objects.create(
        **{"order": again, "product": line.product, "quantity": 24, "unit_cost": Decimal("2.5")} | values
    )
    return again


def test_it_tells_what_is_unusual_about_a_line(buyer: User) -> None:
    first = submitted(buyer, count=1)
    assert kinds(first) == [set()]
    assert review(first).brief.is_first
    PurchaseOrder.objects.filter(pk=first.pk).update(state="sent")
    assert kinds(order_again(first, buyer)) == [set()]
    for _ in range(2):
        order_again(first, buyer, state="closed")
    # Usually 24: half or twice as many are far from it; two orders alone are not usual yet.
    for quantity, expected in ((13, set()), (47, set()), (12, {"quantity"}), (48, {"quantity"})):
        assert kinds(order_again(first, buyer, quantity=quantity)) == [expected], quantity
    for cost, expected in (("2.70", set()), ("2.75", {"price"}), ("2.25", {"price"})):
        assert kinds(order_again(first, buyer, unit_cost=Decimal(cost))) == [expected], cost
    # Of an order of known and new items the new ones are told.
    mixed = order_again(first, buyer)
    PurchaseOrderLine.objects.create(order=mixed, product=make_product(), quantity=1, unit_cost=1)
    assert sorted(map(sorted, kinds(mixed))) == [[], ["first"]]
    assert not review(mixed).brief.is_first
    # What was cancelled, or waits, says nothing about what is usual.
    assert kinds(order_again(first, buyer, quantity=25)) == [set()]


@pytest.mark.parametrize(
    ("daily", "on_hand", "expected"),
    [(0.1, 3.0, "cover"), (0.2, 3.0, None), (0.2, 13.0, "cover"), (0.0, 3.0, "no-demand")],
)
def test_it_tells_of_long_cover(buyer: User, daily: float, on_hand: float, expected: str | None) -> None:
    # 24 units and what is on hand, at so many a day: 183 days are the mark.
    order = submitted(buyer, count=1, daily_demand=daily, on_hand=on_hand)
    assert kinds(order) == [{expected} if expected else set()]


def test_it_tells_of_large_edits_with_the_buyers_reason(buyer: User) -> None:
    plan = make_plan()
    suggestion = make_suggestion(plan, margin_at_risk=12.5)
    services.suggestion_edit(
        suggestion_id=suggestion.pk, quantity=40, reason="fair", acting_user=buyer, seen_plan_run_id=plan.pk
    )
    [order] = services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    [row] = review(order).lines
    assert (row.difference, row.edit_reason, row.at_risk) == (Decimal(16), "fair", 12.5)
    assert [(found.kind, found.value, found.usual) for found in row.unusual] == [("edited", 40.0, 24.0)]


def test_unusual_lines_come_first_and_the_worst_is_named(buyer: User) -> None:
    order = submitted(buyer, count=3)
    small, large, odd = order.lines.order_by("pk")
    for line, risk in ((small, 5.0), (large, 50.0), (odd, None)):
        Suggestion.objects.filter(lines=line).update(margin_at_risk=risk)
    services.order_line_set(line_id=odd.pk, quantity=200, acting_user=buyer)
    found = review(order)
    assert [row.line.pk for row in found.lines] == [odd.pk, large.pk, small.pk]
    assert found.brief.worst == (large.product.sku, 50.0)
    assert (found.brief.at_risk, found.brief.unusual_count) == (55.0, 1)


def test_budgets_are_told_after_this_order(buyer: User) -> None:
    branch = make_category()
    order = submitted(buyer, count=2)
    inside = order.lines.all()[0].product
    inside.category = branch
    inside.save()
    days = {"first_day": date(2024, 1, 1), "last_day": date(2024, 12, 31)}
    Budget.objects.create(name="all", amount=500, **days)
    Budget.objects.create(name="branch", amount=50, category=branch, **days)
    Budget.objects.create(name="elsewhere", amount=50, location=make_order(buyer).location, **days)
    Budget.objects.create(name="over", amount=50, first_day=date(2023, 1, 1), last_day=date(2023, 12, 31))
    approved = make_order(buyer, state="approved")
    found = review(order).brief
    assert approved.home_value == Decimal(120)
    # 500 less 120 approved and 120 of this one; another draft of 120 waits. Of the branch, one line of 60.
    assert {row.budget.name: (row.left, row.waiting) for row in found.budgets} == {
        "all": (260.0, 120.0),
        "branch": (-10.0, 0.0),
    }
    assert found.tightest is not None
    assert found.tightest.budget.name == "branch"


def test_it_sorts_what_waits_by_who_may_decide(buyer: User, approver: User) -> None:
    ExchangeRate.objects.create(base="EUR", quote="USD", day=date(2024, 1, 1), rate="2")
    calm, urgent = submitted(buyer), submitted(buyer, margin_at_risk=900.0)
    dear = submitted(buyer, terms_values={"unit_cost": 1_000})
    unknown = submitted(buyer, terms_values={"currency": "CHF"})
    own = submitted(make_user("x", "Buyer"))
    PurchaseOrder.objects.filter(pk=own.pk).update(submitted_by=approver)
    make_order(buyer)
    found = list(selectors.orders_waiting(approver))
    assert [(order.pk, order.lane) for order in found] == [  # type: ignore[attr-defined]
        (urgent.pk, selectors.READY),
        (calm.pk, selectors.READY),
        (dear.pk, selectors.ABOVE),
        (unknown.pk, selectors.ABOVE),
        (own.pk, selectors.OWN),
    ]
    ApprovalLimit.objects.filter(user=approver).delete()
    assert {order.lane for order in selectors.orders_waiting(approver)} == {selectors.ABOVE, selectors.OWN}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (selectors.Unusual("first"), "First order of this item"),
        (selectors.Unusual("no-demand"), "No demand is expected"),
        (selectors.Unusual("cover", 274, 183), "Covers 9 months"),
        (selectors.Unusual("cover", 731, 183), "Covers 2 years"),
        (selectors.Unusual("quantity", 48, 24), "Usually 24 are ordered"),
        (selectors.Unusual("price", 2.75, 2.5), "10% dearer than last time (2.50 USD)"),
        (selectors.Unusual("price", 2.0, 2.5), "20% cheaper than last time (2.50 USD)"),
        (selectors.Unusual("edited", 40, 24), "67% more than the system orders"),
        (selectors.Unusual("edited", 6, 24), "75% less than the system orders"),
        (selectors.Unusual("edited", 6, 0), "The system orders none"),
    ],
)
def test_the_reasons_read(found: selectors.Unusual, words: str) -> None:
    assert unusual_words(found, "USD") == words
