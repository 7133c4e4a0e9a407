"""Order sizes and service levels that pay best."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DAYS_PER_YEAR = 365.0


def eoq(order_cost: Array, demand: Array, holding_cost: Array) -> tuple[Array, Array]:
    """Economic order quantity and its cost per time: Snyder and Shen, section 3.2 (Harris 1913).

    ``order_cost`` per order, ``demand`` per time, ``holding_cost`` per unit and time. With no holding cost
    the quantity is infinite; with no demand or order cost it is 0.
    """
    order_cost, demand, holding_cost = (
        np.asarray(v, dtype=np.float64) for v in (order_cost, demand, holding_cost)
    )
    fixed = 2 * order_cost * demand
    free = (holding_cost <= 0) & (fixed > 0)
    with np.errstate(over="ignore"):  # next to no holding cost is none
        quantity = np.sqrt(fixed / np.where(holding_cost > 0, holding_cost, 1.0))
    return np.where(free, np.inf, quantity), np.sqrt(fixed * holding_cost)


def critical_ratio(shortage_cost: Array, holding_cost: Array) -> Array:
    """Newsvendor critical ratio: Snyder and Shen, section 4.3. 0 where being short costs nothing."""
    shortage = np.maximum(np.asarray(shortage_cost, dtype=np.float64), 0.0)
    total = shortage + holding_cost
    return np.where(total > 0, shortage / np.where(total > 0, total, 1.0), 0.0)
