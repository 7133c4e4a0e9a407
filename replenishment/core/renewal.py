"""Visits of an order cycle to positions above the reorder point, item by item, compiled: see `cycle`.

Import this where it is used only: it brings numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner

Array = npt.NDArray[Any]


@compiled
def visited(
    loss: Array,
    step: Array,
    lattice: Array,
    unit: Array,
    rise: Array,
    smallest: Array,
    multiple: Array,
) -> tuple[Array, Array]:
    """Visits of a cycle and shares of its starts (N, G): arguments as `cycle.wide`.

    ``loss`` (N, 2 G + 1) is that of a review period's demand at 0, step, 2 step, ...
    """
    count, cells = len(step), loss.shape[1] // 2
    visits, starts = np.zeros((count, cells)), np.zeros((count, cells))
    fall, moves, order = np.empty(2 * cells), np.empty((cells, cells)), np.empty((cells, cells))
    for row in range(count):
        _falls(loss, row, step[row], fall)
        # What comes to s exactly: where nodes are whole units, an order is due if there is a rise to order;
        # with none, the need is 0 and nothing happens. Else half of what comes there lies above s.
        stays = 0.5
        if lattice[row]:
            stays = 1.0 if rise[row] <= 0 else 0.0
        if smallest[row] <= rise[row] and multiple[row] <= unit[row]:
            top = min(max(int(np.rint(rise[row] / step[row])), 0), cells - 1)
            starts[row, top] = 1.0
            _descended(visits, row, top, fall, stays)
        else:
            terms = (step[row], unit[row], rise[row], smallest[row], multiple[row])
            _moved(fall, terms, stays, moves, order)
            _settled(moves, visits, row)
            orders = 0.0
            for left in range(cells):
                for node in range(cells):
                    starts[row, left] += visits[row, node] * order[node, left]
                orders += starts[row, left]
            orders = max(orders, 1e-12)
            for node in range(cells):
                visits[row, node] /= orders
                starts[row, node] /= orders
    return visits, starts


@inner
def _falls(loss: Array, row: int, step: float, fall: Array) -> None:
    """Chances that a review's demand lowers the position by 0, step, 2 step, ..."""
    size = len(fall)
    fall[0] = min(max(1 - (loss[row, 0] - loss[row, 1]) / step, 0.0), 1 - 1e-9)
    for k in range(1, size):
        fall[k] = max((loss[row, k - 1] - 2 * loss[row, k] + loss[row, k + 1]) / step, 0.0)


@inner
def _descended(visits: Array, row: int, top: int, fall: Array, stays: float) -> None:
    """Visits of a cycle that starts where it always does: a renewal equation, from the top down."""
    stay = 1 / (1 - fall[0])
    for node in range(top, -1, -1):
        come = 1.0 if node == top else 0.0
        for above in range(node + 1, top + 1):
            come += visits[row, above] * fall[above - node]
        visits[row, node] = come * stay * (stays if top > node == 0 else 1.0)


@inner
def _moved(
    fall: Array,
    terms: tuple[float, float, float, float, float],
    stays: float,
    moves: Array,
    order: Array,
) -> None:
    """Chances of going from a node to another (G, G) in a review, and of those with an order.

    The undershoot below s adds to what is ordered.
    """
    step, unit, rise, smallest, multiple = terms
    cells = len(moves)
    for node in range(cells):
        total = 0.0
        for left in range(cells):
            moves[node, left] = fall[node - left] if left <= node else 0.0
            if left == 0:
                moves[node, left] *= stays if node > 0 or stays == 0 else 1.0
            order[node, left] = 0.0
            total += moves[node, left]
        for below in range(cells):
            chance = fall[node + below] if below > 0 else fall[node] - moves[node, 0]
            under = below * step
            need = max(rise + under, smallest)
            quantity = math.ceil(need / multiple - 1e-9) * multiple
            left = min(max(int(np.rint((quantity - under) / step)), 0), cells - 1)
            order[node, left] += chance
            total += chance
        # Everything deeper: what is ordered is the need, rounded up by anything at all.
        low, high = rise - step / 2, rise + max(multiple - unit, 0.0) + step / 2
        reached = 0
        for left in range(cells):
            reached += low <= left * step <= high
        for left in range(cells):
            if low <= left * step <= high:
                order[node, left] += max(1 - total, 0.0) / max(reached, 1)
        for left in range(cells):
            moves[node, left] += order[node, left]


@inner
def _settled(moves: Array, visits: Array, row: int) -> None:
    """Stationary shares of a chain, leaving out node after node (Grassmann, Taksar and Heyman 1985).

    Nothing is subtracted, so that it is exact however rare some moves are. ``moves`` is used up. A node from
    which none of those before it is reached keeps all the weight.
    """
    cells = len(moves)
    first = 0
    for node in range(cells - 1, 0, -1):
        out = 0.0
        for left in range(node):
            out += moves[node, left]
        if out <= 0:
            first = max(first, node)
            continue
        for above in range(node):
            moves[above, node] /= out
            for left in range(node):
                moves[above, left] += moves[above, node] * moves[node, left]
    total = 0.0
    for node in range(cells):
        share = 1.0 if node == first else 0.0
        for before in range(first, node):
            share += visits[row, before] * moves[before, node]
        visits[row, node] = share if node >= first else 0.0
        total += visits[row, node]
    for node in range(cells):
        visits[row, node] /= total
