from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from typing import Any

import numpy as np
import polars as pl
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import BehaviourRecord, Job, JobLostError, Location
from catalog.selectors import demand_panel
from forecasting import selectors, services, tasks
from forecasting.core.spec import ForecastSpec
from forecasting.core.trials import SPEC, trial_sample
from forecasting.models import ForecastRun, SignalTrial, SignalVerdict
from forecasting.selectors.signal_columns import signal_columns
from forecasting.services import inputs, trials
from inventory_site.tasks import jobs_take_up
from tests.cast import make_user
from tests.forecasting.shop import AS_OF, make_sales

LIST = reverse("forecasting:signal-trials")
START = reverse("forecasting:signal-trial-start")
WEEK = timedelta(days=7)
QUICK = replace(SPEC, horizon=2, folds=4, rows=2_000)

pytestmark = pytest.mark.django_db


def make_shop(weeks: int = 40) -> Location:
    """Six products, and carts that tell nothing."""
    products = make_sales(products=6, weeks=weeks)
    place = Location.objects.get()
    rng = np.random.default_rng(1)
    BehaviourRecord.objects.bulk_create(
        BehaviourRecord(
            product=product, location=place, day=AS_OF - week * WEEK, carts=int(rng.integers(1, 30))
        )
        for product in products
        for week in range(weeks)
    )
    return place


def make_trial(**values: Any) -> SignalTrial:
    return SignalTrial.objects.create(
        **{"as_of": AS_OF, "known_at": timezone.now(), "spec": QUICK.to_dict()} | values
    )


def make_verdict(trial: SignalTrial, signal: str = "carts", *, used: bool = True) -> SignalVerdict:
    gain = -0.1 if used else 0.01
    return SignalVerdict.objects.create(
        trial=trial,
        signal=signal,
        wape_without=0.5,
        wape_with=0.5 + gain,
        pinball_without=0.2,
        pinball_with=0.18,
        difference=gain,
        low=gain - 0.05,
        high=gain + 0.05,
        p_value=0.01 if used else 0.7,
        origins=8,
        used=used,
    )


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_it_tries_every_signal_of_which_there_is_data_and_keeps_the_verdicts() -> None:
    make_shop()
    trial = services.trial_execute(trial_id=make_trial().pk)
    assert trial.state == Job.State.DONE, trial.error
    (verdict,) = selectors.verdicts_of(trial_id=trial.pk)
    assert (verdict.signal, verdict.origins, verdict.used) == ("carts", 4, False)
    assert verdict.low <= verdict.difference <= verdict.high
    told = trial.report["signals"]["carts"]
    assert (told["rows"], told["since"]) == (240, str(AS_OF - 39 * WEEK))
    assert told["reason"] == "no_better"
    assert (trial.report["series"], len(trial.report["origins"])) == (6, 4)
    services.trial_execute(trial_id=trial.pk)
    assert SignalVerdict.objects.count() == 1, "a trial that was delivered twice is held once"


def test_only_the_series_that_are_tried_get_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    make_shop()
    asked: list[pl.DataFrame] = []
    columns = signal_columns

    def spy(panel: pl.DataFrame, **values: Any) -> Any:
        asked.append(panel)
        return columns(panel, **values)

    monkeypatch.setattr(inputs, "signal_columns", spy)
    spec = replace(QUICK, tested=4)
    done = services.trial_execute(trial_id=make_trial(spec=spec.to_dict()).pk)
    assert done.report["series"] == 4
    whole = demand_panel(as_of=AS_OF, freq="W")
    wanted = trial_sample(whole, spec)["unique_id"].cast(pl.String).unique().sort()
    assert asked[0]["unique_id"].cast(pl.String).unique().sort().to_list() == wanted.to_list()
    assert len(wanted) == 4


def test_a_shop_without_signals_has_a_trial_without_verdicts() -> None:
    make_sales(products=3)
    trial = services.trial_execute(trial_id=make_trial().pk)
    assert (trial.state, trial.report["signals"]) == (Job.State.DONE, {})


