"""Photos of many products in one ZIP file, as an import in the background; hostile files among them."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import DjangoCaptureOnCommitCallbacks

from catalog.models import ImportBatch, ProductImage
from catalog.services import (
    CatalogError,
    batch_take_back,
    import_create,
    import_run,
    picture_add,
    picture_import,
    picture_uploads_prune,
)
from catalog.services.picture_zip import picture_zip_open
from tests.cast import make_product, make_user
from tests.catalog.make import png

pytestmark = pytest.mark.django_db

Files = Mapping[str, bytes] | list[tuple[str, bytes]]


def zipped(files: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names that are there twice
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data)
    return out.getvalue()


def queued(data: bytes) -> ImportBatch:
    upload = SimpleUploadedFile("p.zip", data)
    return import_create(kind=ImportBatch.PHOTOS, file=upload, file_name="p.zip", acting_user=None)


def taken(files: Files) -> ImportBatch:
    return import_run(batch_id=queued(zipped(files)).pk)


def counts(batch: ImportBatch) -> tuple[int, int, int, int]:
    return batch.rows_new, batch.rows_changed, batch.rows_unchanged, batch.rows_rejected


def refused(batch: ImportBatch) -> dict[str, str]:
    return {error["value"]: error["reason"] for error in batch.errors}


def kept() -> list[tuple[str, int]]:
    images = ProductImage.objects.order_by("product__sku", "position")
    return list(images.values_list("product__sku", "position"))


# -- what it takes ---------------------------------------------------------------------------------


def test_it_takes_photos_named_after_their_sku() -> None:
    for sku in ("A", "B-2"):
        make_product(sku=sku)
    batch = taken(
        {
            "photos/A.png": png(1),
            "photos/A-2.png": png(2),
            "B-2.png": png(3),
            "C.png": png(4),
            "A-3.png": b"<svg/>",
            "photos/": b"",
            "__MACOSX/A.png": b"x",
            ".DS_Store": b"x",
        }
    )
    assert (batch.state, batch.rows_read, batch.mode) == ("done", 5, "good-rows")
    assert counts(batch) == (3, 0, 0, 2)
    assert refused(batch).keys() == {"C.png", "A-3.png"}
    assert kept() == [("A", 0), ("A", 1), ("B-2", 0)]
    assert set(ProductImage.objects.values_list("batch_id", flat=True)) == {batch.pk}


def test_it_follows_an_index_and_the_same_file_again_changes_nothing() -> None:
    make_product(sku="A")
    index = 'sku,file,position,credit\nA,x.png,{},"Ann, CC BY"\nA,none.png,,\nZ,x.png,,\nA,x.png,minus,\n'
    for place, expected in ((4, (1, 0, 0, 3)), (4, (0, 0, 1, 3)), (2, (0, 1, 0, 3))):
        batch = taken({"in/index.csv": index.format(place).encode(), "in/x.png": png()})
        assert counts(batch) == expected
        assert list(refused(batch)) == ["index.csv, 5", "in/none.png", "in/x.png"]
    image = ProductImage.objects.get()
    assert (image.position, image.credit) == (2, "Ann, CC BY")


def test_it_lists_what_was_refused_for_a_spreadsheet_and_in_the_language_of_who_asked() -> None:
    with translation.override("zh-hans"):
        batch = queued(zipped({"=cmd().png": png(), "x\u202egnp.png": png(1)}))
    batch = import_run(batch_id=batch.pk)
    with batch.rejected_file.open("rb") as file:
        lines = file.read().decode("utf-8-sig").splitlines()
    assert lines[0] == "file,sku,error"
    assert lines[1].startswith("'=cmd().png,'=cmd(),")
    assert lines[2].startswith("x\N{REPLACEMENT CHARACTER}gnp.png")
    assert not lines[1].isascii()


# -- hostile files ---------------------------------------------------------------------------------


def test_names_are_never_paths_on_disk() -> None:
    make_product(sku="A")
    var = Path(django_settings.MEDIA_ROOT).resolve().parent
    before = {path for path in var.rglob("A*") if path.is_file()}
    names = ["../../A.png", "/A-2.png", "C:\\A-3.png", "x/../../../A-4.png"]
    batch = taken([(name, png(shade)) for shade, name in enumerate(names)])
    assert batch.rows_new == 3
    assert list(refused(batch)) == ["C:\\A-3.png"]
    assert {path for path in var.rglob("A*") if path.is_file()} == before
    assert all(name.startswith("products/") for name in ProductImage.objects.values_list("file", flat=True))


def test_it_takes_neither_of_two_files_of_one_name() -> None:
    make_product(sku="A")
    batch = taken([("A.png", png(1)), ("A.png", png(2)), ("A-2.png", png(3))])
    assert kept() == [("A", 1)]
    assert "more than one file" in refused(batch)["A.png"]


def test_it_looks_for_no_photos_in_a_zip_file_within() -> None:
    make_product(sku="A")
    batch = taken({"A.zip": zipped({"A.png": png()}), "A-2.html": b"<script>", "A-3.png": b"GIF89a"})
    assert batch.rows_rejected == 3
    assert "not a JPEG" in refused(batch)["A.zip"]
    assert not ProductImage.objects.exists()


def test_it_refuses_bombs_before_it_unpacks_them(settings: Any) -> None:
    make_product(sku="A")
    bomb = zipped({"A.png": b"\0" * 15_000_000, "A-2.png": png()}, zipfile.ZIP_DEFLATED)
    batch = import_run(batch_id=queued(bomb).pk)
    assert "unpacks to more" in refused(batch)["A.png"]
    assert batch.rows_new == 1
    settings.FORESTOCK_UPLOAD_LIMIT_BYTES = 1_000_000
    batch = import_run(batch_id=queued(bomb).pk)
    assert (batch.state, batch.rows_new) == ("failed", 0)
    assert "unpacks to more than 0 MB" in batch.error


def test_it_unpacks_by_no_method_that_asks_for_memory_first() -> None:
    make_product(sku="A")
    batch = import_run(batch_id=queued(zipped({"A.png": png()}, zipfile.ZIP_LZMA)).pk)
    assert "unpacked" in refused(batch)["A.png"]


def test_it_refuses_long_lists_before_it_reads_them() -> None:
    with pytest.raises(CatalogError, match="more than 3 photos"):
        picture_zip_open(io.BytesIO(zipped({f"A-{n}.png": b"x" for n in range(5)})), most=3)
    long = zipped({"A.png": b"x"})
    directory = long.rindex(b"PK\x05\x06") + 12
    for tampered in (
        long[:directory] + (50_000_000).to_bytes(4, "little") + long[directory + 4 :],
        long[: directory - 12] + b"PK\x06\x07" + bytes(16) + long[directory - 12 :],
    ):
        with pytest.raises(CatalogError, match="more than 5000 photos"):
            picture_zip_open(io.BytesIO(tampered))
    many = b"sku,file\n" + b"A,x.png\n" * 4
    with pytest.raises(CatalogError, match="more than 3 photos"):
        picture_zip_open(io.BytesIO(zipped({"index.csv": many, "x.png": b"x"})), most=3)


@pytest.mark.parametrize(
    "data", [b"x", b"PK\x03\x04", png(), zipped({"A.png": b"x"})[:-8], b"PK\x05\x06" + b"\xff" * 18]
)
def test_it_fails_with_a_word_on_what_is_no_zip_file(data: bytes) -> None:
    batch = import_run(batch_id=queued(data).pk)
    assert batch.state == "failed"
    assert "ZIP" in batch.error or "photos" in batch.error
    assert batch.can_retry


def test_it_refuses_an_index_that_is_none() -> None:
    for index in (b"sku;file\n", b"\xff\xfe", b"", b"sku,file\nA\x00,x.png\n"):
        batch = taken({"index.csv": index})
        assert (batch.state, batch.rows_read) == ("failed", 0)
        assert "index.csv" in batch.error


def test_damaged_and_encrypted_entries_keep_no_other_from_being_taken() -> None:
    make_product(sku="A")
    data = bytearray(zipped({"A.png": png(), "A-2.png": png(1), "A-3.png": png(2)}))
    data[60:80] = b"\xff" * 20
    # The flags of the second entry in the list at the end.
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 8] |= 1
    batch = import_run(batch_id=queued(bytes(data)).pk)
    assert kept() == [("A", 2)]
    assert [*refused(batch)] == ["A.png", "A-2.png"]
    assert "encrypted" in refused(batch)["A-2.png"]


# -- as a job --------------------------------------------------------------------------------------


@pytest.fixture
def three() -> ImportBatch:
    """An import of three photos that waits; there is a fourth of before."""
    product = make_product(sku="A")
    picture_add(product=product, data=png(9))
    return queued(zipped({f"A-{n}.png": png(n) for n in (1, 2, 3)}))


def test_it_deletes_the_upload_when_all_is_done(
    three: ImportBatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    upload = str(three.file)
    assert upload.endswith(".zip")
    assert "p.zip" not in upload
    with django_capture_on_commit_callbacks(execute=True):
        done = import_run(batch_id=three.pk)
    assert (done.state, done.rows_new, str(done.file)) == ("done", 3, "")
    assert not default_storage.exists(upload)
    assert done.sha256 == three.sha256 != ""


def test_it_goes_on_where_a_killed_worker_stopped(
    three: ImportBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[bytes] = []
    killed_at = 2

    def add(**values: Any) -> Any:
        if len(added) == killed_at:
            raise SystemExit  # as if the process ended here: no error is noted
        added.append(values["data"])
        return picture_add(**values)

    monkeypatch.setattr(picture_import, "picture_add", add)
    with pytest.raises(SystemExit):
        import_run(batch_id=three.pk)
    three.refresh_from_db()
    assert (three.state, ProductImage.objects.filter(batch=three).count()) == ("running", 2)
    assert import_run(batch_id=three.pk).state == "running", "its worker may be alive"
    long_ago = timezone.now() - timedelta(hours=1)
    ImportBatch.objects.filter(pk=three.pk).update(heartbeat_at=long_ago)
    assert ImportBatch.stale_ids() == [three.pk]
    killed_at = 9
    done = import_run(batch_id=three.pk)
    assert (done.state, done.attempts, counts(done)) == ("done", 2, (3, 0, 0, 0))
    assert added == [png(1), png(2), png(3)]


def test_a_stop_writes_no_further_photo_and_a_retry_does_the_rest(three: ImportBatch) -> None:
    shares: list[float] = []

    def say(step: str, share: float) -> None:
        shares.append(share)
        if len(shares) == 3:  # before the second photo
            ImportBatch.stop(three.pk, "Stopped by buyer.")

    stopped = import_run(batch_id=three.pk, on_progress=say)
    assert (stopped.state, stopped.can_retry) == ("stopped", True)
    assert shares == [0.0, 0.0, pytest.approx(1 / 3)]
    assert ProductImage.objects.filter(batch=three).count() == 1
    assert ImportBatch.retry(three.pk, "buyer")
    assert counts(import_run(batch_id=three.pk)) == (3, 0, 0, 0)


def test_uploads_of_imports_that_never_ended_well_are_let_go(settings: Any) -> None:
    batch = import_run(batch_id=queued(b"no ZIP file").pk)
    assert picture_uploads_prune() == 0
    long_ago = timezone.now() - timedelta(days=settings.FORESTOCK_JOB_LOG_DAYS + 1)
    ImportBatch.objects.filter(pk=batch.pk).update(finished_at=long_ago)
    assert picture_uploads_prune() == 1
    assert not default_storage.exists(str(batch.file))
    batch.refresh_from_db()
    assert not batch.can_retry
    assert not ImportBatch.retry(batch.pk, "buyer")


def test_taking_it_back_deletes_what_it_added(three: ImportBatch, buyer: User) -> None:
    before = ProductImage.objects.get()
    batch_take_back(batch=import_run(batch_id=three.pk), acting_user=buyer)
    assert ProductImage.objects.get() == before


# -- pages and the API -----------------------------------------------------------------------------


def test_a_buyer_imports_a_zip_file_and_sees_what_was_refused(
    client: Client, buyer: User, viewer: User, partner_of_supplier: User
) -> None:
    make_product(sku="A")
    page = reverse("catalog:picture-import")
    half = make_user("half")
    half.user_permissions.add(Permission.objects.get(codename="add_importbatch"))
    for user in (viewer, half, partner_of_supplier):
        client.force_login(user)
        assert client.get(page).status_code == 403
    client.force_login(buyer)
    assert "5,000" in client.get(page).content.decode()
    assert client.post(page, {"other": "1"}).status_code == 422
    file = zipped({"A.png": png(), "<b>.png": png(1)})
    response = client.post(page, {"file": SimpleUploadedFile("p.zip", file)})
    batch = ImportBatch.objects.get()
    detail = reverse("catalog:import-detail", args=[batch.pk])
    assert (response.status_code, response["Location"]) == (302, detail)
    assert (batch.state, batch.kind, batch.created_by) == ("queued", "photos", buyer)
    import_run(batch_id=batch.pk)
    content = client.get(detail).content.decode()
    assert "&lt;b&gt;.png" in content
    assert "<b>.png" not in content
    rejected = client.get(reverse("catalog:import-rejected", args=[batch.pk]))
    assert b"<b>.png" in rejected.getvalue()


def test_it_says_what_stays_of_an_import_that_ended_early(
    client: Client, buyer: User, three: ImportBatch
) -> None:
    import_run(batch_id=three.pk)
    ImportBatch.objects.filter(pk=three.pk).update(state="failed", error="power", file="x.zip")
    client.force_login(buyer)
    content = client.get(reverse("catalog:import-detail", args=[three.pk])).content.decode()
    assert "3 photos were taken in by then" in content
    assert "Nothing was loaded" not in content


def test_the_api_takes_a_zip_file(client: Client, buyer: User) -> None:
    make_product(sku="A")
    address = reverse("api:import-list")

    def send(user: User) -> Any:
        client.force_login(user)
        upload = SimpleUploadedFile("p.zip", zipped({"A.png": png(), "B.png": png(1)}))
        return client.post(address, {"kind": "photos", "file": upload})

    half = make_user("half")
    half.user_permissions.add(Permission.objects.get(codename="add_importbatch"))
    assert send(half).status_code == 403
    response = send(buyer)
    assert response.status_code == 202
    number = response.json()["id"]
    import_run(batch_id=number)
    told = client.get(reverse("api:import-detail", args=[number])).json()
    assert (told["state"], told["rows_new"], told["has_rejected_rows"]) == ("done", 1, True)
    rejected = client.get(
        reverse("api:import-rejected", args=[number]), headers={"Accept": "text/csv"}
    ).getvalue()
    assert rejected.decode("utf-8-sig").startswith("file,sku,error\nB.png,B,")
