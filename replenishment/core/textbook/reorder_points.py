"""Exact levels where demand comes in whole units: (r, Q) under continuous, (s, S) under periodic review.

Unmet demand waits. Costs: ``order_cost`` per order, ``holding_cost`` and ``shortage_cost`` per unit and time.
10,000 items take well under a second; the first call compiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.textbook.checks import at_least_zero, chances, positive, rows

Array = npt.NDArray[Any]


def reorder_quantity_poisson(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    mean: npt.ArrayLike,
    lead_time: npt.ArrayLike,
) -> tuple[Array, Array, Array]:
    """Best r, Q and cost per time (N,) with Poisson demand of ``mean`` per time; whole numbers.

    When the position falls to r, order Q. Federgruen and Zheng (1992); Snyder and Shen, section 5.5. Without
    demand r is -1 and Q 1.
    """
    from replenishment.core.textbook.counting import order_quantities_poisson

    fixed, hold, short, rate, lead = rows(
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        mean=mean,
        lead_time=lead_time,
    )
    at_least_zero(order_cost=fixed, mean=rate, lead_time=lead)
    positive(holding_cost=hold, shortage_cost=short)
    r, quantity, cost = order_quantities_poisson(rate * lead, fixed, rate, hold, short)
    return r, quantity, cost


def reorder_quantity(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    mean: npt.ArrayLike,
    lead_time_demand: Array,
) -> tuple[Array, Array, Array]:
    """The same with chances (N, K) of 0, 1, ... units over the lead time: exact for single units, and for
    demand in lots where as many Q are ordered at once as lift the position above r (each at ``order_cost``).
    """
    from replenishment.core.textbook.counting import order_quantities

    law = _law(lead_time_demand=lead_time_demand)
    fixed, hold, short, rate, _ = rows(
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        mean=mean,
        lead_time_demand=law[:, 0],
    )
    at_least_zero(order_cost=fixed, mean=rate)
    positive(holding_cost=hold, shortage_cost=short)
    r, quantity, cost = order_quantities(law, fixed, rate, hold, short)
    return r, quantity, cost


def min_max_poisson(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    mean: npt.ArrayLike,
    lead_time: npt.ArrayLike = 0.0,
) -> tuple[Array, Array, Array]:
    """Best s, S and cost of a period (N,) with Poisson demand of ``mean`` a period; whole numbers.

    At each review, with the position at or below s, order up to S; it arrives ``lead_time`` periods later,
    before demand. Costs are charged at the end of the period that follows. Zheng and Federgruen (1991);
    Snyder and Shen, section 4.4. Without demand s is -1 and S 0.
    """
    from replenishment.core.textbook import counting

    fixed, hold, short, mu, lead = rows(
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        mean=mean,
        lead_time=lead_time,
    )
    at_least_zero(order_cost=fixed, mean=mu, lead_time=lead)
    positive(holding_cost=hold, shortage_cost=short)
    s, up_to, cost = counting.min_max_poisson(mu, mu * (lead + 1), fixed, hold, short)
    return s, up_to, cost


def min_max(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    demand: Array,
    interval: Array | None = None,
) -> tuple[Array, Array, Array]:
    """The same with chances ``demand`` (N, K) of 0, 1, ... units in a period, independent of each other, and
    ``interval`` (N, J) over lead time + one period; by default the lead time is 0.
    """
    from replenishment.core.textbook import counting

    law, over, fixed, hold, short = _discrete(order_cost, holding_cost, shortage_cost, demand, interval)
    s, up_to, cost = counting.min_max(law, over, fixed, hold, short)
    return s, up_to, cost


def min_max_cost(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    demand: Array,
    interval: Array | None = None,
    *,
    reorder_point: npt.ArrayLike,
    order_up_to: npt.ArrayLike,
) -> Array:
    """Cost of a period (N,) under given whole levels s < S: Snyder and Shen, section 4.4."""
    from replenishment.core.textbook import counting

    law, over, fixed, hold, short = _discrete(order_cost, holding_cost, shortage_cost, demand, interval)
    s, up_to, _ = rows(reorder_point=reorder_point, order_up_to=order_up_to, demand=law[:, 0])
    bad = ~((s < up_to) & (s == np.round(s)) & (up_to == np.round(up_to)))
    if np.any(bad):
        raise ValueError(f"row {int(np.argmax(bad)) + 1}: s and S must be whole numbers, s below S")
    if np.any(law[:, 0] >= 1 - 1e-12):
        raise ValueError(f"row {int(np.argmax(law[:, 0])) + 1}: no demand, no cycle")
    whole = [values.astype(np.int64) for values in (s, up_to)]
    return np.asarray(counting.min_max_costs(law, over, fixed, hold, short, *whole))


def _law(**given: Array) -> Array:
    (name, values), *_ = given.items()
    law = np.ascontiguousarray(np.atleast_2d(np.asarray(values, dtype=np.float64)))
    chances(**{name: law})
    return law


def _discrete(
    order_cost: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    demand: Array,
    interval: Array | None,
) -> tuple[Array, Array, Array, Array, Array]:
    law = _law(demand=demand)
    over = law if interval is None else _law(interval=interval)
    if len(over) != len(law):
        raise ValueError(f"demand of {len(law)} items, but over the interval of {len(over)}")
    fixed, hold, short, _ = rows(
        order_cost=order_cost, holding_cost=holding_cost, shortage_cost=shortage_cost, demand=law[:, 0]
    )
    at_least_zero(order_cost=fixed)
    positive(holding_cost=hold, shortage_cost=short)
    return law, over, fixed, hold, short
