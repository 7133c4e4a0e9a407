"""Exceptions for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from catalog import selectors as catalog
from replenishment.models import ExceptionCase
from tests.replenishment.test_view_exceptions import add_case

pytestmark = pytest.mark.django_db
LIST = "/api/v1/exceptions/"


@pytest.fixture
def client(buyer: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(buyer)
    return made


def listed(client: APIClient, **query: Any) -> list[int]:
    return [row["id"] for row in client.get(LIST, query).json()["results"]]


def test_it_lists_by_its_filters(client: APIClient, buyer: User) -> None:
    mine = add_case(owner=buyer, impact=5.0)
    jump = add_case("cost-jump", impact=90.0)
    closed = add_case("spike", state="closed", closed_at=timezone.now())
    assert listed(client) == [closed.pk, jump.pk, mine.pk]
    assert listed(client, state="open") == [jump.pk, mine.pk]
    assert listed(client, group="supply") == [jump.pk]
    assert listed(client, kind="spike") == [closed.pk]
    assert listed(client, owner="buyer") == listed(client, has_owner="true") == [mine.pk]
    assert listed(client, has_owner="false", state="open") == [jump.pk]
    assert listed(client, min_impact="50") == [jump.pk]
    assert mine.product is not None
    assert mine.location is not None
    assert listed(client, sku=mine.product.sku, location=mine.location.code) == [mine.pk]
    assert client.get(LIST, {"group": "weather"}).status_code == 400


def test_it_tells_one_whole(client: APIClient) -> None:
    case = add_case()
    found = client.get(f"{LIST}{case.pk}/").json()
    assert case.product is not None
    assert found["sku"] == case.product.sku
    assert (found["group"], found["owner"], found["impact"]) == ("stock", None, 10.0)
    assert found["details"] == case.details


def test_it_assigns_snoozes_closes_and_takes_up_again(client: APIClient, admin_user: User) -> None:
    case = add_case()
    assert client.post(f"{LIST}{case.pk}/assign/", {"owner": "admin"}).json()["owner"] == "admin"
    assert client.post(f"{LIST}{case.pk}/assign/", {"owner": None}).json()["owner"] is None
    until = str(catalog.today() + timedelta(days=2))
    found = client.post(f"{LIST}{case.pk}/snooze/", {"until": until, "comment": "on its way"}).json()
    assert (found["state"], found["snoozed_until"]) == ("snoozed", until)
    assert client.post(f"{LIST}{case.pk}/reopen/").json()["state"] == "open"
    found = client.post(f"{LIST}{case.pk}/close/", {"comment": "known"}).json()
    assert (found["state"], found["closed_by"], found["comment"]) == ("closed", "buyer", "known")
    assert case.events.count() == 5


def test_it_says_what_is_wrong(client: APIClient, viewer: User) -> None:
    case = add_case()
    for step, body in (
        ("assign", {"owner": "nobody-of-that-name"}),
        ("assign", {"owner": "viewer"}),
        ("assign", {}),
        ("snooze", {"until": "2001-01-01"}),
        ("close", {"comment": ""}),
    ):
        answer = client.post(f"{LIST}{case.pk}/{step}/", body)
        assert answer.status_code in {400, 409}, (step, body)
        assert answer["Content-Type"] == "application/problem+json"
    case.refresh_from_db()
    assert (case.state, case.owner) == ("open", None)
    assert not ExceptionCase.objects.get().events.exists()
