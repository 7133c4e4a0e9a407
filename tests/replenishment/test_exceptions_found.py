"""Each kind of exception is found from a planted situation, with its impact, and not without it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from catalog.models import ExchangeRate, ImportBatch, Location, Product, SalesRecord, SupersededFact
from forecasting.models import ForecastAlarm, LookAlike, ProductVoice, SignalRun, TrendReading
from replenishment import services
from replenishment.models import (
    ExceptionCase,
    PlanAction,
    PlanRun,
    PurchaseOrder,
    PurchaseOrderEvent,
    Receipt,
    Suggestion,
)
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import AS_OF, later, make_order, make_plan, make_suggestion

pytestmark = pytest.mark.django_db
# A unit costs 7 and, at the usual margin of 30%, sells for 10.
COST, MARGIN = 7.0, 3.0


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.selectors.today", lambda: AS_OF)


def found(kind: str) -> list[ExceptionCase]:
    services.exceptions_find()
    return list(ExceptionCase.objects.filter(kind=kind, state="open").order_by("-impact", "pk"))


def row(plan: PlanRun | None = None, **values: Any) -> Suggestion:
    """A healthy product-location: 20 on hand, 2 a day, none to order; for all that is not named."""
    return make_suggestion(
        plan or make_plan(),
        **{
            "on_hand": 20.0,
            "daily_demand": 2.0,
            "order_quantity": 0.0,
            "order_up_to": 30.0,
            "landed_cost": COST,
            "lead_time_days": 7.0,
        }
        | values,
    )


def sell(suggestion: Suggestion, day: date, quantity: float) -> None:
    SalesRecord.objects.create(
        product=suggestion.product,
        location=suggestion.location,
        day=day,
        quantity=Decimal(str(quantity)),
        revenue=Decimal(str(quantity * 10)),
    )


def test_it_finds_nothing_where_nothing_is_wrong() -> None:
    healthy = row()
    for week in range(20):
        sell(healthy, AS_OF - timedelta(days=7 * week), 14)
    services.exceptions_find()
    assert not ExceptionCase.objects.exists()


def test_it_finds_nothing_in_an_empty_shop() -> None:
    assert services.exceptions_find() == {"cases": 0}


def test_it_finds_what_is_out_of_stock_until_an_order_would_be_in() -> None:
    plan = make_plan()
    out = row(plan, on_hand=0.0)
    row(plan, on_hand=0.0, daily_demand=0.0)
    [case] = found("out-of-stock")
    assert (case.product, case.location, case.plan_run) == (out.product, out.location, plan)
    assert case.forecast_run == plan.forecast_run
    assert case.impact == 2 * 7 * MARGIN


def test_it_counts_to_the_next_receipt_where_something_is_on_order(buyer: User) -> None:
    order = make_order(buyer, count=1, state="sent")
    PurchaseOrder.objects.filter(pk=order.pk).update(expected_on=later(3))
    line = order.lines.get()
    row(product=line.product, location=order.location, supplier=make_supplier(), on_hand=0.0)
    [case] = found("out-of-stock")
    assert case.impact == 2 * 3 * MARGIN
    assert case.details["next_on"] == str(later(3))


def test_it_finds_what_runs_out_before_an_order_is_in() -> None:
    plan = make_plan()
    early = row(plan, stock_out_on=later(4))
    row(plan, stock_out_on=later(7))
    row(plan, stock_out_on=None)
    [case] = found("runs-out")
    assert case.product == early.product
    # Back on day 7: three days without.
    assert case.impact == 3 * 2 * MARGIN


def test_it_finds_late_orders_with_what_they_may_cost(buyer: User) -> None:
    late, punctual = make_order(buyer, count=1, state="sent"), make_order(buyer, count=1, state="sent")
    PurchaseOrder.objects.filter(pk=late.pk).update(expected_on=later(-10))
    PurchaseOrder.objects.filter(pk=punctual.pk).update(expected_on=AS_OF)
    row(product=late.lines.get().product, location=late.location, supplier=make_supplier(), on_hand=5.0)
    [case] = found("late-order")
    assert (case.order, case.supplier) == (late, late.supplier)
    # Another ten days ask for 20, of which 5 are there.
    assert case.impact == 15 * MARGIN
    assert case.details["days"] == 10


def test_it_finds_surplus_on_order_by_what_the_plan_proposes(buyer: User) -> None:
    order = make_order(buyer, count=1)
    plan = make_plan()
    line = order.lines.get()
    values = {"plan_run": plan, "product": line.product, "location": order.location, "order_line": line}
    action = PlanAction.objects.create(kind="cut", quantity=9, saving=50.0, **values)
    PlanAction.objects.create(kind="postpone", saving=20.0, details={"days": 12}, **values)
    [case] = found("surplus-on-order")
    assert (case.action, case.order, case.impact) == (action, order, 50.0)
    action.delete()
    [case] = found("surplus-on-order")
    assert (case.details["action"], case.details["days"]) == ("postpone", 12.0)


def test_it_finds_excess_by_how_long_it_lasts() -> None:
    plan = make_plan()
    # 600 on hand last 300 days; 570 are above the target.
    much = row(plan, on_hand=600.0)
    row(plan, on_hand=300.0)
    [case] = found("excess")
    assert case.product == much.product
    days = 570 / 2
    held = (570 * days - 2 * days**2 / 2) * COST * 0.25 / 365
    assert case.impact == pytest.approx(held, abs=0.01)


def test_it_finds_excess_that_a_proposed_action_gets_rid_of() -> None:
    plan = make_plan()
    some = row(plan, on_hand=60.0)
    action = PlanAction.objects.create(
        plan_run=plan, product=some.product, location=some.location, kind="return", quantity=30, saving=80
    )
    [case] = found("excess")
    assert (case.action, case.impact, case.details["action"]) == (action, 80.0, "return")


def test_it_tells_dead_stock_from_what_is_new_or_sells() -> None:
    plan = make_plan()
    dead, alive, new = (row(plan, on_hand=100.0, daily_demand=0.5) for _ in range(3))
    sell(dead, later(-200), 3)
    sell(alive, later(-200), 3)
    sell(alive, later(-20), 1)
    sell(new, later(-20), 1)
    [case] = found("dead-stock")
    assert case.product == dead.product
    assert case.impact == pytest.approx(100 * COST * 0.25, abs=0.01)
    assert {c.product for c in found("excess")} == {alive.product, new.product}


def add_reading(run: SignalRun, product: Product, **values: Any) -> TrendReading:
    return TrendReading.objects.create(
        **{
            "run": run,
            "kind": "product",
            "product": product,
            "trend": "falling",
            "previous": "rising",
            "confidence": 0.8,
            "evidence": {"change": -0.5},
        }
        | values
    )


def signal_run() -> SignalRun:
    return SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now(), state="done")


def test_it_finds_a_trend_that_has_turned_and_keeps_it_while_it_lasts() -> None:
    plan = make_plan()
    turned, same, unsure, sideways = (row(plan) for _ in range(4))
    run = signal_run()
    add_reading(run, turned.product)
    add_reading(run, same.product, previous="falling")
    add_reading(run, unsure.product, confidence=0.4)
    add_reading(run, sideways.product, trend="stable", previous="lumpy")
    [case] = found("trend-flip")
    assert case.product == turned.product
    assert case.impact == pytest.approx(0.5 * 2 * MARGIN * 91)
    # The next reading sees the same class again, and no turn.
    run = signal_run()
    reading = add_reading(run, turned.product, previous="falling")
    assert [c.pk for c in found("trend-flip")] == [case.pk]
    TrendReading.objects.filter(pk=reading.pk).update(trend="stable", previous="stable")
    assert found("trend-flip") == []


def test_it_finds_a_week_that_is_far_above_the_others() -> None:
    plan = make_plan()
    spike, usual = row(plan), row(plan)
    for week in range(9):
        for suggestion in (spike, usual):
            sell(suggestion, AS_OF - timedelta(days=7 * week), 4 if week or suggestion is usual else 40)
    [case] = found("spike")
    assert case.product == spike.product
    assert case.impact == 36 * MARGIN


def test_it_finds_open_forecast_alarms_once_for_each_item() -> None:
    plan = make_plan()
    off, fine = row(plan), row(plan)
    values = {"value": 9.0, "limit": 5.0, "opened_by": plan.forecast_run, "seen_by": plan.forecast_run}
    for kind, effect in (("bias", 0.4), ("drift", -2.5)):
        ForecastAlarm.objects.create(
            kind=kind, product=off.product, location=off.location, effect=effect, **values
        )
    ForecastAlarm.objects.create(
        kind="bias",
        product=fine.product,
        location=fine.location,
        effect=1,
        closed_at=timezone.now(),
        **values,
    )
    [case] = found("forecast-alarm")
    assert case.product == off.product
    assert case.impact == 2 * 28 * MARGIN
    assert set(case.details["alarms"]) == {"bias", "drift"}


def test_it_finds_reviews_that_got_worse_of_late() -> None:
    plan = make_plan()
    worse, little, long_ago = (row(plan) for _ in range(3))
    for suggestion, change, day in ((worse, -0.2, -5), (little, -0.05, -5), (long_ago, -0.4, -200)):
        ProductVoice.objects.create(
            product=suggestion.product,
            as_of=AS_OF,
            reviews=30,
            level=0.6,
            before=0.8,
            change=change,
            changed_on=later(day),
        )
    [case] = found("sentiment-drop")
    assert case.product == worse.product
    assert case.impact == pytest.approx(0.2 * 2 * MARGIN * 91)


def test_it_finds_new_products_without_look_alikes() -> None:
    plan = make_plan()
    alone, known = (row(plan, product=make_product(status="new"), on_hand=10.0) for _ in range(2))
    grown = row(plan, product=make_product(status="new"))
    sell(grown, later(-100), 3)
    LookAlike.objects.create(product=known.product, neighbour=grown.product, weight=1.0)
    [case] = found("no-look-alikes")
    assert (case.product, case.impact) == (alone.product, 10 * COST)


def delivered(buyer: User, *, days: int, times: int, place: Location, suggestion: Suggestion) -> None:
    """Orders of the suggestion's terms that came in so many days after they were sent."""
    for number in range(times):
        order = PurchaseOrder.objects.create(
            number=f"T-{place.pk}-{days}-{number}",
            supplier=suggestion.supplier,
            location=place,
            currency="USD",
            state="closed",
            created_by=buyer,
        )
        line = order.lines.create(product=suggestion.product, quantity=10, received=10, unit_cost=7)
        sent = later(-100 + number * 5)
        PurchaseOrderEvent.objects.create(
            order=order, action="send", to_state="sent", actor=buyer, data={"sent_on": sent.isoformat()}
        )
        Receipt.objects.create(
            line=line, key="1", quantity=10, received_on=sent + timedelta(days=days), received_by=buyer
        )


