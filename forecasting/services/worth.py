"""What product-locations are worth: price and revenue of the last year in the home currency, and category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from catalog.models import Location, Product

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

_YEAR = timedelta(days=365)


@dataclass(frozen=True, eq=False)
class Worth:
    """Per product-location: revenue of the last year (N,), mean price, None where unknown, and category."""

    revenue: npt.NDArray[Any]
    prices: list[float | None]
    category_ids: list[int | None]


def series_worth(panel: pl.DataFrame, unique_ids: Sequence[str], *, as_of: date) -> Worth:
    """What the series of a demand panel are worth, in the order of `unique_ids`.

    The price is revenue per unit sold in the last year, else in all of the panel, else the last asked price.
    Where no exchange rate is known, price and revenue are unknown: the revenue counts as 0.
    """
    import polars as pl

    from catalog.selectors import exchange_rates_frame

    past = panel.filter(pl.col("ds") <= as_of)
    recent = pl.col("ds") > as_of - _YEAR
    sold, revenue = pl.col("y").fill_null(0.0), pl.col("revenue").fill_null(0.0)
    table = past.group_by("unique_id").agg(
        revenue=revenue.filter(recent).sum(),
        units=sold.filter(recent).sum(),
        all_revenue=revenue.sum(),
        all_units=sold.sum(),
        asked=pl.col("price").sort_by("ds").drop_nulls().last(),
    )
    ids = pl.col("unique_id").str.split_exact("@", 1).struct
    rates = exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    factor = {pk: rates.get(code) for pk, code in Location.objects.values_list("pk", "currency")}
    category = dict(Product.objects.values_list("pk", "category_id"))
    price = (
        pl.when((pl.col("units") > 0) & (pl.col("revenue") > 0))
        .then(pl.col("revenue") / pl.col("units"))
        .when((pl.col("all_units") > 0) & (pl.col("all_revenue") > 0))
        .then(pl.col("all_revenue") / pl.col("all_units"))
        .otherwise(pl.col("asked"))
    )
    ordered = (
        pl.DataFrame({"unique_id": list(unique_ids)})
        .join(table, on="unique_id", how="left", maintain_order="left")
        .with_columns(
            product=ids.field("field_0").cast(pl.Int64),
            rate=ids.field("field_1")
            .cast(pl.Int64)
            .replace_strict(factor, default=None, return_dtype=pl.Float64),
        )
        .select(
            "product",
            price=price * pl.col("rate"),
            revenue=(pl.col("revenue") * pl.col("rate")).fill_null(0.0),
        )
    )
    return Worth(
        revenue=ordered["revenue"].to_numpy(),
        prices=ordered["price"].to_list(),
        category_ids=[category.get(product) for product in ordered["product"].to_list()],
    )
