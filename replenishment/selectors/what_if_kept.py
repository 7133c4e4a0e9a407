"""What the questions about one selection of a plan share, kept in the process: each asks anew.

The latest selection alone, of 20,000 product-locations at most: about 100 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from forecasting import selectors as forecasting
from replenishment.models import PlanRun

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.distribution import DemandDistribution
    from replenishment.core.items import Items


@dataclass(frozen=True)
class Read:
    """The demand of some products and locations (ids, rising), as a finished plan read it."""

    plan: PlanRun
    product_ids: tuple[int, ...]
    location_ids: tuple[int, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Read) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return version(self.plan), self.product_ids, self.location_ids


@dataclass(frozen=True)
class Planned:
    """Items of a finished plan with their demand: their names tell all else of them."""

    plan: PlanRun
    budget: float | None
    items: Items
    demand: DemandDistribution

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Planned) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return version(self.plan), self.budget, tuple(self.items.unique_id)


@lru_cache(maxsize=1)
def demand_kept(read: Read) -> DemandDistribution:
    """With the overrides that were known when the plan was started. ValueError where the run holds none."""
    return forecasting.distribution_overridden(
        run_id=read.plan.forecast_run_id,
        product_ids=read.product_ids,
        location_ids=read.location_ids,
        known_at=read.plan.started_at,
    ).demand


@lru_cache(maxsize=1)
def outlook_kept(planned: Planned) -> pl.DataFrame:
    """`core.what_if.outlook` of the items as planned."""
    from replenishment.core.what_if import outlook

    return outlook(planned.items, planned.demand, budget=planned.budget)


def version(plan: PlanRun) -> tuple[object, ...]:
    """Differs once the rows of a plan, or the numbers of its run, are others than before."""
    return plan.pk, plan.finished_at, plan.claim, plan.forecast_run.pruned_at
