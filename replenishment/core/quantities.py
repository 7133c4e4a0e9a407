"""Many order quantities changed at once: by a share, to a cover, and into the supplier's packs.

All are (N,) in stock units. Packs are reckoned in thousandths of a unit, as they are stored: whole numbers
have a least common multiple.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pack_step(multiple: Array, unit_size: Array) -> Array:
    """The smallest quantity that is whole in order multiples and in purchase units, in thousandths."""
    return np.asarray(np.lcm(_thousandths(multiple), _thousandths(unit_size)))


def packed(
    quantity: Array,
    *,
    moq: Array,
    multiple: Array,
    unit_size: Array,
    to: Literal["up", "nearest"] = "up",
) -> Array:
    """Quantities in whole packs, at least the MOQ; 0 or less is 0.

    `to` the next pack up, or the nearest (half a pack goes up, and never to nothing).
    """
    step = pack_step(multiple, unit_size)
    wanted = _thousandths(quantity)
    steps = -(-wanted // step) if to == "up" else np.maximum((2 * wanted + step) // (2 * step), 1)
    least = -(-_thousandths(moq) // step)
    return np.where(wanted > 0, np.maximum(steps, least) * step, 0) / 1000.0


def scaled(quantity: Array, percent: float) -> Array:
    """Changed by so many percent, never below 0: `q (1 + p / 100)`."""
    return np.asarray(np.maximum(quantity * (1 + percent / 100), 0.0))


def to_cover(position: Array, daily_demand: Array, days: float) -> Array:
    """What brings the stock position (on hand + on order - allocated) up to `days` of mean demand.

    `max(days x daily demand - position, 0)`.
    """
    return np.asarray(np.maximum(days * daily_demand - position, 0.0))


def _thousandths(values: Array) -> Array:
    return np.asarray(np.round(np.asarray(values, dtype=np.float64) * 1000), dtype=np.int64)
