from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from catalog.models import Product, ProductImage
from catalog.selectors import PICTURE_SIZES, picture_file, pictures_first
from catalog.services import CatalogError, picture_add, picture_delete
from tests.cast import make_product, make_terms
from tests.catalog.make import png

pytestmark = pytest.mark.django_db


def files_of(image: ProductImage) -> list[str]:
    assert image.file.name
    return [image.file.name, *(picture_file(image.file.name, side) for side in PICTURE_SIZES)]


# -- one by one ------------------------------------------------------------------------------------


def test_it_keeps_a_photo_encoded_anew_with_its_thumbnails() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (3200, 1000), "navy").save(out, "JPEG", exif=exif, comment=b"<script>")
    image, is_new = picture_add(
        product=make_product(), data=out.getvalue() + b"PK<script>", credit="Ann, CC0"
    )
    assert is_new
    assert (image.width, image.height, image.media_type) == (500, 1600, "image/webp")
    assert image.credit == "Ann, CC0"
    sizes = {}
    for name in files_of(image):
        with default_storage.open(name) as file:
            data = file.read()
        assert b"script" not in data
        sizes[max(Image.open(io.BytesIO(data)).size)] = Image.open(io.BytesIO(data)).format
    assert sizes == {1600: "WEBP", 480: "WEBP", 160: "WEBP", 64: "WEBP"}


def test_it_takes_the_same_file_of_a_product_once() -> None:
    product = make_product()
    image, _new = picture_add(product=product, data=png())
    again, is_new = picture_add(product=product, data=png(), position=3, credit="Bea")
    assert (again.pk, is_new, again.position, again.credit) == (image.pk, False, 3, "Bea")
    assert picture_add(product=make_product(), data=png())[1]


def test_it_puts_a_photo_last_or_where_it_is_said() -> None:
    product = make_product()
    places = [picture_add(product=product, data=png(n))[0].position for n in range(3)]
    assert places == [0, 1, 2]
    first = picture_add(product=product, data=png(9), position=0)[0]
    assert pictures_first([product.pk]) == {product.pk: ProductImage.objects.earliest("pk")}
    assert first.position == 0


def test_it_refuses_what_can_not_be_decoded_and_keeps_nothing() -> None:
    product = make_product()
    for data, words in ((b"<svg onload=alert(1)>", "not a JPEG"), (png()[:60], "damaged"), (b"", "empty")):
        with pytest.raises(CatalogError, match=words):
            picture_add(product=product, data=data)
    assert not ProductImage.objects.exists()


