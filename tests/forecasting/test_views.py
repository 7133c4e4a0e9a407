from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from catalog.models import Job, PartnerAccount
from forecasting.core.models import model_names
from forecasting.models import AccuracySnapshot, ChampionDecision, ForecastRun
from forecasting.words import MODELS, SEGMENTS, name_of
from replenishment.models import PlanRun
from tests.cast import make_supplier, make_user
from tests.forecasting.shop import AS_OF, make_sales

LIST = "/forecasts/"
FORM = {"as_of": "", "freq": "W", "horizon": "13", "models": list(MODELS)}
SCORED = ("seasonal_naive", "moving_average", "linear", "lightgbm")
SPEC = {"freq": "W", "horizon": 13, "models": list(MODELS), "seed": 0}


def make_run(*, models: int = 4, **values: Any) -> ForecastRun:
    run = ForecastRun.objects.create(
        **{"as_of": AS_OF, "known_at": timezone.now(), "spec": SPEC, "state": Job.State.DONE, "series": 12}
        | values
    )
    AccuracySnapshot.objects.bulk_create(
        [
            AccuracySnapshot(
                run=run,
                as_of=AS_OF,
                frequency="W",
                horizon=13,
                model=model,
                segment=segment,
                is_champion=model == "linear",
                series=12 if segment == "overall" else 8,
                scores={"wape": 0.1 * number, "bias": -0.02, "mse": None, "pinball": 0.25},
            )
            for number, model in enumerate(
                [*[*SCORED, *sorted(set(MODELS) - set(SCORED))][:models], "champion"], 1
            )
            for segment in ("overall", "smooth")
        ]
    )
    return run


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIST, "/forecasts/1/", "/jobs/forecast/1/"])
def test_it_asks_strangers_to_log_in(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["list", "detail", "progress", "start"])
@pytest.mark.parametrize("person", ["partner_of_supplier", "partner_of_channel", "nobody", "partner_buyer"])
def test_it_forbids_partners_and_people_without_the_permission(
    page: str, person: str, client: Client, request: pytest.FixtureRequest
) -> None:
    if person == "nobody":
        user = make_user("nobody")
    elif person == "partner_buyer":
        # A partner stays one, whatever group somebody puts them in.
        user = make_user("both", "Buyer")
        PartnerAccount.objects.create(user=user, supplier=make_supplier())
    else:
        user = request.getfixturevalue(person)
    client.force_login(user)
    run = make_run()
    if page == "start":
        response = client.post("/forecasts/start/", FORM)
    else:
        response = client.get(
            {"list": LIST, "detail": f"{LIST}{run.pk}/", "progress": f"/jobs/forecast/{run.pk}/"}[page]
        )
    assert response.status_code == 403
    assert ForecastRun.objects.count() == 1


@pytest.mark.django_db
def test_it_lets_a_viewer_look_and_not_start(client: Client, viewer: User) -> None:
    make_sales(products=1, weeks=2)
    run = make_run()
    client.force_login(viewer)
    for path in (LIST, f"{LIST}{run.pk}/"):
        response = client.get(path)
        assert response.status_code == 200
        assert "/forecasts/start/" not in response.content.decode()
    assert client.post("/forecasts/start/", FORM).status_code == 403
    assert ForecastRun.objects.count() == 1


@pytest.mark.django_db
def test_it_starts_a_run_and_hands_it_to_a_worker(
    client: Client,
    buyer: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    from forecasting.tasks import run_execute_task

    make_sales(products=1, weeks=2)
    sent: list[int] = []
    monkeypatch.setattr(run_execute_task, "delay", sent.append)
    client.force_login(buyer)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/forecasts/start/", FORM | {"horizon": "6", "models": ["linear"]})
    run = ForecastRun.objects.get()
    assert response["Location"] == f"{LIST}{run.pk}/"
    assert sent == [run.pk]
    assert (run.state, run.created_by) == (Job.State.QUEUED, buyer)
    assert (run.spec["horizon"], run.spec["models"]) == (6, ["linear"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"horizon": "0"}, "greater than or equal to 1"),
        ({"horizon": "105"}, "At most 104"),
        ({"freq": "X"}, "valid choice"),
        ({"models": []}, "required"),
        ({"models": ["oracle"]}, "valid choice"),
        ({"as_of": "yesterday"}, "valid date"),
    ],
)
def test_it_says_what_is_wrong_with_the_form(
    client: Client, buyer: User, wrong: dict[str, Any], said: str
) -> None:
    make_sales(products=1, weeks=2)
    client.force_login(buyer)
    response = client.post("/forecasts/start/", FORM | wrong)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not ForecastRun.objects.exists()