def slipping(buyer: User, *, days: int = 21) -> Suggestion:
    suggestion = row(terms_values={"lead_time_days": 7.0})
    delivered(buyer, days=days, times=6, place=suggestion.location, suggestion=suggestion)
    return suggestion


def test_it_finds_suppliers_that_take_longer_than_they_state(buyer: User) -> None:
    suggestion = slipping(buyer)
    [case] = found("supplier-slips")
    assert (case.supplier, case.product) == (suggestion.supplier, None)
    slip = case.details["slip"]
    # Learned from six deliveries, shrunk to what is stated.
    assert 2 < slip < 14
    assert case.impact == pytest.approx(slip * 2 * COST * 0.25, abs=0.5)


def test_it_leaves_suppliers_alone_that_are_on_time(buyer: User) -> None:
    slipping(buyer, days=8)
    assert found("supplier-slips") == []


def test_it_finds_costs_that_have_jumped() -> None:
    plan = make_plan()
    dearer, same = (row(plan, terms_values={"unit_cost": Decimal(12)}) for _ in range(2))
    old = row(plan, terms_values={"unit_cost": Decimal(12)})
    for suggestion, before, ago in ((dearer, 10, 2), (same, "11.5", 2), (old, 6, 50)):
        terms = suggestion.terms
        assert terms is not None
        SupersededFact.objects.create(
            kind="supply_terms",
            row={"id": terms.pk, "unit_cost": before, "currency": "USD"},
            recorded_at=timezone.now() - timedelta(days=400),
            superseded_at=timezone.now() - timedelta(days=ago),
        )
    [case] = found("cost-jump")
    assert (case.product, case.supplier) == (dearer.product, dearer.supplier)
    assert case.impact == pytest.approx(2 * 2 * 365)


