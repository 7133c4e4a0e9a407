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

from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

CELLS = 16
_ROUNDS = 3  # the position after an order depends on the undershoot before it, and that on the position


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

    @property
    def reviews(self) -> Array:
        """Expected reviews from one order to the next (N,)."""
        return np.asarray(self.visits.sum(axis=1))


def none_chance(review: Spread, unit: Array) -> Array:
    """Chance of no demand over a review period (N,); ``unit`` (N,) is the smallest quantity that counts."""
    at = review.loss(np.column_stack([np.zeros_like(unit), unit]))
    return np.asarray(np.clip(1 - (at[:, 0] - at[:, 1]) / unit, 0.0, 1 - 1e-9))


def single(none: Array) -> Cycle:
    """Ordered up to s at every review that has seen demand."""
    ones = np.ones((len(none), 1))
    return Cycle(np.ones(len(none)), ones / (1 - none)[:, None], ones, np.ones(len(none), dtype=bool), none)


def wide(review: Spread, none: Array, unit: Array, rise: Array, smallest: Array, multiple: Array) -> Cycle:
    """Cycle of (s, s + rise) with a smallest order and an order multiple, all (N,) in units."""
    count = len(unit)
    rows = np.arange(count)
    width = np.maximum(smallest, rise + np.maximum(multiple - unit, 0.0))
    lattice = width <= (CELLS - 1) * unit + 1e-9
    step = np.where(lattice, unit, np.maximum(width, unit) / (CELLS - 1))
    at = review.loss(step[:, None] * np.arange(2 * CELLS + 1))
    fall = np.empty((count, 2 * CELLS))
    fall[:, 0] = 1 - (at[:, 0] - at[:, 1]) / step
    fall[:, 1:] = (at[:, :-2] - 2 * at[:, 1:-1] + at[:, 2:]) / step[:, None]
    fall = np.maximum(fall, 0.0)
    fall[:, 0] = np.minimum(fall[:, 0], 1 - 1e-9)
    stay = 1 / (1 - fall[:, 0])
    # At s exactly an order is due where there is a rise to order; with none, the need is 0 and nothing
    # happens.
    holds_at_s = rise <= 0
    starts = np.zeros((count, CELLS))
    top = np.clip(np.round(rise / step).astype(np.int64), 0, CELLS - 1)
    starts[rows, np.maximum(top, np.round(smallest / 2 / step).astype(np.int64).clip(0, CELLS - 1))] = 1.0
    visits = np.empty_like(starts)
    plain = bool(np.all((smallest <= rise) & (multiple <= unit)))
    if plain:
        starts[:] = 0.0
        starts[rows, top] = 1.0
    for _ in range(1 if plain else _ROUNDS):
        for node in range(CELLS - 1, -1, -1):
            above = visits[:, node + 1 :]
            come = np.einsum("ij,ij->i", above, fall[:, 1 : CELLS - node]) if node < CELLS - 1 else 0.0
            if node == 0:
                come = np.where(holds_at_s, come, 0.0)
            visits[:, node] = (starts[:, node] + come) * stay
        if plain:
            break
        starts = _starts(visits, fall, holds_at_s, step, rise, smallest, multiple)
    return Cycle(step, visits, starts, lattice, none)


def _starts(
    visits: Array, fall: Array, holds_at_s: Array, step: Array, rise: Array, smallest: Array, multiple: Array
) -> Array:
    """Where orders leave the position: the undershoot below s adds to what is ordered."""
    rows = np.arange(len(step))
    starts = np.zeros_like(visits)
    for below in range(CELLS + 1):
        weight = np.einsum("ij,ij->i", visits, fall[:, below : below + CELLS])
        if below == 0:
            weight = np.where(holds_at_s, 0.0, np.einsum("ij,ij->i", visits[:, 1:], fall[:, 1:CELLS]))
        if below == CELLS:  # everything deeper
            weight = np.maximum(1 - starts.sum(axis=1), 0.0)
        under = below * step
        need = np.maximum(rise + under, smallest)
        quantity = np.ceil(need / multiple - 1e-9) * multiple
        left = np.clip(np.round((quantity - under) / step).astype(np.int64), 0, CELLS - 1)
        starts[rows, left] += weight
    return np.asarray(starts / starts.sum(axis=1, keepdims=True))
