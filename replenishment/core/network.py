"""Where in a network of warehouses safety stock costs least: the guaranteed-service model, vectorised.

Each row (a product at a location) has at most one other that supplies it, so that rows make trees whose roots
buy from suppliers. A row promises those that it supplies a time within which it delivers. It holds safety
stock for the time that it can't promise away: wait for its own supply + lead time + review - promise (Graves
and Willems 2000; with review periods Eruguz, Sahin, Jemai and Dallery 2016; Snyder and Shen, section 6.3).

In such trees a cheapest choice is all or nothing (Simpson 1958; the cost is concave in the promises): a row
holds stock and promises 0, or holds none and passes on all of its wait and its own time. What a row waits for
is therefore the time of so many of its nearest suppliers as hold nothing, which makes the dynamic program
exact for times that are no whole days, and an operation on arrays over all products.
`replenishment.core.textbook.guaranteed` is the general model, by whole times, one tree after the other; both
agree (``tests/core/test_plan_network.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ServiceTimes:
    """Of N rows, in days: ``wait`` for what supplies them beyond the transport, ``promise`` to those that
    they supply; ``holds`` (N,) where safety stock is kept, and ``cover``, the time that it is kept for.
    """

    wait: Array
    promise: Array
    holds: Array
    cover: Array


def service_times(
    source: Array, own_time: Array, deviation: Array, holding_cost: Array, *, at_once: Array
) -> ServiceTimes:
    """Cheapest promises of N rows. ``source`` (N,) is the row that supplies a row, -1 for a supplier.

    ``own_time`` is lead time + review period in days, ``deviation`` that of the row's own customers' demand
    in a day (independent of the others'), ``holding_cost`` that of a unit in a year; ``at_once`` marks rows
    with customers of their own, who don't wait. One service target for all: a factor of all safety stocks
    decides nothing. Rows that supply nobody promise nothing to anybody. Raises ValueError where sources make
    a cycle.
    """
    count = len(source)
    supplies = np.zeros(count, dtype=bool)
    supplies[source[source >= 0]] = True
    ranks = depths(source)
    deepest = int(ranks.max(initial=0))
    by_rank = [np.flatnonzero(ranks == rank) for rank in range(deepest + 1)]
    variance = np.asarray(deviation, dtype=np.float64) ** 2
    # The time that a row waits when so many of its nearest suppliers hold nothing.
    waits = np.zeros((count, deepest + 2))
    for rows in by_rank[1:]:
        above = source[rows]
        waits[rows, 1:] = waits[above, :-1] + np.asarray(own_time, dtype=np.float64)[above, None]
    for rows in reversed(by_rank[1:]):
        np.add.at(variance, source[rows], variance[rows])
    weight = holding_cost * np.sqrt(variance)
    may_pass = supplies & ~at_once
    # Of all that a row supplies: their least cost when so many of their nearest suppliers hold nothing.
    below = np.zeros((count, deepest + 2))
    passes = np.zeros((count, deepest + 2), dtype=bool)
    for rows in reversed(by_rank):
        held = weight[rows, None] * np.sqrt(waits[rows] + own_time[rows, None]) + below[rows, :1]
        passed = np.where(may_pass[rows, None], np.roll(below[rows], -1, axis=1), np.inf)
        passed[:, -1] = np.inf
        passes[rows] = passed < held
        inner = rows[source[rows] >= 0]
        if len(inner):
            np.add.at(below, source[inner], np.minimum(held, passed)[source[rows] >= 0])
    state = np.zeros(count, dtype=np.int64)
    holds = np.ones(count, dtype=bool)
    for rows in by_rank:
        inner = rows[source[rows] >= 0]
        state[inner] = np.where(holds[source[inner]], 0, state[source[inner]] + 1)
        holds[rows] = ~passes[rows, state[rows]]
    wait = waits[np.arange(count), state]
    whole = wait + own_time
    return ServiceTimes(wait, np.where(holds, 0.0, whole), holds, np.where(holds, whole, 0.0))


def depths(source: Array) -> Array:
    """How many rows stand between a row and the supplier, (N,); ValueError where sources make a cycle."""
    found = np.zeros(len(source), dtype=np.int64)
    above = np.asarray(source).copy()
    left = len(above) + 1
    while (inside := above >= 0).any():
        if np.count_nonzero(inside) == left:  # in trees, each step reaches one more root
            raise ValueError("sources make a cycle")
        left = int(np.count_nonzero(inside))
        found += inside
        above = np.where(inside, source[above], -1)
    return found
