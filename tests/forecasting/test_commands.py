from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from catalog.models import Job
from forecasting.models import ForecastDistribution, ForecastRun
from tests.forecasting.shop import AS_OF, make_sales


@pytest.fixture(autouse=True)
def _shop_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path
    settings.FORESTOCK_TODAY = "last-data-date"


def command(name: str, *args: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_it_forecasts_here_and_prints_the_scores() -> None:
    make_sales(products=2)
    text = command("forecast_run", "--horizon", "4", "--models", "seasonal_naive,moving_average")
    run = ForecastRun.objects.get()
    assert (run.state, run.as_of, run.spec["horizon"]) == (Job.State.DONE, AS_OF, 4)
    assert f"Forecast run {run.pk}: 2 product-locations as of 2026-06-28" in text
    lines = {line.split("  ")[1]: line for line in text.splitlines() if line.startswith("  ")}
    assert {"Champions together", "Seasonal naive", "Moving average"} <= set(lines)
    assert sum(line.endswith("*") for line in lines.values()) == 1


@pytest.mark.django_db
def test_it_says_that_nothing_has_changed_and_shows_the_scores_that_stand() -> None:
    make_sales(products=2, weeks=20)
    args = ("--horizon", "4", "--models", "seasonal_naive,moving_average", "--kind", "full")
    first = command("forecast_run", *args)
    second = command("forecast_run", *args)
    run, repeat = ForecastRun.objects.order_by("pk")
    assert repeat.same_as == run
    line, _, rest = second.partition("\n")
    assert line == f"Nothing has changed since forecast run {run.pk}: its results stand."
    assert rest == first


@pytest.mark.django_db
def test_it_leaves_a_run_to_a_worker(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    from forecasting.tasks import run_execute_task

    make_sales(products=1)
    sent: list[int] = []
    monkeypatch.setattr(run_execute_task, "delay", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        command("forecast_run", "--background", "--as-of", "2026-06-21")
    run = ForecastRun.objects.get()
    assert (run.state, str(run.as_of), sent) == (Job.State.QUEUED, "2026-06-21", [run.pk])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--models", "oracle"], "no model 'oracle'"),
        (["--horizon", "0"], "horizon must be 1 or more"),
        (["--as-of", "2030-01-01"], "future"),
        (["--kind", "update"], "ask for a full run"),
        (["--as-of", "2001-01-01", "--models", "moving_average"], "No sales up to"),
    ],
)
def test_it_says_what_is_wrong(args: list[str], said: str) -> None:
    make_sales(products=1, weeks=4)
    with pytest.raises(CommandError, match=said):
        command("forecast_run", *args)


@pytest.mark.django_db
def test_it_prunes() -> None:
    make_sales(products=1)
    for horizon in "23":
        command("forecast_run", "--models", "moving_average", "--horizon", horizon)
    assert command("forecast_prune", "--keep", "1") == "1 forecast runs pruned.\n"
    assert ForecastDistribution.objects.count() == 1
    with pytest.raises(CommandError, match="1 or more"):
        command("forecast_prune", "--keep", "0")
