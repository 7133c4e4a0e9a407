"""From whom a suggestion could be bought, and how much of it would then be ordered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import Suggestion
from replenishment.selectors.offers import price_breaks
from replenishment.selectors.suggestions import has_demand_passed_on
from replenishment.selectors.supply_options import SupplyOption, supply_options
from replenishment.selectors.what_if import WhatIfError, items_of_plan

if TYPE_CHECKING:
    from forecasting.core.distribution import DemandDistribution
    from replenishment.core.items import Items
    from replenishment.core.price_breaks import Prices

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SupplyChoice:
    """A supplier's terms with the `quantity` that they make necessary, and its worth.

    `value` is in the terms' currency at the price of that quantity, `home_value` in the home currency (None
    without an exchange rate). `is_reckoned`: by the plan's arithmetic with this supplier's lead time, review
    period, cost and packs; else it is the quantity as it stands, in these packs. `is_current`: what the
    suggestion is bought on now; `is_planned`: what the plan bought it on.
    """

    option: SupplyOption
    quantity: float
    unit_cost: float
    value: float
    home_value: float | None
    is_reckoned: bool
    is_current: bool
    is_planned: bool


@catalog.small_reads()
def supply_choices(suggestion: Suggestion) -> list[SupplyChoice]:
    """All that sell it here, the one to choose first.

    The plan's own terms give the plan's own quantity, with all that it made of it.
    """
    from replenishment.core.price_breaks import INCREMENTAL, Prices

    plan = suggestion.plan_run
    options = supply_options(
        product=suggestion.product, location=suggestion.location, plan=plan, run=plan.forecast_run
    )
    if not options:
        return []
    kept = suggestion.planned_with
    planned_id = suggestion.terms_id if kept is None else kept["terms_id"]
    ids = [option.terms.pk for option in options]
    breaks = price_breaks(ids)
    prices = Prices.of(
        np.array([float(option.terms.unit_cost) for option in options]),
        [breaks.get(pk, []) for pk in ids],
        np.array([option.terms.price_break_kind == INCREMENTAL for option in options]),
    )
    known = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    rates = [known.get(option.terms.currency) for option in options]
    quantities, is_reckoned = _quantities(suggestion, options, prices, rates)
    planned = np.array([pk == planned_id for pk in ids])
    quantities = np.where(planned, suggestion.order_quantity, quantities)
    costs = prices.unit_cost_at(np.maximum(quantities, 1e-3))
    return [
        SupplyChoice(
            option=option,
            quantity=float(quantity),
            unit_cost=round(float(cost), 4),
            value=float(quantity * cost),
            home_value=None if rate is None else float(quantity * cost) * rate,
            is_reckoned=is_reckoned or bool(is_planned),
            is_current=option.terms.pk == suggestion.terms_id,
            is_planned=bool(is_planned),
        )
        for option, quantity, cost, is_planned, rate in zip(
            options, quantities, costs, planned, rates, strict=True
        )
    ]


def _quantities(
    suggestion: Suggestion, options: list[SupplyOption], prices: Prices, rates: list[float | None]
) -> tuple[Array, bool]:
    """What would be ordered on each option's terms (N,), and whether the plan's arithmetic could say."""
    from replenishment.core.quantities import packed

    found = _planned_again(suggestion, options, prices, rates)
    if found is not None:
        return found, True
    terms = [option.terms for option in options]
    quantity = packed(
        np.full(len(options), suggestion.order_quantity),
        moq=np.array([float(each.moq) for each in terms]),
        multiple=np.array([float(each.order_multiple) for each in terms]),
        unit_size=np.array([float(each.unit_size) for each in terms]),
    )
    return quantity, False


def _planned_again(
    suggestion: Suggestion, options: list[SupplyOption], prices: Prices, rates: list[float | None]
) -> Array | None:
    """The core's order on each option's terms, raised to price breaks where that pays; None: not to be told.

    Without what a plan makes of several rows at once: transfers, suppliers' minimums, containers, budgets.
    """
    from replenishment.core.economics import DAYS_PER_YEAR
    from replenishment.core.policy import drafted
    from replenishment.core.price_breaks import raised

    item = _item(suggestion)
    demand = _demand(suggestion) if item is not None else None
    if item is None or demand is None or None in rates:
        return None
    rate = np.array(rates, dtype=np.float64)
    duty = np.array([option.terms.duty_rate for option in options])
    freight = np.array([float(option.terms.freight_cost) for option in options]) * rate
    asked = replace(prices, costs=prices.costs * rate[:, None]).landed(duty, freight)
    cost = asked.costs[:, 0]
    margin = item.price[0] - cost if np.isclose(item.stockout_cost, item.price - item.unit_cost)[0] else None
    items = replace(
        item.take(np.zeros(len(options), dtype=np.intp)),
        unit_cost=cost,
        moq=np.array([option.smallest for option in options]),
        order_multiple=np.array([option.multiple for option in options]),
        lead_time_mean=np.array([option.planned_days for option in options]),
        lead_time_sd=np.array([option.lead_time_sd_days for option in options]),
        review_days=np.array([option.review_days for option in options]),
        # Each by itself: they are no group that reaches a target together.
        service_group=np.array([str(number) for number in range(len(options))]),
        **({} if margin is None else {"stockout_cost": margin}),
    )
    draft = drafted(items, demand, grid_days=1.0)
    if len(draft.rows) < len(options):
        return None
    quantity = draft.decided().order_quantity
    good, levels = draft.good, draft.levels
    days = np.maximum(good.lead_time_mean + good.review_days, 1e-9)
    return raised(
        quantity,
        asked,
        order_cost=good.order_cost,
        demand=levels.expected_demand / days * DAYS_PER_YEAR,
        holding_rate=good.holding_rate,
        multiple=good.order_multiple,
        most=np.minimum(good.max_stock, levels.shelf_limit) - good.position,
    )


def _item(suggestion: Suggestion) -> Items | None:
    """The row as the core planned it."""
    import polars as pl

    from replenishment.core.items import Items

    if has_demand_passed_on(suggestion.reason):
        return None
    try:
        items = items_of_plan(suggestion.plan_run)
    except WhatIfError:
        return None
    name = f"{suggestion.product_id}@{suggestion.location_id}"
    found = items.filter(pl.col("unique_id") == name)
    return Items.from_frame(found) if found.height else None


def _demand(suggestion: Suggestion) -> DemandDistribution | None:
    plan = suggestion.plan_run
    try:
        return forecasting.distribution_overridden(
            run_id=plan.forecast_run_id,
            product_ids=[suggestion.product_id],
            location_ids=[suggestion.location_id],
            known_at=plan.started_at,
        ).demand
    except ValueError:
        return None
