"""Orders to suppliers as a whole: minimum value, weight and volume.

An order below its supplier's minimum is topped up by the packs that cost least per unit of what is missing
(`order_lines`: worth less holding cost), also of products that are not due yet, and never above what a line
may be. It is put off to the next order day instead where

- no line's stock is expected to run out before that day's order is in, and
- topping up can't reach the minimum, or costs more than waiting: the margin that is expected to be lost
  until that order is in, less a review's holding cost of the order and the cost of one order that is saved.

What is urgent and can't reach the minimum is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.order_lines import Lines, packs_above, taken_until

Array = npt.NDArray[Any]

_ENOUGH = 1 - 1e-9
_PASSES = 4  # prices that fall with the quantity need more than one


@dataclass(frozen=True, eq=False)
class Minimums:
    """Of M orders, 0 where there is none: ``value`` in money, ``weight`` in kg, ``volume`` in m3; and
    ``order_cost``, money for each order.
    """

    value: Array
    weight: Array
    volume: Array
    order_cost: Array

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, eq=False)
class Topped:
    """``quantity`` (N,) by line; and by order (M,) whether it was ``topped_up``, ``put_off``, is still
    ``below`` its minimum, or has a minimum ``unchecked`` because a line's weight or volume is not known.
    """

    quantity: Array
    topped_up: Array
    put_off: Array
    below: Array
    unchecked: Array


def to_minimums(lines: Lines, minimums: Minimums) -> Topped:
    """Orders brought up to their minimums, or put off."""
    orders = len(minimums)
    measures = _measures(lines, minimums)
    unchecked = np.zeros(orders, dtype=bool)
    for each, minimum in measures[1:]:
        unchecked |= (minimum > 0) & _unknown(lines, each, minimum)
    topped, cost = topped_up(lines, minimums)
    begun = lines.total(np.ones(len(lines)), orders) > 0
    short = begun & ~at_minimums(lines, minimums)
    reached = at_minimums(topped, minimums)
    wait = short & ~_urgent(lines, orders) & (~reached | (_waiting(lines, minimums) < cost))
    up = short & reached & ~wait
    quantity = np.where(up[lines.order], topped.quantity, lines.quantity)
    quantity = np.where(wait[lines.order], 0.0, quantity)
    return Topped(
        quantity,
        topped_up=up,
        put_off=wait,
        below=short & ~up & ~wait,
        unchecked=unchecked & begun & ~wait,
    )


def _measures(lines: Lines, minimums: Minimums) -> list[tuple[Array, Array]]:
    return [
        (lines.unit_cost, minimums.value),
        (lines.weight, minimums.weight),
        (lines.volume, minimums.volume),
    ]


def _known(lines: Lines, each: Array, orders: int) -> Array:
    """What each order comes to, without what is not known."""
    return lines.total(np.nan_to_num(each), orders)


def _unknown(lines: Lines, each: Array, minimum: Array) -> Array:
    """Orders (M,) that may or may not reach their minimum: something on them is not known."""
    orders = len(minimum)
    blank = np.bincount(lines.order, (lines.quantity > 0) & np.isnan(each), orders) > 0
    return blank & (_known(lines, each, orders) < minimum * _ENOUGH)


def at_minimums(lines: Lines, minimums: Minimums) -> Array:
    """Whether orders (M,) are at their minimums; a minimum that can't be checked does not count."""
    met = np.ones(len(minimums), dtype=bool)
    for each, minimum in _measures(lines, minimums):
        enough = _known(lines, each, len(minimums)) >= minimum * _ENOUGH
        met &= enough | _unknown(lines, each, minimum)
    return met


def topped_up(lines: Lines, minimums: Minimums) -> tuple[Lines, Array]:
    """Lines of begun orders brought as far towards the minimums as they can be, and the cost by order (M,).

    The packs that cost least per unit of what is missing come first.
    """
    orders = len(minimums)
    cost = np.zeros(orders)
    begun = lines.total(np.ones(len(lines)), orders) > 0
    for measure in range(3):
        for _ in range(_PASSES):
            each, minimum = _measures(lines, minimums)[measure]
            checked = begun & ~_unknown(lines, each, minimum)
            missing = np.where(checked, minimum - _known(lines, each, orders), 0.0)
            missing = np.where(missing > minimum * (1 - _ENOUGH), missing, 0.0)
            rows = np.flatnonzero((missing[lines.order] > 0) & (each > 0))
            if not len(rows):
                break
            some = lines.take(rows)
            packs = packs_above(some)
            counts = each[rows]
            taken = taken_until(packs, some.order, -packs.worth / counts[packs.line], [counts], [missing])
            if not np.any(taken > 0):
                break
            cost -= packs.value(taken, some.order, orders)
            quantity = lines.quantity.copy()
            quantity[rows] += packs.units(taken, len(rows))
            lines = lines.with_quantity(quantity)
    return lines, cost


def _urgent(lines: Lines, orders: int) -> Array:
    """Orders (M,) with a line whose stock is expected to run out before the next order is in."""
    runs_out = (lines.quantity > 0) & (lines.demand.mean > lines.position)
    return np.bincount(lines.order, runs_out, orders) > 0


def _waiting(lines: Lines, minimums: Minimums) -> Array:
    """What it costs to leave each order (M,) to the next order day."""
    at = lines.demand.loss(np.column_stack([lines.position, lines.position + lines.quantity]))
    lost = np.maximum(lines.margin, 0.0) * (at[:, 0] - at[:, 1])
    held = lines.holding * lines.quantity * lines.review_days / DAYS_PER_YEAR
    return np.asarray(
        np.bincount(lines.order, np.where(lines.quantity > 0, lost - held, 0.0), len(minimums))
        - minimums.order_cost
    )
