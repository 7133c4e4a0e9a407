"""What people decide about proposed actions: orders change by the services of orders, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import dropwhile
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Location, Product
from replenishment import selectors, services
from replenishment.models import PlanAction, PurchaseOrder
from tests.cast import make_location, make_product, make_user
from tests.replenishment.ahead_world import make_action, make_open_order
from tests.replenishment.world import later, make_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def proposed(
    kind: str, place: Location, *, state: str, lines: int = 1, quantity: float = 60, **values: Any
) -> PlanAction:
    """An action on the first line (60 units) of an open order."""
    products = [make_product() for _ in range(lines)]
    order = make_open_order(place, dict.fromkeys(products, 60.0), expected_on=later(9), state=state)
    line = order.lines.get(product=products[0])
    return make_action(
        product=products[0],
        location=place,
        kind=kind,
        quantity=quantity,
        order_line=line,
        details={"outstanding": 60.0},
        **values,
    )


STEPS: tuple[Callable[[PlanAction, User], PlanAction], ...] = (
    lambda action, user: services.action_carry_out(action_id=action.pk, acting_user=user),
    lambda action, user: services.action_done(action_id=action.pk, acting_user=user, comment="so"),
    lambda action, user: services.action_dismiss(action_id=action.pk, acting_user=user, reason="so"),
    lambda action, user: services.action_reopen(action_id=action.pk, acting_user=user),
)


def order_of(action: PlanAction) -> PurchaseOrder:
    assert action.order_line is not None
    return action.order_line.order


@pytest.mark.parametrize("state", ["draft", "submitted", "approved"])
def test_it_cuts_a_line_which_has_to_be_approved_anew(place: Location, buyer: User, state: str) -> None:
    action = proposed("cut", place, state=state, quantity=24)
    order = order_of(action)
    action = services.action_carry_out(action_id=action.pk, acting_user=buyer)
    order.refresh_from_db()
    assert order.lines.get().quantity == 36
    assert order.state == "draft"
    assert order.events.get().action == "line-set"
    assert (action.state, action.decided_by) == ("done", buyer)


def test_it_takes_a_line_off_and_keeps_the_action(place: Location, buyer: User) -> None:
    action = proposed("cancel", place, state="draft", lines=2)
    order = order_of(action)
    action = services.action_carry_out(action_id=action.pk, acting_user=buyer, comment="dead stock")
    action.refresh_from_db()
    assert order.lines.count() == 1
    assert (action.state, action.order_line, action.details["order"]) == ("done", None, order.number)
    assert (order.events.get().action, order.events.get().comment) == ("line-remove", "dead stock")


def test_removing_a_line_keeps_what_was_decided_and_closes_what_was_open(
    place: Location, buyer: User
) -> None:
    decided = proposed("cut", place, state="draft", lines=2, quantity=24)
    order, line = order_of(decided), decided.order_line
    assert line is not None
    old = make_action(
        decided.plan_run, product=decided.product, location=place, kind="postpone", order_line=line
    )
    services.action_done(action_id=decided.pk, acting_user=buyer, comment="by phone")
    services.order_line_remove(line_id=line.pk, acting_user=buyer)
    decided.refresh_from_db()
    old.refresh_from_db()
    assert (decided.state, decided.comment, decided.order_line) == ("done", "by phone", None)
    assert (old.state, old.decided_by, old.order_line) == ("dismissed", buyer, None)
    assert decided.details["order"] == old.details["order"] == order.number
    with pytest.raises(services.ActionError, match="is gone"):
        services.action_reopen(action_id=old.pk, acting_user=buyer)


def test_the_order_is_locked_before_its_lines_are_read(place: Location, buyer: User) -> None:
    action = proposed("cut", place, state="draft", quantity=24)
    with CaptureQueriesContext(connection) as queries:
        services.action_carry_out(action_id=action.pk, acting_user=buyer)
    after_lock = dropwhile(
        lambda sql: 'FROM "replenishment_purchaseorder" ' not in sql,
        [query["sql"] for query in queries.captured_queries],
    )
    lines = [sql for sql in after_lock if 'FROM "replenishment_purchaseorderline"' in sql]
    assert 'WHERE "replenishment_purchaseorderline"."id"' in lines[0]


@pytest.mark.parametrize("state", ["draft", "approved", "sent"])
def test_it_cancels_an_order_of_that_line_alone(place: Location, buyer: User, state: str) -> None:
    action = proposed("cancel", place, state=state)
    order = order_of(action)
    services.action_carry_out(action_id=action.pk, acting_user=buyer)
    order.refresh_from_db()
    assert order.state == "cancelled"


@pytest.mark.parametrize(
    ("kind", "state", "lines"),
    [("cut", "sent", 1), ("cancel", "sent", 2), ("expedite", "sent", 1), ("postpone", "draft", 1)],
)
def test_what_needs_the_supplier_is_not_done_by_itself(
    place: Location, buyer: User, kind: str, state: str, lines: int
) -> None:
    action = proposed(kind, place, state=state, lines=lines)
    with pytest.raises(services.ActionError, match="by itself"):
        services.action_carry_out(action_id=action.pk, acting_user=buyer)
    assert order_of(action).lines.count() == lines
    done = services.action_done(action_id=action.pk, acting_user=buyer, comment="they agreed by phone")
    assert (done.state, done.comment) == ("done", "they agreed by phone")


def test_it_does_not_cut_what_has_changed_since_the_plan(place: Location, buyer: User) -> None:
    action = proposed("cut", place, state="draft", quantity=24)
    order_of(action).lines.update(quantity=30)
    with pytest.raises(services.ActionError, match="changed since"):
        services.action_carry_out(action_id=action.pk, acting_user=buyer)
    action.refresh_from_db()
    assert action.state == "open"


def test_a_decision_is_taken_once(place: Location, buyer: User) -> None:
    action = proposed("cut", place, state="draft", quantity=24)
    services.action_carry_out(action_id=action.pk, acting_user=buyer)
    for step in STEPS:
        with pytest.raises(services.ActionError):
            step(action, buyer)
    assert order_of(action).lines.get().quantity == 36


def test_it_asks_why_and_lets_a_dismissal_be_undone(buyer: User) -> None:
    action = make_action()
    with pytest.raises(services.ActionError):
        services.action_dismiss(action_id=action.pk, acting_user=buyer, reason="  ")
    with pytest.raises(services.ActionError):
        services.action_done(action_id=action.pk, acting_user=buyer, comment="")
    dismissed = services.action_dismiss(action_id=action.pk, acting_user=buyer, reason="a fair in May")
    assert (dismissed.state, dismissed.comment, dismissed.decided_by) == (
        "dismissed",
        "a fair in May",
        buyer,
    )
    again = services.action_reopen(action_id=action.pk, acting_user=buyer)
    assert (again.state, again.comment, again.decided_by, again.decided_at) == ("open", "", None, None)


def test_an_older_plans_actions_are_history(buyer: User) -> None:
    action = make_action()
    make_plan()
    with pytest.raises(services.StaleError):
        services.action_dismiss(action_id=action.pk, acting_user=buyer, reason="no")


def test_who_may_not_decide_is_refused(place: Location, viewer: User, approver: User) -> None:
    action = proposed("cut", place, state="draft", quantity=24)
    for user in (viewer, approver, make_user("nobody")):
        for step in STEPS:
            with pytest.raises(PermissionDenied):
                step(action, user)
    assert order_of(action).lines.get().quantity == 60


def test_deciding_does_not_lend_the_right_to_change_orders(place: Location) -> None:
    user = make_user("decider")
    user.user_permissions.add(Permission.objects.get(codename="decide_planaction"))
    user = User.objects.get(pk=user.pk)
    for kind, lines in (("cut", 1), ("cancel", 1), ("cancel", 2)):
        action = proposed(kind, place, state="draft", lines=lines, quantity=24)
        assert selectors.action_service(action, user, lines_count=lines) == ""
        with pytest.raises(services.ActionError):
            services.action_carry_out(action_id=action.pk, acting_user=user)
        assert {line.quantity for line in order_of(action).lines.all()} == {60}


def test_it_filters_and_sums(place: Location) -> None:
    plan = make_plan()
    lamp: Product = make_product(name="Lamp")
    wanted = make_action(plan, product=lamp, location=place, kind="return", saving=40.0)
    order = make_open_order(place, {make_product(): 5.0}, expected_on=later(3))
    cut = make_action(
        plan, product=order.lines.get().product, kind="cut", saving=60.0, order_line=order.lines.get()
    )
    done = make_action(plan, state="done", saving=5.0)
    make_action(make_plan(state="failed"))
    everything = selectors.actions_list(plan)
    assert list(everything) == [cut, wanted, done]
    for filters in (
        {"search": "lamp"},
        {"kind": "return", "state": "open"},
        {"location_id": place.pk},
    ):
        assert list(selectors.actions_list(plan, **filters)) == [wanted], filters
    assert list(selectors.actions_list(plan, supplier_id=order.supplier_id)) == [cut]
    assert list(selectors.actions_list(plan, state="done")) == [done]
    sums = selectors.actions_sums(everything, state="open")
    assert (sums.by_state, sums.saving) == ({"open": 2, "done": 1, "dismissed": 0}, 100.0)
    assert sums.by_kind == {"cut": (1, 60.0), "return": (1, 40.0)}
    assert selectors.actions_suppliers(plan) == [(order.supplier_id, str(order.supplier))]
    assert not selectors.actions_list(None).exists()


def test_the_supplier_of_goods_on_hand_is_the_one_that_the_plan_buys_from() -> None:
    from tests.replenishment.world import make_suggestion

    plan = make_plan()
    suggestion = make_suggestion(plan)
    action = make_action(plan, product=suggestion.product, location=suggestion.location)
    assert list(selectors.actions_list(plan, supplier_id=suggestion.supplier_id)) == [action]


def test_quantities_are_cut_to_a_thousandth(place: Location, buyer: User) -> None:
    action = proposed("cut", place, state="draft", quantity=24.5)
    services.action_carry_out(action_id=action.pk, acting_user=buyer)
    assert order_of(action).lines.get().quantity == Decimal("35.5")
