from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Job, SalesRecord
from forecasting import selectors, services
from forecasting.core import pipeline
from forecasting.core.spec import ForecastSpec
from forecasting.models import ForecastAlarm, ForecastDistribution, ForecastRun
from forecasting.services import life
from replenishment.services import plan_create
from tests.forecasting.shop import AS_OF, make_sales

QUICK = ForecastSpec(models=("seasonal_naive", "moving_average"), horizon=5)
FULL, UPDATE = ForecastRun.Kind.FULL, ForecastRun.Kind.UPDATE


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"
    settings.FORESTOCK_RETRAIN_DAYS = 7


def run_asked(back: int = 0, **values: Any) -> ForecastRun:
    """A queued run as of so many days before the last sales."""
    return services.run_create(
        **{"acting_user": None, "spec": QUICK, "as_of": AS_OF - timedelta(days=back)} | values
    )


def run_done(back: int = 0, **values: Any) -> ForecastRun:
    run = services.run_execute(run_id=run_asked(back, **values).pk)
    assert (run.state, run.error) == (Job.State.DONE, "")
    return run


# -- nothing has changed ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_leads_a_run_that_changes_nothing_to_the_results_that_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_sales(products=2, weeks=26)
    run = run_done(kind=FULL)
    monkeypatch.setattr(pipeline, "forecast", None)  # it must not be needed
    again = run_done(kind=FULL)
    assert (again.same_as, again.series, again.fingerprint) == (run, 2, run.fingerprint)
    assert ForecastDistribution.objects.count() == 2
    assert {path.stem for path in tmp_path.iterdir()} == {Path(run.artifact).stem}
    # Every reader finds the numbers, by the one run or by the other.
    assert selectors.run_latest() == run
    first, second = (selectors.distribution_read(run_id=item.pk) for item in (run, again))
    np.testing.assert_array_equal(first.cum_quantiles, second.cum_quantiles)
    assert selectors.distribution_labels(again.pk).equals(selectors.distribution_labels(run.pk))
    assert plan_create(acting_user=None, forecast_run=again).forecast_run == run


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["a sale", "the spec", "the day", "the program", "pruned"])
def test_it_forecasts_anew_when_anything_has_changed(what: str) -> None:
    make_sales(products=2, weeks=26)
    first = run_done(kind=FULL)
    values: dict[str, Any] = {"kind": FULL}
    if what == "a sale":
        SalesRecord.objects.filter(day=AS_OF).update(quantity=99)
    elif what == "the spec":
        values["spec"] = ForecastSpec(models=QUICK.models, horizon=5, seed=1)
    elif what == "the day":
        values["back"] = 1
    elif what == "the program":
        ForecastRun.objects.update(versions=first.versions | {"forestock": "0"})
    else:
        ForecastRun.objects.update(pruned_at=timezone.now())
    again = run_done(**values)
    assert again.same_as is None
    # A run made afterwards as of an older day is not the latest.
    assert selectors.run_latest() == (first if what == "the day" else again)


@pytest.mark.django_db
def test_it_compares_with_the_run_of_the_latest_day_whatever_was_forecast_since() -> None:
    make_sales(products=2, weeks=26)
    first, older, again = (run_done(back, kind=FULL) for back in (0, 3, 0))
    assert older.as_of < first.as_of
    assert again.same_as == first
    assert selectors.run_latest() == first


@pytest.mark.django_db
def test_it_prunes_a_repeat_along_with_the_run_that_it_points_to() -> None:
    make_sales(products=2, weeks=26)
    run = run_done(kind=FULL)
    again = run_done(kind=FULL)
    newer = run_done(kind=FULL, spec=ForecastSpec(models=QUICK.models, horizon=4))
    assert services.runs_prune(keep=2) == 0
    assert services.runs_prune(keep=1) == 1
    again.refresh_from_db()
    assert again.pruned_at is not None
    assert selectors.run_latest() == newer
    with pytest.raises(ValueError, match=f"run {again.pk} holds no distributions"):
        selectors.distribution_read(run_id=again.pk)
    assert ForecastRun.objects.get(pk=run.pk).artifact == ""


