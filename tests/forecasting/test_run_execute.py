from __future__ import annotations

import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Job, SalesRecord
from forecasting import selectors, services
from forecasting.core.models import base
from forecasting.core.pipeline import forecast
from forecasting.core.spec import ForecastSpec
from forecasting.models import AccuracySnapshot, ForecastDistribution, ForecastRun
from tests.forecasting.shop import AS_OF, make_sales

QUICK = ForecastSpec(models=("seasonal_naive", "moving_average"), horizon=5)


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"


def run_done(**values: Any) -> ForecastRun:
    run = services.run_create(acting_user=None, spec=QUICK, **values)
    return services.run_execute(run_id=run.pk)


@pytest.mark.django_db
def test_it_stores_what_the_engine_says(tmp_path: Path) -> None:
    from catalog.selectors import demand_panel

    make_sales(products=3)
    run = run_done()
    assert (run.state, run.error) == (Job.State.DONE, "")
    expected = forecast(demand_panel(as_of=AS_OF, freq="W"), as_of=AS_OF, spec=QUICK)
    stored = selectors.distribution_read(run_id=run.pk)
    order = [stored.unique_id.index(name) for name in expected.distribution.unique_id]
    for name in ("mean", "quantiles", "cum_quantiles"):
        np.testing.assert_array_equal(getattr(stored, name)[order], getattr(expected.distribution, name))
    np.testing.assert_array_equal(stored.ds, expected.distribution.ds)
    assert stored.levels == expected.distribution.levels
    labels = selectors.distribution_labels(run.pk)
    assert labels["model"].to_list() == [expected.model[i] for i in np.argsort(order)]


@pytest.mark.django_db(transaction=True)
def test_it_does_the_same_with_a_heartbeat_on_a_connection_of_its_own() -> None:
    products = make_sales(products=3)
    run = run_done()
    assert (run.state, run.attempts, run.series) == (Job.State.DONE, 1, 3)
    assert run.as_of == AS_OF
    some = selectors.distribution_read(run_id=run.pk, product_ids=[products[1].pk])
    assert [name.split("@")[0] for name in some.unique_id] == [str(products[1].pk)]
    assert selectors.distribution_read(run_id=run.pk, product_ids=[]).unique_id == []


@pytest.mark.django_db
def test_it_keeps_where_the_numbers_come_from(tmp_path: Path) -> None:
    make_sales()
    run = run_done()
    assert len(run.fingerprint) == 64
    assert {"python", "lightgbm", "scikit-learn", "polars", "forestock"} <= set(run.versions)
    assert {"read", "backtest", "distribution", "store"} <= set(run.report["stages"])
    assert {path.stem for path in tmp_path.iterdir()} == {Path(run.artifact).stem}
    SalesRecord.objects.filter(day=AS_OF).update(quantity=99)
    assert run_done().fingerprint != run.fingerprint


@pytest.mark.django_db
def test_it_freezes_the_scores_of_every_model_with_the_champion_marked() -> None:
    make_sales()
    run = run_done()
    rows = {(s.model, s.segment): s for s in run.snapshots.all()}
    assert {model for model, _ in rows} == {*QUICK.models, "champion"}
    assert [s.model for s in rows.values() if s.is_champion and s.segment == "overall"] == [
        run.report["champion"]["overall"]
    ]
    snapshot = rows["seasonal_naive", "overall"]
    assert (snapshot.series, snapshot.frequency, snapshot.horizon) == (4, "W", 5)
    assert snapshot.scores == run.report["models"]["seasonal_naive"]["overall"]
    assert {"wape", "bias", "mse", "rmsse", "pinball", "cum_pinball"} <= set(snapshot.scores)


@pytest.mark.django_db
def test_it_does_nothing_the_second_time() -> None:
    make_sales()
    run = run_done()
    again = services.run_execute(run_id=run.pk)
    assert (again.attempts, again.finished_at, again.artifact) == (1, run.finished_at, run.artifact)


@pytest.mark.django_db
def test_it_replaces_what_a_lost_worker_left(tmp_path: Path) -> None:
    make_sales(products=2)
    run = run_done()
    long_ago = timezone.now() - timedelta(hours=1)
    ForecastRun.objects.update(state=Job.State.RUNNING, heartbeat_at=long_ago)
    (tmp_path / f"forecast-{run.pk}-deadbeef.model").write_bytes(b"half")
    again = services.run_execute(run_id=run.pk)
    assert (again.state, again.attempts) == (Job.State.DONE, 2)
    assert ForecastDistribution.objects.count() == 2
    assert AccuracySnapshot.objects.filter(segment="overall").count() == 3
    assert {path.stem for path in tmp_path.iterdir()} == {Path(again.artifact).stem}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["while it computes", "just before it writes"])
