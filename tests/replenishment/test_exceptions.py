"""The life of an exception: found again, gone, back, taken, snoozed, closed, fixed; and who may do what."""

from __future__ import annotations

import importlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from django.utils import timezone

from catalog.models import SupersededFact, SupplyTerms
from replenishment import selectors, services
from replenishment.models import ExceptionCase, ExceptionEvent, PlanAction, PlanRun, PurchaseOrder, Suggestion
from tests.cast import make_user
from tests.replenishment.test_exceptions_found import row, slipping
from tests.replenishment.world import AS_OF, make_order, make_plan

pytestmark = pytest.mark.django_db
NEXT_WEEK = AS_OF + timedelta(days=7)


class Clock:
    """What day it is."""

    day: date = AS_OF


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("catalog.selectors.today", lambda: made.day)
    return made


@pytest.fixture
def suggestion() -> Suggestion:
    """Out of stock, 12 to be ordered."""
    return row(on_hand=0.0, order_quantity=12.0)


@pytest.fixture
def case(suggestion: Suggestion) -> ExceptionCase:
    services.exceptions_find()
    return ExceptionCase.objects.get()


def told(case: ExceptionCase) -> list[str]:
    return list(case.events.values_list("action", flat=True))


def stock_set(suggestion: Suggestion, on_hand: float) -> None:
    Suggestion.objects.filter(pk=suggestion.pk).update(on_hand=on_hand)


def test_it_is_the_same_case_when_it_is_found_again(case: ExceptionCase, suggestion: Suggestion) -> None:
    Suggestion.objects.filter(pk=suggestion.pk).update(daily_demand=4.0)
    services.exceptions_find()
    again = ExceptionCase.objects.get()
    assert (again.pk, again.first_seen, again.impact) == (case.pk, case.first_seen, 2 * case.impact)
    assert again.last_seen > case.last_seen
    assert told(case) == ["found"]


def test_it_closes_by_itself_and_says_so(case: ExceptionCase, suggestion: Suggestion, buyer: User) -> None:
    services.exceptions_snooze(case_ids=[case.pk], until=NEXT_WEEK, acting_user=buyer)
    stock_set(suggestion, 100.0)
    assert services.exceptions_find() == {"cases": 0, "gone": 1}
    case.refresh_from_db()
    assert (case.state, case.closed_by, case.is_found) == ("closed", None, False)
    assert case.snoozed_until is None
    assert services.exceptions_find() == {"cases": 0}


def test_it_opens_again_when_it_comes_back(case: ExceptionCase, suggestion: Suggestion, buyer: User) -> None:
    services.exceptions_assign(case_ids=[case.pk], owner=buyer, acting_user=buyer)
    stock_set(suggestion, 100.0)
    services.exceptions_find()
    stock_set(suggestion, 0.0)
    services.exceptions_find()
    again = ExceptionCase.objects.get()
    assert (again.pk, again.state, again.owner, again.closed_at) == (case.pk, "open", buyer, None)
    assert again.first_seen > case.first_seen
    assert told(case) == ["found", "assigned", "gone", "reopened"]


def test_it_stays_closed_while_it_is_no_worse(
    case: ExceptionCase, suggestion: Suggestion, buyer: User
) -> None:
    assert services.exceptions_close(case_ids=[case.pk], comment="Season is over", acting_user=buyer) == 1
    services.exceptions_find()
    case.refresh_from_db()
    assert (case.state, case.closed_by, case.comment) == ("closed", buyer, "Season is over")
    Suggestion.objects.filter(pk=suggestion.pk).update(daily_demand=4.1)
    services.exceptions_find()
    case.refresh_from_db()
    assert (case.state, case.closed_by, case.comment) == ("open", None, "")
    assert told(case) == ["found", "closed", "worse"]


def test_it_comes_back_after_a_person_closed_it_once_it_had_gone(
    case: ExceptionCase, suggestion: Suggestion, buyer: User
) -> None:
    services.exceptions_close(case_ids=[case.pk], comment="Known", acting_user=buyer)
    stock_set(suggestion, 100.0)
    services.exceptions_find()
    stock_set(suggestion, 0.0)
    services.exceptions_find()
    case.refresh_from_db()
    assert (case.state, told(case)) == ("open", ["found", "closed", "reopened"])


def test_it_sleeps_until_its_day(case: ExceptionCase, buyer: User, clock: Clock) -> None:
    services.exceptions_snooze(case_ids=[case.pk], until=NEXT_WEEK, acting_user=buyer, comment="Ordered")
    clock.day = NEXT_WEEK - timedelta(days=1)
    services.exceptions_find()
    case.refresh_from_db()
    assert (case.state, case.snoozed_until) == ("snoozed", NEXT_WEEK)
    clock.day = NEXT_WEEK
    services.exceptions_find()
    first = case.first_seen
    case.refresh_from_db()
    assert (case.state, case.snoozed_until, case.first_seen) == ("open", None, first)
    assert told(case) == ["found", "snoozed", "woken"]