def test_it_finds_rates_that_have_jumped_of_what_is_bought_in_them() -> None:
    row(terms_values={"currency": "EUR"})
    for code, then, now in (("EUR", "1.0", "1.1"), ("GBP", "1.0", "1.5")):
        for day, rate in ((later(-60), then), (later(-1), now)):
            ExchangeRate.objects.create(base=code, quote="USD", day=day, rate=Decimal(rate))
    [case] = found("rate-jump")
    assert case.details["currency"] == "EUR"
    # Of a quarter's purchases at today's cost, what they would have cost less.
    assert case.impact == pytest.approx(2 * COST * 91 * 0.1 / 1.1, rel=1e-4)


def test_it_finds_an_moq_that_lasts_too_long_where_something_is_to_be_ordered() -> None:
    plan = make_plan()
    terms = {"moq": Decimal(1000)}
    much = row(plan, terms_values=terms, order_quantity=1000.0)
    row(plan, terms_values=terms)
    row(plan, terms_values={"moq": Decimal(300)}, order_quantity=300.0)
    [case] = found("moq-cover")
    assert case.product == much.product
    assert case.details["days"] == 500


def test_it_finds_what_could_not_be_planned_by_what_it_sells() -> None:
    plan = make_plan()
    bad = row(plan, reason="exception: no stock record", on_hand=None)
    sell(bad, later(-3), 50)
    [case] = found("not-planned")
    assert case.impact == pytest.approx(500 * 0.3)
    assert case.details["reason"] == "exception: no stock record"