def test_it_writes_nothing_once_another_worker_has_the_run(
    when: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    from forecasting.core import pipeline
    from forecasting.services import execute

    settings.FORESTOCK_STALE_AFTER_SECONDS = 0.2
    make_sales(products=2)
    run = services.run_create(acting_user=None, spec=QUICK)
    other = uuid.uuid4()

    def steal() -> None:
        ForecastRun.objects.update(claim=other)

    if when == "while it computes":
        compute = pipeline.forecast

        def slowly(*args: Any, progress: Any, **values: Any) -> Any:
            steal()
            for _ in range(100):
                time.sleep(0.05)
                progress("backtest", 0.5)
            return compute(*args, progress=progress, **values)

        monkeypatch.setattr(pipeline, "forecast", slowly)
    else:
        write = execute._artifact_write

        def late(*args: Any) -> Path:
            steal()
            return write(*args)

        monkeypatch.setattr(execute, "_artifact_write", late)
    started = time.monotonic()
    run = services.run_execute(run_id=run.pk)
    assert time.monotonic() - started < 4  # it did not go on for all of its 100 steps
    assert (run.state, run.claim, run.error) == (Job.State.RUNNING, other, "")
    assert not ForecastDistribution.objects.exists()
    assert not AccuracySnapshot.objects.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_it_fails_with_a_reason_for_people_when_nothing_was_sold_by_then() -> None:
    make_sales()
    run = run_done(as_of=AS_OF - timedelta(days=3000))
    assert run.state == Job.State.FAILED
    assert "No sales up to 2018-04-11" in run.error
    assert run.finished_at is not None


@pytest.mark.django_db
def test_it_fails_with_what_to_install_where_a_models_library_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    make_sales(products=3)
    spec = ForecastSpec(models=("moving_average", "deep"), horizon=5)
    run = services.run_create(acting_user=None, spec=spec)
    run = services.run_execute(run_id=run.pk)
    assert run.state == Job.State.FAILED
    assert run.error.endswith("which is not installed: pip install -r requirements-deep.txt")


@pytest.mark.django_db
def test_it_keeps_an_unexpected_error_on_the_run_and_leaves_nothing_half_written(
    settings: Settings, tmp_path: Path
) -> None:
    make_sales()
    blocked = tmp_path / "a file where the folder should be"
    blocked.touch()
    settings.ARTIFACT_ROOT = blocked
    run = run_done()
    assert run.state == Job.State.FAILED
    assert run.error.startswith("Unexpected error: FileExistsError")
    assert not ForecastDistribution.objects.exists()


@pytest.mark.django_db
def test_it_asks_for_sales_first() -> None:
    with pytest.raises(services.ForecastError, match="no sales yet"):
        services.run_create(acting_user=None)


@pytest.mark.django_db
def test_it_refuses_a_day_in_the_future() -> None:
    make_sales()
    with pytest.raises(services.ForecastError, match="future"):
        services.run_create(acting_user=None, as_of=AS_OF + timedelta(days=1))


@pytest.mark.django_db
def test_it_stands_on_the_last_complete_day_with_sales(settings: Settings) -> None:
    settings.FORESTOCK_TODAY = "clock"
    today = timezone.now().date()
    make_sales(as_of=today, weeks=2)
    assert selectors.as_of_default() == today - timedelta(days=1)
    SalesRecord.objects.filter(day__gt=today - timedelta(days=4)).delete()
    assert selectors.as_of_default() == today - timedelta(days=4)


@pytest.mark.django_db
@pytest.mark.parametrize("freq", ["D", "W", "M"])
def test_it_labels_the_periods_as_the_engine_does(freq: Any) -> None:
    from catalog.selectors import demand_panel

    make_sales(products=2, as_of=AS_OF)
    spec = ForecastSpec(models=("moving_average",), horizon=3, freq=freq)
    run = services.run_create(acting_user=None, spec=spec)
    services.run_execute(run_id=run.pk)
    panel = demand_panel(as_of=AS_OF, freq=freq)
    expected = forecast(panel, as_of=AS_OF, spec=spec).distribution.ds
    np.testing.assert_array_equal(selectors.distribution_read(run_id=run.pk).ds, expected)


@pytest.mark.django_db
def test_it_prunes_all_but_the_newest_and_keeps_scores(tmp_path: Path) -> None:
    make_sales(products=2)
    runs = [run_done(as_of=AS_OF - timedelta(weeks=back)) for back in (2, 1, 0)]
    assert services.runs_prune(keep=1) == 2
    assert services.runs_prune(keep=1) == 0
    assert set(ForecastDistribution.objects.values_list("run_id", flat=True)) == {runs[2].pk}
    assert {path.stem for path in tmp_path.iterdir()} == {Path(runs[2].artifact).stem}
    assert AccuracySnapshot.objects.filter(run=runs[0]).exists()
    assert selectors.run_latest() == runs[2]
    with pytest.raises(ValueError, match="holds no distributions"):
        selectors.distribution_read(run_id=runs[0].pk)
    with pytest.raises(ValueError, match="1 or more"):
        services.runs_prune(keep=0)
