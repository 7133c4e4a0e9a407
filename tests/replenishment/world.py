"""A small shop for the tests of orders: plans, suggestions and orders without running the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from catalog.models import Job, Location, Supplier
from forecasting.models import ForecastRun
from replenishment import services
from replenishment.models import PlanRun, PurchaseOrder, Suggestion
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
    return Suggestion.objects.create(
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
            "home_value": 60.0,
            "reason": "order",
        }
        | values
    )


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
