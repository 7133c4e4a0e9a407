"""Stages of a plan that see all lines of an order: the supplier's minimum, and containers.

An order goes to one supplier, for one location, in one currency, as `suggestions.drafts_create` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.core.constraints import smallest_order
from replenishment.core.containers import Containers, to_containers
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.order_lines import Lines
from replenishment.core.supplier_orders import Minimums, to_minimums
from replenishment.services.plan_core import Planned
from replenishment.services.plan_facts import units
from replenishment.services.plan_items import landed_cost
from replenishment.services.plan_terms import asked_prices, daily_demand, room

Array = npt.NDArray[Any]

_ORDER = ["supplier_id", "location_id", "currency"]
_RULES = (
    "minimum_order_value",
    "minimum_order_weight",
    "minimum_order_volume",
    "container_weight",
    "container_volume",
)


@dataclass(frozen=True, eq=False)
class _Orders:
    """The lines of orders that have a minimum or containers; `at` are their rows of the plan's frame."""

    at: Array
    lines: Lines
    minimums: Minimums
    containers: Containers

    @classmethod
    def of(cls, planned: Planned) -> Self | None:
        """None where no supplier has such a rule."""
        has_rule = pl.any_horizontal(*(pl.col(name).fill_null(0.0) > 0 for name in _RULES))
        # Levels below 0: not to be bought again.
        buyable = pl.col("place").is_not_null() & (pl.col("order_up_to") >= 0)
        rows = (
            planned.frame.with_row_index("at")
            .filter(buyable & pl.col("supplier_id").is_not_null())
            .filter(has_rule.any().over(_ORDER) & (pl.col("order_quantity") > 0).any().over(_ORDER))
            .with_columns(order=pl.struct(_ORDER).rank("dense").cast(pl.Int64) - 1)
        )
        if rows.is_empty():
            return None
        order = rows["order"].to_numpy()
        rules = _rules(rows)
        return cls(
            at=rows["at"].to_numpy(),
            lines=_lines(planned, rows, order),
            minimums=Minimums(
                value=rules["minimum_order_value"].to_numpy(),
                weight=rules["minimum_order_weight"].to_numpy(),
                volume=rules["minimum_order_volume"].to_numpy(),
                order_cost=rules["supplier_order_cost"].to_numpy(),
            ),
            containers=Containers(
                weight=_limit(rules["container_weight"]), volume=_limit(rules["container_volume"])
            ),
        )

    def rows(self, orders: Array) -> Array:
        """Positions in the frame of the ordered lines of these orders (mask)."""
        return np.asarray(self.at[orders[self.lines.order] & (self.lines.quantity > 0)])


def minimums_reached(planned: Planned) -> Planned:
    """The plan with orders topped up to their supplier's minimum, or put off (quantity 0)."""
    orders = _Orders.of(planned)
    if orders is None:
        return planned
    found = to_minimums(orders.lines, orders.minimums)
    quantity = planned.frame["order_quantity"].to_numpy().copy()
    quantity[orders.at] = found.quantity
    changed = planned.changed("adj_supplier_minimum", quantity, "supplier_minimum")
    changed = changed.noted(orders.rows(found.put_off), "put_off")
    changed = changed.noted(orders.rows(found.below), "below_minimum")
    return changed.noted(orders.rows(found.unchecked), "size_unknown")


def containers_filled(planned: Planned) -> Planned:
    """The plan with orders that fill their containers, or leave the last one out, where that pays."""
    orders = _Orders.of(planned)
    if orders is None:
        return planned
    found = to_containers(orders.lines, orders.containers, orders.minimums)
    quantity = planned.frame["order_quantity"].to_numpy().copy()
    quantity[orders.at] = found.quantity
    changed = planned.changed("adj_container", quantity, "container")
    return changed.noted(orders.rows(found.unchecked), "size_unknown")


def _rules(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per order: its rules in money of the home currency, kg and m3."""
    ordered = pl.col("order_quantity") > 0
    rate = pl.col("cost_rate").fill_null(1.0)
    return (
        rows.group_by("order")
        .agg(
            # Terms may ask more than their supplier: of what is ordered the highest counts.
            (pl.col("minimum_order_value") * rate).filter(ordered).max(),
            *(pl.col(name).first() for name in _RULES[1:]),
            pl.col("supplier_order_cost").first(),
        )
        .sort("order")
        .with_columns(pl.all().exclude("order").fill_null(0.0))
    )


def _lines(planned: Planned, rows: pl.DataFrame, order: Array) -> Lines:
    place = rows["place"].to_numpy()
    good = planned.draft.good.take(place)
    daily = daily_demand(planned)[place]
    most = np.minimum(room(planned)[place], daily * DAYS_PER_YEAR)
    rate = units(rows, "cost_rate", 1.0)
    cost = rows.select(landed_cost()).to_series().to_numpy()
    return Lines(
        order=order,
        quantity=rows["order_quantity"].to_numpy(),
        position=planned.position[place],
        smallest=smallest_order(good.moq, good.order_multiple),
        multiple=good.order_multiple,
        most=most,
        demand=planned.demand.take(place),
        daily_demand=daily,
        review_days=good.review_days,
        margin=good.stockout_cost,
        prices=asked_prices(rows, planned.facts.breaks),
        freight=units(rows, "freight_cost") * rate,
        holding=units(rows, "holding_rate") * cost,
        weight=units(rows, "unit_weight", np.nan),
        volume=units(rows, "unit_volume", np.nan),
    )


def _limit(values: pl.Series) -> Array:
    """0 is no container."""
    numbers = values.to_numpy()
    return np.where(numbers > 0, numbers, np.inf)
