"""Dependent demand: what kits ask of their components, products of their successors, and supplied locations
of the one that supplies them.

A row (a product at a location) that passes demand on uses up stock of its own first; what goes beyond,
``(D - x)+``, times a quantity, is demand of the row that takes it, through any number of levels. Demands of
different rows are taken as independent: `replenishment.core.sums`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import DemandDistribution
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]
# Stock (K,) that K rows have to use up first, given the rows and their demand.
Own = Callable[[Array, DemandDistribution], Array]

_BLOCK = 1 << 18  # links x periods worked on at once


@dataclass(frozen=True, eq=False)
class Links:
    """E links between rows: one unit of ``giver`` asks ``quantity`` units of ``taker``, all (E,).

    ``kind`` (E,) says what the link is, in the words that an exception names it by.
    """

    giver: Array
    taker: Array
    quantity: Array
    kind: Array

    def __post_init__(self) -> None:
        for name, dtype in (("giver", np.int64), ("taker", np.int64), ("quantity", float), ("kind", object)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        if not len(self.giver) == len(self.taker) == len(self.quantity) == len(self.kind):
            raise ValueError("links have one giver, taker, quantity and kind each")
        if np.any(~(np.isfinite(self.quantity) & (self.quantity > 0))):
            raise ValueError("the quantity of a link must be finite and above 0")

    def __len__(self) -> int:
        return len(self.giver)

    def take(self, rows: Array) -> Links:
        """Some links only."""
        return Links(self.giver[rows], self.taker[rows], self.quantity[rows], self.kind[rows])


def cycles(links: Links, count: int) -> dict[int, str]:
    """Rows of ``count`` that take part in a cycle, with what it is made of: ``a cycle in kits``."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if not len(links):
        return {}
    graph = csr_array((np.ones(len(links)), (links.giver, links.taker)), shape=(count, count))
    _, part = connected_components(graph, directed=True, connection="strong")
    inside = part[links.giver] == part[links.taker]
    kinds: dict[int, set[str]] = {}
    for group, kind in zip(part[links.giver[inside]].tolist(), links.kind[inside].tolist(), strict=True):
        kinds.setdefault(group, set()).add(kind)
    rows = np.flatnonzero(np.isin(part, list(kinds)))
    return {row: "a cycle in " + " and ".join(sorted(kinds[int(part[row])])) for row in rows.tolist()}


def layers(links: Links, count: int) -> list[Array]:
    """Rows that give or take, in layers: each after all that give to it. Raises ValueError for a cycle."""
    waiting = np.bincount(links.taker, minlength=count)
    touched = np.zeros(count, dtype=bool)
    touched[links.giver] = touched[links.taker] = True
    order = np.argsort(links.giver, kind="stable")
    giver, taker = links.giver[order], links.taker[order]
    found = []
    layer = np.flatnonzero(touched & (waiting == 0))
    while len(layer):
        found.append(layer)
        first, last = np.searchsorted(giver, layer), np.searchsorted(giver, layer, side="right")
        served = taker[_ranges(first, last)]
        waiting -= np.bincount(served, minlength=count)
        served = np.unique(served)
        layer = served[waiting[served] == 0]
    if sum(map(len, found)) < touched.sum():
        raise ValueError("links make a cycle")
    return found


