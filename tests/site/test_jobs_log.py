"""The log of jobs, retrying them, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from catalog import services as catalog
from catalog.models import ImportBatch, Job, JobLine, Supplier
from catalog.models.jobs import MAX_ATTEMPTS
from catalog.services.heartbeat import Heartbeat
from forecasting.models import ForecastRun, SignalRun
from forecasting.words import STEPS
from inventory_site import tasks
from inventory_site.job_log import job_lines, job_panel, job_waits
from inventory_site.jobs import KINDS
from inventory_site.templatetags.jobs import duration
from replenishment.models import PlanRun
from tests.cast import make_user
from tests.forecasting.shop import AS_OF
from tests.replenishment.replay_world import make_replay
from tests.replenishment.world import make_plan

pytestmark = pytest.mark.django_db
JOBS = reverse("jobs")
JOBS_QUERIES = 9


def make_run(**values: Any) -> ForecastRun:
    return ForecastRun.objects.create(**{"as_of": AS_OF, "known_at": timezone.now()} | values)


def at_work(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def log(job: Job) -> list[tuple[str, str]]:
    lines = JobLine.objects.filter(kind=type(job)._meta.model_name, job_id=job.pk)
    return list(lines.values_list("what", "level"))


def silence(run: ForecastRun) -> None:
    ForecastRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was sent to workers: name of the model and key."""
    found: list[tuple[str, int]] = []

    def keep(name: str) -> Callable[[int], None]:
        return lambda pk: found.append((name, pk))

    monkeypatch.setattr(
        "inventory_site.jobs.dispatchers",
        lambda: {kind.model: keep(kind.model.__name__) for kind in KINDS.values()},
    )
    return found


def test_the_log_tells_of_steps_and_how_long_they_took() -> None:
    run = make_run()
    claim = ForecastRun.take(run.pk)
    assert claim is not None
    with Heartbeat(ForecastRun, run.pk, claim) as heartbeat:
        for step in ("read", "read", "backtest"):
            heartbeat.report(step, 0.1)
    ForecastRun.finish(run.pk, claim)
    assert log(run) == [("taken", "info"), ("step", "info"), ("step", "info"), ("done", "info")]
    begin = timezone.now() - timedelta(minutes=10)
    for place, line in enumerate(JobLine.objects.order_by("pk")):
        JobLine.objects.filter(pk=line.pk).update(at=begin + timedelta(seconds=10 * place**2))
    run.refresh_from_db()
    lines = job_lines("forecast", run)
    assert [line.seconds for line in lines] == [None, 30.0, 50.0, None]
    assert [line.text for line in lines] == [
        "A worker began (attempt 1)",
        str(STEPS["read"]),
        str(STEPS["backtest"]),
        "Done",
    ]


def test_a_lost_worker_is_in_the_log_and_who_took_the_job_up() -> None:
    run = make_run()
    for _ in range(MAX_ATTEMPTS):
        assert ForecastRun.take(run.pk) is not None
        silence(run)
    assert ForecastRun.take(run.pk) is None
    expected = [("taken", "info")]
    for _ in range(MAX_ATTEMPTS - 1):
        expected += [("lost", "warning"), ("taken", "info")]
    assert log(run) == [*expected, ("lost", "warning"), ("failed", "error")]
    run.refresh_from_db()
    texts = [line.text for line in job_lines("forecast", run)]
    assert "The worker of attempt 1 was lost" in texts[1]
    assert texts[2] == "A worker began (attempt 2)"


def test_what_is_lost_writes_nothing_more_into_the_log() -> None:
    run = make_run()
    claim = ForecastRun.take(run.pk)
    assert claim is not None
    silence(run)
    ForecastRun.take(run.pk)
    before = log(run)
    ForecastRun.fail(run.pk, claim, "too late")
    assert log(run) == before


def test_a_step_that_begins_after_the_stop_is_not_told() -> None:
    run = make_run()
    claim = ForecastRun.take(run.pk)
    assert claim is not None
    with Heartbeat(ForecastRun, run.pk, claim) as heartbeat:
        ForecastRun.stop(run.pk, "Stopped by buyer.")
        heartbeat.report("store", 0.9)
    assert log(run) == [("taken", "info"), ("stopped", "warning")]


def test_an_import_tells_its_steps_its_rejected_rows_and_its_error(buyer: User) -> None:
    rows = b"code,name,currency\nS1,One,USD\nS2,Two,dollars\n"
    batch = catalog.import_create(
        kind="supplier", file=SimpleUploadedFile("s.csv", rows), acting_user=buyer, mode="good-rows"
    )
    catalog.import_run(batch_id=batch.pk)
    whats = [what for what, _level in log(batch)]
    assert (whats[0], whats[-2:]) == ("taken", ["done", "rejected"])
    assert whats.count("step") >= 2
    strict = catalog.import_create(kind="supplier", file=SimpleUploadedFile("s.csv", rows), acting_user=buyer)
    strict = catalog.import_run(batch_id=strict.pk)
    assert log(strict)[-1] == ("failed", "error")
    assert job_lines("import", strict)[-1].text == strict.error


