"""From whom a product can be bought, when that would come in, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.conf import settings

from catalog import selectors as catalog
from catalog.models import SupplyTerms
from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.calendar import Calendars, timing
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.lead_times_learned import Pool, lead_times_learned
from replenishment.core.price_breaks import INCREMENTAL, Prices
from replenishment.core.sourcing import chosen, landed_costs
from replenishment.core.spread import Spread
from replenishment.core.textbook.joint import joint_orders
from replenishment.selectors.deliveries import WINDOW_DAYS, delivery_lines

Array = npt.NDArray[Any]

PLACE = ["product_id", "location_id"]
# A location's own terms come before those that hold everywhere, whatever their rank.
_GENERAL = 1_000_000
_LONGEST_REVIEW = 365.0


@dataclass(frozen=True)
class Costs:
    """What offers are compared for: `holding_rate` a year, `order_cost` of a line in the home currency, and
    the service `target` that safety stock is for.
    """

    holding_rate: float = 0.25
    order_cost: float = 0.0
    target: float = 0.95


def landed_cost(rate: pl.Expr) -> pl.Expr:
    """What a unit of an offer costs until it is on the shelf: unit cost, duty and freight, at a `rate`."""
    duty, freight = pl.col("duty_rate").fill_null(0.0), pl.col("freight_cost").fill_null(0.0)
    return (pl.col("unit_cost") * (1 + duty) + freight) * rate


def offers_stated(*, as_of: date, product_ids: Sequence[int] | None = None) -> pl.DataFrame:
    """`catalog.selectors.terms_all` with the columns of `suppliers_frame` and of `offers_timed`, the times as
    they are stated: for what has no day of its own, such as a replay.
    """
    return _stated(_suppliers(), as_of=as_of, product_ids=product_ids)


def _suppliers() -> pl.DataFrame:
    return catalog.suppliers_frame().with_row_index("supplier_row")


def _stated(suppliers: pl.DataFrame, *, as_of: date, product_ids: Sequence[int] | None) -> pl.DataFrame:
    return (
        catalog.terms_all(as_of=as_of, product_ids=product_ids)
        .join(suppliers, on="supplier_id", how="left", maintain_order="left")
        .with_columns(
            stated_days="lead_time_days",
            stated_sd_days="lead_time_sd_days",
            stated_review_days="review_days",
            learned_days="lead_time_days",
            lead_time_receipts=pl.lit(0),
            order_on=pl.lit(None, dtype=pl.Date),
        )
    )


def offers_timed(*, as_of: date) -> pl.DataFrame:
    """Offers with the times that a plan counts with: one row for each of `catalog.selectors.terms_all`.

    stated_days, stated_sd_days and stated_review_days are those of the terms; learned_days, lead_time_sd_days
    and lead_time_receipts are learned from receipts. Then the supplier's calendar has its say: lead_time_days
    runs from `as_of` to the receipt, review_days from there to the receipt of the next order; order_on is the
    day on which an order goes out. The columns of `suppliers_frame` are there too.
    """
    return offers_learned(as_of=as_of).offers


@dataclass(frozen=True, eq=False)
class Learned:
    """`offers` as `offers_timed` has them, and what they were learned from: ``deliveries`` (supplier_id,
    location_id, order_id, sent_on, received_on, is_open, took_days and slip_days in days on which the
    supplier was open, weight) and the `pool` of all suppliers.
    """

    offers: pl.DataFrame
    deliveries: pl.DataFrame
    pool: Pool


def offers_learned(
    *, as_of: date, product_ids: Sequence[int] | None = None, pool: Pool | None = None
) -> Learned:
    """All offers, or those of some products from the deliveries of their suppliers alone.

    `pool` is what a plan kept of all suppliers (`PlanRun.report`); None: of the deliveries that are read.
    """
    suppliers = _suppliers()
    offers = _stated(suppliers, as_of=as_of, product_ids=product_ids)
    calendars = _calendars(suppliers, as_of)
    wanted = None if product_ids is None else offers["supplier_id"].unique().sort().to_list()
    deliveries = _deliveries(suppliers, calendars, as_of, wanted)
    pool = pool or Pool.of(deliveries)
    learned = lead_times_learned(offers, deliveries, pool)
    offers = offers.with_columns(
        learned_days=pl.Series(_tenths(learned.mean_days, learned.receipts)),
        lead_time_sd_days=pl.Series(_tenths(learned.sd_days, learned.receipts)),
        lead_time_receipts=pl.Series(learned.receipts),
    )
    return Learned(_on_calendar(offers, calendars, as_of), deliveries, pool)


def _tenths(days: Array, receipts: Array) -> Array:
    """Learned times to a tenth of a day: each receipt moves the rest, and plans should not follow."""
    return np.where(receipts > 0, np.round(days, 1), days)


def offers_chosen(
    offers: pl.DataFrame, *, as_of: date, demand: DemandDistribution | None, costs: Costs
) -> pl.DataFrame:
    """The offers that are bought on, one per product-location, sorted by them; joint reviews applied.

    Chosen by rank, then by landed cost where there is a choice. `demand` is None where the forecast says
    nothing; then safety stock costs nothing.
    """
    first = pl.col("preference") == pl.col("preference").min().over(PLACE)
    ranked = offers.with_columns(preference=_preference()).filter(first)
    open_to_choice = pl.len().over(PLACE) > 1
    alone, several = ranked.filter(~open_to_choice), ranked.filter(open_to_choice)
    if several.height:
        priced = offers_priced(several, as_of=as_of, demand=demand, costs=costs)
        several = priced.filter("is_chosen").select(alone.columns)
    found = pl.concat([alone, several]).drop("preference").sort(PLACE)
    return _jointly_reviewed(found, as_of=as_of, demand=demand, costs=costs)


def offers_priced(
    offers: pl.DataFrame, *, as_of: date, demand: DemandDistribution | None, costs: Costs
) -> pl.DataFrame:
    """Offers with their landed cost in the home currency per unit, part by part, and which `is_chosen`.

    Adds typical_quantity, price, freight, duty, holding (of safety_stock units, per unit of demand), landed
    (price + freight + duty), total, daily_demand, is_known (its currency has a rate) and is_comparable (it
    has, or all offers of the product-location share the currency, which then stands for the home currency).
    """
    rates = catalog.exchange_rates_frame(quote=settings.FORESTOCK_HOME_CURRENCY, day=as_of)
    one_currency = pl.col("currency").n_unique().over(PLACE) == 1
    known = pl.col("currency").replace_strict(rates, default=None, return_dtype=pl.Float64)
    offers = offers.with_columns(
        rate=pl.coalesce(known, pl.when(one_currency).then(1.0)),
        order_cost_rate=pl.col("supplier_currency").replace_strict(
            rates, default=None, return_dtype=pl.Float64
        ),
    )
    daily, deviation = _demand_of(offers, demand)
    rate = offers["rate"].to_numpy()
    is_known = offers.select(known.is_not_null()).to_series()
    comparable = np.isfinite(rate)
    count = offers.height

    def column(name: str) -> Array:
        return offers[name].cast(pl.Float64).to_numpy()

    found = landed_costs(
        prices_of(offers),
        rate=np.where(comparable, rate, 1.0),
        freight=column("freight_cost"),
        duty_rate=column("duty_rate"),
        order_cost=np.full(count, costs.order_cost),
        moq=column("moq"),
        multiple=column("order_multiple"),
        lead_time_sd=column("lead_time_sd_days"),
        review_days=column("review_days"),
        daily_demand=daily,
        deviation=deviation,
        holding_rate=np.full(count, costs.holding_rate),
        target=np.full(count, costs.target),
    )
    places = offers.select(pl.struct(PLACE).rank("dense").cast(pl.Int64)).to_series().to_numpy()
    preference = offers.select(_preference()).to_series().to_numpy()
    return offers.with_columns(
        typical_quantity=pl.Series(found.quantity),
        price=pl.Series(found.price),
        freight=pl.Series(found.freight),
        duty=pl.Series(found.duty),
        safety_stock=pl.Series(found.safety_stock),
        holding=pl.Series(found.holding),
        landed=pl.Series(found.landed),
        total=pl.Series(found.total),
        daily_demand=pl.Series(daily),
        is_known=is_known,
        is_comparable=pl.Series(comparable),
        is_chosen=pl.Series(chosen(places, preference, comparable, found.total)),
    )


def price_breaks(terms_ids: Sequence[int] | None = None) -> dict[int, list[list[float]]]:
    """Terms to their price breaks, as [from quantity, unit cost]; those without any are left out."""
    found = SupplyTerms.objects.exclude(price_breaks=[])
    if terms_ids is not None:
        found = found.filter(pk__in=terms_ids)
    return dict(found.values_list("pk", "price_breaks"))


def prices_of(frame: pl.DataFrame, breaks: Mapping[int, list[list[float]]] | None = None) -> Prices:
    """Prices of rows with terms_id, unit_cost and price_break_kind, in the terms' currency."""
    if breaks is None:
        ids = frame["terms_id"].unique().to_list()
        breaks = price_breaks(ids if len(ids) < 500 else None)
    return Prices.of(
        frame["unit_cost"].cast(pl.Float64).to_numpy(),
        [breaks.get(terms_id, []) for terms_id in frame["terms_id"].to_list()],
        (frame["price_break_kind"] == INCREMENTAL).to_numpy(),
    )


