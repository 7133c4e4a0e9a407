"""How orders are delivered in a replay: lead times and parts as they happened, or as they are stated.

A table row is a replayed period: what holds of an order placed at its close. So every policy gets the same
lead times and the same parts, whenever and whatever it orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from replenishment.core.simulate import Parts

Array = npt.NDArray[Any]

# What happened so many days before or after an order says how it would have been delivered.
WINDOW_DAYS = 182


@dataclass(frozen=True, eq=False)
class Observed:
    """Orders (M,) that were delivered.

    ``lane`` is a number for each supplier and location, ``day`` when the order was sent (datetime64[D]),
    ``lead_days`` the days to its first receipt, ``share`` what of its units came then, 0 to 1, and
    ``rest_days`` after how many more days the rest came, on average of its units.
    """

    lane: Array
    day: Array
    lead_days: Array
    share: Array
    rest_days: Array

    def __len__(self) -> int:
        return len(self.lane)


@dataclass(frozen=True, eq=False)
class Deliveries:
    """Tables (T, N): ``lead`` in whole periods, NaN where drawn; ``share`` and ``later`` as in `Parts`."""

    lead: Array
    share: Array
    later: Array

    @classmethod
    def stated(cls, periods: int, count: int, *, share: float, rest_days: float, period_days: float) -> Self:
        """Drawn lead times, and of every order the same ``share`` on time and the rest so many days later."""
        shape = (periods, count)
        later = round(rest_days / period_days)
        return cls(np.full(shape, np.nan), np.full(shape, share), np.full(shape, later, dtype=np.int64))

    def happened(self, observed: Observed, lanes: Array, labels: Array, period_days: float) -> Self:
        """With what happened on an item's lane (N,; -1 for none) nearest in time to each period's label (T,),
        where that is at most `WINDOW_DAYS` away.
        """
        lead, share, later = self.lead.copy(), self.share.copy(), self.later.copy()
        order = np.lexsort((observed.day, observed.lane))
        for lane in np.intersect1d(lanes, observed.lane).tolist():
            items, rows = np.flatnonzero(lanes == lane), order[observed.lane[order] == lane]
            near, close = _nearest(observed.day[rows], labels)
            periods, found = np.flatnonzero(close), rows[near[close]]
            cells = np.ix_(periods, items)
            lead[cells] = np.round(observed.lead_days[found] / period_days)[:, None]
            share[cells] = observed.share[found][:, None]
            later[cells] = np.round(observed.rest_days[found] / period_days).astype(np.int64)[:, None]
        return type(self)(lead, share, later)

    def take(self, rows: Array) -> Self:
        """Some items only, by position."""
        return type(self)(self.lead[:, rows], self.share[:, rows], self.later[:, rows])

    def lead_times(self, drawn: Array) -> Array:
        """The lead times, with those drawn (T, N) where nothing is known."""
        known = np.isfinite(self.lead)
        return np.where(known, np.where(known, self.lead, 0.0), drawn).astype(np.int64)

    @property
    def parts(self) -> Parts | None:
        """The parts; None where every order comes whole."""
        whole = bool(((self.share >= 1) | (self.later == 0)).all())
        return None if whole else Parts(self.share, self.later)


def _nearest(days: Array, labels: Array) -> tuple[Array, Array]:
    """Which of the rising ``days`` (M,) is nearest to each label (T,), the earlier of two; and whether it is
    near enough.
    """
    right = np.clip(np.searchsorted(days, labels), 1, max(len(days) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(days) - 1)
    near = np.where(labels - days[left] <= days[right] - labels, left, right)
    return near, np.abs(days[near] - labels) <= np.timedelta64(WINDOW_DAYS, "D")