def test_a_failed_import_is_retried_as_it_was_asked_for(buyer: User, sent: list[Any]) -> None:
    rows = b"code,name,currency\nS1,One,dollars\n"
    batch = catalog.import_create(kind="supplier", file=SimpleUploadedFile("s.csv", rows), acting_user=buyer)
    catalog.import_run(batch_id=batch.pk)
    client = at_work(buyer)
    with_button = client.get(reverse("catalog:import-detail", args=[batch.pk])).content.decode()
    assert reverse("job-retry", args=["import", batch.pk]) in with_button
    client.post(reverse("job-retry", args=["import", batch.pk]))
    batch.refresh_from_db()
    assert (batch.state, batch.errors, batch.rows_read, batch.attempts) == ("queued", [], 0, 0)
    catalog.import_run(batch_id=batch.pk)
    batch.refresh_from_db()
    assert (batch.state, len(batch.errors)) == ("failed", 1)
    assert not Supplier.objects.exists()


def test_what_an_api_call_sent_is_not_retried(buyer: User, sent: list[Any]) -> None:
    batch = catalog.import_rows(kind="supplier", rows=[{"code": "S1", "name": "One"}], acting_user=buyer)
    assert batch.state == Job.State.FAILED
    page = at_work(buyer).post(reverse("job-retry", args=["import", batch.pk]), follow=True).content.decode()
    assert "nothing to retry" in page
    batch.refresh_from_db()
    assert batch.state == Job.State.FAILED


@pytest.mark.parametrize("state", [Job.State.FAILED, Job.State.STOPPED])
def test_a_double_click_retries_once(
    buyer: User, sent: list[Any], state: str, django_capture_on_commit_callbacks: Any
) -> None:
    run = make_run(state=state, error="no luck", attempts=3, finished_at=timezone.now())
    client, url = at_work(buyer), reverse("job-retry", args=["forecast", run.pk])
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            answer = client.post(url)
            assert answer["Location"] == reverse("forecasting:run-detail", args=[run.pk])
    run.refresh_from_db()
    assert (run.state, run.error, run.attempts, run.finished_at) == ("queued", "", 0, None)
    assert sent == [("ForecastRun", run.pk)]
    assert log(run) == [("retried", "info")]
    assert ForecastRun.take(run.pk) is not None


@pytest.mark.parametrize("state", [Job.State.QUEUED, Job.State.RUNNING, Job.State.DONE])
def test_only_what_failed_or_was_stopped_is_retried(buyer: User, sent: list[Any], state: str) -> None:
    run = make_run(state=state)
    at_work(buyer).post(reverse("job-retry", args=["forecast", run.pk]))
    run.refresh_from_db()
    assert (run.state, sent) == (state, [])


@pytest.mark.parametrize("kind", KINDS)
def test_only_who_may_start_a_job_retries_it(
    kind: str, viewer: User, approver: User, partner_of_supplier: User
) -> None:
    url = reverse("job-retry", args=[kind, 1])
    for user in (viewer, approver, partner_of_supplier):
        assert at_work(user).post(url).status_code == 403
    assert Client().post(url).status_code == 302
    assert at_work(viewer).get(url).status_code == 405


def test_a_jobs_page_is_for_those_who_may_see_its_kind(viewer: User, partner_of_supplier: User) -> None:
    run = SignalRun.objects.create(as_of=AS_OF, known_at=timezone.now(), state="failed", error="no <luck>")
    url = reverse("job", args=["signals", run.pk])
    page = at_work(viewer).get(url).content.decode()
    assert "no &lt;luck&gt;" in page
    assert "job-retry" not in page
    for user in (partner_of_supplier, make_user("nobody")):
        assert at_work(user).get(url).status_code == 403
    assert Client().get(url).status_code == 302
    for missing in (["signals", 9_999], ["signals", 2**63], ["nothing", 1]):
        assert at_work(viewer).get(reverse("job", args=missing)).status_code == 404


