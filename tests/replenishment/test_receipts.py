"""Receipts: in parts, more than ordered, and once only."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from catalog.models import StockLevel
from catalog.selectors import today
from replenishment import services
from replenishment.models import PurchaseOrder, Receipt
from replenishment.selectors import on_order
from tests.replenishment.world import AS_OF, later, make_order

pytestmark = pytest.mark.django_db


def receive(order: PurchaseOrder, user: User, quantity: Any, **values: Any) -> PurchaseOrder:
    line = order.lines.get()
    given: dict[str, Any] = {
        "order_id": order.pk,
        "received_on": AS_OF,
        "quantities": {line.pk: quantity},
        "key": "delivery-1",
        "acting_user": user,
    }
    return services.order_receive(**given | values)


def stock(order: PurchaseOrder) -> Decimal:
    line = order.lines.get()
    level = StockLevel.objects.filter(product=line.product_id, location=order.location_id).latest("day")
    return level.on_hand


def test_it_raises_stock_once_however_often_it_is_called(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    for _ in range(3):
        assert receive(order, buyer, 10).state == "part-received"
    assert (stock(order), Receipt.objects.count(), order.lines.get().received) == (
        Decimal(10),
        1,
        Decimal(10),
    )
    assert order.events.filter(action="receive").count() == 1


def test_it_answers_a_repeated_call_after_the_order_closed(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    assert receive(order, buyer, 24).state == "closed"
    assert receive(order, buyer, 24).state == "closed"
    assert stock(order) == 24


def test_it_refuses_a_used_key_with_other_numbers(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    receive(order, buyer, 10)
    for change in ({"quantities": {order.lines.get().pk: 11}}, {"received_on": later(-1)}):
        with pytest.raises(services.OrderError):
            receive(order, buyer, 10, **change)
    assert stock(order) == 10


def test_it_adds_to_the_latest_level(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    line = order.lines.get()
    StockLevel.objects.create(
        product=line.product, location=order.location, day=later(-3), on_hand=5, allocated=2
    )
    receive(order, buyer, 10)
    level = StockLevel.objects.get(product=line.product, location=order.location, day=AS_OF)
    assert (level.on_hand, level.allocated) == (Decimal(15), Decimal(2))


def test_it_raises_what_later_receipts_carried_on(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    line = order.lines.get()

    def levels() -> list[Decimal]:
        found = StockLevel.objects.filter(product=line.product, location=order.location)
        return list(found.order_by("day").values_list("on_hand", flat=True))

    StockLevel.objects.create(product=line.product, location=order.location, day=later(-3), on_hand=5)
    receive(order, buyer, 2, received_on=later(2), key="second")
    receive(order, buyer, 3, received_on=later(4), key="third")
    assert levels() == [5, 7, 10]
    # Written down last, though it came first: none of the later days was counted with it in the house.
    receive(order, buyer, 4, received_on=later(1), key="first")
    assert levels() == [5, 9, 11, 14]
    # A count holds all that came in before it.
    StockLevel.objects.create(product=line.product, location=order.location, day=later(3), on_hand=11)
    receive(order, buyer, 6, received_on=later(1), key="late")
    assert levels() == [5, 15, 17, 11, 14]


def test_it_refuses_a_day_before_the_order_was_planned(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    with pytest.raises(services.OrderError, match="before the order was planned"):
        receive(order, buyer, 10, received_on=later(-366))
    assert not Receipt.objects.exists()


def test_it_takes_more_than_was_ordered_and_says_so(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    assert receive(order, buyer, 30).state == "closed"
    [line] = order.events.latest("pk").data["lines"].values()
    assert line["surplus"] == "6.000"
    assert stock(order) == 30


@pytest.mark.parametrize(
    "change",
    [
        {"quantities": {}},
        {"quantities": {0: 1}},
        {"key": ""},
        {"key": "k" * 65},
        {"quantities": "zero"},
        {"received_on": "tomorrow"},
    ],
)
def test_it_refuses_what_is_no_receipt(buyer: User, change: dict[str, Any]) -> None:
    order = make_order(buyer, count=1, state="sent")
    if change.get("quantities") == "zero":
        change = {"quantities": {order.lines.get().pk: 0}}
    if change.get("received_on") == "tomorrow":
        change = {"received_on": today() + timedelta(days=1)}
    with pytest.raises(services.OrderError):
        receive(order, buyer, 1, **change)
    assert not Receipt.objects.exists()


def units_on_order(day: int = 0) -> float:
    frame = on_order(as_of=later(day))
    return float(frame["on_order"].sum())


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "sent"])
def test_its_open_orders_are_on_order_in_full(buyer: User, state: str) -> None:
    make_order(buyer, count=2, state=state)
    assert units_on_order() == 48


def test_its_cancelled_and_closed_orders_are_not(buyer: User) -> None:
    make_order(buyer, state="cancelled")
    make_order(buyer, state="closed")
    assert units_on_order() == 0


def test_its_part_received_order_is_on_order_with_the_rest(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    receive(order, buyer, 10)
    assert units_on_order() == 14


def test_it_still_counts_what_came_in_after_the_day_asked_for(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    receive(order, buyer, 10, received_on=later(2))
    assert [units_on_order(day) for day in (1, 2)] == [24, 14]
    receive(order, buyer, 20, received_on=later(4), key="delivery-2")
    # 30 of 24 came in: all of it is stock of day 4, and none of day 1.
    assert [units_on_order(day) for day in (1, 2, 3, 4)] == [30, 20, 20, 0]
