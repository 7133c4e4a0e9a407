"""Priced actions on excess stock and late need: what to do with it, by when, and what that is worth.

Excess first comes off open orders, the latest first, where it saves the whole cost; what is left of it is on
hand, and the best of return, markdown and write-off is taken. Worth and gains: `excess`. Late need is stock
that is expected to run out before an open order is in. Formulas and words: ``docs/actions.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core.excess import Markdown, Outlook, Worth, disposal, markdown, worth
from replenishment.core.items import Items
from replenishment.core.line_actions import INSTEAD, NOTHING, SCHEMA, Lines, cuts, expedited, frame, postponed

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Assumptions:
    """What actions take for granted.

    Excess is what is above the policy's level and does not sell within ``horizon_days`` with a chance of
    ``chance``. After ``usable_days`` nothing is left of what has not sold, or at the end of its shelf life or
    season, where that is sooner. ``elasticity``: by so many percent demand rises where the price falls by one
    percent; studies find 2.6 on average (Bijmolt, van Heerde and Pieters 2005, Journal of Marketing Research
    42), less where brands compete less. An order is put off by ``shortest_delay`` days or not at all, and
    what saves less than ``least_saving`` of money is left out.
    """

    horizon_days: float = 91.0
    chance: float = 0.9
    usable_days: float = 730.0
    elasticity: float = 2.0
    shortest_delay: int = 7
    least_saving: float = 1.0


def actions(
    items: Items,
    demand: DemandDistribution,
    places: Array,
    *,
    order_up_to: Array,
    lines: Lines,
    return_share: Array,
    assumptions: Assumptions | None = None,
) -> pl.DataFrame:
    """Actions of N items whose series are at ``places`` (N,), those of an item by what they save.

    ``order_up_to`` (N,) is the policy's level, below 0 for what is not bought again; ``return_share`` (N,)
    the share of its cost that the supplier refunds. Columns: item and line (positions), kind, quantity,
    saving (expected, net of cost) and cost in money, act_day (the last day to act, counted from the as-of
    date), and what belongs to a kind: days (put off or gained, or of the markdown), price_cut (share), sold
    (units expected to sell within the markdown, or not to be lost by expediting). ``instead`` lists what else
    could be done with the same units on hand, and what that saves.
    """
    given = assumptions or Assumptions()
    parts = [
        _excess(items, demand, places, order_up_to, lines, return_share, given),
        postponed(
            items,
            demand,
            places,
            order_up_to,
            lines,
            horizon_days=given.horizon_days,
            shortest_delay=given.shortest_delay,
        ),
        expedited(items, demand, places, lines),
        pl.DataFrame(schema=SCHEMA | {"instead": INSTEAD}),
    ]
    found = pl.concat(parts, how="diagonal").filter(
        pl.col("saving") >= given.least_saving, pl.col("quantity") > 0
    )
    # A line is cut or put off, whichever saves more.
    is_change = pl.col("kind").is_in(["cut", "cancel", "postpone"])
    best = found.filter(is_change).sort("saving", descending=True).unique("line", maintain_order=True)
    return pl.concat([found.filter(~is_change), best]).sort(
        "item", "saving", "kind", "line", descending=[False, True, False, False]
    )


def _excess(
    items: Items,
    demand: DemandDistribution,
    places: Array,
    order_up_to: Array,
    lines: Lines,
    return_share: Array,
    given: Assumptions,
) -> pl.DataFrame:
    free = items.on_hand - items.allocated
    needed = np.maximum(order_up_to, 0.0)
    span = np.maximum(given.horizon_days, items.lead_time_mean + items.review_days)
    season = np.where(items.policy_kind == "once", items.season_days, np.inf)
    usable = np.minimum(given.usable_days, np.minimum(items.shelf_life_days, season))
    outlook = Outlook(demand, places)
    sells = outlook.quantile(np.minimum(span, usable), given.chance)
    surplus = items.position - np.maximum(needed, sells)
    rows = np.flatnonzero((surplus > NOTHING) & (items.unit_cost > 0))
    if not len(rows):
        return frame(0, "write-off")
    part = items.take(rows)
    surplus, above = surplus[rows], (items.position - needed)[rows]
    unit = np.where(np.abs(part.order_multiple - np.round(part.order_multiple)) < NOTHING, 1.0, 0.001)
    outlook = Outlook(demand, places[rows])
    found = worth(
        outlook,
        most=above,
        needed=needed[rows],
        unit_cost=part.unit_cost,
        holding_rate=part.holding_rate,
        usable_days=usable[rows],
        perishes=np.isfinite(part.shelf_life_days),
    )
    changed, relieved = cuts(rows, part, lines, found, surplus, above)
    surplus, above = surplus - relieved, above - relieved
    stocked = np.minimum(surplus, np.maximum(free[rows], 0.0))
    options = [
        _returned(rows, part, return_share[rows], found, above, stocked, unit),
        _marked(rows, part, outlook, found, above, stocked, np.maximum(free[rows], 0.0), given),
        _written_off(rows, part, found, above, stocked, unit),
    ]
    return pl.concat([changed, _best(options)], how="diagonal")


def _best(options: list[pl.DataFrame]) -> pl.DataFrame:
    """Of what can be done with the same units only what saves most, with the others beside it."""
    found = pl.concat(options).filter(pl.col("saving") > 0).sort("saving", descending=True)
    others = (
        found.group_by("item", maintain_order=True)
        .agg(instead=pl.struct("kind", "quantity", "saving"))
        .with_columns(pl.col("instead").list.slice(1).cast(INSTEAD))
    )
    return found.unique("item", keep="first", maintain_order=True).join(
        others, on="item", how="left", maintain_order="left"
    )


def _returned(
    rows: Array, part: Items, share: Array, found: Worth, above: Array, stocked: Array, unit: Array
) -> pl.DataFrame:
    limit = np.where(share > 0, stocked, 0.0)
    proceeds = part.unit_cost * share
    quantity, saving = disposal(found, units=above, limit=limit, proceeds=proceeds, unit=unit)
    some = np.flatnonzero(quantity > 0)
    return frame(
        len(some),
        "return",
        item=rows[some],
        quantity=quantity[some],
        saving=saving[some],
        cost=((part.unit_cost - proceeds) * quantity)[some],
        act_day=np.zeros(len(some), dtype=np.int64),
    )


def _marked(
    rows: Array,
    part: Items,
    outlook: Outlook,
    found: Worth,
    above: Array,
    stocked: Array,
    free: Array,
    given: Assumptions,
) -> pl.DataFrame:
    best: Markdown = markdown(
        outlook,
        found,
        units=above,
        on_hand=free,
        price=part.price,
        holding_rate=part.holding_rate,
        elasticity=given.elasticity,
        window_days=given.horizon_days,
    )
    some = np.flatnonzero((best.gain > 0) & (best.more > NOTHING) & (stocked > NOTHING))
    return frame(
        len(some),
        "markdown",
        item=rows[some],
        quantity=np.round(best.more[some], 3),
        saving=best.gain[some],
        cost=(part.price * best.cut * best.sold)[some],
        act_day=np.zeros(len(some), dtype=np.int64),
        days=np.full(len(some), given.horizon_days),
        price_cut=best.cut[some],
        sold=best.sold[some],
    )


def _written_off(
    rows: Array, part: Items, found: Worth, above: Array, stocked: Array, unit: Array
) -> pl.DataFrame:
    quantity, saving = disposal(found, units=above, limit=stocked, proceeds=np.zeros(len(rows)), unit=unit)
    some = np.flatnonzero(quantity > 0)
    return frame(
        len(some),
        "write-off",
        item=rows[some],
        quantity=quantity[some],
        saving=saving[some],
        cost=(part.unit_cost * quantity)[some],
        act_day=np.zeros(len(some), dtype=np.int64),
    )
