"""Transfer orders: drafted once, stock moved once, and nothing suggested again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import selectors as catalog
from catalog.models import Location, Product, StockLevel
from replenishment import services
from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderEvent
from replenishment.selectors import on_order
from tests.cast import make_lane, make_location, make_product, make_terms, make_user
from tests.replenishment.world import AS_OF, later, make_forecast, make_stock, run_plan

pytestmark = pytest.mark.django_db

State = PurchaseOrder.State


class Shop:
    """A hub with 300 units and a shop with none that sells 20 a week, both supplied and planned."""

    def __init__(self) -> None:
        self.hub, self.shop = make_location(), make_location()
        self.lane = make_lane(self.hub, self.shop, is_supply=True, lead_time_days=2)
        self.product = make_product()
        make_terms(product=self.product, order_multiple=1, moq=0, lead_time_days=7.0, unit_cost="2.5")
        make_stock(self.product, self.hub, 300)
        make_stock(self.product, self.shop, 0)
        self.forecast = make_forecast({(self.product, self.hub): 10, (self.product, self.shop): 20})

    def plan(self) -> PlanRun:
        return run_plan(self.forecast)

    def action(self, plan: PlanRun) -> PlanAction:
        return PlanAction.objects.get(plan_run=plan, kind="transfer")

    def on_hand(self, place: Location) -> Decimal:
        level = StockLevel.objects.filter(product=self.product, location=place).order_by("-day").first()
        assert level is not None
        return level.on_hand


@pytest.fixture
def shop(db: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(catalog, "today", lambda: later(3))
    return Shop()


def draft(shop: Shop, by: User, plan: PlanRun | None = None) -> PurchaseOrder:
    action = shop.action(plan or shop.plan())
    [order] = services.transfers_draft(action_ids=[action.pk], acting_user=by)
    return order


def approved(shop: Shop, buyer: User, approver: User) -> PurchaseOrder:
    order = draft(shop, buyer)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    return services.order_approve(order_id=order.pk, acting_user=approver)


def sent(shop: Shop, buyer: User, approver: User) -> PurchaseOrder:
    order = approved(shop, buyer, approver)
    return services.order_send(order_id=order.pk, acting_user=buyer)


def receive(order: PurchaseOrder, by: User, quantity: Decimal, key: str = "k") -> PurchaseOrder:
    line = order.lines.get()
    return services.order_receive(
        order_id=order.pk, received_on=later(3), quantities={line.pk: quantity}, key=key, acting_user=by
    )


def test_it_drafts_what_the_plan_would_move(shop: Shop, buyer: User) -> None:
    plan = shop.plan()
    action = shop.action(plan)
    order = draft(shop, buyer, plan)
    assert (order.kind, order.source, order.location) == ("transfer", shop.hub, shop.shop)
    assert (order.supplier, order.number) == (None, f"TO-{order.pk:06d}")
    assert order.expected_on == AS_OF + timedelta(days=2)
    line = order.lines.get()
    assert float(line.quantity) == action.quantity
    assert (line.unit_cost, order.home_value) == (Decimal("2.5"), line.quantity * Decimal("2.5"))
    assert line.suggestion == plan.suggestions.get(location=shop.shop)
    action.refresh_from_db()
    assert (action.state, action.order_line, action.decided_by) == ("done", line, buyer)
    # Again, or of a plan that is no longer the latest: nothing.
    assert services.transfers_draft(action_ids=[action.pk], acting_user=buyer) == []
    shop.plan()
    with pytest.raises(services.StaleError):
        services.transfers_draft(action_ids=[action.pk], acting_user=buyer)


@pytest.mark.parametrize("step", ["draft", "submitted", "approved", "sent", "part", "closed"])
def test_planning_again_moves_nothing_more(shop: Shop, buyer: User, approver: User, step: str) -> None:
    first = shop.plan()
    wanted = shop.action(first).quantity
    order = draft(shop, buyer, first)
    if step != "draft":
        services.order_submit(order_id=order.pk, acting_user=buyer)
    if step not in {"draft", "submitted"}:
        services.order_approve(order_id=order.pk, acting_user=approver)
    if step in {"sent", "part", "closed"}:
        services.order_send(order_id=order.pk, acting_user=buyer)
    if step in {"part", "closed"}:
        receive(order, buyer, Decimal(5))
    if step == "closed":
        receive(order, buyer, order.lines.get().quantity - 5, "rest")
    again = shop.plan()
    assert not PlanAction.objects.filter(plan_run=again, kind="transfer").exists()
    here, there = (again.suggestions.get(location=place) for place in (shop.hub, shop.shop))
    assert (there.on_order, here.allocated) == (wanted, wanted)
    before = first.suggestions.get(location=shop.hub)
    assert (here.allocated, here.net_need) == (before.allocated, before.net_need)


def test_a_plan_of_the_day_after_sees_stock_where_it_is(shop: Shop, buyer: User, approver: User) -> None:
    order = sent(shop, buyer, approver)
    quantity = order.lines.get().quantity
    known = {
        (row["location_id"]): (row["on_order"], row["to_send"])
        for row in on_order(as_of=later(3)).iter_rows(named=True)
    }
    assert known == {shop.shop.pk: (float(quantity), 0.0)}
    assert shop.on_hand(shop.hub) == 300 - quantity
    # As of the plan's own day the goods still lie at the hub.
    assert on_order(as_of=AS_OF).filter(location_id=shop.hub.pk)["to_send"].to_list() == [float(quantity)]


def test_sending_takes_the_goods_and_receiving_brings_them(shop: Shop, buyer: User, approver: User) -> None:
    order = sent(shop, buyer, approver)
    quantity = order.lines.get().quantity
    assert (shop.on_hand(shop.hub), shop.on_hand(shop.shop)) == (300 - quantity, Decimal(0))
    assert order.expected_on == later(5)
    with pytest.raises(services.TransitionError):
        services.order_send(order_id=order.pk, acting_user=buyer)
    receive(order, buyer, Decimal(4))
    receive(order, buyer, Decimal(4))  # the same receipt again
    assert shop.on_hand(shop.shop) == 4
    order = receive(order, buyer, quantity - 4, "rest")
    assert order.state == State.CLOSED
    assert (shop.on_hand(shop.hub), shop.on_hand(shop.shop)) == (300 - quantity, quantity)


def test_no_more_comes_in_than_was_sent(shop: Shop, buyer: User, approver: User) -> None:
    order = sent(shop, buyer, approver)
    with pytest.raises(services.OrderError, match="on their way"):
        receive(order, buyer, order.lines.get().quantity + 1)
    with pytest.raises(services.OrderError, match="before they were sent"):
        services.order_receive(
            order_id=order.pk,
            received_on=later(1),
            quantities={order.lines.get().pk: 1},
            key="early",
            acting_user=buyer,
        )
    assert shop.on_hand(shop.shop) == 0


def test_no_more_is_sent_than_there_is(shop: Shop, buyer: User, approver: User) -> None:
    order = approved(shop, buyer, approver)
    StockLevel.objects.filter(location=shop.hub).update(on_hand=3)
    with pytest.raises(services.OrderError, match="only 3 are on hand"):
        services.order_send(order_id=order.pk, acting_user=buyer)
    order.refresh_from_db()
    assert order.state == State.APPROVED
    assert shop.on_hand(shop.hub) == 3
    assert not PurchaseOrderEvent.objects.filter(order=order, action="send").exists()


def test_what_has_left_can_t_be_called_off(shop: Shop, buyer: User, approver: User) -> None:
    order = sent(shop, buyer, approver)
    with pytest.raises(services.TransitionError):
        services.order_cancel(order_id=order.pk, acting_user=buyer)


def test_a_transfer_called_off_can_be_drafted_again(shop: Shop, buyer: User) -> None:
    plan = shop.plan()
    order = draft(shop, buyer, plan)
    services.order_cancel(order_id=order.pk, acting_user=buyer)
    assert shop.action(plan).state == "open"
    assert draft(shop, buyer, plan).pk != order.pk


def test_changing_a_line_keeps_its_cost(shop: Shop, buyer: User) -> None:
    order = draft(shop, buyer)
    line = services.order_line_set(line_id=order.lines.get().pk, quantity=7, acting_user=buyer)
    assert (line.quantity, line.unit_cost) == (Decimal(7), Decimal("2.5"))


def test_approval_counts_its_worth_at_unit_cost(shop: Shop, buyer: User, approver: User) -> None:
    order = draft(shop, buyer)
    services.order_submit(order_id=order.pk, acting_user=buyer)
    approver.approval_limit.amount = 1
    approver.approval_limit.save()
    with pytest.raises(services.LimitError):
        services.order_approve(order_id=order.pk, acting_user=approver)


def test_others_may_not(shop: Shop, viewer: User) -> None:
    plan = shop.plan()
    with pytest.raises(PermissionDenied):
        draft(shop, viewer, plan)


def test_a_late_receipt_and_a_sending_both_count(shop: Shop, buyer: User, approver: User) -> None:
    """Goods that came to the hub before the transfer left, but are recorded after it."""
    order = sent(shop, buyer, approver)
    quantity = order.lines.get().quantity
    from catalog import services as catalog_services
    from replenishment.services.stock_moves import moves_after

    catalog_services.stock_receive(
        product_id=shop.product.pk,
        location_id=shop.hub.pk,
        day=later(1),
        quantity=Decimal(50),
        moves=moves_after(product_id=shop.product.pk, location_id=shop.hub.pk, day=later(1)),
    )
    assert shop.on_hand(shop.hub) == 350 - quantity


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ahead=st.integers(0, 3),
    steps=st.lists(
        st.tuples(st.sampled_from(["forward", "receive", "receive", "cancel", "close"]), st.integers(1, 30)),
        max_size=6,
    ),
)
def test_units_are_conserved(
    shop: Shop, buyer: User, approver: User, ahead: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever people do: what left the hub is in the shop, on its way or written down as lost."""
    here = Shop()
    order = draft(here, buyer)

    def forward() -> None:
        order.refresh_from_db()
        if order.state == State.DRAFT:
            services.order_submit(order_id=order.pk, acting_user=buyer)
        elif order.state == State.SUBMITTED:
            services.order_approve(order_id=order.pk, acting_user=approver)
        else:
            services.order_send(order_id=order.pk, acting_user=buyer)

    for _ in range(ahead):
        forward()
    for number, (step, units) in enumerate(steps):
        try:
            if step == "forward":
                forward()
            elif step == "receive":
                receive(order, buyer, Decimal(units), f"{number // 2}")
            elif step == "cancel":
                services.order_cancel(order_id=order.pk, acting_user=buyer)
            else:
                services.order_close(order_id=order.pk, acting_user=buyer)
        except services.ReplenishmentError:
            continue
    line = order.lines.get()
    has_left = PurchaseOrderEvent.objects.filter(order=order, action="send").count()
    assert has_left <= 1
    assert here.on_hand(here.hub) == 300 - has_left * line.quantity
    assert here.on_hand(here.shop) == line.received
    assert line.received <= has_left * line.quantity


