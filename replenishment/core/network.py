"""Where in a network of warehouses safety stock costs least: the guaranteed-service model, vectorised.

Each row (a product at a location) has at most one other that supplies it, so that rows make trees whose roots
buy from suppliers. A row promises those that it supplies a time within which it delivers. It holds stock for
the time that it can't promise away: wait for its own supply + lead time + review - promise (Graves and
Willems 2000; with review periods Eruguz, Sahin, Jemai and Dallery 2016; Snyder and Shen, section 6.3).

In such trees a cheapest choice of safety stocks is all or nothing (Simpson 1958; the cost is concave in the
promises): a row holds stock and promises 0, or holds none and passes on all of its wait and its own delay.
What a row waits for is therefore the delay of so many of its nearest suppliers as hold nothing, so that the
dynamic program is exact for times that are no whole days, and an operation on arrays over all products.
`replenishment.core.textbook.guaranteed` is the general model, by whole times, one tree after the other; both
agree (``tests/core/test_plan_network.py``).

Two things are added to the textbook. A row that holds stock also has the cycle stock of its own reviews; one
that passes everything on has not. And stock is what the row's service target takes: by its own levels
(`stock_of_levels`), or by normal demand where many demands are pooled (`stock_pooled`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Stock (K, J) that rows (K,) hold on average to cover so many days (K, J).
Held = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False)
class ServiceTimes:
    """Of N rows: ``wait``, the days until what supplies them sends; ``holds``, whether they hold stock of
    their own or pass demand on; ``hops``, how many suppliers of theirs pass it on before one that holds.
    """

    wait: Array
    holds: Array
    hops: Array


def service_times(
    source: Array, cover: Array, delay: Array, held: Held, holding_cost: Array, *, at_once: Array
) -> ServiceTimes:
    """Cheapest choice of which of N rows hold stock. ``source`` (N,) supplies a row, -1: a supplier does.

    ``cover`` is the time in days that a row covers when it holds stock and waits for nothing, ``delay`` the
    one that it adds to a demand that it passes on; ``held`` the stock that it takes to cover a time, at
    ``holding_cost`` a unit. ``at_once`` marks rows with customers of their own, who don't wait. Rows that
    supply nobody hold. Raises ValueError where sources make a cycle.
    """
    count = len(source)
    may_pass = ~np.asarray(at_once)
    may_pass[np.setdiff1d(np.arange(count), source)] = False
    by_depth = _by_depth(source)
    states = len(by_depth) + 1
    # The time that a row waits when so many of its nearest suppliers hold nothing.
    waits = np.zeros((count, states))
    for rows in by_depth[1:]:
        waits[rows, 1:] = waits[source[rows], :-1] + np.asarray(delay, dtype=np.float64)[source[rows], None]
    # Of all that a row supplies: their least cost in each such state.
    below = np.zeros((count, states))
    passes = np.zeros((count, states), dtype=bool)
    for depth, rows in reversed(list(enumerate(by_depth))):
        holding = np.repeat(below[rows, :1], states, axis=1)
        # No row has more suppliers before it than its depth.
        times = waits[rows, : depth + 1] + np.asarray(cover)[rows, None]
        holding[:, : depth + 1] += holding_cost[rows, None] * held(rows, times)
        passing = np.full_like(holding, np.inf)
        passing[:, :-1] = np.where(may_pass[rows, None], below[rows, 1:], np.inf)
        passes[rows] = passing < holding
        supplied = source[rows] >= 0
        np.add.at(below, source[rows[supplied]], np.minimum(holding, passing)[supplied])
    hops = np.zeros(count, dtype=np.int64)
    holds = np.ones(count, dtype=bool)
    for rows in by_depth:
        supplied = rows[source[rows] >= 0]
        above = source[supplied]
        hops[supplied] = np.where(holds[above], 0, hops[above] + 1)
        holds[rows] = ~passes[rows, hops[rows]]
    return ServiceTimes(waits[np.arange(count), hops], holds, hops)


def pooled(source: Array, values: Array) -> Array:
    """Sums (N,) of a value over each row and all that it supplies, through all levels."""
    found = np.array(values, dtype=np.float64)
    for rows in reversed(_by_depth(source)[1:]):
        np.add.at(found, source[rows], found[rows])
    return found


def stock_pooled(
    *, mean: Array, deviation: Array, review: Array, target: Array, of_units: Array, cover: Array
) -> Array:
    """Average stock (N, J) that covers so many days (N, J): normal demand, at a row's target (N,).

    ``mean`` and ``deviation`` are of a day's demand. ``of_units`` says that the target is a share of units
    (fill rate): what is short at the end of a review is then ``(1 - target) mean review`` (Silver, Pyke and
    Thomas, 6.9); elsewhere of cycles. What is left then, ``E[(S - D)+]``, and half of the demand of a review.
    """
    from scipy.special import ndtri

    spread = deviation[:, None] * np.sqrt(cover)
    sold = (mean * review)[:, None]
    short = (1 - target)[:, None] * sold / np.where(spread > 0, spread, 1.0)
    scores, losses = _loss_table()
    factor = np.where(of_units[:, None], np.interp(-short, -losses, scores), ndtri(target)[:, None])
    left = np.interp(-factor, scores, losses)  # of the normal loss function: L(-k) = k + L(k)
    return np.asarray(spread * left + sold / 2)


def stock_of_levels(
    *, order_up_to: Array, fill: Array, mean: Array, lead_time: Array, review: Array
) -> Array:
    """Average stock (N,) of rows that order up to a level at each review: what is not on its way, and has not
    been sold since; ``mean`` is demand of a day, of which a share ``fill`` is served.
    """
    return np.asarray(np.maximum(order_up_to - fill * mean * (lead_time + review / 2), 0.0))


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


def _by_depth(source: Array) -> list[Array]:
    found = depths(source)
    return [np.flatnonzero(found == depth) for depth in range(int(found.max(initial=0)) + 1)]


@lru_cache(maxsize=1)
def _loss_table() -> tuple[Array, Array]:
    from scipy.special import ndtr

    scores = np.linspace(-8, 8, 3201)
    density = np.exp(-(scores**2) / 2) / np.sqrt(2 * np.pi)
    return scores, density - scores * ndtr(-scores)
