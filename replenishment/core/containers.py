"""Orders that travel in containers: the last one filled, or left out.

An order's load is its weight or its volume in containers, whichever is more; its freight per container is
that of its goods at this load. The last container travels partly with air. Where it is filled, the goods
that are added need no freight later; where the order is trimmed to one container less, that container is
saved and the goods left out travel later. Both are weighed against what the packs added or left out are worth
(`order_lines`); whichever costs less is done, if it costs less than shipping the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.order_lines import Lines, packs_above, packs_below, taken_until, taken_within
from replenishment.core.supplier_orders import Minimums, at_minimums

Array = npt.NDArray[Any]

_PASSES = 3  # what does not fit leaves room for something smaller
_SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class Containers:
    """What a container takes, by order (M,): ``weight`` in kg and ``volume`` in m3, infinite for no limit."""

    weight: Array
    volume: Array

    def load(self, lines: Lines) -> Array:
        """Containers (M,) that each order takes, fractional; NaN where a line's size is not known, 0 where
        orders do not travel in containers.
        """
        loads = []
        for each, size in ((lines.weight, self.weight), (lines.volume, self.volume)):
            total = lines.total(each, len(size))
            loads.append(np.where(np.isfinite(size), total / size, 0.0))
        return np.asarray(np.maximum(*loads))


@dataclass(frozen=True, eq=False)
class Filled:
    """``quantity`` (N,) by line; by order (M,) whether it was ``filled`` or ``trimmed``, or is ``unchecked``
    because the weight or volume of a line is not known.
    """

    quantity: Array
    filled: Array
    trimmed: Array
    unchecked: Array


def to_containers(lines: Lines, containers: Containers, minimums: Minimums) -> Filled:
    """Orders that fill their containers where that pays, and stay at their minimums."""
    orders = len(containers.weight)
    load = containers.load(lines)
    whole = np.ceil(load - 1e-6)
    air = np.where(load > 0, whole - load, 0.0)
    freight = lines.total(lines.freight, orders) / np.where(load > 0, load, 1.0)
    travels = (air > 1e-6) & (freight > 0)
    fuller, fill_cost = _fuller(lines, containers, np.where(travels, whole, 0.0))
    fill_gain = freight * (containers.load(fuller) - load) - fill_cost
    less, trim_cost = _less(lines, containers, np.where(travels & (whole > 1), whole - 1, 0.0))
    trimmed_load = containers.load(less)
    fits = travels & (whole > 1) & (trimmed_load > 0) & (trimmed_load <= whole - 1 + 1e-6)
    fits &= at_minimums(less, minimums) | ~at_minimums(lines, minimums)
    trim_gain = np.where(fits, freight * (1 - (load - trimmed_load)) - trim_cost, -np.inf)
    fill = travels & (fill_gain > _SMALL) & (fill_gain >= trim_gain)
    trim = travels & (trim_gain > _SMALL) & ~fill
    quantity = np.where(fill[lines.order], fuller.quantity, lines.quantity)
    quantity = np.where(trim[lines.order], less.quantity, quantity)
    return Filled(quantity, filled=fill, trimmed=trim, unchecked=np.isnan(load))


@dataclass(frozen=True, eq=False)
class _Sizes:
    """What a unit of each line takes (N,), in kg and m3 of what is limited, and what an order has and may."""

    each: list[Array]
    share: Array  # of a container, by unit
    loaded: list[Array]  # by order
    full: list[Array]  # by order, of the containers that are wanted

    @classmethod
    def of(cls, lines: Lines, containers: Containers, wanted: Array) -> _Sizes:
        limits = (containers.weight, containers.volume)
        limited = [np.isfinite(limit) for limit in limits]
        each = [
            np.where(known[lines.order], values, 0.0)
            for values, known in zip((lines.weight, lines.volume), limited, strict=True)
        ]
        shares = [values / limit[lines.order] for values, limit in zip(each, limits, strict=True)]
        loaded = [lines.total(values, len(wanted)) for values in each]
        full = [
            np.where(known, wanted * np.where(known, limit, 0.0), np.inf)
            for limit, known in zip(limits, limited, strict=True)
        ]
        return cls(each, np.maximum(*shares), loaded, full)


def _fuller(lines: Lines, containers: Containers, wanted: Array) -> tuple[Lines, Array]:
    """Lines with ``wanted`` (M,) containers filled as far as packs fit, and what that costs by order."""
    cost = np.zeros(len(wanted))
    for _ in range(_PASSES):
        sizes = _Sizes.of(lines, containers, wanted)
        rows = np.flatnonzero((wanted[lines.order] > 0) & (sizes.share > 0))
        some = lines.take(rows)
        packs = packs_above(some)
        each = [values[rows] for values in sizes.each]
        room = [has - is_in for has, is_in in zip(sizes.full, sizes.loaded, strict=True)]
        fits = np.ones(len(packs.line), dtype=bool)
        for values, left in zip(each, room, strict=True):
            fits &= values[packs.line] * packs.size <= left[some.order[packs.line]] + _SMALL
        packs = packs.take(np.flatnonzero(fits))
        taken = taken_within(packs, some.order, -packs.worth / sizes.share[rows][packs.line], each, room)
        if not np.any(taken > 0):
            break
        cost -= packs.value(taken, some.order, len(wanted))
        quantity = lines.quantity.copy()
        quantity[rows] += packs.units(taken, len(rows))
        lines = lines.with_quantity(quantity)
    return lines, cost


def _less(lines: Lines, containers: Containers, wanted: Array) -> tuple[Lines, Array]:
    """Lines trimmed to ``wanted`` (M,) containers, and what that costs by order."""
    sizes = _Sizes.of(lines, containers, wanted)
    rows = np.flatnonzero((wanted[lines.order] > 0) & (sizes.share > 0) & (lines.quantity > 0))
    some = lines.take(rows)
    packs = packs_below(some)
    # Backwards, so that of packs worth the same the last of a line goes first.
    packs = packs.take(np.arange(len(packs.line))[::-1])
    need = [np.maximum(is_in - has, 0.0) for is_in, has in zip(sizes.loaded, sizes.full, strict=True)]
    each = [values[rows] for values in sizes.each]
    taken = taken_until(packs, some.order, packs.worth / sizes.share[rows][packs.line], each, need)
    quantity = lines.quantity.copy()
    quantity[rows] -= packs.units(taken, len(rows))
    return lines.with_quantity(quantity), packs.value(taken, some.order, len(wanted))
