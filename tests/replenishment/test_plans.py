"""Plan runs: every product-location gets its row, its arithmetic adds up, and nothing is bought twice."""

from __future__ import annotations

import math
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import ExchangeRate, Job, Location, PriceRecord, Product, SalesRecord
from forecasting.models import ForecastRun
from replenishment import services
from replenishment.models import PlanRun, PurchaseOrder, PurchaseOrderLine, Suggestion
from replenishment.tasks import plan_execute_task
from tests.cast import make_location, make_product, make_supplier, make_terms
from tests.replenishment.world import (
    AS_OF,
    assert_adds_up,
    later,
    make_forecast,
    make_forecast_run,
    make_item,
    make_stock,
    only,
    run_plan,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Location:
    return make_location()


item = st.fixed_dictionaries(
    {
        "on_hand": st.decimals(0, 400, places=3),
        "allocated": st.decimals(0, 20, places=3),
        "rate": st.one_of(st.just(0.0), st.floats(0.01, 300)),
        "moq": st.decimals(0, 200, places=3),
        "order_multiple": st.sampled_from(["1", "6", "0.1", "0.333", "144"]),
        "unit_cost": st.decimals("0.01", 100, places=4),
        "lead_time_days": st.floats(0, 60),
        "review_days": st.floats(1, 30),
    }
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(item, min_size=1, max_size=8),
    spec=st.sampled_from(
        [{}, {"target": 0.99}, {"budget": 200.0}, {"target_kind": "economic", "order_cost": 5.0}]
    ),
)
def test_it_stores_arithmetic_that_adds_up_exactly(
    place: Location, items: list[dict[str, Any]], spec: dict[str, Any]
) -> None:
    # What an example before this one left would be rows without a forecast.
    Product.objects.update(status="discontinued")
    rates = {}
    for values in items:
        product = make_product()
        terms = ("moq", "order_multiple", "unit_cost", "lead_time_days", "review_days")
        make_terms(product=product, **{name: values[name] for name in terms})
        make_stock(product, place, values["on_hand"], allocated=values["allocated"])
        rates[product, place] = values["rate"]
    rows = list(run_plan(make_forecast(rates), **spec).suggestions.all())
    assert len(rows) == len(items)
    for row in rows:
        assert_adds_up(row)
        assert row.net_need is not None, row.reason


def test_it_orders_what_a_hand_worked_case_says(place: Location) -> None:
    """14 days of 20 a week are 40 units; 5 on hand: due, more than 35 with safety stock, in sixes."""
    product = make_item(place, on_hand=5)
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.expected_demand == pytest.approx(40, abs=1e-6)
    assert row.order_quantity % 6 == 0
    assert 35 < row.order_quantity < 80
    assert row.daily_demand == pytest.approx(20 / 7)
    assert row.cover_days == pytest.approx(5 / 20 * 7)  # 1.75 days: gone on the second day
    assert row.stock_out_on == later(2)
    assert row.order_by == AS_OF  # 7 days of lead time: too late already
    assert row.demand_p50 is not None
    assert row.demand_p90 is not None
    assert row.demand_p50 < 40 < row.demand_p90
    assert (row.model, row.pattern, row.state) == ("linear", "smooth", "open")
    assert row.home_value == row.order_quantity * 2.5
    assert_adds_up(row)


def test_its_order_by_leaves_the_lead_time(place: Location) -> None:
    product = make_item(place, on_hand=100)
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.order_quantity == 0
    assert row.cover_days == pytest.approx(35)
    assert row.stock_out_on == later(36)
    assert row.order_by == later(36 - 7)
    assert "not_due" in row.reason


def test_its_cover_reaches_past_the_horizon(place: Location) -> None:
    product = make_item(place, on_hand=400)
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.cover_days == pytest.approx(140)


def test_it_has_no_cover_without_demand(place: Location) -> None:
    row = only(run_plan(make_forecast({(make_item(place), place): 0.0})))
    assert (row.order_quantity, row.cover_days, row.stock_out_on, row.order_by) == (0, None, None, None)


def test_its_margin_at_risk_is_what_would_be_lost(place: Location) -> None:
    """Nothing on hand: all of the 40 expected units are short, at 4.00 - 2.50 each."""
    product = make_item(place, on_hand=0)
    PriceRecord.objects.create(product=product, location=place, day=AS_OF, price=4)
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.margin_at_risk == pytest.approx(40 * 1.5, rel=0.01)
    assert row.cover_days == 0
    assert row.stock_out_on == later(1)


def test_it_takes_the_price_break_that_the_quantity_reaches(place: Location) -> None:
    product = make_item(place, on_hand=0, price_breaks=[[24, 2], [1000, 1]])
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert row.unit_cost == Decimal("2.0000")
    assert row.home_value == row.order_quantity * 2


@pytest.mark.parametrize(("status", "reason"), [("discontinued", "discontinued"), ("phase-out", "phase_out")])
def test_it_does_not_buy_what_is_given_up(place: Location, status: str, reason: str) -> None:
    product = make_item(place, on_hand=0)
    run = make_forecast({(product, place): 20})
    Product.objects.filter(pk=product.pk).update(status=status)
    plan = run_plan(run)
    row = only(plan)
    assert (row.order_quantity, row.reason, plan.exceptions_count) == (0, reason, 0)


def test_it_says_what_it_can_not_plan_and_plans_the_rest(place: Location) -> None:
    good = make_item(place)
    without_stock = make_item(place, on_hand=None)
    without_terms = make_product()
    make_stock(without_terms, place, 3)
    free = make_item(place, unit_cost=0)
    backlog = make_item(place, on_hand=-4)
    products = [good, without_stock, without_terms, free, backlog]
    plan = run_plan(make_forecast({(product, place): 20 for product in products}))
    reasons = dict(plan.suggestions.values_list("product_id", "reason"))
    assert len(reasons) == 5
    assert reasons[without_stock.pk] == "exception: no stock record"
    assert reasons[without_terms.pk] == "exception: no supply terms"
    assert reasons[free.pk] == "exception: zero cost"
    assert reasons[backlog.pk].startswith("exception: negative stock on hand")
    assert "order" in reasons[good.pk]
    assert (plan.suggestions_count, plan.exceptions_count) == (1, 4)
    unknown = plan.suggestions.get(product=without_stock)
    assert (unknown.on_hand, unknown.cover_days, unknown.net_need) == (None, None, None)
    assert plan.report["exceptions"]["no stock record"] == 1


def test_it_says_what_has_no_forecast(place: Location) -> None:
    good, fresh, without_stock, given_up = (
        make_item(place),
        make_item(place, on_hand=9),
        make_item(place, on_hand=None),
        make_item(place),
    )
    Product.objects.filter(pk=given_up.pk).update(status="phase-out")
    plan = run_plan(make_forecast({(good, place): 20}))
    assert set(plan.suggestions.values_list("product_id", flat=True)) == {good.pk, fresh.pk}
    row = plan.suggestions.get(product=fresh)
    assert (row.reason, row.on_hand, row.order_quantity) == ("exception: no forecast", 9, 0)
    assert (row.supplier, row.net_need, row.cover_days) == (fresh.terms.get().supplier, None, None)
    assert plan.report["exceptions"] == {"no forecast": 1}
    assert without_stock.terms.exists()


def test_it_plans_without_a_rate_but_knows_no_value(place: Location) -> None:
    product = make_item(place, currency="EUR")
    run = make_forecast({(product, place): 20})
    plan = run_plan(run)
    row = only(plan)
    assert row.order_quantity > 0
    assert (row.home_value, row.margin_at_risk, plan.report["without_rate"]) == (None, None, 1)
    assert only(run_plan(run, budget=50.0)).reason == "exception: no exchange rate for EUR"
    ExchangeRate.objects.create(base="EUR", quote="USD", day=AS_OF, rate=Decimal("1.5"))
    row = only(run_plan(run))
    assert row.home_value == pytest.approx(row.order_quantity * 2.5 * 1.5)


def test_it_stays_within_the_budget(place: Location) -> None:
    products = [make_item(place, on_hand=0) for _ in range(3)]
    run = make_forecast({(product, place): 20 for product in products})
    free = sum(row.home_value or 0 for row in run_plan(run).suggestions.all())
    bound = list(run_plan(run, budget=100.0).suggestions.all())
    assert 0 < sum(row.home_value or 0 for row in bound) <= 100 < free
    for row in bound:
        assert_adds_up(row)


def test_its_stock_is_that_of_the_forecasts_day(place: Location) -> None:
    product = make_item(place, on_hand=None)
    make_stock(product, place, 7, day=later(-2), allocated=1, is_assumed=True)
    make_stock(product, place, 500, day=later(1))
    row = only(run_plan(make_forecast({(product, place): 20})))
    assert (row.on_hand, row.allocated, row.stock_day) == (7, 1, later(-2))
    assert row.stock_is_assumed


def test_its_abc_is_by_the_last_years_revenue(place: Location) -> None:
    big, small = make_item(place), make_item(place)
    for product, revenue, day in [(big, 10, later(-1)), (small, 1, later(-1)), (small, 999, later(-366))]:
        SalesRecord.objects.create(product=product, location=place, day=day, quantity=1, revenue=revenue)
    plan = run_plan(make_forecast({(big, place): 20, (small, place): 20}))
    assert dict(plan.suggestions.values_list("product_id", "abc")) == {big.pk: "A", small.pk: "B"}


STATES = ["draft", "submitted", "approved", "sent", "part-received", "closed-late"]


@pytest.mark.parametrize("state", STATES)
def test_it_never_suggests_again_what_is_on_order(
    place: Location, buyer: User, approver: User, state: str
) -> None:
    supplier = make_supplier()
    products = [make_item(place, on_hand=number, supplier=supplier) for number in range(6)]
    run = make_forecast({(product, place): 20 for product in products})
    first = run_plan(run)
    ids = list(first.suggestions.values_list("pk", flat=True))
    quantities = dict(first.suggestions.values_list("product_id", "order_quantity"))
    [order] = services.drafts_create(suggestion_ids=ids, acting_user=buyer)
    _bring_to(order, state, buyer, approver)
    second = run_plan(run)
    for row in second.suggestions.all():
        assert row.order_quantity == 0, row.reason
        assert row.on_order + (row.on_hand or 0) >= quantities[row.product_id]
        assert_adds_up(row)


def _bring_to(order: PurchaseOrder, state: str, buyer: User, approver: User) -> None:
    """By the services alone; "closed-late": all came in the day after the plan's."""
    if state == "draft":
        return
    services.order_submit(order_id=order.pk, acting_user=buyer)
    if state == "submitted":
        return
    services.order_approve(order_id=order.pk, acting_user=approver)
    if state == "approved":
        return
    services.order_send(order_id=order.pk, acting_user=buyer)
    if state == "sent":
        return
    share, day = (2, 0) if state == "part-received" else (1, 1)
    services.order_receive(
        order_id=order.pk,
        received_on=later(day),
        quantities={line.pk: line.quantity / share for line in order.lines.all()},
        key="delivery",
        acting_user=buyer,
    )


def test_it_suggests_again_what_was_cancelled(place: Location, buyer: User) -> None:
    run = make_forecast({(make_item(place), place): 20})
    first = only(run_plan(run))
    [order] = services.drafts_create(suggestion_ids=[first.pk], acting_user=buyer)
    services.order_cancel(order_id=order.pk, acting_user=buyer)
    assert only(run_plan(run)).order_quantity == first.order_quantity


def test_it_plans_again_when_an_order_was_drafted_meanwhile(
    place: Location, buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from replenishment.services import plans

    run = make_forecast({(make_item(place), place): 20})
    first = only(run_plan(run))
    compute = plans._compute
    calls: list[int] = []

    def slow_compute(*args: Any) -> Any:
        result = compute(*args)
        if not calls:
            services.drafts_create(suggestion_ids=[first.pk], acting_user=buyer)
        calls.append(1)
        return result

    monkeypatch.setattr(plans, "_compute", slow_compute)
    second = only(run_plan(run))
    assert len(calls) == 2
    assert (second.order_quantity, second.on_order) == (0, first.order_quantity)


@pytest.mark.parametrize("moment", ["_read", "_compute"])
def test_it_counts_goods_once_that_came_in_meanwhile(
    place: Location, buyer: User, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    from replenishment.services import plans

    run = make_forecast({(make_item(place), place): 20})
    first = only(run_plan(run))
    [order] = services.drafts_create(suggestion_ids=[first.pk], acting_user=buyer)
    PurchaseOrder.objects.filter(pk=order.pk).update(state="sent")
    step = getattr(plans, moment)
    calls: list[int] = []

    def slow_step(*args: Any) -> Any:
        result = step(*args)
        if not calls:
            _bring_in(order, buyer)
        calls.append(1)
        return result

    monkeypatch.setattr(plans, moment, slow_step)
    second = only(run_plan(run))
    assert len(calls) == 2
    assert (second.order_quantity, second.on_order) == (0, 0)
    assert second.on_hand == (first.on_hand or 0) + first.order_quantity


def _bring_in(order: PurchaseOrder, user: User) -> None:
    services.order_receive(
        order_id=order.pk,
        received_on=AS_OF,
        quantities={line.pk: line.quantity for line in order.lines.all()},
        key="delivery",
        acting_user=user,
    )


def test_it_is_done_once(place: Location) -> None:
    plan = run_plan(make_forecast({(make_item(place), place): 20}))
    before = only(plan).pk
    assert services.plan_execute(plan_id=plan.pk).attempts == 1
    assert only(plan).pk == before


def test_it_leaves_a_plan_alone_that_another_worker_has(place: Location) -> None:
    plan = services.plan_create(acting_user=None, forecast_run=make_forecast({(make_item(place), place): 20}))
    PlanRun.objects.filter(pk=plan.pk).update(
        state=Job.State.RUNNING, claim=uuid.uuid4(), heartbeat_at=timezone.now()
    )
    assert services.plan_execute(plan_id=plan.pk).state == Job.State.RUNNING
    assert not plan.suggestions.exists()


def test_it_writes_nothing_once_it_was_lost(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    from replenishment.services import plans

    plan = services.plan_create(acting_user=None, forecast_run=make_forecast({(make_item(place), place): 20}))
    compute = plans._compute

    def lost(*args: Any) -> Any:
        result = compute(*args)
        PlanRun.objects.filter(pk=plan.pk).update(claim=uuid.uuid4())
        return result

    monkeypatch.setattr(plans, "_compute", lost)
    assert services.plan_execute(plan_id=plan.pk).state == Job.State.RUNNING
    assert not plan.suggestions.exists()


def test_it_replaces_what_a_killed_attempt_left(place: Location) -> None:
    plan = services.plan_create(acting_user=None, forecast_run=make_forecast({(make_item(place), place): 20}))
    Suggestion.objects.create(plan_run=plan, product=make_product(), location=place)
    PlanRun.objects.filter(pk=plan.pk).update(
        state=Job.State.RUNNING,
        claim=uuid.uuid4(),
        attempts=1,
        heartbeat_at=timezone.now() - timedelta(hours=1),
    )
    plan = services.plan_execute(plan_id=plan.pk)
    assert (plan.state, plan.attempts) == ("done", 2)
    assert only(plan).order_quantity > 0


def test_it_keeps_the_reason_of_its_failure(place: Location) -> None:
    run = make_forecast({(make_item(place), place): 20})
    plan = services.plan_create(acting_user=None, forecast_run=run)
    ForecastRun.objects.filter(pk=run.pk).update(pruned_at=timezone.now())
    plan = services.plan_execute(plan_id=plan.pk)
    assert plan.state == "failed"
    assert "cleared" in plan.error


def test_it_needs_a_forecast_that_is_done() -> None:
    with pytest.raises(services.PlanError):
        services.plan_create(acting_user=None)
    for values in ({"state": Job.State.RUNNING}, {"pruned_at": timezone.now()}):
        with pytest.raises(services.PlanError):
            services.plan_create(acting_user=None, forecast_run=make_forecast_run(**values))


def test_it_is_started_by_those_who_may(buyer: User, viewer: User, approver: User) -> None:
    run = make_forecast_run()
    assert services.plan_create(acting_user=buyer, forecast_run=run).created_by == buyer
    for user in (viewer, approver):
        with pytest.raises(PermissionDenied):
            services.plan_create(acting_user=user, forecast_run=run)


@pytest.mark.parametrize(
    "values",
    [
        {"target": 0.0},
        {"target": 1.0},
        {"target": math.nan},
        {"budget": -1.0},
        {"order_cost": math.inf},
        {"target_kind": "magic"},
        {"unmet": "forgotten"},
    ],
)
def test_it_refuses_targets_that_make_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(services.PlanError):
        services.PlanSpec(**values)


def test_its_specification_comes_back_from_the_database() -> None:
    spec = services.PlanSpec(target_kind="cycle", target=0.9, budget=10.0)
    assert services.PlanSpec.from_dict({**spec.to_dict(), "unknown": 1}) == spec


def test_its_lines_keep_their_parents(place: Location, buyer: User) -> None:
    plan = run_plan(make_forecast({(make_item(place), place): 20}))
    services.drafts_create(suggestion_ids=[only(plan).pk], acting_user=buyer)
    line = PurchaseOrderLine.objects.select_related("suggestion__plan_run__forecast_run").get()
    assert line.suggestion is not None
    assert line.suggestion.plan_run.forecast_run.as_of == date(2024, 3, 3)


def test_its_command_plans_and_prints_a_summary(place: Location, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_forecast({(make_item(place), place): 20, (make_item(place, on_hand=None), place): 20})
    call_command("plan_run", forecast_run=run.pk, target=0.9)
    plan = PlanRun.objects.get()
    assert plan.spec["target"] == 0.9
    printed = capsys.readouterr().out
    assert "2 product-locations" in printed
    assert "1 to order" in printed
    assert "1 not planned: no stock record" in printed


def test_its_command_says_what_is_wrong(place: Location) -> None:
    with pytest.raises(CommandError, match="no forecast to plan from"):
        call_command("plan_run")
    with pytest.raises(CommandError, match="no forecast run 17"):
        call_command("plan_run", forecast_run=17)
    make_forecast({(make_item(place), place): 20})
    with pytest.raises(CommandError, match="target"):
        call_command("plan_run", target=95)


def test_its_command_leaves_the_work_to_a_worker(
    place: Location, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(plan_execute_task, "delay", sent.append)
    make_forecast({(make_item(place), place): 20})
    with django_capture_on_commit_callbacks(execute=True):
        call_command("plan_run", background=True)
    plan = PlanRun.objects.get()
    assert (sent, plan.state) == ([plan.pk], Job.State.QUEUED)
    plan_execute_task(plan.pk)
    plan.refresh_from_db()
    assert plan.state == Job.State.DONE
