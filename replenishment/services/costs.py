"""What an order costs: price breaks, and values in the home currency."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from catalog import selectors as catalog
from catalog.models import SupplyTerms
from replenishment.models import PurchaseOrder, PurchaseOrderLine
from replenishment.services.errors import OrderError

QUANTITY_STEP = Decimal("0.001")
LARGEST_QUANTITY = Decimal(10**9)
_COST_STEP = Decimal("0.0001")
_CENT = Decimal("0.01")
_LARGEST_VALUE = Decimal(10**14)


def unit_cost_at(*, terms: SupplyTerms, quantity: Decimal) -> Decimal:
    """The cost of one unit when so many (above 0) are ordered, by the terms' price breaks.

    All units take the price of the highest break reached; with incremental breaks only those past it, and
    this is the average. `core.price_breaks` is the same for plans.
    """
    breaks = sorted((Decimal(str(start)), Decimal(str(cost))) for start, cost in terms.price_breaks)
    reached = [(Decimal(0), terms.unit_cost), *(pair for pair in breaks if pair[0] <= quantity)]
    if terms.price_break_kind != SupplyTerms.PriceBreakKind.INCREMENTAL:
        return reached[-1][1].quantize(_COST_STEP)
    ends = [start for start, _cost in reached[1:]] + [quantity]
    total = sum(((end - start) * cost for (start, cost), end in zip(reached, ends, strict=True)), Decimal(0))
    return (total / quantity).quantize(_COST_STEP)


def lines_home_value(lines: Iterable[PurchaseOrderLine], *, currency: str) -> Decimal | None:
    """What the lines are worth in the home currency at today's rate; None where no rate is known."""
    return lines_value_at(lines, rate=home_rate(currency))


def home_rate(currency: str) -> Decimal | None:
    """What one unit of the currency is worth in the home currency today; None where no rate is known."""
    home = settings.FORESTOCK_HOME_CURRENCY
    return catalog.exchange_rate(base=currency, quote=home, day=catalog.today())


def lines_value_at(lines: Iterable[PurchaseOrderLine], *, rate: Decimal | None) -> Decimal | None:
    """What the lines are worth at a rate; None without one. OrderError above what can be recorded."""
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
