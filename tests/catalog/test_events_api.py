"""The door for a shop's own events: POST /api/v1/events/."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from rest_framework.throttling import ScopedRateThrottle

from catalog import tasks
from catalog.models import BehaviourRecord, ShopperEvent, SupersededFact
from tests.cast import make_user
from tests.catalog import make
from tests.site.api_world import client_of, send_raw

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Any:
    """Commits count the days at once, as a worker would."""
    monkeypatch.setattr(tasks.behaviour_roll_up_task, "delay", tasks.behaviour_roll_up_task.run)
    return django_capture_on_commit_callbacks


@pytest.fixture(autouse=True)
def _shop() -> None:
    make.product()
    make.location()


def event(number: str, **values: Any) -> dict[str, Any]:
    now = timezone.now().isoformat()
    return {"number": number, "kind": "view", "sku": "A", "location": "W", "occurred_at": now} | values


def test_it_takes_one_event_or_a_batch_and_counts_each_once(buyer: User, counted: Any) -> None:
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    for body, answer in (
        (event("1"), {"new": 1, "repeated": 0}),
        (event("1"), {"new": 0, "repeated": 1}),
        (
            {"events": [event("1"), event("2"), event("2"), event("3", kind="cart")]},
            {"new": 2, "repeated": 2},
        ),
        ({"events": [event("1", source="app")]}, {"new": 1, "repeated": 0}),
    ):
        with counted(execute=True):
            response = client.post(url, body)
        assert (response.status_code, response.json()) == (202, answer)
    [day] = BehaviourRecord.objects.all()
    assert (day.views, day.carts, day.batch) == (3, 1, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"sku": "B"}, "sku"),
        ({"location": "X"}, "location"),
        ({"kind": "purchase"}, "kind"),
        ({"number": ""}, "number"),
        ({"number": "x" * 65}, "number"),
        ({"number": "a\x00b"}, "number"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2001-01-01T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "occurred_at"),
        ({"occurred_at": (timezone.now() + timedelta(days=2)).isoformat()}, "occurred_at"),
        ({"source": "s" * 33}, "source"),
    ],
)
def test_it_names_a_bad_event_by_its_place_and_takes_none(
    buyer: User, values: dict[str, Any], field: str
) -> None:
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    batch = client.post(url, {"events": [event("1"), event("2") | values]})
    alone = client.post(url, event("2") | values)
    assert (batch.status_code, alone.status_code) == (400, 400)
    assert [error["pointer"] for error in batch.json()["errors"]] == [f"#/events/1/{field}"]
    assert [error["pointer"] for error in alone.json()["errors"]] == [f"#/{field}"]
    assert not ShopperEvent.objects.exists()


def test_it_refuses_half_a_character(buyer: User) -> None:
    body = json.dumps(event("1", sku="\ud800")).encode()
    assert send_raw(client_of(buyer), reverse("api:shopper-event-list"), body).status_code == 400


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b'"x"', b"null", b'{"events": []}', b'{"events": {}}', b'{"events": [1]}', b"{}"]
)
def test_it_refuses_what_is_no_event(buyer: User, body: bytes) -> None:
    response = send_raw(client_of(buyer), reverse("api:shopper-event-list"), body)
    assert response.status_code == 400
    assert response.json()["errors"]


def test_it_refuses_more_than_a_thousand_at_once(buyer: User) -> None:
    url = reverse("api:shopper-event-list")
    response = client_of(buyer).post(url, {"events": [event(str(n)) for n in range(1_001)]})
    assert response.status_code == 400


def test_it_takes_events_only_from_who_may_add_them(viewer: User) -> None:
    assert client_of(viewer).post(reverse("api:shopper-event-list"), event("1")).status_code == 403
    assert client_of(None).post(reverse("api:shopper-event-list"), event("1")).status_code == 401
    from django.contrib.auth.models import Permission

    pages = make_user("pages")
    pages.user_permissions.add(Permission.objects.get(codename="add_shopperevent"))
    assert client_of(pages).post(reverse("api:shopper-event-list"), event("1")).status_code == 202
    assert client_of(pages).get(reverse("api:shopper-event-list")).status_code == 403


def test_it_has_a_rate_of_its_own(buyer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"events": "2/min", "bulk": "60/min"})
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    statuses = [client.post(url, event(str(number))).status_code for number in range(3)]
    assert statuses == [202, 202, 429]
    cache.clear()


def test_it_takes_a_thousand_in_a_few_queries(buyer: User, django_assert_max_num_queries: Any) -> None:
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    with django_assert_max_num_queries(25):
        assert client.post(url, {"events": [event(str(n)) for n in range(1_000)]}).status_code == 202
    assert ShopperEvent.objects.count() == 1_000


def test_it_lists_events_by_what_is_asked(viewer: User) -> None:
    from catalog import services

    services.events_record(
        events=[
            services.Event("shop", str(n), kind, "A", "W", timezone.now())
            for n, kind in enumerate(("view", "cart", "view"))
        ]
    )
    found = client_of(viewer).get(reverse("api:shopper-event-list") + "?kind=view&page_size=1").json()
    assert [row["number"] for row in found["results"]] == ["0"]
    following = client_of(viewer).get(found["next"]).json()
    assert [row["number"] for row in following["results"]] == ["2"]


def test_a_day_that_is_counted_again_and_again_leaves_no_trail(buyer: User, counted: Any) -> None:
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    for number in range(5):
        with counted(execute=True):
            client.post(url, event(str(number)))
    assert BehaviourRecord.objects.get().views == 5
    assert not SupersededFact.objects.filter(kind="behaviour").exists()
    # What stood for a day and longer is history.
    BehaviourRecord.objects.update(recorded_at=timezone.now() - timedelta(days=2))
    with counted(execute=True):
        client.post(url, event("later"))
    assert SupersededFact.objects.get(kind="behaviour").row["views"] == 5


def test_days_of_events_that_came_before_are_counted_again(buyer: User, counted: Any) -> None:
    client, url = client_of(buyer), reverse("api:shopper-event-list")
    client.post(url, event("1"))
    assert not BehaviourRecord.objects.exists(), "the broker was away"
    with counted(execute=True):
        client.post(url, event("1"))
    assert BehaviourRecord.objects.get().views == 1
