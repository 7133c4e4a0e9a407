"""A suggestion's supplier and costs: the plan's, and what another supplier's terms make of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings

from catalog import selectors as catalog
from catalog.models import SupplyTerms
from replenishment.models import Suggestion
from replenishment.services.costs import unit_cost_at
from replenishment.services.suggestion_changes import SUPPLY

Supply = dict[str, Any]


def supply_planned(row: Suggestion) -> Supply:
    """What the plan bought it with, as `Suggestion.planned_with` keeps it: SUPPLY, and the supplier's name.

    Money of a unit is text, as it is in the database to the last digit.
    """
    if row.planned_with is not None:
        return dict(row.planned_with)
    kept = {name: getattr(row, name) for name in SUPPLY}
    cost = kept["unit_cost"]
    return kept | {
        "unit_cost": None if cost is None else str(cost),
        "supplier": row.supplier.name if row.supplier is not None else "",
    }


def supply_of(terms: SupplyTerms, *, row: Suggestion, quantity: float, lead_time_days: float) -> Supply:
    """SUPPLY on these terms for an order of so many units, at the exchange rate of the plan's day."""
    cost = terms.unit_cost
    if quantity > 0:
        cost = unit_cost_at(terms=terms, quantity=Decimal(str(round(quantity, 3))))
    home = settings.FORESTOCK_HOME_CURRENCY
    rate = catalog.exchange_rate(base=terms.currency, quote=home, day=row.plan_run.as_of)
    landed = float(cost) * (1 + terms.duty_rate) + float(terms.freight_cost)
    return {
        "supplier_id": terms.supplier_id,
        "terms_id": terms.pk,
        "unit_cost": cost,
        "currency": terms.currency,
        "home_unit_cost": None if rate is None else float(cost * rate),
        "landed_cost": None if rate is None else round(landed * float(rate), 4),
        "lead_time_days": lead_time_days,
    }


def supply_restored(planned: Supply) -> Supply:
    """SUPPLY of what `supply_planned` kept."""
    cost = planned["unit_cost"]
    return {name: planned[name] for name in SUPPLY} | {"unit_cost": None if cost is None else Decimal(cost)}
