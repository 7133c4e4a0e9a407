from __future__ import annotations

import io
from datetime import date
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from catalog.models import Category, Product, ProductImage, SupersededFact
from catalog.services import picture_add
from forecasting.core.pictures.models import ImageModel
from forecasting.models import CategorySuggestion, ProductVector, SignalRun
from forecasting.selectors.vectors import vectors_read
from forecasting.services import suggestions_accept, suggestions_dismiss
from forecasting.services.categories import categories_suggest
from forecasting.services.pictures import pictures_read
from tests.cast import make_category, make_product

pytestmark = pytest.mark.django_db
NAMES = {"mugs": "Coffee mug {}", "socks": "Wool socks {}"}


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((20, 20, 3), shade, np.uint8)).save(out, "PNG")
    return out.getvalue()


def run() -> SignalRun:
    return SignalRun.objects.create(as_of=date(2026, 3, 1), known_at=timezone.now())


def suggest() -> dict[str, Any]:
    return categories_suggest(run(), lambda share: None)


@pytest.fixture
def shop() -> dict[str, Category]:
    """Two categories with fifteen products each; the name says which."""
    categories = {code: make_category(code=code, name=code.title()) for code in NAMES}
    for code, category in categories.items():
        for n in range(15):
            make_product(name=NAMES[code].format(n), category=category)
    return categories


# -- vectors ---------------------------------------------------------------------------------------


class _Encoder:
    """In the network's place: the mean colour, and how many photos were looked at."""

    looked_at = 0

    def __init__(self, model: ImageModel, *, threads: int = 1) -> None:
        pass

    def encode(self, pictures: Any, **_values: Any) -> Any:
        rows = [picture.mean(axis=(0, 1)) / 255 for picture in pictures]
        _Encoder.looked_at += len(rows)
        return np.array(rows, np.float32).reshape(-1, 3)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> type[_Encoder]:
    _Encoder.looked_at = 0
    monkeypatch.setattr("forecasting.services.pictures.Encoder", _Encoder)
    model = ImageModel("made", tmp_path / "m.onnx", "0" * 64)
    monkeypatch.setattr("forecasting.services.pictures.image_model", lambda: model)
    return _Encoder


def read() -> dict[str, Any]:
    return pictures_read(run(), lambda share: None)


def test_it_looks_at_first_photos_once_and_again_when_they_change(encoder: type[_Encoder]) -> None:
    products = [make_product() for _n in range(3)]
    for n, product in enumerate(products[:2]):
        picture_add(product=product, data=png(50 + n))
        picture_add(product=product, data=png(90 + n))
    found = read()
    assert (found["products"], found["encoded"], encoder.looked_at) == (2, 2, 2)
    assert read()["encoded"] == 0
    kept = vectors_read(ProductVector.Kind.IMAGE)
    assert kept.product_ids.tolist() == [products[0].pk, products[1].pk]
    np.testing.assert_allclose(kept.vectors[:, 0], [50 / 255, 51 / 255], atol=0.02)
    ProductImage.objects.filter(product=products[0], position=0).delete()
    assert read()["encoded"] == 1
    ProductImage.objects.filter(product=products[0]).delete()
    assert read()["removed"] == 1
    assert ProductVector.objects.get().product == products[1]


def test_it_looks_again_when_the_model_is_another(
    encoder: type[_Encoder], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    picture_add(product=make_product(), data=png(1))
    first = read()
    other = ImageModel("other", tmp_path / "o.onnx", "1" * 64)
    monkeypatch.setattr("forecasting.services.pictures.image_model", lambda: other)
    second = read()
    assert first["model"] != second["model"]
    assert second["encoded"] == 1
    assert ProductVector.objects.get().model_id == second["model"]


def test_it_skips_and_counts_a_photo_whose_file_is_gone(encoder: type[_Encoder]) -> None:
    gone, there = (picture_add(product=make_product(), data=png(n))[0] for n in range(2))
    gone.file.delete(save=True)
    found = read()
    assert (found["encoded"], found["unreadable"]) == (1, 1)
    assert ProductVector.objects.get().product_id == there.product_id


def test_it_runs_the_network_that_comes_along() -> None:
    picture_add(product=make_product(), data=png(120))
    found = read()
    assert found["model"].startswith("efficientnet-lite0-")
    vector = vectors_read(ProductVector.Kind.IMAGE).vectors
    assert vector.shape == (1, 1280)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=0.01)


