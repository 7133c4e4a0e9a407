from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from catalog import services
from catalog.models import Category, ImportBatch, Location, Product, SalesRecord
from tests.cast import make_category, make_location, make_product
from tests.site.api_world import client_of

IMPORTS = "/api/v1/imports/"


def upload(user: User, text: str, name: str = "c.csv", **values: Any) -> Any:
    file = SimpleUploadedFile(name, text.encode())
    return client_of(user).post(IMPORTS, {"kind": "category", "file": file} | values, format="multipart")


def test_it_upserts_and_says_what_changed(buyer: User) -> None:
    product, location = make_product(sku="S-1"), make_location(code="L-1")
    day = {"sku": "S-1", "location": "L-1", "day": "2026-03-01"}
    rows: list[dict[str, Any]] = [
        day | {"quantity": 3},
        day | {"day": "2026-03-02", "quantity": "4.5", "revenue": 9},
    ]
    client = client_of(buyer)
    first = client.post("/api/v1/sales/", {"rows": rows}).json()
    again = client.post("/api/v1/sales/", {"rows": rows}).json()
    rows[0]["quantity"] = 5
    changed = client.post("/api/v1/sales/", {"rows": rows}).json()
    keys = ("rows_new", "rows_changed", "rows_unchanged")
    assert [tuple(answer[key] for key in keys) for answer in (first, again, changed)] == [
        (2, 0, 0),
        (0, 0, 2),
        (0, 1, 1),
    ]
    shown = client.get("/api/v1/sales/", {"sku": "S-1"}).json()["results"]
    assert [row["quantity"] for row in shown] == ["5.000", "4.500"]
    assert SalesRecord.objects.filter(product=product, location=location).count() == 2


def test_it_takes_what_it_gives(buyer: User) -> None:
    """A row that was read can be sent back as it is, less what the server adds."""
    make_product(sku="S-1")
    make_location(code="L-1")
    client = client_of(buyer)
    row = {"sku": "S-1", "location": "L-1", "day": "2026-03-01", "on_hand": "7.000"}
    client.post("/api/v1/stock/", {"rows": [row]})
    (given,) = client.get("/api/v1/stock/").json()["results"]
    given.pop("recorded_at")
    assert client.post("/api/v1/stock/", {"rows": [given]}).json()["rows_unchanged"] == 1


def test_it_loads_nothing_when_one_row_is_wrong_unless_told_to(buyer: User) -> None:
    rows = [{"code": "C1", "name": "One"}, {"code": "C2", "name": "Two", "parent": "nowhere"}]
    client = client_of(buyer)
    assert client.post("/api/v1/categories/", {"rows": rows}).status_code == 422
    assert not Category.objects.exists()
    answer = client.post("/api/v1/categories/", {"rows": rows, "mode": "good-rows"})
    assert (answer.status_code, answer.json()["rows_rejected"]) == (200, 1)
    assert answer.json()["errors"][0]["row"] == 2
    assert list(Category.objects.values_list("code", flat=True)) == ["C1"]


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"rows": [{}]}, {"rows": "x"}, {"rows": [{"nope": 1}]}, []]
)
def test_it_refuses_a_bulk_call_without_sense(buyer: User, body: Any) -> None:
    assert client_of(buyer).post("/api/v1/categories/", body).status_code == 400


def test_it_refuses_more_rows_than_one_call_may_have(buyer: User) -> None:
    rows = [{"code": str(number), "name": "x"} for number in range(10_001)]
    assert client_of(buyer).post("/api/v1/categories/", {"rows": rows}).status_code == 400


def test_it_searches_products_by_words_whatever_case_and_accents(viewer: User) -> None:
    make_product(sku="A-1", name="Grüner Gürtel", category=make_category(code="belts"))
    make_product(sku="A-2", name="Grüne Hose", status=Product.Status.DISCONTINUED)
    client = client_of(viewer)

    def found(**query: str) -> list[str]:
        return [row["sku"] for row in client.get("/api/v1/products/", query).json()["results"]]

    assert found(search="GURTEL gruner") == ["A-1"]
    assert found(search="gru") == ["A-1", "A-2"]
    assert found(status="discontinued") == ["A-2"]
    assert found(category="belts") == ["A-1"]
    assert found(sku="A-2") == ["A-2"]


def test_it_imports_an_uploaded_file_in_the_background(
    buyer: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        response = upload(buyer, "code,name\nC1,One\n")
    assert (response.status_code, response.json()["state"], len(callbacks)) == (202, "queued", 1)
    batch = services.import_run(batch_id=response.json()["id"])
    shown = client_of(buyer).get(f"{IMPORTS}{batch.pk}/").json()
    assert (shown["state"], shown["rows_new"], shown["file_name"]) == ("done", 1, "c.csv")
    back = client_of(buyer).post(f"{IMPORTS}{batch.pk}/take-back/")
    assert (back.status_code, Category.objects.count()) == (200, 0)
    assert back.json()["taken_back_at"]
    again = client_of(buyer).post(f"{IMPORTS}{batch.pk}/take-back/")
    assert again.json()["taken_back_at"] == back.json()["taken_back_at"]


def test_it_hands_back_the_refused_rows_to_be_mended(buyer: User) -> None:
    response = upload(buyer, "code,name,parent\nC1,One,\nC2,Two,nowhere\n")
    batch = services.import_run(batch_id=response.json()["id"])
    shown = client_of(buyer).get(f"{IMPORTS}{batch.pk}/").json()
    assert (shown["state"], shown["has_rejected_rows"]) == ("failed", True)
    file = client_of(buyer).get(f"{IMPORTS}{batch.pk}/rejected/")
    assert "attachment" in file["Content-Disposition"]
    assert b"nowhere" in b"".join(file.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "secrets"},
        {"mode": "x"},
        {"options": '{"path": "/etc/passwd"}'},
        {"options": "[]"},
        {"options": "{"},
        {"options": '{"constants": {"code": "a\\u0000"}}'},
        {"mapping": "x"},
        {"mapping": '{"code": 1}'},
        {"file": ""},
    ],
)
def test_it_refuses_an_upload_without_sense(buyer: User, values: dict[str, Any]) -> None:
    assert upload(buyer, "code,name\nC1,One\n", **values).status_code == 400
    assert not ImportBatch.objects.exists()


@override_settings(FORESTOCK_UPLOAD_LIMIT_BYTES=-1024 * 1024 + 10)
def test_it_refuses_a_file_that_is_too_large(buyer: User) -> None:
    assert upload(buyer, "code,name\n" + "C1,One\n" * 100).status_code == 413


def test_it_shows_the_tree_and_who_receives_for_whom_by_code(viewer: User) -> None:
    make_category(code="sub", parent=make_category(code="top"))
    hub = make_location(code="HUB")
    Location.objects.filter(pk=make_location(code="SHOP").pk).update(receiving_location=hub)
    client = client_of(viewer)
    assert client.get("/api/v1/categories/", {"parent": "top"}).json()["results"][0]["code"] == "sub"
    shop = client.get("/api/v1/locations/", {"code": "SHOP"}).json()["results"][0]
    assert shop["receiving_location"] == "HUB"
