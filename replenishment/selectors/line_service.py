"""What service a quantity buys: the share of demand served until the next order is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import PlanRun, Suggestion
from replenishment.selectors.suggestions import has_demand_passed_on

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class LineService:
    """Fill rates, 0 to 1, of a suggestion's final quantity and of the system's."""

    final: float
    system: float


@catalog.small_reads()
def line_services(plan: PlanRun, suggestions: Sequence[Suggestion]) -> dict[int, LineService]:
    """The fill rates between these orders' arrivals and the next ones', by the plan's forecast; by id.

    With a position Y after ordering, lead time L and review period R it is
    1 - (E[(D(L + R) - Y)+] - E[(D(L) - Y)+]) / (E[D(L + R)] - E[D(L)]) (Snyder and Shen, section 4.3.4).
    Left out: where stock, lead time or forecast are not known, or demand of other rows comes on top.
    """
    import numpy as np

    from forecasting.core.distribution import PERIOD_DAYS
    from replenishment.core.spread import Spread

    known = [
        row
        for row in suggestions
        if row.on_hand is not None and row.lead_time_days is not None and not has_demand_passed_on(row.reason)
    ]
    run = plan.forecast_run
    if not known or run.pruned_at is not None:
        return {}
    try:
        demand = forecasting.distribution_read(
            run_id=run.pk,
            product_ids=sorted({row.product_id for row in known}),
            location_ids=sorted({row.location_id for row in known}),
        )
    except ValueError:
        return {}
    places = {name: place for place, name in enumerate(demand.unique_id)}
    names = [f"{row.product_id}@{row.location_id}" for row in known]
    rows = [(row, places[name]) for row, name in zip(known, names, strict=True) if name in places]
    if not rows:
        return {}
    series = np.array([place for _row, place in rows])
    lead = np.array([max(row.lead_time_days or 0.0, 0.0) for row, _place in rows])
    review = np.array([max(row.review_days or 0.0, 1.0) for row, _place in rows])
    levels = np.array(
        [
            (row.on_hand or 0.0)
            + row.on_order
            - row.allocated
            + np.array([row.final_quantity, row.order_quantity])
            for row, _place in rows
        ]
    )
    period = PERIOD_DAYS[demand.freq]

    def lost(days: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Expected demand (N,) of so many days (N,), and what of it the levels (N, 2) don't serve (N, 2)."""
        mean, quantiles, _short = demand.interval(days / period, series)
        loss = Spread.from_quantiles(quantiles, demand.levels, mean).loss(levels)
        return mean, np.where(days[:, None] > 0, loss, 0.0)

    (first, early), (last, late) = lost(lead), lost(lead + review)
    wanted = last - first
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.clip(1.0 - (late - early) / wanted[:, None], 0.0, 1.0)
    return {
        row.pk: LineService(float(final), float(system))
        for (row, _place), (final, system), is_wanted in zip(rows, shares, wanted > 0, strict=True)
        if is_wanted
    }
