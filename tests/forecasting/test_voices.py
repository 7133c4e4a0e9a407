from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product, Review
from forecasting import services
from forecasting.models import ProductVector, ProductVoice, ReviewReading, SignalRun
from forecasting.services.product_texts import texts_step
from forecasting.services.voices import reviews_step
from tests.cast import make_product

AS_OF = date(2026, 6, 28)
LIST = reverse("forecasting:voice-list")
GOOD = "The battery is excellent and I love the sound"
BAD = "The battery is terrible, it broke and I hate it"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def artifacts(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_ROOT = tmp_path


def make_review(product: Product, text: str, *, days_ago: int = 1, **values: Any) -> Review:
    number = values.pop("number", f"{Review.objects.count() + 1}")
    return Review.objects.create(
        source="shop",
        number=number,
        product=product,
        day=AS_OF - timedelta(days=days_ago),
        text=text,
        recorded_at=values.pop("recorded_at", timezone.now()),
        **values,
    )


def run_steps() -> dict[str, Any]:
    run = services.signal_run_create(acting_user=None, as_of=AS_OF)
    return reviews_step(run, lambda share: None)


def test_it_reads_reviews_and_sums_them_up_by_product() -> None:
    praised, blamed = make_product(), make_product()
    make_review(praised, GOOD, number="1")
    make_review(blamed, BAD, title="Never again")
    make_review(blamed, "https://example.com buy here")
    make_review(blamed, "!!!")
    found = run_steps()
    assert (found["new"], found["left_out"], found["products"]) == (4, 2, 2)
    best, worst = ProductVoice.objects.order_by("-level")
    assert (best.product, worst.product) == (praised, blamed)
    assert (worst.reviews, worst.left_out) == (1, 2)
    assert worst.low is not None
    assert worst.level is not None
    assert worst.high is not None
    assert worst.low < worst.level < worst.high
    assert [line["aspect"] for line in best.aspects] == ["battery", "sound"] or best.aspects
    reading = ReviewReading.objects.get(review__title="Never again")
    assert reading.language == "en"
    assert reading.p_positive is not None
    assert reading.p_positive < 0.3
    spans = {("Never again\n" + BAD)[one["start"] : one["end"]] for one in reading.aspects}
    assert "The battery is terrible" in spans


def test_only_what_is_new_or_changed_is_read_again() -> None:
    product = make_product()
    first = make_review(product, GOOD)
    assert run_steps()["new"] == 1
    assert run_steps()["new"] == 0
    make_review(product, "Quite another one, and a good one")
    Review.objects.filter(pk=first.pk).update(text=BAD)
    assert run_steps()["new"] == 2


def test_a_copy_is_left_out_when_it_comes_and_both_are_kept() -> None:
    one, other = make_product(), make_product()
    make_review(one, GOOD + ", and so does my whole family, every day", days_ago=5)
    make_review(other, GOOD + ", and so does my whole family, every day!", days_ago=2)
    assert run_steps()["left_out"] == 1
    assert ReviewReading.objects.get(review__product=other).left_out == "duplicate"
    assert ProductVoice.objects.get(product=other).level is None


def test_it_does_not_see_what_is_later_or_was_recorded_later() -> None:
    product = make_product()
    make_review(product, GOOD, days_ago=-1)
    make_review(product, GOOD, recorded_at=timezone.now() + timedelta(hours=1))
    assert run_steps()["new"] == 0
    assert not ProductVoice.objects.exists()


def test_the_shops_rated_reviews_teach_it() -> None:
    product = make_product()
    for row in range(220):
        word, rating = ("zorp", 5) if row % 2 else ("quux", 1)
        make_review(product, f"a {word} item number {row // 2}", rating=rating)
    unrated = make_review(product, "truly a zorp item")
    found = run_steps()
    assert "+200-" in found["model"]
    reading = ReviewReading.objects.get(review=unrated)
    assert reading.p_positive is not None
    assert reading.p_positive > 0.8
    assert run_steps()["new"] == 0, "the model is the same while the labels are"


def test_a_few_edits_leave_other_readings_and_many_do_not() -> None:
    product = make_product()
    for row in range(239):
        word, rating = ("zorp", 5) if row % 2 else ("quux", 1)
        make_review(product, f"a {word} item number {row // 2}", rating=rating)
    model = run_steps()["model"]
    first = list(Review.objects.order_by("pk")[:2])
    Review.objects.filter(pk=first[0].pk).update(text="a quux item, and a dear one")
    found = run_steps()
    assert (found["new"], found["model"]) == (1, model)
    Review.objects.filter(pk=first[1].pk).delete()
    found = run_steps()
    assert (found["new"], found["model"]) == (0, model)
    make_review(product, "a zorp item of the last hour", rating=5, number="a")
    make_review(product, "a zorp item of this hour", rating=5, number="b")
    found = run_steps()
    assert found["new"] == 240
    assert "+240-" in found["model"]
    assert found["model"] != model


def test_many_edits_make_another_model(tmp_path: Path) -> None:
    product = make_product()
    for row in range(210):
        word, rating = ("zorp", 5) if row % 2 else ("quux", 1)
        make_review(product, f"a {word} item number {row // 2}", rating=rating)
    model = run_steps()["model"]
    pks = Review.objects.filter(rating=1).order_by("pk").values_list("pk", flat=True)
    Review.objects.filter(pk__in=list(pks[:11])).update(rating=5)
    found = run_steps()
    assert found["new"] == 210
    assert found["model"] != model
    (tmp_path / "review-model.json").write_text("[broken")
    assert run_steps()["new"] == 0, "the same labels give the same id"


def test_a_change_of_tone_is_told_with_its_day() -> None:
    product = make_product()
    rng = np.random.default_rng(0)
    for back in range(80):
        text = BAD if back < 30 else GOOD
        make_review(product, f"{text} {rng.integers(10**9)}", days_ago=back)
    run_steps()
    voice = ProductVoice.objects.get()
    assert voice.changed_on is not None
    assert abs((voice.changed_on - (AS_OF - timedelta(days=29))).days) <= 3
    assert voice.change is not None
    assert voice.change < -0.5
    assert sum(count for _, count, _ in voice.months) == 80


def test_titles_become_vectors_once() -> None:
    product = make_product(name="Red kettle", attributes={"material": "steel"})
    run = services.signal_run_create(acting_user=None, as_of=AS_OF)
    run.known_at = timezone.now() + timedelta(minutes=1)
    assert texts_step(run, lambda share: None)["new"] >= 1
    vector = ProductVector.objects.get(product=product, kind="text")
    values = np.frombuffer(bytes(vector.vector), dtype="<f2").astype(np.float32)
    assert values.shape == (512,)
    assert np.linalg.norm(values) == pytest.approx(1, abs=0.01)
    assert texts_step(run, lambda share: None)["new"] == 0
    Product.objects.filter(pk=product.pk).update(name="Blue kettle")
    assert texts_step(run, lambda share: None)["new"] == 1


def make_voice(**values: Any) -> ProductVoice:
    fixed = {"as_of": AS_OF, "reviews": 12, "level": 0.5, "low": 0.3, "high": 0.7}
    return ProductVoice.objects.create(
        product=values.pop("product", None) or make_product(), **fixed | values
    )


def test_the_list_filters_and_orders(client: Client, viewer: User) -> None:
    falls = make_voice(level=0.3, before=0.8, change=-0.5, changed_on=AS_OF)
    rises = make_voice(level=0.9, before=0.4, change=0.5, changed_on=AS_OF)
    review = make_review(rises.product, "很好")
    ReviewReading.objects.create(review=review, language="zh", model_id="m", text_sha="x")
    client.force_login(viewer)

    def shown(**asked: str) -> list[int]:
        return [line.voice.product_id for line in client.get(LIST, asked).context["lines"]]

    assert shown() == [falls.product_id, rises.product_id]
    assert shown(order="-level") == [rises.product_id, falls.product_id]
    assert shown(change="falling") == [falls.product_id]
    assert shown(change="rising") == [rises.product_id]
    assert shown(language="zh") == [rises.product_id]
    assert shown(q=falls.product.sku) == [falls.product_id]
    assert shown(change="x", order="y", language="\x00", page="z") == []


def test_the_panel_shows_quotes_and_marks_what_is_made_up(client: Client, viewer: User) -> None:
    product = make_product()
    make_review(product, f"{GOOD} <script>alert(1)</script>", is_assumed=True)
    make_review(product, "www.spam.com")
    run_steps()
    client.force_login(viewer)
    page = client.get(reverse("forecasting:voice-panel", args=[product.pk])).content.decode()
    assert '<mark class="is-praise">' in page
    assert "&lt;script&gt;" in page
    assert 'class="assumed"' in page
    assert "1 spam" in page
    page = client.get(
        reverse("forecasting:voice-panel", args=[product.pk]), {"aspect": "battery"}
    ).content.decode()
    assert 'aria-pressed="true"' in page
    empty = client.get(reverse("forecasting:voice-panel", args=[make_product().pk]))
    assert b"No review of this product" in empty.content


@pytest.mark.parametrize("url", [LIST, reverse("forecasting:voice-panel", args=[1])])
def test_partners_see_none_of_it(client: Client, partner_of_supplier: User, url: str) -> None:
    client.force_login(partner_of_supplier)
    assert client.get(url).status_code == 403


def test_the_list_costs_the_same_queries_at_any_length(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    counts = []
    for more in (1, 20):
        for _ in range(more):
            make_voice()
        with CaptureQueriesContext(connection) as seen:
            client.get(LIST)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_no_page_encodes_a_text(client: Client, viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product()
    make_review(product, GOOD)
    run_steps()

    def refuse(*_: object) -> None:
        raise AssertionError("a request encodes a text")

    monkeypatch.setattr("forecasting.core.text.encoders.Usem3.encode", refuse)
    client.force_login(viewer)
    for url in (LIST, reverse("forecasting:voice-panel", args=[product.pk]), "/api/v1/product-voices/"):
        client.get(url)


def test_a_run_does_both_steps() -> None:
    make_review(make_product(), GOOD)
    run = services.signal_run_create(acting_user=None, as_of=AS_OF)
    SignalRun.objects.filter(pk=run.pk).update(known_at=timezone.now() + timedelta(minutes=1))
    done = services.signal_run_execute(run_id=run.pk)
    assert done.report["reviews"]["new"] == 1
    assert done.report["texts"]["new"] >= 1
