"""Transfers before purchases: what one location has too much of, where another would buy it.

Excess is what a location can give away without buying anything for it before its next review (`excess`).
Whether a unit is better moved than bought is a matter of money (`options`), and who gets which excess is
settled greedily, the greatest saving per unit first (`allocated`): optimal for one giver or one taker of a
product, and within the figures of ``docs/network.md`` of the exact transport problem (Hitchcock 1941)
otherwise. Lateral transshipment of this kind, proactive and at reviews, is surveyed by Paterson, Kiesmueller,
Teunter and Glazebrook, *European Journal of Operational Research* 210 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import DAYS_PER_YEAR

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Needs:
    """What N rows lack and would buy, in units: ``need`` up to the order-up-to level, 0 where nothing is due.

    ``moq`` and ``multiple`` are those of a purchase; ``room`` is the most that may come in, bought or moved,
    infinite where there is no limit.
    """

    need: Array
    moq: Array
    multiple: Array
    room: Array


@dataclass(frozen=True, eq=False)
class Options:
    """E ways to move a product: rows ``giver`` and ``taker``, and the lane's ``smallest`` quantity and
    ``multiple``. ``saving`` is what a moved unit saves against a bought one; ``urgent`` units would be sold
    before a purchase comes in, and save ``urgent_saving`` each on top.
    """

    giver: Array
    taker: Array
    smallest: Array
    multiple: Array
    saving: Array
    urgent: Array
    urgent_saving: Array

    def __len__(self) -> int:
        return len(self.giver)

    def take(self, rows: Array) -> Self:
        """Some options only."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def excess(
    *,
    on_hand: Array,
    allocated: Array,
    on_order: Array,
    reorder_point: Array,
    order_up_to: Array,
    review: Array,
) -> Array:
    """Units (N,) that a row can give away and still buy nothing before its next review.

    Its position stays at its order-up-to level plus ``review``, what it is expected to sell until its next
    review; and what it has in the house stays at its reorder point, whatever is on order. A row that is not
    bought for again (both levels -1) keeps the same for a level of 0.
    """
    free = on_hand - allocated
    above = free + on_order - np.maximum(order_up_to, 0.0) - review
    house = free - np.maximum(reorder_point, 0.0)
    return np.asarray(np.maximum(np.minimum(above, house), 0.0))


def savings(
    *, landed_cost: Array, giver_cost: Array, lane_cost: Array, holding_rate: Array, spare_days: Array
) -> Array:
    """What a unit moved saves against one bought: the purchase, less the lane, less what the unit is worth
    where it lies.

    There it would save a purchase too, but only after ``spare_days``: until then it costs its holding. Where
    they are infinite it never does, and is worth nothing, whatever its holding costs.
    """
    is_ever_sold = np.isfinite(spare_days)
    days = np.where(is_ever_sold, spare_days, 0.0)
    kept = np.where(is_ever_sold, giver_cost * (1 - holding_rate * days / DAYS_PER_YEAR), 0.0)
    return np.asarray(landed_cost - lane_cost - np.maximum(kept, 0.0))


def urgent_units(*, rate: Array, position: Array, lane_days: Array, lead_time_days: Array) -> Array:
    """Units that would be sold after the position (N,) has run out, from when a transfer is in until a
    purchase is; ``rate`` is mean demand of a day.
    """
    runs_out = np.where(rate > 0, np.maximum(position, 0.0) / np.where(rate > 0, rate, 1.0), np.inf)
    days = np.maximum(lead_time_days - np.maximum(runs_out, lane_days), 0.0)
    return np.where(rate > 0, rate * np.where(np.isfinite(days), days, 0.0), 0.0)


def allocated(needs: Needs, spare: Array, options: Options) -> tuple[Array, Array]:
    """Units moved by each option (E,), and what each row still buys (N,).

    From a giver never more than it has to ``spare`` (N,). A moved unit has to make the purchase smaller:
    below the MOQ, or a part of a pack, it would only come on top of it; unless it is urgent. What is bought
    after all keeps MOQ, multiple and room.
    """
    from replenishment.core.allocation import greedy

    worth = options.saving + options.urgent_saving * np.minimum(
        options.urgent / np.maximum(needs.need[options.taker], 1e-12), 1.0
    )
    useful = np.where(options.saving > 0, needs.need[options.taker], options.urgent)
    best = np.flatnonzero((worth > 0) & (useful > 0) & (spare[options.giver] > 0))
    order = best[np.lexsort((options.taker[best], options.giver[best], -worth[best]))]
    moved = np.zeros(len(options))
    chosen = options.take(order)
    moved[order] = greedy(
        needs.need, needs.moq, needs.multiple, needs.room, np.array(spare, dtype=np.float64),
        chosen.giver, chosen.taker, chosen.smallest, chosen.multiple, chosen.saving > 0, chosen.urgent,
    )  # fmt: skip
    got = np.bincount(options.taker, weights=moved, minlength=len(needs.need))
    return moved, still_bought(needs, got)


def still_bought(needs: Needs, got: Array) -> Array:
    """What rows (N,) buy when so much comes in otherwise."""
    from replenishment.core.allocation import remaining

    return np.asarray(remaining(needs.need, needs.moq, needs.multiple, needs.room, got))


def shared(wanted: Array, smallest: Array, multiple: Array, source: Array, stock: Array) -> Array:
    """Units (N,) that rows get of what they want from the row that supplies them, ``source`` (N,), -1: none.

    ``wanted`` are whole multiples. Where the ``stock`` (N,) of the source is short of it, all get the same
    share of what they want, rounded down to multiples; what that leaves goes to those who lack most.
    """
    from replenishment.core.allocation import rationed

    rows = np.flatnonzero((source >= 0) & (wanted > 0))
    found = np.zeros(len(wanted))
    if len(rows):
        total = np.bincount(source[rows], weights=wanted[rows], minlength=len(wanted))
        part = np.minimum(np.maximum(stock, 0.0) / np.where(total > 0, total, 1.0), 1.0)[source[rows]]
        # By source, the largest shortage first.
        order = rows[np.lexsort((-wanted[rows] * (1 - part), source[rows]))]
        found[order] = rationed(
            wanted[order],
            smallest[order],
            multiple[order],
            source[order],
            np.maximum(stock, 0.0).astype(float),
        )
    return found