def test_it_finds_rejected_rows_until_a_later_import_is_whole() -> None:
    ImportBatch.objects.create(kind="stock", state="done", rows_read=100, rows_rejected=4)
    [case] = found("rejected-rows")
    assert case.details["rows"] == 4
    ImportBatch.objects.create(kind="stock", state="done", rows_read=100)
    assert found("rejected-rows") == []


def test_it_finds_failed_jobs_with_the_margin_that_waits_for_them() -> None:
    plan = make_plan()
    row(plan, margin_at_risk=40.0)
    failed = make_plan(state="failed", error="No stock is known")
    [case] = found("failed-job")
    assert (case.key, case.impact) == (f"plan {failed.pk}", 40.0)
    make_plan()
    assert found("failed-job") == []
    ImportBatch.objects.create(kind=ImportBatch.PHOTOS, state="failed", error="no ZIP file")
    [case] = found("failed-job")
    assert case.impact == 0.0, "no plan waits for photos"


def test_it_leaves_out_what_costs_little_and_keeps_the_most_expensive(settings: Any) -> None:
    plan = make_plan()
    for demand in (0.001, 1.0, 2.0, 3.0):
        row(plan, on_hand=0.0, daily_demand=demand)
    assert [case.details["daily"] for case in found("out-of-stock")] == [3.0, 2.0, 1.0]
    settings.FORESTOCK_EXCEPTIONS = settings.FORESTOCK_EXCEPTIONS | {"most": 2}
    assert [case.details["daily"] for case in found("out-of-stock")] == [3.0, 2.0]


def test_it_searches_with_as_many_queries_whatever_it_finds(django_assert_max_num_queries: Any) -> None:
    plan = make_plan()
    place = make_location()
    for _ in range(2):
        row(plan, on_hand=0.0, location=place)
    services.exceptions_find()
    for _ in range(60):
        row(plan, on_hand=0.0, location=place)
    with django_assert_max_num_queries(60):
        services.exceptions_find()
    assert ExceptionCase.objects.filter(kind="out-of-stock").count() == 62


def test_it_reads_prices_and_holding_rates_that_the_plan_was_made_with() -> None:
    from tests.replenishment.world import make_forecast, make_stock, run_plan

    place = make_location()
    product = make_product()
    make_terms(product=product, unit_cost=Decimal(5), lead_time_days=7.0)
    make_stock(product, place, 0.0)
    plan = run_plan(make_forecast({(product, place): 14.0}))
    [case] = found("out-of-stock")
    assert case.plan_run == plan
    daily = case.details["daily"]
    assert case.impact == pytest.approx(daily * case.details["days"] * (5 / 0.7 - 5), rel=0.01)
