from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from catalog.models import Category, ImportBatch
from inventory_site.models import IdempotencyKey
from tests.cast import make_location
from tests.site.api_world import client_of, send_raw

ROWS = {"rows": [{"code": "C1", "name": "One"}]}


def headers(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.fixture
def url() -> str:
    return reverse("api:category-list")


def test_it_does_a_write_once_and_gives_its_answer_again(buyer: User, url: str) -> None:
    client = client_of(buyer)
    first = client.post(url, ROWS, headers=headers("k"))
    again = client.post(url, ROWS, headers=headers("k"))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert ImportBatch.objects.count() == 1


def test_it_refuses_a_key_with_another_body_or_address(buyer: User, url: str) -> None:
    client = client_of(buyer)
    client.post(url, ROWS, headers=headers("k"))
    other = client.post(url, {"rows": [{"code": "C2", "name": "Two"}]}, headers=headers("k"))
    elsewhere = client.post(reverse("api:product-list"), ROWS, headers=headers("k"))
    assert (other.status_code, elsewhere.status_code) == (422, 422)
    assert other["Content-Type"] == "application/problem+json"
    assert list(Category.objects.values_list("code", flat=True)) == ["C1"]


def test_it_keeps_the_keys_of_users_apart(buyer: User, admin_user: User, url: str) -> None:
    client_of(buyer).post(url, ROWS, headers=headers("k"))
    other = client_of(admin_user).post(url, ROWS, headers=headers("k"))
    assert "Idempotent-Replayed" not in other
    assert ImportBatch.objects.count() == 2


def test_it_writes_again_without_a_key(buyer: User, url: str) -> None:
    client = client_of(buyer)
    for _ in range(2):
        assert client.post(url, ROWS).status_code == 200
    assert ImportBatch.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


def test_it_stores_no_refusal_and_nothing_of_the_refused_write(buyer: User, url: str) -> None:
    client = client_of(buyer)
    bad = {"rows": [{"code": "C1", "name": "One", "parent": "nowhere"}]}
    assert client.post(url, bad, headers=headers("k")).status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert not ImportBatch.objects.exists()
    assert client.post(url, ROWS, headers=headers("k")).status_code == 200


def test_it_asks_who_calls_before_it_looks_at_the_key(buyer: User, viewer: User, url: str) -> None:
    client_of(buyer).post(url, ROWS, headers=headers("k"))
    assert client_of(None).post(url, ROWS, headers=headers("k")).status_code == 401
    assert client_of(viewer).post(url, ROWS, headers=headers("k")).status_code == 403


def test_it_knows_the_same_file_whatever_the_boundary_between_a_forms_parts(buyer: User) -> None:
    url = reverse("api:import-list")

    def send(text: bytes, boundary: str) -> Any:
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncategory\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="c.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        ).encode() + text
        body += f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return send_raw(client_of(buyer), url, body, kind, headers=headers("f"))

    assert send(b"code,name\nC1,One\n", "aaa").status_code == 202
    again = send(b"code,name\nC1,One\n", "bbb")
    assert (again.status_code, again["Idempotent-Replayed"]) == (202, "true")
    assert send(b"code,name\nC2,Two\n", "aaa").status_code == 422
    assert ImportBatch.objects.count() == 1
    assert ImportBatch.objects.get().file.read() == b"code,name\nC1,One\n"


def test_it_uploads_without_a_key_too(buyer: User) -> None:
    file = SimpleUploadedFile("c.csv", b"code,name\nC1,One\n")
    response = client_of(buyer).post(
        reverse("api:import-list"), {"kind": "category", "file": file}, format="multipart"
    )
    assert response.status_code == 202


def test_it_forgets_a_key_after_30_days(buyer: User, url: str) -> None:
    client = client_of(buyer)
    client.post(url, ROWS, headers=headers("old"))
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=31))
    client.post(url, ROWS, headers=headers("new"))
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_it_refuses_a_key_that_is_none(buyer: User, url: str, key: str) -> None:
    assert client_of(buyer).post(url, ROWS, headers=headers(key)).status_code == 400


def test_it_makes_no_token_under_a_key(buyer: User) -> None:
    response = client_of(None).post(
        reverse("api:token-list"), {"username": "buyer", "password": "x"}, headers=headers("k")
    )
    assert response.status_code == 400
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_does_a_write_once_when_the_same_call_comes_from_many_places_at_once(
    buyer: User, url: str
) -> None:
    answers: list[int] = []
    start = threading.Barrier(4)

    def call() -> None:
        client = client_of(buyer)
        start.wait()
        try:
            answers.append(client.post(url, ROWS, headers=headers("k")).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Who comes while the write is under way is told so (PostgreSQL), or waits and gets its answer (SQLite).
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert ImportBatch.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_says_so_while_the_same_write_is_under_way(buyer: User, url: str) -> None:
    from django.db import transaction

    from inventory_site.middleware import _lock

    answers: list[int] = []

    def call() -> None:
        try:
            answers.append(client_of(buyer).post(url, ROWS, headers=headers("k")).status_code)
        finally:
            connection.close()

    with transaction.atomic():
        assert _lock(f"{buyer.pk}:k")
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert answers == [409]


def test_it_starts_a_replay_once(buyer: User) -> None:
    from replenishment import services
    from replenishment.models import ReplayRun
    from tests.replenishment.replay_world import make_sold

    place = make_location()
    make_sold(place)
    client = client_of(buyer)
    address = reverse("api:replay-list")
    body = {"policies": ["minmax"], "location": place.code, "first_day": "2024-01-08"}
    first, again = (client.post(address, body, headers=headers("r")) for _ in range(2))
    assert (first.status_code, again.json()) == (202, first.json())
    run = ReplayRun.objects.get()
    assert (run.location, run.spec["policies"]) == (place, ["minmax"])
    services.replay_execute(replay_id=run.pk)
    done = client.get(reverse("api:replay-detail", args=[run.pk])).json()
    assert (done["state"], done["report"]["opening_assumed"], done["report"]["backcasts"]) == ("done", 1, [])
    assert [(row["policy"], row["demand"]) for row in done["policies"]] == [("minmax", 80.0)]
    nowhere = client.post(address, body | {"location": "nowhere"})
    late = client.post(address, body | {"last_day": "2030-01-01"})
    assert (nowhere.status_code, late.status_code) == (400, 400)