# -- suggestions -----------------------------------------------------------------------------------


def test_it_suggests_a_category_and_doubts_a_wrong_one(shop: dict[str, Category]) -> None:
    missing = make_product(name="Wool socks grey")
    wrong = make_product(name="Coffee mug big", category=shop["socks"])
    found = suggest()
    assert (found["suggested"], found["contradicted"]) == (1, 1)
    one, other = (CategorySuggestion.objects.get(product=product) for product in (missing, wrong))
    assert (one.category, one.contradicts, one.basis) == (shop["socks"], False, "text")
    assert (other.category, other.contradicts) == (shop["mugs"], True)
    assert one.best[0] == [shop["socks"].pk, one.probability]
    assert suggest()["suggested"] == 1
    assert CategorySuggestion.objects.count() == 2


def test_it_learns_from_photos_where_there_are_no_telling_names(encoder: type[_Encoder]) -> None:
    for code, shade in (("dark", 20), ("light", 220)):
        category = make_category(code=code)
        for n in range(15):
            product = make_product(name="Thing", category=category)
            picture_add(product=product, data=png(shade + n))
    unknown = make_product(name="Thing")
    picture_add(product=unknown, data=png(225))
    read()
    # A mean colour is no direction: made one here by what is left to white.
    for row in ProductVector.objects.all():
        level = np.frombuffer(bytes(row.vector), "<f2")[0]
        row.vector = np.array([level, 1 - level], "<f2").tobytes()
        row.save()
    suggest()
    one = CategorySuggestion.objects.get(product=unknown)
    assert (one.category.code, one.basis) == ("light", "both")


def test_it_suggests_nothing_in_a_shop_that_has_too_little_to_learn_from() -> None:
    category = make_category()
    for _n in range(30):
        make_product(category=category)
    make_product()
    assert suggest()["suggested"] == 0


def test_it_accepts_a_suggestion_with_its_history_and_keeps_the_decision(
    shop: dict[str, Category], buyer: User
) -> None:
    product = make_product(name="Wool socks grey")
    suggest()
    assert suggestions_accept(product_ids=[product.pk], acting_user=buyer) == 1
    product.refresh_from_db()
    assert product.category == shop["socks"]
    assert SupersededFact.objects.filter(kind="product", row__id=product.pk).count() == 1
    decided = CategorySuggestion.objects.get(product=product)
    assert (decided.state, decided.decided_by) == ("accepted", buyer)
    suggest()
    assert CategorySuggestion.objects.get(product=product).state == "accepted"
    assert suggestions_accept(product_ids=[product.pk], acting_user=buyer) == 0


def test_it_brings_a_dismissed_suggestion_back_only_for_another_name(
    shop: dict[str, Category], buyer: User
) -> None:
    product = make_product(name="Wool socks grey")
    suggest()
    assert suggestions_dismiss(product_ids=[product.pk], acting_user=buyer) == 1
    suggest()
    assert CategorySuggestion.objects.get(product=product).state == "dismissed"
    Product.objects.filter(pk=product.pk).update(name="Coffee mug grey")
    suggest()
    one = CategorySuggestion.objects.get(product=product)
    assert (one.state, one.category, one.decided_by) == ("open", shop["mugs"], None)