@pytest.mark.parametrize(("weeks", "words"), [(8, "too short"), (0, "No sales up to")])
def test_it_fails_with_a_reason_for_people(weeks: int, words: str) -> None:
    if weeks:
        make_shop(weeks)
    trial = services.trial_execute(trial_id=make_trial().pk)
    assert trial.state == Job.State.FAILED
    assert words in trial.error


def test_it_is_asked_for_as_of_the_next_forecast_and_never_of_the_future() -> None:
    with pytest.raises(services.ForecastError, match="no sales"):
        services.trial_create(acting_user=None)
    make_sales(products=1)
    assert services.trial_create(acting_user=None).as_of == AS_OF
    with pytest.raises(services.ForecastError, match="future"):
        services.trial_create(acting_user=None, as_of=date(2100, 1, 1))


def test_a_lost_trial_writes_nothing_and_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_shop()
    job = make_trial()
    monkeypatch.setattr(trials, "_try", lambda *_: (_ for _ in ()).throw(JobLostError("gone")))
    services.trial_execute(trial_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    monkeypatch.undo()
    SignalTrial.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    sent: list[int] = []
    monkeypatch.setattr(tasks.trial_execute_task, "delay", sent.append)
    jobs_take_up()
    assert sent == [job.pk]
    assert services.trial_execute(trial_id=job.pk).state == Job.State.DONE
    assert SignalVerdict.objects.count() == 1


SPEC_OF_RUN = ForecastSpec(horizon=2, models=("lightgbm",), folds=2, rows=1_000)


def forecast() -> ForecastRun:
    run = services.run_create(acting_user=None, as_of=AS_OF, spec=SPEC_OF_RUN, kind=ForecastRun.Kind.FULL)
    return services.run_execute(run_id=run.pk)


def test_a_forecast_uses_what_the_last_trial_found_worth_using_and_says_so() -> None:
    make_shop()
    plain = forecast()
    assert plain.report["signals"] == {"trial": None, "used": []}
    trial = make_trial(state=Job.State.DONE)
    make_verdict(trial, "carts")
    make_verdict(trial, "views", used=False)
    run = forecast()
    assert run.state == Job.State.DONE, run.error
    assert run.report["signals"] == {"trial": trial.pk, "used": ["carts"]}
    assert run.report["spec"]["signals"] == ["carts"]
    assert "carts" in run.report["columns"]
    assert "views" not in run.report["columns"]
    assert run.fingerprint != plain.fingerprint
    later = make_trial(state=Job.State.DONE)
    make_verdict(later, "carts", used=False)
    again = forecast()
    assert again.report["signals"] == {"trial": later.pk, "used": []}
    assert again.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    "values",
    [
        {"state": Job.State.FAILED},
        {"as_of": AS_OF + WEEK},
        {"known_at": timezone.now() + timedelta(days=1)},
        {"spec": replace(QUICK, freq="D").to_dict()},
    ],
)
def test_a_trial_that_failed_or_knew_more_or_of_another_frequency_says_nothing(
    values: dict[str, Any],
) -> None:
    make_shop()
    make_verdict(make_trial(**{"state": Job.State.DONE} | values))
    assert forecast().report["signals"] == {"trial": None, "used": []}


def test_an_update_keeps_the_signals_of_the_models_that_it_uses() -> None:
    make_shop()
    trial = make_trial(state=Job.State.DONE)
    make_verdict(trial)
    full = forecast()
    newer = make_trial(state=Job.State.DONE)
    make_verdict(newer, used=False)
    run = services.run_create(acting_user=None, as_of=AS_OF, spec=SPEC_OF_RUN, kind=ForecastRun.Kind.UPDATE)
    run = services.run_execute(run_id=run.pk)
    # With carts, as the models know them, nothing has changed; without, the data would be another.
    assert (run.kind, run.trained_by_id) == (ForecastRun.Kind.UPDATE, full.pk)
    assert (run.state, run.same_as_id) == (Job.State.DONE, full.pk)


