"""What a plan stands on: the forecast's demand, and stock, terms, prices and classes as of its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy.typing as npt
import polars as pl
from django.conf import settings
from django.db.models import Sum

from catalog import selectors as catalog
from catalog.models import Location, Product, SalesRecord
from forecasting.core.classify import abc_classes
from forecasting.core.distribution import DemandDistribution
from forecasting.models import ForecastRun
from forecasting.selectors import distribution_labels, distribution_overridden
from replenishment.core.lead_times_learned import Pool
from replenishment.selectors.offers import (
    Costs,
    offers_chosen,
    offers_learned,
    offers_stated,
    price_breaks,
)
from replenishment.services.plan_links import Network, network_read

Array = npt.NDArray[Any]

KEY = ["product_id", "location_id"]


@dataclass(frozen=True, eq=False)
class Facts:
    """One row of `frame` per product-location of the forecast, in the order of the series of `demand`.

    Columns: row, unique_id, product_id, location_id, location_currency, status, category_id, shelf_life_days,
    unit_weight (kg), unit_volume (m3), model, pattern, abc, xyz; on_hand, allocated, stock_day,
    stock_is_assumed (null without a stock record); of the terms to buy on, null without any: terms_id,
    supplier_id, unit_cost, currency, price_break_kind, freight_cost, duty_rate, return_share, moq,
    order_multiple, lead_time_days and review_days (as learned and by the supplier's calendar),
    lead_time_sd_days, lead_time_receipts, order_on (the day on which an order goes out), terms_are_assumed;
    of an order to their supplier: minimum_order_value (terms' currency), minimum_order_weight,
    minimum_order_volume, container_weight, container_volume, supplier_order_cost (home currency); cost_rate,
    price_rate (home currency for one of the terms', of the location's; null where not known) and price
    (location's currency).
    `breaks`: terms id to its list of [from quantity, unit cost].
    `demand` has the planners' overrides in it; `overrides` are the ids of those that changed it. Rows without
    demand of their own follow that the `network` passes demand on to.
    `pool` is what lead times were learned with.
    `unforecast`: product-locations with stock and terms that the forecast does not know; the columns of
    stock, of terms, and location_currency, status.
    """

    as_of: date
    frame: pl.DataFrame
    demand: DemandDistribution
    breaks: dict[int, list[list[float]]]
    unforecast: pl.DataFrame
    overrides: list[int]
    network: Network
    pool: Pool


def facts_read(
    *,
    forecast_run: ForecastRun,
    known_at: datetime | None = None,
    abc_by: str = "revenue",
    abc_days: int = 365,
    costs: Costs | None = None,
) -> Facts:
    """Read everything but what is on order, in bulk; overrides as known at a time (default: now).

    ABC goes by `revenue`, `margin` (revenue less units at today's cost) or `units` of the last `abc_days`.
    `costs` is what suppliers are compared for where a product has several.
    """
    costs = costs or Costs()
    as_of = forecast_run.as_of
    overridden = distribution_overridden(run_id=forecast_run.pk, known_at=known_at)
    demand = overridden.demand
    stock = stock_frame(as_of=as_of)
    learned = offers_learned(as_of=as_of)
    chosen = offers_chosen(learned.offers, as_of=as_of, demand=demand, costs=costs)
    terms = _terms(chosen, as_of=as_of)
    network = network_read(terms)
    demand = network.extended(demand)
    labels = distribution_labels(forecast_run.pk).select(*KEY, "model", "pattern", "xyz", "is_new")
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    frame = series_frame(demand.unique_id)
    unforecast = (
        stock.join(terms, on=KEY)
        .join(frame, on=KEY, how="anti")
        .join(_products(), on="product_id", how="left")
        .join(_currencies(), on="location_id", how="left")
        .sort(KEY)
    )
    frame = bought_frame(frame, stock=stock, terms=terms, rates=rates, as_of=as_of)
    frame = frame.join(labels, on=KEY, how="left").sort("row")
    sold = frame.select(*KEY, "unit_cost", "cost_rate").join(
        _sold(as_of=as_of, rates=rates, days=abc_days), on=KEY, how="left", maintain_order="left"
    )
    margin = pl.col("revenue") - pl.col("units") * pl.col("unit_cost") * pl.col("cost_rate")
    sold = sold.with_columns(margin=margin.fill_null(pl.col("revenue")))
    frame = frame.with_columns(abc=pl.Series(abc_classes(units(sold, abc_by)), dtype=pl.String))
    breaks = price_breaks()
    return Facts(
        as_of=as_of,
        frame=frame,
        demand=demand,
        breaks=breaks,
        unforecast=unforecast,
        overrides=overridden.applied,
        network=network,
        pool=learned.pool,
    )


def series_frame(unique_id: Sequence[str]) -> pl.DataFrame:
    """Columns row, unique_id, product_id, location_id of series, in their order."""
    products, locations = catalog.unique_id_split(unique_id)
    return pl.DataFrame(
        {
            "unique_id": pl.Series(unique_id, dtype=pl.String),
            "product_id": pl.Series(products, dtype=pl.Int64),
            "location_id": pl.Series(locations, dtype=pl.Int64),
        }
    ).with_row_index("row")


def stock_frame(*, as_of: date) -> pl.DataFrame:
    """Stock at the close of a day, under the names of `Facts`."""
    return catalog.stock_on(as_of=as_of).select(
        *KEY, "on_hand", "allocated", stock_day="day", stock_is_assumed="is_assumed"
    )


def terms_frame(*, as_of: date) -> pl.DataFrame:
    """The terms to buy on as they are stated, under the names of `Facts`."""
    return _terms(
        offers_chosen(offers_stated(as_of=as_of), as_of=as_of, demand=None, costs=Costs()), as_of=as_of
    )


def _terms(offers: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    return offers.select(
        *KEY,
        "terms_id",
        "supplier_id",
        "unit_cost",
        "currency",
        "price_break_kind",
        "freight_cost",
        "duty_rate",
        "return_share",
        "moq",
        "order_multiple",
        "lead_time_days",
        "lead_time_sd_days",
        "lead_time_receipts",
        "review_days",
        "order_on",
        "minimum_order_value",
        "minimum_order_weight",
        "minimum_order_volume",
        "container_weight",
        "container_volume",
        supplier_order_cost=pl.col("order_cost") * _rate("supplier_currency", rates),
        terms_are_assumed="is_assumed",
    )


def bought_frame(
    frame: pl.DataFrame, *, stock: pl.DataFrame, terms: pl.DataFrame, rates: dict[str, float], as_of: date
) -> pl.DataFrame:
    """Rows of `series_frame`, in their order, with product, currencies, stock, terms, price and rates."""
    return (
        frame.join(_products(), on="product_id", how="left")
        .join(_currencies(), on="location_id", how="left")
        .join(stock, on=KEY, how="left")
        .join(terms, on=KEY, how="left")
        .join(catalog.prices_latest(as_of=as_of).select(*KEY, "price"), on=KEY, how="left")
        .with_columns(
            cost_rate=_rate("currency", rates),
            price_rate=_rate("location_currency", rates),
        )
        .sort("row")
    )


def _products() -> pl.DataFrame:
    return pl.DataFrame(
        list(
            Product.objects.order_by().values_list(
                "pk", "status", "category_id", "shelf_life_days", "unit_weight", "unit_volume"
            )
        ),
        schema={
            "product_id": pl.Int64,
            "status": pl.String,
            "category_id": pl.Int64,
            "shelf_life_days": pl.Float64,
            "unit_weight": pl.Float64,
            "unit_volume": pl.Float64,
        },
        orient="row",
    )


def _currencies() -> pl.DataFrame:
    return pl.DataFrame(
        list(Location.objects.order_by().values_list("pk", "currency")),
        schema={"location_id": pl.Int64, "location_currency": pl.String},
        orient="row",
    )


def _sold(*, as_of: date, rates: dict[str, float], days: int) -> pl.DataFrame:
    """Units and revenue (home currency) of some days up to `as_of` per product and stocking location."""
    places = {pk: (root, currency) for pk, root, currency in _places()}
    rows = (
        SalesRecord.objects.filter(day__gt=as_of - timedelta(days=days), day__lte=as_of)
        .values_list("product_id", "location_id")
        .annotate(taken=Sum("revenue"), pieces=Sum("quantity"))
        .order_by()
    )
    frame = pl.DataFrame(
        [
            # A shop that keeps no rates has one currency in effect: shares of revenue are the same in it.
            (product, places[location][0], float(taken) * rates.get(places[location][1], 1.0), float(pieces))
            for product, location, taken, pieces in rows
        ],
        schema={"product_id": pl.Int64, "location_id": pl.Int64, "revenue": pl.Float64, "units": pl.Float64},
        orient="row",
    )
    return frame.group_by(KEY).agg(pl.col("revenue", "units").sum())


def _places() -> list[tuple[int, int, str]]:
    """Each location, where its stock is held (the end of its chain of receiving locations), its currency."""
    locations = {
        pk: (receiver, currency)
        for pk, receiver, currency in Location.objects.order_by().values_list(
            "pk", "receiving_location_id", "currency"
        )
    }
    places = []
    for place, (_receiver, currency) in locations.items():
        seen, root = {place}, place
        while (following := locations[root][0]) is not None and following not in seen:
            root = following
            seen.add(root)
        places.append((place, root, currency))
    return places


def _rate(column: str, rates: dict[str, float]) -> pl.Expr:
    return pl.col(column).replace_strict(
        rates or {settings.FORESTOCK_HOME_CURRENCY: 1.0}, default=None, return_dtype=pl.Float64
    )


def units(frame: pl.DataFrame, name: str, default: float = 0.0) -> Array:
    """A column as float64, nulls replaced."""
    return frame[name].cast(pl.Float64).fill_null(default).to_numpy()
