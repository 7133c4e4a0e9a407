from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.throttling import SimpleRateThrottle

from inventory_site.wsgi import application
from tests.site.api_world import World
from tests.site.test_api_matrix import callers, world  # noqa: F401


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    text = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=text)
    found: dict[str, Any] = yaml.safe_load(text.getvalue())
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_describes_itself_without_a_warning(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.")
    assert "/api/v1/purchase-orders/{id}/approve/" in described["paths"]


def test_it_describes_the_problem_of_every_operation(described: dict[str, Any]) -> None:
    for _path, _method, operation in operations(described):
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_it_describes_the_key_of_every_write_but_a_tokens(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        takes_key = method != "get" and (path, method) != ("/api/v1/tokens/", "post")
        assert ("Idempotency-Key" in names) == takes_key


def test_it_says_what_every_operation_does(described: dict[str, Any]) -> None:
    assert [
        path for path, _method, operation in operations(described) if not operation.get("description")
    ] == []


@pytest.mark.django_db
def test_it_shows_a_page_of_its_own_files_alone() -> None:
    response = Client().get(reverse("api:docs"))
    assert response.status_code == 200
    page = response.content.decode()
    assert "//" not in page.replace("http://www.w3.org", "")
    assert "<script>" not in page
    policy = response["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "unsafe-eval" not in policy
    strict = Client().get(reverse("login"))["Content-Security-Policy"]
    assert "unsafe" not in strict


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests of the WSGI application leave the test's connection open, as the test client's do."""
    both = (request_started, request_finished)
    for signal in both:
        signal.disconnect(close_old_connections)
    yield
    for signal in both:
        signal.connect(close_old_connections)


@pytest.mark.skipif(
    not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"),
    reason="once is enough: the same on SQLite alone",
)
def test_it_survives_what_its_own_description_allows(
    world: World,  # noqa: F811
    callers: dict[str, User | None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    one_connection: None,
) -> None:
    """Random requests after the OpenAPI description, as a superuser: never a server error."""
    import hypothesis
    import schemathesis
    from schemathesis.checks import not_a_server_error

    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *args: True)
    token = AuthToken.objects.create(callers["superuser"])[1]
    schema = schemathesis.openapi.from_wsgi(reverse("api:schema"), application)
    failures: list[str] = []
    calls = 0
    result: Any
    for result in schema.get_all_operations():
        operation = result.ok()
        strategy = operation.as_strategy()

        @hypothesis.settings(
            max_examples=6,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=strategy)
        def run(case: Any) -> None:
            nonlocal calls
            calls += 1
            if "id" in (case.path_parameters or {}):
                case.path_parameters["id"] = 1
            response = case.call(headers={"Authorization": f"Token {token}"})
            case.validate_response(response, checks=[not_a_server_error])

        try:
            run()
        except Exception as error:
            failures.append(f"{operation.label}: {error}")
    assert failures == []
    assert calls > 150
    assert connection.is_usable()
