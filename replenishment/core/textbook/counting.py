"""Compiled searches over whole levels, item by item: (r, Q), (s, S) and Wagner-Whitin.

Import this where it is used only: it brings numba. The functions that face the caller are in `reorder_points`
and `known_needs`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner

Array = npt.NDArray[Any]

_RARE = 1e-16  # of the likeliest demand's chance: rarer demands are left out


@compiled
def poisson_law(mean: float) -> Array:
    """Chances of 0, 1, ... units, up to where they no longer count."""
    if mean <= 0.0:
        return np.ones(1)
    mode = int(mean)
    peak = math.exp(mode * math.log(mean) - mean - math.lgamma(mode + 1.0))
    top, chance = mode, 1.0
    while chance > _RARE:
        top += 1
        chance *= mean / top
    law = np.zeros(top + 1)
    law[mode] = peak
    for k in range(mode + 1, top + 1):
        law[k] = law[k - 1] * mean / k
    for k in range(mode, 0, -1):
        law[k - 1] = law[k] * k / mean
        if law[k - 1] < peak * _RARE:
            break
    return np.asarray(law / law.sum())


@compiled
def _losses(law: Array) -> Array:
    """Expected demand above 0, 1, ... units."""
    loss = np.zeros(len(law) + 1)
    beyond = 0.0
    for k in range(len(law) - 1, -1, -1):
        loss[k] = loss[k + 1] + beyond
        beyond += law[k]
    return loss


@inner
def _cost(level: int, loss: Array, hold: float, short: float) -> float:
    """Expected cost of holding and shortage at a level: the newsvendor's."""
    mean = loss[0]
    missed = loss[level] if 0 <= level < len(loss) else (0.0 if level > 0 else mean - level)
    return float(hold * (level - mean) + (hold + short) * missed)


@inner
def _best(law: Array, hold: float, short: float) -> int:
    """Lowest level whose chance to cover demand reaches the newsvendor's ratio."""
    reached, ratio = 0.0, short / (short + hold) - 1e-14
    for k in range(len(law)):
        reached += law[k]
        if reached >= ratio:
            return k
    return len(law) - 1


@compiled
def _order_quantity(
    law: Array, fixed: float, rate: float, hold: float, short: float
) -> tuple[int, int, float]:
    """r, Q and cost: the levels r + 1 ... r + Q are the Q cheapest, as many as bring the mean cost down."""
    loss = _losses(law)
    best = _best(law, hold, short)
    low, high = best - 1, best + 1  # the next levels below and above
    total, count = fixed * rate + _cost(best, loss, hold, short), 1
    below, above = _cost(low, loss, hold, short), _cost(high, loss, hold, short)
    while min(below, above) * count < total:
        if below < above:
            total += below
            low -= 1
            below = _cost(low, loss, hold, short)
        else:
            total += above
            high += 1
            above = _cost(high, loss, hold, short)
        count += 1
    return low, count, total / count


@compiled
def order_quantities_poisson(mean: Array, fixed: Array, rate: Array, hold: Array, short: Array) -> Array:
    """r, Q and cost (3, N) of `_order_quantity` with Poisson demand over the lead time."""
    found = np.empty((3, len(mean)))
    for row in range(len(mean)):
        answer = _order_quantity(poisson_law(mean[row]), fixed[row], rate[row], hold[row], short[row])
        found[0, row], found[1, row], found[2, row] = answer
    return found


@compiled
def order_quantities(law: Array, fixed: Array, rate: Array, hold: Array, short: Array) -> Array:
    """The same with chances (N, K) of demand over the lead time."""
    found = np.empty((3, len(law)))
    for row in range(len(law)):
        found[0, row], found[1, row], found[2, row] = _order_quantity(
            law[row], fixed[row], rate[row], hold[row], short[row]
        )
    return found


@compiled
def _longer(renewals: Array, law: Array, known: int, wanted: int) -> Array:
    """Expected visits m(0), m(1), ... of a cycle to the level j units below its start, up to ``wanted``."""
    if wanted >= len(renewals):
        more = np.empty(2 * wanted + 8)
        more[:known] = renewals[:known]
        renewals = more
    stay = 1 / (1 - law[0])
    for j in range(known, wanted + 1):
        if j == 0:
            renewals[0] = stay
        else:
            come = 0.0
            for d in range(1, min(j, len(law) - 1) + 1):
                come += law[d] * renewals[j - d]
            renewals[j] = come * stay
    return renewals


