"""Acts in the background at the same time as others, and stopped in the middle: on a real PostgreSQL."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from catalog.models import Job
from replenishment import services
from replenishment.models import (
    BulkAct,
    PlanSum,
    PurchaseOrderLine,
    Suggestion,
    SuggestionChange,
)
from replenishment.services import bulk_jobs
from tests.cast import make_user
from tests.replenishment.test_orders_at_once import at_once
from tests.replenishment.world import make_world

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
SCALE = services.Act(SuggestionChange.Kind.SCALE, percent=50)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MOST_AT_ONCE", 1)


@pytest.fixture
def rows() -> list[Suggestion]:
    return list(make_world(4)[0])


@pytest.fixture
def somebody() -> User:
    return make_user("somebody", "Buyer")


def do(job: Any) -> Any:
    assert isinstance(job, BulkAct)
    return partial(services.bulk_act_execute, act_id=job.pk)


def test_two_workers_with_the_same_act_do_it_once(rows: list[Suggestion], somebody: User) -> None:
    job = services.act_ask(
        suggestions=services.chosen(row.pk for row in rows), act=SCALE, acting_user=somebody
    )
    at_once(do(job), do(job), do(job))
    assert BulkAct.objects.get().state == Job.State.DONE
    assert SuggestionChange.objects.get().lines_count == 4
    assert set(Suggestion.objects.values_list("edited_quantity", flat=True)) == {36}


def test_drafts_of_the_same_lines_at_once_order_each_once(rows: list[Suggestion], somebody: User) -> None:
    jobs = [
        services.drafts_ask(
            suggestions=services.chosen(row.pk for row in some), acting_user=somebody, submits=submits
        )
        for some, submits in ((rows[:3], False), (rows[1:], True), (rows, False))
    ]
    ended = at_once(*(do(job) for job in jobs))
    assert [job.state for job in ended] == [Job.State.DONE] * 3, [job.error for job in ended]
    assert sum(job.report["changed"] for job in ended) == 4
    lines = PurchaseOrderLine.objects.values_list("suggestion", flat=True)
    assert sorted(pk for pk in lines if pk) == [row.pk for row in rows]
    kept = PlanSum.objects.get()
    assert (kept.order, kept.drafted) == (0, 4)


def test_one_that_is_stopped_in_the_middle_is_taken_back(
    rows: list[Suggestion], somebody: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = services.act_ask(
        suggestions=services.chosen(row.pk for row in rows), act=SCALE, acting_user=somebody
    )
    assert isinstance(job, BulkAct)
    act = services.suggestions_act

    def stopped(**values: Any) -> services.Acted:
        acted = act(**values)
        assert at_once(lambda: BulkAct.stop(job.pk, "Stopped by somebody.")) == [True]
        return acted

    monkeypatch.setattr(bulk_jobs, "suggestions_act", stopped)
    assert services.bulk_act_execute(act_id=job.pk).state == Job.State.STOPPED
    assert not SuggestionChange.objects.exists()
    assert set(Suggestion.objects.values_list("edited_quantity", flat=True)) == {None}
    monkeypatch.setattr(bulk_jobs, "suggestions_act", act)
    assert BulkAct.retry(job.pk, "somebody")
    assert services.bulk_act_execute(act_id=job.pk).report["changed"] == 4
