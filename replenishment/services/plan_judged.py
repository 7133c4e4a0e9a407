"""What buyers sort, filter and judge a plan by: costs, dates, cover, margin at risk."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.items import DEFAULT_MARGIN
from replenishment.core.spread import Spread
from replenishment.services.costs import unit_cost_at
from replenishment.services.plan_facts import units
from replenishment.services.plan_items import NOT_BOUGHT, home_cost, home_price

Array = npt.NDArray[Any]

# Without terms the days of cover and the demand per day still read: over two weeks.
_PLAIN_DAYS = 7.0
_FAR = 3650.0


def costed(rows: pl.DataFrame, breaks: dict[int, list[list[float]]]) -> pl.DataFrame:
    """With the unit cost at the quantity ordered, and the order's worth in the home currency."""
    broken = rows.filter(
        pl.col("terms_id").is_in(list(breaks)) & (pl.col("order_quantity") > 0),
    ).select("row", "terms_id", "unit_cost", "order_quantity")
    reached = pl.DataFrame(
        {
            "row": broken["row"],
            "reached": pl.Series(
                [
                    float(
                        unit_cost_at(
                            unit_cost=Decimal(str(cost)),
                            price_breaks=breaks[terms],
                            quantity=Decimal(str(quantity)),
                        )
                    )
                    for _row, terms, cost, quantity in broken.iter_rows()
                ],
                dtype=pl.Float64,
            ),
        }
    )
    return (
        rows.join(reached, on="row", how="left", maintain_order="left")
        .with_columns(list_cost=home_cost(), unit_cost=pl.coalesce("reached", "unit_cost").round(4))
        .with_columns(
            home_value=(pl.col("order_quantity") * pl.col("unit_cost") * pl.col("cost_rate")).round(2)
        )
    )


def judged(rows: pl.DataFrame, demand: DemandDistribution, as_of: date) -> pl.DataFrame:
    """With demand over the protection interval, cover, stock-out and order-by dates, and margin at risk."""
    period = PERIOD_DAYS[demand.freq]
    has_terms = rows["terms_id"].is_not_null().to_numpy()
    lead = np.maximum(units(rows, "lead_time_days", _PLAIN_DAYS), 0.0)
    days = np.maximum(lead + units(rows, "review_days", _PLAIN_DAYS), 1e-9)
    mean, quantiles, _short = demand.interval(days / period)
    known = rows["on_hand"].is_not_null().to_numpy()
    free = units(rows, "on_hand") - units(rows, "allocated")
    position = free + units(rows, "on_order")
    cover = np.where(known, _periods_until(demand, free) * period, np.nan)
    last = np.where(known, _periods_until(demand, position) * period, np.nan)
    bought = has_terms & ~rows["status"].is_in(list(NOT_BOUGHT)).fill_null(False).to_numpy()
    short = Spread.from_quantiles(quantiles, demand.levels, mean).loss(position[:, None])[:, 0]
    price = rows.select(pl.coalesce(home_price(), pl.col("list_cost") / (1 - DEFAULT_MARGIN))).to_series()
    margin = np.maximum(price.fill_null(0.0).to_numpy() - units(rows, "list_cost"), 0.0)
    # Without an exchange rate the loss is not known in the home currency.
    risk = np.where(
        known & bought & rows["cost_rate"].is_not_null().to_numpy(), np.round(short * margin, 2), np.nan
    )
    due = last - np.ceil(lead)
    numbers = {
        "demand_p50": np.where(has_terms, quantiles[:, demand.level_index(0.5)], np.nan),
        "demand_p90": np.where(has_terms, quantiles[:, demand.level_index(0.9)], np.nan),
        "daily_demand": mean / days,
        "cover_days": np.where(np.isfinite(cover), cover, np.nan),
        "margin_at_risk": risk,
    }
    return rows.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in numbers.items()),
        stock_out_on=_dates(as_of, cover, np.isfinite(cover)),
        # Today where it is too late already.
        order_by=_dates(as_of, np.maximum(due, -1.0), np.isfinite(due) & bought),
    )


def _periods_until(demand: DemandDistribution, stock: Array) -> Array:
    """How many periods expected demand takes to use up `stock` (N,): fractional, infinite if never."""
    horizon = demand.horizon
    cum = demand.cum_mean
    full = (cum <= stock[:, None]).sum(axis=1)
    rows = np.arange(len(stock))
    inside = np.minimum(full, horizon - 1)
    before = np.where(inside > 0, cum[rows, inside - 1], 0.0)
    rate = cum[rows, inside] - before
    # Past the horizon the distribution carries the rate of its last cycle on.
    beyond = full >= horizon
    tail = demand.interval(float(horizon + 1))[0] - cum[:, -1]
    before = np.where(beyond, cum[:, -1], before)
    rate = np.where(beyond, tail, rate)
    start = np.where(beyond, horizon, inside)
    left = np.maximum(stock, 0.0) - before
    some = rate > 1e-12
    result = np.where(some, start + left / np.where(some, rate, 1.0), np.inf)
    return np.where((stock <= 0) & (cum[:, -1] > 0), 0.0, result)


def _dates(as_of: date, days: Array, known: Array) -> pl.Series:
    """The day in which so many days after `as_of` fall; null where not known, or ten years away."""
    near = known & (days < _FAR)
    whole = np.floor(np.where(near, days, 0.0) + 1e-9).astype(np.int64)
    values: list[date | None] = [
        as_of + timedelta(days=int(number) + 1) if ok else None
        for number, ok in zip(whole.tolist(), near.tolist(), strict=True)
    ]
    return pl.Series(values, dtype=pl.Date)