@inner
def _cycle(
    s: int, up_to: int, renewals: Array, loss: Array, fixed: float, hold: float, short: float
) -> float:
    """Mean cost of a period under (s, S)."""
    total, length = fixed, 0.0
    for d in range(up_to - s):
        total += renewals[d] * _cost(up_to - d, loss, hold, short)
        length += renewals[d]
    return total / length


@compiled
def _min_max(law: Array, interval: Array, fixed: float, hold: float, short: float) -> tuple[int, int, float]:
    """Best s, S and cost of a period (Zheng and Federgruen 1991)."""
    loss = _losses(interval)
    if law[0] >= 1.0 - 1e-12:
        return -1, 0, 0.0
    best = _best(interval, hold, short)
    known = 1
    renewals = _longer(np.empty(64), law, 0, 0)
    s = best - 1
    # Moving s down by one adds one level to the cycle: its cost is kept as two running sums.
    total, length = fixed + renewals[0] * _cost(best, loss, hold, short), renewals[0]
    while total > _cost(s, loss, hold, short) * length:
        d = best - s
        renewals = _longer(renewals, law, known, d)
        known = max(known, d + 1)
        total += renewals[d] * _cost(s, loss, hold, short)
        length += renewals[d]
        s -= 1
    up_to, cost = best, total / length
    level = best + 1
    while _cost(level, loss, hold, short) <= cost:
        renewals = _longer(renewals, law, known, level - s)
        known = max(known, level - s + 1)
        tried = _cycle(s, level, renewals, loss, fixed, hold, short)
        if tried < cost:
            up_to, cost = level, tried
            while cost <= _cost(s + 1, loss, hold, short) and s + 1 < up_to:
                s += 1
                cost = _cycle(s, up_to, renewals, loss, fixed, hold, short)
        level += 1
    return s, up_to, cost


@compiled
def min_max_poisson(mean: Array, interval: Array, fixed: Array, hold: Array, short: Array) -> Array:
    """s, S and cost (3, N) with Poisson demand: ``mean`` of a period, ``interval`` of lead time + period."""
    found = np.empty((3, len(mean)))
    for row in range(len(mean)):
        law = poisson_law(mean[row])
        over = law if interval[row] == mean[row] else poisson_law(interval[row])
        found[0, row], found[1, row], found[2, row] = _min_max(law, over, fixed[row], hold[row], short[row])
    return found


@compiled
def min_max(law: Array, interval: Array, fixed: Array, hold: Array, short: Array) -> Array:
    """The same with chances (N, K) of a period's demand and (N, J) of demand over lead time + period."""
    found = np.empty((3, len(law)))
    for row in range(len(law)):
        found[0, row], found[1, row], found[2, row] = _min_max(
            law[row], interval[row], fixed[row], hold[row], short[row]
        )
    return found


@compiled
def min_max_costs(
    law: Array, interval: Array, fixed: Array, hold: Array, short: Array, s: Array, up_to: Array
) -> Array:
    """Cost of a period (N,) of given whole levels s < S."""
    found = np.empty(len(law))
    for row in range(len(law)):
        renewals = _longer(np.empty(64), law[row], 0, up_to[row] - s[row])
        loss = _losses(interval[row])
        found[row] = _cycle(s[row], up_to[row], renewals, loss, fixed[row], hold[row], short[row])
    return found


@compiled
def wagner_whitin(needs: Array, fixed: Array, carry: Array, unit: Array) -> tuple[Array, Array]:
    """Orders (N, T) and cost (N,), all arguments (N, T): the cheapest time of the next order, backwards."""
    count, periods = needs.shape
    orders, cost = np.zeros((count, periods)), np.empty(count)
    rest, following = np.zeros(periods + 1), np.zeros(periods + 1, dtype=np.int64)
    for row in range(count):
        rest[periods] = 0.0
        for t in range(periods - 1, -1, -1):
            best, quantity, spent, held = np.inf, 0.0, 0.0, 0.0
            for u in range(t, periods):
                if u > t:
                    held += carry[row, u - 1]
                quantity += needs[row, u]
                spent += needs[row, u] * (unit[row, t] + held)
                total = spent + rest[u + 1] + (fixed[row, t] if quantity > 0 else 0.0)
                if total < best:
                    best, following[t] = total, u + 1
            rest[t] = best
        t = 0
        while t < periods:
            orders[row, t] = needs[row, t : following[t]].sum()
            t = following[t]
        cost[row] = rest[0]
    return orders, cost
