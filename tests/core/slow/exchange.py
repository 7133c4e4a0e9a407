"""Slow twin of `replenishment.core.exchange`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import critical_ratio

Array = npt.NDArray[Any]

_HALVINGS = 60


def shared(
    points: Array,
    chances: Array,
    fills: Array,
    weight: Array,
    price: Array,
    value: Array,
    whole_units: Array,
    goal: float,
) -> Array:
    """Levels at the lowest multiple of the prices that serves the goal."""

    def at(factor: float) -> Array:
        found = _looked_up(chances, points, critical_ratio(factor * price, value))
        return np.where(whole_units, np.ceil(found - 1e-5), found)

    low, high = np.log((value / price).min()) - 20.0, np.log((value / price).max()) + 25.0
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
