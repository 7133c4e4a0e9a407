from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Job, JobLostError
from forecasting import services
from forecasting.models import SignalRun, TrendReading
from forecasting.services import signals
from forecasting.services.look_alikes import look_alikes_find
from forecasting.services.trends import trends_read
from forecasting.services.voices import voices_sum_up
from tests.forecasting.shop import make_sales

LIST = reverse("forecasting:signal-run-list")


def steps(monkeypatch: pytest.MonkeyPatch, **found: Any) -> list[str]:
    """Steps in place of the real ones, that return or raise; the list tells which were done."""
    done: list[str] = []

    def make(name: str) -> signals.Step:
        def step(run: SignalRun, say: signals.Say) -> dict[str, Any]:
            done.append(name)
            say(0.5)
            if isinstance(found[name], BaseException):
                raise found[name]
            return dict(found[name])

        return step

    monkeypatch.setattr(signals, "STEPS", tuple((name, make(name)) for name in found))
    return done


def make_run() -> SignalRun:
    return services.signal_run_create(acting_user=None)


@pytest.mark.django_db
def test_it_does_the_steps_in_order_and_keeps_what_they_found(monkeypatch: pytest.MonkeyPatch) -> None:
    done = steps(monkeypatch, reviews={"new": 3}, trends={"products": 7})
    run = services.signal_run_execute(run_id=make_run().pk)
    assert (run.state, done) == (Job.State.DONE, ["reviews", "trends"])
    assert run.report["reviews"]["new"] == 3
    assert run.report["trends"]["products"] == 7
    services.signal_run_execute(run_id=run.pk)
    assert done == ["reviews", "trends"], "a run that was delivered twice is done once"


@pytest.mark.django_db
def test_it_does_the_other_steps_when_one_fails_and_tells_which(monkeypatch: pytest.MonkeyPatch) -> None:
    done = steps(monkeypatch, reviews=ValueError("no head"), trends={"products": 7})
    run = services.signal_run_execute(run_id=make_run().pk)
    assert (run.state, done) == (Job.State.FAILED, ["reviews", "trends"])
    assert run.error == "reviews: ValueError: no head"
    assert run.report["trends"]["products"] == 7


@pytest.mark.django_db
@pytest.mark.parametrize("step", [look_alikes_find, lambda run, say: voices_sum_up(run), trends_read])
def test_a_step_of_a_reading_that_was_stopped_writes_nothing(step: Any) -> None:
    make_sales(products=1, weeks=30)
    run = make_run()
    SignalRun.take(run.pk)
    run.refresh_from_db()
    step(run, lambda share: None)
    TrendReading.objects.all().delete()
    SignalRun.stop(run.pk, "by hand")
    with pytest.raises(JobLostError):
        step(run, lambda share: None)
    assert not TrendReading.objects.exists()


@pytest.mark.django_db
def test_it_leaves_a_run_that_another_worker_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    done = steps(monkeypatch, reviews=JobLostError("gone"), trends={})
    run = services.signal_run_execute(run_id=make_run().pk)
    assert (run.state, done) == (Job.State.RUNNING, ["reviews"])
    SignalRun.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert SignalRun.stale_ids() == [run.pk]


@pytest.mark.django_db
def test_it_is_done_again_when_its_worker_fell_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    assert SignalRun.take(run.pk) is not None
    SignalRun.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    done = steps(monkeypatch, reviews={"new": 1})
    again = services.signal_run_execute(run_id=run.pk)
    assert (again.state, again.attempts, done) == (Job.State.DONE, 2, ["reviews"])


@pytest.mark.django_db
def test_people_see_the_readings_and_admins_start_one(
    client: Client, viewer: User, admin_user: User, partner_of_supplier: User
) -> None:
    start = reverse("forecasting:signal-run-start")
    client.force_login(partner_of_supplier)
    assert client.get(LIST).status_code == 403
    client.force_login(viewer)
    assert client.get(LIST).status_code == 200
    assert client.post(start).status_code == 403
    client.force_login(admin_user)
    assert client.get(start).status_code == 405
    assert client.post(start).status_code == 302
    assert SignalRun.objects.get().created_by == admin_user
    page = client.get(LIST)
    assert b'hx-trigger="every 2s"' in page.content


@pytest.mark.django_db
def test_the_list_costs_the_same_queries_at_any_length(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    counts = []
    for _ in range(2):
        make_run()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(LIST)
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_the_command_tells_what_each_step_found(monkeypatch: pytest.MonkeyPatch) -> None:
    steps(monkeypatch, reviews={"new": 1_200, "left_out": 3}, trends={"products": 7})
    out = StringIO()
    call_command("signal_run", verbosity=0, stdout=out)
    assert "1,200 new, 3 left out" in out.getvalue()
    steps(monkeypatch, reviews=ValueError("no head"))
    with pytest.raises(CommandError, match="no head"):
        call_command("signal_run", verbosity=0, stdout=out)