def passed_on(demand: DemandDistribution, links: Links, own: Own) -> DemandDistribution:
    """The distribution (N rows) with what the links' givers can't serve from stock of their own at their
    takers.

    ``own`` is asked for that stock layer by layer, with rows and all of their demand; below 0 counts as none.
    Givers keep their own demand. Raises ValueError for a cycle (`cycles` names its members).
    """
    if not len(links):
        return demand
    made = replace(
        demand,
        mean=demand.mean.copy(),
        quantiles=demand.quantiles.copy(),
        cum_quantiles=demand.cum_quantiles.copy(),
    )
    stock = np.zeros(len(demand.unique_id))
    order = np.argsort(links.taker, kind="stable")
    takers = links.taker[order]
    size = max(_BLOCK // max(demand.horizon, 1), 1)
    for depth, layer in enumerate(layers(links, len(stock))):
        for start in range(0, len(layer) if depth else 0, size):
            rows = np.sort(layer[start : start + size])
            first, last = np.searchsorted(takers, rows), np.searchsorted(takers, rows, side="right")
            place = np.repeat(np.arange(len(rows)), last - first)
            _take(made, rows, links.take(order[_ranges(first, last)]), place, stock, size)
        givers = layer[np.isin(layer, links.giver)]
        if len(givers):
            stock[givers] = np.maximum(own(givers, made.take(givers)), 0.0)
    return replace(made)  # checked as every distribution is


def _take(made: DemandDistribution, rows: Array, links: Links, place: Array, stock: Array, size: int) -> None:
    """Add what ``links`` bring to their takers ``rows``, at ``place`` (E,) among these."""
    from replenishment.core.sums import Sums

    shape = (len(rows), made.horizon)
    through, single = Sums(made.levels, shape), Sums(made.levels, shape)
    # A taker's own demand is one more part of the sum.
    mean = made.mean[rows].astype(np.float64)
    here, none, once = np.arange(len(rows)), np.zeros(len(rows)), np.ones(len(rows))
    through.add(here, rows, np.cumsum(mean, axis=1), made.cum_quantiles, none, once)
    single.add(here, rows, mean, made.quantiles, none, once)
    for start in range(0, len(links), size):
        part, at = links.take(np.arange(start, min(start + size, len(links)))), place[start : start + size]
        less = stock[part.giver]
        mean = made.mean[part.giver].astype(np.float64)
        cum = beyond(np.cumsum(mean, axis=1), made.cum_quantiles[part.giver], made.levels, less)
        through.add(at, part.giver, cum, made.cum_quantiles, less, part.quantity)
        left = np.diff(cum, axis=1, prepend=0.0)
        share = left / np.where(mean > 0, mean, 1.0)
        scaled = (made.quantiles[part.giver] * share[..., None]).astype(np.float32)
        single.add(at, np.arange(len(at)), left, scaled, np.zeros(len(at)), part.quantity)
    made.cum_quantiles[rows] = np.maximum.accumulate(through.quantiles(), axis=1)
    made.quantiles[rows] = single.quantiles()
    made.mean[rows] = single.mean


def extended(demand: DemandDistribution, names: list[str]) -> DemandDistribution:
    """The distribution with series of no demand, for rows that have only what others pass on to them."""
    if not names:
        return demand
    shape = (len(names), *demand.quantiles.shape[1:])
    return replace(
        demand,
        unique_id=[*demand.unique_id, *names],
        mean=np.concatenate([demand.mean, np.zeros(shape[:2], dtype=np.float32)]),
        quantiles=np.concatenate([demand.quantiles, np.zeros(shape, dtype=np.float32)]),
        cum_quantiles=np.concatenate([demand.cum_quantiles, np.zeros(shape, dtype=np.float32)]),
    )


def beyond(mean: Array, quantiles: Array, levels: tuple[float, ...], stock: Array) -> Array:
    """Mean (N, H) of what of cumulative demand, ``mean`` (N, H) and ``quantiles`` (N, H, Q), goes beyond
    ``stock`` (N,), which is 0 or more; it does not fall along h.
    """
    left = np.maximum(mean - stock[:, None], 0.0)
    # Where demand is nearly sure to use all of it up there is nothing more to know.
    open_ = (stock[:, None] > quantiles[:, :, 0]) & (mean > 0)
    rows, periods = np.nonzero(open_)
    if len(rows):
        spread = Spread.from_quantiles(quantiles[rows, periods], levels, mean[rows, periods])
        loss = spread.loss(stock[rows][:, None])[:, 0]
        left[rows, periods] = np.clip(loss, left[rows, periods], mean[rows, periods])
    return np.asarray(np.maximum.accumulate(left, axis=1))


def _ranges(first: Array, last: Array) -> Array:
    """All positions from each ``first`` to before its ``last``, one range after the other."""
    size = last - first
    starts = np.cumsum(size) - size
    return np.asarray(np.arange(int(size.sum())) - np.repeat(starts - first, size))