def _preference() -> pl.Expr:

    return pl.col("rank") + pl.when("is_general").then(_GENERAL).otherwise(0)


def _calendars(suppliers: pl.DataFrame, as_of: date) -> Calendars:

    closed = catalog.closures(after=as_of - timedelta(days=2 * WINDOW_DAYS))
    return Calendars.of(
        suppliers["order_days"].to_list(), [closed.get(pk, []) for pk in suppliers["supplier_id"].to_list()]
    )


def _deliveries(
    suppliers: pl.DataFrame, calendars: Calendars, as_of: date, supplier_ids: Sequence[int] | None
) -> pl.DataFrame:
    """Deliveries (of an order on a day) with their slip in days on which the supplier was open."""
    lines = delivery_lines(as_of=as_of, supplier_ids=supplier_ids).join(
        suppliers.select("supplier_id", "supplier_row"), on="supplier_id", maintain_order="left"
    )
    start, end = (
        lines[name].to_physical().cast(pl.Float64).to_numpy() for name in ("sent_on", "received_on")
    )
    took = calendars.open_days(lines["supplier_row"].to_numpy(), start, end)
    lines = lines.with_columns(took_days=pl.Series(took, dtype=pl.Float64)).with_columns(
        slip_days=pl.col("took_days") - pl.col("stated_days")
    )
    share = pl.col("share")
    return (
        lines.filter(
            # Received before it was sent: recorded later than it happened.
            pl.col("received_on") >= pl.col("sent_on"),
            # What is waited for tells something once it is late.
            ~pl.col("is_open") | (pl.col("slip_days") > 0),
        )
        .group_by("order_id", "received_on", maintain_order=True)
        .agg(
            pl.col("supplier_id", "location_id", "sent_on", "is_open", "took_days").first(),
            slip_days=(share * pl.col("slip_days")).sum() / share.sum(),
            weight=share.sum(),
        )
    )


