"""What an order costs: price breaks, and values in the home currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from replenishment.models import PurchaseOrder, PurchaseOrderLine
from replenishment.services.errors import OrderError

QUANTITY_STEP = Decimal("0.001")
LARGEST_QUANTITY = Decimal(10**9)
_COST_STEP = Decimal("0.0001")
_CENT = Decimal("0.01")
_LARGEST_VALUE = Decimal(10**14)


def unit_cost_at(*, unit_cost: Decimal, price_breaks: Sequence[Sequence[Any]], quantity: Decimal) -> Decimal:
    """The cost of one unit when so many are ordered: that of the highest break reached, else `unit_cost`.

    `price_breaks` is a list of [from quantity, unit cost]; all units take the price of the break reached.
    """
    reached = [
        (Decimal(str(start)), Decimal(str(cost)).quantize(_COST_STEP))
        for start, cost in price_breaks
        if Decimal(str(start)) <= quantity
    ]
    return max(reached)[1] if reached else unit_cost


def lines_home_value(lines: Iterable[PurchaseOrderLine], *, currency: str) -> Decimal | None:
    """What the lines are worth in the home currency at today's rate; None where no rate is known."""
    home = settings.FORESTOCK_HOME_CURRENCY
    rate = catalog.exchange_rate(base=currency, quote=home, day=catalog.today())
    if rate is None:
        return None
    value = (sum((line.value for line in lines), Decimal(0)) * rate).quantize(_CENT)
    if value >= _LARGEST_VALUE:
        raise OrderError(_("The order is worth more than can be recorded."))
    return value


def order_home_value(order: PurchaseOrder) -> Decimal | None:
    """What the order's stored lines are worth in the home currency at today's rate; None without a rate."""
    return lines_home_value(order.lines.all(), currency=order.currency)


def quantity_clean(quantity: Decimal | float) -> Decimal:
    """The quantity of an order line, to a thousandth of a unit; OrderError unless it is above 0 and sane."""
    number = Decimal(str(quantity))
    if not number.is_finite() or number <= 0:
        raise OrderError(_("The quantity must be above 0."))
    if number > LARGEST_QUANTITY:
        raise OrderError(_("The quantity is too large."))
    number = number.quantize(QUANTITY_STEP)
    if number <= 0:
        raise OrderError(_("The quantity must be above 0."))
    return number
