"""When to order needs that are known: each when it is due, or together where that is cheaper."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.textbook.checks import at_least_zero

Array = npt.NDArray[Any]


def wagner_whitin(
    needs: npt.ArrayLike,
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    unit_cost: npt.ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Cheapest orders (N, T) and their cost (N,) for known ``needs`` (N, T): Wagner and Whitin (1958).

    Snyder and Shen, section 3.7. An order in a period serves it and later ones. ``order_cost`` of a period
    with an order, ``holding_cost`` of a unit carried from a period into the next and ``unit_cost`` by period
    of order are numbers, (N,), (N, 1) or (N, T). A period that needs nothing more is not ordered for.
    """
    from replenishment.core.textbook import counting

    due, fixed, carry, unit = _terms(needs, order_cost, holding_cost, unit_cost)
    return counting.wagner_whitin(due, fixed, carry, unit)


def lot_for_lot(
    needs: npt.ArrayLike,
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike = 0.0,
    unit_cost: npt.ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Orders (N, T) of just what each period needs, and their cost (N,); arguments as `wagner_whitin`."""
    due, fixed, _, unit = _terms(needs, order_cost, holding_cost, unit_cost)
    return due.copy(), (due * unit + np.where(due > 0, fixed, 0.0)).sum(axis=1)


def _terms(
    needs: npt.ArrayLike, order_cost: npt.ArrayLike, holding_cost: npt.ArrayLike, unit_cost: npt.ArrayLike
) -> tuple[Array, Array, Array, Array]:
    due = np.ascontiguousarray(np.atleast_2d(np.asarray(needs, dtype=np.float64)))
    if due.ndim != 2 or not due.shape[1]:
        raise ValueError(f"needs have shape {due.shape}, expected (items, periods)")
    at_least_zero(needs=due)
    found = []
    given = {"order_cost": order_cost, "holding_cost": holding_cost, "unit_cost": unit_cost}
    for name, values in given.items():
        own = np.asarray(values, dtype=np.float64)
        own = own[:, None] if own.ndim == 1 else own
        try:
            shaped = np.broadcast_to(own, due.shape)
        except ValueError:
            raise ValueError(f"{name} has shape {own.shape}, needs {due.shape}") from None
        found.append(np.ascontiguousarray(shaped))
        at_least_zero(**{name: found[-1]})
    return due, found[0], found[1], found[2]
