"""What a reorder point gives in the long run, and the lowest reorder point that gives what is asked.

Stock is reviewed every r periods; an order placed then arrives after l periods. With Y the position after a
review, a review period's demand that can't be met at once is ``E[(D(l + r) - Y)+] - E[(D(l) - Y)+]`` where
unmet demand waits (Hadley and Whitin, section 5.2; Snyder and Shen, section 4.3.4). An order cycle, receipt
to receipt, has no stock-out where demand up to the next receipt stays within the position that its own order
left: by flow balance its chance is ``(E[F(l + r)(Y)] - E[F(l)(Y); no order]) / P(order)``.

Lost sales: a stretch of lost demand is not owed later, so that a cycle never starts below zero. Demand over
the lead time is taken as it is where it leaves stock (exact for Poisson demand and a review after each unit,
where it is Erlang's loss formula), and demand lost while an order is on its way lengthens the cycle (Tijms
and Groenevelt 1984, fill rate = Q / (Q + lost)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.cycle import Cycle
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_STEPS = 60
_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Outcome:
    """Long-run ``fill`` rate, ``cycle`` service and ``ratio``, the review periods that end in stock (N,)."""

    fill: Array
    cycle: Array
    ratio: Array


@dataclass(frozen=True, eq=False)
class Model:
    """N items whose cycles have the same number of nodes.

    ``review``, ``lead`` and ``whole`` are demand over a review period, the lead time, and both; ``demand``
    (N,) is mean demand of a review period, ``unit`` (N,) the smallest quantity that counts, ``lost`` (N,)
    true where unmet demand is lost.
    """

    review: Spread
    lead: Spread
    whole: Spread
    cycle: Cycle
    demand: Array
    unit: Array
    lost: Array

    def take(self, rows: Array) -> Model:
        """Some items only."""
        c = self.cycle
        return Model(
            self.review.take(rows),
            self.lead.take(rows),
            self.whole.take(rows),
            Cycle(c.step[rows], c.visits[rows], c.starts[rows], c.lattice[rows], c.none[rows]),
            self.demand[rows],
            self.unit[rows],
            self.lost[rows],
        )

    def evaluate(self, reorder_point: Array) -> Outcome:
        """Service in the long run with reorder points (N,)."""
        cycle = self.cycle
        nodes = cycle.visits.shape[1]
        reviews = cycle.reviews
        weights = cycle.visits / reviews[:, None]
        orders = 1 / reviews
        starts = cycle.starts * orders[:, None]
        short, in_whole, in_lead = self._at_nodes(self.whole, self.lead, reorder_point, nodes)
        demand = np.where(self.demand > 0, self.demand, 1.0)
        unmet = np.maximum((weights * short).sum(axis=1), 0.0)
        ratio = (weights * in_whole).sum(axis=1)
        quiet = ((weights - starts) * in_lead).sum(axis=1)
        served = np.clip((ratio - quiet) / orders, 0.0, 1.0)
        ends = np.clip(1 - (starts * in_lead).sum(axis=1) / orders, 0.0, 1.0)
        gone = np.maximum(unmet - ends * demand, 0.0) / np.maximum(1 - ends, 1e-9)
        gone = np.where(ends > 1 - 1e-6, demand, np.minimum(gone, demand))
        rise = np.clip(1 - orders / (1 - cycle.none), 0.0, 1.0)
        lost = gone / (demand + gone * rise)
        fill = 1 - np.where(self.lost, lost, unmet / demand)
        served = np.where(self.lost, np.minimum(served / np.maximum(1 - ends, 1e-9), 1.0), served)
        idle = self.demand <= 0
        return Outcome(
            np.where(idle, 1.0, np.clip(fill, 0.0, 1.0)),
            np.where(idle, 1.0, served),
            np.clip(ratio, 0.0, 1.0),
        )

    def _at_nodes(
        self, whole: Spread, lead: Spread, reorder_point: Array, nodes: int
    ) -> tuple[Array, Array, Array]:
        """Per node: new shortage of a review period, chance to be in stock at its end, and at its start."""
        step, unit = self.cycle.step[:, None], self.unit[:, None]
        s = reorder_point[:, None]
        places = np.arange(nodes + 1)
        lattice = self.cycle.lattice
        short = np.empty((len(s), nodes))
        in_whole, in_lead = np.empty_like(short), np.empty_like(short)
        for rows, fine in ((np.flatnonzero(lattice), True), (np.flatnonzero(~lattice), False)):
            if not len(rows):
                continue
            all_rows = len(rows) == len(s)
            w, l_ = (whole, lead) if all_rows else (whole.take(rows), lead.take(rows))
            if fine:  # whole units: the nodes themselves, one more for the step of the distribution function
                at = s[rows] + places * unit[rows]
                b_whole, b_lead = w.loss(at), l_.loss(at)
                width: Array = unit[rows]
                short[rows] = b_whole[:, :-1] - b_lead[:, :-1]
            else:  # each node spread over the interval around it
                edges = s[rows] + np.maximum(places - 0.5, 0.0) * step[rows]
                (b_whole, c_whole), (b_lead, c_lead) = w.losses(edges), l_.losses(edges)
                width = np.diff(edges, axis=1)
                short[rows] = (c_whole[:, :-1] - c_whole[:, 1:] - c_lead[:, :-1] + c_lead[:, 1:]) / width
            in_whole[rows] = 1 - (b_whole[:, :-1] - b_whole[:, 1:]) / width
            in_lead[rows] = 1 - (b_lead[:, :-1] - b_lead[:, 1:]) / width
        return short, in_whole, in_lead

    def reorder_point(self, kind: str, goal: Array) -> Array:
        """Lowest reorder points (N,), 0 or more, with ``kind`` (of `Outcome`) at least ``goal`` (N,)."""
        low = np.zeros(len(goal))
        high = np.maximum(self.whole.knots[:, -1], self.unit)
        gap = getattr(self.evaluate(low), kind) - goal
        answer = np.where(gap >= 0, 0.0, high)
        rows = np.flatnonzero(gap < 0)
        if not len(rows):
            return answer
        # Bracketed false position on the chance of missing the goal (Illinois), halving where it stalls.
        model, low, high, goal = self.take(rows), low[rows], high[rows], goal[rows]
        at_low, at_high = gap[rows], getattr(model.evaluate(high), kind) - goal
        at_high = np.maximum(at_high, 1e-9)
        side = np.zeros(len(rows))
        for step in range(_STEPS):
            width = high - low
            point = high - at_high * width / (at_high - at_low)
            point = np.where((step % 3 == 2) | ~np.isfinite(point), (low + high) / 2, point)
            point = np.clip(point, low + 0.01 * width, high - 0.01 * width)
            gap = getattr(model.evaluate(point), kind) - goal
            under = gap < 0
            at_high = np.where(under & (side < 0), at_high / 2, at_high)
            at_low = np.where(~under & (side > 0), at_low / 2, at_low)
            low, at_low = np.where(under, point, low), np.where(under, gap, at_low)
            high, at_high = np.where(under, high, point), np.where(under, at_high, np.maximum(gap, 1e-12))
            side = np.where(under, -1.0, 1.0)
            done = high - low <= _TOLERANCE * np.maximum(high, model.unit)
            if np.any(done):
                answer[rows[done]] = high[done]
                keep = np.flatnonzero(~done)
                if not len(keep):
                    return answer
                rows, model = rows[keep], model.take(keep)
                low, high, goal, side = low[keep], high[keep], goal[keep], side[keep]
                at_low, at_high = at_low[keep], at_high[keep]
        answer[rows] = high
        return answer
