"""Guaranteed service: where in a tree of stages safety stock costs least.

Each stage promises its successors a time within which it always delivers, for demand up to a bound; what goes
beyond is met by other means. It holds stock for the time it can't promise away: supplier's promise + its own
processing - its promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.textbook.checks import at_least_zero, rows

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class GuaranteedService:
    """Of each stage (N,): ``promise`` to its successors, ``waits`` for its suppliers, both whole times, and
    ``safety_stock`` in units; ``cost`` of holding all of it, per time.
    """

    promise: Array
    waits: Array
    safety_stock: Array
    cost: float


def guaranteed_service(
    arcs: npt.ArrayLike,
    processing_time: npt.ArrayLike,
    holding_cost: npt.ArrayLike,
    deviation: npt.ArrayLike,
    factor: npt.ArrayLike,
    *,
    supplied_within: npt.ArrayLike = 0.0,
    promised_within: npt.ArrayLike = np.inf,
) -> GuaranteedService:
    """Cheapest promises in a tree, or in several: Graves and Willems (2000, erratum 2003).

    ``arcs`` (A, 2) are pairs of supplying and supplied stage, numbered 0 ... N - 1, one unit each. Per stage,
    (N,) or one number: whole ``processing_time``; ``holding_cost`` per unit and time; ``deviation`` of
    customers' demand per time at that stage itself; ``factor`` of the demand bound, ``mean t + factor
    deviation sqrt(t)``; ``supplied_within``, the whole time in which outside suppliers deliver to it;
    ``promised_within``, the longest whole promise that its customers take: 0 where they are served from the
    shelf. Demands of different stages are independent. Snyder and Shen, section 6.3. Raises ValueError where
    arcs make a cycle.
    """
    pairs = np.asarray(arcs, dtype=np.int64).reshape(-1, 2)
    work, cost, own, bound, outside, most = rows(
        processing_time=processing_time,
        holding_cost=holding_cost,
        deviation=deviation,
        factor=factor,
        supplied_within=supplied_within,
        promised_within=promised_within,
    )
    at_least_zero(
        processing_time=work,
        holding_cost=cost,
        deviation=own,
        factor=bound,
        supplied_within=outside,
        promised_within=np.where(np.isposinf(most), 0.0, most),
    )
    for name, times in (("processing_time", work), ("supplied_within", outside), ("promised_within", most)):
        finite = np.where(np.isinf(times), 0.0, times)
        if np.any(finite != np.round(finite)):
            raise ValueError(f"row {int(np.argmax(finite != np.round(finite))) + 1}: {name} must be whole")
    tree = _Tree.of(pairs, len(work))
    longest = tree.longest(work, outside)
    # No promise is of use beyond the longest time that stock can take to reach the stage.
    most = np.minimum(most, longest)
    variance = own**2
    for stage in reversed(tree.flow):
        for supplier in tree.suppliers[stage]:
            variance[supplier] += variance[stage]
    promise, waits = _promises(
        tree,
        work.astype(np.int64),
        outside.astype(np.int64),
        most.astype(np.int64),
        longest.astype(np.int64),
        weight=cost * bound * np.sqrt(variance),
    )
    stock = bound * np.sqrt(variance) * np.sqrt(waits + work - promise)
    return GuaranteedService(promise, waits, stock, float(cost @ stock))


@dataclass(frozen=True, eq=False)
class _Tree:
    """Neighbours of each stage; ``flow`` lists stages after their suppliers, ``order`` after all neighbours
    but one, the ``parent`` (-1 for a tree's last).
    """

    suppliers: list[list[int]]
    customers: list[list[int]]
    flow: list[int]
    order: list[int]
    parent: list[int]

    @classmethod
    def of(cls, arcs: Array, count: int) -> _Tree:
        if np.any(arcs < 0) or np.any(arcs >= count):
            raise ValueError(f"stages must be numbered 0 to {count - 1}")
        suppliers: list[list[int]] = [[] for _ in range(count)]
        customers: list[list[int]] = [[] for _ in range(count)]
        for first, second in arcs.tolist():
            suppliers[second].append(first)
            customers[first].append(second)
        parent = [-2] * count
        order: list[int] = []
        for root in range(count):
            if parent[root] != -2:
                continue
            parent[root] = -1
            reached = [root]
            for stage in reached:
                beside = suppliers[stage] + customers[stage]
                if parent[stage] >= 0:
                    beside.remove(parent[stage])
                for near in beside:
                    if parent[near] != -2:
                        raise ValueError(f"stages {near} and {stage} are linked twice: arcs must make a tree")
                    parent[near] = stage
                    reached.append(near)
            order.extend(reversed(reached))
        missing = [len(links) for links in suppliers]
        flow = [stage for stage in range(count) if not missing[stage]]
        for stage in flow:
            for near in customers[stage]:
                missing[near] -= 1
                if not missing[near]:
                    flow.append(near)
        return cls(suppliers, customers, flow, order, parent)

    def longest(self, work: Array, outside: Array) -> Array:
        """Longest time from any source to having processed at a stage (N,)."""
        found = work + outside
        for stage in self.flow:
            for near in self.suppliers[stage]:
                found[stage] = max(found[stage], found[near] + work[stage])
        return found


def _promises(
    tree: _Tree, work: Array, outside: Array, most: Array, longest: Array, *, weight: Array
) -> tuple[Array, Array]:
    """Cheapest promise and wait of each stage, by dynamic programming from the leaves to each tree's last.

    ``out[k]`` is the least cost of k and all settled behind it when it promises at most s, ``come[k]`` when
    it waits for at least s; the positions of these minima are kept to walk back.
    """
    count = len(work)
    size = int(longest.max(initial=0)) + 1
    out: list[Array] = [np.empty(0)] * count
    come: list[Array] = [np.empty(0)] * count
    out_at: list[Array] = [np.empty(0)] * count
    come_at: list[Array] = [np.empty(0)] * count
    wait_of: list[Array] = [np.empty(0)] * count  # best wait for each promise
    promise_of: list[Array] = [np.empty(0)] * count  # best promise for each wait
    promise, waits = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    held = np.sqrt(np.arange(2 * size))
    for k in tree.order:
        for_wait, for_promise = np.zeros(size), np.zeros(size)
        for near in tree.suppliers[k]:
            if near != tree.parent[k]:
                for_wait += out[near]
        for near in tree.customers[k]:
            if near != tree.parent[k]:
                for_promise += come[near]
        wait, given = np.arange(size)[:, None], np.arange(size)[None, :]
        left = wait + work[k] - given
        allowed = (left >= 0) & (wait >= outside[k]) & (wait <= longest[k] - work[k]) & (given <= most[k])
        total = np.where(
            allowed, weight[k] * held[np.clip(left, 0, None)] + for_wait[:, None] + for_promise, np.inf
        )
        parent = tree.parent[k]
        if parent >= 0 and parent in tree.customers[k]:
            wait_of[k] = total.argmin(axis=0)
            out[k], out_at[k] = _running(total.min(axis=0))
        elif parent >= 0:
            promise_of[k] = total.argmin(axis=1)
            least, at = _running(total.min(axis=1)[::-1])
            come[k], come_at[k] = least[::-1], (size - 1 - at)[::-1]
        else:
            waits[k], promise[k] = np.unravel_index(int(total.argmin()), total.shape)
    for k in reversed(tree.order):
        parent = tree.parent[k]
        if parent < 0:
            continue
        if parent in tree.customers[k]:
            promise[k] = out_at[k][waits[parent]]
            waits[k] = wait_of[k][promise[k]]
        else:
            waits[k] = come_at[k][promise[parent]]
            promise[k] = promise_of[k][waits[k]]
    return promise, waits


def _running(values: Array) -> tuple[Array, Array]:
    """Least value so far, and where it stands."""
    least = np.minimum.accumulate(values)
    new = np.append(True, values[1:] < least[:-1])
    return least, np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
