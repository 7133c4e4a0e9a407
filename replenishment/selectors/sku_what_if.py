"""What other settings would do to one product-location of the latest plan, from what plan and forecast kept.

Nothing is written and no forecast model is loaded: demand is the stored distribution, changed as an override
would change it, and the response to price and promotion is the one that the forecast run stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import Suggestion
from replenishment.selectors.suggestions import has_demand_passed_on
from replenishment.selectors.what_if import item_of_plan

if TYPE_CHECKING:
    from forecasting.core.distribution import DemandDistribution
    from forecasting.core.response.series import SeriesResponse
    from replenishment.core.items import Items
    from replenishment.core.what_if import Changes


@dataclass(frozen=True)
class DemandChange:
    """So many percent more (below 0: less) demand from a first to a last day, both included."""

    percent: float
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Outcome:
    """What settings give: units to order today and what they cost, the levels, and the long run.

    `order_value` and costs are in the home currency, `holding_cost`, `lost_margin` and `total_cost` (with
    that of ordering) a year; `fill_rate` is a share, `stock` the mean at the close of a day.
    """

    order_quantity: float
    order_value: float
    expected_demand: float
    safety_stock: float
    reorder_point: float
    order_up_to: float
    fill_rate: float
    stock: float
    stock_value: float
    holding_cost: float
    lost_margin: float
    total_cost: float


NUMBERS = tuple(field.name for field in fields(Outcome))


@dataclass(frozen=True, eq=False)
class SkuPlanned:
    """A suggestion as the core planned it: its row of ITEMS, the demand, and the `outcome`.

    `outside` are units that the plan added after the core's quantity (price break, transfer, supplier's
    minimum, container, budget, calm): they are kept as they are. `unit_value` is the home value of a unit.
    `response` is how demand answers to price and promotion, as the forecast run stored it, if it did.
    """

    items: Items
    demand: DemandDistribution
    outcome: Outcome
    outside: float
    unit_value: float
    response: SeriesResponse | None

    def after(self, changes: Changes, demand_changes: Sequence[DemandChange] = ()) -> Outcome:
        """The outcome with other settings and other demand. Raises `core.what_if.ChangeError`."""
        changed = changes.applied(self.items)
        demand = _changed(self.demand, demand_changes)
        return _outcome(changed, demand, outside=self.outside, unit_value=self.unit_value)


@catalog.small_reads()
def sku_planned(suggestion: Suggestion) -> SkuPlanned | None:
    """Read what a plan kept of a suggestion (with its plan and forecast run).

    None where it was not planned, was by demand that others pass on, or the forecast's numbers are gone.
    """
    from replenishment.core.items import Items

    plan = suggestion.plan_run
    if suggestion.net_need is None or has_demand_passed_on(suggestion.reason):
        return None
    unique_id = f"{suggestion.product_id}@{suggestion.location_id}"
    row = item_of_plan(plan, unique_id)
    if row.is_empty():
        return None
    try:
        demand = forecasting.distribution_read(
            run_id=plan.forecast_run_id,
            product_ids=[suggestion.product_id],
            location_ids=[suggestion.location_id],
            known_at=plan.started_at,
        )
    except ValueError:
        return None
    if not demand.unique_id:
        return None
    items = _alone(Items.from_frame(row), suggestion)
    core = _outcome(items, demand, outside=0.0, unit_value=0.0)
    unit_value = float(items.unit_cost[0])
    if suggestion.order_quantity > 0 and suggestion.home_value is not None:
        unit_value = suggestion.home_value / suggestion.order_quantity
    outside = suggestion.order_quantity - core.order_quantity
    return SkuPlanned(
        items=items,
        demand=demand,
        outcome=_outcome(items, demand, outside=outside, unit_value=unit_value),
        outside=outside,
        unit_value=unit_value,
        response=forecasting.response_read(
            plan.forecast_run, product_id=suggestion.product_id, location_id=suggestion.location_id
        ),
    )


def _alone(items: Items, suggestion: Suggestion) -> Items:
    """An item that shares a fill rate with others, by the part of it that fell to this one."""
    import numpy as np

    if str(items.target_kind[0]) != "overall" or suggestion.expected_fill_rate is None:
        return items
    share = min(max(suggestion.expected_fill_rate, 0.001), 0.9999)
    return replace(items, target_kind=np.array(["fill"]), target=np.array([share]))


def _outcome(items: Items, demand: DemandDistribution, *, outside: float, unit_value: float) -> Outcome:
    from replenishment.core.policy import drafted
    from replenishment.core.what_if import GRID_DAYS, outlook

    planned = drafted(items, demand, grid_days=GRID_DAYS).decided()
    found = outlook(items, demand).row(0, named=True)
    quantity = max(float(planned.order_quantity[0]) + outside, 0.0)
    levels = {
        name: float(getattr(planned, name)[0])
        for name in ("expected_demand", "safety_stock", "reorder_point", "order_up_to")
    }
    rest = {name: float(found[name]) for name in NUMBERS if name in found}
    return Outcome(**rest | levels | {"order_quantity": quantity, "order_value": quantity * unit_value})


def _changed(demand: DemandDistribution, changes: Sequence[DemandChange]) -> DemandDistribution:
    """The demand with each change on top of those before it, as percentages of planners' overrides."""
    import numpy as np

    from forecasting.core.overrides import Override, distribution_change, means_change

    given = [
        Override(
            key=number,
            kind="percent",
            value=change.percent,
            first_day=change.first_day,
            last_day=change.last_day,
            rows=np.array([0]),
        )
        for number, change in enumerate(changes, start=1)
        if change.percent
    ]
    if not given:
        return demand
    return distribution_change(demand, means_change(demand.mean, demand.ds, demand.freq, given))
