"""The import pages: from a chosen file to its result, for those who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog import services, tasks
from catalog.models import ImportBatch, SalesRecord
from tests.cast import make_location, make_product

pytestmark = pytest.mark.django_db
SALES = b"sku,location,day,quantity\nA,MAIN,2026-01-05,3\n"


@pytest.fixture(autouse=True)
def _shop(settings: Any, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    make_product(sku="A")
    make_location(code="MAIN")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The imports that were handed to a worker; they run at once."""
    numbers: list[int] = []

    def delay(pk: int) -> None:
        numbers.append(pk)
        tasks.import_run_task(pk)

    monkeypatch.setattr(tasks.import_run_task, "delay", delay)
    return numbers


def upload(client: Client, content: bytes, *, kind: str = "sales", name: str = "f.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("catalog:import-upload"), {"kind": kind, "file": file})


def done(content: bytes = SALES, **values: Any) -> ImportBatch:
    file = SimpleUploadedFile("f.csv", content)
    batch = services.import_create(kind="sales", file=file, acting_user=None, **values)
    return services.import_run(batch_id=batch.pk)


def test_it_leads_from_a_file_over_its_preview_to_its_result(
    client: Client, buyer: User, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(buyer)
    assert client.get(reverse("catalog:import-upload")).status_code == 200
    response = upload(client, b"Artikel;Lager;Tag;Menge\nA;MAIN;05/01/2026;3,5\n")
    batch = ImportBatch.objects.get()
    preview = reverse("catalog:import-preview", kwargs={"pk": batch.pk})
    assert response["Location"] == preview
    page = client.get(preview).content.decode()
    assert "3,5" in page
    assert "Artikel" in page
    assert not sent
    incomplete = client.post(preview, {"mode": "strict"})
    assert incomplete.status_code == 422
    assert "No column of the file is used for: SKU, location, day, quantity." in incomplete.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            preview,
            {
                "column-0": "sku",
                "column-1": "location",
                "column-2": "day",
                "column-3": "quantity",
                "mode": "strict",
                "decimal": "comma",
                "date_order": "dmy",
            },
        )
    assert sent == [batch.pk]
    batch.refresh_from_db()
    assert (batch.state, batch.error, batch.created_by) == ("done", "", buyer)
    assert SalesRecord.objects.get().quantity == 3.5
    page = client.get(response["Location"]).content.decode()
    assert "Artikel → sku" in page
    assert client.get(preview).status_code == 302
    assert batch.file_name in client.get(reverse("catalog:import-list")).content.decode()


def test_it_remembers_the_columns_of_files_with_the_same_header(client: Client, buyer: User) -> None:
    done(
        b"Artikel,Lager,Tag,Menge\nA,MAIN,2026-01-05,3\n",
        mapping={"Artikel": "sku", "Lager": "location", "Tag": "day", "Menge": "quantity"},
    )
    client.force_login(buyer)
    response = upload(client, b"Artikel,Lager,Tag,Menge\nA,MAIN,2026-01-06,3\n")
    page = client.get(response["Location"]).content.decode()
    assert page.count(" selected>") >= 4 + 3


def test_it_refuses_a_file_that_cannot_be_read_and_keeps_nothing_of_it(
    client: Client, buyer: User, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    client.force_login(buyer)
    with django_capture_on_commit_callbacks(execute=True):
        response = upload(client, "sku,name\nX,Grüße\n".encode("cp1252"))
    assert response.status_code == 422
    assert "not valid UTF-8" in response.content.decode()
    assert not ImportBatch.objects.exists()
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_it_shows_errors_and_gives_the_rejected_rows_to_be_mended(client: Client, viewer: User) -> None:
    batch = done(SALES + b"NOPE,MAIN,2026-01-05,<script>\n")
    client.force_login(viewer)
    page = client.get(reverse("catalog:import-detail", kwargs={"pk": batch.pk})).content.decode()
    assert "is not a known SKU" in page
    assert "<script>" not in page.split("<main", 1)[1]
    response = client.get(reverse("catalog:import-rejected", kwargs={"pk": batch.pk}))
    assert response["Content-Disposition"].startswith("attachment")
    assert b"NOPE,MAIN" in b"".join(response.streaming_content)  # type: ignore[attr-defined]
    fine = done()
    assert client.get(reverse("catalog:import-rejected", kwargs={"pk": fine.pk})).status_code == 404


def test_it_takes_an_import_back(client: Client, buyer: User, viewer: User) -> None:
    batch = done()
    url = reverse("catalog:import-take-back", kwargs={"pk": batch.pk})
    client.force_login(viewer)
    assert client.post(url).status_code == 403
    assert SalesRecord.objects.exists()
    client.force_login(buyer)
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 302
    assert not SalesRecord.objects.exists()
    batch.refresh_from_db()
    assert batch.taken_back_by == buyer
    page = client.get(reverse("catalog:import-detail", kwargs={"pk": batch.pk})).content.decode()
    assert "Taken back by buyer" in page
    assert "Take the import back" not in page


def test_it_says_why_an_import_cannot_be_taken_back(client: Client, buyer: User) -> None:
    first = done()
    done(SALES.replace(b",3\n", b",4\n"))
    client.force_login(buyer)
    url = reverse("catalog:import-take-back", kwargs={"pk": first.pk})
    assert "cannot be taken back" in client.post(url, follow=True).content.decode()
    assert SalesRecord.objects.get().quantity == 4


def test_it_reports_progress_until_the_import_is_finished(client: Client, buyer: User) -> None:
    batch = services.import_create(kind="sales", file=SimpleUploadedFile("f.csv", SALES), acting_user=buyer)
    client.force_login(buyer)
    url = reverse("job", args=["import", batch.pk])
    assert url in client.get(reverse("catalog:import-detail", kwargs={"pk": batch.pk})).content.decode()
    part = client.get(url, headers={"HX-Request": "true"})
    assert "Waiting for a worker" in part.content.decode()
    assert "HX-Refresh" not in part
    services.import_run(batch_id=batch.pk)
    assert client.get(url, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_it_discards_only_what_has_not_begun(client: Client, buyer: User) -> None:
    client.force_login(buyer)
    upload(client, SALES)
    draft, begun = ImportBatch.objects.get(), done()
    for batch in (draft, begun):
        client.post(reverse("catalog:import-discard", kwargs={"pk": batch.pk}))
    assert list(ImportBatch.objects.all()) == [begun]


def test_it_gives_templates_that_can_be_imported(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    text = client.get(reverse("catalog:import-template", kwargs={"kind": "supplier"})).content
    file = SimpleUploadedFile("supplier.csv", text)
    batch = services.import_create(kind="supplier", file=file, acting_user=None)
    assert services.import_run(batch_id=batch.pk).rows_new == 1
    assert client.get(reverse("catalog:import-template", kwargs={"kind": "nope"})).status_code == 404


PAGES = [
    ("import-list", False),
    ("import-upload", False),
    ("import-detail", True),
    ("import-preview", True),
    ("import-rejected", True),
]


@pytest.mark.parametrize(("name", "has_pk"), PAGES)
def test_it_opens_nothing_to_partners_or_strangers(
    name: str, has_pk: bool, client: Client, partner_of_supplier: User, partner_of_channel: User
) -> None:
    url = reverse(f"catalog:{name}", kwargs={"pk": done().pk} if has_pk else {})
    assert client.get(url)["Location"].startswith(reverse("login"))
    # Not even with every permission.
    partner_of_channel.user_permissions.set(Permission.objects.filter(content_type__app_label="catalog"))
    for partner in (partner_of_supplier, partner_of_channel):
        client.force_login(partner)
        assert client.get(url).status_code == 403


def test_it_lets_a_viewer_look_but_not_import(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(reverse("catalog:import-list")).status_code == 200
    assert client.get(reverse("catalog:import-upload")).status_code == 403
    assert upload(client, SALES).status_code == 403
    batch = services.import_create(
        kind="sales", file=SimpleUploadedFile("f.csv", SALES), acting_user=None, draft=True
    )
    assert client.post(reverse("catalog:import-preview", kwargs={"pk": batch.pk})).status_code == 403
    assert client.post(reverse("catalog:import-discard", kwargs={"pk": batch.pk})).status_code == 403


@pytest.mark.parametrize("rows", [1, 50])
def test_it_lists_imports_with_the_same_few_queries(
    rows: int, client: Client, buyer: User, django_assert_num_queries: Any
) -> None:
    ImportBatch.objects.bulk_create(ImportBatch(kind="sales", created_by=buyer) for _n in range(rows))
    client.force_login(buyer)
    client.get(reverse("catalog:import-list"))
    with django_assert_num_queries(LIST_QUERIES):
        client.get(reverse("catalog:import-list"))


LIST_QUERIES = 8
