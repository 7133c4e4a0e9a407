"""The steps of a purchase order: who may take them, from which state, and what is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction

from catalog.models import ExchangeRate, StockLevel
from replenishment import services
from replenishment.models import ApprovalLimit, PurchaseOrder, PurchaseOrderEvent, Suggestion
from tests.cast import make_user
from tests.replenishment.world import AS_OF, line_quantities, make_order

State = PurchaseOrder.State
pytestmark = pytest.mark.django_db

Step = Callable[[PurchaseOrder, User], Any]


def _receive(order: PurchaseOrder, user: User, *, share: int = 2, key: str = "k") -> Any:
    lines = order.lines.all()
    return services.order_receive(
        order_id=order.pk,
        received_on=AS_OF,
        quantities={line.pk: line.quantity / share for line in lines},
        key=key,
        acting_user=user,
    )


STEPS: dict[str, Step] = {
    "submit": lambda order, user: services.order_submit(order_id=order.pk, acting_user=user),
    "approve": lambda order, user: services.order_approve(order_id=order.pk, acting_user=user),
    "return": lambda order, user: services.order_return(order_id=order.pk, acting_user=user, comment="no"),
    "send": lambda order, user: services.order_send(order_id=order.pk, acting_user=user),
    "receive": lambda order, user: _receive(order, user),
    "cancel": lambda order, user: services.order_cancel(order_id=order.pk, acting_user=user),
    "close": lambda order, user: services.order_close(order_id=order.pk, acting_user=user),
}
# Written out by hand, so that a slip in the model's table is seen: (from, step) -> to.
ALLOWED = {
    ("draft", "submit"): "submitted",
    ("draft", "cancel"): "cancelled",
    ("submitted", "approve"): "approved",
    ("submitted", "return"): "draft",
    ("submitted", "cancel"): "cancelled",
    ("approved", "send"): "sent",
    ("approved", "return"): "draft",
    ("approved", "cancel"): "cancelled",
    ("sent", "receive"): "part-received",
    ("sent", "close"): "closed",
    ("sent", "cancel"): "cancelled",
    ("part-received", "receive"): "part-received",
    ("part-received", "close"): "closed",
}


@pytest.fixture
def all_powers(db: None) -> User:
    """Neither maker nor submitter, with every permission and a high limit."""
    user = make_user("all-powers", "Admin", is_staff=True)
    ApprovalLimit.objects.create(user=user, amount=Decimal(1_000_000))
    return user


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State.values, STEPS)))
def test_it_takes_exactly_the_steps_of_the_table(
    buyer: User, all_powers: User, state: str, step: str
) -> None:
    order = make_order(buyer, state=state)
    events = order.events.count()
    if (state, step) not in ALLOWED:
        with pytest.raises(services.TransitionError):
            STEPS[step](order, all_powers)
        order.refresh_from_db()
        assert (order.state, order.events.count()) == (state, events)
        return
    STEPS[step](order, all_powers)
    order.refresh_from_db()
    assert order.state == ALLOWED[state, step]
    event = order.events.latest("pk")
    assert (event.action, event.from_state, event.to_state) == (step, state, order.state)
    assert event.actor == all_powers


PERMITTED = {
    "buyer": {"submit", "send", "receive", "close", "cancel"},
    "approver": {"approve", "return"},
    "viewer": set(),
    "partner_of_supplier": set(),
}
READY = {
    "submit": "draft",
    "approve": "submitted",
    "return": "submitted",
    "send": "approved",
    "receive": "sent",
    "close": "sent",
    "cancel": "draft",
}


@pytest.mark.parametrize(("who", "step"), list(itertools.product(PERMITTED, STEPS)))
def test_it_lets_each_group_take_its_own_steps_only(
    request: pytest.FixtureRequest, superuser: User, who: str, step: str
) -> None:
    order = make_order(superuser, state=READY[step])
    user = request.getfixturevalue(who)
    if step in PERMITTED[who]:
        STEPS[step](order, user)
        return
    with pytest.raises(PermissionDenied):
        STEPS[step](order, user)
    order.refresh_from_db()
    assert order.state == READY[step]


def test_it_refuses_an_approver_who_is_not_staff(buyer: User) -> None:
    user = make_user("outsider", "Approver")
    ApprovalLimit.objects.create(user=user, amount=Decimal(1_000_000))
    with pytest.raises(PermissionDenied):
        STEPS["approve"](make_order(buyer, state="submitted"), user)


def test_it_refuses_approval_by_its_maker_superuser_or_not(superuser: User, buyer: User) -> None:
    ApprovalLimit.objects.create(user=superuser, amount=Decimal(1_000_000))
    order = make_order(superuser)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    with pytest.raises(services.SelfApprovalError):
        services.order_approve(order_id=order.pk, acting_user=superuser)


def test_it_refuses_approval_by_its_submitter_superuser_or_not(superuser: User, buyer: User) -> None:
    ApprovalLimit.objects.create(user=superuser, amount=Decimal(1_000_000))
    order = make_order(buyer)
    services.order_submit(order_id=order.pk, acting_user=superuser)
    with pytest.raises(services.SelfApprovalError):
        services.order_approve(order_id=order.pk, acting_user=superuser)


@pytest.mark.parametrize("column", ["created_by", "submitted_by"])
def test_its_database_refuses_self_approval_too(superuser: User, buyer: User, column: str) -> None:
    order = make_order(buyer, state="submitted")
    with pytest.raises(IntegrityError), transaction.atomic():
        PurchaseOrder.objects.filter(pk=order.pk).update(**{column: superuser, "approved_by": superuser})


@pytest.mark.parametrize(("limit", "passes"), [("119.99", False), ("120.00", True)])
def test_it_approves_up_to_the_limit_and_no_further(buyer: User, limit: str, passes: bool) -> None:
    user = make_user("limited", "Approver", is_staff=True)
    ApprovalLimit.objects.create(user=user, amount=Decimal(limit))
    order = make_order(buyer, state="submitted")  # 2 x 24 x 2.50 = 120.00
    if passes:
        assert services.order_approve(order_id=order.pk, acting_user=user).approved_by == user
        return
    with pytest.raises(services.LimitError, match=r"120\.00"):
        services.order_approve(order_id=order.pk, acting_user=user)


def test_it_approves_nothing_without_a_limit(buyer: User, superuser: User) -> None:
    with pytest.raises(services.LimitError):
        services.order_approve(order_id=make_order(buyer, state="submitted").pk, acting_user=superuser)


def test_it_compares_the_limit_in_the_home_currency(buyer: User, approver: User) -> None:
    order = make_order(buyer, state="submitted", terms_values={"currency": "EUR"})
    with pytest.raises(services.LimitError, match="EUR"):
        services.order_approve(order_id=order.pk, acting_user=approver)
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate=Decimal("1.25"))
    assert services.order_approve(order_id=order.pk, acting_user=approver).home_value == Decimal("150.00")


def test_it_returns_an_order_only_with_a_comment(buyer: User, approver: User) -> None:
    order = make_order(buyer, state="submitted")
    with pytest.raises(services.OrderError):
        services.order_return(order_id=order.pk, acting_user=approver, comment="  ")
    services.order_return(order_id=order.pk, acting_user=approver, comment="Half of it.")
    order.refresh_from_db()
    assert (order.state, order.submitted_by) == ("draft", None)
    assert order.events.latest("pk").comment == "Half of it."


@pytest.mark.parametrize("state", ["draft", "submitted", "approved"])
def test_it_falls_back_to_draft_when_a_line_changes(buyer: User, approver: User, state: str) -> None:
    order = make_order(buyer)
    if state != "draft":
        services.order_submit(order_id=order.pk, acting_user=buyer)
    if state == "approved":
        services.order_approve(order_id=order.pk, acting_user=approver)
    line = order.lines.first()
    assert line is not None
    services.order_line_set(line_id=line.pk, quantity=30, acting_user=buyer, comment="Fair week")
    order.refresh_from_db()
    assert (order.state, order.approved_by, order.submitted_by) == ("draft", None, None)
    assert order.home_value == Decimal("135.00")
    event = order.events.latest("pk")
    assert (event.from_state, event.to_state, event.comment) == (state, "draft", "Fair week")
    assert event.data["quantity"] == ["24.000", "30.000"]


@pytest.mark.parametrize("state", ["sent", "part-received", "closed", "cancelled"])
def test_it_keeps_the_lines_of_an_order_that_is_out(buyer: User, state: str) -> None:
    order = make_order(buyer, state=state)
    line = order.lines.first()
    assert line is not None
    with pytest.raises(services.TransitionError):
        services.order_line_set(line_id=line.pk, quantity=30, acting_user=buyer)
    with pytest.raises(services.TransitionError):
        services.order_line_remove(line_id=line.pk, acting_user=buyer)
    assert line_quantities(order) == [24, 24]


@pytest.mark.parametrize("quantity", [0, -1, "NaN", "Infinity", 1e30, "0.0001"])
def test_it_refuses_quantities_that_are_none(buyer: User, quantity: Any) -> None:
    order = make_order(buyer)
    line = order.lines.first()
    assert line is not None
    with pytest.raises(services.OrderError):
        services.order_line_set(line_id=line.pk, quantity=Decimal(quantity), acting_user=buyer)
    assert line_quantities(order) == [24, 24]


def test_its_unit_cost_follows_the_price_breaks(buyer: User) -> None:
    order = make_order(buyer, count=1, terms_values={"price_breaks": [[48, "2.00"], [96, "1.75"]]})
    line = order.lines.get()
    for quantity, cost in [(47, "2.50"), (48, "2.00"), (100, "1.75"), (10, "2.50")]:
        line = services.order_line_set(line_id=line.pk, quantity=quantity, acting_user=buyer)
        assert line.unit_cost == Decimal(cost)
    assert order.events.latest("pk").data["unit_cost"] == ["1.7500", "2.5000"]


def test_it_forbids_line_changes_to_those_who_only_look(buyer: User, viewer: User, approver: User) -> None:
    line = make_order(buyer).lines.first()
    assert line is not None
    for user in (viewer, approver):
        with pytest.raises(PermissionDenied):
            services.order_line_set(line_id=line.pk, quantity=1, acting_user=user)


def test_its_removed_line_opens_the_suggestion_and_the_last_line_stays(buyer: User) -> None:
    order = make_order(buyer)
    first, second = order.lines.order_by("pk")
    services.order_line_remove(line_id=first.pk, acting_user=buyer)
    assert set(Suggestion.objects.values_list("pk", "state")) == {
        (first.suggestion_id, "open"),
        (second.suggestion_id, "drafted"),
    }
    with pytest.raises(services.OrderError):
        services.order_line_remove(line_id=second.pk, acting_user=buyer)


def test_its_cancelled_order_opens_the_suggestions(buyer: User) -> None:
    order = make_order(buyer)
    services.order_cancel(order_id=order.pk, acting_user=buyer)
    assert set(Suggestion.objects.values_list("state", flat=True)) == {"open"}


def test_its_history_only_grows(buyer: User) -> None:
    event = make_order(buyer).events.get()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PurchaseOrderEvent.objects.filter(pk=event.pk).update(comment="never happened")
    event.refresh_from_db()
    assert event.comment == ""


@pytest.mark.postgres
def test_its_history_can_not_be_deleted(buyer: User) -> None:
    event = make_order(buyer).events.get()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.delete()
    assert PurchaseOrderEvent.objects.filter(pk=event.pk).exists()


def test_it_writes_no_step_without_its_event(buyer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order(buyer)

    def refuse(**values: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(PurchaseOrderEvent.objects, "create", refuse)
    with pytest.raises(DatabaseError):
        services.order_submit(order_id=order.pk, acting_user=buyer)
    order.refresh_from_db()
    assert order.state == "draft"


def test_it_walks_from_draft_to_closed(buyer: User, approver: User) -> None:
    order = make_order(buyer)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    services.order_approve(order_id=order.pk, acting_user=approver)
    services.order_send(order_id=order.pk, acting_user=buyer)
    _receive(order, buyer, key="one")
    _receive(order, buyer, key="two")
    order.refresh_from_db()
    assert order.state == "closed"
    assert list(order.events.values_list("action", "to_state")) == [
        ("draft", "draft"),
        ("submit", "submitted"),
        ("approve", "approved"),
        ("send", "sent"),
        ("receive", "part-received"),
        ("receive", "closed"),
    ]
    assert {level.on_hand for level in StockLevel.objects.all()} == {Decimal(24)}
