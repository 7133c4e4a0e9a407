"""Orders to suppliers topped up to their minimum of value, weight and volume, as plans do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.conf import settings
from scipy.stats import gamma

from catalog import selectors as catalog
from forecasting.core.distribution import QUANTILES
from replenishment.core.constraints import smallest_order
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.items import DEFAULT_MARGIN
from replenishment.core.order_lines import Lines
from replenishment.core.price_breaks import Prices
from replenishment.core.quantities import pack_step
from replenishment.core.spread import Spread
from replenishment.core.supplier_orders import Minimums, at_minimums, topped_up
from replenishment.models import PlanRun, PlanSum, Suggestion
from replenishment.selectors.offers import Costs, prices_of
from replenishment.selectors.quantity_columns import quantity_columns
from replenishment.selectors.what_if import WhatIfError, items_of_plan
from replenishment.services.bulk_acts import Found, Passed

Array = npt.NDArray[Any]

# An order goes to one supplier, for one location, in one currency.
_ORDER = ["supplier_id", "location_id", "currency"]
# A P90 lies so many standard deviations above the median of a normal distribution.
_P90 = 1.2815515655446004


def topped_to_minimum(plan: PlanRun, chosen: pl.DataFrame) -> Found:
    """Chosen suggestions (`quantity_columns`) with what brings their orders to the supplier's minimum.

    All open lines of an order count towards it, and the chosen ones may grow: by the packs that cost least
    per unit of what is missing (`core.supplier_orders`). An order that can't reach it so, and one that is
    not begun, stays as it is.
    """
    found: Found = {}
    for pk, is_buyable in chosen.select("id", "is_buyable").iter_rows():
        found[pk] = Passed.SAME if is_buyable else Passed.SUPPLIER
    buyable = chosen.filter("is_buyable")
    if buyable.is_empty():
        return found
    frame = pl.concat([buyable.with_columns(grows=True), _others(plan, buyable)], how="vertical")
    frame = frame.with_columns(order=pl.struct(_ORDER).rank("dense").cast(pl.Int64) - 1)
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=plan.as_of)
    frame = frame.with_columns(
        rate=pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64).fill_null(1.0),
        supplier_rate=pl.col("supplier_currency")
        .replace_strict(rates, default=None, return_dtype=pl.Float64)
        .fill_null(0.0),
    )
    lines, minimums = _lines(plan, frame), _minimums(frame)
    begun = lines.total(np.ones(len(lines)), len(minimums)) > 0
    short = begun & ~at_minimums(lines, minimums)
    topped, _cost = topped_up(lines, minimums)
    reached = at_minimums(topped, minimums)
    grown = zip(
        frame["id"].to_list(),
        frame["grows"].to_list(),
        topped.order,
        lines.quantity,
        topped.quantity,
        strict=True,
    )
    for pk, grows, order, before, after in grown:
        if grows and short[order]:
            found[pk] = (
                Passed.BELOW if not reached[order] else float(after) if after != before else Passed.SAME
            )
    return found


def _others(plan: PlanRun, chosen: pl.DataFrame) -> pl.DataFrame:
    """The other open lines of the same orders, which count and stay."""
    # The kept sums know how many lines each order has: where all are chosen, there are no others to read.
    kept = pl.DataFrame(
        list(PlanSum.objects.filter(plan_run=plan, order__gt=0).values_list(*_ORDER, "order")),
        schema={**{name: chosen.schema[name] for name in _ORDER}, "lines": pl.Int64},
        orient="row",
    )
    counted = chosen.group_by(_ORDER).agg(chosen=(pl.col("final") > 0).sum())
    more = counted.join(kept, on=_ORDER, how="inner").filter(pl.col("lines") > pl.col("chosen"))
    suppliers = more["supplier_id"].unique().to_list()
    lines = Suggestion.objects.filter(
        plan_run=plan, lane=Suggestion.Lane.ORDER, supplier__in=suppliers, unit_cost__isnull=False
    )
    found = quantity_columns(lines, of_orders=True).filter(~pl.col("id").is_in(chosen["id"].to_list()))
    return found.join(chosen.select(_ORDER).unique(), on=_ORDER, how="semi").with_columns(grows=False)


def _minimums(frame: pl.DataFrame) -> Minimums:
    """Of each order: the highest minimum value of what it orders, a line's own before its supplier's."""
    asked = (
        pl.when(pl.col("minimum_value") > 0)
        .then(pl.col("minimum_value") * pl.col("rate"))
        .otherwise(pl.col("supplier_minimum_value") * pl.col("supplier_rate"))
    )
    rules = (
        frame.group_by("order")
        .agg(
            value=asked.filter(pl.col("final") > 0).max(),
            weight=pl.col("minimum_weight").first(),
            volume=pl.col("minimum_volume").first(),
        )
        .sort("order")
        .fill_null(0.0)
    )
    value, weight, volume = (rules[name].to_numpy() for name in ("value", "weight", "volume"))
    return Minimums(value=value, weight=weight, volume=volume, order_cost=np.zeros(len(value)))


def _lines(plan: PlanRun, frame: pl.DataFrame) -> Lines:
    frame = frame.join(_judged(plan), on=["product_id", "location_id"], how="left", maintain_order="left")
    prices, rate = prices_of(frame.with_columns(unit_cost="list_cost")), frame["rate"].to_numpy()
    asked = Prices(prices.starts, prices.costs * rate[:, None], prices.incremental)
    freight = _numbers(frame, "freight_cost") * rate
    landed = asked.costs[:, 0] * (1 + _numbers(frame, "duty_rate")) + freight
    quantity, daily = frame["final"].to_numpy(), _numbers(frame, "daily_demand")
    position = _numbers(frame, "on_hand") + _numbers(frame, "on_order") - _numbers(frame, "allocated")
    step = pack_step(frame["order_multiple"].to_numpy(), frame["unit_size"].to_numpy()) / 1000.0
    room = np.minimum(_numbers(frame, "max_stock", np.inf) - position, daily * DAYS_PER_YEAR)
    margin = landed * DEFAULT_MARGIN / (1 - DEFAULT_MARGIN)
    return Lines(
        order=frame["order"].to_numpy(),
        quantity=quantity,
        position=position,
        smallest=smallest_order(frame["moq"].to_numpy(), step),
        multiple=step,
        most=np.where(frame["grows"].to_numpy(), np.maximum(room, quantity), quantity),
        demand=_spread(frame),
        daily_demand=daily,
        review_days=_numbers(frame, "review_days"),
        margin=np.where(frame["margin"].is_null().to_numpy(), margin, _numbers(frame, "margin")),
        prices=asked,
        freight=freight,
        holding=landed * _numbers(frame, "holding_rate", Costs.holding_rate),
        weight=_numbers(frame, "unit_weight", np.nan),
        volume=_numbers(frame, "unit_volume", np.nan),
    )


def _judged(plan: PlanRun) -> pl.DataFrame:
    """Of what the core planned: the margin of a unit short, the holding rate, the most to stock."""
    keys = {"product_id": pl.Int64, "location_id": pl.Int64}
    numbers = {"margin": pl.Float64, "holding_rate": pl.Float64, "max_stock": pl.Float64}
    try:
        items = items_of_plan(plan)
    except WhatIfError:
        return pl.DataFrame(schema={**keys, **numbers})
    key = pl.col("unique_id").str.split_exact("@", 1)
    return items.select(
        product_id=key.struct[0].cast(pl.Int64),
        location_id=key.struct[1].cast(pl.Int64),
        margin=pl.coalesce("stockout_cost", pl.col("price") - pl.col("unit_cost")).cast(pl.Float64),
        holding_rate=pl.col("holding_rate").cast(pl.Float64),
        max_stock=pl.col("max_stock").cast(pl.Float64),
    )


def _spread(frame: pl.DataFrame) -> Spread:
    """Demand over lead time + review: gamma, with the row's mean and the spread of its P50 and P90."""
    mean = np.maximum(_numbers(frame, "expected_demand"), 0.0)
    deviation = np.maximum(_numbers(frame, "demand_p90") - _numbers(frame, "demand_p50"), 0.0) / _P90
    sells = (mean > 0) & (deviation > 0)
    shape = np.where(sells, (mean / np.where(sells, deviation, 1.0)) ** 2, 1.0)
    levels = np.array(QUANTILES)
    drawn = gamma.ppf(levels, shape[:, None], scale=np.where(sells, mean / shape, 1.0)[:, None])
    quantiles = np.where(sells[:, None], drawn, mean[:, None])
    return Spread.from_quantiles(quantiles, tuple(QUANTILES), mean)


def _numbers(frame: pl.DataFrame, name: str, missing: float = 0.0) -> Array:
    return frame[name].cast(pl.Float64).fill_null(missing).to_numpy()
