"""Two people, or a person and a plan, at the same time: on a real PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from catalog.models import Job, StockLevel
from replenishment import services
from replenishment.models import ApprovalLimit, PlanRun, PurchaseOrder, PurchaseOrderEvent, PurchaseOrderLine
from replenishment.services import plan_store
from tests.cast import make_location, make_product, make_terms, make_user
from tests.replenishment.ahead_world import make_action, make_open_order
from tests.replenishment.world import AS_OF, make_forecast, make_order, make_stock, run_plan

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave, or the exception that it raised."""
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_it_receives_a_delivery_once() -> None:
    user = make_user("buyer", "Buyer")
    order = make_order(user, count=1, state="sent")
    line = order.lines.get()

    def receive() -> PurchaseOrder:
        return services.order_receive(
            order_id=order.pk, received_on=AS_OF, quantities={line.pk: 10}, key="one", acting_user=user
        )

    states = [getattr(result, "state", result) for result in at_once(receive, receive, receive)]
    assert states == ["part-received"] * 3
    line.refresh_from_db()
    assert [line.received, StockLevel.objects.get().on_hand] == [10, 10]


def make_transfer_order(by: User) -> PurchaseOrder:
    """An approved transfer order of 24 units."""
    order = make_order(by, count=1, state="approved")
    PurchaseOrder.objects.filter(pk=order.pk).update(kind="transfer", supplier=None, source=make_location())
    order.refresh_from_db()
    return order


def test_it_sends_goods_once_and_not_more_than_there_are() -> None:
    user = make_user("buyer", "Buyer")
    one, two = make_transfer_order(user), make_transfer_order(user)
    product = one.lines.get().product
    two.lines.update(product=product)
    PurchaseOrder.objects.filter(pk=two.pk).update(source=one.source)
    assert one.source is not None
    make_stock(product, one.source, 30)

    def send(order: PurchaseOrder) -> PurchaseOrder:
        return services.order_send(order_id=order.pk, acting_user=user)

    results = at_once(lambda: send(one), lambda: send(one), lambda: send(two))
    sent = [result for result in results if isinstance(result, PurchaseOrder)]
    assert len(sent) == 1, results
    assert StockLevel.objects.filter(location=one.source).latest("day").on_hand == 6


def test_it_takes_one_of_two_steps_that_exclude_each_other() -> None:
    user = make_user("buyer", "Buyer")
    order = make_order(user, state="approved")
    results = at_once(
        lambda: services.order_send(order_id=order.pk, acting_user=user),
        lambda: services.order_cancel(order_id=order.pk, acting_user=user),
    )
    order.refresh_from_db()
    # Cancelling may follow sending, never the other way round.
    if order.state == "sent":
        pytest.fail(f"cancelling was lost: {results}")
    assert order.state == "cancelled"
    assert list(order.events.values_list("to_state", flat=True)) in (
        ["draft", "cancelled"],
        ["draft", "sent", "cancelled"],
    )


def test_an_action_sees_what_another_does_to_its_order_line_meanwhile() -> None:
    user, place, product = make_user("buyer", "Buyer"), make_location(), make_product()
    order = make_open_order(place, {product: 60.0}, expected_on=None, state="draft")
    line = order.lines.get()
    action = make_action(
        product=product,
        location=place,
        kind="cut",
        quantity=24.0,
        order_line=line,
        details={"outstanding": 60},
    )
    changing = threading.Event()

    def change() -> None:
        with transaction.atomic():
            services.order_line_set(line_id=line.pk, quantity=30, acting_user=user)
            changing.set()
            time.sleep(1)

    def carry_out() -> Any:
        assert changing.wait(30)
        return services.action_carry_out(action_id=action.pk, acting_user=user)

    _changed, carried_out = at_once(change, carry_out)
    assert isinstance(carried_out, services.ActionError)
    line.refresh_from_db()
    assert line.quantity == 30


def test_a_draft_waits_for_a_plan_that_is_being_stored_and_is_then_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user("buyer", "Buyer")
    place, product = make_location(), make_product()
    make_terms(product=product)
    make_stock(product, place, 1)
    run = make_forecast({(product, place): 20})
    first = run_plan(run).suggestions.get()
    plan = services.plan_create(acting_user=None, forecast_run=run)
    storing, store = threading.Event(), plan_store.suggestions_store

    def slow_store(**values: Any) -> None:
        storing.set()
        time.sleep(1)
        store(**values)

    def draft() -> list[PurchaseOrder]:
        assert storing.wait(30)
        return services.drafts_create(suggestion_ids=[first.pk], acting_user=user)

    monkeypatch.setattr(plan_store, "suggestions_store", slow_store)
    planned, drafted = at_once(lambda: services.plan_execute(plan_id=plan.pk), draft)
    assert planned.state == Job.State.DONE
    assert isinstance(drafted, services.StaleError)
    assert not PurchaseOrderLine.objects.exists()
    assert plan.suggestions.get().order_quantity == first.order_quantity


def test_two_workers_never_do_the_same_plan() -> None:
    place, product = make_location(), make_product()
    make_terms(product=product)
    make_stock(product, place, 1)
    plan = services.plan_create(acting_user=None, forecast_run=make_forecast({(product, place): 20}))
    at_once(*[lambda: services.plan_execute(plan_id=plan.pk)] * 3)
    plan = PlanRun.objects.get(pk=plan.pk)
    assert (plan.state, plan.attempts) == ("done", 1)
    assert plan.suggestions.count() == 1


def test_two_approvers_at_once_approve_each_order_once() -> None:
    user = make_user("buyer", "Buyer")
    approvers = [make_user(name, "Approver", is_staff=True) for name in ("one", "two")]
    for approver in approvers:
        ApprovalLimit.objects.create(user=approver, amount=100_000)
    orders = [make_order(user, state="submitted") for _ in range(4)]
    ids = [order.pk for order in orders]

    def approve(approver: Any, order_ids: list[int]) -> Callable[[], Any]:
        return lambda: services.orders_approve(order_ids=order_ids, acting_user=approver)

    first, second = at_once(approve(approvers[0], ids), approve(approvers[1], ids[::-1]))
    assert [bool(a.error) != bool(b.error) for a, b in zip(first, second, strict=True)] == [True] * 4
    assert PurchaseOrderEvent.objects.filter(action="approve").count() == 4


def test_a_part_is_split_off_once_and_no_line_is_lost_to_an_edit() -> None:
    user, approver = make_user("buyer", "Buyer"), make_user("approver", "Approver", is_staff=True)
    ApprovalLimit.objects.create(user=approver, amount=100_000)
    order = make_order(user, count=2, state="submitted")
    kept, rest = order.lines.order_by("pk").values_list("pk", flat=True)

    def part() -> Any:
        return services.order_approve_part(
            order_id=order.pk, line_ids=[kept], acting_user=approver, comment="half"
        )

    def edit() -> Any:
        return services.order_line_set(line_id=rest, quantity=30, acting_user=user)

    results = at_once(part, edit, part)
    order.refresh_from_db()
    splits = PurchaseOrder.objects.filter(split_from=order).count()
    # Either the edit came first and there is nothing to approve, or the line went with the rest.
    assert (order.state, splits) in {("draft", 0), ("approved", 1)}, results
    lines = dict(PurchaseOrderLine.objects.values_list("pk", "quantity"))
    assert lines == {kept: Decimal(24), rest: Decimal(30)}
