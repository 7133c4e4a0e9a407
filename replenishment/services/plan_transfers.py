"""Transfers before purchases: what comes from another location instead of a supplier."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.core.constraints import grained, smallest_order
from replenishment.core.network import depths
from replenishment.core.transfers import (
    Needs,
    Options,
    allocated,
    excess,
    savings,
    shared,
    still_bought,
    urgent_units,
)
from replenishment.models import PlanAction
from replenishment.services.plan_core import Planned, noted
from replenishment.services.plan_facts import units
from replenishment.services.plan_items import home_cost, home_price, landed_cost

Array = npt.NDArray[Any]

# Columns of a transfer: units of a product from a location to another one, money in the home currency.
MOVES = {
    "product_id": pl.Int64,
    "location_id": pl.Int64,
    "other_location_id": pl.Int64,
    "lane_id": pl.Int64,
    "quantity": pl.Float64,
    "wanted": pl.Float64,
    "saving": pl.Float64,
    "cost": pl.Float64,
    "lead_time_days": pl.Float64,
    "is_supply": pl.Boolean,
}


def transfers_first(planned: Planned) -> tuple[Planned, pl.DataFrame]:
    """The plan with purchases cut by what other locations send (`adj_transfer`), and the transfers (`MOVES`).

    First excess goes where it is wanted; then what is left of a supplied location's order comes from its
    source, as far as that has it in the house.
    """
    network = planned.facts.network
    if network.lanes.is_empty():
        return planned, pl.DataFrame(schema=MOVES)
    frame = planned.frame.with_columns(position=pl.int_range(pl.len()))
    source = units(frame, "supplied_by", -1.0).astype(np.int64)
    needs = _needs(planned, frame)
    lateral, options = _options(planned, frame, needs, source)
    moved = np.zeros(0)
    if len(options):
        spare = _spare(frame)
        moved, _ = allocated(needs, spare, options)
    got = np.bincount(options.taker, weights=moved, minlength=frame.height)
    # What a supplied location gets elsewhere its source need not get for it.
    for_others = got.copy()
    ranks = depths(source)
    for depth in range(int(ranks.max(initial=0)), 0, -1):
        rows = np.flatnonzero(ranks == depth)
        np.add.at(for_others, source[rows], for_others[rows])
    quantity = frame["order_quantity"].to_numpy()
    fewer = np.minimum(grained(still_bought(needs, for_others)), quantity)
    buys = np.where((for_others > 0) & (needs.need > 0), fewer, quantity)
    wanted = np.where((source >= 0) & frame["place"].is_not_null().to_numpy(), buys, 0.0)
    sent = shared(wanted, _smallest(frame), units(frame, "order_multiple", 1.0), source, _to_share(frame))
    left = np.where(source >= 0, 0.0, buys)
    planned = planned.changed("adj_transfer", left, "transfer")
    # What is urgent may come on top of the same purchase.
    on_top = pl.Series((got > 0) & (left == quantity))
    frame = planned.frame.with_columns(reason=noted(on_top, "transfer"))
    planned = replace(
        planned,
        frame=frame.with_columns(
            moved_in=pl.Series(got + sent), reason=noted(pl.Series(sent < wanted), "source_short")
        ),
    )
    moves = [_moves(frame, lateral, moved, options), _supply_moves(frame, sent, wanted, source)]
    return planned, pl.concat([part for part in moves if part.height] or [pl.DataFrame(schema=MOVES)])


def sent_away(rows: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """The rows with what their transfers take among what is allocated."""
    out = moves.group_by("product_id", "location_id").agg(leaving=pl.col("quantity").sum())
    return (
        rows.join(out, on=["product_id", "location_id"], how="left", maintain_order="left")
        .with_columns(allocated=pl.col("allocated") + pl.col("leaving").fill_null(0.0))
        .drop("leaving")
    )


def _needs(planned: Planned, frame: pl.DataFrame) -> Needs:
    """What due rows lack up to their level, and how much more than that a purchase may bring."""
    quantity = frame["order_quantity"].to_numpy()
    lacks = units(frame, "net_need") + units(frame, "adj_cycle")
    need = np.where(quantity > 0, np.minimum(np.maximum(lacks, 0.0), quantity), 0.0)
    is_cut = (units(frame, "adj_max") < 0) | (units(frame, "adj_shelf_life") < 0)
    held_down = units(frame, "max_stock", np.inf)
    position = units(frame, "on_hand") + units(frame, "on_order") - units(frame, "allocated")
    room = np.where(is_cut, quantity, np.maximum(held_down - position, quantity))
    return Needs(
        need=need,
        moq=units(frame, "moq"),
        multiple=units(frame, "order_multiple", 1.0),
        room=room,
    )


def _smallest(frame: pl.DataFrame) -> Array:
    return smallest_order(units(frame, "moq"), units(frame, "order_multiple", 1.0))


def _rate(frame: pl.DataFrame) -> Array:
    """Expected demand of a day over the protection interval."""
    days = np.maximum(units(frame, "lead_time_days") + units(frame, "review_days"), 1e-9)
    return np.asarray(units(frame, "expected_demand") / days)


def _spare(frame: pl.DataFrame) -> Array:
    """What planned rows can give away; nothing where something is bought."""
    found = excess(
        on_hand=units(frame, "on_hand"),
        allocated=units(frame, "allocated"),
        on_order=units(frame, "on_order"),
        reorder_point=units(frame, "reorder_point"),
        order_up_to=units(frame, "order_up_to"),
        review=_rate(frame) * units(frame, "review_days"),
    )
    gives = frame["place"].is_not_null().to_numpy() & (frame["order_quantity"].to_numpy() <= 0)
    return np.where(gives, found, 0.0)


def _options(
    planned: Planned, frame: pl.DataFrame, needs: Needs, source: Array
) -> tuple[pl.DataFrame, Options]:
    """Lanes from rows with excess to rows of the same product that lack it, and what a unit saves."""
    spare = _spare(frame)
    here = frame.filter(pl.Series(spare > 0)).select(
        "product_id", source_id="location_id", giver="position", giver_price_rate="price_rate"
    )
    there = frame.filter(pl.Series(needs.need > 0)).select(
        "product_id", destination_id="location_id", taker="position"
    )
    arcs = (
        here.join(planned.facts.network.lanes, on="source_id")
        .join(there, on=["product_id", "destination_id"])
        .sort("giver", "taker")
    )
    giver, taker = arcs["giver"].to_numpy(), arcs["taker"].to_numpy()
    arcs = arcs.filter(pl.Series(source[taker] != giver))
    giver, taker = arcs["giver"].to_numpy(), arcs["taker"].to_numpy()
    money = frame.select(
        cost=landed_cost(),
        margin=(home_price() - home_cost()).fill_null(0.0).clip(0.0),
    )
    cost, margin = money["cost"].fill_null(0.0).to_numpy(), money["margin"].to_numpy()
    lane_cost = (arcs["unit_cost"] * arcs["giver_price_rate"]).to_numpy()
    # Costs compare where they are known in the home currency.
    known = frame["cost_rate"].is_not_null().to_numpy()
    free = arcs["unit_cost"].to_numpy() <= 0
    compares = known[giver] & known[taker] & (np.isfinite(lane_cost) | free)
    rate = _rate(frame)
    position = units(frame, "on_hand") + units(frame, "on_order") - units(frame, "allocated")
    above = position - units(frame, "reorder_point")
    # The units given away would be sold last: from all of the excess to the last of it.
    last = np.where(rate > 0, (above - spare / 2) / np.where(rate > 0, rate, 1.0), np.inf)
    saving = savings(
        landed_cost=cost[taker],
        giver_cost=cost[giver],
        lane_cost=np.where(free, 0.0, lane_cost),
        holding_rate=units(frame, "holding_rate")[taker],
        spare_days=last[giver],
    )
    return arcs, Options(
        giver=giver,
        taker=taker,
        smallest=arcs["moq"].to_numpy(),
        multiple=arcs["order_multiple"].to_numpy(),
        saving=np.where(compares, saving, -np.inf),
        urgent=np.where(
            compares,
            urgent_units(
                rate=rate[taker],
                position=position[taker],
                lane_days=arcs["lead_time_days"].to_numpy(),
                lead_time_days=units(frame, "lead_time_days")[taker],
            ),
            0.0,
        ),
        urgent_saving=margin[taker],
    )


def _to_share(frame: pl.DataFrame) -> Array:
    """What sources have in the house for those that they supply: with customers of their own, who take from
    the same stock, not more than the supplied rows' part of what all of them want.
    """
    promised = units(frame, "promised")
    house = np.maximum(units(frame, "on_hand") - units(frame, "allocated") + promised, 0.0)
    own = np.maximum(units(frame, "reorder_point"), 0.0) * (1 - units(frame, "passed_share"))
    whole = promised + own
    part = house * promised / np.where(whole > 0, whole, 1.0)
    return np.asarray(np.maximum(house - own, part))


def _moves(frame: pl.DataFrame, arcs: pl.DataFrame, moved: Array, options: Options) -> pl.DataFrame:
    rows = np.flatnonzero(moved > 0)
    amount, option = moved[rows], options.take(rows)
    lane = arcs[rows]
    worth = np.where(np.isfinite(option.saving), option.saving, 0.0) * amount
    worth += option.urgent_saving * np.minimum(option.urgent, amount)
    cost = lane["unit_cost"] * lane["giver_price_rate"].fill_null(0.0) * pl.Series(amount)
    return pl.DataFrame(
        {
            "product_id": lane["product_id"],
            "location_id": lane["source_id"],
            "other_location_id": lane["destination_id"],
            "lane_id": lane["lane_id"],
            "quantity": amount,
            "wanted": amount,
            "saving": worth,
            "cost": cost,
            "lead_time_days": lane["lead_time_days"],
            "is_supply": pl.Series([False] * len(rows), dtype=pl.Boolean),
        },
        schema=MOVES,
    )


def _supply_moves(frame: pl.DataFrame, sent: Array, wanted: Array, source: Array) -> pl.DataFrame:
    rows = np.flatnonzero(sent > 0)
    part, above = frame[rows], frame[source[rows]]
    rate = above["price_rate"].fill_null(0.0).to_numpy()
    cost = units(part, "lane_cost") * rate * sent[rows]
    return pl.DataFrame(
        {
            "product_id": part["product_id"],
            "location_id": above["location_id"],
            "other_location_id": part["location_id"],
            "lane_id": part["lane_id"],
            "quantity": sent[rows],
            "wanted": wanted[rows],
            "saving": np.zeros(len(rows)),
            "cost": cost,
            "lead_time_days": part["lane_days"],
            "is_supply": pl.Series([True] * len(rows), dtype=pl.Boolean),
        },
        schema=MOVES,
    )


def transfer_actions(moves: pl.DataFrame) -> pl.DataFrame:
    """Transfers as columns of `PlanAction`, without its plan."""
    details = [
        json.dumps(
            {
                "lane": row["lane_id"],
                "lead_time_days": row["lead_time_days"],
                "is_supply": row["is_supply"],
                "wanted": round(row["wanted"], 3),
            }
        )
        for row in moves.iter_rows(named=True)
    ]
    return moves.select(
        "product_id",
        "location_id",
        pl.lit(PlanAction.Kind.TRANSFER.value).alias("kind"),
        pl.col("quantity").round(3),
        pl.col("saving").round(2),
        pl.col("cost").round(2),
        pl.lit(None, dtype=pl.Date).alias("act_by"),
        pl.lit(None, dtype=pl.Int64).alias("order_line_id"),
        "other_location_id",
        pl.Series("details", details, dtype=pl.String),
        pl.lit(PlanAction.State.OPEN.value).alias("state"),
        pl.lit("").alias("comment"),
    )
