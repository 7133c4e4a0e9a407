"""What a reorder point gives in the long run, and the lowest reorder point that gives what is asked.

Stock is reviewed every r periods; an order placed then arrives after l periods. With Y the position after a
review, a review period's demand that can't be met at once is ``E[(D(l + r) - Y)+] - E[(D(l) - Y)+]`` where
unmet demand waits (Hadley and Whitin, section 5.2; Snyder and Shen, section 4.3.4). An order cycle, receipt
to receipt, has no stock-out where demand up to the next receipt stays within the position that its own order
left: by flow balance its chance is ``(E[F(l + r)(Y)] - E[F(l)(Y); no order]) / P(order)``.

Lost sales: what is lost is not owed later. Demand lost while an order is on its way, of the cycles before its
own, returns to the position and makes room for as much: the loss is the fixed point of the formula above with
that much more stock, and with lead time demand as narrow as demand that is only served from stock (exact for
no lead time, close to Erlang's loss formula for long ones). Where cycles are wide no order is out when the
next is placed, and demand lost on the way lengthens the cycle instead: fill rate = Q / (Q + lost) (Tijms and
Groenevelt 1984).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.counts import Counts
from replenishment.core.cycle import Cycle
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_KINDS = {"fill": 0, "cycle": 1, "ratio": 2}  # as `long_run` numbers them


@dataclass(frozen=True, eq=False)
class Outcome:
    """Long-run ``fill`` rate, ``cycle`` service and ``ratio``: of the review periods whose goods come while
    some are left, those that end with some left.

    Each of the shape of the reorder points asked for.
    """

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

    @property
    def extra(self) -> Array:
        """By how much the position after a review lies above the reorder point, on average (N,)."""
        visits, step = self.cycle.visits / self.cycle.reviews[:, None], self.cycle.step
        return np.asarray((visits * np.arange(visits.shape[1])).sum(axis=1) * step)

    @cached_property
    def _compiled(self) -> tuple[bool, Array, Array, Array, Array]:
        """What compiled functions take: laws of both intervals, the cycle, and a row of numbers per item."""
        cycle = self.cycle
        orders = 1 / cycle.reviews
        visits = cycle.visits * orders[:, None]
        # 0 where every review with demand brings an order, near 1 where orders are rare
        rise = np.clip(1 - orders / (1 - cycle.none), 0.0, 1.0)
        own = (
            cycle.step,
            cycle.lattice,
            cycle.none,
            cycle.reviews,
            self.reviews,
            self.demand,
            self.unit,
            self.lost,
        )
        narrow = self.reviews / (self.reviews + 1) * (1 - rise)
        share = (self.lead_sd / self.whole_sd) ** 2
        moments = (self.lead_mean, self.whole_mean, self.whole_sd, rise, self.extra, narrow, share)
        terms = np.column_stack([np.asarray(column, dtype=np.float64) for column in own + moments])
        shares = np.stack([visits, cycle.starts * orders[:, None]], axis=2)
        return isinstance(self.whole, Counts), self.whole.law, self.lead.law, shares, terms

    def evaluate(self, reorder_point: Array) -> Outcome:
        """Service in the long run with reorder points (N,), or with several for each item (N, P)."""
        from replenishment.core.long_run import evaluated

        points = np.asarray(reorder_point, dtype=np.float64)
        several = points if points.ndim == 2 else points[:, None]
        found = evaluated(*self._compiled, np.ascontiguousarray(several))
        return Outcome(*found.reshape(3, *points.shape))

    def reorder_point(self, kind: str, goal: Array) -> Array:
        """Lowest reorder points (N,), 0 or more, with ``kind`` (of `Outcome`) at least ``goal`` (N,)."""
        from replenishment.core.long_run import reorder_points

        high = np.ceil(np.maximum(self.whole.points(2)[:, -1], self.unit))
        return np.asarray(reorder_points(*self._compiled, _KINDS[kind], np.ascontiguousarray(goal), high))
