"""Replays and what came out of them."""

from __future__ import annotations

import io
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from catalog.models import Location, Product
from replenishment.models import ReplayPolicy, ReplayRun


@dataclass(frozen=True)
class Difference:
    """What two policies cost for one item; `saving` is how much less the first one does."""

    product: Product
    location: Location
    first_cost: float
    second_cost: float
    first_fill: float | None
    second_fill: float | None

    @property
    def saving(self) -> float:
        """Money, below 0 where the first policy costs more."""
        return self.second_cost - self.first_cost


def replays_list() -> QuerySet[ReplayRun]:
    """Replays with their policies, newest first, without the tables of their items."""
    return (
        ReplayRun.objects.select_related("created_by", "location", "supplier", "category")
        .defer("items_table")
        .prefetch_related(Prefetch("policies", queryset=ReplayPolicy.objects.order_by("place")))
        .order_by("-pk")
    )


def replay_get(*, replay_id: int) -> ReplayRun:
    """One replay, without the table of its items. Raises `ReplayRun.DoesNotExist`."""
    return (
        ReplayRun.objects.select_related("created_by", "location", "supplier", "category")
        .defer("items_table")
        .get(pk=replay_id)
    )


def policy_best(policies: list[ReplayPolicy]) -> ReplayPolicy | None:
    """The one with the least total cost."""
    return min(policies, key=lambda policy: policy.total_cost, default=None)


def replay_differences(
    replay_id: int, *, first: str = "engine", second: str = "minmax", limit: int = 20
) -> list[Difference]:
    """The items for which the costs of two policies differ most; none where one of them was not replayed."""
    import polars as pl

    table = ReplayRun.objects.values_list("items_table", flat=True).get(pk=replay_id)
    if not table:
        return []
    rows = pl.read_parquet(io.BytesIO(bytes(table)))
    key = ["product_id", "location_id"]
    sides = [
        rows.filter(pl.col("policy") == name).select(
            *key,
            pl.col("total_cost").cast(pl.Float64).alias(f"{side}_cost"),
            (pl.when(pl.col("demand") > 0).then(pl.col("served") / pl.col("demand"))).alias(f"{side}_fill"),
        )
        for side, name in (("first", first), ("second", second))
    ]
    found = (
        sides[0]
        .join(sides[1], on=key)
        .with_columns(apart=(pl.col("second_cost") - pl.col("first_cost")).abs())
        .filter(pl.col("apart") > 0)
        .sort("apart", *key, descending=[True, False, False])
        .head(limit)
    )
    products = Product.objects.in_bulk(found["product_id"].to_list())
    locations = Location.objects.in_bulk(found["location_id"].unique().to_list())
    return [
        Difference(
            product=products[row["product_id"]],
            location=locations[row["location_id"]],
            first_cost=row["first_cost"],
            second_cost=row["second_cost"],
            first_fill=row["first_fill"],
            second_fill=row["second_fill"],
        )
        for row in found.iter_rows(named=True)
        # A product or location may have been deleted since.
        if row["product_id"] in products and row["location_id"] in locations
    ]
