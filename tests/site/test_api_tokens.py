from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from tests.cast import PASSWORD
from tests.site.api_world import client_of

URL = "/api/v1/tokens/"


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


def make(**values: Any) -> Any:
    return APIClient().post(URL, {"username": "viewer", "password": PASSWORD} | values)


def call(token: str, path: str = "/api/v1/categories/") -> int:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return int(client.get(path).status_code)


def test_it_makes_a_token_that_opens_the_api(viewer: User) -> None:
    response = make()
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert call(response.json()["token"]) == 200


def test_it_keeps_a_hash_alone(viewer: User) -> None:
    token = make().json()["token"]
    stored = AuthToken.objects.get()
    assert token not in {stored.digest, stored.token_key}
    assert len(token) == 64
    assert token.startswith(stored.token_key)
    assert len(stored.token_key) == 15


@pytest.mark.parametrize(("asked", "days"), [({}, 30), ({"expires_in_days": 2}, 2)])
def test_it_runs_out(viewer: User, asked: dict[str, int], days: int) -> None:
    token = make(**asked).json()
    stored = AuthToken.objects.get()
    left = stored.expiry - timezone.now()
    assert timedelta(days=days) - left < timedelta(minutes=1)
    stored.expiry = timezone.now() - timedelta(seconds=1)
    stored.save()
    assert call(token["token"]) == 401


@pytest.mark.parametrize("days", [0, 31, "x"])
def test_it_refuses_a_token_that_lasts_longer(viewer: User, days: Any) -> None:
    assert make(expires_in_days=days).status_code == 400


@pytest.mark.parametrize("values", [{"password": "wrong"}, {"username": "nobody"}, {"password": ""}])
def test_it_refuses_a_wrong_password(viewer: User, values: dict[str, str]) -> None:
    assert make(**values).status_code in {400, 401}
    assert not AuthToken.objects.exists()


def test_it_refuses_the_inactive(viewer: User) -> None:
    token = make().json()["token"]
    viewer.is_active = False
    viewer.save()
    assert call(token) == 401
    assert make().status_code == 401


def test_it_lets_passwords_be_tried_slowly(viewer: User) -> None:
    answers = [make(password="wrong").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


@override_settings(AXES_ENABLED=True, AXES_FAILURE_LIMIT=2)
def test_it_locks_out_who_guesses(viewer: User) -> None:
    for _ in range(3):
        make(password="wrong")
    response = make()
    assert response.status_code in {401, 403, 429}
    assert response["Content-Type"] == "application/problem+json"
    assert not AuthToken.objects.exists()


def test_it_shows_and_revokes_ones_own_alone(viewer: User, buyer: User) -> None:
    first, second = make().json(), make().json()
    shown = client_of(viewer).get(URL).json()["results"]
    assert {row["id"] for row in shown} == {first["id"], second["id"]}
    assert all("token" not in row for row in shown)
    url = reverse("api:token-detail", kwargs={"id": first["id"]})
    assert client_of(buyer).get(URL).json()["results"] == []
    assert client_of(buyer).delete(url).status_code == 404
    assert client_of(viewer).delete(url).status_code == 204
    assert (call(first["token"]), call(second["token"])) == (401, 200)


@pytest.mark.parametrize("token", ["x", "é", "a" * 64, "a b", "%00"])
def test_it_refuses_what_is_no_token(db: None, token: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}".encode())
    assert client.get("/api/v1/categories/").status_code == 401


def test_it_takes_a_session_with_its_csrf_token_alone(buyer: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(buyer)
    assert client.get("/api/v1/categories/").status_code == 200
    assert client.post("/api/v1/categories/", {"rows": [{"code": "a", "name": "b"}]}).status_code == 403