def test_it_leaves_a_product_alone_that_got_a_category_meanwhile(
    shop: dict[str, Category], buyer: User
) -> None:
    product = make_product(name="Wool socks grey")
    suggest()
    Product.objects.filter(pk=product.pk).update(category=shop["mugs"])
    assert suggestions_accept(product_ids=[product.pk], acting_user=buyer) == 0
    product.refresh_from_db()
    assert product.category == shop["mugs"]
    assert CategorySuggestion.objects.get(product=product).state == "open"


# -- the page --------------------------------------------------------------------------------------

PAGE = "forecasting:category-suggestions"
DECIDE = "forecasting:category-decide"


def test_the_page_shows_suggestions_to_those_who_may_and_decides_for_buyers(
    client: Client, buyer: User, viewer: User, partner_of_supplier: User, shop: dict[str, Category]
) -> None:
    product = make_product(name="Wool socks grey")
    other = make_product(name="Coffee mug grey")
    suggest()
    client.force_login(partner_of_supplier)
    assert client.get(reverse(PAGE)).status_code == 403
    client.force_login(viewer)
    content = client.get(reverse(PAGE)).content.decode()
    assert product.sku in content
    assert "Accept the ticked" not in content
    assert client.post(reverse(DECIDE), {"verb": "accept", "product": product.pk}).status_code == 403
    client.force_login(buyer)
    client.post(reverse(DECIDE), {"verb": "accept", "product": [product.pk, "x", "9" * 30]})
    client.post(reverse(DECIDE), {"verb": "dismiss", "product": other.pk})
    states = CategorySuggestion.objects.order_by("product").values_list("state", flat=True)
    assert list(states) == ["accepted", "dismissed"]
    for view in ("accepted", "dismissed", "doubted", "nonsense"):
        assert client.get(reverse(PAGE), {"view": view, "q": "socks", "at_least": "50"}).status_code == 200


def test_it_accepts_all_from_a_probability_up(client: Client, buyer: User, shop: dict[str, Category]) -> None:
    products = [make_product(name=f"Wool socks {n} grey") for n in range(3)]
    suggest()
    CategorySuggestion.objects.filter(product=products[0]).update(probability=0.6)
    client.force_login(buyer)
    # Without a level nothing is accepted unseen.
    client.post(reverse(DECIDE), {"verb": "accept-all", "view": "missing", "at_least": "0"})
    assert not Product.objects.filter(pk__in=[p.pk for p in products], category__isnull=False).exists()
    client.post(reverse(DECIDE), {"verb": "accept-all", "view": "missing", "at_least": "70"})
    kept = Product.objects.filter(pk__in=[p.pk for p in products]).order_by("pk")
    assert [product.category for product in kept] == [None, shop["socks"], shop["socks"]]


def test_the_page_takes_as_many_queries_for_fifty_as_for_one(
    client: Client, buyer: User, shop: dict[str, Category], django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(buyer)
    counts = []
    for more in (1, 49):
        for _n in range(more):
            product = make_product(name="Wool socks grey")
            CategorySuggestion.objects.create(
                product=product,
                category=shop["socks"],
                probability=0.9,
                basis="text",
                best=[[shop["socks"].pk, 0.9], [shop["mugs"].pk, 0.1]],
                content_sha="x",
                model_id="m",
            )
        client.get(reverse(PAGE))
        with CaptureQueriesContext(connection) as caught:
            assert client.get(reverse(PAGE)).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_the_api_accepts_once(client: Client, buyer: User, shop: dict[str, Category]) -> None:
    product = make_product(name="Wool socks grey")
    suggest()
    client.force_login(buyer)
    accept = reverse("api:category-suggestion-accept", args=[product.pk])
    first = client.post(accept)
    assert (first.status_code, first.json()["state"], first.json()["present"]) == (200, "accepted", "socks")
    assert client.post(accept).status_code == 409
    assert client.post(reverse("api:category-suggestion-dismiss", args=[product.pk])).status_code == 409