def test_it_is_woken_by_hand(case: ExceptionCase, buyer: User) -> None:
    services.exceptions_snooze(case_ids=[case.pk], until=NEXT_WEEK, acting_user=buyer)
    assert services.exceptions_reopen(case_ids=[case.pk], acting_user=buyer) == 1
    case.refresh_from_db()
    assert (case.state, case.snoozed_until) == ("open", None)


def test_it_is_taken_up_again_after_a_person_closed_it_but_not_after_it_has_gone(
    case: ExceptionCase, suggestion: Suggestion, buyer: User
) -> None:
    services.exceptions_close(case_ids=[case.pk], comment="Known", acting_user=buyer)
    assert services.exceptions_reopen(case_ids=[case.pk], acting_user=buyer) == 1
    stock_set(suggestion, 100.0)
    services.exceptions_find()
    assert services.exceptions_reopen(case_ids=[case.pk], acting_user=buyer) == 0


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_it_snoozes_to_a_day_of_the_next_year_only(case: ExceptionCase, buyer: User, days: int) -> None:
    with pytest.raises(services.ExceptionError):
        services.exceptions_snooze(case_ids=[case.pk], until=AS_OF + timedelta(days=days), acting_user=buyer)


def test_it_asks_why_it_is_closed(case: ExceptionCase, buyer: User) -> None:
    with pytest.raises(services.ExceptionError):
        services.exceptions_close(case_ids=[case.pk], comment="  ", acting_user=buyer)


def test_it_is_given_to_people_who_may_act_only(
    case: ExceptionCase, buyer: User, admin_user: User, viewer: User, partner_of_supplier: User
) -> None:
    gone = make_user("gone", "Buyer", is_active=False)
    for owner in (viewer, partner_of_supplier, gone):
        with pytest.raises(services.ExceptionError):
            services.exceptions_assign(case_ids=[case.pk], owner=owner, acting_user=buyer)
    assert services.exceptions_assign(case_ids=[case.pk], owner=admin_user, acting_user=buyer) == 1
    assert services.exceptions_assign(case_ids=[case.pk], owner=admin_user, acting_user=buyer) == 0
    assert services.exceptions_assign(case_ids=[case.pk], owner=None, acting_user=buyer) == 1
    event = case.events.get(action="assigned")
    assert (event.actor, event.data) == (buyer, {"owner": "admin"})


def test_it_lets_viewers_and_partners_do_nothing(
    case: ExceptionCase, viewer: User, approver: User, partner_of_supplier: User
) -> None:
    for user in (viewer, approver, partner_of_supplier):
        for call in (
            lambda who: services.exceptions_assign(case_ids=[case.pk], owner=who, acting_user=who),
            lambda who: services.exceptions_snooze(case_ids=[case.pk], until=NEXT_WEEK, acting_user=who),
            lambda who: services.exceptions_close(case_ids=[case.pk], comment="x", acting_user=who),
            lambda who: services.exceptions_reopen(case_ids=[case.pk], acting_user=who),
            lambda who: services.exception_fix(case_id=case.pk, acting_user=who),
        ):
            with pytest.raises(PermissionDenied):
                call(user)
    assert told(case) == ["found"]