def test_the_page_shows_what_helps_and_what_does_not(viewer: User) -> None:
    trial = make_trial(
        state=Job.State.DONE,
        report={
            "signals": {
                "carts": {"rows": 1234, "since": "2026-01-02", "reason": "helps"},
                "indicator:fuel": {
                    "rows": 9,
                    "since": "2026-01-02",
                    "reason": "no_better",
                    "title": "Fuel price",
                },
                "views": {"rows": 5, "since": "2026-06-02", "reason": "short", "is_assumed": True},
            },
            "origins": ["2026-05-03"],
            "series": 1500,
            "seconds": 3.2,
        },
    )
    make_verdict(trial)
    make_verdict(trial, "indicator:fuel", used=False)
    for url in (LIST, reverse("forecasting:signal-trial", args=[trial.pk])):
        text = logged_in(viewer).get(url).content.decode()
        assert "Used: it makes forecasts better" in text
        assert "Shown, not used: no gain beyond chance" in text
        assert "Not tried: its data does not reach back far enough yet" in text
        assert "Fuel price" in text
        assert "assumed" in text
        assert "1,234" in text
        assert "Try now" not in text


def test_the_page_needs_as_many_queries_for_many_trials_as_for_one(viewer: User) -> None:
    client = logged_in(viewer)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(LIST).status_code == 200
        return len(found)

    make_verdict(make_trial(state=Job.State.DONE))
    one = queries()
    for _ in range(5):
        trial = make_trial(state=Job.State.DONE)
        for name in ("carts", "views", "searches"):
            make_verdict(trial, name)
    assert queries() == one


def test_pages_without_a_trial_say_what_to_do(viewer: User) -> None:
    assert "No signal has been tried yet" in logged_in(viewer).get(LIST).content.decode()
    assert logged_in(viewer).get(reverse("forecasting:signal-trial", args=[9])).status_code == 404


def test_who_may_look_and_who_may_start(
    viewer: User, buyer: User, admin_user: User, partner_of_supplier: User
) -> None:
    make_sales(products=1)
    trial = make_trial()
    pages = [LIST, reverse("forecasting:signal-trial", args=[trial.pk])]
    nobody = make_user("nobody")
    for page in pages:
        assert logged_in(viewer).get(page, headers={"HX-Request": "true"}).status_code == 200
        for stranger in (partner_of_supplier, nobody):
            assert logged_in(stranger).get(page).status_code == 403
        assert Client().get(page).status_code == 302
    for stranger in (viewer, buyer, partner_of_supplier, nobody):
        assert logged_in(stranger).post(START).status_code == 403
    assert SignalTrial.objects.count() == 1
    answer = logged_in(admin_user).post(START)
    started = SignalTrial.objects.latest("pk")
    assert answer["Location"] == reverse("forecasting:signal-trial", args=[started.pk])
    assert started.created_by == admin_user


def test_a_trial_on_its_way_shows_its_progress_and_reloads_at_its_end(viewer: User) -> None:
    client = logged_in(viewer)
    trial = make_trial(state=Job.State.RUNNING, step="try", progress=0.4)
    url = reverse("job", args=["trial", trial.pk])
    page = client.get(reverse("forecasting:signal-trial", args=[trial.pk])).content.decode()
    assert "Forecasting with and without each signal" in page
    assert url in page
    SignalTrial.objects.update(state=Job.State.FAILED, error="no luck")
    assert client.get(url, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "no luck" in client.get(reverse("forecasting:signal-trial", args=[trial.pk])).content.decode()


def test_the_command_holds_a_trial_and_prints_its_verdicts() -> None:
    make_shop()
    out = StringIO()
    call_command("forecast_trial", "--horizon=2", "--origins=4", "--series=100", verbosity=0, stdout=out)
    assert "carts" in out.getvalue()
    assert "Shown, not used" in out.getvalue()
    with pytest.raises(CommandError, match="future"):
        call_command("forecast_trial", "--as-of=2100-01-01", stdout=StringIO())


def test_a_schedule_starts_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sales(products=1)
    sent: list[int] = []
    monkeypatch.setattr(tasks.trial_execute_task, "delay", sent.append)
    tasks.trial_start()
    assert sent == [SignalTrial.objects.get().pk]
