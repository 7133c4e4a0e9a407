"""Demand that rows pass on to one another, before the core plans: kits, successors, supplied locations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.constraints import grained
from replenishment.core.dependent import Links, cycles, passed_on
from replenishment.core.levels import served_share
from replenishment.core.network import depths, pooled, service_times, stock_of_levels, stock_pooled
from replenishment.core.policy import drafted
from replenishment.services.plan_core import LONGEST_REASON, Planned
from replenishment.services.plan_facts import KEY, Facts, units
from replenishment.services.plan_items import EXCEPTION, NOT_BOUGHT, home_cost, items_of

Array = npt.NDArray[Any]

# Of a supplied row: what its source costs, and what only a supplier has.
_OF_SOURCE = ("unit_cost", "currency", "cost_rate", "freight_cost", "duty_rate")
_OF_SUPPLIER = (
    "terms_id",
    "supplier_id",
    "terms_are_assumed",
    "price_break_kind",
    "return_share",
    "lead_time_receipts",
    "order_on",
    "minimum_order_value",
    "minimum_order_weight",
    "minimum_order_volume",
    "container_weight",
    "container_volume",
    "supplier_order_cost",
)
_USUAL_TARGET = 0.95  # where an economic target names no share


def demand_passed(frame: pl.DataFrame, facts: Facts) -> tuple[pl.DataFrame, Facts]:
    """Rows and facts once demand is passed on: `facts.demand` holds it, and rows that others supply have the
    terms of their lane.

    `frame` has a row per series with stock, terms and targets. New columns: `why_network` (why a row is not
    bought), `supplied_by` (row of the source), `passes_on` (a source that holds no stock of its own),
    `lane_id`, `lane_cost`, `lane_days` of its lane, `promised` (units that supplied rows order now, allocated
    at their source), `passed_share` (of a source's demand), and `takes` (what passes demand on to the row, as
    codes for its reason).
    """
    network = facts.network
    frame = frame.with_columns(
        why_network=pl.lit(None, dtype=pl.String),
        takes=pl.lit(""),
        promised=pl.lit(0.0),
        passed_share=pl.lit(0.0),
        lane_id=pl.lit(None, dtype=pl.Int64),
        lane_cost=pl.lit(None, dtype=pl.Float64),
        lane_days=pl.lit(None, dtype=pl.Float64),
    )
    if network.parts.is_empty() and network.supply.is_empty():
        return frame, facts
    frame = frame.with_columns(position=pl.int_range(pl.len()))
    frame, demand = _through_parts(frame, facts)
    frame = _supplied(frame, facts)
    source = frame["supplied_by"].fill_null(-1).to_numpy()
    if np.any(source >= 0):
        frame, demand = _through_lanes(frame, demand, source)
    return frame.drop("position"), replace(facts, demand=demand)


def links_noted(planned: Planned) -> Planned:
    """The plan with reasons that say what passes demand on to a row."""
    # A row that passes on has no time to cover: that says nothing of demand.
    said = pl.when("passes_on").then(pl.col("reason").str.replace("; no_demand", "", literal=True))
    text = pl.concat_str(said.otherwise("reason"), "takes").str.slice(0, LONGEST_REASON)
    reason = pl.when(pl.col("place").is_not_null()).then(text).otherwise("reason")
    return replace(planned, frame=planned.frame.with_columns(reason=reason))


def _through_parts(frame: pl.DataFrame, facts: Facts) -> tuple[pl.DataFrame, DemandDistribution]:
    """Kits to components and old products to successors, beyond what is in stock and on order of them."""
    there = frame.select(
        pl.col("product_id").alias("component_id"), "location_id", pl.col("position").alias("taker")
    )
    arcs = (
        frame.select(*KEY, "position")
        .join(facts.network.parts, on="product_id")
        .join(there, on=["component_id", "location_id"])
        .sort("position", "taker")
    )
    links = Links(
        arcs["position"].to_numpy(), arcs["taker"].to_numpy(), arcs["quantity"].to_numpy(),
        np.array(arcs["kind"].to_list(), dtype=object),
    )  # fmt: skip
    wrong = cycles(links, frame.height)
    kept = np.flatnonzero(~(np.isin(links.giver, list(wrong)) | np.isin(links.taker, list(wrong))))
    links = links.take(kept)
    stock = units(frame, "on_hand") + units(frame, "on_order") - units(frame, "allocated")
    demand = passed_on(facts.demand, links, lambda rows, _demand: stock[rows])
    is_kit = pl.col("product_id").is_in(facts.network.kits["product_id"].implode())
    why = {row: EXCEPTION + words for row, words in wrong.items()}
    takes = {
        kind: pl.Series(np.isin(np.arange(frame.height), links.taker[links.kind == kind])) for kind in _TAKES
    }
    return frame.with_columns(
        why_network=pl.coalesce(
            pl.col("position").replace_strict(why or {-1: ""}, default=None, return_dtype=pl.String),
            pl.when(is_kit).then(pl.lit("assembled")),
        ),
        takes=pl.concat_str(
            [
                pl.when(rows).then(pl.lit(f"; {_TAKES[kind]}")).otherwise(pl.lit(""))
                for kind, rows in takes.items()
            ]
        ),
    ), demand


_TAKES = {"kits": "kit_demand", "successors": "successor_demand"}


def _supplied(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """With the lane's terms in rows that another location supplies, and their source's cost."""
    lanes = facts.network.supply.rename({"destination_id": "location_id"})
    names = ["lead_time_days", "lead_time_sd_days", "review_days", "moq", "order_multiple"]
    taken = pl.col("why_network").is_null() & ~pl.col("status").is_in(list(NOT_BOUGHT)).fill_null(False)
    there = frame.select("product_id", pl.col("location_id").alias("source_id"), source="position")
    joined = (
        frame.filter(taken)
        .select(*KEY, "position")
        .join(lanes.drop("is_supply"), on="location_id")
        .join(there, on=["product_id", "source_id"])
        .select(
            "position", "lane_id", pl.col("source").alias("supplied_by"),
            pl.col("unit_cost").alias("lane_cost"), pl.col("currency").alias("lane_currency"),
            pl.col("lead_time_days").alias("lane_days"),
            *(pl.col(name).alias(f"lane_{name}") for name in names),
        )
    )  # fmt: skip
    circle = cycles(
        Links(
            joined["position"].to_numpy(), joined["supplied_by"].to_numpy(), np.ones(joined.height),
            np.full(joined.height, "supply lanes", dtype=object),
        ),
        frame.height,
    )  # fmt: skip
    why = {row: EXCEPTION + words for row, words in circle.items()}
    joined = joined.filter(
        ~pl.col("position").is_in(list(circle)) & ~pl.col("supplied_by").is_in(list(circle))
    )
    frame = (
        frame.drop("supplied_by", "lane_id", "lane_cost", "lane_days")
        .join(joined, on="position", how="left", maintain_order="left")
        .with_columns(
            why_network=pl.coalesce(
                "why_network",
                pl.col("position").replace_strict(why or {-1: ""}, default=None, return_dtype=pl.String),
            )
        )
    )
    is_supplied = pl.col("supplied_by").is_not_null()
    frame = frame.with_columns(
        *(pl.coalesce(f"lane_{name}", name).alias(name) for name in names),
        *(pl.when(~is_supplied).then(name).alias(name) for name in _OF_SUPPLIER if name in frame.columns),
    ).drop(f"lane_{name}" for name in names)
    source = frame["supplied_by"].fill_null(-1).to_numpy()
    ranks = depths(source)
    for depth in range(1, int(ranks.max(initial=0)) + 1):
        frame = _costs_of_source(frame, pl.Series(ranks == depth), source)
    return frame


def _costs_of_source(frame: pl.DataFrame, rows: pl.Series, source: Array) -> pl.DataFrame:
    """What a unit costs at the source, and the lane, where the two can be added up."""
    above = frame[np.maximum(source, 0)]
    for name in (name for name in _OF_SOURCE if name in frame.columns):
        frame = frame.with_columns(pl.when(rows).then(above[name]).otherwise(name).alias(name))
    same = pl.col("lane_currency") == pl.col("currency")
    # The lane's currency is that of the location that it comes from.
    rate = above["price_rate"] / pl.col("cost_rate")
    lane = pl.col("lane_cost") * pl.when(same).then(1.0).otherwise(rate)
    return frame.with_columns(
        unit_cost=pl.when(rows).then(pl.col("unit_cost") + lane.fill_null(0.0)).otherwise("unit_cost")
    )


def _through_lanes(
    frame: pl.DataFrame, demand: DemandDistribution, source: Array
) -> tuple[pl.DataFrame, DemandDistribution]:
    """Supplied rows to their sources: what they order now is promised there, what they will is demand."""
    frame = _service_times(frame, demand, source)
    is_planned = frame.select(
        pl.col("why_network").is_null()
        & pl.col("on_hand").is_not_null()
        & ~pl.col("status").is_in(list(NOT_BOUGHT)).fill_null(False)
    ).to_series()
    promised = np.zeros(frame.height)
    stock = units(frame, "on_hand") + units(frame, "on_order") - units(frame, "allocated")

    def own(rows: Array, of_rows: DemandDistribution) -> Array:
        """What rows hold above their order-up-to level once they have ordered today."""
        found = stock[rows] - promised[rows]
        asked = np.flatnonzero(is_planned.to_numpy()[rows])
        part = frame[rows[asked]]
        draft = drafted(items_of(_with_promised(part, promised[rows[asked]])), of_rows, grid_days=1.0)
        ordered = draft.decided().order_quantity[draft.rows]
        mine = asked[draft.rows]
        np.add.at(promised, source[rows[mine]], ordered)
        found[mine] += ordered - np.maximum(draft.levels.order_up_to, 0.0)
        return found

    givers = np.flatnonzero(source >= 0)
    served = served_share(items_of(frame[givers].with_columns(pl.col("on_hand").fill_null(0.0))))
    links = Links(givers, source[givers], served, np.full(len(givers), "supply lanes", dtype=object))
    whole = passed_on(demand, links, own)
    total = whole.cum_mean[:, -1]
    passed = 1 - demand.cum_mean[:, -1] / np.where(total > 0, total, 1.0)
    demand = whole
    supplies = pl.Series(np.isin(np.arange(frame.height), source))
    frame = frame.with_columns(
        passed_share=pl.Series(passed),
        takes=pl.concat_str(
            "takes",
            pl.when(pl.col("supplied_by").is_not_null()).then(pl.lit("; supplied")).otherwise(pl.lit("")),
            pl.when(supplies).then(pl.lit("; supplies")).otherwise(pl.lit("")),
            pl.when("passes_on").then(pl.lit("; passes_on")).otherwise(pl.lit("")),
        ),
    )
    return _with_promised(frame, promised), demand


def _with_promised(frame: pl.DataFrame, promised: Array) -> pl.DataFrame:
    """Rows with what supplied rows order from them allocated."""
    return frame.with_columns(
        allocated=pl.Series(grained(units(frame, "allocated") + promised)), promised=pl.Series(promised)
    )


def _service_times(frame: pl.DataFrame, demand: DemandDistribution, source: Array) -> pl.DataFrame:
    """Which sources hold stock of their own; supplied rows wait longer for the others' supply."""
    rows = np.flatnonzero((source >= 0) | np.isin(np.arange(len(source)), source))
    place = np.full(len(source), -1)
    place[rows] = np.arange(len(rows))
    above = np.where(source[rows] >= 0, place[source[rows]], -1)
    part = frame[rows].with_columns(pl.col("on_hand").fill_null(0.0))
    items = items_of(part)
    # With customers of its own, without supply, or told by a rule how much to hold.
    at_once = (demand.cum_mean[rows, -1] > 0) | part["lead_time_days"].is_null().to_numpy()
    at_once |= items.policy_kind != "periodic"
    supplies = np.isin(np.arange(len(rows)), above)
    if not np.any(supplies & ~at_once):
        return frame
    lead, review = units(part, "lead_time_days"), units(part, "review_days")
    days = np.maximum(lead + review, 1.0)
    mean, quantiles, _ = demand.interval(days / PERIOD_DAYS[demand.freq], rows)
    from replenishment.core.sums import deviation

    own = deviation(quantiles, mean, demand.levels) / np.sqrt(days)
    rate, spread = pooled(above, mean / days), np.sqrt(pooled(above, own**2))
    target = np.where(items.target_kind == "economic", _USUAL_TARGET, items.target)
    of_units = np.isin(items.target_kind, ("fill", "overall"))

    def held(some: Array, cover: Array) -> Array:
        stock = stock_pooled(
            mean=rate[some], deviation=spread[some], review=review[some], target=target[some],
            of_units=of_units[some], cover=cover,
        )  # fmt: skip
        leaves = np.flatnonzero(~supplies[some])
        chosen = some[leaves]
        for state in range(cover.shape[1] if len(leaves) else 0):
            times = cover[leaves, state] - review[chosen]
            draft = drafted(replace(items.take(chosen), lead_time_mean=times), demand, grid_days=1.0)
            good = chosen[draft.rows]
            stock[leaves[draft.rows], state] = stock_of_levels(
                order_up_to=draft.levels.order_up_to, fill=draft.levels.fill_rate, mean=(mean / days)[good],
                lead_time=times[draft.rows], review=review[good],
            )  # fmt: skip
        return stock

    cost = part.select(home_cost()).to_series().fill_null(1.0).to_numpy() * items.holding_rate
    found = service_times(above, lead + review, lead + review / 2, held, cost, at_once=at_once)
    # An order that is passed on waits for a day of review that may come at any time.
    own_variance = units(part, "lead_time_sd_days") ** 2 + review**2 / 12
    variance = np.zeros(len(rows))
    for depth in range(1, int(found.hops.max(initial=0)) + 1):
        mine = np.flatnonzero(found.hops == depth)
        variance[mine] = variance[above[mine]] + own_variance[above[mine]]
    wait, holds = np.zeros(len(source)), np.ones(len(source), dtype=bool)
    extra = np.zeros(len(source))
    wait[rows], holds[rows], extra[rows] = found.wait, found.holds, variance
    return frame.with_columns(
        lead_time_days=pl.col("lead_time_days") + pl.Series(wait),
        lead_time_sd_days=pl.when(pl.Series(extra > 0))
        .then((pl.col("lead_time_sd_days") ** 2 + pl.Series(extra)).sqrt())
        .otherwise("lead_time_sd_days"),
        passes_on=pl.Series(~holds),
    )
