"""One service level for a group of items, shared out so that it takes the least stock value.

With a price on unmet demand, each item's best level is its newsvendor level; the price is the Lagrange
multiplier of the group's target and is found by bisection (Sherbrooke, "Optimal Inventory Modeling of
Systems", chapter 2; Silver, Pyke and Thomas, section 7.7, exchange curves).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.service import Model
from replenishment.core.sharing import RATIOS, shared_points

Array = npt.NDArray[Any]

_ROUNDS = 6


def groups_of(together: list[tuple[Array, Model]], group: Array) -> list[list[tuple[Array, Model]]]:
    """Items that are served together, with their models, a list for each group of them."""
    names = np.unique(np.concatenate([group[rows] for rows, _ in together])) if together else ()
    found = []
    for name in names:
        parts = [(rows, model, np.flatnonzero(group[rows] == name)) for rows, model in together]
        found.append(
            [
                (rows[mine], model if len(mine) == len(rows) else model.take(mine))
                for rows, model, mine in parts
                if len(mine)
            ]
        )
    return found


def overall_points(
    models: list[tuple[Array, Model]],
    target: Array,
    rate: Array,
    review: Array,
    value: Array,
    whole_units: Array,
) -> list[tuple[Array, Array]]:
    """Reorder points of items that are served together, those with the same ``target``.

    ``models`` holds rows (positions) and their long-run models; the other arguments are (N,) for all items:
    ``rate`` demand per period, ``review`` periods between reviews, ``value`` cost of a unit times these,
    ``whole_units`` where points have to be whole. Returns rows and points for each of ``models``.
    """
    from replenishment.core.exchange import shared

    rows = np.concatenate([rows for rows, _ in models])
    tables = [_table(model, (rate * review)[at] * (model.reviews + 1)) for at, model in models]
    points, ratios, fills = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    answer = np.zeros(len(target))
    for goal in np.unique(target[rows]):
        mine = np.flatnonzero(target[rows] == goal)
        chosen = rows[mine]
        weight = rate[chosen]
        if weight.sum() <= 0:
            continue
        weight = weight / weight.sum()
        part = (points[mine], ratios[mine], fills[mine])
        members = [
            (here, m if len(here) == len(own) else m.take(here))
            for here, (own, m) in zip(_members(models, target, goal), models, strict=True)
        ]
        aim = goal
        best: Array | None = None
        for _ in range(_ROUNDS):
            found = shared(*part, weight, value[chosen], whole_units[chosen], aim)
            fill = np.concatenate([m.evaluate(found[at]).fill for at, (_, m) in _slices(members)])
            reached = float(weight @ fill)
            if reached >= goal - 1e-6:
                best = found
                break
            best = found
            aim = min(aim + 1.2 * (goal - reached) + 1e-6, 1 - 1e-9)
        answer[chosen] = best
    return [(rows, answer[rows]) for rows, _ in models]


def _members(models: list[tuple[Array, Model]], target: Array, goal: float) -> list[Array]:
    return [np.flatnonzero(target[rows] == goal) for rows, _ in models]


def _slices(members: list[tuple[Array, Model]]) -> list[tuple[slice, tuple[Array, Model]]]:
    found, start = [], 0
    for member in members:
        found.append((slice(start, start + len(member[0])), member))
        start += len(member[0])
    return found


def _table(model: Model, mean: Array) -> tuple[Array, Array, Array]:
    """Points (N, P) with their chances to end a review in stock and their fill rates, all rising.

    ``mean`` (N,) is that of demand over lead time and review.
    """
    points = shared_points(model.whole, mean)
    fills = np.maximum.accumulate(model.evaluate(points).fill, axis=1)
    return points, np.tile(RATIOS, (len(points), 1)), fills
