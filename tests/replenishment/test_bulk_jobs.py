"""Acts on many suggestions in the background: the same as in the request, once, and never over another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from catalog.models import Job, JobLine
from replenishment import services
from replenishment.models import (
    BulkAct,
    PlanSum,
    PurchaseOrder,
    Snooze,
    Suggestion,
    SuggestionChange,
    SuggestionChangeLine,
)
from replenishment.services import bulk_jobs
from tests.cast import make_supplier
from tests.replenishment.world import make_plan, make_suggestion

pytestmark = pytest.mark.django_db
Kind = SuggestionChange.Kind
ACTS = [
    services.Act(Kind.SCALE, percent=30, reason="fair"),
    services.Act(Kind.COVER, days=40),
    services.Act(Kind.MINIMUM),
    services.Act(Kind.SYSTEM),
    services.Act(Kind.REJECT, reason="season"),
    services.Act(Kind.SNOOZE, stock_level=1.0),
]


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MOST_AT_ONCE", 2)


@pytest.fixture
def rows() -> list[Suggestion]:
    """Five of two suppliers: one was changed by a buyer, one is rejected, one has nobody to sell it."""
    plan, supplier = make_plan(), make_supplier(minimum_order_value=400)
    sells = {"daily_demand": 2.0, "expected_demand": 30.0, "demand_p50": 28.0, "demand_p90": 40.0}
    return [
        make_suggestion(plan, supplier=supplier, review_days=7.0, **sells),
        make_suggestion(plan, supplier=supplier, review_days=7.0, edited_quantity=30.0, **sells),
        make_suggestion(plan, supplier=supplier, state="rejected", **sells),
        make_suggestion(plan, daily_demand=None),
        make_suggestion(plan, supplier_id=None, unit_cost=None, order_quantity=0.0, reason="exception: no"),
    ]


def ask(rows: Sequence[Suggestion], user: User, act: services.Act, **values: Any) -> Any:
    return services.act_ask(
        suggestions=services.chosen(row.pk for row in rows), act=act, acting_user=user, **values
    )


def do(job: Any) -> BulkAct:
    assert isinstance(job, BulkAct)
    return services.bulk_act_execute(act_id=job.pk)


def state() -> list[Any]:
    """All that an act may write, but for keys and times."""
    lines = SuggestionChangeLine.objects.order_by("change", "suggestion").values_list(
        "change__kind",
        "change__reason",
        "change__actor",
        "change__lines_count",
        *("suggestion", "state_before", "state_after", "quantity_before", "quantity_after"),
    )
    held = Suggestion.objects.order_by("pk").values_list(
        "pk", "state", "edited_quantity", "edited_by", "edit_reason"
    )
    sums = PlanSum.objects.order_by("supplier", "location").values_list(
        "supplier", "order", "rejected", "snoozed", "value"
    )
    return [*held, *lines, *sums, *Snooze.objects.order_by("pk").values_list("product", "stock_level")]


def rolled_back(step: Callable[[], Any]) -> Any:
    """What a step gives, taken back."""
    with transaction.atomic():
        found = step()
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.kind)
def test_it_does_and_undoes_what_the_act_in_the_request_does(
    act: services.Act, rows: list[Suggestion], buyer: User
) -> None:
    ids = [row.pk for row in rows]

    def at_once() -> list[Any]:
        acted = services.suggestions_act(suggestion_ids=ids, act=act, acting_user=buyer)
        seen = [state(), acted.changed, acted.passed_over, acted.value_before, acted.value_after]
        if acted.change is not None:
            services.change_undo(change_id=acted.change.pk, acting_user=buyer)
        return [*seen, state()]

    told = services.act_previewed(suggestions=services.chosen(ids), act=act, acting_user=buyer)
    direct = rolled_back(at_once)
    job = do(ask(rows, buyer, act))
    assert (job.state, job.error) == (Job.State.DONE, "")
    report = job.report
    passed = {services.Passed(why): count for why, count in report["passed_over"].items()}
    assert [state(), report["changed"], passed, report["value_before"], report["value_after"]] == direct[:5]
    assert (told.changed, told.passed_over) == (report["changed"], passed)
    assert (told.value_before, told.value_after) == (report["value_before"], report["value_after"])
    assert bytes(job.seen) == b""
    if job.change is not None:
        services.change_undo(change_id=job.change.pk, acting_user=buyer)
    assert state() == direct[5]


def test_it_does_few_at_once(rows: list[Suggestion], buyer: User) -> None:
    acted = ask(rows[:2], buyer, ACTS[0])
    assert isinstance(acted, services.Acted)
    assert (acted.changed, BulkAct.objects.count()) == (2, 0)
    nothing = services.act_ask(suggestions=[Suggestion.objects.none()], act=ACTS[0], acting_user=buyer)
    assert isinstance(nothing, services.Acted)
    assert (nothing.changed, nothing.change) == (0, None)


def test_it_leaves_alone_what_changed_since_it_was_asked(
    rows: list[Suggestion], buyer: User, superuser: User
) -> None:
    job = ask(rows, buyer, ACTS[4])
    services.suggestion_edit(
        suggestion_id=rows[0].pk, quantity=5, reason="", acting_user=superuser, seen_plan_run_id=None
    )
    job = do(job)
    assert job.report["passed_over"] == {"changed": 1, "rejected": 1}
    rows[0].refresh_from_db()
    assert (rows[0].state, rows[0].edited_quantity, rows[0].edited_by) == ("open", 5, superuser)


def test_of_two_over_the_same_rows_the_second_tells_what_the_first_changed(
    rows: list[Suggestion], buyer: User, superuser: User
) -> None:
    first, second = ask(rows[:3], buyer, ACTS[0]), ask(rows, superuser, ACTS[4])
    assert do(first).report["changed"] == 2
    second = do(second)
    assert second.report["passed_over"] == {"changed": 2, "rejected": 1}
    assert second.report["changed"] == 2
    assert quantities(rows[:2]) == [31, 39]


def quantities(rows: Sequence[Suggestion]) -> list[float | None]:
    held = dict(Suggestion.objects.values_list("pk", "edited_quantity"))
    return [held[row.pk] for row in rows]


def test_a_newer_plan_ends_it_with_nothing_done(rows: list[Suggestion], buyer: User) -> None:
    job = ask(rows, buyer, ACTS[0], seen_plan_run_id=rows[0].plan_run_id)
    make_plan()
    before = state()
    job = do(job)
    assert job.state == Job.State.FAILED
    assert "newer plan" in job.error
    assert state() == before
    with pytest.raises(services.StaleError):
        ask(rows, buyer, ACTS[0])


def test_a_worker_that_is_lost_in_the_middle_has_done_nothing_and_the_next_does_it_once(
    rows: list[Suggestion], buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, before = ask(rows, buyer, ACTS[0]), state()

    def killed(*args: Any, **values: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(BulkAct, "finish", killed)
        with pytest.raises(SystemExit):
            services.bulk_act_execute(act_id=job.pk)
    assert state() == before
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    assert BulkAct.stale_ids() == []
    BulkAct.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert BulkAct.stale_ids() == [job.pk]
    job = do(job)
    assert (job.state, job.attempts, job.report["changed"]) == (Job.State.DONE, 2, 3)
    # Delivered once more: it is done.
    after = state()
    do(job)
    assert state() == after
    assert SuggestionChange.objects.count() == 1


def test_one_that_is_stopped_while_it_runs_does_nothing_and_can_be_tried_again(
    rows: list[Suggestion], buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, before = ask(rows, buyer, ACTS[0]), state()
    write = services.suggestions_act

    def stopped(**values: Any) -> Any:
        BulkAct.stop(job.pk, "Stopped by buyer.")
        return write(**values)

    with monkeypatch.context() as busy:
        busy.setattr(bulk_jobs, "suggestions_act", stopped)
        # (In the transaction of a test the stop is taken back with the act: what counts is that it ends.)
        do(job)
    assert state() == before
    BulkAct.objects.update(state=Job.State.STOPPED)
    assert BulkAct.retry(job.pk, "buyer")
    assert do(job).report["changed"] == 3


def test_a_stopped_one_is_never_begun(rows: list[Suggestion], buyer: User) -> None:
    job, before = ask(rows, buyer, ACTS[0]), state()
    assert BulkAct.stop(job.pk, "Stopped by buyer.")
    assert do(job).state == Job.State.STOPPED
    assert state() == before


def test_who_may_no_longer_do_it_has_it_refused(rows: list[Suggestion], buyer: User, viewer: User) -> None:
    with pytest.raises(PermissionDenied):
        ask(rows, viewer, ACTS[0])
    with pytest.raises(PermissionDenied):
        services.drafts_ask(suggestions=services.chosen([rows[0].pk]), acting_user=viewer)
    job, before = ask(rows, buyer, ACTS[0]), state()
    buyer.groups.clear()
    job = do(job)
    assert (job.state, state()) == (Job.State.FAILED, before)


def test_an_act_that_makes_no_sense_is_refused_before_it_is_queued(
    rows: list[Suggestion], buyer: User
) -> None:
    with pytest.raises(services.SuggestionError):
        ask(rows, buyer, services.Act(Kind.SCALE))
    assert not BulkAct.objects.exists()


def test_a_large_change_is_undone_and_redone_in_the_background(rows: list[Suggestion], buyer: User) -> None:
    before = state()
    job = do(ask(rows, buyer, ACTS[0]))
    assert job.change is not None
    undo = services.undo_ask(change_id=job.change.pk, acting_user=buyer)
    assert isinstance(undo, BulkAct)
    with pytest.raises(services.SuggestionError, match="being undone"):
        services.undo_ask(change_id=job.change.pk, acting_user=buyer)
    undo = do(undo)
    assert (undo.state, undo.kind, undo.report["changed"]) == (Job.State.DONE, "undo", 3)
    assert state()[:5] == before[:5]
    with pytest.raises(services.SuggestionError, match="already"):
        services.undo_ask(change_id=job.change.pk, acting_user=buyer)
    assert undo.change is not None
    redo = services.undo_ask(change_id=undo.change.pk, acting_user=buyer)
    assert isinstance(redo, BulkAct)
    assert (redo.kind, do(redo).report["changed"]) == ("redo", 3)
    assert quantities(rows) == [31, 39, None, 31, None]


def test_an_undo_leaves_alone_what_changed_since(rows: list[Suggestion], buyer: User) -> None:
    job = do(ask(rows, buyer, ACTS[0]))
    assert job.change is not None
    undo = services.undo_ask(change_id=job.change.pk, acting_user=buyer)
    services.suggestion_edit(
        suggestion_id=rows[3].pk, quantity=7, reason="", acting_user=buyer, seen_plan_run_id=None
    )
    assert do(undo).report["passed_over"] == {"changed": 1}
    assert quantities(rows)[3] == 7


@pytest.mark.parametrize("submits", [False, True])
def test_many_are_drafted_in_the_background_and_nothing_twice(
    submits: bool, rows: list[Suggestion], buyer: User
) -> None:
    chosen = services.chosen(row.pk for row in rows)
    jobs = [
        services.drafts_ask(suggestions=chosen, acting_user=buyer, submits=submits),
        services.drafts_ask(suggestions=chosen, acting_user=buyer),
    ]
    services.suggestion_edit(
        suggestion_id=rows[0].pk, quantity=9, reason="", acting_user=buyer, seen_plan_run_id=None
    )
    first, second = (do(job) for job in jobs)
    assert first.report["passed_over"] == {"changed": 1, "rejected": 1, "nothing": 1}
    assert (first.report["changed"], first.report["orders"]) == (2, 2)
    assert second.report["orders"] == 0
    orders = list(PurchaseOrder.objects.order_by("pk"))
    assert [order.number for order in orders] == first.report["numbers"]
    assert [order.number for order in orders] == [f"PO-{order.pk:06d}" for order in orders]
    assert {order.state for order in orders} == {"submitted" if submits else "draft"}
    assert [order.events.count() for order in orders] == [1 + submits] * 2
    assert {line.quantity for order in orders for line in order.lines.all()} == {30, 24}
    assert {order.home_value for order in orders} == {75, 60}
    states = dict(Suggestion.objects.values_list("pk", "state"))
    assert [states[row.pk] for row in rows] == ["open", "drafted", "rejected", "drafted", "open"]


def test_drafts_that_need_a_supplier_fail_as_a_whole(rows: list[Suggestion], buyer: User) -> None:
    Suggestion.objects.filter(pk=rows[4].pk).update(order_quantity=5)
    job = do(services.drafts_ask(suggestions=services.chosen(row.pk for row in rows), acting_user=buyer))
    assert job.state == Job.State.FAILED
    assert "add them first" in job.error
    assert not PurchaseOrder.objects.exists()
    assert JobLine.objects.filter(kind="bulkact", job_id=job.pk, what="failed").exists()