@pytest.mark.django_db
def test_it_is_done_and_pruned_when_the_run_that_stands_is_pruned_at_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from forecasting.services import execute

    make_sales(products=2, weeks=26)
    run = run_done(kind=FULL)
    repeat = life.run_repeat

    def late(**values: Any) -> None:
        ForecastRun.objects.filter(pk=run.pk).update(pruned_at=timezone.now())
        repeat(**values)

    monkeypatch.setattr(execute, "run_repeat", late)
    again = run_done(kind=FULL)
    assert again.same_as == run
    assert again.pruned_at is not None


@pytest.mark.django_db(transaction=True)
def test_it_survives_two_workers_with_two_runs_of_the_same_data_at_once() -> None:
    make_sales(products=2)
    runs = [run_asked(kind=FULL) for _ in range(2)]
    together = threading.Barrier(2)

    def work(run: ForecastRun) -> None:
        together.wait()
        try:
            services.run_execute(run_id=run.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        run.refresh_from_db()
        assert (run.state, run.error) == (Job.State.DONE, "")
        assert len(selectors.distribution_read(run_id=run.pk).unique_id) == 2
    holding = selectors.run_latest()
    assert holding in runs
    assert ForecastDistribution.objects.filter(run=holding).count() == 2


# -- full or update ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_updates_while_the_models_are_young_and_trains_again_after(settings: Settings) -> None:
    make_sales(products=2, weeks=26)
    full = run_done(8)
    assert (full.kind, full.trained_by) == (FULL, None)
    update = run_asked(2)
    assert (update.kind, update.trained_by) == (UPDATE, full)
    assert run_asked(1).kind == FULL
    settings.FORESTOCK_RETRAIN_DAYS = 0
    assert run_asked(8).kind == FULL


@pytest.mark.django_db
@pytest.mark.parametrize(
    "why", ["another spec", "an earlier day", "no artifact", "drift", "failed", "only an update"]
)
def test_it_trains_again_where_the_trained_models_do_not_fit(why: str, tmp_path: Path) -> None:
    make_sales(products=2, weeks=26)
    full = run_done(3)
    values: dict[str, Any] = {}
    if why == "another spec":
        values["spec"] = ForecastSpec(models=QUICK.models, horizon=4)
    elif why == "an earlier day":
        values["back"] = 4
    elif why == "no artifact":
        (tmp_path / full.artifact).unlink()
    elif why == "drift":
        drift_open(full)
    elif why == "failed":
        ForecastRun.objects.update(state=Job.State.FAILED)
    else:
        ForecastRun.objects.update(kind=UPDATE)
    assert run_asked(**values).kind == FULL
    with pytest.raises(services.ForecastError, match="ask for a full run"):
        run_asked(kind=UPDATE, **values)


def drift_open(full: ForecastRun, **values: Any) -> ForecastAlarm:
    later = ForecastRun.objects.create(as_of=AS_OF, known_at=timezone.now(), spec=full.spec)
    return ForecastAlarm.objects.create(
        **{
            "kind": "drift",
            "frequency": "W",
            "segment": "overall",
            "value": 9.0,
            "limit": 5.0,
            "opened_by": later,
            "seen_by": later,
        }
        | values
    )


@pytest.mark.django_db
def test_it_goes_on_updating_after_a_drift_that_training_has_seen_or_that_is_over() -> None:
    make_sales(products=2, weeks=26)
    full = run_done(3)
    drift_open(full, opened_by=full)
    drift_open(full, closed_at=timezone.now())
    drift_open(full, segment="lumpy")
    assert run_asked().kind == UPDATE


@pytest.mark.django_db
def test_it_updates_from_a_run_of_other_threads() -> None:
    make_sales(products=2, weeks=26)
    run_done(3)
    assert run_asked(spec=ForecastSpec(models=QUICK.models, horizon=5, threads=2)).kind == UPDATE


@pytest.mark.django_db
def test_it_takes_new_sales_through_the_trained_models(tmp_path: Path) -> None:
    from catalog.selectors import demand_panel
    from forecasting.core.artifacts import artifact_load

    make_sales(products=2, weeks=26)
    full = run_done(7)
    run = run_done(1)
    assert (run.kind, run.trained_by, run.same_as) == (UPDATE, full, None)
    assert run.report["warnings"] == full.report["warnings"]
    stored = selectors.distribution_read(run_id=run.pk)
    artifact = artifact_load(tmp_path / full.artifact, key=life.artifact_key())
    expected = pipeline.update(
        demand_panel(as_of=run.as_of, freq="W"), as_of=run.as_of, artifact=artifact
    ).distribution
    order = [stored.unique_id.index(name) for name in expected.unique_id]
    np.testing.assert_array_equal(stored.cum_quantiles[order], expected.cum_quantiles)
    # Once more on the same data: nothing to do; but a full run is not answered with an update's numbers.
    assert run_done(1).same_as == run
    assert run_done(1, kind=FULL).same_as is None


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["pruned", "gone", "tampered", "another key", "other columns"])
def test_it_trains_anew_with_a_warning_when_the_artifact_can_not_be_used(
    what: str, tmp_path: Path, settings: Settings
) -> None:
    make_sales(products=2, weeks=26)
    full = run_done(3)
    run = run_asked()
    assert run.kind == UPDATE
    path = tmp_path / full.artifact
    if what == "pruned":
        ForecastRun.objects.filter(pk=full.pk).update(artifact="", pruned_at=timezone.now())
    elif what == "gone":
        path.unlink()
    elif what == "tampered":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    elif what == "another key":
        settings.SECRET_KEY = "another"
    else:
        ForecastRun.objects.filter(pk=full.pk).update(report=full.report | {"columns": ["ds", "y"]})
    run = services.run_execute(run_id=run.pk)
    assert (run.state, run.kind, run.trained_by) == (Job.State.DONE, FULL, None)
    assert f"the models of run {full.pk} can't be used" in run.report["warnings"][0]
    assert len(selectors.distribution_read(run_id=run.pk).unique_id) == 2


