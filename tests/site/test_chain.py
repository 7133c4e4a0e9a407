from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import TestCase
from django.utils import timezone
from pytest_django import Settings

from catalog.models import ImportBatch, Job, JobLine
from catalog.services import import_create, import_run
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastRun, SignalRun
from inventory_site.celery import app
from inventory_site.chains import ChainStoppedError
from inventory_site.jobs import job_retry
from inventory_site.tasks import chain_run, jobs_take_up
from replenishment.models import PlanRun
from tests.forecasting.shop import AS_OF, make_sales


@pytest.fixture(autouse=True)
def _tasks_run_at_once(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    settings.FORESTOCK_TODAY = "last-data-date"
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "location.csv").write_text("code,name,kind,currency\nW1,Main,warehouse,EUR\n")
    (folder / "product.csv").write_text("sku,name\nMUG,Mug\nCUP,Cup\n")
    write_sales(folder, units=3)
    (folder / "notes.txt").write_text("not for us")
    (folder / "pictures.csv").write_text("not,for,us")
    return folder


def write_sales(folder: Path, *, units: int) -> None:
    rows = [
        f"{sku},W1,{AS_OF - timedelta(days=back)},{units + back % 3}"
        for sku in ("MUG", "CUP")
        for back in range(140)
    ]
    (folder / "sales-june.csv").write_text("\n".join(["sku,location,day,quantity", *rows]) + "\n")


@pytest.mark.django_db
def test_it_imports_forecasts_and_plans(inbox: Path) -> None:
    chain_run(folder=str(inbox))
    batches = ImportBatch.objects.order_by("pk")
    assert [batch.file_name for batch in batches] == ["product.csv", "location.csv", "sales-june.csv"]
    assert {batch.state for batch in batches} == {Job.State.DONE}, [batch.errors for batch in batches]
    run, plan = ForecastRun.objects.get(), PlanRun.objects.get()
    assert (run.state, run.as_of, run.series) == (Job.State.DONE, AS_OF, 2)
    assert (plan.state, plan.forecast_run) == (Job.State.DONE, run)


@pytest.mark.django_db
def test_it_plans_anew_from_the_results_that_stand_when_nothing_has_changed(inbox: Path) -> None:
    chain_run(folder=str(inbox))
    chain_run(folder=str(inbox), kind="full")
    second, first = ForecastRun.objects.all()
    assert (second.state, second.same_as) == (Job.State.DONE, first)
    assert [plan.forecast_run for plan in PlanRun.objects.all()] == [first, first]
    assert {plan.state for plan in PlanRun.objects.all()} == {Job.State.DONE}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["full", None])
def test_it_asks_for_the_kind_of_forecast_that_the_schedule_names(
    kind: str | None, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecasting import services

    asked: list[str | None] = []
    create = services.run_create

    def listen(**values: Any) -> ForecastRun:
        asked.append(values["kind"])
        return create(**values)

    monkeypatch.setattr(services, "run_create", listen)
    chain_run(folder=str(inbox), kind=kind)
    assert asked == [kind]


@pytest.mark.django_db
def test_it_imports_a_file_again_only_when_it_has_changed(inbox: Path) -> None:
    chain_run(folder=str(inbox))
    write_sales(inbox, units=5)
    chain_run(folder=str(inbox))
    names = list(ImportBatch.objects.order_by("pk").values_list("file_name", flat=True))
    assert names[3:] == ["sales-june.csv"]
    assert (ForecastRun.objects.count(), PlanRun.objects.count()) == (2, 2)


@pytest.mark.django_db
def test_it_stops_at_a_step_that_fails(inbox: Path) -> None:
    (inbox / "product.csv").write_text("sku,name\nMUG,Mug\nMUG,Mug\n,\n")
    with pytest.raises(ChainStoppedError, match="ImportBatch"):
        chain_run(folder=str(inbox))
    assert not ForecastRun.objects.exists()
    assert not ImportBatch.objects.filter(kind="sales").exists()


@pytest.mark.django_db
def test_it_does_not_plan_on_a_forecast_that_failed() -> None:
    failed = ForecastRun.objects.create(
        as_of=AS_OF, known_at=timezone.now(), state=Job.State.FAILED, error="no"
    )
    with pytest.raises(ChainStoppedError, match="no"):
        chain_run(forecast=failed.pk)
    assert not PlanRun.objects.exists()


@pytest.mark.django_db
def test_it_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ChainStoppedError, match="elsewhere"):
        chain_run(folder=str(tmp_path / "elsewhere"))


