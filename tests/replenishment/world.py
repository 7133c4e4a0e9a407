"""A small shop for the tests of orders: plans, suggestions and orders without running the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.utils import timezone
from scipy.stats import gamma

from catalog.models import Job, Location, Product, StockLevel, Supplier
from forecasting.core.distribution import QUANTILES, DemandDistribution
from forecasting.models import ForecastRun
from forecasting.services.store import distributions_store
from replenishment import services
from replenishment.models import PlanRun, PurchaseOrder, Suggestion
from replenishment.services.plan_sums import sums_store
from tests.cast import make_location, make_product, make_supplier, make_terms

AS_OF = date(2024, 3, 3)


def make_forecast_run(**values: Any) -> ForecastRun:
    return ForecastRun.objects.create(
        **{
            "as_of": AS_OF,
            "known_at": timezone.now(),
            "state": Job.State.DONE,
            "spec": {"freq": "W", "horizon": 13},
        }
        | values
    )


def make_plan(**values: Any) -> PlanRun:
    values = {"as_of": AS_OF, "state": Job.State.DONE} | values
    values["forecast_run"] = values.get("forecast_run") or make_forecast_run(as_of=values["as_of"])
    return PlanRun.objects.create(**values)


def make_suggestion(plan: PlanRun, **values: Any) -> Suggestion:
    """An open suggestion of 24 units at 2.50, with terms of its own supplier unless one is named."""
    supplier: Supplier | None = values.pop("supplier", None)
    terms_values: dict[str, Any] = values.pop("terms_values", {})
    product = values.pop("product", None) or make_product()
    terms = make_terms(product=product, supplier=supplier, **terms_values)
    rate = 1.0 if terms.currency == "USD" else None
    suggestion = Suggestion.objects.create(
        **{
            "plan_run": plan,
            "product": product,
            "location": values.pop("location", None) or make_location(),
            "supplier": terms.supplier,
            "terms": terms,
            "order_quantity": 24.0,
            "on_hand": 3.0,
            "unit_cost": terms.unit_cost,
            "currency": terms.currency,
            "lead_time_days": 9.0,
            "home_unit_cost": rate and rate * float(terms.unit_cost),
            "home_value": 60.0,
            "reason": "order",
        }
        | values
    )
    sums_store(plan)
    return suggestion


def make_order(by: User, *, count: int = 2, state: str = "draft", **values: Any) -> PurchaseOrder:
    """An order drafted by the service from `count` suggestions of 24 units; `state` is then set by force."""
    plan = make_plan()
    supplier, location = make_supplier(), make_location()
    suggestions = [
        make_suggestion(plan, supplier=supplier, location=location, **values) for _ in range(count)
    ]
    [order] = services.drafts_create(suggestion_ids=[s.pk for s in suggestions], acting_user=by)
    if state != "draft":
        PurchaseOrder.objects.filter(pk=order.pk).update(state=state, submitted_by=by)
        order.refresh_from_db()
    return order


def line_quantities(order: PurchaseOrder) -> list[Decimal]:
    return list(order.lines.order_by("pk").values_list("quantity", flat=True))


def later(days: int) -> date:
    return AS_OF + timedelta(days=days)


def make_world(count: int) -> tuple[Sequence[Suggestion], Supplier, Location]:
    """`count` suggestions of one plan, from one supplier for one location."""
    plan, supplier, location = make_plan(), make_supplier(), make_location()
    return (
        [make_suggestion(plan, supplier=supplier, location=location) for _ in range(count)],
        supplier,
        location,
    )


def make_forecast(
    rates: Mapping[tuple[Product, Location], float],
    *,
    as_of: date = AS_OF,
    freq: str = "W",
    horizon: int = 13,
) -> ForecastRun:
    """A finished forecast run: gamma demand with so many units a period, and twice that as variance."""
    run = make_forecast_run(as_of=as_of, spec={"freq": freq, "horizon": horizon}, series=len(rates))
    mean = np.repeat(np.array(list(rates.values()), dtype=np.float64)[:, None], horizon, axis=1)
    levels = np.array(QUANTILES)

    def quantiles(expected: Any) -> Any:
        values = gamma.ppf(levels, expected[:, :, None] / 2, scale=2)
        return np.where(expected[:, :, None] > 0, values, 0.0)

    days = {"D": 1, "W": 7, "M": 30}[freq]  # (of months only their number is ever read)
    demand = DemandDistribution(
        unique_id=[f"{product.pk}@{location.pk}" for product, location in rates],
        as_of=as_of,
        freq=freq,  # type: ignore[arg-type]
        ds=np.array([as_of + timedelta(days=days * (h + 1)) for h in range(horizon)], dtype="datetime64[D]"),
        mean=mean,
        quantiles=quantiles(mean),
        cum_quantiles=quantiles(np.cumsum(mean, axis=1)),
    )
    distributions_store(
        run_id=run.pk,
        product_ids=np.array([product.pk for product, _ in rates]),
        location_ids=np.array([location.pk for _, location in rates]),
        models=["linear"] * len(rates),
        segments=["smooth"] * len(rates),
        patterns=["smooth"] * len(rates),
        distribution=demand,
    )
    return run


def make_stock(product: Product, location: Location, on_hand: float, **values: Any) -> StockLevel:
    return StockLevel.objects.create(
        **{"product": product, "location": location, "day": AS_OF, "on_hand": on_hand} | values
    )


def run_plan(run: ForecastRun, **spec: Any) -> PlanRun:
    """Plan from the run, to its end."""
    plan = services.plan_create(acting_user=None, forecast_run=run, spec=services.PlanSpec(**spec))
    plan = services.plan_execute(plan_id=plan.pk)
    assert plan.state == Job.State.DONE, plan.error
    return plan


def make_item(place: Location, *, on_hand: float | None = 5, rate: float = 20, **terms: Any) -> Product:
    product = make_product()
    make_terms(product=product, **{"order_multiple": 6, "moq": 12, "lead_time_days": 7.0} | terms)
    if on_hand is not None:
        make_stock(product, place, on_hand)
    return product


def only(plan: PlanRun) -> Suggestion:
    return plan.suggestions.get()


def assert_adds_up(row: Suggestion) -> None:
    """Contract 3, exactly: no tolerance."""
    if row.net_need is None:
        assert row.order_quantity == 0
        return
    assert row.expected_demand is not None
    assert row.safety_stock is not None
    assert row.on_hand is not None
    need = row.expected_demand + row.safety_stock - row.on_hand - row.on_order + row.allocated
    assert need == row.net_need
    total = row.net_need
    for term in Suggestion.TERMS:
        total += getattr(row, term)
    assert total == row.order_quantity
    if row.order_quantity > 0:
        assert "not_due" not in row.reason.split("; ")
    if row.previous_quantity is not None:
        total = row.previous_quantity
        for term in Suggestion.CHANGES:
            total += getattr(row, term)
        assert total == row.order_quantity
