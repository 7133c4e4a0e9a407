"""Who could deliver a product to a location, at what cost and how soon, side by side."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from catalog import selectors as catalog
from catalog.models import Location, Product, SupplyTerms
from forecasting import selectors as forecasting
from forecasting.core.distribution import DemandDistribution
from forecasting.models import ForecastRun
from replenishment.core.lead_times_learned import Pool
from replenishment.models import PlanRun
from replenishment.selectors.offers import Costs, offers_learned, offers_priced

MOST_DELIVERIES = 200  # of a supplier that `SupplyOption.took_days` keeps


@dataclass(frozen=True)
class SupplyOption:
    """A supplier's terms, priced per unit in the home currency (all None where there is no exchange rate).

    `landed` = price (for an order of `typical_quantity`) + freight + duty; `total` = landed + holding of the
    `safety_stock`. `lead_time_days` and its deviation are as learned from `receipts` deliveries (0: as
    stated); `order_on` is the supplier's next order day, `arrives_on` when its goods would be in.
    `planned_days` and `review_days` are what a plan counts with: from its day to the receipt, and from there
    to that of the next order. `smallest` and `multiple` are in stock units, in whole purchase units.
    `took_days` are the lead times of the supplier's deliveries here, in days on which it was open, the latest
    first.
    """

    terms: SupplyTerms
    is_chosen: bool
    typical_quantity: float
    price: float | None
    freight: float | None
    duty: float | None
    landed: float | None
    safety_stock: float
    holding: float | None
    total: float | None
    lead_time_days: float
    lead_time_sd_days: float
    receipts: int
    order_on: date
    arrives_on: date
    planned_days: float
    review_days: float
    smallest: float
    multiple: float
    took_days: tuple[float, ...] = ()

    @property
    def minimum(self) -> Decimal:
        """The minimum order value: the terms' own, else the supplier's; each in its own currency."""
        return self.terms.minimum_order_value or self.terms.supplier.minimum_order_value

    @property
    def minimum_currency(self) -> str:
        """The currency of `minimum`."""
        return self.terms.currency if self.terms.minimum_order_value else self.terms.supplier.currency


@catalog.small_reads()
def supply_options(
    *, product: Product, location: Location, plan: PlanRun | None, run: ForecastRun | None
) -> list[SupplyOption]:
    """All options for a product at a location, as a plan on `run` compares them: the one to choose first.

    Compared for the costs and the service of `plan` (None: the usual ones).
    """
    as_of = run.as_of if run else catalog.today()
    learned = offers_learned(as_of=as_of, product_ids=[product.pk], pool=_pool(plan))
    stocking = location.receiving_location_id or location.pk
    here = pl.col("location_id") == stocking
    offers = learned.offers.filter(here)
    if offers.is_empty():
        return []
    took = _took(learned.deliveries.filter(here & ~pl.col("is_open")))
    priced = offers_priced(
        offers, as_of=as_of, demand=_demand(product.pk, stocking, run), costs=_costs(plan)
    ).sort(pl.col("is_chosen").not_(), "is_general", "rank", pl.col("is_comparable").not_(), "total")
    terms = SupplyTerms.objects.select_related("supplier", "location").in_bulk(priced["terms_id"].to_list())
    return [
        _option(row, terms[row["terms_id"]], as_of, took.get(row["supplier_id"], ()))
        for row in priced.iter_rows(named=True)
    ]


def _pool(plan: PlanRun | None) -> Pool | None:
    """What the plan learned lead times with; plans of earlier versions did not keep it."""
    kept = plan.report.get("lead_times") if plan else None
    return Pool(**kept) if kept else None


def _took(deliveries: pl.DataFrame) -> dict[int, tuple[float, ...]]:
    """Lead times by supplier, the latest first."""
    days: dict[int, list[float]] = defaultdict(list)
    latest = deliveries.sort("received_on", "order_id", descending=True)
    for supplier_id, took in latest.select("supplier_id", "took_days").iter_rows():
        days[supplier_id].append(took)
    return {supplier_id: tuple(found[:MOST_DELIVERIES]) for supplier_id, found in days.items()}


def _option(
    row: dict[str, object], terms: SupplyTerms, as_of: date, took_days: tuple[float, ...]
) -> SupplyOption:
    def number(name: str) -> float:
        return float(str(row[name]))

    def money(name: str) -> float | None:
        return number(name) if row["is_known"] else None

    order_on = row["order_on"]
    assert isinstance(order_on, date)  # noqa: S101
    return SupplyOption(
        terms=terms,
        is_chosen=bool(row["is_chosen"]),
        typical_quantity=number("typical_quantity"),
        price=money("price"),
        freight=money("freight"),
        duty=money("duty"),
        landed=money("landed"),
        safety_stock=number("safety_stock"),
        holding=money("holding"),
        total=money("total"),
        lead_time_days=number("learned_days"),
        lead_time_sd_days=number("lead_time_sd_days"),
        receipts=int(number("lead_time_receipts")),
        order_on=order_on,
        arrives_on=as_of + timedelta(days=math.ceil(number("lead_time_days"))),
        took_days=took_days,
        planned_days=number("lead_time_days"),
        review_days=number("review_days"),
        smallest=number("moq"),
        multiple=number("order_multiple"),
    )


def _demand(product_id: int, location_id: int, run: ForecastRun | None) -> DemandDistribution | None:
    if run is None or run.pruned_at is not None or run.state != ForecastRun.State.DONE:
        return None
    try:
        return forecasting.distribution_read(
            run_id=run.pk, product_ids=[product_id], location_ids=[location_id]
        )
    except ValueError:
        return None


def _costs(plan: PlanRun | None) -> Costs:
    usual = Costs()
    spec = plan.spec if plan else {}
    return Costs(
        holding_rate=float(spec.get("holding_rate", usual.holding_rate)),
        order_cost=float(spec.get("order_cost", usual.order_cost)),
        target=float(spec.get("target", usual.target)),
    )
