"""What service a quantity buys: the share of demand served until the next order is in."""

from __future__ import annotations

from dataclasses import dataclass

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import Suggestion
from replenishment.selectors.suggestions import has_demand_passed_on


@dataclass(frozen=True)
class LineService:
    """Fill rates, 0 to 1, of a suggestion's final quantity and of the system's."""

    final: float
    system: float


@catalog.small_reads()
def line_service(suggestion: Suggestion) -> LineService | None:
    """The fill rate between this order's arrival and the next one's, by the plan's forecast.

    With a position Y after ordering, lead time L and review period R it is
    1 - (E[(D(L + R) - Y)+] - E[(D(L) - Y)+]) / (E[D(L + R)] - E[D(L)]) (Snyder and Shen, section 4.3.4).
    None where stock, lead time or forecast are not known, or demand of other rows comes on top.
    """
    import numpy as np

    from forecasting.core.distribution import PERIOD_DAYS
    from replenishment.core.spread import Spread

    run = suggestion.plan_run.forecast_run
    if suggestion.on_hand is None or suggestion.lead_time_days is None or run.pruned_at is not None:
        return None
    if has_demand_passed_on(suggestion.reason):
        return None
    try:
        demand = forecasting.distribution_read(
            run_id=run.pk, product_ids=[suggestion.product_id], location_ids=[suggestion.location_id]
        )
    except ValueError:
        return None
    if not len(demand.unique_id):
        return None
    period = PERIOD_DAYS[demand.freq]
    lead = max(suggestion.lead_time_days, 0.0)
    review = max(suggestion.review_days or 0.0, 1.0)
    position = suggestion.on_hand + suggestion.on_order - suggestion.allocated
    levels = np.array([[position + suggestion.final_quantity, position + suggestion.order_quantity]])

    def lost(days: float) -> tuple[float, list[float]]:
        if days <= 0:
            return 0.0, [0.0, 0.0]
        mean, quantiles, _short = demand.interval(np.array([days / period]))
        loss = Spread.from_quantiles(quantiles, demand.levels, mean).loss(levels)
        return float(mean[0]), [float(value) for value in loss[0]]

    (first, before), (last, after) = lost(lead), lost(lead + review)
    wanted = last - first
    if wanted <= 0:
        return None
    final, system = (
        min(max(1.0 - (late - early) / wanted, 0.0), 1.0) for early, late in zip(before, after, strict=True)
    )
    return LineService(final, system)
