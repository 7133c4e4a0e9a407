"""Distributions of demand built item by item, compiled: see `spread.Spread` and `counts.Counts`.

A law is (N, K, 4) or (N, K, 2), with the columns of `spread`. Import this where it is used only: it brings
numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inner
from replenishment.core.spread import FIRST, KNOT, LEVEL, SECOND, SLOW_UNITS, WIDEST

Array = npt.NDArray[Any]

_MOST = 64  # more than any quantile of slow demand


@inner
def _tables(law: Array, row: int, levels: Array) -> None:
    """Loss functions of one item whose knots are there; knots that fall are lifted."""
    last = len(levels) - 1
    for k in range(last + 1):
        law[row, k, LEVEL] = levels[k]
        if k and law[row, k, KNOT] < law[row, k - 1, KNOT]:
            law[row, k, KNOT] = law[row, k - 1, KNOT]
    law[row, last, FIRST] = law[row, last, SECOND] = 0.0
    for k in range(last - 1, -1, -1):
        step, low, high = law[row, k + 1, KNOT] - law[row, k, KNOT], levels[k], levels[k + 1]
        law[row, k, FIRST] = law[row, k + 1, FIRST] + step * ((1 - low) + (1 - high)) / 2
        piece = law[row, k, FIRST] * step - (1 - low) * step**2 / 2 + (high - low) * step**2 / 6
        law[row, k, SECOND] = law[row, k + 1, SECOND] + piece


@compiled
def from_knots(knots: Array, levels: Array) -> Array:
    """Law of knots (N, K)."""
    law = np.empty((*knots.shape, 4))
    for row in range(len(knots)):
        for k in range(knots.shape[1]):
            law[row, k, KNOT] = knots[row, k]
        _tables(law, row, levels)
    return law


@inner
def _between(x: float, keys: Array, values: Array) -> float:
    """Straight lines between rising keys, level beyond both ends."""
    if x <= keys[0]:
        return float(values[0])
    for k in range(1, len(keys)):
        if x < keys[k]:
            share = (x - keys[k - 1]) / (keys[k] - keys[k - 1])
            return float(values[k - 1] + (values[k] - values[k - 1]) * share)
    return float(values[-1])


@compiled
def from_quantiles(
    quantiles: Array,
    mean: Array,
    given: Array,
    levels: Array,
    upper: int,
    width: Array,
    low_step: float,
    pieces: Array,
    cubic: Array,
    shares: Array,
    ratios: Array,
    tails: Array,
    reach: Array,
    steps: Array,
    area: float,
) -> Array:
    """Law of quantiles (N, Q) at the levels ``given``; what follows it is in `spread._Design`."""
    count, depth = quantiles.shape
    law = np.empty((count, len(levels), 4))
    q, tangent, inside = np.empty(depth), np.empty(depth), len(pieces)
    for row in range(count):
        for j in range(depth):
            q[j] = max(quantiles[row, j], q[j - 1] if j else 0.0)
        # Monotone cubic in the normal score
        for j in range(depth):
            left = (q[j] - q[j - 1]) / width[j - 1] if j else 0.0
            right = (q[j + 1] - q[j]) / width[j] if j < depth - 1 else 0.0
            if j == 0 or j == depth - 1:
                tangent[j] = left + right
            elif left > 0 and right > 0:
                one, two = 2 * width[j] + width[j - 1], width[j] + 2 * width[j - 1]
                tangent[j] = (one + two) / (one / left + two / right)
            else:
                tangent[j] = 0.0
        low = max(q[0] + tangent[0] * low_step, 0.0)
        law[row, 0, KNOT], law[row, 1, KNOT] = max(2 * low - q[0], 0.0), low
        for i in range(inside):
            p = pieces[i]
            bend = (tangent[p] * cubic[1, i] + tangent[p + 1] * cubic[3, i]) * width[p]
            law[row, 2 + i, KNOT] = q[p] * cubic[0, i] + q[p + 1] * cubic[2, i] + bend
        law[row, 2 + inside, KNOT] = q[-1]
        # Generalised Pareto tail
        top, before = q[-1] - q[-2], q[-2] - q[-3]
        shape = _between(top / before if before > 0 else ratios[-1], ratios, tails)
        place = (shape - tails[0]) / (tails[1] - tails[0])
        lower = min(max(int(place), 0), len(tails) - 2)
        weight, scale = place - lower, top if top > 0 else before / 2
        for i in range(reach.shape[1]):
            far = reach[lower, i] * (1 - weight) + reach[lower + 1, i] * weight
            law[row, 3 + inside + i, KNOT] = q[-1] + far * scale
        if q[upper] <= SLOW_UNITS:
            for k in range(1, 3):  # what follows reads them as they will be
                law[row, k, KNOT] = max(law[row, k, KNOT], law[row, k - 1, KNOT])
            _coarse(law, row, q, mean[row], given, levels, pieces, shares, steps, area)
        _tables(law, row, levels)
    return law


@inner
def _coarse(
    law: Array,
    row: int,
    q: Array,
    mean: float,
    given: Array,
    levels: Array,
    pieces: Array,
    shares: Array,
    steps: Array,
    area: float,
) -> None:
    """Knots of slow demand: power curves between given quantiles, their power set by the mean."""
    top, gap, rest = q[-1], q[-1] - q[-2], 1 - given[-1]
    # An exponential tail, thin where a single unit parts the last two quantiles: the last one then covers
    # more than its level says. It is thickened below where the mean can't be reached otherwise.
    excess = max(gap, 0.5) * (0.3 + 0.32 * min(max((gap - 1.0) / 2.0, 0.0), 1.0))
    base, span = top * rest, 0.0
    for k in range(2):
        base += (law[row, k, KNOT] + law[row, k + 1, KNOT]) / 2 * (levels[k + 1] - levels[k])
    for j in range(len(given) - 1):
        base += q[j] * (given[j + 1] - given[j])
        span += (q[j + 1] - q[j]) * (given[j + 1] - given[j])
    want = mean - base - area * excess
    if top <= 0:  # all given quantiles 0 and yet some demand: the mean sits beyond the last of them
        excess = mean / area if mean > 0 else 0.0
    else:
        excess = min(excess + max(want - WIDEST * span, 0.0) / area, 6 * excess)
    for i in range(len(steps)):
        law[row, 2 + len(pieces) + i, KNOT] = top + excess * steps[i]
    want = want / span if span > 0 else 0.5
    power = 1 / min(max(want, 1 - WIDEST), WIDEST) - 1
    for i in range(len(pieces)):
        p = pieces[i]
        rise = q[p + 1] - q[p]
        law[row, 2 + i, KNOT] = q[p] + (rise * shares[i] ** power if rise > 0 else 0.0)


@compiled
def shortened(law: Array, levels: Array, share: Array, forms: Array, columns: Array, scales: Array) -> Array:
    """Law of demand over a ``share`` (N,) of the interval: `spread.Spread.shortened`."""
    count, depth, _ = law.shape
    short = np.empty(law.shape)
    first, step = math.log(forms[0]), math.log(forms[1] / forms[0])
    for row in range(count):
        base = law[row, 0, KNOT]
        mean = law[row, 0, FIRST] + base
        raw = 2 * (law[row, 0, SECOND] + law[row, 0, FIRST] * base) + base**2
        deviation = math.sqrt(max(raw - mean**2, 0.0))
        form = min(max((mean / max(deviation, 1e-12)) ** 2, forms[0]), forms[-1])
        place = min(max((math.log(form) - first) / step, 0.0), len(forms) - 1.0)
        down = min(int(place), len(forms) - 2)
        weight = place - down
        part = min(max(share[row], 0.0), 1.0)
        right = 0
        while right < len(columns) - 2 and columns[right + 1] <= part:
            right += 1
        across = (part - columns[right]) / (columns[right + 1] - columns[right])
        reached, last = 0.0, 0.0
        for k in range(depth):
            above = scales[down, right, k] * (1 - across) + scales[down, right + 1, k] * across
            below = scales[down + 1, right, k] * (1 - across) + scales[down + 1, right + 1, k] * across
            knot = max(law[row, k, KNOT] * (above * (1 - weight) + below * weight), last)
            if k:
                reached += (knot + last) / 2 * (levels[k] - levels[k - 1])
            short[row, k, KNOT] = last = knot
        grow = mean * part / reached if reached > 0 else 0.0
        for k in range(depth):
            short[row, k, KNOT] *= grow
        _tables(short, row, levels)
    return short


@compiled
def quantiles(law: Array, level: Array) -> Array:
    """Demand (N,) that is not exceeded with probability ``level`` (N,)."""
    found = np.empty(len(level))
    for row in range(len(level)):
        low, high = 0, law.shape[1] - 1
        wanted = min(max(level[row], 0.0), 1.0)
        while high - low > 1:
            middle = (low + high) // 2
            if law[row, middle, LEVEL] < wanted:
                low = middle
            else:
                high = middle
        share = (wanted - law[row, low, LEVEL]) / (law[row, high, LEVEL] - law[row, low, LEVEL])
        found[row] = law[row, low, KNOT] + (law[row, high, KNOT] - law[row, low, KNOT]) * share
    return found


@compiled
def mixed(laws: Array, levels: Array, weights: Array) -> Array:
    """Law of the mixture of J laws (J, N, K, 4) with ``weights`` (N, J)."""
    parts, count, depth, _ = laws.shape
    both = np.empty((count, depth, 4))
    size = parts * (depth - 1)
    value, running = np.empty(size), np.empty(size)
    heads, middles = np.empty(parts, dtype=np.int64), np.empty(parts)
    for row in range(count):
        total = 0.0
        for j in range(parts):
            heads[j] = 0
            middles[j] = (laws[j, row, 0, KNOT] + laws[j, row, 1, KNOT]) / 2
        for place in range(size):  # the least of the parts' next middles
            chosen = 0
            for j in range(1, parts):
                if middles[j] < middles[chosen]:
                    chosen = j
            k = heads[chosen]
            mass = weights[row, chosen] * (levels[k + 1] - levels[k])
            total += mass
            value[place], running[place] = middles[chosen], total - mass / 2
            heads[chosen] = k = k + 1
            if k < depth - 1:
                middles[chosen] = (laws[chosen, row, k, KNOT] + laws[chosen, row, k + 1, KNOT]) / 2
            else:
                middles[chosen] = np.inf
        right = 1
        for k in range(depth):
            while right < size - 1 and running[right] / total < levels[k]:
                right += 1
            low, high = running[right - 1] / total, running[right] / total
            share = min(max((levels[k] - low) / max(high - low, 1e-300), 0.0), 1.0)
            both[row, k, KNOT] = value[right - 1] + (value[right] - value[right - 1]) * share
        for j in range(parts):
            if weights[row, j] > 1e-9:
                both[row, 0, KNOT] = min(both[row, 0, KNOT], laws[j, row, 0, KNOT])
                both[row, -1, KNOT] = max(both[row, -1, KNOT], laws[j, row, -1, KNOT])
        _tables(both, row, levels)
    return both


@inner
def _areas(law: Array, row: int) -> None:
    """Second order loss of one item of counts."""
    law[row, -1, SECOND] = 0.0
    for k in range(law.shape[1] - 2, -1, -1):
        law[row, k, SECOND] = law[row, k + 1, SECOND] + (law[row, k, FIRST] + law[row, k + 1, FIRST]) / 2


@compiled
def from_first(first: Array) -> Array:
    """Law of counts from the loss at whole units (N, K)."""
    law = np.empty((*first.shape, 2))
    for row in range(len(first)):
        for k in range(first.shape[1]):
            law[row, k, FIRST] = first[row, k]
        _areas(law, row)
    return law


@compiled
def negative_binomial(mean: Array, ratio: Array, size: int) -> Array:
    """Law of counts up to ``size``, from means and variance-to-mean ratios (N,)."""
    law = np.empty((len(mean), size, 2))
    for row in range(len(mean)):
        excess = max(ratio[row] - 1, 1e-6)
        shape, grow = mean[row] / excess, excess / (1 + excess)
        chance = math.exp(-shape * math.log1p(excess))
        beyond, loss = 1 - chance, mean[row]
        for k in range(size):
            law[row, k, FIRST] = max(loss, 0.0)
            loss -= beyond
            chance *= grow * (shape + k) / (k + 1)
            beyond -= chance
        _areas(law, row)
    return law


@compiled
def nearest_ratios(at: Array, given: Array, mean: Array, ratios: Array) -> tuple[Array, Array]:
    """Ratio (N,) of the negative binomials nearest to whole quantiles ``at`` (N, Q), and their distance.

    How far: the largest distance of a given level from the distribution function's step at its quantile.
    """
    count, depth = at.shape
    ratio, worst = np.empty(count), np.empty(count)
    off, below = np.empty(len(ratios)), np.zeros(_MOST + 2)
    for row in range(count):
        worst[row] = np.inf
        for index in range(len(ratios)):
            excess = max(ratios[index] - 1, 1e-6)
            shape, grow = mean[row] / excess, excess / (1 + excess)
            chance = math.exp(-shape * math.log1p(excess))
            for k in range(at[row, -1] + 1):
                below[k + 1] = below[k] + chance
                chance *= grow * (shape + k) / (k + 1)
            most, total = 0.0, 0.0
            for j in range(depth):
                level = given[j]
                miss = max(below[at[row, j]] - level, level - below[at[row, j] + 1], 0.0)
                most = max(most, miss)
                total += miss / math.sqrt(level * (1 - level))
            off[index] = total
            worst[row] = min(worst[row], most)
        # Several may fit equally well, the more the slower demand is: their middle, the plain ones first.
        least, weight, middle = np.inf, 0.0, 0.0
        for index in range(len(ratios)):
            least = min(least, off[index])
        for index in range(len(ratios)):
            if off[index] <= least + 0.01:
                near = 1 / ratios[index] ** 3
                weight += near
                middle += near * math.log(ratios[index])
        ratio[row] = math.exp(middle / weight)
    return ratio, worst
