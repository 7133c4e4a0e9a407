"""Money spent where it saves the most margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.constraints import floored
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_HALVINGS = 60


def within_budget(
    *,
    budget: float,
    quantity: Array,
    position: Array,
    demand: Spread,
    margin: Array,
    unit_cost: Array,
    smallest: Array,
    multiple: Array,
) -> Array:
    """Quantities (N,) that cost no more than ``budget`` in all, none above ``quantity``.

    A unit is worth the chance that demand over the protection interval reaches it times the margin that it
    saves, per unit of money; smallest orders are worth the average of their units. One threshold for all
    items is sought by bisection, then what is left is spent pack by pack, the best first. What costs nothing
    is taken whole.
    """
    if float(quantity @ unit_cost) <= budget:
        return quantity
    is_free = unit_cost <= 0
    if is_free.any():
        spent, rows = np.array(quantity, dtype=float), np.flatnonzero(~is_free)
        spent[rows] = within_budget(
            budget=budget,
            quantity=quantity[rows],
            position=position[rows],
            demand=demand.take(rows),
            margin=margin[rows],
            unit_cost=unit_cost[rows],
            smallest=smallest[rows],
            multiple=multiple[rows],
        )
        return spent
    worth = np.maximum(margin, 0.0) / unit_cost
    first = np.minimum(smallest, quantity)
    at = demand.loss(np.column_stack([position, position + first]))
    opening = np.where(first > 0, (at[:, 0] - at[:, 1]) / np.where(first > 0, first, 1.0), 0.0) * worth

    def bought(threshold: float) -> Array:
        miss = np.where(worth > threshold, 1 - threshold / np.where(worth > 0, worth, 1.0), 0.0)
        reach = np.where(worth > threshold, demand.quantile(miss) - position, 0.0)
        wanted = floored(np.clip(reach, 0.0, quantity), smallest, multiple)
        return np.minimum(np.where((wanted <= 0) & (opening >= threshold), first, wanted), quantity)

    low, high = 0.0, float(max(worth.max(initial=0.0), opening.max(initial=0.0))) * 1.01 + 1e-12
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(bought(middle) @ unit_cost) > budget:
            low = middle
        else:
            high = middle
    spent = bought(high)
    if float(spent @ unit_cost) > budget:
        spent = np.zeros_like(quantity)
    left = budget - float(spent @ unit_cost)
    # What is worth the threshold itself, unit by unit the same: as much of it as can be paid.
    level = bought(low) - spent
    for row in np.flatnonzero(level > 0):
        affordable = np.floor(left / unit_cost[row] / multiple[row] + 1e-9) * multiple[row]
        part = min(float(level[row]), float(affordable))
        if part > 0 and spent[row] + part >= first[row]:
            spent[row] += part
            left -= part * unit_cost[row]
    more = np.minimum(np.where(spent > 0, multiple, first), quantity - spent)
    at = demand.loss(np.column_stack([position + spent, position + spent + more]))
    value = np.where(more > 0, (at[:, 0] - at[:, 1]) / np.where(more > 0, more, 1.0), 0.0) * worth
    open_rows = np.flatnonzero((more > 0) & (value > 0) & (more * unit_cost <= left))
    for row in open_rows[np.argsort(-value[open_rows], kind="stable")]:
        price = float(more[row] * unit_cost[row])
        if price <= left:
            spent[row] += more[row]
            left -= price
    return spent
