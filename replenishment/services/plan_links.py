"""What passes demand on in a plan, and which rows it reaches."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from catalog import selectors as catalog
from forecasting.core.distribution import DemandDistribution
from replenishment.core.dependent import extended

_KEY = ["product_id", "location_id"]


@dataclass(frozen=True, eq=False)
class Network:
    """`kits` (product_id, component_id, quantity) that nobody has terms for and that are assembled where they
    sell, `successors` (product_id, component_id, quantity 1) of what is bought no more, and `lanes`
    (`catalog.selectors.lanes_frame`).
    """

    kits: pl.DataFrame
    successors: pl.DataFrame
    lanes: pl.DataFrame

    @property
    def supply(self) -> pl.DataFrame:
        """The lanes that supply their destination."""
        return self.lanes.filter("is_supply").sort("lane_id").unique("destination_id", keep="first")

    @property
    def parts(self) -> pl.DataFrame:
        """Kits and successors together, with the `kind` of the link."""
        return pl.concat(
            [
                self.kits.with_columns(kind=pl.lit("kits")),
                self.successors.with_columns(kind=pl.lit("successors")),
            ]
        )

    def extended(self, demand: DemandDistribution) -> DemandDistribution:
        """The demand with series of none for rows that only others' demand reaches."""
        if self.parts.is_empty() and self.supply.is_empty():
            return demand
        products, locations = catalog.unique_id_split(demand.unique_id)
        known = pl.DataFrame({"product_id": products, "location_id": locations})
        found = pl.DataFrame(schema=known.schema)
        front = known
        while front.height:
            reached = pl.concat([self._through_parts(front), self._through_lanes(front)]).unique()
            front = reached.join(known, on=_KEY, how="anti").join(found, on=_KEY, how="anti")
            found = pl.concat([found, front])
        names = found.sort(_KEY).select(pl.concat_str(_KEY, separator="@")).to_series()
        return extended(demand, names.to_list())

    def _through_parts(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(self.parts, on="product_id").select(
            product_id="component_id", location_id="location_id"
        )

    def _through_lanes(self, rows: pl.DataFrame) -> pl.DataFrame:
        kept = rows.join(self.parts.select("product_id"), on="product_id", how="anti")
        return kept.join(self.supply, left_on="location_id", right_on="destination_id").select(
            product_id="product_id", location_id="source_id"
        )


def network_read(terms: pl.DataFrame) -> Network:
    """The network as it is now; `terms` has the products that somebody sells us."""
    kits = catalog.kits_frame().rename({"kit_id": "product_id"})
    successors = catalog.successors_frame().rename({"successor_id": "component_id"})
    left = catalog.product_statuses().filter("is_gone")["product_id"]
    return Network(
        kits=kits.join(terms.select("product_id"), on="product_id", how="anti").filter(
            ~pl.col("product_id").is_in(left.implode())
        ),
        successors=successors.with_columns(quantity=pl.lit(1.0)),
        lanes=catalog.lanes_frame(),
    )
