"""One service level for a group of items, shared out so that it takes little stock and costs little.

With a price on unmet demand, each item's best level is its newsvendor level; the price is the Lagrange
multiplier of the group's target and is found by bisection (Sherbrooke, "Optimal Inventory Modeling of
Systems", chapter 2; Silver, Pyke and Thomas, section 7.7, exchange curves).

One price for every unit gives the target with the least stock value, but dear items are short most, and the
margin lost on them is high. Prices in proportion to margins cost the least of holding and lost margin, but
take more stock where costs differ much. So a part of each price is in proportion to the margin: the part with
the least cost of those that need no more than a fifth more stock value than the least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.service import Model
from replenishment.core.sharing import RATIOS, kept, shared_points

Array = npt.NDArray[Any]

_ROUNDS = 6
_PARTS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)  # of the price, in proportion to the margin
_LEAST = 0.05  # of the group's mean price: no unit counts for nothing
_MORE_STOCK = 1.2  # times the least stock value


@dataclass(frozen=True, eq=False)
class Money:
    """What decides how service is shared out, all (N,): ``rate`` demand per period, ``review`` periods
    between reviews, ``cost`` of a unit, ``margin`` lost with a unit, ``held`` cost of holding a unit over a
    period, ``whole`` where points have to be whole.
    """

    rate: Array
    review: Array
    cost: Array
    margin: Array
    held: Array
    whole: Array

    def take(self, rows: Array) -> Money:
        """Some items only."""
        return Money(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


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
    models: list[tuple[Array, Model]], target: Array, money: Money
) -> list[tuple[Array, Array]]:
    """Reorder points of items that are served together, those with the same ``target`` (N,).

    ``models`` holds rows (positions) and their long-run models. Returns rows and points for each of them.
    """
    rows = np.concatenate([rows for rows, _ in models])
    tables = [_table(model, (money.rate * money.review)[at]) for at, model in models]
    table = tuple(np.concatenate(parts) for parts in zip(*tables, strict=True))
    answer = np.zeros(len(target))
    for goal in np.unique(target[rows]).tolist():
        mine = np.flatnonzero(target[rows] == goal)
        chosen = rows[mine]
        if money.rate[chosen].sum() <= 0:
            continue
        members = [
            (here, m if len(here) == len(own) else m.take(here))
            for here, (own, m) in zip(_members(models, target, goal), models, strict=True)
        ]
        answer[chosen] = _together(members, [part[mine] for part in table], money.take(chosen), goal)
    return [(rows, answer[rows]) for rows, _ in models]


def _together(members: list[tuple[Array, Model]], table: list[Array], money: Money, goal: float) -> Array:
    """Points (N,) of a group whose models follow each other."""
    from replenishment.core.exchange import shared

    points, chances, fills, stocks = table
    demand = money.rate / money.rate.sum()
    value = money.cost * money.review

    def at(prices: Array, aim: float) -> Array:
        return np.asarray(shared(points, chances, fills, demand, prices, value, money.whole, aim))

    tried = []
    for prices in _prices(money, demand):
        found = at(prices, goal)
        stock, fill = _looked_up(points, stocks, found), _looked_up(points, fills, found)
        lost = float(((1 - fill) * money.rate) @ money.margin)
        tried.append((float(stock @ money.held) + lost, float(stock @ money.cost), prices))
    least = min(value for _, value, _ in tried)
    best = min((one for one in tried if one[1] <= _MORE_STOCK * least), key=lambda one: one[0])[2]
    aim = goal
    for _ in range(_ROUNDS):
        found = at(best, aim)
        fill = np.concatenate([m.evaluate(found[part]).fill for part, (_, m) in _slices(members)])
        reached = float(demand @ fill)
        if reached >= goal - 1e-6:
            break
        aim = min(aim + 1.2 * (goal - reached) + 1e-6, 1 - 1e-9)
    return found


def _prices(money: Money, demand: Array) -> list[Array]:
    """What a unit short costs (N,), relative to the others, with each part of it in proportion to margins."""
    margin = np.maximum(money.margin, 0.0)
    mean, ones = float(demand @ margin), np.ones(len(demand))
    if mean <= 0:
        return [ones]
    return [np.maximum(1 - part + part * margin / mean, _LEAST) for part in _PARTS]


def _looked_up(keys: Array, values: Array, wanted: Array) -> Array:
    """Row-wise straight-line interpolation of rising ``keys`` (N, P) at ``wanted`` (N,)."""
    rows = np.arange(len(keys))
    right = np.clip((keys < wanted[:, None]).sum(axis=1), 1, keys.shape[1] - 1)
    low, high = keys[rows, right - 1], keys[rows, right]
    share = np.clip((wanted - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return np.asarray(values[rows, right - 1] + (values[rows, right] - values[rows, right - 1]) * share)


def _members(models: list[tuple[Array, Model]], target: Array, goal: float) -> list[Array]:
    return [np.flatnonzero(target[rows] == goal) for rows, _ in models]


def _slices(members: list[tuple[Array, Model]]) -> list[tuple[slice, tuple[Array, Model]]]:
    found, start = [], 0
    for member in members:
        found.append((slice(start, start + len(member[0])), member))
        start += len(member[0])
    return found


def _table(model: Model, demand: Array) -> tuple[Array, Array, Array, Array]:
    """Points (N, P) with the chances of `sharing.kept`, fill rates, and stock at the end of a review, all
    rising.

    ``demand`` (N,) is that of a review period.
    """
    mean = demand * (model.reviews + 1)
    points = shared_points(model.whole, mean)
    fills = np.maximum.accumulate(model.evaluate(points).fill, axis=1)
    steps = np.diff(points, axis=1, prepend=0.0) * (RATIOS + np.append(0.0, RATIOS[:-1])) / 2
    return (
        points,
        kept(model.whole, mean, model.reviews),
        fills,
        np.cumsum(steps, axis=1) + model.extra[:, None],
    )