@pytest.mark.django_db
def test_it_says_when_there_is_nothing_to_forecast_or_the_day_is_to_come(
    client: Client, buyer: User, settings: Settings
) -> None:
    settings.FORESTOCK_TODAY = "last-data-date"
    client.force_login(buyer)
    page = client.post("/forecasts/start/", FORM, follow=True).content.decode()
    assert "There are no sales yet" in page
    make_sales(products=1, weeks=2)
    page = client.post("/forecasts/start/", FORM | {"as_of": "2099-01-01"}, follow=True).content.decode()
    assert "is in the future" in page
    assert not ForecastRun.objects.exists()


@pytest.mark.django_db
def test_it_shows_the_champions_beside_the_simplest_models(client: Client, viewer: User) -> None:
    make_run()
    client.force_login(viewer)
    page = client.get(LIST).content.decode()
    assert "Log-linear regression" in page
    for share in ("50.0%", "10.0%", "20.0%"):  # champions together, seasonal naive, moving average
        assert share in page


@pytest.mark.django_db
def test_it_shows_scores_by_segment_and_where_the_numbers_come_from(client: Client, viewer: User) -> None:
    run = make_run(
        fingerprint="f" * 64,
        versions={"lightgbm": "4.7.0"},
        artifact="forecast-1-abc.model",
        report={"stages": {"fit": {"seconds": 1.5}, "read": {"seconds": 0.25}}, "warnings": ["short"]},
    )
    plan = PlanRun.objects.create(forecast_run=run, as_of=AS_OF)
    client.force_login(viewer)
    page = client.get(f"{LIST}{run.pk}/").content.decode()
    assert page.count("Champions together") == 2
    assert page.count('<span class="badge badge--good">Champion</span>') == 2
    assert page.index("All product-locations") < page.index("Smooth demand")
    assert page.index("Reading the demand") < page.index("Fitting the champions")
    for text in ("f" * 64, "lightgbm 4.7.0", "forecast-1-abc.model", "short", str(plan), "−2.0%"):
        assert text in page
    assert "hx-trigger" not in page


@pytest.mark.django_db
def test_it_shows_the_kind_of_a_run_its_choices_and_its_coverage(client: Client, viewer: User) -> None:
    full = make_run()
    shares = {"coverage_95_below": 0.93, "coverage_95": 0.97, "cum_coverage_95_below": 0.9} | {
        "cum_coverage_95": 0.91
    }
    AccuracySnapshot.objects.filter(run=full, model="champion", segment="overall").update(scores=shares)
    ChampionDecision.objects.create(
        run=full,
        segment="smooth",
        champion="linear",
        previous="linear",
        challenger="lightgbm",
        difference=-0.0123,
        needed=-0.02,
    )
    client.force_login(viewer)
    page = client.get(f"{LIST}{full.pk}/").content.decode()
    for text in ("Full: backtest", "−0.0123", "−0.0200", "93.0% – 97.0%", "covers", "off by −4.0%"):
        assert text in page
    assert "Switched" not in page
    update = make_run(kind="update", trained_by=full)
    page = client.get(f"{LIST}{update.pk}/").content.decode()
    assert "Update: new sales through the trained models" in page
    assert f'<a href="{LIST}{full.pk}/">Forecast {full.pk}</a>' in page
    same = ForecastRun.objects.create(
        as_of=AS_OF, known_at=timezone.now(), spec=SPEC, state=Job.State.DONE, series=12, same_as=update
    )
    page = client.get(f"{LIST}{same.pk}/").content.decode()
    assert page.count("Nothing had changed") == 1
    assert f'<a href="{LIST}{update.pk}/">Forecast {update.pk}</a>' in page
    page = client.get(LIST).content.decode()
    assert f"Update of {full.pk}" in page
    assert f"Same as {update.pk}" in page


