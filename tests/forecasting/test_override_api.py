from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forecasting.models import ForecastOverride, OverrideScore
from tests.cast import make_category, make_location, make_product
from tests.site.api_world import DAY, add_forecast, add_override, client_of, make_run

pytestmark = pytest.mark.django_db
URL = "/api/v1/forecast-overrides/"
BODY = {
    "kind": "uplift",
    "value": "14",
    "first_day": str(DAY + timedelta(days=1)),
    "last_day": str(DAY + timedelta(days=7)),
    "reason": "a fair",
}


def test_it_makes_an_override_that_the_forecasts_show_beside_the_models_number(buyer: User) -> None:
    category = make_category(code="BAKE")
    product, location = make_product(sku="S-1", category=category), make_location(code="L-1")
    add_forecast(make_run(), product, location)
    client = client_of(buyer)
    response = client.post(URL, BODY | {"category": "BAKE", "location": "L-1"})
    assert response.status_code == 201
    made = response.json()
    override = ForecastOverride.objects.get()
    assert (override.category, override.location, override.created_by) == (category, location, buyer)
    assert made == {
        "id": override.pk,
        "sku": None,
        "category": "BAKE",
        "location": "L-1",
        "kind": "uplift",
        "value": "14.000",
        "first_day": BODY["first_day"],
        "last_day": BODY["last_day"],
        "reason": "a fair",
        "expires_on": BODY["last_day"],
        "created_by": "buyer",
        "created_at": made["created_at"],
        "withdrawn_by": None,
        "withdrawn_at": None,
        "score": None,
    }
    assert client.get(f"{URL}{override.pk}/").json() == made
    [forecast] = client.get("/api/v1/forecasts/").json()["results"]
    assert forecast["mean"][:2] == [16.0, 2.0]
    assert forecast["model_mean"][:2] == [2.0, 2.0]
    assert forecast["overrides"] == [override.pk]
    withdrawn = client.post(f"{URL}{override.pk}/withdraw/").json()
    assert withdrawn["withdrawn_by"] == "buyer"
    [forecast] = client.get("/api/v1/forecasts/").json()["results"]
    assert (forecast["mean"][0], forecast["overrides"]) == (2.0, [])
    again = client.post(f"{URL}{override.pk}/withdraw/")
    assert again.status_code == 400
    assert "already" in again.json()["detail"]
    assert client.post(f"{URL}999999/withdraw/").status_code == 404


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"kind": "guess"}, "#/kind"),
        ({"value": "NaN"}, "#/value"),
        ({"value": "-1", "kind": "absolute"}, "#/value"),
        ({"last_day": str(DAY)}, "#/last_day"),
        ({"first_day": "soon"}, "#/first_day"),
        ({"reason": " "}, "#/reason"),
        ({"sku": "NO-SUCH"}, "#/sku"),
        ({"sku": "UNSOLD"}, "#/sku"),
        ({"category": 7}, "#/category"),
        ({"expires_on": str(DAY)}, "#/expires_on"),
    ],
)
def test_it_points_at_what_is_wrong(buyer: User, values: dict[str, Any], pointer: str) -> None:
    make_product(sku="UNSOLD")
    add_forecast(make_run(), make_product(), make_location())
    response = client_of(buyer).post(URL, BODY | values)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert not ForecastOverride.objects.exists()


def test_it_is_made_once_under_a_key(buyer: User) -> None:
    client, key = client_of(buyer), {"Idempotency-Key": "fair-1"}
    first = client.post(URL, BODY, headers=key)
    again = client.post(URL, BODY, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert ForecastOverride.objects.count() == 1


def test_it_filters(buyer: User, admin_user: User) -> None:
    product, other = make_product(sku="A-1"), make_product(sku="A-2")
    add_forecast(make_run(), product, make_location())
    mine, theirs = add_override(buyer, product), add_override(admin_user, other)
    ForecastOverride.objects.filter(pk=theirs.pk).update(expires_on=DAY, kind="uplift")
    client = client_of(buyer)

    def found(**query: Any) -> list[int]:
        return [row["id"] for row in client.get(URL, query).json()["results"]]

    assert found() == [theirs.pk, mine.pk]
    assert found(sku="A-2") == [theirs.pk]
    assert found(in_force="true") == [mine.pk]
    assert found(in_force="false") == [theirs.pk]
    assert found(created_by="admin") == [theirs.pk]
    assert found(kind="percent") == [mine.pk]
    assert client.get(URL, {"author": "x"}).status_code == 400


def test_it_shows_the_score_with_as_many_queries_for_50_as_for_1(viewer: User, buyer: User) -> None:
    client = client_of(viewer)

    def add() -> None:
        override = add_override(buyer, make_product())
        OverrideScore.objects.create(
            override=override, as_of=DAY, periods=1, actual=9, model_error=4, override_error=1
        )

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            rows = client.get(URL).json()["results"]
        assert rows[0]["score"]["value_added"] == 3
        return len(queries)

    add()
    count()  # the permissions are kept from the first call on
    one = count()
    for _ in range(49):
        add()
    assert count() == one
