"""Photos in the workbench and on the SKU page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import ProductImage
from tests.cast import make_product, make_terms
from tests.site.api_world import World, add_image, add_suggestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(buyer: User, approver: User, partner_of_supplier: User, partner_of_channel: User) -> World:
    return World(
        buyer=buyer,
        approver=approver,
        own_supplier=partner_of_supplier.partner.supplier,
        own_location=partner_of_channel.partner.location,
    )


def test_the_workbench_shows_first_photos_with_one_query_for_all(
    client: Client, buyer: User, world: World
) -> None:
    client.force_login(buyer)
    address = reverse("replenishment:workbench") + "?state=all"

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(address).status_code == 200
        return [query["sql"] for query in caught if ProductImage._meta.db_table in query["sql"]]

    assert len(queries()) == 1
    for _n in range(5):
        product = make_product()
        add_image(product)
        add_suggestion(world.plan, product, world.location, make_terms(product=product))
    assert len(queries()) == 1
    content = client.get(address).content.decode()
    for image in ProductImage.objects.all():
        assert reverse("catalog:picture", args=[image.pk, 64]) in content


def test_the_sku_page_shows_the_photo_and_asks_for_all_of_them(
    client: Client, viewer: User, world: World
) -> None:
    client.force_login(viewer)
    page = client.get(reverse("replenishment:sku", args=[world.product.pk, world.location.pk]))
    content = page.content.decode()
    assert reverse("catalog:picture", args=[world.image.pk, 64]) in content
    assert reverse("catalog:picture-panel", args=[world.product.pk]) in content


def test_who_may_not_see_photos_sees_none(client: Client, viewer: User, world: World) -> None:
    group = viewer.groups.get()
    group.permissions.remove(group.permissions.get(codename="view_productimage"))
    client.force_login(viewer)
    for address in (
        reverse("replenishment:workbench") + "?state=all",
        reverse("replenishment:sku", args=[world.product.pk, world.location.pk]),
    ):
        assert "/pictures/" not in client.get(address).content.decode()
