"""Service in the long run, item by item, compiled: the formulas are explained in `service`.

Import this where it is used only: it brings numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.compiled import compiled, inlined, inner
from replenishment.core.spread import FIRST, KNOT, LEVEL, SECOND

Array = npt.NDArray[Any]

FILL, CYCLE, RATIO = 0, 1, 2
_STEPS = 60
_TOLERANCE = 1e-6
_LOSS_ROUNDS = 3
_CLOSE = 1e-11  # share of demand


# Columns of ``terms`` (N, 15): of `service.Model` and its cycle. ``LENGTH`` are the reviews of a cycle.
STEP, LATTICE, NONE, LENGTH, REVIEWS, DEMAND, UNIT = range(7)
LOST, LEAD_MEAN, MEAN, SD, RISE, MIDDLE, NARROW, SHARE = range(7, 15)


@inlined
def _losses(slow: bool, law: Array, row: int, x: float, near: int = -1) -> tuple[float, float, int]:
    """First and second order loss at x, and the piece that it is in; ``slow`` where the law is one of counts.

    The piece is sought upwards from ``near``, by halving where that is -1.
    """
    last = law.shape[1] - 1
    if slow:
        whole = min(max(math.floor(x), 0), last - 1)
        at_left, gone = law[row, whole, FIRST], min(x - whole, 1.0)
        fall = 1.0 if x < 0 else at_left - law[row, whole + 1, FIRST]
        area = law[row, whole, SECOND] - at_left * gone + fall * gone**2 / 2
        return max(at_left - fall * gone, 0.0), max(area, 0.0), -1
    if x >= law[row, last, KNOT]:
        return 0.0, 0.0, last - 1
    gone = x - law[row, 0, KNOT]
    if gone < 0:  # nothing is certain to be left over
        area = law[row, 0, SECOND] - law[row, 0, FIRST] * gone + gone**2 / 2
        return law[row, 0, FIRST] - gone, max(area, 0.0), 0
    piece = near
    if near < 0:
        piece, high = 0, last
        while high - piece > 1:
            middle = (piece + high) // 2
            if law[row, middle, KNOT] <= x:
                piece = middle
            else:
                high = middle
    else:
        while law[row, piece + 1, KNOT] <= x:
            piece += 1
    at_left, level = law[row, piece, FIRST], law[row, piece, LEVEL]
    gone = x - law[row, piece, KNOT]
    density = (law[row, piece + 1, LEVEL] - level) / (law[row, piece + 1, KNOT] - law[row, piece, KNOT])
    loss = at_left - (1 - level) * gone + density * gone**2 / 2
    area = law[row, piece, SECOND] - at_left * gone + (1 - level) * gone**2 / 2 - density * gone**3 / 6
    return max(loss, 0.0), max(area, 0.0), piece


@compiled
def losses(slow: bool, law: Array, x: Array) -> tuple[Array, Array]:
    """First and second order loss at ``x`` (N, P)."""
    first, second = np.empty(x.shape), np.empty(x.shape)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            first[row, column], second[row, column], _ = _losses(slow, law, row, x[row, column])
    return first, second


def _cut(z: float) -> float:
    """By how much the variance of a normal variable falls when it is cut above ``z`` deviations."""
    hazard = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(-z / math.sqrt(2.0)))
    return min(max(hazard * (hazard + z), 0.0), 1.0)


_FARTHEST, _PARTS = 8, 64  # deviations, and nodes in each
_CUTS = np.array([_cut(node / _PARTS) for node in range(-_FARTHEST * _PARTS, _FARTHEST * _PARTS + 1)])


@inner
def _cut_variance(z: float) -> float:
    """`_cut`, by a cubic through the nearest four nodes of a table: exact to 1e-9, at a tenth of the time."""
    place = (min(max(z, -8.0), 8.0) + _FARTHEST) * _PARTS
    node = min(max(int(place), 1), len(_CUTS) - 3)
    t = place - node
    outer = _CUTS[node + 2] * (t + 1) - _CUTS[node - 1] * (t - 2)
    near = _CUTS[node] * (t - 1) - _CUTS[node + 1] * t
    return float(outer * t * (t - 1) / 6 + near * (t + 1) * (t - 2) / 2)


@inner
def _returned(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, row: int, s: float, loss: float
) -> tuple[float, float, float]:
    """Stock that lost demand leaves by the end of a cycle, and how much narrower served demand is."""
    if terms[row, LOST] <= 0 or loss <= 0:
        return 0.0, 1.0, 1.0
    rise, reviews = terms[row, RISE], terms[row, REVIEWS]
    count = math.floor(reviews + 1e-9)
    rest = reviews - count
    middle = s + terms[row, MIDDLE]
    late, mean = rest, terms[row, MEAN]
    if rest > 1e-9:  # losses come late in a cycle: how much of them within its last stretch
        share = 1 - rest / (reviews + 1)
        root = math.sqrt(share)
        earlier = _losses(slow, whole, row, mean + (middle - mean * share) / root)[0] * root
        all_of_it = _losses(slow, whole, row, middle)[0]
        gone = max(all_of_it - _losses(slow, lead, row, middle)[0], 1e-12)
        late = min(max((all_of_it - earlier) / gone, rest), 1.0)
    narrow = loss * (count + late)
    wide = loss * max(reviews - terms[row, LENGTH] / 2, 0.0)
    back = narrow * (1 - rise) + wide * rise
    cut = _cut_variance((middle + back - mean) / terms[row, SD]) * terms[row, NARROW]
    return back, math.sqrt(max(1 - cut, 0.05)), math.sqrt(max(1 - cut * terms[row, SHARE], 0.05))


@inner
def _short(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, row: int, s: float, loss: float
) -> float:
    """Unmet demand of a review period, for items that lose ``loss`` of it."""
    if cycle.shape[1] > 1:
        return _reviewed(slow, whole, lead, cycle, terms, row, s, loss)[0]
    back, narrow_lead, narrow_whole = _returned(slow, whole, lead, cycle, terms, row, s, loss)
    mean_w, mean_l, at = terms[row, MEAN], terms[row, LEAD_MEAN], s + back
    above = _losses(slow, whole, row, mean_w + (at - mean_w) / narrow_whole)[0] * narrow_whole
    before = _losses(slow, lead, row, mean_l + (at - mean_l) / narrow_lead)[0] * narrow_lead
    return float(min(max(above - before, 0.0), terms[row, DEMAND]))


@inner
def _reviewed(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, row: int, s: float, loss: float
) -> tuple[float, float, float, float]:
    """Unmet demand of a review period; the chances to be in stock at its end, at its start with no order due,
    and at the start of a cycle.
    """
    back, narrow_lead, narrow_whole = _returned(slow, whole, lead, cycle, terms, row, s, loss)
    mean_w, mean_l = terms[row, MEAN], terms[row, LEAD_MEAN]
    fine = terms[row, LATTICE] > 0
    # Whole units: the nodes themselves, with the step of the distribution function. Else each is spread over
    # the interval around it, of units above s: the mean over a few units is that from half a unit before.
    step = terms[row, UNIT] if fine else terms[row, STEP]
    unmet, ratio, quiet, began = 0.0, 0.0, 0.0, 0.0
    at = b_whole = b_lead = c_whole = c_lead = 0.0
    piece_whole = piece_lead = -1
    for node in range(cycle.shape[1] + 1):
        last, last_whole, last_lead, last_area = at, b_whole, b_lead, c_whole - c_lead
        at = s + node * step if fine else s + 0.5 * terms[row, UNIT] + max(node - 0.5, 0.0) * step
        place = mean_w + (at + back - mean_w) / narrow_whole
        b_whole, c_whole, piece_whole = _losses(slow, whole, row, place, piece_whole)
        place = mean_l + (at + back - mean_l) / narrow_lead
        b_lead, c_lead, piece_lead = _losses(slow, lead, row, place, piece_lead)
        b_whole, b_lead = b_whole * narrow_whole, b_lead * narrow_lead
        c_whole, c_lead = c_whole * narrow_whole**2, c_lead * narrow_lead**2
        if node == 0:
            continue
        width = step if fine else at - last
        missed = last_whole - last_lead if fine else (last_area - (c_whole - c_lead)) / width
        visit, start = cycle[row, node - 1, 0], cycle[row, node - 1, 1]
        in_lead = 1 - (last_lead - b_lead) / width
        unmet += visit * missed
        ratio += visit * (1 - (last_whole - b_whole) / width)
        quiet += (visit - start) * in_lead
        began += start * in_lead
    return min(max(unmet, 0.0), terms[row, DEMAND]), ratio, quiet, began


@inner
def _lost(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, row: int, s: float, most: float
) -> float:
    """Loss of a review period: where loss, given that loss, agrees; at most ``most``."""
    low, high, at_low = 0.0, most, most
    at_high = _short(slow, whole, lead, cycle, terms, row, s, high) - high
    found = high
    for _ in range(_LOSS_ROUNDS):
        share = at_low / max(at_low - at_high, 1e-300) if at_low > at_high else 1.0
        found = low + (high - low) * min(max(share, 0.0), 1.0)
        gap = _short(slow, whole, lead, cycle, terms, row, s, found) - found
        if abs(gap) <= _CLOSE * terms[row, DEMAND]:
            break
        # Illinois: the end that stays counts half, so that both close in
        if gap > 0:
            low, at_low, at_high = found, gap, at_high / 2
        else:
            high, at_high, at_low = found, gap, at_low / 2
    return found


@inner
def _evaluated(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, row: int, s: float
) -> tuple[float, float, float]:
    """Fill rate, cycle service and the share of reviews begun in stock that end in stock."""
    demand = terms[row, DEMAND]
    lost = terms[row, LOST] > 0
    loss = _short(slow, whole, lead, cycle, terms, row, s, 0.0) if lost and terms[row, REVIEWS] > 0 else 0.0
    loss = _lost(slow, whole, lead, cycle, terms, row, s, loss) if loss > 1e-9 * demand else 0.0
    unmet, ratio, quiet, began = _reviewed(slow, whole, lead, cycle, terms, row, s, loss)
    unmet = loss if loss > 0 else unmet
    kept = ratio / max(quiet + began, 1e-12)
    if demand <= 1e-12:
        return 1.0, 1.0, min(max(kept, 0.0), 1.0)
    length = terms[row, LENGTH]
    missed = unmet / (demand + (unmet * terms[row, RISE] if lost else 0.0))
    clean = (ratio - quiet) * length / max(began * length if lost else 1.0, 1e-9)
    return min(max(1 - missed, 0.0), 1.0), min(max(clean, 0.0), 1.0), min(max(kept, 0.0), 1.0)


@compiled
def evaluated(slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, points: Array) -> Array:
    """`_evaluated` (3, N, P) at reorder points (N, P)."""
    found = np.empty((3, *points.shape))
    for row in range(points.shape[0]):
        fill = clean = ratio = last = 0.0
        for column in range(points.shape[1]):
            point = points[row, column]
            if not (
                point >= last and min(fill, clean, ratio) >= 1
            ):  # above a level that never fails, none does
                fill, clean, ratio = _evaluated(slow, whole, lead, cycle, terms, row, point)
            last = point
            found[0, row, column], found[1, row, column], found[2, row, column] = fill, clean, ratio
    return found


@inner
def _gap(
    slow: bool,
    whole: Array,
    lead: Array,
    cycle: Array,
    terms: Array,
    row: int,
    kind: int,
    s: float,
    goal: float,
) -> float:
    """How much more than the goal is reached, rising with the reorder point."""
    if kind != FILL:
        return float(_evaluated(slow, whole, lead, cycle, terms, row, s)[kind] - goal)
    demand = terms[row, DEMAND]
    if demand <= 1e-12:
        return 1.0
    # The loss that the goal allows is known beforehand: no fixed point to find.
    allowed = (1 - goal) * demand / (1 - ((1 - goal) * terms[row, RISE] if terms[row, LOST] > 0 else 0.0))
    unmet = _short(slow, whole, lead, cycle, terms, row, s, allowed if terms[row, REVIEWS] > 0 else 0.0)
    return float((allowed - unmet) / demand)


@compiled
def reorder_points(
    slow: bool, whole: Array, lead: Array, cycle: Array, terms: Array, kind: int, goals: Array, highest: Array
) -> Array:
    """Lowest reorder points (N,) from 0 to ``highest`` (N,) that reach ``goals`` (N,) of one kind.

    Two guesses, then false position (Illinois), halving where it stalls. Whole units are sought among whole
    numbers: the answer is then exactly the lowest that gives what is asked.
    """
    found = np.zeros(len(goals))
    for row in range(len(goals)):
        goal, low, high, at_high = goals[row], 0.0, highest[row], 1.0
        at_low = _gap(slow, whole, lead, cycle, terms, row, kind, 0.0, goal)
        if at_low >= 0:
            continue
        side, entire, deviation = 0, terms[row, UNIT] == 1.0, terms[row, SD]
        often = terms[row, LENGTH] <= 2 / (1 - terms[row, NONE])
        guess = terms[row, MEAN] + (0.8 if often else -0.5) * deviation
        for step in range(_STEPS):
            width = high - low
            if step == 0:
                point = guess
            elif step == 1:
                point = guess + (deviation if side < 0 else -deviation)
            else:
                point = high - at_high * width / (at_high - at_low)
                if step % 3 == 1:
                    middle = (low + high) / 2
                    point = (point + middle) / 2 if math.isfinite(point) else middle
            # Not the other way round: a point that is no number becomes the upper bound, as it has to.
            point = point if point > low + 0.01 * width else low + 0.01 * width
            point = point if point < high - 0.01 * width else high - 0.01 * width
            if entire:
                point = min(max(np.rint(point), low + 1), max(high - 1, low + 1))
            gap = _gap(slow, whole, lead, cycle, terms, row, kind, point, goal)
            if gap < 0:
                at_high = at_high / 2 if side < 0 else at_high
                low, at_low, side = point, gap, -1
            else:
                at_low = at_low / 2 if side > 0 else at_low
                high, at_high, side = point, max(gap, 1e-12), 1
            if high - low <= (1.0 if entire else _TOLERANCE * max(high, terms[row, UNIT])):
                break
        found[row] = high
    return found
