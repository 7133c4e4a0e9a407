from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from catalog.api.views import CategoryViewSet
from tests.site.api_world import client_of, send_raw

PROBLEM = "application/problem+json"


def check(response: Any, status: int) -> dict[str, Any]:
    """The problem in an answer, which has to be one."""
    assert response.status_code == status
    assert response["Content-Type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["type"] == "about:blank"
    return problem


@pytest.mark.parametrize("path", ["nowhere/", "products", "products/1/2/", "", "products/x/"])
def test_it_answers_an_address_that_there_is_not(viewer: User, path: str) -> None:
    check(client_of(viewer).get(f"/api/v1/{path}"), 404)


def test_it_answers_under_api_outside_of_the_version_too(db: None) -> None:
    check(Client().get("/api/v0/products/"), 404)


def test_it_answers_a_row_that_there_is_not(viewer: User) -> None:
    check(client_of(viewer).get(reverse("api:product-detail", kwargs={"pk": 999_999_999_999_999_999})), 404)


def test_it_answers_a_method_that_there_is_not(superuser: User) -> None:
    response = client_of(superuser).delete(reverse("api:product-list"))
    check(response, 405)
    assert "GET" in response["Allow"]


def test_it_answers_nobody_and_the_forbidden_user(viewer: User) -> None:
    url = reverse("api:category-list")
    nobody = client_of(None).get(url)
    assert check(nobody, 401)["detail"]
    assert nobody["WWW-Authenticate"] == "Token"
    check(client_of(viewer).post(url, {"rows": [{"code": "a", "name": "b"}]}), 403)


@pytest.mark.parametrize("spec", [{"target": 0}, {"target": 1.0}, {"target_kind": "cycle", "target": 0.0}])
def test_it_says_what_is_wrong_with_a_plan(buyer: User, spec: dict[str, Any]) -> None:
    problem = check(client_of(buyer).post(reverse("api:plan-run-list"), spec), 400)
    assert "target" in problem["detail"]


def test_it_points_at_what_is_wrong_in_a_body(buyer: User) -> None:
    response = client_of(buyer).post(reverse("api:category-list"), {"mode": "x", "rows": [{"a": [1]}]})
    errors = check(response, 400)["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("#/mode", "invalid_choice"),
        ("#/rows/0/a", "invalid"),
    ]


def test_it_points_at_the_rows_that_were_refused(buyer: User) -> None:
    rows = [
        {"code": "C1", "name": "One"},
        {"code": "C2", "name": "Two", "parent": "nowhere"},
    ]
    response = client_of(buyer).post(reverse("api:category-list"), {"rows": rows})
    (error,) = check(response, 422)["errors"]
    assert (error["pointer"], error["value"]) == ("#/rows/1/parent", "nowhere")


@pytest.mark.parametrize(
    "body", [b"{", b'{"rows": NaN}', b"\xff", b"[" * 100_000, b'{"rows":[' + b"[" * 9_999]
)
def test_it_answers_a_body_that_is_not_json(buyer: User, body: bytes) -> None:
    response = send_raw(client_of(buyer), reverse("api:category-list"), body)
    check(response, 400)


@pytest.mark.parametrize(
    "cell", ['"a\\u0000b"', '"\\ud800"', "1e400", "1" * 30, "[1]", '{"a": 1}'], ids=lambda cell: cell[:8]
)
def test_it_refuses_a_value_that_no_database_holds(buyer: User, cell: str) -> None:
    body = f'{{"rows": [{{"code": {cell}, "name": "b"}}]}}'.encode()
    response = send_raw(client_of(buyer), reverse("api:category-list"), body)
    check(response, 400)


def test_it_answers_a_kind_of_body_that_it_does_not_read(buyer: User) -> None:
    response = send_raw(client_of(buyer), reverse("api:category-list"), b"<a/>", "text/xml")
    check(response, 415)


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
def test_it_refuses_a_body_that_is_too_large_before_it_reads_it(buyer: User) -> None:
    response = client_of(buyer).post(reverse("api:category-list"), {"rows": [{"code": "a" * 200}]})
    check(response, 413)


def test_it_tells_nobody_when_to_come_back(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AnonRateThrottle.THROTTLE_RATES, "anon", "2/min")
    client = client_of(None)
    answers = [client.get(reverse("api:schema")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "throttled" in check(answers[-1], 429)["detail"]
    assert int(answers[-1]["Retry-After"]) > 0


def test_it_counts_by_the_address_that_the_proxy_saw(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AnonRateThrottle.THROTTLE_RATES, "anon", "2/min")
    client = client_of(None)
    claims = [f"10.0.0.{number}, 192.0.2.7" for number in range(3)]
    answers = [client.get(reverse("api:schema"), headers={"X-Forwarded-For": claim}) for claim in claims]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_it_tells_users_when_to_come_back(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UserRateThrottle.THROTTLE_RATES, "user", "2/min")
    client = client_of(viewer)
    answers = [client.get(reverse("api:category-list")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_it_counts_bulk_calls_by_themselves(buyer: User) -> None:
    client = client_of(buyer)
    url = reverse("api:category-list")
    answers = [client.post(url, {}).status_code for _ in range(61)]
    assert answers[:60] == [400] * 60
    assert answers[60] == 429
    assert client.get(url).status_code == 200


def test_it_answers_a_bug_with_a_problem_that_tells_nothing(
    viewer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(CategoryViewSet, "get_queryset", broken)
    client = client_of(viewer)
    client.raise_request_exception = False
    with caplog.at_level(logging.ERROR, "django.request"):
        response = client.get(reverse("api:category-list"))
    assert "secret" not in str(check(response, 500))
    assert "a secret" in caplog.text
