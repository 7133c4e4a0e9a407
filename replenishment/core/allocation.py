"""The loops of `replenishment.core.transfers`, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner

Array = npt.NDArray[Any]

_TINY = 1e-9


@inner
def _up(quantity: float, multiple: float) -> float:
    return float(np.ceil(quantity / multiple - _TINY) * multiple)


@inner
def _down(quantity: float, multiple: float) -> float:
    return float(np.floor(quantity / multiple + _TINY) * multiple)


@inner
def _bought(need: float, moq: float, multiple: float, room: float, got: float) -> float:
    """What is bought when ``got`` comes in otherwise."""
    if got >= need - _TINY:
        return 0.0
    smallest = _up(max(moq, multiple), multiple)
    whole = _up(max(need - got, moq), multiple)
    if got + whole > room + _TINY:
        whole = _down(max(room - got, 0.0), multiple)
        if whole < smallest - _TINY:
            whole = 0.0
    return whole


@compiled
def remaining(need: Array, moq: Array, multiple: Array, room: Array, got: Array) -> Array:
    """What N rows buy when ``got`` (N,) comes in otherwise."""
    found = np.zeros(len(need))
    for row in range(len(need)):
        if need[row] > 0:
            found[row] = _bought(need[row], moq[row], multiple[row], room[row], got[row])
    return found


@compiled
def greedy(
    need: Array,
    moq: Array,
    pack: Array,
    room: Array,
    spare: Array,
    giver: Array,
    taker: Array,
    smallest: Array,
    multiple: Array,
    is_cheaper: Array,
    urgent: Array,
) -> Array:
    """Units moved by each option (E,), which are tried in their order; ``spare`` is used up."""
    found = np.zeros(len(giver))
    got = np.zeros(len(need))
    for e in range(len(giver)):
        row = taker[e]
        lacks = need[row] - got[row]
        if lacks <= _TINY:
            continue
        before = _bought(need[row], moq[row], pack[row], room[row], got[row])
        least = _up(max(smallest[e], multiple[e]), multiple[e])
        # Not more than the purchase would have brought, nor than the place may take.
        most = min(max(_up(lacks, multiple[e]), before), room[row] - got[row], spare[giver[e]])
        most = _down(most, multiple[e])
        if most < least - _TINY:
            continue
        hurried = min(_up(min(urgent[e], lacks), multiple[e]), most)
        amount = 0.0
        if is_cheaper[e]:
            amount = min(max(_up(lacks, multiple[e]), least), most)
            after = _bought(need[row], moq[row], pack[row], room[row], got[row] + amount)
            if amount + after < lacks - _TINY:
                # A last pack of the purchase doesn't fit any more: leave it the room.
                kept = _up(max(lacks - amount, moq[row]), pack[row])
                fits = _down(min(room[row] - got[row] - kept, most), multiple[e])
                if fits >= least - _TINY:
                    amount = fits
                    after = _bought(need[row], moq[row], pack[row], room[row], got[row] + amount)
            if after >= before - _TINY:
                amount = 0.0
            elif after > 0:
                # The same purchase is left when less is moved.
                amount = min(max(_up(lacks - after, multiple[e]), least), amount)
        if amount < hurried:
            amount = max(hurried, least)
        if amount <= 0:
            continue
        found[e] = amount
        got[row] += amount
        spare[giver[e]] -= amount
    return found


@compiled
def rationed(wanted: Array, smallest: Array, multiple: Array, source: Array, stock: Array) -> Array:
    """Shares of ``stock`` (N,) at ``source`` (E,), rising; of equal sources the largest shortage first."""
    found = np.zeros(len(wanted))
    start = 0
    while start < len(wanted):
        end, total = start, 0.0
        while end < len(wanted) and source[end] == source[start]:
            total += wanted[end]
            end += 1
        left = stock[source[start]]
        part = min(left / total, 1.0)
        for e in range(start, end):
            share = _down(wanted[e] * part, multiple[e])
            if share >= _up(max(smallest[e], multiple[e]), multiple[e]) - _TINY:
                found[e] = share
                left -= share
        for e in range(start, end):
            total = min(found[e] + _down(left, multiple[e]), wanted[e])
            if total > found[e] and total >= _up(max(smallest[e], multiple[e]), multiple[e]) - _TINY:
                left -= total - found[e]
                found[e] = total
        start = end
    return found
