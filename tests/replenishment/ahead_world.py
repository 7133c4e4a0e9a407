"""Planned items with open orders, for the tests of dates and proposed actions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from catalog.models import Location, PriceRecord, Product, Supplier
from replenishment.models import PlanAction, PlanRun, PurchaseOrder, PurchaseOrderLine
from tests.cast import make_location, make_product, make_supplier, make_terms, make_user
from tests.replenishment.world import AS_OF, make_forecast, make_plan, make_stock, run_plan


def make_item(place: Location, *, on_hand: float = 20, price: float = 4.0, **terms: Any) -> Product:
    """A product at 2.50 a unit, with stock, a price, and terms of a week's lead time."""
    product = make_product(**terms.pop("product", {}))
    make_terms(product=product, **{"lead_time_days": 7.0} | terms)
    make_stock(product, place, on_hand)
    PriceRecord.objects.create(product=product, location=place, day=AS_OF, price=price)
    return product


def make_open_order(
    place: Location,
    lines: dict[Product, float],
    *,
    expected_on: date | None,
    state: str = "sent",
    supplier: Supplier | None = None,
    by: User | None = None,
    **values: Any,
) -> PurchaseOrder:
    """An order of these units at 2.50 each."""
    by = by or make_user(f"maker-{PurchaseOrder.objects.count()}")
    order = PurchaseOrder.objects.create(
        **{
            "number": f"OPEN-{PurchaseOrder.objects.count() + 1}",
            "supplier": supplier or make_supplier(),
            "location": place,
            "currency": "USD",
            "state": state,
            "expected_on": expected_on,
            "created_by": by,
        }
        | values
    )
    PurchaseOrderLine.objects.bulk_create(
        PurchaseOrderLine(
            order=order, product=product, quantity=Decimal(str(units)), unit_cost=Decimal("2.5")
        )
        for product, units in lines.items()
    )
    return order


def plan_of(rates: dict[Product, float], place: Location, **spec: Any) -> PlanRun:
    """A plan of weekly demand at these rates, to its end."""
    return run_plan(make_forecast({(product, place): rate for product, rate in rates.items()}), **spec)


def make_action(plan: PlanRun | None = None, **values: Any) -> PlanAction:
    """An open return of 10 units that saves 50."""
    product = values.pop("product", None) or make_product()
    return PlanAction.objects.create(
        **{
            "plan_run": plan or make_plan(),
            "product": product,
            "location": values.pop("location", None) or make_location(),
            "kind": "return",
            "quantity": 10.0,
            "saving": 50.0,
            "cost": 2.5,
            "act_by": AS_OF,
        }
        | values
    )
