"""Levels of many items at one price of a unit short, compiled: see `overall`.

Import this where it is used only: it brings numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner

Array = npt.NDArray[Any]

_HALVINGS = 32


@inner
def _looked_up(keys: Array, values: Array, row: int, wanted: float) -> float:
    """Straight-line interpolation of one item's rising keys."""
    low, high = 0, keys.shape[1] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if keys[row, middle] < wanted:
            low = middle
        else:
            high = middle
    left, right = keys[row, low], keys[row, high]
    share = min(max((wanted - left) / (right - left), 0.0), 1.0) if right > left else 0.0
    return float(values[row, low] + (values[row, high] - values[row, low]) * share)


@inner
def _level(points: Array, chances: Array, row: int, price: float, value: float, whole: bool) -> float:
    """Newsvendor level: the chance that a unit is kept is price / (price + value)."""
    total = price + value
    found = _looked_up(chances, points, row, price / total if total > 0 else 0.0)
    return math.ceil(found - 1e-5) if whole else found


@compiled
def shared(
    points: Array,
    chances: Array,
    fills: Array,
    weight: Array,
    price: Array,
    value: Array,
    whole: Array,
    goal: float,
) -> Array:
    """Levels (N,) at the lowest multiple of ``price`` (N,) that serves the share ``goal`` of all demand.

    ``chances`` and ``fills`` (N, P) are what ``points`` give, ``weight`` (N,) is an item's share of demand,
    ``value`` (N,) what a unit that is kept costs.
    """
    count = len(weight)
    low, high = math.log((value / price).min()) - 9.0, math.log((value / price).max()) + 20.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        factor, served = math.exp(middle), 0.0
        for row in range(count):
            level = _level(points, chances, row, factor * price[row], value[row], whole[row])
            served += weight[row] * _looked_up(points, fills, row, level)
        if served >= goal:
            high = middle
        else:
            low = middle
    found, factor = np.empty(count), math.exp(high)
    for row in range(count):
        found[row] = _level(points, chances, row, factor * price[row], value[row], whole[row])
    return found
