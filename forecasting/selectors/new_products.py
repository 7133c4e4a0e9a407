"""New products and their look-alikes, as pages and the API show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Exists, Min, OuterRef, QuerySet

from catalog import selectors as catalog
from catalog.models import Product, ProductImage, SalesRecord
from forecasting.models import ForecastDistribution, ForecastRun, LookAlike

if TYPE_CHECKING:
    from forecasting.models import LookAlikeChoice

SHOWN_PERIODS = {"D": 56, "W": 8, "M": 2}


@dataclass(frozen=True)
class Alike:
    """A look-alike: its weight, the parts that are most alike, and its first photo if it has one."""

    product: Product
    weight: float
    parts: list[tuple[str, float]]
    image: ProductImage | None


@dataclass(frozen=True)
class NewProduct:
    """A new product: when it first sold, its expected first weeks over all locations, its look-alikes.

    `mean`, `low` and `high` are units over the first eight weeks from the run's as-of date on (or its
    horizon), 10% and 90% quantiles of the locations' sums taken as moving together; None without a forecast.
    `own_share` weighs the locations by their means.
    """

    product: Product
    image: ProductImage | None
    launched_on: date | None
    own_weeks: int
    own_share: float | None
    mean: float | None
    low: float | None
    high: float | None
    alikes: list[Alike] = field(default_factory=list)


def new_products_list(text: str = "") -> QuerySet[Product]:
    """Products that have look-alikes, by SKU; those whose SKU, GTIN or name holds every word of the text."""
    has = LookAlike.objects.filter(product=OuterRef("pk"))
    return catalog.products_search(text).filter(Exists(has)).select_related("category").order_by("sku")


def look_alikes_list() -> QuerySet[LookAlike]:
    """All look-alikes with their products, the heaviest of each product first."""
    return LookAlike.objects.select_related("product", "neighbour").order_by("product_id", "-weight", "pk")


def new_products_read(
    products: Sequence[Product], *, run: ForecastRun | None, as_of: date, most: int = 5
) -> list[NewProduct]:
    """What there is to say of some products, in their order; `most` look-alikes each."""
    ids = [product.pk for product in products]
    alikes: dict[int, list[LookAlike]] = {}
    for row in look_alikes_list().filter(product_id__in=ids):
        own = alikes.setdefault(row.product_id, [])
        if len(own) < most:
            own.append(row)
    shown = {row.neighbour_id for own in alikes.values() for row in own}
    images = catalog.pictures_first({*ids, *shown})
    first = dict(
        SalesRecord.objects.filter(product_id__in=ids, quantity__gt=0)
        .order_by()
        .values_list("product_id")
        .annotate(first=Min("day"))
    )
    figures = _figures(ids, run)
    return [
        NewProduct(
            product=product,
            image=images.get(product.pk),
            launched_on=first.get(product.pk),
            own_weeks=max((as_of - first[product.pk]).days // 7, 0) if product.pk in first else 0,
            **figures.get(product.pk, dict.fromkeys(("own_share", "mean", "low", "high"))),
            alikes=[
                Alike(
                    row.neighbour,
                    row.weight,
                    sorted(row.parts.items(), key=lambda part: -part[1])[:3],
                    images.get(row.neighbour_id),
                )
                for row in alikes.get(product.pk, [])
            ],
        )
        for product in products
    ]


def choices_of(product: Product) -> list[LookAlikeChoice]:
    """What buyers decided of its look-alikes, with who did and when."""
    return list(product.look_alike_choices.select_related("neighbour", "decided_by"))


def _figures(ids: list[int], run: ForecastRun | None) -> dict[int, dict[str, float | None]]:
    import numpy as np

    if run is None or not ids or run.pruned_at is not None:
        return {}
    from forecasting.core.distribution import QUANTILES

    horizon, freq = int(run.spec["horizon"]), run.spec["freq"]
    until = min(SHOWN_PERIODS[freq], horizon) - 1
    low, high = QUANTILES.index(0.10), QUANTILES.index(0.90)
    found: dict[int, dict[str, float | None]] = {}
    rows = ForecastDistribution.objects.filter(run_id=run.same_as_id or run.pk, product_id__in=ids)
    for pk, mean, summed, share in rows.values_list("product_id", "mean", "cum_quantiles", "own_share"):
        total = float(np.frombuffer(bytes(mean), dtype="<f4")[: until + 1].sum())
        cube = np.frombuffer(bytes(summed), dtype="<f4").reshape(horizon, -1)
        if not cube.shape[1]:
            continue
        own = found.setdefault(pk, {"mean": 0.0, "low": 0.0, "high": 0.0, "own_share": 0.0})
        for name, value in (("mean", total), ("low", cube[until, low]), ("high", cube[until, high])):
            own[name] = (own[name] or 0.0) + float(value)
        own["own_share"] = (own["own_share"] or 0.0) + total * (1.0 if share is None else share)
    for own in found.values():
        own["own_share"] = (own["own_share"] or 0.0) / own["mean"] if own["mean"] else 0.0
    return found
