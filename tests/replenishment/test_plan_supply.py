"""Suppliers in plans: who is bought from, when orders go out, price breaks, minimums and containers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import ExchangeRate, Location, Product, Supplier, SupplierClosure
from replenishment import services
from replenishment.core.textbook.joint import joint_orders
from replenishment.models import PlanRun, PurchaseOrder, Receipt, Suggestion
from replenishment.selectors.deliveries import delivery_lines
from replenishment.services.plan_core import TERMS
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import AS_OF, later, make_forecast, make_stock, make_suggestion, run_plan

pytestmark = pytest.mark.django_db

# A Sunday.
MONDAY = later(1)


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


def plan_of(place: Location, *products: Product, rate: float = 20, **spec: Any) -> PlanRun:
    return run_plan(make_forecast({(product, place): rate for product in products}), **spec)


def item(place: Location, supplier: Supplier | None = None, *, on_hand: float = 5, **values: Any) -> Product:
    """A product in stock, bought in ones from this supplier, at 2.50."""
    sizes = {name: values.pop(name) for name in ("unit_weight", "unit_volume") if name in values}
    product = make_product(**sizes)
    make_terms(product=product, supplier=supplier, **values)
    make_stock(product, place, on_hand)
    return product


def row_of(plan: PlanRun, product: Product) -> Suggestion:
    return plan.suggestions.select_related("supplier", "terms").get(product=product)


def assert_adds_up(plan: PlanRun) -> None:
    for row in plan.suggestions.all():
        total = row.net_need
        if total is None:
            continue
        for term in TERMS:
            total += getattr(row, term)
        assert total == row.order_quantity


# --- who -------------------------------------------------------------------------------------------------


def test_it_buys_from_the_supplier_whose_goods_cost_least_on_the_shelf(place: Location) -> None:
    product = make_product()
    make_stock(product, place, 5)
    make_terms(product=product, unit_cost=Decimal(10), freight_cost=Decimal(1), duty_rate=0.1)
    cheap = make_terms(product=product, unit_cost=Decimal(11), freight_cost=Decimal("0.5"))
    row = row_of(plan_of(place, product), product)
    assert (row.terms, row.landed_cost, row.unit_cost) == (cheap, 11.5, Decimal(11))


def test_it_takes_the_buyers_rank_before_cost(place: Location) -> None:
    product = item(place, unit_cost=Decimal(1), rank=2)
    wanted = make_terms(product=product, unit_cost=Decimal(9), rank=1)
    assert row_of(plan_of(place, product), product).terms == wanted


def test_a_long_and_uncertain_lead_time_costs_safety_stock(place: Location) -> None:
    product = item(place, unit_cost=Decimal("9.90"), lead_time_days=70, lead_time_sd_days=40)
    near = make_terms(product=product, unit_cost=Decimal(10), lead_time_days=3)
    assert row_of(plan_of(place, product, holding_rate=0.4), product).terms == near


def test_it_compares_currencies_by_their_rates(place: Location) -> None:
    product = item(place, unit_cost=Decimal(10))
    euro = make_terms(product=product, unit_cost=Decimal(8), currency="EUR")
    # Without a rate it can't be compared.
    assert row_of(plan_of(place, product), product).currency == "USD"
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate=Decimal("1.1"))
    row = row_of(plan_of(place, product), product)
    assert row.terms == euro
    assert row.landed_cost == pytest.approx(8.8)


def test_a_locations_own_terms_win_there(place: Location) -> None:
    product = item(place, unit_cost=Decimal(1))
    own = make_terms(product=product, unit_cost=Decimal(9), location=place, rank=5)
    assert row_of(plan_of(place, product), product).terms == own


# --- when ------------------------------------------------------------------------------------------------


def test_it_orders_on_the_suppliers_day_and_says_when(place: Location) -> None:
    supplier = make_supplier(order_days="3", administrative_days=2)
    product = item(place, supplier, lead_time_days=10, review_days=7)
    row = row_of(plan_of(place, product), product)
    assert row.order_on == later(3)
    assert (row.lead_time_days, row.review_days) == (3 + 2 + 10, 7)
    assert row.order_quantity > 0


def test_it_orders_ahead_of_a_shutdown(place: Location) -> None:
    supplier = make_supplier(order_days="1")
    product = item(place, supplier, on_hand=60, lead_time_days=3)
    before = row_of(plan_of(place, product), product)
    SupplierClosure.objects.create(supplier=supplier, first_day=later(5), last_day=later(33))
    after = row_of(plan_of(place, product), product)
    assert before.review_days == 7
    # The next order is not in before five weeks.
    assert after.review_days == 35
    assert after.order_quantity > before.order_quantity + 40


def test_it_reviews_a_suppliers_products_together_by_their_costs(place: Location) -> None:
    supplier = make_supplier(joint_review=True, order_cost=50)
    fast = item(place, supplier, unit_cost=Decimal(4))
    slow = item(place, supplier, unit_cost=Decimal("0.10"))
    forecast = make_forecast({(fast, place): 40, (slow, place): 1})
    plan = run_plan(forecast, order_cost=10)
    days = [row_of(plan, product).review_days for product in (fast, slow)]
    book = joint_orders(np.zeros(2), 50, 10, 0.25 * np.array([4, 0.1]), np.array([40, 1]) / 7 * 365)
    assert days == np.minimum(np.round(book.cycle[0] * book.multiple * 365), 365).tolist()
    assert days[0] is not None
    assert days[0] > 7


# --- how long: receipts ----------------------------------------------------------------------------------


def deliver(
    buyer: User,
    supplier: Supplier,
    place: Location,
    *,
    sent: date,
    days: list[tuple[int, int]],
    product: Product,
) -> PurchaseOrder:
    """An order of 10 units sent on a day; what came in so many days later, in part or in full."""
    plan = PlanRun.objects.create(
        forecast_run=make_forecast({(product, place): 1}, as_of=sent), as_of=sent, state="done"
    )
    terms = product.terms.first()
    suggestion = make_suggestion(plan, product=make_product(), location=place, supplier=supplier)
    Suggestion.objects.filter(pk=suggestion.pk).update(product=product, terms=terms, order_quantity=10)
    [order] = services.drafts_create(suggestion_ids=[suggestion.pk], acting_user=buyer)
    services.orders.event_create(order, "send", "approved", buyer, data={"sent_on": sent.isoformat()})
    line = order.lines.get()
    for number, (wait, quantity) in enumerate(days):
        Receipt.objects.create(
            line=line,
            key=str(number),
            quantity=quantity,
            received_on=sent + timedelta(days=wait),
            received_by=buyer,
        )
    PurchaseOrder.objects.filter(pk=order.pk).update(state="closed")
    return order


def test_it_learns_lead_times_from_receipts(place: Location, buyer: User) -> None:
    supplier = make_supplier()
    product = item(place, supplier, lead_time_days=7)
    for week in range(8):
        sent = AS_OF - timedelta(days=7 * week + 60)
        deliver(buyer, supplier, place, sent=sent, days=[(12 + week % 3, 10)], product=product)
    row = row_of(plan_of(place, product), product)
    assert row.lead_time_receipts == 8
    assert row.lead_time_days is not None
    assert 11 < row.lead_time_days < 13
    assert row.lead_time_sd_days is not None
    assert 0.5 < row.lead_time_sd_days < 3


def test_it_counts_part_receipts_by_quantity_and_leaves_shutdowns_out(place: Location, buyer: User) -> None:
    supplier = make_supplier()
    product = item(place, supplier, lead_time_days=7)
    sent = AS_OF - timedelta(days=60)
    deliver(buyer, supplier, place, sent=sent, days=[(7, 9), (27, 1)], product=product)
    lines = delivery_lines(as_of=AS_OF)
    assert lines["share"].to_list() == [pytest.approx(0.9), pytest.approx(0.1)]
    assert lines["stated_days"].to_list() == [7, 7]
    late = row_of(plan_of(place, product), product).lead_time_days
    SupplierClosure.objects.create(
        supplier=supplier, first_day=sent + timedelta(days=8), last_day=sent + timedelta(days=27)
    )
    # The rest came in late because the supplier was closed: in open days it was on time.
    assert row_of(plan_of(place, product), product).lead_time_days == pytest.approx(7)
    assert late is not None
    assert 7 < late < 9


def test_what_is_overdue_counts_as_if_it_came_in_today(place: Location, buyer: User) -> None:
    supplier = make_supplier()
    product = item(place, supplier, lead_time_days=7)
    early = deliver(buyer, supplier, place, sent=AS_OF - timedelta(days=4), days=[], product=product)
    late = deliver(buyer, supplier, place, sent=AS_OF - timedelta(days=37), days=[], product=product)
    assert row_of(plan_of(place, product), product).lead_time_receipts == 0  # closed: no longer expected
    PurchaseOrder.objects.filter(pk__in=[early.pk, late.pk]).update(state="sent")
    row = row_of(plan_of(place, product), product)
    assert row.lead_time_receipts == 1
    assert row.lead_time_days is not None
    assert row.lead_time_days > 7 + 30 / 11 - 0.1


def test_it_knows_nothing_of_receipts_after_its_day(place: Location, buyer: User) -> None:
    supplier = make_supplier()
    product = item(place, supplier)
    deliver(buyer, supplier, place, sent=AS_OF - timedelta(days=5), days=[(20, 10)], product=product)
    assert row_of(plan_of(place, product), product).lead_time_receipts == 0


def test_an_order_is_expected_by_the_lead_time_from_its_sending(
    place: Location, buyer: User, settings: Any
) -> None:
    supplier = make_supplier(order_days="3", administrative_days=2)
    product = item(place, supplier, lead_time_days=10)
    plan = plan_of(place, product)
    [order] = services.drafts_create(suggestion_ids=[plan.suggestions.get().pk], acting_user=buyer)
    assert order.expected_on == later(3 + 2 + 10)
    PurchaseOrder.objects.filter(pk=order.pk).update(state="approved")
    sent = services.order_send(order_id=order.pk, acting_user=buyer)
    event = sent.events.get(action="send")
    assert sent.expected_on == date.fromisoformat(event.data["sent_on"]) + timedelta(days=10)
    assert datetime.fromisoformat(event.data["sent_on"])


# --- how much: price breaks ------------------------------------------------------------------------------


def test_it_raises_a_due_order_to_the_price_break_that_pays(place: Location) -> None:
    product = item(place, price_breaks=[[60, 2.0], [5000, 1.0]])
    plan = plan_of(place, product)
    row = row_of(plan, product)
    assert row.order_quantity == 60
    assert row.adj_price_break is not None
    assert row.adj_price_break > 0
    assert "price_break" in row.reason
    assert (row.unit_cost, row.home_value) == (Decimal(2), 120.0)
    assert_adds_up(plan)


def test_it_prices_incremental_breaks_by_their_average(place: Location, buyer: User) -> None:
    product = item(place, price_breaks=[[20, 2.0]], price_break_kind="incremental", moq=50, on_hand=0)
    plan = plan_of(place, product, rate=2)
    row = row_of(plan, product)
    # The ten that the first 20 units cost more act as an order cost: sqrt(2 x 10 x 104 / (0.25 x 2)) = 64.5.
    assert row.order_quantity == 65
    assert row.unit_cost == round((20 * Decimal("2.5") + 45 * 2) / 65, 4)
    services.suggestion_edit(
        suggestion_id=row.pk, quantity=50, reason="", acting_user=buyer, seen_plan_run_id=plan.pk
    )
    [order] = services.drafts_create(suggestion_ids=[row.pk], acting_user=buyer)
    line = order.lines.get()
    assert (line.unit_cost, line.value) == (Decimal("2.2"), Decimal(110))
    services.order_line_set(line_id=line.pk, quantity=Decimal(100), acting_user=buyer)
    line.refresh_from_db()
    assert line.unit_cost == Decimal("2.1")


def test_a_break_out_of_the_shelf_lifes_reach_is_left(place: Location) -> None:
    product = item(place, price_breaks=[[120, 1.0]])
    assert row_of(plan_of(place, product), product).order_quantity == 120
    Product.objects.update(shelf_life_days=21)
    row = row_of(plan_of(place, product), product)
    assert row.order_quantity < 120
    assert row.adj_price_break == 0


# --- together: minimums ----------------------------------------------------------------------------------


def test_it_tops_up_to_the_suppliers_minimum_with_what_is_needed_next(place: Location) -> None:
    supplier = make_supplier(minimum_order_value=300)
    urgent = item(place, supplier, on_hand=0)
    soon, later_on = item(place, supplier, on_hand=70), item(place, supplier, on_hand=400)
    plan = plan_of(place, urgent, soon, later_on)
    rows = [row_of(plan, product) for product in (urgent, soon, later_on)]
    assert sum(row.home_value or 0 for row in rows) == pytest.approx(300, abs=2.5)
    assert [row.order_quantity > 0 for row in rows] == [True, True, False]
    assert rows[0].adj_supplier_minimum
    assert "supplier_minimum" in rows[1].reason
    assert_adds_up(plan)


def test_terms_may_ask_a_higher_minimum_than_their_supplier(place: Location) -> None:
    supplier = make_supplier(minimum_order_value=50)
    product = item(place, supplier, on_hand=0, minimum_order_value=400)
    assert row_of(plan_of(place, product), product).home_value == 400


def test_it_puts_off_a_small_order_that_can_wait(place: Location) -> None:
    supplier = make_supplier(minimum_order_value=3000, order_cost=40)
    product = item(place, supplier, on_hand=42)
    plan = plan_of(place, product)
    row = row_of(plan, product)
    assert (row.order_quantity, "put_off" in row.reason) == (0, True)
    assert not row.reason.startswith("order")
    assert row.adj_supplier_minimum is not None
    assert row.adj_supplier_minimum < 0
    assert_adds_up(plan)


def test_it_says_so_where_an_urgent_order_stays_below(place: Location) -> None:
    supplier = make_supplier(minimum_order_value=30000)
    product = item(place, supplier, on_hand=0)
    row = row_of(plan_of(place, product), product)
    assert row.order_quantity > 0
    assert row.adj_supplier_minimum == 0
    assert "below_minimum" in row.reason


def test_it_never_takes_an_unknown_weight_for_none(place: Location) -> None:
    supplier = make_supplier(minimum_order_weight=500)
    heavy, unknown = item(place, supplier, unit_weight=2), item(place, supplier)
    plan = plan_of(place, heavy, unknown)
    for product in (heavy, unknown):
        row = row_of(plan, product)
        assert row.adj_supplier_minimum == 0
        assert "size_unknown" in row.reason
    Product.objects.update(unit_weight=2)
    plan = plan_of(place, heavy, unknown)
    assert sum(row_of(plan, product).order_quantity for product in (heavy, unknown)) == 250


def test_each_location_is_an_order_of_its_own(place: Location) -> None:
    supplier, other = make_supplier(minimum_order_value=200), make_location()
    product = item(place, supplier)
    make_stock(product, other, 5)
    plan = run_plan(make_forecast({(product, place): 20, (product, other): 20}))
    assert [row.home_value for row in plan.suggestions.all()] == [200, 200]


def test_it_fills_a_container_that_is_nearly_full(place: Location) -> None:
    supplier = make_supplier(container_volume=1)
    product = item(place, supplier, on_hand=0, unit_volume=Decimal("0.02"), freight_cost=Decimal(1))
    plan = plan_of(place, product)
    row = row_of(plan, product)
    assert row.order_quantity % 50 == 0
    assert row.adj_container
    assert "container" in row.reason
    assert_adds_up(plan)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.fixed_dictionaries(
        {
            "minimum_order_value": st.integers(0, 2000),
            "minimum_order_weight": st.integers(0, 300),
            "container_volume": st.sampled_from([0, 1, 3]),
            "order_cost": st.integers(0, 50),
            "order_days": st.sampled_from(["", "1", "35"]),
            "joint_review": st.booleans(),
        }
    ),
    items=st.lists(
        st.fixed_dictionaries(
            {
                "on_hand": st.integers(0, 120),
                "moq": st.sampled_from([0, 12, 50]),
                "order_multiple": st.sampled_from(["1", "6", "0.333"]),
                "freight_cost": st.sampled_from([0, 1]),
                "price_breaks": st.sampled_from([[], [[60, 2.0]], [[30, 2.3], [200, 2.1]]]),
                "price_break_kind": st.sampled_from(["all-units", "incremental"]),
                "unit_weight": st.sampled_from([None, 1, 3]),
                "unit_volume": st.sampled_from([Decimal("0.01"), Decimal("0.05")]),
            }
        ),
        min_size=1,
        max_size=5,
    ),
    budget=st.sampled_from([None, 400.0]),
)
def test_it_adds_up_exactly_whatever_the_supplier_asks(
    place: Location, rules: dict[str, Any], items: list[dict[str, Any]], budget: float | None
) -> None:
    Product.objects.update(status="discontinued")
    supplier = make_supplier(**rules)
    products = [item(place, supplier, **values) for values in items]
    plan = plan_of(place, *products, budget=budget)
    assert_adds_up(plan)
    for product, values in zip(products, items, strict=True):
        row = row_of(plan, product)
        assert row.order_quantity == 0 or row.order_quantity >= values["moq"] - 1e-6
        packs = row.order_quantity / float(values["order_multiple"])
        assert packs == pytest.approx(round(packs), abs=1e-6)
