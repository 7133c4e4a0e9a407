"""What the classic policies share: terms in periods, when levels are set, and levels from a reorder point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.constraints import grained
from replenishment.core.economics import DAYS_PER_YEAR, critical_ratio, eoq
from replenishment.core.history import History
from replenishment.core.items import Items
from replenishment.core.leadtime import review_periods
from replenishment.core.simulate import Schedule

Array = npt.NDArray[Any]

DEFAULT_COVER_DAYS = 21.0
_HIGHEST = 1 - 1e-6


@dataclass(frozen=True, eq=False)
class Situation:
    """Items (N) that can be planned and their history, in the same order.

    ``cover_days`` is what min/max rules cover beyond the lead time.
    """

    items: Items
    history: History
    cover_days: float = DEFAULT_COVER_DAYS
    seed: int = 0

    @cached_property
    def review(self) -> Array:
        """Periods between two reviews (N,)."""
        return review_periods(self.items.review_days, self.history.period_days)

    @cached_property
    def lead(self) -> Array:
        """Mean lead time in periods (N,)."""
        return np.asarray(self.items.lead_time_mean / self.history.period_days)

    @cached_property
    def lead_sd(self) -> Array:
        """Standard deviation of the lead time in periods (N,)."""
        return np.asarray(self.items.lead_time_sd / self.history.period_days)

    @cached_property
    def span(self) -> Array:
        """The protection interval, lead time + review, in periods (N,)."""
        return np.asarray(self.lead + self.review)

    @cached_property
    def target(self) -> Array:
        """Chance of no stock-out that is aimed at (N,): the target, or where that is economic the critical
        ratio.
        """
        items = self.items
        held = items.unit_cost * items.holding_rate * self.review * self.history.period_days / DAYS_PER_YEAR
        ratio = critical_ratio(items.stockout_cost, held)
        aim = np.where(items.target_kind == "economic", ratio, items.target)
        return np.clip(aim, 1 - _HIGHEST, _HIGHEST)

    @cached_property
    def z(self) -> Array:
        """Normal score of the target (N,)."""
        from scipy.special import ndtri

        return np.asarray(ndtri(self.target))

    def periods(self, days: float) -> int:
        """Whole periods in so many days, at least one."""
        return max(1, round(days / self.history.period_days))

    def reviews(self, every_days: float = 0.0) -> Array:
        """Replayed periods (E,) at whose close levels are set anew, from the first review on.

        ``every_days`` of 0: at each review of any item.
        """
        if every_days:
            step = self.periods(every_days)
        else:
            step = int(np.gcd.reduce(self.review.astype(np.int64))) if len(self.review) else 1
        return np.arange(0, self.history.periods, step)

    def scheduled(self, since: Array, points: Array, rates: Array) -> Schedule:
        """Levels from reorder points and mean demand of a period, both (E, N), NaN where nothing is known."""
        items, days = self.items, self.history.period_days
        per_year = rates / days * DAYS_PER_YEAR
        floor, _ = eoq(items.order_cost, per_year, items.unit_cost * items.holding_rate)
        rise = np.maximum(np.minimum(floor, per_year) - rates * self.review, 0.0)
        whole = np.abs(items.order_multiple - np.round(items.order_multiple)) < 1e-9
        points = np.maximum(points, 0.0)
        points = np.where(whole, np.ceil(points - 1e-5), grained(points))
        rise = np.where(whole, np.round(rise), grained(rise))
        never = (items.max_stock <= 0) & np.isfinite(points)
        points = np.where(never, -1.0, points)
        shelf = np.where(np.isfinite(items.shelf_life_days), items.shelf_life_days, 0.0) / days
        limit = np.where(np.isfinite(items.shelf_life_days), rates * (self.lead + shelf), np.inf)
        return Schedule(since, points, np.where(never, -1.0, points + rise), limit)


def moments(known: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (N,) of known demand (K, N); NaN where there is none, 0 deviation of
    one.
    """
    seen = np.isfinite(known)
    number = seen.sum(axis=0)
    values = np.where(seen, known, 0.0)
    mean = np.where(number > 0, values.sum(axis=0) / np.maximum(number, 1), np.nan)
    off = np.where(seen, known - mean, 0.0)
    return mean, np.sqrt((off**2).sum(axis=0) / np.maximum(number - 1, 1)) + 0 * mean
