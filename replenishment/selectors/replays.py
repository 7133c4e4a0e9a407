"""Replays and what came out of them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Prefetch, QuerySet

from catalog.models import Location, Product
from replenishment.models import ReplayPolicy, ReplayRun

if TYPE_CHECKING:
    import polars as pl


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


@dataclass(frozen=True)
class Saving:
    """What the engine would have saved against what was really done, else against the usual min/max rule."""

    engine: ReplayPolicy
    other: ReplayPolicy

    @property
    def is_actual(self) -> bool:
        """Whether it is against what was really done."""
        return self.other.policy == "actual"

    @property
    def money(self) -> float:
        """Of total cost, in the home currency; below 0 where the engine would have cost more."""
        return self.other.total_cost - self.engine.total_cost

    @property
    def size(self) -> float:
        """The money without its sign."""
        return abs(self.money)

    @property
    def share(self) -> float | None:
        """Of what the other cost."""
        return self.size / self.other.total_cost if self.other.total_cost else None

    @property
    def stock_change(self) -> float | None:
        """The engine's average stock value beyond the other's, as a share of it."""
        other = self.other.average_stock_value
        return self.engine.average_stock_value / other - 1 if other else None


def replay_saving(policies: list[ReplayPolicy], compared: list[ReplayPolicy]) -> Saving | None:
    """Of a replay's `overall` and `against_actual`; None where one of the two was not replayed."""
    for rows, others in ((compared, ("actual",)), (policies, ("minmax", "minmax_refreshed"))):
        named = {row.policy: row for row in rows}
        if "engine" in named:
            for other in others:
                if other in named:
                    return Saving(named["engine"], named[other])
    return None


def replays_list() -> QuerySet[ReplayRun]:
    """Replays with their policies, newest first, without the tables of their items and periods."""
    return (
        ReplayRun.objects.select_related("created_by", "location", "supplier", "category")
        .defer("items_table", "course_table")
        .prefetch_related(Prefetch("policies", queryset=ReplayPolicy.objects.order_by("place")))
        .order_by("-pk")
    )


def replay_get(*, replay_id: int) -> ReplayRun:
    """One of `replays_list`. Raises `ReplayRun.DoesNotExist`."""
    return replays_list().get(pk=replay_id)


def replay_course(replay_id: int) -> pl.DataFrame | None:
    """What each policy came to in each period: policy, compared, day, stock_value, demand, served.

    None where none is kept.
    """
    import polars as pl

    table = ReplayRun.objects.values_list("course_table", flat=True).get(pk=replay_id)
    return pl.read_parquet(io.BytesIO(bytes(table))) if table else None


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
