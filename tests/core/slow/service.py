"""Slow twin of `replenishment.core.service`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tests.core.slow.counts import Counts
from tests.core.slow.cycle import Cycle
from tests.core.slow.spread import Spread

Array = npt.NDArray[Any]

_STEPS = 60
_TOLERANCE = 1e-6
_LOSS_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Outcome:
    """Long-run ``fill`` rate, ``cycle`` service and ``ratio``, the kept of the stock at a review (N,)."""

    fill: Array
    cycle: Array
    ratio: Array


@dataclass(frozen=True, eq=False)
class Model:
    """N items whose cycles have the same number of nodes.

    ``lead`` and ``whole`` are demand over the lead time and over lead time + review, ``reviews`` (N,) the
    lead time in review periods; ``demand`` (N,) is mean demand of a review period, ``unit`` (N,) the smallest
    quantity that counts, ``lost`` (N,) true where unmet demand is lost.
    """

    lead: Spread | Counts
    whole: Spread | Counts
    cycle: Cycle
    reviews: Array
    demand: Array
    unit: Array
    lost: Array
    lead_mean: Array
    lead_sd: Array
    whole_mean: Array
    whole_sd: Array

    @classmethod
    def of(
        cls,
        lead: Spread | Counts,
        whole: Spread | Counts,
        cycle: Cycle,
        *,
        reviews: Array,
        unit: Array,
        lost: Array,
    ) -> Self:
        """A model with the moments of its distributions."""
        lead_mean, whole_mean = lead.mean, whole.mean
        return cls(
            lead=lead,
            whole=whole,
            cycle=cycle,
            reviews=reviews,
            demand=np.maximum(whole_mean - lead_mean, 0.0),
            unit=unit,
            lost=lost,
            lead_mean=lead_mean,
            lead_sd=lead.deviation,
            whole_mean=whole_mean,
            whole_sd=np.maximum(whole.deviation, 1e-9),
        )

    def take(self, rows: Array) -> Self:
        """Some items only."""
        parts: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            parts[field.name] = value[rows] if isinstance(value, np.ndarray) else value.take(rows)
        return type(self)(**parts)

    def evaluate(self, reorder_point: Array) -> Outcome:
        """Service in the long run with reorder points (N,)."""
        unmet, in_whole, in_lead = self._reviewed(reorder_point, np.zeros(len(self.demand)))
        rows = np.flatnonzero(self.lost & (unmet > 1e-9 * self.demand) & (self.reviews > 0))
        if len(rows):
            part = self if len(rows) == len(unmet) else self.take(rows)
            found = part._lost(reorder_point[rows], unmet[rows])
            unmet[rows], in_whole[rows], in_lead[rows] = part._reviewed(reorder_point[rows], found)
            unmet[rows] = found
        cycle = self.cycle
        orders = 1 / cycle.reviews
        weights, starts = cycle.visits * orders[:, None], cycle.starts * orders[:, None]
        ratio = (weights * in_whole).sum(axis=1)
        quiet = ((weights - starts) * in_lead).sum(axis=1)
        began = np.where(self.lost, (starts * in_lead).sum(axis=1) / orders, 1.0)
        demand = np.where(self.demand > 0, self.demand, 1.0)
        missed = unmet / (demand + np.where(self.lost, unmet * self._rise, 0.0))
        idle = self.demand <= 1e-12
        return Outcome(
            np.where(idle, 1.0, np.clip(1 - missed, 0.0, 1.0)),
            np.where(idle, 1.0, np.clip((ratio - quiet) / orders / np.maximum(began, 1e-9), 0.0, 1.0)),
            np.clip(ratio / np.maximum((weights * in_lead).sum(axis=1), 1e-12), 0.0, 1.0),
        )

    @property
    def _rise(self) -> Array:
        """0 where every review with demand brings an order, near 1 where orders are rare (N,)."""
        return np.asarray(np.clip(1 - 1 / self.cycle.reviews / (1 - self.cycle.none), 0.0, 1.0))

    def _lost(self, reorder_point: Array, most: Array) -> Array:
        """Loss of a review period (N,): where loss, given that loss, agrees; at most ``most``."""
        low, high = np.zeros_like(most), most.copy()
        at_low = most.copy()
        at_high = self._short(reorder_point, high) - high
        found = high
        for _ in range(_LOSS_ROUNDS):
            share = np.where(at_low > at_high, at_low / np.maximum(at_low - at_high, 1e-300), 1.0)
            found = low + (high - low) * np.clip(share, 0.0, 1.0)
            gap = self._short(reorder_point, found) - found
            more = gap > 0
            # Illinois: the end that stays counts half, so that both close in
            at_high = np.where(more, at_high / 2, gap)
            at_low = np.where(more, gap, at_low / 2)
            low, high = np.where(more, found, low), np.where(more, high, found)
        return found

    def _short(self, reorder_point: Array, loss: Array) -> Array:
        """Unmet demand of a review period (N,)."""
        if self.cycle.visits.shape[1] > 1:
            return self._reviewed(reorder_point, loss)[0]
        ones = np.ones((len(loss), 1))
        back, squeeze_lead, squeeze_whole = self._returned(reorder_point, ones, loss)
        at = reorder_point + back
        at_w = self.whole_mean + (at - self.whole_mean) / squeeze_whole
        at_l = self.lead_mean + (at - self.lead_mean) / squeeze_lead
        above = self.whole.loss(at_w[:, None])[:, 0] * squeeze_whole
        before = self.lead.loss(at_l[:, None])[:, 0] * squeeze_lead
        return np.asarray(np.clip(above - before, 0.0, self.demand))

    def _reviewed(self, reorder_point: Array, loss: Array) -> tuple[Array, Array, Array]:
        """Unmet demand of a review period (N,), and per node the chances to be in stock at its end and start.

        ``loss`` (N,) is what a review period loses, for items that lose sales.
        """
        nodes = self.cycle.visits.shape[1]
        orders = 1 / self.cycle.reviews
        weights = self.cycle.visits * orders[:, None]
        back, squeeze_lead, squeeze_whole = self._returned(reorder_point, weights, loss)
        step, unit = self.cycle.step[:, None], self.unit[:, None]
        s = reorder_point[:, None]
        places = np.arange(nodes + 1)
        short = np.empty((len(s), nodes))
        in_whole, in_lead = np.empty_like(short), np.empty_like(short)
        lattice = self.cycle.lattice
        for rows, fine in ((np.flatnonzero(lattice), True), (np.flatnonzero(~lattice), False)):
            if not len(rows):
                continue
            part = rows if len(rows) < len(s) else slice(None)
            whole = self.whole.take(rows) if len(rows) < len(s) else self.whole
            lead = self.lead.take(rows) if len(rows) < len(s) else self.lead
            if fine:  # whole units: the nodes themselves, one more for the step of the distribution function
                at = s[part] + places * unit[part]
                width: Array = unit[part]
            else:  # each node spread over the interval around it
                at = s[part] + 0.5 * unit[part] + np.maximum(places - 0.5, 0.0) * step[part]
                width = np.diff(at, axis=1)
            mean_w, mean_l = self.whole_mean[part, None], self.lead_mean[part, None]
            sq_w, sq_l = squeeze_whole[part, None], squeeze_lead[part, None]
            moved = at + back[part, None]
            at_w, at_l = mean_w + (moved - mean_w) / sq_w, mean_l + (moved - mean_l) / sq_l
            if fine:
                b_whole, b_lead = whole.loss(at_w) * sq_w, lead.loss(at_l) * sq_l
                short[part] = b_whole[:, :-1] - b_lead[:, :-1]
            else:
                (b_whole, c_whole), (b_lead, c_lead) = whole.losses(at_w), lead.losses(at_l)
                area = c_whole * sq_w**2 - c_lead * sq_l**2
                b_whole, b_lead = b_whole * sq_w, b_lead * sq_l
                short[part] = (area[:, :-1] - area[:, 1:]) / width
            in_whole[part] = 1 - (b_whole[:, :-1] - b_whole[:, 1:]) / width
            in_lead[part] = 1 - (b_lead[:, :-1] - b_lead[:, 1:]) / width
        unmet = np.clip((weights * short).sum(axis=1), 0.0, self.demand)
        return unmet, in_whole, in_lead

    def _returned(self, reorder_point: Array, weights: Array, loss: Array) -> tuple[Array, Array, Array]:
        """Stock that lost demand leaves by the end of a cycle, and how much narrower served demand is."""
        ones = np.ones(len(loss))
        if not np.any(self.lost & (loss > 0)):
            return np.zeros(len(loss)), ones, ones
        rise = self._rise
        count = np.floor(self.reviews + 1e-9)
        rest = self.reviews - count
        middle = reorder_point + (weights * np.arange(weights.shape[1])).sum(axis=1) * self.cycle.step
        late = rest.copy()
        part = np.flatnonzero(rest > 1e-9)
        if len(part):  # losses come late in a cycle: how much of them within its last stretch
            share = 1 - rest[part] / (self.reviews[part] + 1)
            mean, root = self.whole_mean[part], np.sqrt(share)
            at = middle[part]
            whole = self.whole.take(part)
            earlier = whole.loss((mean + (at - mean * share) / root)[:, None])[:, 0] * root
            all_of_it = whole.loss(at[:, None])[:, 0]
            before = self.lead.take(part).loss(at[:, None])[:, 0]
            gone = np.maximum(all_of_it - before, 1e-12)
            late[part] = np.clip((all_of_it - earlier) / gone, rest[part], 1.0)
        narrow = loss * (count + late)
        wide = loss * np.maximum(self.reviews - self.cycle.reviews / 2, 0.0)
        back = np.where(self.lost, narrow * (1 - rise) + wide * rise, 0.0)
        z = (middle + back - self.whole_mean) / self.whole_sd
        cut = _cut_variance(z) * self.reviews / (self.reviews + 1) * (1 - rise)
        cut = np.where(self.lost & (loss > 0), cut, 0.0)
        lead = np.sqrt(np.maximum(1 - cut, 0.05))
        variance = self.whole_sd**2
        whole = np.sqrt(np.maximum(variance - cut * self.lead_sd**2, 0.05 * variance) / variance)
        return back, lead, whole

    def _gap(self, kind: str, reorder_point: Array, goal: Array) -> Array:
        """How much more than the goal is reached (N,), rising with the reorder point."""
        if kind != "fill":
            return np.asarray(getattr(self.evaluate(reorder_point), kind) - goal)
        # The loss that the goal allows is known beforehand: no fixed point to find.
        allowed = (1 - goal) * self.demand / (1 - np.where(self.lost, (1 - goal) * self._rise, 0.0))
        unmet = self._short(reorder_point, np.where(self.reviews > 0, allowed, 0.0))
        gap = (allowed - unmet) / np.where(self.demand > 0, self.demand, 1.0)
        return np.where(self.demand <= 1e-12, 1.0, gap)

    def reorder_point(self, kind: str, goal: Array) -> Array:
        """Lowest reorder points (N,), 0 or more, with ``kind`` (of `Outcome`) at least ``goal`` (N,)."""
        low = np.zeros(len(goal))
        high = np.ceil(np.maximum(self.whole.points(2)[:, -1], self.unit))
        gap = self._gap(kind, low, goal)
        answer = np.where(gap >= 0, 0.0, high)
        rows = np.flatnonzero(gap < 0)
        if not len(rows):
            return answer
        model, low, high, goal = self.take(rows), low[rows], high[rows], goal[rows]
        at_low, at_high = gap[rows], np.full(len(rows), 1.0)
        side = np.zeros(len(rows))
        # Two guesses, then false position (Illinois), halving where it stalls. Whole units are sought among
        # whole numbers: the answer is then exactly the lowest that gives what is asked.
        z = np.where(model.cycle.reviews > 2 / (1 - model.cycle.none), -0.5, 0.8)
        guess = model.whole_mean + z * model.whole_sd
        for step in range(_STEPS):
            width = high - low
            point = high - at_high * width / (at_high - at_low)
            if step < 2:
                point = guess if step == 0 else guess + np.where(side < 0, 1.0, -1.0) * model.whole_sd
            elif step % 3 == 1:
                point = np.where(np.isfinite(point), (point + (low + high) / 2) / 2, (low + high) / 2)
            point = np.where(point > low + 0.01 * width, point, low + 0.01 * width)
            point = np.where(point < high - 0.01 * width, point, high - 0.01 * width)
            whole = model.unit == 1.0
            point = np.where(whole, np.clip(np.round(point), low + 1, np.maximum(high - 1, low + 1)), point)
            gap = model._gap(kind, point, goal)
            under = gap < 0
            at_high = np.where(under & (side < 0), at_high / 2, at_high)
            at_low = np.where(~under & (side > 0), at_low / 2, at_low)
            low, at_low = np.where(under, point, low), np.where(under, gap, at_low)
            high, at_high = np.where(under, high, point), np.where(under, at_high, np.maximum(gap, 1e-12))
            side = np.where(under, -1.0, 1.0)
            done = high - low <= np.where(whole, 1.0, _TOLERANCE * np.maximum(high, model.unit))
            answer[rows] = high
            left = len(done) - np.count_nonzero(done)
            if not left:
                break
            if left < 0.7 * len(done):
                keep = np.flatnonzero(~done)
                rows, model = rows[keep], model.take(keep)
                low, high, goal, side = low[keep], high[keep], goal[keep], side[keep]
                at_low, at_high, guess = at_low[keep], at_high[keep], guess[keep]
        return answer


def _cut_variance(z: Array) -> Array:
    """By how much the variance of a normal variable falls when it is cut above ``z`` deviations (N,)."""
    from scipy.special import log_ndtr

    z = np.clip(z, -8.0, 8.0)
    hazard = np.exp(-(z**2) / 2 - log_ndtr(z)) / np.sqrt(2 * np.pi)
    return np.asarray(np.clip(hazard * (hazard + z), 0.0, 1.0))