def _on_calendar(offers: pl.DataFrame, calendars: Calendars, as_of: date) -> pl.DataFrame:
    """With order_on, lead_time_days and review_days, of learned_days and stated_review_days."""
    found = timing(
        calendars,
        offers["supplier_row"].to_numpy(),
        as_of,
        administrative_days=offers["administrative_days"].to_numpy(),
        lead_time_days=offers["learned_days"].to_numpy(),
        review_days=offers["stated_review_days"].to_numpy(),
    )
    return offers.with_columns(
        order_on=pl.Series(found.order_on).cast(pl.Date),
        lead_time_days=pl.Series(found.lead_time_days, dtype=pl.Float64),
        review_days=pl.Series(found.review_days, dtype=pl.Float64),
    )


def _demand_of(offers: pl.DataFrame, demand: DemandDistribution | None) -> tuple[Array, Array]:
    """Mean per day, and standard deviation over lead time + review, of each offer (N,); 0 if not known."""
    daily, deviation = np.zeros(offers.height), np.zeros(offers.height)
    if demand is None or not demand.unique_id:
        return daily, deviation
    places = {name: place for place, name in enumerate(demand.unique_id)}
    names = zip(offers["product_id"].to_list(), offers["location_id"].to_list(), strict=True)
    rows = np.array([places.get(f"{product}@{location}", -1) for product, location in names], dtype=np.int64)
    known = np.flatnonzero(rows >= 0)
    days = (offers["lead_time_days"] + offers["review_days"]).to_numpy()[known]
    days = np.maximum(days, PERIOD_DAYS[demand.freq])
    mean, quantiles, _short = demand.interval(days / PERIOD_DAYS[demand.freq], rows[known])
    daily[known] = mean / days
    deviation[known] = Spread.from_quantiles(quantiles, demand.levels, mean).deviation
    return daily, deviation


def _jointly_reviewed(
    offers: pl.DataFrame, *, as_of: date, demand: DemandDistribution | None, costs: Costs
) -> pl.DataFrame:
    """Chosen offers of suppliers with joint review: review periods from the costs of ordering and holding.

    Orders go to a supplier for a location; the plan's order cost is that of a line. Where ordering costs
    nothing, or nothing is expected to sell, the stated review period stays.
    """
    joint = offers.filter("joint_review")
    if joint.is_empty() or demand is None:
        return offers
    priced = offers_priced(joint, as_of=as_of, demand=demand, costs=costs)
    order_cost = pl.col("order_cost") * pl.coalesce("order_cost_rate", 1.0)
    holding = pl.col("landed") * costs.holding_rate
    priced = priced.with_columns(order_money=order_cost, holding_cost=holding).filter(
        pl.col("daily_demand") > 0, pl.col("holding_cost") > 0, pl.col("order_money") + costs.order_cost > 0
    )
    if priced.is_empty():
        return offers
    group = ["supplier_id", "location_id"]
    priced = priced.with_columns(
        group=pl.struct(group).rank("dense").cast(pl.Int64) - 1,
    )
    found = joint_orders(
        priced["group"].to_numpy(),
        priced.group_by("group").agg(pl.col("order_money").max()).sort("group")["order_money"].to_numpy(),
        np.full(priced.height, costs.order_cost),
        priced["holding_cost"].to_numpy(),
        priced["daily_demand"].to_numpy() * DAYS_PER_YEAR,
    )
    days = found.cycle[priced["group"].to_numpy()] * found.multiple * DAYS_PER_YEAR
    reviewed = priced.select(*PLACE, joint_days=pl.Series(np.clip(np.round(days), 1.0, _LONGEST_REVIEW)))
    offers = offers.join(reviewed, on=PLACE, how="left", maintain_order="left").with_columns(
        stated_review_days=pl.coalesce("joint_days", "stated_review_days")
    )
    return _on_calendar(offers.drop("joint_days"), _calendars(_suppliers(), as_of), as_of)
