"""The dated plan of one suggestion: projected stock by day, and the orders to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from catalog import selectors as catalog
from forecasting import selectors as forecasting
from replenishment.models import Suggestion
from replenishment.selectors.on_order import lines_open
from replenishment.selectors.suggestions import has_demand_passed_on
from replenishment.selectors.what_if import item_of_plan

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from forecasting.core.distribution import DemandDistribution
    from replenishment.core.dated import Policy
    from replenishment.core.items import Items

    Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Arrival:
    """Units that an open order brings on a day (late ones: the day after the plan's)."""

    day: date
    quantity: float
    is_late: bool


@dataclass(frozen=True)
class OrderAhead:
    """An order that the policy is expected to place; `value` in the home currency, None without a rate."""

    day: date
    arrives: date
    quantity: float
    value: float | None


@dataclass(frozen=True, eq=False)
class DatedPlan:
    """Of one product-location, for T days from the plan's.

    `days` has T + 1 dates, the plan's own first. `levels` are those of the bands; `without` (T + 1, L) is
    stock with what is on order and nothing more, `with_orders` that with today's and later orders; `expected`
    (T + 1,) is the latter with demand at its mean. `out_by` (T + 1,) is the chance that stock has run out by
    the day if nothing more is ordered, `out_by_ordered` if today's order is. `stock_out_on` counts what is on
    order alone (None: not within T days), `arrives` is when an order placed today would be in.
    """

    days: list[date]
    levels: tuple[float, ...]
    without: Array
    with_orders: Array
    expected: Array
    out_by: Array
    out_by_ordered: Array
    stock_out_on: date | None
    order_by: date | None
    arrives: date
    next_arrives: date
    arrivals: list[Arrival]
    orders: list[OrderAhead]

    def chance_by(self, day: date, *, ordered: bool = False) -> float:
        """The chance that stock has run out by a day, or by the last one."""
        at = min(max((day - self.days[0]).days, 0), len(self.days) - 1)
        return float((self.out_by_ordered if ordered else self.out_by)[at])

    @property
    def chance_before_arrival(self) -> float:
        """That stock runs out before an order placed today is in: ordering can't help."""
        return self.chance_by(self.arrives)

    @property
    def chance_ordered(self) -> float:
        """That it runs out before the order after today's is in, if today's is placed."""
        return self.chance_by(self.next_arrives, ordered=True)

    @property
    def chance_unordered(self) -> float:
        """The same if today's is not placed."""
        return self.chance_by(self.next_arrives)


@catalog.small_reads()
def dated_plan(suggestion: Suggestion, *, days: int | None = None) -> DatedPlan | None:
    """The dated plan of a suggestion as of its plan's day, with what is on order now.

    A buyer's quantity counts; one that is in an order already counts as on order, a rejected one not at all.
    None where the plan's forecast is gone, where kits, successors or other locations pass demand on to it, or
    there is no stock record or lead time.
    """
    import numpy as np

    from replenishment.core.dated import HORIZON_DAYS, MeanDemand, Receipts, path, review_days
    from replenishment.core.dated_bands import BANDS, Increments, bands, bands_ahead

    horizon = days or HORIZON_DAYS
    plan = suggestion.plan_run
    demand = _demand(suggestion)
    if demand is None or suggestion.on_hand is None or suggestion.lead_time_days is None:
        return None
    key = {"product_id": suggestion.product_id, "location_id": suggestion.location_id}
    items, policy = _item(suggestion, demand)
    lead = int(np.ceil(max(suggestion.lead_time_days, 0.0)))
    lines = lines_open(as_of=plan.as_of, **key)
    after = _days_after(lines, plan.as_of, lead)
    receipts = Receipts(np.zeros(len(after), np.int64), after, lines["quantity"].to_numpy())
    mean = MeanDemand(demand, np.array([0]))
    alone = path(items, mean, receipts, days=horizon)
    ahead = path(items, mean, receipts, policy, days=horizon, keep=True)
    increments = Increments(demand, 0, horizon)
    free = float(items.on_hand[0] - items.allocated[0])
    lost = items.unmet[0] == "lost"
    incoming = receipts.by_day(1, horizon)[:, 0]
    ordered = incoming.copy()
    if policy.today[0] > 0 and lead <= horizon:
        ordered[lead] += policy.today[0]
    without = bands(increments, stock=free, incoming=incoming, lost=lost)
    known = bands(increments, stock=free, incoming=ordered, lost=lost)
    with_orders = bands_ahead(increments, known, ahead, row=0, incoming=ordered, lost=lost)
    out, cost = alone.out_day[0], _home_cost(suggestion)
    review = int(review_days(items)[0])
    wait = max((suggestion.order_on or plan.as_of) - plan.as_of, timedelta(0))
    return DatedPlan(
        days=[plan.as_of + timedelta(days=day) for day in range(horizon + 1)],
        levels=BANDS,
        without=without.stock,
        with_orders=with_orders.stock,
        expected=ahead.stock[0],
        out_by=without.out_by,
        out_by_ordered=known.out_by,
        stock_out_on=plan.as_of + timedelta(days=int(out)) if np.isfinite(out) else None,
        order_by=suggestion.order_by,
        arrives=plan.as_of + timedelta(days=lead),
        next_arrives=plan.as_of + timedelta(days=lead + review),
        arrivals=[
            Arrival(plan.as_of + timedelta(days=max(int(day), 1)), quantity, is_late=bool(day < 1))
            for day, quantity in sorted(zip(after.tolist(), lines["quantity"].to_list(), strict=True))
        ],
        orders=[
            OrderAhead(
                # Orders go out on the supplier's order days.
                day=plan.as_of + timedelta(days=day) + wait,
                arrives=plan.as_of + timedelta(days=arrives),
                quantity=quantity,
                value=None if cost is None else quantity * cost,
            )
            for day, arrives, quantity in zip(
                ahead.purchases.day.tolist(),
                ahead.purchases.arrives.tolist(),
                ahead.purchases.quantity.tolist(),
                strict=True,
            )
        ],
    )


def _demand(suggestion: Suggestion) -> DemandDistribution | None:
    """The demand that the plan stands on, overrides as they were then; None where it is gone."""
    run = suggestion.plan_run.forecast_run
    # What others pass on is in the plan, but in no forecast.
    if run.pruned_at is not None or has_demand_passed_on(suggestion.reason):
        return None
    found = forecasting.distribution_read(
        run_id=run.pk,
        product_ids=[suggestion.product_id],
        location_ids=[suggestion.location_id],
        known_at=suggestion.plan_run.started_at,
    )
    return found if found.unique_id and len(found.levels) > 2 else None


def _item(suggestion: Suggestion, demand: DemandDistribution) -> tuple[Items, Policy]:
    """The suggestion as the core takes it, with its levels and today's order."""
    import numpy as np

    from replenishment.core.dated import Policy
    from replenishment.core.items import Items
    from replenishment.core.kinds import prepared

    row = item_of_plan(suggestion.plan_run, demand.unique_id[0])
    # The plan keeps no items for what it did not plan.
    row = row if row.height else _row(suggestion, demand.unique_id[0])
    items = prepared(Items.from_frame(row), demand, np.array([0]))
    is_open = suggestion.state == Suggestion.State.OPEN

    def level(value: float | None) -> Array:
        return np.array([-1.0 if value is None else value])

    policy = Policy.of(
        items,
        reorder_point=level(suggestion.reorder_point),
        order_up_to=level(suggestion.order_up_to),
        # A transfer that comes instead of an order is an order all the same.
        today=np.array([suggestion.final_quantity - (suggestion.adj_transfer or 0.0) if is_open else 0.0]),
    )
    return items, policy


def _row(suggestion: Suggestion, unique_id: str) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        {
            "unique_id": [unique_id],
            "on_hand": [suggestion.on_hand],
            "allocated": [suggestion.allocated],
            "lead_time_mean": [suggestion.lead_time_days],
            "review_days": [suggestion.review_days],
            "unmet": [suggestion.plan_run.spec.get("unmet", "lost")],
        },
        schema_overrides={"review_days": pl.Float64},
    )


def _days_after(lines: pl.DataFrame, as_of: date, lead: int) -> Array:
    import numpy as np

    return np.array(
        [lead if day is None else (day - as_of).days for day in lines["day"].to_list()], dtype=np.int64
    )


def _home_cost(suggestion: Suggestion) -> float | None:
    if suggestion.unit_cost is None:
        return None
    rate = catalog.exchange_rate(
        base=suggestion.currency, quote=settings.FORESTOCK_HOME_CURRENCY, day=suggestion.plan_run.as_of
    )
    return None if rate is None else float(suggestion.unit_cost * rate)
