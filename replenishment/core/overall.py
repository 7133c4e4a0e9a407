"""One service level for a group of items, shared out so that it takes the least stock value.

With a price on unmet demand, each item's best level is its newsvendor level; the price is the Lagrange
multiplier of the group's target and is found by bisection (Sherbrooke, "Optimal Inventory Modeling of
Systems", chapter 2; Silver, Pyke and Thomas, section 7.7, exchange curves).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import critical_ratio
from replenishment.core.service import Model
from replenishment.core.sharing import RATIOS, shared_points

Array = npt.NDArray[Any]

_HALVINGS = 60
_ROUNDS = 6


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
        members = [(here, m.take(here)) for here, m in _members(models, target, goal)]
        aim = goal
        best: Array | None = None
        for _ in range(_ROUNDS):
            found = _shared(part, weight, value[chosen], whole_units[chosen], aim)
            fill = np.concatenate([m.evaluate(found[at]).fill for at, (_, m) in _slices(members)])
            reached = float(weight @ fill)
            if reached >= goal - 1e-6:
                best = found
                break
            best = found
            aim = min(aim + 1.2 * (goal - reached) + 1e-6, 1 - 1e-9)
        answer[chosen] = best
    return [(rows, answer[rows]) for rows, _ in models]


def _members(models: list[tuple[Array, Model]], target: Array, goal: float) -> list[tuple[Array, Model]]:
    return [(np.flatnonzero(target[rows] == goal), model) for rows, model in models]


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
    fills = np.empty_like(points)
    for column in range(points.shape[1]):
        fills[:, column] = model.evaluate(points[:, column]).fill
    return points, np.broadcast_to(RATIOS, points.shape), np.maximum.accumulate(fills, axis=1)


def _shared(
    tables: tuple[Array, Array, Array], weight: Array, value: Array, whole_units: Array, goal: float
) -> Array:
    points, ratios, fills = tables

    def at(price: float) -> Array:
        found = _looked_up(ratios, points, critical_ratio(np.full(len(value), price), value))
        return np.where(whole_units, np.ceil(found - 1e-5), found)

    low, high = np.log(value.min()) - 20.0, np.log(value.max()) + 25.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(weight @ _looked_up(points, fills, at(float(np.exp(middle))))) >= goal:
            high = middle
        else:
            low = middle
    return at(float(np.exp(high)))


def _looked_up(keys: Array, values: Array, wanted: Array) -> Array:
    """Row-wise straight-line interpolation of rising ``keys`` (N, P) at ``wanted`` (N,)."""
    right = np.clip((keys < wanted[:, None]).sum(axis=1), 1, keys.shape[1] - 1)
    rows = np.arange(len(keys))
    low, high = keys[rows, right - 1], keys[rows, right]
    share = np.clip(
        np.where(high > low, (wanted - low) / np.where(high > low, high - low, 1.0), 0.0), 0.0, 1.0
    )
    return np.asarray(values[rows, right - 1] + (values[rows, right] - values[rows, right - 1]) * share)