def test_the_panel_estimates_what_remains(buyer: User) -> None:
    now = timezone.now()
    young = make_run(state="running", started_at=now - timedelta(seconds=10), progress=0.05)
    assert job_panel(young, buyer).remaining is None
    for seconds in (60, 100, 70):
        make_run(state="done", started_at=now - timedelta(seconds=seconds), finished_at=now)
    at_first = job_panel(young, buyer).remaining
    assert at_first is not None
    assert 55 < at_first < 61
    young.progress = 0.25
    later = job_panel(young, buyer).remaining
    assert later is not None
    assert 29 < later < 33
    page = at_work(buyer).get(reverse("job", args=["forecast", young.pk])).content.decode()
    assert " left</span>" in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.44, "0.4 s"),
        (12.4, "12 s"),
        (59.9, "1 min 0 s"),
        (185, "3 min 5 s"),
        (4_800, "1 h 20 min"),
    ],
)
def test_a_time_span_reads(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


# -- the list ---------------------------------------------------------------------------------------------
def test_all_kinds_of_jobs_are_in_one_list(buyer: User, viewer: User) -> None:
    now = timezone.now()
    run = make_run(state="failed", error="no luck", created_at=now - timedelta(hours=4))
    plan = make_plan(forecast_run=run, created_at=now - timedelta(hours=3))
    replay = make_replay(state="running", created_at=now - timedelta(hours=2), started_at=now)
    batch = ImportBatch.objects.create(kind="sales", file_name="sales.csv", created_by=buyer)
    ImportBatch.objects.create(kind="sales", options={"api": True}, state="done")
    ImportBatch.objects.create(kind="sales", options={"draft": True})
    make_run(state="done", created_at=now - timedelta(days=40))
    old = make_run(state="running", created_at=now - timedelta(days=50), progress=0.5)

    def listed(user: User = buyer, **query: str) -> list[tuple[str, int]]:
        return [(row.kind, row.pk) for row in at_work(user).get(JOBS, query).context["rows"]]

    everything = [
        ("import", batch.pk),
        ("replay", replay.pk),
        ("plan", plan.pk),
        ("forecast", run.pk),
        ("forecast", old.pk),
    ]
    assert listed() == everything == listed(viewer) == listed(state="nonsense", kind="nonsense")
    assert listed(kind="plan") == [("plan", plan.pk)]
    assert listed(state="unfinished") == [everything[0], everything[1], everything[4]]
    assert listed(state="failed") == [("forecast", run.pk)]
    assert listed(state="done") == [("plan", plan.pk)]
    page = at_work(buyer).get(JOBS).content.decode()
    for words in ("sales.csv", "no luck", reverse("job-retry", args=["forecast", run.pk])):
        assert words in page
    assert "job-retry" not in at_work(viewer).get(JOBS).content.decode()
    part = at_work(buyer).get(JOBS, headers={"HX-Request": "true", "HX-Target": "jobs-table"})
    assert "<html" not in part.content.decode()


def test_the_list_has_the_kinds_that_one_may_see(partner_of_supplier: User, buyer: User) -> None:
    make_run()
    make_plan()
    somebody = make_user("somebody")
    for user in (partner_of_supplier, somebody):
        assert at_work(user).get(JOBS).status_code == 403
    somebody.user_permissions.set(buyer.groups.get().permissions.filter(codename__in=["view_planrun"]))
    assert {row.kind for row in at_work(somebody).get(JOBS).context["rows"]} == {"plan"}
    assert Client().get(JOBS).status_code == 302


def test_from_the_list_one_comes_back_to_it(buyer: User, sent: list[Any]) -> None:
    run, running = make_run(state="failed"), make_run(state="running")
    retry, stop = (
        reverse("job-retry", args=["forecast", run.pk]),
        reverse("job-stop", args=["forecast", running.pk]),
    )
    assert at_work(buyer).post(retry, {"list": "1"})["Location"] == JOBS
    assert at_work(buyer).post(stop, {"list": "1"})["Location"] == JOBS


@pytest.mark.parametrize("rows", [1, 40])
def test_the_list_takes_as_many_queries_for_many_jobs(
    buyer: User, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        run = make_run(created_by=buyer, state="done")
        PlanRun.objects.create(forecast_run=run, as_of=AS_OF, created_by=buyer, state="failed")
        ImportBatch.objects.create(kind="sales", file_name=f"{number}.csv", created_by=buyer)
    client = at_work(buyer)
    client.get(JOBS)
    with django_assert_num_queries(JOBS_QUERIES):
        assert len(client.get(JOBS).context["rows"]) == min(rows * 3, 50)


def test_old_lines_are_let_go(settings: Settings) -> None:
    settings.FORESTOCK_JOB_LOG_DAYS = 5
    run = make_run()
    ForecastRun.note(run.pk, "taken", at=timezone.now() - timedelta(days=6), attempt=1)
    ForecastRun.note(run.pk, "done")
    tasks.job_lines_prune_task()
    assert log(run) == [("done", "info")]


def test_a_job_that_nobody_takes_says_so(buyer: User) -> None:
    now = timezone.now()
    run = make_run(state="queued", created_at=now)
    address = reverse("job", args=["forecast", run.pk])

    def told() -> str:
        return at_work(buyer).get(address).content.decode()

    assert job_waits(run) == ""
    assert "worker has taken" not in told()
    ForecastRun.objects.filter(pk=run.pk).update(created_at=now - timedelta(minutes=1))
    run.refresh_from_db()
    assert job_waits(run) == "silent"
    assert "No worker has taken it yet" in told()
    other = make_run(state="running", heartbeat_at=now)
    assert job_waits(run) == "busy"
    assert "busy with other jobs" in told()
    ForecastRun.objects.filter(pk=other.pk).update(heartbeat_at=now - timedelta(days=1))
    assert job_waits(run) == "silent"
    # Queued once more just now: a worker has not had the time to answer.
    ForecastRun.note(run.pk, "retried", who="buyer")
    assert job_waits(run) == ""