def test_it_deletes_a_photo_with_its_files(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    image, _new = picture_add(product=make_product(), data=png())
    names = files_of(image)
    assert all(default_storage.exists(name) for name in names)
    with django_capture_on_commit_callbacks(execute=True):
        picture_delete(image=image)
    assert not any(default_storage.exists(name) for name in names)


# -- pages -----------------------------------------------------------------------------------------


@pytest.fixture
def image() -> ProductImage:
    return picture_add(product=make_product(), data=png())[0]


def url(image: ProductImage, size: object = 160) -> str:
    return reverse("catalog:picture", args=[image.pk, size])


def test_it_serves_a_photo_that_browsers_keep_and_never_guess(
    client: Client, viewer: User, image: ProductImage
) -> None:
    client.force_login(viewer)
    response = client.get(url(image))
    assert response.status_code == 200
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private, max-age=31536000")
    assert Image.open(io.BytesIO(response.getvalue())).size == (40, 30)
    assert client.get(url(image, "full")).status_code == 200
    for size in ("65", "9999999999", "x"):
        assert client.get(url(image, size)).status_code == 404
    assert client.get(reverse("catalog:picture", args=[10**30, "64"])).status_code == 404


def test_it_answers_with_404_where_the_file_is_gone(
    client: Client, viewer: User, image: ProductImage
) -> None:
    Path(default_storage.path(files_of(image)[2])).unlink()
    client.force_login(viewer)
    assert client.get(url(image)).status_code == 404


def test_it_shows_a_supplier_the_photos_of_its_own_products(
    client: Client, partner_of_supplier: User, partner_of_channel: User, image: ProductImage
) -> None:
    own = make_product()
    make_terms(supplier=partner_of_supplier.partner.supplier, product=own)
    of_own = picture_add(product=own, data=png(7))[0]
    client.force_login(partner_of_supplier)
    assert client.get(url(of_own)).status_code == 200
    assert client.get(url(image)).status_code == 404
    client.force_login(partner_of_channel)
    assert client.get(url(of_own)).status_code == 404


def test_it_keeps_strangers_and_those_without_the_permission_out(client: Client, image: ProductImage) -> None:
    assert client.get(url(image)).status_code == 302
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(url(image)).status_code == 403
    assert client.get(reverse("catalog:picture-panel", args=[image.product_id])).status_code == 403


def test_a_buyer_adds_and_deletes_a_photo_and_a_viewer_does_not(
    client: Client, buyer: User, viewer: User, partner_of_supplier: User
) -> None:
    product = make_product()
    panel = reverse("catalog:picture-panel", args=[product.pk])

    def send(data: bytes) -> Any:
        return client.post(panel, {"file": SimpleUploadedFile("p.png", data), "credit": "Ann"})

    for user in (viewer, partner_of_supplier):
        client.force_login(user)
        assert send(png()).status_code == 403
    client.force_login(buyer)
    response = send(png())
    assert response.status_code == 200
    assert "Ann" in response.content.decode()
    refused = send(b"<svg/>")
    assert refused.status_code == 422
    assert "not%20a%20JPEG" in refused["X-Message"]
    image = ProductImage.objects.get()
    delete = reverse("catalog:picture-delete", args=[image.pk])
    client.force_login(viewer)
    assert client.post(delete).status_code == 403
    client.force_login(buyer)
    assert client.get(delete).status_code == 405
    assert client.post(delete, follow=True).status_code == 200
    assert not ProductImage.objects.exists()


def test_an_admin_adds_a_photo_in_the_admin(client: Client, superuser: User) -> None:
    product = make_product()
    client.force_login(superuser)
    add = reverse("admin:catalog_productimage_add")
    values = {"product": product.pk, "credit": "Ann"}
    refused = client.post(add, values | {"upload": SimpleUploadedFile("p.png", b"<svg/>")})
    assert refused.status_code == 200
    assert not ProductImage.objects.exists()
    response = client.post(add, values | {"upload": SimpleUploadedFile("p.png", png())})
    assert response.status_code == 302
    image = ProductImage.objects.get()
    assert (image.product, image.credit) == (product, "Ann")
    for page in ("admin:catalog_productimage_changelist",):
        assert client.get(reverse(page)).status_code == 200
    for page, pk in (("productimage", image.pk), ("product", product.pk)):
        assert client.get(reverse(f"admin:catalog_{page}_change", args=[pk])).status_code == 200


# -- the API ---------------------------------------------------------------------------------------


def test_the_api_takes_a_photo_once_and_says_why_it_refuses(client: Client, buyer: User) -> None:
    make_product(sku="A")
    client.force_login(buyer)
    address = reverse("api:product-image-list")

    def send(data: bytes, **values: Any) -> Any:
        return client.post(address, {"sku": "A", "file": SimpleUploadedFile("p.png", data)} | values)

    assert [send(png()).status_code, send(png()).status_code] == [201, 200]
    assert send(b"<svg/>").status_code >= 400
    assert send(png(), sku="B").status_code == 400
    listed = client.get(address, {"sku": "A"}).json()["results"]
    assert [row["sku"] for row in listed] == ["A"]
    assert set(listed[0]["urls"]) == {"64", "160", "480", "full"}


def test_a_token_fetches_the_photos_that_it_lists(buyer: User, image: ProductImage) -> None:
    client = APIClient(headers={"Authorization": f"Token {AuthToken.objects.create(buyer)[1]}"})
    [listed] = client.get(reverse("api:product-image-list")).json()["results"]
    assert listed["urls"]["480"] == f"http://testserver/api/v1/product-images/{image.pk}/file/?size=480"
    for size, address in listed["urls"].items():
        response = client.get(address, headers={"Accept": "image/webp"})
        assert response.status_code == 200
        assert response["Content-Type"] == "image/webp"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"].startswith("private")
        assert "Authorization" in response["Vary"]
        data = response.getvalue()
        assert Image.open(io.BytesIO(data)).format == "WEBP"
        again = client.get(address, headers={"If-None-Match": response["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", response["ETag"])
        assert client.get(address, headers={"If-None-Match": '"other"'}).getvalue() == data, size
    file = reverse("api:product-image-file", args=[image.pk])
    assert client.get(file).getvalue() == client.get(listed["urls"]["full"]).getvalue()
    refused = client.get(file, {"size": "300"}, headers={"Accept": "image/webp"})
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"][0]["parameter"] == "size"


def test_a_token_fetches_no_photo_of_others(
    buyer: User, partner_of_supplier: User, partner_of_channel: User, image: ProductImage
) -> None:
    own = make_product()
    make_terms(supplier=partner_of_supplier.partner.supplier, product=own)
    of_own = picture_add(product=own, data=png(7))[0]

    def fetched(user: User | None, image: ProductImage) -> int:
        client = APIClient()
        if user is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user)[1]}")
        return int(client.get(reverse("api:product-image-file", args=[image.pk]), {"size": 64}).status_code)

    assert [fetched(buyer, one) for one in (image, of_own)] == [200, 200]
    assert [fetched(partner_of_supplier, one) for one in (image, of_own)] == [404, 200]
    assert [fetched(partner_of_channel, one) for one in (image, of_own)] == [403, 403]
    assert fetched(User.objects.create_user("nobody"), image) == 403
    assert fetched(None, image) == 401


def test_first_photos_take_one_query(django_assert_num_queries: Any) -> None:
    products: list[Product] = [make_product() for _n in range(3)]
    for n, product in enumerate(products):
        picture_add(product=product, data=png(n))
    with django_assert_num_queries(1):
        assert len(pictures_first([product.pk for product in products])) == 3


def test_pixels_survive_the_way_into_the_shop(image: ProductImage) -> None:
    with default_storage.open(files_of(image)[0]) as file:
        pixels = np.asarray(Image.open(io.BytesIO(file.read())))
    np.testing.assert_allclose(pixels.reshape(-1, 3).mean(axis=0), [200, 10, 10], atol=6)
