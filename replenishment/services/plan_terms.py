"""A stage of a plan: orders raised to price breaks where that costs less a year."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.price_breaks import Prices, raised
from replenishment.selectors.offers import prices_of
from replenishment.services.plan_core import Planned
from replenishment.services.plan_facts import units

Array = npt.NDArray[Any]


def price_breaks_reached(planned: Planned) -> Planned:
    """The plan with due orders raised to price breaks, within maximum stock, shelf life and a year."""
    frame, breaks = planned.frame, planned.facts.breaks
    wanted = pl.col("place").is_not_null() & (pl.col("order_quantity") > 0)
    rows = frame.select((wanted & pl.col("terms_id").is_in(list(breaks))).fill_null(False).arg_true())
    at = rows.to_series().to_numpy()
    if not len(at):
        return planned
    some = frame[at]
    place = some["place"].to_numpy()
    quantity = frame["order_quantity"].to_numpy().copy()
    quantity[at] = raised(
        quantity[at],
        landed_prices(some, breaks),
        order_cost=units(some, "order_cost"),
        demand=daily_demand(planned)[place] * DAYS_PER_YEAR,
        holding_rate=units(some, "holding_rate"),
        multiple=units(some, "order_multiple"),
        most=room(planned)[place],
    )
    return planned.changed("adj_price_break", quantity, "price_break")


def daily_demand(planned: Planned) -> Array:
    """Mean demand per day over lead time + review, of planned rows in the order of `place`."""
    days = planned.draft.good.lead_time_mean + planned.draft.good.review_days
    mean = planned.draft.levels.expected_demand
    return np.asarray(np.divide(mean, days, out=np.zeros_like(mean), where=days > 0))


def room(planned: Planned) -> Array:
    """The largest order that maximum stock and shelf life leave room for, in the order of `place`."""
    limit = np.minimum(planned.draft.good.max_stock, planned.draft.levels.shelf_limit)
    return np.asarray(limit - planned.position)


def asked_prices(rows: pl.DataFrame, breaks: dict[int, list[list[float]]]) -> Prices:
    """What the suppliers of the rows ask, in the home currency (without a rate in their own)."""
    prices = prices_of(rows, breaks)
    rate = units(rows, "cost_rate", 1.0)
    return Prices(prices.starts, prices.costs * rate[:, None], prices.incremental)


def landed_prices(rows: pl.DataFrame, breaks: dict[int, list[list[float]]]) -> Prices:
    """The same with duty and freight."""
    freight = units(rows, "freight_cost") * units(rows, "cost_rate", 1.0)
    return asked_prices(rows, breaks).landed(units(rows, "duty_rate"), freight)
