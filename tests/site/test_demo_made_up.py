"""What the demo makes up: the same each time, labelled, through the real doors, once."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from catalog import selectors, services
from catalog.models import (
    BehaviourRecord,
    ImportBatch,
    Indicator,
    IndicatorRecord,
    Job,
    Product,
    ProductImage,
    Review,
    ShopperEvent,
    SupplyTerms,
)
from inventory_site.demo import made_up
from inventory_site.demo.drawings import CREDIT, SIDE, picture_draw, shape_of
from inventory_site.demo.interest import behaviour_make, indicators_make
from inventory_site.demo.reviews import reviews_make
from tests.cast import make_category, make_supplier
from tests.forecasting.shop import AS_OF, make_sales

LAST = date(2026, 6, 28)


def panel(items: int = 80, days: int = 182, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "unique_id": np.repeat([f"{item:03}" for item in range(items)], days),
            "ds": [LAST - timedelta(days=days - 1 - day) for day in range(days)] * items,
            "y": rng.poisson(rng.gamma(2, 1, (items, 1)), (items, days)).ravel().astype(float),
        }
    )


def test_it_makes_the_same_each_time() -> None:
    skus = [f"S{number}" for number in range(40)]
    assert reviews_make(skus, last=LAST, count=200).equals(reviews_make(skus, last=LAST, count=200))
    for one, other in zip(behaviour_make(panel()), behaviour_make(panel()), strict=True):
        assert one.equals(other)
    assert picture_draw("can", "A") == picture_draw("can", "A") != picture_draw("can", "B")


def test_it_rates_as_it_writes_and_plants_a_fall() -> None:
    skus = [f"S{number}" for number in range(40)]
    reviews = reviews_make(skus, last=LAST, count=1_500)
    assert reviews["number"].is_unique().all()
    assert reviews["is_assumed"].all()
    assert set(reviews["language"]) == {"en", "zh", ""}
    assert reviews["rating"].is_between(1, 5).all()
    planted = reviews.filter(pl.col("sku").is_in(skus[:5]), pl.col("language") != "")
    is_late = pl.col("day") > LAST - timedelta(days=56)
    late, early = (planted.filter(when)["rating"].mean() for when in (is_late, ~is_late))
    assert float(late) < float(early) - 1  # type: ignore[arg-type]
    words = reviews.filter(pl.col("language") != "")
    assert words["text"].is_duplicated().sum() > 25


def test_it_lets_interest_go_before_the_sales() -> None:
    sold = panel()
    behaviour, stock = behaviour_make(sold)
    assert behaviour["day"].max() == LAST - timedelta(days=1)
    joined = sold.join(behaviour, left_on=["unique_id", "ds"], right_on=["unique_id", "day"], how="left")
    carts = joined["carts"].fill_null(0).to_numpy().reshape(-1, 182).astype(float)
    units = joined["y"].to_numpy().reshape(-1, 182)

    def together(first: int) -> float:
        """Carts of a week, and the units of the two weeks that begin so many days after its begin."""
        weeks = np.arange(28, 140, 7)
        put = np.stack([carts[:, day : day + 7].sum(axis=1) for day in weeks], axis=1)
        sold_then = np.stack([units[:, day + first : day + first + 14].sum(axis=1) for day in weeks], axis=1)
        pairs = zip(put, sold_then, strict=True)
        return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs if one.std() > 0]))

    assert together(8) > 0.3
    assert abs(together(-14)) < 0.1
    assert set(stock.filter(pl.col("on_hand") > 0)["unique_id"]) == set(stock["unique_id"])


def test_it_makes_an_indicator_that_leads_and_one_that_does_not() -> None:
    rng = np.random.default_rng(5)
    days = [LAST - timedelta(days=ago) for ago in range(300, -1, -1)]
    units = 100 + 40 * np.sin(np.arange(301) / 12) + rng.normal(0, 5, 301)
    sales = pl.DataFrame({"category": "c", "day": days, "units": units})
    values = indicators_make(sales)
    search = values.filter(pl.col("indicator") == "SEARCH")["value"].to_numpy()
    noise = values.filter(pl.col("indicator") == "NOISE")["value"].to_numpy()
    assert np.corrcoef(search[:-8], units[8:])[0, 1] > 0.7
    assert abs(np.corrcoef(noise[:-8], units[8:])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("category", "shape"),
    [("Soft Drinks", "bottle"), ("Frozen Pizza", "pizza"), ("Soup", "can"), ("Magazine", None)],
)
def test_it_draws_what_a_category_looks_like(category: str, shape: str | None) -> None:
    assert shape_of(category) == shape
    if shape:
        picture = Image.open(io.BytesIO(picture_draw(shape, category)))
        assert (picture.format, picture.size) == ("PNG", (SIDE, SIDE))
        assert len(set(picture.convert("P").tobytes())) > 4


def follow(job: Job, dispatch: Callable[[], Any], label: str) -> None:
    """In place of a worker."""
    services.import_run(batch_id=job.pk)
    job.refresh_from_db()
    assert isinstance(job, ImportBatch)
    assert job.state == Job.State.DONE, (label, job.error, job.errors)


@pytest.mark.django_db
def test_it_comes_in_through_the_real_doors_and_once(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.FORESTOCK_TODAY = "last-data-date"
    category = make_category(name="Soup")
    products = make_sales(products=3, weeks=30)
    Product.objects.filter(pk__in=[product.pk for product in products]).update(category=category)
    make_supplier(is_assumed=True)
    models = (BehaviourRecord, ImportBatch, Indicator, IndicatorRecord, Product, ProductImage, Review,
              ShopperEvent, SupplyTerms)  # fmt: skip

    def load() -> dict[str, int]:
        made_up.signals_load(follow, tmp_path / "made-up", say=lambda text: None)
        return {model.__name__: model._base_manager.count() for model in models}

    assert selectors.today() == AS_OF
    first = load()
    assert all(first.values()), first
    assert load() == first
    assert Product.objects.filter(sku__startswith="NEW-", name__endswith="(made up)").count() == 12
    assert Product.objects.filter(sku__startswith="NEW-", category=None).exists()
    assert not Review.objects.filter(is_assumed=False).exists()
    assert not ProductImage.objects.exclude(credit=CREDIT, is_assumed=True).exists()
    # The last day is counted from single events.
    assert BehaviourRecord.objects.filter(day=AS_OF, batch=None).exists()
    assert not BehaviourRecord.objects.filter(day=AS_OF, batch__isnull=False).exists()


@pytest.mark.django_db
def test_it_goes_on_where_it_was_killed(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.FORESTOCK_TODAY = "last-data-date"
    products = make_sales(products=2, weeks=30)
    Product.objects.filter(pk__in=[product.pk for product in products]).update(category=make_category())
    make_supplier(is_assumed=True)

    def killed(job: Job, dispatch: Callable[[], Any], label: str) -> None:
        if label == "Behaviour":
            raise KeyboardInterrupt
        follow(job, dispatch, label)

    with pytest.raises(KeyboardInterrupt):
        made_up.signals_load(killed, tmp_path / "made-up", say=lambda text: None)
    reviews = Review.objects.count()
    made_up.signals_load(follow, tmp_path / "made-up", say=lambda text: None)
    assert Review.objects.count() == reviews
    assert BehaviourRecord.objects.exists()