@pytest.mark.django_db
def test_it_takes_up_lost_jobs_of_every_kind_and_leaves_live_ones() -> None:
    make_sales(products=2, weeks=20)
    spec = ForecastSpec(models=("moving_average",), horizon=4).to_dict()
    long_ago = timezone.now() - timedelta(hours=1)
    known = {"as_of": AS_OF, "known_at": timezone.now(), "spec": spec}
    lost = ForecastRun.objects.create(**known, state=Job.State.RUNNING, heartbeat_at=long_ago)
    alive = ForecastRun.objects.create(**known, state=Job.State.RUNNING, heartbeat_at=timezone.now())
    batch = ImportBatch.objects.create(kind="product", created_at=long_ago)
    plan = PlanRun.objects.create(forecast_run=lost, as_of=AS_OF, created_at=long_ago)
    jobs_take_up()
    for job in (lost, alive, batch, plan):
        job.refresh_from_db()
    assert lost.state == Job.State.DONE
    assert (alive.state, alive.attempts) == (Job.State.RUNNING, 0)
    assert batch.state == Job.State.FAILED  # its file is gone
    assert plan.is_finished


@pytest.mark.django_db
def test_it_forecasts_without_the_signals_that_could_not_be_read(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecasting.services import signals

    def broken(run: SignalRun, say: signals.Say) -> dict[str, Any]:
        raise ValueError("no head")

    monkeypatch.setattr(signals, "STEPS", (("reviews", broken),))
    chain_run(folder=str(inbox))
    assert SignalRun.objects.get().state == Job.State.FAILED
    assert PlanRun.objects.get().state == Job.State.DONE


def retry(kind: str, pk: int, user: User) -> bool:
    """As its button does, with what that sends to workers."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return job_retry(kind=kind, pk=pk, acting_user=user)


@pytest.mark.django_db
def test_a_retried_import_goes_on_with_its_chain(inbox: Path, buyer: User) -> None:
    text = (inbox / "product.csv").read_text()
    (inbox / "product.csv").write_text("sku,name\nMUG,Mug\nMUG,Mug\n,\n")
    with pytest.raises(ChainStoppedError):
        chain_run(folder=str(inbox))
    failed = ImportBatch.objects.get()
    (inbox / "product.csv").write_text(text)
    # Somebody has brought the next one in by hand.
    import_run(
        batch_id=import_create(
            kind="location", file=inbox / "location.csv", file_name="location.csv", acting_user=buyer
        ).pk
    )
    assert retry("import", failed.pk, buyer)
    names = list(ImportBatch.objects.order_by("pk").values_list("file_name", "state"))
    assert names == [("product.csv", "done"), ("location.csv", "done"), ("sales-june.csv", "done")]
    assert ForecastRun.objects.get().state == Job.State.DONE
    assert PlanRun.objects.get().state == Job.State.DONE
    assert not retry("import", failed.pk, buyer)


@pytest.mark.django_db
def test_a_retried_forecast_is_planned_on_each_time_it_works_out(
    inbox: Path, buyer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecasting.services import execute

    def broken(*args: Any, **values: Any) -> Any:
        raise ValueError("no memory")

    with monkeypatch.context() as first:
        first.setattr(execute, "panel_read", broken)
        with pytest.raises(ChainStoppedError, match="no memory"):
            chain_run(folder=str(inbox))
        run = ForecastRun.objects.get()
        assert run.state == Job.State.FAILED
        # It fails once more, and so does the chain that went on with it.
        assert retry("forecast", run.pk, buyer)
    assert not PlanRun.objects.exists()
    assert retry("forecast", run.pk, buyer)
    assert ForecastRun.objects.get().state == Job.State.DONE
    assert PlanRun.objects.get().state == Job.State.DONE
    log = JobLine.objects.filter(kind="forecastrun", what="chain-ended")
    assert log.count() == 2


@pytest.mark.django_db
def test_a_job_that_is_retried_before_its_chain_has_looked_is_planned_on_once(buyer: User) -> None:
    make_sales(products=2, weeks=20)
    spec = ForecastSpec(models=("moving_average",), horizon=4).to_dict()
    run = ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), spec=spec, state=Job.State.FAILED)
    # The chain lives: it has told nothing yet, and finds the job queued or done.
    assert retry("forecast", run.pk, buyer)
    assert not PlanRun.objects.exists()
    chain_run(signals=1, forecast=run.pk)
    assert PlanRun.objects.count() == 1


@pytest.mark.django_db
def test_a_job_outside_a_chain_is_retried_alone(buyer: User) -> None:
    make_sales(products=2, weeks=20)
    spec = ForecastSpec(models=("moving_average",), horizon=4).to_dict()
    run = ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), spec=spec, state=Job.State.STOPPED)
    assert retry("forecast", run.pk, buyer)
    run.refresh_from_db()
    assert run.state == Job.State.DONE
    assert not PlanRun.objects.exists()
