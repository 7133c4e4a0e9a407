from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Job, JobLostError
from catalog.models.jobs import MAX_ATTEMPTS
from catalog.services.heartbeat import Heartbeat
from forecasting.models import ForecastRun
from tests.forecasting.shop import AS_OF


def make_run(**values: Any) -> ForecastRun:
    return ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), **values)


def make_taken() -> tuple[ForecastRun, uuid.UUID]:
    run = make_run()
    claim = ForecastRun.take(run.pk)
    assert claim is not None
    run.refresh_from_db()
    return run, claim


def silence(run: ForecastRun, seconds: float = 3600) -> None:
    ForecastRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.django_db
def test_it_is_taken_once() -> None:
    run, claim = make_taken()
    assert (run.state, run.claim, run.attempts) == (Job.State.RUNNING, claim, 1)
    assert run.started_at is not None
    assert ForecastRun.take(run.pk) is None


@pytest.mark.django_db
def test_it_is_not_taken_before_its_worker_has_been_silent_for_long(settings: Settings) -> None:
    settings.FORESTOCK_STALE_AFTER_SECONDS = 60
    run, first = make_taken()
    silence(run, 50)
    assert ForecastRun.take(run.pk) is None
    silence(run, 70)
    second = ForecastRun.take(run.pk)
    assert second not in (None, first)
    run.refresh_from_db()
    assert (run.attempts, run.progress, run.step) == (2, 0.0, "")


@pytest.mark.django_db
@pytest.mark.parametrize("state", [Job.State.DONE, Job.State.FAILED])
def test_it_is_never_taken_again_once_it_has_ended(state: Job.State) -> None:
    run = make_run(state=state, heartbeat_at=timezone.now() - timedelta(days=1))
    assert ForecastRun.take(run.pk) is None
    assert run.pk not in ForecastRun.stale_ids()


@pytest.mark.django_db
def test_it_fails_when_it_has_lost_too_many_workers() -> None:
    run = make_run()
    for _ in range(MAX_ATTEMPTS):
        assert ForecastRun.take(run.pk) is not None
        silence(run)
    assert ForecastRun.take(run.pk) is None
    run.refresh_from_db()
    assert run.state == Job.State.FAILED
    assert f"{MAX_ATTEMPTS} times" in run.error


@pytest.mark.django_db
def test_it_lists_what_waits_and_what_is_silent_as_stale(settings: Settings) -> None:
    settings.FORESTOCK_STALE_AFTER_SECONDS = 60
    long_ago = timezone.now() - timedelta(seconds=90)
    waiting = make_run(created_at=long_ago)
    silent = make_run(state=Job.State.RUNNING, heartbeat_at=long_ago)
    make_run()
    make_run(state=Job.State.RUNNING, heartbeat_at=timezone.now(), created_at=long_ago)
    assert sorted(ForecastRun.stale_ids()) == [waiting.pk, silent.pk]


@pytest.mark.django_db
def test_it_tells_a_worker_that_lost_it() -> None:
    run, first = make_taken()
    silence(run)
    second = ForecastRun.take(run.pk)
    with pytest.raises(JobLostError):
        ForecastRun.beat(run.pk, first, progress=0.9)
    with pytest.raises(JobLostError):
        ForecastRun.finish(run.pk, first, series=1)
    ForecastRun.fail(run.pk, first, "too late")
    run.refresh_from_db()
    assert (run.state, run.claim, run.progress, run.series, run.error) == (
        Job.State.RUNNING,
        second,
        0.0,
        0,
        "",
    )


@pytest.mark.django_db
def test_it_keeps_results_when_done_and_the_reason_when_failed() -> None:
    run, claim = make_taken()
    ForecastRun.beat(run.pk, claim, step="x" * 200, progress=7)
    run.refresh_from_db()
    assert (len(run.step), run.progress) == (80, 1.0)
    ForecastRun.finish(run.pk, claim, series=12)
    run.refresh_from_db()
    assert (run.state, run.series, run.progress, run.is_finished) == (Job.State.DONE, 12, 1.0, True)
    other, claim = make_taken()
    ForecastRun.fail(other.pk, claim, "why")
    other.refresh_from_db()
    assert (other.state, other.error, other.is_finished) == (Job.State.FAILED, "why", True)
    with pytest.raises(JobLostError):
        ForecastRun.finish(other.pk, claim)


@pytest.mark.django_db(transaction=True)
def test_it_is_taken_by_one_of_many_workers_at_once() -> None:
    run = make_run()
    claims: list[uuid.UUID | None] = []
    together = threading.Barrier(6)

    def work() -> None:
        together.wait()
        try:
            claims.append(ForecastRun.take(run.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 6
    assert sum(claim is not None for claim in claims) == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_kept_alive_and_shows_progress_while_the_work_is_busy(settings: Settings) -> None:
    settings.FORESTOCK_STALE_AFTER_SECONDS = 0.4
    run, claim = make_taken()
    with Heartbeat(ForecastRun, run.pk, claim) as heartbeat:
        heartbeat.report("fit", 0.5)
        deadline = time.monotonic() + 1.2
        while time.monotonic() < deadline:
            assert ForecastRun.take(run.pk) is None
            time.sleep(0.05)
    run.refresh_from_db()
    assert (run.step, run.progress, run.attempts) == ("fit", 0.5, 1)
    time.sleep(0.5)
    assert ForecastRun.take(run.pk) is not None


@pytest.mark.django_db(transaction=True)
def test_it_stops_the_work_soon_after_it_is_lost(settings: Settings) -> None:
    settings.FORESTOCK_STALE_AFTER_SECONDS = 0.4
    run, claim = make_taken()

    def work() -> None:
        with Heartbeat(ForecastRun, run.pk, claim) as heartbeat:
            ForecastRun.objects.update(claim=uuid.uuid4())
            for _ in range(100):
                heartbeat.report("fit", 0.5)
                time.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(JobLostError):
        work()
    assert time.monotonic() - started < 2


@pytest.mark.django_db
def test_it_reports_from_the_work_itself_inside_a_transaction(settings: Settings) -> None:
    settings.FORESTOCK_STALE_AFTER_SECONDS = 0.04
    run, claim = make_taken()
    with Heartbeat(ForecastRun, run.pk, claim) as heartbeat:
        time.sleep(0.02)
        heartbeat.report("fit", 0.25)
        ForecastRun.objects.update(claim=uuid.uuid4())
        time.sleep(0.02)
        with pytest.raises(JobLostError):
            heartbeat.report("fit", 0.5)
    run.refresh_from_db()
    assert (run.step, run.progress) == ("fit", 0.25)