@pytest.mark.django_db
def test_it_says_what_share_the_forest_has_in_the_quantiles(client: Client, viewer: User) -> None:
    shares = {"smooth A": [0.25, 0.75], "overall": [0.5, 0.5], "smooth": [0.0, 1.0]}
    run = make_run(report={"mix": {"model": "forest", "shares": shares}})
    client.force_login(viewer)
    page = " ".join(client.get(f"{LIST}{run.pk}/").content.decode().split())
    assert "Share of the model “Quantile forest”" in page
    rows = re.findall(
        r'<tr><th scope="row">([^<]*)</th><td class="num">([^<]*)</td><td [^>]*>([^<]*)</td>', page
    )
    assert rows == [
        ("All product-locations", "50%", "50%"),
        ("Smooth demand", "0%", "100%"),
        ("Smooth demand, class A", "25%", "75%"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "report",
    [
        {},
        {"mix": {"model": "", "shares": {}}},
        {"mix": {"model": "forest", "shares": {"overall": [0.0, 0.0]}}},
    ],
)
def test_it_says_nothing_of_shares_where_there_are_none(
    report: dict[str, Any], client: Client, viewer: User
) -> None:
    run = make_run(report=report)
    client.force_login(viewer)
    assert "Where the quantiles come from" not in client.get(f"{LIST}{run.pk}/").content.decode()


@pytest.mark.django_db
def test_it_does_not_repeat_the_scores_of_a_segment_that_is_everything(client: Client, viewer: User) -> None:
    run = make_run(series=8)
    client.force_login(viewer)
    page = client.get(f"{LIST}{run.pk}/").content.decode()
    assert "All product-locations" in page
    assert "Smooth demand" not in page


@pytest.mark.django_db
def test_it_shows_why_a_run_failed_and_offers_to_run_it_again(client: Client, buyer: User) -> None:
    make_sales(products=1, weeks=2)
    run = make_run(state=Job.State.FAILED, error="No sales <b>then</b>")
    client.force_login(buyer)
    page = client.get(f"{LIST}{run.pk}/").content.decode()
    assert "No sales &lt;b&gt;then&lt;/b&gt;" in page
    again = {"as_of": AS_OF.isoformat(), "freq": "W", "horizon": "13", "models": list(MODELS)}
    for name, value in again.items():
        for one in value if isinstance(value, list) else [value]:
            assert f'name="{name}" value="{one}"' in page
    assert client.post("/forecasts/start/", again).status_code == 302
    assert ForecastRun.objects.first().spec["models"] == list(MODELS)  # type: ignore[union-attr]


@pytest.mark.django_db
def test_it_asks_for_progress_until_the_run_has_ended(client: Client, viewer: User) -> None:
    run = make_run(state=Job.State.RUNNING, step="fit", progress=0.42, started_at=timezone.now())
    client.force_login(viewer)
    part = f"/jobs/forecast/{run.pk}/"
    assert f'hx-get="{part}"' in client.get(f"{LIST}{run.pk}/").content.decode()
    response = client.get(part, headers={"HX-Request": "true"})
    page = response.content.decode()
    assert "Fitting the champions" in page
    assert 'value="0.42"' in page
    assert "every 2s" in page
    assert "HX-Refresh" not in response
    ForecastRun.objects.update(state=Job.State.DONE)
    response = client.get(part, headers={"HX-Request": "true"})
    assert (response["HX-Refresh"], response.content) == ("true", b"")


@pytest.mark.django_db
def test_it_answers_404_for_a_run_that_is_not_there(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get("/forecasts/77/").status_code == 404
    assert client.get("/jobs/forecast/77/").status_code == 404
    assert client.get("/forecasts/start/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("runs", [1, 50])
def test_it_lists_runs_with_the_same_few_queries(
    runs: int, client: Client, viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(runs):
        make_run()
    client.force_login(viewer)
    client.get(LIST)
    with django_assert_num_queries(LIST_QUERIES):
        client.get(LIST)


@pytest.mark.django_db
@pytest.mark.parametrize("runs", [1, 50])
def test_it_shows_a_run_with_the_same_few_queries(
    runs: int, client: Client, viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = [make_run() for _ in range(runs)]
    for run in made:
        PlanRun.objects.create(forecast_run=made[0], as_of=run.as_of)
    client.force_login(viewer)
    client.get(LIST)
    with django_assert_num_queries(DETAIL_QUERIES):
        client.get(f"{LIST}{made[0].pk}/")


# Session, user, permissions of user and groups, partner account (the view's and the menu's check).
LIST_QUERIES = 6 + 4  # count, runs, snapshots, open alarms
DETAIL_QUERIES = 6 + 7  # run, snapshots, decisions, plans, alarms and their counts, log


def test_it_has_words_for_every_model() -> None:
    assert set(MODELS) == set(model_names())


def test_it_has_words_for_blends_and_for_segments_with_a_class() -> None:
    assert name_of(MODELS, "lightgbm+ses") == "LightGBM + Exponential smoothing"
    assert name_of(SEGMENTS, "smooth A") == "Smooth demand, class A"
    assert name_of(SEGMENTS, "something new") == "something new"
    assert name_of(MODELS, "oracle") == "oracle"
