"""What a plan says of the days after it: dates, purchases by week, and proposed actions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User

from catalog.models import ExchangeRate, Location, Product, SupplyTerms, TransferLane
from replenishment import selectors, services
from replenishment.models import PlanAction, PurchaseOrder, Receipt, Suggestion
from tests.cast import make_location, make_supplier, make_user
from tests.replenishment.ahead_world import make_item, make_open_order, plan_of
from tests.replenishment.world import AS_OF, later, make_forecast, make_stock, run_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def only(kind: str) -> PlanAction:
    return PlanAction.objects.get(kind=kind)


# Dates


def test_what_is_on_order_puts_the_stock_out_off_once_it_is_in(place: Location) -> None:
    product = make_item(place, on_hand=20)
    make_open_order(place, {product: 70}, expected_on=later(10))
    row = plan_of({product: 14}, place).suggestions.get()
    assert row.cover_days == pytest.approx(10)
    # Ten days' stock, in on the tenth: 90 units in all, at 2 a day.
    assert row.stock_out_on == later(46)


def test_what_comes_in_after_the_stock_is_gone_does_not(place: Location) -> None:
    product = make_item(place, on_hand=20)
    make_open_order(place, {product: 70}, expected_on=later(20))
    row = plan_of({product: 14}, place).suggestions.get()
    assert row.stock_out_on == later(11)
    assert row.order_by == later(46 - 7)  # the position lasts: more would come in too late for the gap


def test_what_is_late_counts_as_coming_in_next(place: Location) -> None:
    product = make_item(place, on_hand=20)
    make_open_order(place, {product: 70}, expected_on=later(-20))
    assert plan_of({product: 14}, place).suggestions.get().stock_out_on == later(46)


def test_orders_without_a_day_take_the_lead_time(place: Location) -> None:
    product = make_item(place, on_hand=20, lead_time_days=14)
    make_open_order(place, {product: 70}, expected_on=None)
    assert plan_of({product: 14}, place).suggestions.get().stock_out_on == later(11)


def test_what_came_in_since_counts_on_its_day(place: Location) -> None:
    product = make_item(place, on_hand=20)
    order = make_open_order(place, {product: 70}, expected_on=later(3), state="closed")
    Receipt.objects.create(
        line=order.lines.get(), key="k", quantity=70, received_on=later(2), received_by=make_user("porter")
    )
    lines = selectors.lines_open(as_of=AS_OF)
    assert lines.select("line_id", "day", "quantity", "is_changeable").row(0) == (None, later(2), 70.0, False)
    assert plan_of({product: 14}, place).suggestions.get().stock_out_on == later(46)


def test_open_lines_add_up_to_what_is_on_order(place: Location) -> None:
    shelf = make_location(receiving_location=place)
    first, second = make_item(place), make_item(place)
    make_open_order(place, {first: 5, second: 6}, expected_on=later(3), state="draft")
    order = make_open_order(shelf, {first: 7}, expected_on=later(5), state="part-received")
    order.lines.update(received=Decimal(3))
    make_open_order(place, {first: 9}, expected_on=later(3), state="cancelled")
    lines = selectors.lines_open(as_of=AS_OF)
    by_line = lines.group_by("product_id", "location_id").agg(on_order=pl.col("quantity").sum())
    key = ["product_id", "location_id"]
    whole = selectors.on_order(as_of=AS_OF).select(*key, "on_order")
    assert by_line.sort(key).equals(whole.sort(key))
    assert lines.filter(pl.col("is_changeable")).height == 2
    one = selectors.lines_open(as_of=AS_OF, product_id=second.pk, location_id=place.pk)
    assert one["quantity"].to_list() == [6.0]


def test_it_plans_again_when_an_order_got_another_day_meanwhile(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    from replenishment.services import plans

    product = make_item(place, on_hand=20)
    order = make_open_order(place, {product: 70}, expected_on=later(20))
    compute = plans._compute
    calls: list[int] = []

    def slow_compute(*args: Any) -> Any:
        result = compute(*args)
        if not calls:
            PurchaseOrder.objects.filter(pk=order.pk).update(expected_on=later(10))
        calls.append(1)
        return result

    monkeypatch.setattr(plans, "_compute", slow_compute)
    assert plan_of({product: 14}, place).suggestions.get().stock_out_on == later(46)
    assert len(calls) == 2


# Purchases


def test_it_reports_purchases_by_supplier_and_week(place: Location) -> None:
    supplier = make_supplier()
    product = make_item(place, on_hand=10, supplier=supplier)
    make_open_order(place, {product: 8}, expected_on=later(2), supplier=supplier)
    plan = plan_of({product: 14}, place)
    found = plan.report["purchases"]
    first = AS_OF - timedelta(days=AS_OF.weekday())
    assert found["first_day"] == first.isoformat()
    [row] = found["suppliers"]
    assert row["id"] == supplier.pk
    assert len(row["ordered"]) == found["weeks"] == 13
    today = plan.suggestions.get()
    assert row["ordered"][0] == today.home_value
    # About as much as sells in each of the weeks after: 14 at 2.50.
    assert sum(row["ordered"][1:]) / 12 == pytest.approx(35, rel=0.15)
    # 3 March 2024 is a Sunday: a lead time of a week leads into the next week but one's Sunday.
    assert row["arriving"][1] == row["ordered"][0]
    assert row["open"][1] == 20.0
    ahead = selectors.purchases_ahead(plan)
    assert ahead is not None
    assert [line.name for line in ahead.suppliers] == [supplier.name]
    assert ahead.total == pytest.approx(sum(row["ordered"]))
    assert ahead.weeks[0] == first


def test_it_sums_up_small_suppliers(place: Location) -> None:
    plan = plan_of({make_item(place, on_hand=0): 14.0 + number for number in range(4)}, place)
    ahead = selectors.purchases_ahead(plan, most=2)
    assert ahead is not None
    assert [bool(row.name) for row in ahead.suppliers] == [True, True, False]
    assert sum(row.total for row in ahead.suppliers) == pytest.approx(ahead.total)
    plan.report = {}
    assert selectors.purchases_ahead(plan) is None


# Actions


def test_it_proposes_to_cancel_what_is_not_needed(place: Location) -> None:
    product = make_item(place, on_hand=300)
    order = make_open_order(place, {product: 60}, expected_on=later(14))
    plan = plan_of({product: 14}, place)
    action = only("cancel")
    assert (action.plan_run, action.product, action.location) == (plan, product, place)
    assert (action.quantity, action.order_line, action.act_by) == (60, order.lines.get(), later(13))
    assert action.details["outstanding"] == 60
    assert action.saving > 0
    assert action.state == "open"


def test_it_proposes_to_bring_forward_what_comes_too_late(place: Location) -> None:
    product = make_item(place, on_hand=10)
    order = make_open_order(place, {product: 60}, expected_on=later(15))
    plan_of({product: 14}, place)
    action = only("expedite")
    assert action.order_line == order.lines.get()
    assert action.details["days"] == 10  # runs out on day 6: in by day 5
    assert action.saving == pytest.approx(20 * 1.5, rel=0.15)


def test_it_proposes_nothing_about_what_fits(place: Location) -> None:
    product = make_item(place, on_hand=20)
    make_open_order(place, {product: 28}, expected_on=later(6))
    plan_of({product: 14}, place)
    assert not PlanAction.objects.exists()


def test_it_proposes_returns_only_where_the_supplier_takes_goods_back(place: Location) -> None:
    product = make_item(place, on_hand=3000)
    plan_of({product: 14}, place)
    assert not PlanAction.objects.filter(kind="return").exists()
    SupplyTerms.objects.update(return_share=Decimal("0.8"))
    plan = plan_of({product: 14}, place)
    action = plan.actions.get()
    kinds = {action.kind, *(other["kind"] for other in action.details["instead"])}
    assert "return" in kinds


def test_what_is_not_bought_again_and_never_sells_is_written_off(place: Location) -> None:
    product = make_item(place, on_hand=40, product={"status": Product.Status.PHASE_OUT})
    plan_of({product: 0.0}, place)
    action = only("write-off")
    assert (action.quantity, action.cost) == (40, 100)


def test_it_prices_nothing_without_an_exchange_rate(place: Location) -> None:
    product = make_item(place, on_hand=3000, currency="EUR")
    plan_of({product: 14}, place)
    assert not PlanAction.objects.exists()
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate=2)
    plan_of({product: 14}, place)
    assert PlanAction.objects.exists()


def test_it_leaves_exceptions_alone(place: Location) -> None:
    product = make_item(place, on_hand=3000)
    SupplyTerms.objects.filter(product=product).delete()
    plan_of({product: 14}, place)
    assert Suggestion.objects.get().reason.startswith("exception")
    assert not PlanAction.objects.exists()


def test_a_plan_done_again_keeps_one_set_of_actions(place: Location) -> None:
    product = make_item(place, on_hand=3000)
    plan = plan_of({product: 14}, place)
    before = plan.actions.count()
    assert before
    type(plan).objects.filter(pk=plan.pk).update(state="queued", finished_at=None)
    services.plan_execute(plan_id=plan.pk)
    assert plan.actions.count() == before


def test_it_never_touches_what_has_come_in_in_part_or_is_a_transfer(place: Location) -> None:
    product = make_item(place, on_hand=300)
    order = make_open_order(place, {product: 60}, expected_on=later(14), state="part-received")
    plan_of({product: 14}, place)
    assert not PlanAction.objects.filter(kind__in=["cancel", "cut", "postpone"]).exists()
    PurchaseOrder.objects.filter(pk=order.pk).update(
        state="sent", kind="transfer", supplier=None, source=make_location()
    )
    plan_of({product: 14}, place)
    assert not PlanAction.objects.filter(kind__in=["cancel", "cut", "postpone"]).exists()


def test_a_warehouse_holds_what_those_it_supplies_will_order(place: Location) -> None:
    shop = make_location()
    TransferLane.objects.create(
        source=place, destination=shop, is_supply=True, lead_time_days=2, unit_cost=Decimal("0.1")
    )
    product = make_item(place, on_hand=200)
    make_stock(product, shop, 20)
    plan = run_plan(make_forecast({(product, shop): 70.0}))
    warehouse = plan.suggestions.get(location=place)
    assert warehouse.stock_out_on is not None
    assert not plan.actions.filter(location=place).exclude(kind="transfer").exists()
    assert selectors.dated_plan(warehouse) is None  # its demand is in no forecast of its own
    ahead = selectors.purchases_ahead(plan)
    assert ahead is not None
    # What the shop sells within the weeks has to be bought, less what is there.
    assert ahead.total / 2.5 == pytest.approx(70 * 12 - 220, rel=0.35)


def test_what_moves_to_another_location_is_not_marked_down_as_well(place: Location, buyer: User) -> None:
    other = make_location()
    TransferLane.objects.create(source=place, destination=other, unit_cost=Decimal("0.01"))
    product = make_item(place, on_hand=400)
    make_stock(product, other, 0)
    plan = run_plan(make_forecast({(product, place): 1.0, (product, other): 70.0}))
    transfer = plan.actions.get(kind="transfer")
    others = plan.actions.filter(location=place).exclude(kind="transfer")
    assert sum(action.quantity for action in others) + transfer.quantity <= 400
    assert transfer in selectors.actions_list(plan)
    assert selectors.action_service(transfer, buyer, lines_count=None) == "transfer"
    done = services.action_carry_out(action_id=transfer.pk, acting_user=buyer)
    assert done.state == "done"
    order = PurchaseOrder.objects.get(kind="transfer")
    assert (order.source, order.location) == (place, other)
    assert float(order.lines.get().quantity) == transfer.quantity
