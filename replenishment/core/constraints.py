"""From levels and a stock position to an order, each rounding a term of its own, adding up exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TERMS = (
    "adj_not_due",
    "adj_cycle",
    "adj_moq",
    "adj_multiple",
    "adj_max",
    "adj_shelf_life",
    "adj_budget",
)
_GRAIN = 2.0**-26  # sums of multiples of this are exact in float64 up to 134 million units


def grained(values: Array) -> Array:
    """Values rounded to whole multiples of 2**-26 units (1.5e-8), so that sums and differences are exact."""
    return np.asarray(np.round(values / _GRAIN) * _GRAIN)


def grained_down(values: Array) -> Array:
    """The same, rounded down; infinite values stay."""
    return np.asarray(np.floor(values / _GRAIN) * _GRAIN)


def smallest_order(moq: Array, multiple: Array) -> Array:
    """The MOQ or the multiple, whichever is more, rounded up to a multiple."""
    return np.asarray(np.ceil(np.maximum(moq, multiple) / multiple - 1e-9) * multiple)


@dataclass(frozen=True, eq=False)
class Orders:
    """``net_need`` and the ``terms`` (N,) that lead from it to ``quantity``; masks say what forced what."""

    net_need: Array
    terms: dict[str, Array]
    quantity: Array
    above_max: Array

    def cut(self, term: str, quantity: Array) -> Orders:
        """The same orders cut to ``quantity`` by ``term``, which has to be 0 so far."""
        quantity = grained(quantity)
        terms = {**self.terms, term: grained(quantity - self.quantity)}
        return Orders(self.net_need, terms, quantity, self.above_max)


def floored(quantity: Array, smallest: Array, multiple: Array) -> Array:
    """Rounded down to a multiple, or to 0 where that is below the smallest order."""
    whole = np.floor(quantity / multiple + 1e-9) * multiple
    return np.where(whole + 1e-9 * multiple < smallest, 0.0, whole)


def ordered(
    *,
    position: Array,
    reorder_point: Array,
    order_up_to: Array,
    moq: Array,
    multiple: Array,
    max_stock: Array,
    shelf_limit: Array,
) -> Orders:
    """One review: at or below the reorder point order up to the level, by the terms in their order.

    All (N,) in units. ``shelf_limit`` is the stock position that sells before it expires, infinite where
    nothing does. Zero is never raised: an order is made only where there is a need.
    """
    position = grained(position)
    net_need = grained(reorder_point - position)
    smallest = smallest_order(moq, multiple)
    due = net_need >= 0
    terms: dict[str, Array] = {"adj_not_due": np.where(due, 0.0, -net_need)}
    terms["adj_cycle"] = np.where(due, grained(order_up_to - reorder_point), 0.0)
    need = np.where(due, net_need + terms["adj_cycle"], 0.0)
    some = need > 0
    after_moq = grained(np.where(some, np.maximum(need, moq), 0.0))
    terms["adj_moq"] = after_moq - need
    rounded = grained(np.ceil(after_moq / multiple - 1e-9) * multiple)
    terms["adj_multiple"] = rounded - after_moq
    room = max_stock - position
    over = some & (rounded > room + _GRAIN)
    fits = floored(np.maximum(np.where(over, room, 0.0), 0.0), smallest, multiple)
    kept = grained(np.where(over, np.maximum(fits, np.minimum(smallest, rounded)), rounded))
    terms["adj_max"] = kept - rounded
    above_max = over & (kept > room + _GRAIN)
    room = shelf_limit - position
    over = some & (kept > room + _GRAIN)
    fits = floored(np.maximum(np.where(over, room, 0.0), 0.0), smallest, multiple)
    sold = grained(np.where(over, np.minimum(fits, kept), kept))
    terms["adj_shelf_life"] = sold - kept
    terms["adj_budget"] = np.zeros_like(sold)
    return Orders(net_need, terms, sold, above_max & (sold > 0))
