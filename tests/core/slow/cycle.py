"""Slow twin of `replenishment.core.cycle`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.core.slow.counts import Counts
from tests.core.slow.spread import Spread

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
    count = len(unit)
    width = np.maximum(smallest, rise + np.maximum(multiple - unit, 0.0))
    lattice = width <= (cells - 1) * unit + 1e-9
    step = np.where(lattice, unit, np.maximum(width, unit) / (cells - 1))
    at = review.loss(step[:, None] * np.arange(2 * cells + 1) / served[:, None]) * served[:, None]
    fall = np.empty((count, 2 * cells))
    fall[:, 0] = 1 - (at[:, 0] - at[:, 1]) / step
    fall[:, 1:] = (at[:, :-2] - 2 * at[:, 1:-1] + at[:, 2:]) / step[:, None]
    fall = np.maximum(fall, 0.0)
    fall[:, 0] = np.minimum(fall[:, 0], 1 - 1e-9)
    # Whole units: at s exactly an order is due where there is a rise to order; with none, the need is 0 and
    # nothing happens. Else half of what comes to s lies above it.
    stays = np.where(lattice, (rise <= 0).astype(float), 0.5)
    plain = (smallest <= rise) & (multiple <= unit)
    visits = np.empty((count, cells))
    starts = np.zeros((count, cells))
    rows = np.flatnonzero(plain)
    if len(rows):
        top = np.clip(np.round(rise[rows] / step[rows]).astype(np.int64), 0, cells - 1)
        starts[rows, top] = 1.0
        visits[rows] = _descended(starts[rows], fall[rows], stays[rows])
    rows = np.flatnonzero(~plain)
    if len(rows):
        visits[rows], starts[rows] = _settled(
            fall[rows], stays[rows], step[rows], unit[rows], rise[rows], smallest[rows], multiple[rows]
        )
    return Cycle(step, visits, starts, lattice, none)


def _descended(starts: Array, fall: Array, stays: Array) -> Array:
    """Visits of a cycle that starts where it always does: a renewal equation, from the top down."""
    cells = starts.shape[1]
    visits = np.zeros_like(starts)
    stay = 1 / (1 - fall[:, 0])
    for node in range(cells - 1, -1, -1):
        come = np.einsum("ij,ij->i", visits[:, node + 1 :], fall[:, 1 : cells - node])
        visits[:, node] = (starts[:, node] + come) * stay
    visits[:, 0] *= np.where(starts[:, 0] > 0, 1.0, stays)
    return visits


def _settled(
    fall: Array, stays: Array, step: Array, unit: Array, rise: Array, smallest: Array, multiple: Array
) -> tuple[Array, Array]:
    """Visits and starts where the undershoot below s adds to what is ordered: a Markov chain of positions."""
    count, cells = len(step), fall.shape[1] // 2
    rows = np.arange(count)
    quiet = np.zeros((count, cells, cells))  # from node, to node, without an order
    for node in range(cells):
        quiet[:, node, : node + 1] = fall[:, node::-1]
        quiet[:, node, 0] *= stays if node else np.ceil(stays)
    order = np.zeros_like(quiet)
    for below in range(cells + 1):
        chance = fall[:, below : below + cells].copy()
        under = below * step
        if below == 0:
            chance -= quiet[:, :, 0]
        elif below == cells:  # everything deeper: what is ordered is the need, rounded up by anything at all
            chance = np.maximum(1 - quiet.sum(axis=2) - order.sum(axis=2), 0.0)
            spread = np.arange(cells) * step[:, None]
            low, high = rise[:, None], (rise + np.maximum(multiple - unit, 0.0))[:, None]
            share = ((spread >= low - step[:, None] / 2) & (spread <= high + step[:, None] / 2)).astype(float)
            share /= np.maximum(share.sum(axis=1, keepdims=True), 1.0)
            order += chance[:, :, None] * share[:, None, :]
            break
        need = np.maximum(rise + under, smallest)
        quantity = np.ceil(need / multiple - 1e-9) * multiple
        left = np.clip(np.round((quantity - under) / step).astype(np.int64), 0, cells - 1)
        order[rows, :, left] += chance
    balance = np.eye(cells) - np.swapaxes(quiet + order, 1, 2)
    balance[:, -1, :] = 1.0
    right = np.zeros((count, cells, 1))
    right[:, -1] = 1.0
    settled = np.maximum(np.linalg.solve(balance, right)[:, :, 0], 0.0)
    into = np.einsum("ij,ijk->ik", settled, order)
    orders = np.maximum(into.sum(axis=1, keepdims=True), 1e-12)
    return settled / orders, into / orders
