"""What all kinds of background work share: stopping one, and hearing of its end elsewhere."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import ImportBatch, Job, JobLostError
from forecasting.models import ForecastRun
from inventory_site.jobs import KINDS
from replenishment.models import PlanRun
from tests.forecasting.shop import AS_OF
from tests.replenishment.world import make_plan

pytestmark = pytest.mark.django_db
ENDED = reverse("jobs-ended")


def at_work(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_run(**values: object) -> ForecastRun:
    return ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), **values)


def test_every_kind_of_job_has_an_address() -> None:
    jobs = {model for model in apps.get_models() if issubclass(model, Job)}
    assert {kind.model for kind in KINDS.values()} == jobs


def test_a_stopped_job_is_lost_to_its_worker_and_never_taken_again(buyer: User) -> None:
    run = make_run()
    claim = ForecastRun.take(run.pk)
    assert claim is not None
    answer = at_work(buyer).post(reverse("job-stop", args=["forecast", run.pk]))
    assert answer["Location"] == reverse("forecasting:run-detail", args=[run.pk])
    run.refresh_from_db()
    assert (run.state, run.error, run.is_finished) == (Job.State.STOPPED, "Stopped by buyer.", True)
    with pytest.raises(JobLostError):
        ForecastRun.beat(run.pk, claim)
    with pytest.raises(JobLostError):
        ForecastRun.finish(run.pk, claim)
    ForecastRun.fail(run.pk, claim, "too late")
    run.refresh_from_db()
    assert run.state == Job.State.STOPPED
    assert ForecastRun.take(run.pk) is None
    assert ForecastRun.stale_ids() == []


def test_what_has_ended_stays_as_it_ended(buyer: User) -> None:
    plan = make_plan()
    at_work(buyer).post(reverse("job-stop", args=["plan", plan.pk]))
    plan.refresh_from_db()
    assert plan.state == Job.State.DONE


@pytest.mark.parametrize("kind", KINDS)
def test_only_who_may_start_a_job_stops_it(
    kind: str, viewer: User, approver: User, partner_of_supplier: User
) -> None:
    for user in (viewer, approver, partner_of_supplier):
        assert at_work(user).post(reverse("job-stop", args=[kind, 1])).status_code == 403
    assert Client().post(reverse("job-stop", args=[kind, 1])).status_code == 302


def test_what_is_no_job_is_not_found(buyer: User) -> None:
    client = at_work(buyer)
    assert client.post(reverse("job-stop", args=["forecast", 999])).status_code == 404
    assert client.post(reverse("job-stop", args=["nothing", 1])).status_code == 404
    assert client.get(reverse("job-stop", args=["forecast", 1])).status_code == 405


def test_the_end_of_a_job_is_told_to_who_follows_it(viewer: User, partner_of_supplier: User) -> None:
    done, running = make_plan(), make_run(state=Job.State.RUNNING)
    failed = ImportBatch.objects.create(kind="sales", state=Job.State.FAILED)
    names = [
        f"plan:{done.pk}",
        f"forecast:{running.pk}",
        f"import:{failed.pk}",
        "plan:x",
        "nothing:1",
        "plan",
    ]
    text = at_work(viewer).get(ENDED, {"job": names}).content.decode()
    assert f'data-job-ended="plan:{done.pk}"' in text
    assert f'data-job-ended="import:{failed.pk}"' in text
    assert f"forecast:{running.pk}" not in text
    assert reverse("replenishment:plan-detail", args=[done.pk]) in text
    assert "data-job-ended" not in at_work(partner_of_supplier).get(ENDED, {"job": names}).content.decode()
    assert Client().get(ENDED).status_code == 302


def test_a_running_job_offers_to_be_stopped(buyer: User, viewer: User) -> None:
    run = make_run(state=Job.State.RUNNING)
    address, stop = (
        reverse("forecasting:run-detail", args=[run.pk]),
        reverse("job-stop", args=["forecast", run.pk]),
    )
    page = at_work(buyer).get(address).content.decode()
    assert stop in page
    assert f'data-job="forecast:{run.pk}"' in page
    assert stop not in at_work(viewer).get(address).content.decode()
    ForecastRun.stop(run.pk, "Stopped by buyer.")
    assert "Stopped by buyer." in at_work(viewer).get(address).content.decode()


def test_a_stopped_plan_is_no_plan_to_act_on(buyer: User) -> None:
    plan = PlanRun.objects.create(forecast_run=make_run(), as_of=AS_OF)
    at_work(buyer).post(reverse("job-stop", args=["plan", plan.pk]))
    page = at_work(buyer).get(reverse("replenishment:plan-detail", args=[plan.pk])).content.decode()
    assert "Stopped by buyer." in page
