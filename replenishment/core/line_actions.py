"""Actions on open order lines: cut, cancel, put off, bring forward. Formulas: ``docs/actions.md``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core.constraints import smallest_order
from replenishment.core.dated import MeanDemand, Receipts, path
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.excess import Outlook, Worth
from replenishment.core.items import Items

Array = npt.NDArray[Any]

NOTHING = 1e-6  # units
_LONGEST = 366  # days to look ahead for stock that runs out before an order is in

SCHEMA: dict[str, Any] = {
    "item": pl.Int64,
    "kind": pl.String,
    "quantity": pl.Float64,
    "saving": pl.Float64,
    "cost": pl.Float64,
    "act_day": pl.Int64,
    "line": pl.Int64,
    "days": pl.Float64,
    "price_cut": pl.Float64,
    "sold": pl.Float64,
}


INSTEAD = pl.List(pl.Struct({"kind": pl.String, "quantity": pl.Float64, "saving": pl.Float64}))


@dataclass(frozen=True, eq=False)
class Lines:
    """Open order lines: ``item`` (M,) positions, ``day`` (M,) of arrival counted from the as-of date,
    ``quantity`` (M,) outstanding, ``unit_cost`` (M,) in money, ``changeable`` (M,): nothing of its order has
    come in, so that it may be cut, cancelled or put off."""

    item: Array
    day: Array
    quantity: Array
    unit_cost: Array
    changeable: Array

    def take(self, rows: Array) -> Self:
        """Some lines only."""
        return type(self)(**{name: values[rows] for name, values in vars(self).items()})


def frame(count: int, kind: str, **columns: Any) -> pl.DataFrame:
    """Rows of ``SCHEMA`` of one kind; columns that are not given are null."""
    values = {
        name: pl.Series(name, columns.get(name, [None] * count), dtype=dtype)
        for name, dtype in SCHEMA.items()
        if name != "kind"
    }
    kinds = pl.Series("kind", [kind] * count, dtype=pl.String)
    return pl.DataFrame({**values, "kind": kinds}).select(*SCHEMA)


def cuts(
    rows: Array, part: Items, lines: Lines, found: Worth, surplus: Array, above: Array
) -> tuple[pl.DataFrame, Array]:
    """Cut or cancelled lines of the items ``rows`` (K,), the latest of each first, and by how much each item
    is relieved (K,).

    ``part`` are these items, ``surplus`` (K,) what may go and ``above`` (K,) what stands above the policy's
    level, of which ``found`` is the worth.
    """
    place = np.full(int(max(lines.item.max(initial=-1), rows.max(initial=-1))) + 1, -1)
    place[rows] = np.arange(len(rows))
    mine = np.flatnonzero(lines.changeable & (place[lines.item] >= 0) & (lines.quantity > 0))
    mine = mine[np.lexsort((-lines.day[mine], lines.item[mine]))]
    _, begins, counts = np.unique(lines.item[mine], return_index=True, return_counts=True)
    relieved, parts = np.zeros(len(rows)), []
    for turn in range(int(counts.max(initial=0))):
        chosen = mine[begins[counts > turn] + turn]
        at = place[lines.item[chosen]]
        quantity, step = lines.quantity[chosen], part.order_multiple[at]
        left = np.ceil(np.maximum(quantity - (surplus - relieved)[at], 0.0) / step - 1e-9) * step
        left = np.where(left > NOTHING, np.maximum(left, smallest_order(part.moq[at], step)), 0.0)
        taken = np.zeros(len(rows))
        taken[at] = np.maximum(quantity - left, 0.0)
        given_up = found.lost(above - relieved, taken[:, None])[at, 0]
        relieved += taken
        for kind, mask in (("cancel", left <= NOTHING), ("cut", left > NOTHING)):
            some = mask & (taken[at] > NOTHING)
            parts.append(
                frame(
                    int(some.sum()),
                    kind,
                    item=rows[at][some],
                    line=chosen[some],
                    quantity=taken[at][some],
                    saving=(taken[at] * lines.unit_cost[chosen] - given_up)[some],
                    cost=np.zeros(int(some.sum())),
                    act_day=np.maximum(lines.day[chosen] - 1, 0)[some],
                )
            )
    return (pl.concat(parts) if parts else frame(0, "cut")), relieved


def postponed(
    items: Items,
    demand: DemandDistribution,
    places: Array,
    order_up_to: Array,
    lines: Lines,
    *,
    horizon_days: float,
    shortest_delay: int,
) -> pl.DataFrame:
    """Lines that come in long before stock without them is down to the safety stock."""
    mine = np.flatnonzero(lines.changeable & (lines.quantity > 0))
    if not len(mine):
        return frame(0, "postpone")
    mine = mine[np.lexsort((lines.day[mine], lines.item[mine]))]
    item = lines.item[mine]
    mean = MeanDemand(demand, places)
    rows = np.arange(len(items))
    safety = np.maximum(order_up_to - mean.at(rows, items.lead_time_mean + items.review_days), 0.0)
    before = _earlier(lines, mine)
    stock = (items.on_hand - items.allocated - safety)[item] + before
    needed = mean.take(item).days_until(stock)
    # Never for good: what is not needed within the horizon is excess, not early.
    needed = np.minimum(np.floor(needed), horizon_days)
    delay = needed - np.maximum(lines.day[mine], 1)
    some = delay >= shortest_delay
    chosen, delay = mine[some], delay[some]
    held = (items.unit_cost * items.holding_rate)[lines.item[chosen]] / DAYS_PER_YEAR
    return frame(
        len(chosen),
        "postpone",
        item=lines.item[chosen],
        line=chosen,
        quantity=lines.quantity[chosen],
        saving=held * lines.quantity[chosen] * delay,
        cost=np.zeros(len(chosen)),
        act_day=np.maximum(lines.day[chosen] - 1, 0),
        days=delay,
    )


def _earlier(lines: Lines, mine: Array) -> Array:
    """Units of the same item that come in before each of the lines ``mine`` or, among equals, stand first."""
    order = np.lexsort((np.arange(len(lines.item)), lines.day, lines.item))
    total = np.cumsum(lines.quantity[order])
    before = np.empty(len(order))
    before[order] = total - lines.quantity[order]
    _, begins, inverse = np.unique(lines.item[order], return_index=True, return_inverse=True)
    base = np.empty(len(order))
    base[order] = (total - lines.quantity[order])[begins][inverse]
    return np.asarray((before - base)[mine])


def expedited(items: Items, demand: DemandDistribution, places: Array, lines: Lines) -> pl.DataFrame:
    """The first order to come in after stock is expected to run out: brought forward to that day."""
    with_lines = np.unique(lines.item)
    if not len(with_lines):
        return frame(0, "expedite")
    place = np.full(len(items), -1)
    place[with_lines] = np.arange(len(with_lines))
    part, mean = items.take(with_lines), MeanDemand(demand, places[with_lines])
    at = place[lines.item]
    day = np.maximum(lines.day, 1)
    last = int(day.max()) + 1
    out = path(part, mean, Receipts(at, day, lines.quantity), days=min(last, _LONGEST)).out_day
    after = np.where((day >= out[at]) & np.isfinite(out[at]), day, np.iinfo(np.int64).max)
    arrival = np.full(len(with_lines), np.iinfo(np.int64).max)
    np.minimum.at(arrival, at, after)
    chosen = np.flatnonzero(after == arrival[at])
    chosen = chosen[after[chosen] < np.iinfo(np.int64).max]
    mine = at[chosen]
    target = np.maximum(out[mine] - 1, 1.0)
    gained = day[chosen] - target
    chosen, mine, target, gained = (v[gained >= 1] for v in (chosen, mine, target, gained))
    if not len(chosen):
        return frame(0, "expedite")
    # What comes in earlier, and what all lines of the same day bring.
    earlier = np.bincount(at[day < arrival[at]], lines.quantity[day < arrival[at]], len(with_lines))
    together = np.bincount(mine, lines.quantity[chosen], len(with_lines))[mine]
    stock = (part.on_hand - part.allocated + earlier)[mine]
    outlook = Outlook(demand, places[with_lines[mine]])
    levels = np.column_stack([np.maximum(stock, 0.0), np.maximum(stock + together, 0.0)])
    _, late = outlook.losses(day[chosen].astype(np.float64), levels)
    _, soon = outlook.losses(target, levels[:, :1])
    saved = np.maximum(late[:, 0] - soon[:, 0] - late[:, 1], 0.0) * lines.quantity[chosen] / together
    worth_each = np.maximum(part.stockout_cost, 0.0)[mine]
    return frame(
        len(chosen),
        "expedite",
        item=with_lines[mine],
        line=chosen,
        quantity=lines.quantity[chosen],
        saving=saved * worth_each,
        cost=np.zeros(len(chosen)),
        act_day=np.maximum(target - 1, 0).astype(np.int64),
        days=gained,
        sold=saved,
    )