def test_it_searches_again_where_a_newer_plan_came_meanwhile(
    suggestion: Suggestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("replenishment.services.exceptions_find")

    search = module._search
    newer: list[PlanRun] = []

    def slow(plan: PlanRun | None) -> Any:
        result = search(plan)
        if not newer:
            newer.append(make_plan())
        return result

    monkeypatch.setattr(module, "_search", slow)
    services.exceptions_find()
    # What the older plan had is not in the newer one.
    assert not ExceptionCase.objects.exists()


def test_it_keeps_its_history(case: ExceptionCase) -> None:
    event = case.events.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        ExceptionEvent.objects.filter(pk=event.pk).update(action="gone")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            ExceptionEvent.objects.filter(pk=event.pk).delete()


@pytest.mark.parametrize(
    "values",
    [
        {"impact": -1.0},
        {"state": "snoozed"},
        {"snoozed_until": AS_OF},
        {"state": "closed"},
        {"closed_at": timezone.now()},
    ],
)
def test_it_refuses_what_makes_no_sense(case: ExceptionCase, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ExceptionCase.objects.filter(pk=case.pk).update(**values)


def test_it_refuses_a_second_case_of_the_same_thing(case: ExceptionCase) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ExceptionCase.objects.create(kind=case.kind, key=case.key)


def test_it_fixes_what_is_out_of_stock_by_drafting_the_order(
    case: ExceptionCase, suggestion: Suggestion, buyer: User
) -> None:
    fixed = services.exception_fix(case_id=case.pk, acting_user=buyer)
    [order] = fixed.orders
    assert [line.quantity for line in order.lines.all()] == [12]
    case.refresh_from_db()
    assert (case.state, case.closed_by, order.number in case.comment) == ("closed", buyer, True)
    assert told(case) == ["found", "fixed"]
    with pytest.raises(services.ReplenishmentError):
        services.exception_fix(case_id=case.pk, acting_user=buyer)
    assert PurchaseOrder.objects.count() == 1


def test_it_fixes_surplus_by_changing_the_order(buyer: User) -> None:
    order = make_order(buyer, count=1)
    line = order.lines.get()
    action = PlanAction.objects.create(
        plan_run=make_plan(),
        product=line.product,
        location=order.location,
        order_line=line,
        kind="cut",
        quantity=9,
        saving=50.0,
        details={"outstanding": 24.0},
    )
    services.exceptions_find()
    case = ExceptionCase.objects.get(kind="surplus-on-order")
    services.exception_fix(case_id=case.pk, acting_user=buyer)
    line.refresh_from_db()
    action.refresh_from_db()
    case.refresh_from_db()
    assert (line.quantity, action.state, case.state) == (Decimal(15), "done", "closed")


def test_it_leaves_the_case_open_where_the_fix_is_refused(buyer: User) -> None:
    order = make_order(buyer, count=1)
    line = order.lines.get()
    PlanAction.objects.create(
        plan_run=make_plan(),
        product=line.product,
        location=order.location,
        order_line=line,
        kind="cut",
        quantity=9,
        saving=50.0,
        # The line had fewer units when the plan saw it.
        details={"outstanding": 20.0},
    )
    services.exceptions_find()
    case = ExceptionCase.objects.get(kind="surplus-on-order")
    with pytest.raises(services.ActionError):
        services.exception_fix(case_id=case.pk, acting_user=buyer)
    case.refresh_from_db()
    assert (case.state, told(case)) == ("open", ["found"])


def test_it_accepts_a_learned_lead_time_in_all_terms_of_the_supplier(buyer: User, admin_user: User) -> None:
    terms = slipping(buyer).terms
    assert terms is not None
    services.exceptions_find()
    case = ExceptionCase.objects.get(kind="supplier-slips")
    # Buyers don't change supply terms: they are shown the supplier.
    assert selectors.exception_fixes([case], buyer)[case.pk].name == "supplier"
    with pytest.raises(services.ExceptionError):
        services.exception_fix(case_id=case.pk, acting_user=buyer)
    services.exception_fix(case_id=case.pk, acting_user=admin_user)
    now = SupplyTerms.objects.get(pk=terms.pk)
    assert now.lead_time_days == pytest.approx(7 + case.details["slip"], abs=0.05)
    assert now.unit_cost == Decimal("2.50")
    assert SupersededFact.objects.get(kind="supply_terms").row["lead_time_days"] == 7.0
    services.exceptions_find()
    case.refresh_from_db()
    assert (case.state, case.is_found) == ("closed", False)


def test_it_plans_again_after_a_plan_that_failed(buyer: User) -> None:
    make_plan()
    failed = make_plan(state="failed", error="No stock is known")
    services.exceptions_find()
    case = ExceptionCase.objects.get(key=f"plan {failed.pk}")
    plan = services.exception_fix(case_id=case.pk, acting_user=buyer).plan
    assert plan is not None
    assert (plan.state, plan.created_by) == ("queued", buyer)


def test_it_sums_up_a_persons_own_and_nobodys(
    case: ExceptionCase, buyer: User, admin_user: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        sums, cases = selectors.exceptions_open(buyer)
    assert (sums.cases, sums.impact, cases) == (1, case.impact, [case])
    assert {group.key: group.cases for group in sums.groups} == {
        "stock": 1,
        "demand": 0,
        "supply": 0,
        "system": 0,
    }
    services.exceptions_assign(case_ids=[case.pk], owner=admin_user, acting_user=buyer)
    assert selectors.exceptions_open(buyer)[0].cases == 0
    assert selectors.exceptions_open(admin_user)[0].cases == 1


def test_it_searches_after_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    from replenishment.tasks import plan_execute_task

    seen: list[str] = []
    monkeypatch.setattr("replenishment.services.exceptions_find", lambda: seen.append("found"))
    plan_execute_task(make_plan().pk)
    assert seen == ["found"]


def test_it_sorts_every_kind_into_one_group() -> None:
    kinds = [kind for own in ExceptionCase.KINDS.values() for kind in own]
    assert sorted(kinds) == sorted(ExceptionCase.Kind.values)
    assert set(ExceptionCase.KINDS) == set(ExceptionCase.Group.values)
