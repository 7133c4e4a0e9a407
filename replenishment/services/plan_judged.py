"""What buyers sort, filter and judge a plan by: costs, dates, cover, margin at risk."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.dated import MeanDemand
from replenishment.core.items import DEFAULT_MARGIN
from replenishment.core.spread import Spread
from replenishment.selectors.offers import prices_of
from replenishment.services.plan_dates import day_after
from replenishment.services.plan_facts import units
from replenishment.services.plan_items import NOT_BOUGHT, home_price, landed_cost

Array = npt.NDArray[Any]

# Without terms the days of cover and the demand per day still read: over two weeks.
_PLAIN_DAYS = 7.0


def costed(rows: pl.DataFrame, breaks: dict[int, list[list[float]]]) -> pl.DataFrame:
    """With the unit cost at the quantity ordered, its landed cost, and the order's worth.

    The last two in the home currency, null without an exchange rate; `list_cost` is the landed cost of a unit
    below all price breaks.
    """
    broken = rows.filter(pl.col("terms_id").is_in(list(breaks)) & (pl.col("order_quantity") > 0))
    reached = broken.select(
        "row",
        reached=pl.Series(
            prices_of(broken, breaks).unit_cost_at(broken["order_quantity"].to_numpy()), dtype=pl.Float64
        ),
    )
    return (
        rows.join(reached, on="row", how="left", maintain_order="left")
        .with_columns(list_cost=landed_cost(), unit_cost=pl.coalesce("reached", "unit_cost").round(4))
        .with_columns(
            landed_cost=pl.when(pl.col("cost_rate").is_not_null()).then(landed_cost().round(4)),
            home_unit_cost=pl.col("unit_cost") * pl.col("cost_rate"),
            home_value=(pl.col("order_quantity") * pl.col("unit_cost") * pl.col("cost_rate")).round(2),
        )
    )


def judged(rows: pl.DataFrame, demand: DemandDistribution, as_of: date) -> pl.DataFrame:
    """With demand over the protection interval, cover, order-by date, margin at risk and excess stock."""
    period = PERIOD_DAYS[demand.freq]
    has_terms = (rows["terms_id"].is_not_null() | rows["supplied_by"].is_not_null()).to_numpy()
    lead = np.maximum(units(rows, "lead_time_days", _PLAIN_DAYS), 0.0)
    days = np.maximum(lead + units(rows, "review_days", _PLAIN_DAYS), 1e-9)
    mean, quantiles, _short = demand.interval(days / period)
    known = rows["on_hand"].is_not_null().to_numpy()
    free = units(rows, "on_hand") - units(rows, "allocated")
    position = free + units(rows, "on_order")
    sells = MeanDemand(demand, np.arange(len(free)))
    cover = np.where(known, sells.days_until(free), np.nan)
    last = np.where(known, sells.days_until(position), np.nan)
    bought = has_terms & ~rows["status"].is_in(list(NOT_BOUGHT)).fill_null(False).to_numpy()
    short = Spread.from_quantiles(quantiles, demand.levels, mean).loss(position[:, None])[:, 0]
    price = rows.select(pl.coalesce(home_price(), pl.col("list_cost") / (1 - DEFAULT_MARGIN))).to_series()
    margin = np.maximum(price.fill_null(0.0).to_numpy() - units(rows, "list_cost"), 0.0)
    # Without an exchange rate the loss is not known in the home currency.
    risk = np.where(
        known & bought & rows["cost_rate"].is_not_null().to_numpy(), np.round(short * margin, 2), np.nan
    )
    # Today where it is too late already.
    due = np.maximum(np.floor(last + 1e-9) + 1 - np.ceil(lead), 0.0)
    # Levels below 0: not to be bought again, so all of it is too much.
    level = np.maximum(units(rows, "order_up_to", np.inf), 0.0)
    excess = np.where(known, np.maximum(free - level, 0.0), np.nan)
    numbers = {
        "excess": excess,
        "excess_value": np.round(excess * rows["landed_cost"].to_numpy().astype(np.float64), 2),
        "demand_p50": np.where(has_terms, quantiles[:, demand.level_index(0.5)], np.nan),
        "demand_p90": np.where(has_terms, quantiles[:, demand.level_index(0.9)], np.nan),
        "daily_demand": mean / days,
        "cover_days": np.where(np.isfinite(cover), cover, np.nan),
        "margin_at_risk": risk,
    }
    return rows.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in numbers.items()),
        order_by=day_after(as_of, np.where(bought, due, np.inf)),
    )
