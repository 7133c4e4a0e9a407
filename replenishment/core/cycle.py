"""The stock position right after a review, in the long run.

An item ordered up to its level at every review always starts a review period from the same position. Where
the smallest order, the order multiple or the EOQ widen the cycle, it starts from anywhere between s and s +
width. The position falls by the demand of a review period each time until it is at or below s: a renewal
process (Silver, Pyke and Thomas, "Inventory and Production Management in Supply Chains", section 7.5; Tijms,
"Stochastic Models", section 1.9). It depends on s nowhere, so that a level can be sought with it in hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.counts import Counts
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

CELLS = 32  # nodes where a cycle always starts from the same position
CHAIN_CELLS = 16  # nodes where it does not, and a Markov chain has to be solved


@dataclass(frozen=True, eq=False)
class Cycle:
    """Positions after a review, relative to s: nodes ``0, step, 2 step, ...`` (N, G).

    ``visits`` (N, G) are the expected reviews of an order cycle that leave the position at a node, the
    order's own included; ``starts`` (N, G) the share of orders that do. ``lattice`` (N,) is true where the
    nodes are whole units, else each stands for the interval around it. ``none`` (N,) is the chance of no
    demand in a review period.
    """

    step: Array
    visits: Array
    starts: Array
    lattice: Array
    none: Array

    def take(self, rows: Array) -> Cycle:
        """Some items only."""
        return Cycle(
            self.step[rows], self.visits[rows], self.starts[rows], self.lattice[rows], self.none[rows]
        )

    @property
    def reviews(self) -> Array:
        """Expected reviews from one order to the next (N,)."""
        return np.asarray(self.visits.sum(axis=1))


def none_chance(review: Spread | Counts, unit: Array) -> Array:
    """Chance of no demand over a review period (N,); ``unit`` (N,) is the smallest quantity that counts."""
    at = review.loss(np.column_stack([np.zeros_like(unit), unit]))
    return np.asarray(np.clip(1 - (at[:, 0] - at[:, 1]) / unit, 0.0, 1 - 1e-9))


def single(none: Array) -> Cycle:
    """Ordered up to s at every review that has seen demand."""
    ones = np.ones((len(none), 1))
    return Cycle(np.ones(len(none)), ones / (1 - none)[:, None], ones, np.ones(len(none), dtype=bool), none)


def wide(
    review: Spread | Counts,
    none: Array,
    *,
    served: Array,
    unit: Array,
    rise: Array,
    smallest: Array,
    multiple: Array,
    cells: int,
) -> Cycle:
    """Cycle of (s, s + rise) with a smallest order and an order multiple (N,) in units, on ``cells`` nodes.

    ``served`` (N,) is the share of demand that takes from the position: below 1 where unmet demand is lost.
    """
    from replenishment.core.renewal import visited

    width = np.maximum(smallest, rise + np.maximum(multiple - unit, 0.0))
    lattice = width <= (cells - 1) * unit + 1e-9
    step = np.where(lattice, unit, np.maximum(width, unit) / (cells - 1))
    at = review.loss(step[:, None] * np.arange(2 * cells + 1) / served[:, None]) * served[:, None]
    visits, starts = visited(at, step, lattice, unit, rise, smallest, multiple)
    return Cycle(step, visits, starts, lattice, none)