def test_products_without_a_known_cost_move_all_the_same(shop: Shop, buyer: User) -> None:
    other: Product = make_product()
    make_terms(product=other, currency="EUR", order_multiple=1, moq=0)
    make_stock(other, shop.hub, 100)
    make_stock(other, shop.shop, 0)
    plan = run_plan(make_forecast({(other, shop.shop): 10, (other, shop.hub): 1}))
    orders = services.transfers_draft(
        action_ids=list(PlanAction.objects.filter(plan_run=plan).values_list("pk", flat=True)),
        acting_user=buyer,
    )
    assert [(order.currency, order.home_value) for order in orders] == [("EUR", None)]


def test_two_products_of_one_way_make_one_order(shop: Shop, buyer: User) -> None:
    other = make_product()
    make_terms(product=other, order_multiple=1, moq=0)
    make_stock(other, shop.hub, 100)
    make_stock(other, shop.shop, 0)
    rates = {(p, place): 10.0 for p in (shop.product, other) for place in (shop.hub, shop.shop)}
    plan = run_plan(make_forecast(rates))
    ids = list(PlanAction.objects.filter(plan_run=plan).values_list("pk", flat=True))
    assert len(ids) == 2
    [order] = services.transfers_draft(action_ids=ids, acting_user=make_user("second", "Buyer"))
    assert order.lines.count() == 2