@pytest.mark.django_db
def test_it_ends_an_update_whose_full_run_is_pruned_while_it_computes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_sales(products=2, weeks=26)
    full = run_done(3)
    run = run_asked()
    update = pipeline.update

    def meanwhile(*args: Any, **values: Any) -> Any:
        ForecastRun.objects.filter(pk=full.pk).update(artifact="", pruned_at=timezone.now())
        (tmp_path / full.artifact).unlink()
        return update(*args, **values)

    monkeypatch.setattr(pipeline, "update", meanwhile)
    run = services.run_execute(run_id=run.pk)
    assert (run.state, run.kind, run.trained_by) == (Job.State.DONE, UPDATE, full)
    assert run.report["warnings"] == full.report["warnings"]


@pytest.mark.django_db
def test_it_takes_an_update_up_again_after_its_worker_was_killed() -> None:
    make_sales(products=2, weeks=26)
    full = run_done(3)
    run = run_asked()
    assert ForecastRun.take(run.pk) is not None  # by a worker that says nothing more
    ForecastRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    run = services.run_execute(run_id=run.pk)
    assert (run.state, run.attempts, run.kind, run.trained_by) == (Job.State.DONE, 2, UPDATE, full)


@pytest.mark.django_db
def test_it_keeps_the_artifact_that_updates_are_made_with_when_it_prunes(tmp_path: Path) -> None:
    make_sales(products=2, weeks=26)
    first = run_done(9, kind=FULL)
    full = run_done(5, kind=FULL)
    update = run_done(1)
    assert services.runs_prune(keep=1) == 2
    assert {path.stem for path in tmp_path.iterdir()} == {
        Path(full.artifact).stem,
        Path(update.artifact).stem,
    }
    assert not ForecastDistribution.objects.filter(run=full).exists()
    assert ForecastRun.objects.get(pk=first.pk).artifact == ""
    assert run_asked().trained_by == full
    newest = run_done(kind=FULL)
    services.runs_prune(keep=1)
    assert {path.stem for path in tmp_path.iterdir()} == {Path(newest.artifact).stem}
