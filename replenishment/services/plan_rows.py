"""From facts to suggestions: the core's plan, and what buyers sort, filter and judge it by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.models import Product
from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.constraints import grained
from replenishment.core.items import DEFAULT_MARGIN, Items
from replenishment.core.policy import plan
from replenishment.core.spread import Spread
from replenishment.services.costs import unit_cost_at
from replenishment.services.plan_facts import KEY, Facts, units

Array = npt.NDArray[Any]

EXCEPTION = "exception: "
# Not bought, and so said; neither is an exception.
NOT_BOUGHT = {Product.Status.PHASE_OUT.value: "phase_out", Product.Status.DISCONTINUED.value: "discontinued"}
BRIDGE = (
    "expected_demand",
    "safety_stock",
    "reorder_point",
    "order_up_to",
    "net_need",
    "adj_not_due",
    "adj_cycle",
    "adj_moq",
    "adj_multiple",
    "adj_max",
    "adj_shelf_life",
    "adj_budget",
    "order_quantity",
    "expected_fill_rate",
    "expected_cycle_service",
    "policy",
    "reason",
)
_LONGEST_REASON = 200
# Without terms the days of cover and the demand per day still read: over two weeks.
_PLAIN_DAYS = 7.0
_FAR = 3650.0


@dataclass(frozen=True)
class Target:
    """How much to hold: what `Items` takes for every row alike."""

    target_kind: str
    target: float
    holding_rate: float
    order_cost: float
    budget: float | None
    unmet: str

    @property
    def needs_money(self) -> bool:
        """Whether quantities depend on amounts of the home currency, so that every cost needs a rate."""
        return self.budget is not None or self.order_cost > 0 or self.target_kind in {"economic", "overall"}


def rows_plan(facts: Facts, on_order: pl.DataFrame, target: Target) -> pl.DataFrame:
    """One row per product-location: a suggestion's columns, without its run and without people's part.

    What could be bought, but has no forecast, gets a row that says so.
    """
    frame = facts.frame.join(on_order, on=KEY, how="left", maintain_order="left").with_columns(
        pl.col("on_order").fill_null(0.0)
    )
    # Whole grains of the core's arithmetic, so that the terms add up on the screen exactly as in the core.
    stock = [pl.Series(name, _grains(frame, name), dtype=pl.Float64) for name in _STOCK]
    frame = frame.with_columns(stock).with_columns(why=why_of(needs_rate=target.needs_money))
    planned = frame.filter(pl.col("why").is_null())
    result = plan(items_of(planned, target), facts.demand, budget=target.budget, grid_days=1.0).to_frame()
    rows = frame.join(result.select("unique_id", *BRIDGE), on="unique_id", how="left", maintain_order="left")
    rows = rows.with_columns(
        order_quantity=pl.col("order_quantity").fill_null(0.0),
        policy=pl.col("policy").fill_null("none"),
        reason=pl.coalesce("why", "reason").str.slice(0, _LONGEST_REASON),
    )
    judged = _judged(_costed(rows, facts.breaks), facts.demand, facts.as_of)
    return pl.concat([judged, _unforecast(facts, on_order)], how="diagonal_relaxed")


def _unforecast(facts: Facts, on_order: pl.DataFrame) -> pl.DataFrame:
    frame = facts.unforecast.filter(~pl.col("status").is_in(list(NOT_BOUGHT))).join(
        on_order, on=KEY, how="left", maintain_order="left"
    )
    return frame.with_columns(
        *(pl.Series(name, _grains(frame, name), dtype=pl.Float64) for name in _STOCK),
        order_quantity=pl.lit(0.0),
        policy=pl.lit("none"),
        reason=pl.lit(EXCEPTION + "no forecast"),
    )


_STOCK = ("on_hand", "allocated", "on_order")


def _grains(frame: pl.DataFrame, name: str) -> pl.Series:
    values = frame[name].cast(pl.Float64)
    return pl.Series(grained(values.fill_null(0.0).to_numpy())).set(values.is_null(), None)


def why_of(*, needs_rate: bool) -> pl.Expr:
    """Why a row isn't handed to the core; null where it is."""
    status = pl.col("status").replace_strict(NOT_BOUGHT, default=None, return_dtype=pl.String)
    no_rate = pl.lit(needs_rate) & pl.col("cost_rate").is_null()
    return pl.coalesce(
        status,
        pl.when(pl.col("terms_id").is_null()).then(pl.lit(EXCEPTION + "no supply terms")),
        pl.when(pl.col("on_hand").is_null()).then(pl.lit(EXCEPTION + "no stock record")),
        pl.when(no_rate).then(pl.concat_str(pl.lit(EXCEPTION + "no exchange rate for "), "currency")),
    )


def items_of(frame: pl.DataFrame, target: Target) -> Items:
    """What the core takes of rows with stock and terms: money in the home currency where there is a rate."""
    cost, price = _home_cost(), _home_price()
    return Items.from_frame(
        frame.select(
            "unique_id",
            *_STOCK,
            "moq",
            "order_multiple",
            "review_days",
            unit_cost=cost,
            price=price,
            lead_time_mean="lead_time_days",
            lead_time_sd="lead_time_sd_days",
            holding_rate=pl.lit(target.holding_rate),
            order_cost=pl.lit(target.order_cost),
            target_kind=pl.lit(target.target_kind),
            target=pl.lit(target.target),
            unmet=pl.lit(target.unmet),
        )
    )


def _home_cost() -> pl.Expr:
    """Unit cost in the home currency; without a rate in its own (then only shares of it are ever used)."""
    return pl.col("unit_cost") * pl.col("cost_rate").fill_null(1.0)


def _home_price() -> pl.Expr:
    """Price in the currency of `_home_cost`; null where the two can't be compared."""
    same = pl.col("currency") == pl.col("location_currency")
    return (
        pl.when(pl.col("cost_rate").is_not_null())
        .then(pl.col("price") * pl.col("price_rate"))
        .when(same)
        .then(pl.col("price"))
    )


def _costed(rows: pl.DataFrame, breaks: dict[int, list[list[float]]]) -> pl.DataFrame:
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
        .with_columns(list_cost=_home_cost(), unit_cost=pl.coalesce("reached", "unit_cost").round(4))
        .with_columns(
            home_value=(pl.col("order_quantity") * pl.col("unit_cost") * pl.col("cost_rate")).round(2)
        )
    )


def _judged(rows: pl.DataFrame, demand: DemandDistribution, as_of: date) -> pl.DataFrame:
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
    price = rows.select(pl.coalesce(_home_price(), pl.col("list_cost") / (1 - DEFAULT_MARGIN))).to_series()
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


def exceptions_count(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows can't be planned, by reason, most first."""
    bad = rows.filter(pl.col("reason").str.starts_with(EXCEPTION))
    counts = bad.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    return {reason.removeprefix(EXCEPTION): number for reason, number in counts.iter_rows()}
