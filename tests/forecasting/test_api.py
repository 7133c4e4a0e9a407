from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from forecasting.models import ForecastRun
from tests.cast import make_location, make_product
from tests.site.api_world import DAY, add_day, add_forecast, client_of, make_run

URL = "/api/v1/forecasts/"


def test_it_gives_the_distribution_of_the_latest_run(viewer: User) -> None:
    product, location = make_product(sku="S-1"), make_location(code="L-1")
    add_forecast(make_run(), product, location)
    latest = make_run()
    row = add_forecast(latest, product, location)
    (found,) = client_of(viewer).get(URL).json()["results"]
    assert (found["id"], found["run"], found["sku"], found["location"]) == (row.pk, latest.pk, "S-1", "L-1")
    assert found["levels"] == [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
    assert found["ds"][:2] == [str(DAY + timedelta(days=7)), str(DAY + timedelta(days=14))]
    assert found["mean"] == [2.0] * 13
    assert found["cum_mean"] == [2.0 * (h + 1) for h in range(13)]
    assert found["quantiles"] == [[float(level)] * 13 for level in range(1, 10)]
    assert found["cum_quantiles"][8] == [9.0 * (h + 1) for h in range(13)]
    alone = client_of(viewer).get(f"{URL}{row.pk}/").json()
    assert {key: alone[key] for key in found} == found


def test_it_gives_a_run_that_is_asked_for_and_the_rows_that_are_asked_for(viewer: User) -> None:
    products, location = [make_product() for _ in range(3)], make_location()
    first = make_run()
    rows = [add_forecast(first, product, location) for product in products]
    make_run()
    client = client_of(viewer)
    assert client.get(URL).json()["results"] == []
    asked = client.get(URL, {"run": str(first.pk), "sku": products[1].sku}).json()["results"]
    assert [row["id"] for row in asked] == [rows[1].pk]


def test_it_gives_nothing_of_runs_that_are_not_done_or_were_pruned(viewer: User) -> None:
    product, location = make_product(), make_location()
    for values in ({"state": "running"}, {"pruned_at": "2026-01-01T00:00Z"}):
        row = add_forecast(make_run(**values), product, location)
        assert client_of(viewer).get(f"{URL}{row.pk}/").status_code == 404
        assert client_of(viewer).get(URL, {"run": row.run_id}).json()["results"] == []


def test_it_starts_a_run_with_its_spec(buyer: User, django_capture_on_commit_callbacks: Any) -> None:
    add_day(make_product(), make_location())
    with django_capture_on_commit_callbacks() as callbacks:
        response = client_of(buyer).post(
            "/api/v1/forecast-runs/", {"as_of": str(DAY), "freq": "D", "horizon": 28}
        )
    assert (response.status_code, len(callbacks)) == (202, 1)
    run = ForecastRun.objects.get(pk=response.json()["id"])
    assert (run.state, run.created_by, run.spec["freq"], run.spec["horizon"]) == ("queued", buyer, "D", 28)


@pytest.mark.parametrize(
    "body",
    [
        {"freq": "Y"},
        {"horizon": 0},
        {"models": ["oracle"]},
        {"models": []},
        {"as_of": "2026-13-01"},
        {"as_of": "2126-01-01"},
        {"seed": -1},
    ],
)
def test_it_refuses_a_run_without_sense(buyer: User, body: dict[str, Any]) -> None:
    add_day(make_product(), make_location())
    assert client_of(buyer).post("/api/v1/forecast-runs/", body).status_code == 400
    assert not ForecastRun.objects.exists()


def test_it_shows_a_run_with_its_scores(viewer: User) -> None:
    run = make_run()
    found = client_of(viewer).get(f"/api/v1/forecast-runs/{run.pk}/").json()
    assert found["snapshots"][0]["scores"] == {"wape": 0.4, "bias": None}


def test_it_starts_a_run_in_the_admin_by_post_alone(admin_user: User, approver: User) -> None:
    add_day(make_product(), make_location())
    url = reverse("admin:forecasting_forecastrun_run_start")
    client = Client()
    client.force_login(admin_user)
    assert client.get(url).status_code == 200
    assert not ForecastRun.objects.exists()
    assert client.post(url, {"_form_submitted": "on"}).status_code == 302
    assert ForecastRun.objects.get().created_by == admin_user
    client.force_login(approver)
    assert client.post(url, {"_form_submitted": "on"}).status_code == 403
