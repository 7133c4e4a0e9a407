"""What is unusual about an order line, against earlier orders, expected demand and the system's number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from replenishment.models import PurchaseOrder, PurchaseOrderLine

_ORDERS_LOOKED_AT = 8
_ORDERS_FOR_USUAL = 3
_FAR_FROM_USUAL = 2.0
_PRICE_JUMP = 0.10
_EDITED_MUCH = 0.5
LONG_COVER_DAYS = 183


@dataclass(frozen=True)
class Unusual:
    """Why a line deserves a look: `quantity`, `price`, `cover`, `no-demand`, `edited` or `first`.

    `value` is the line's own number, `usual` what it is held against: units, a unit cost, or days.
    """

    kind: str
    value: float = 0.0
    usual: float = 0.0


FIRST = Unusual("first")


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What of a line is looked at: units, the unit cost, and the stock and demand of its suggestion."""

    product_id: int
    quantity: float
    unit_cost: float
    suggested: float | None
    on_hand: float | None
    on_order: float | None
    allocated: float | None
    daily_demand: float | None


# Of an earlier purchase: location, supplier, units, unit cost, currency.
Past = tuple[int, int | None, float, float, str]


def line_facts(line: PurchaseOrderLine) -> LineFacts:
    """Of a line whose suggestion is fetched."""
    row = line.suggestion
    return LineFacts(
        product_id=line.product_id,
        quantity=float(line.quantity),
        unit_cost=float(line.unit_cost),
        suggested=None if line.suggested_quantity is None else float(line.suggested_quantity),
        on_hand=row.on_hand if row is not None else None,
        on_order=row.on_order if row is not None else None,
        allocated=row.allocated if row is not None else None,
        daily_demand=row.daily_demand if row is not None else None,
    )


def purchases_past(products: set[int]) -> Mapping[int, list[Past]]:
    """The last approved purchases of each product for each location, newest first.

    What waits for approval says nothing about what is usual.
    """
    rows = (
        PurchaseOrderLine.objects.filter(
            product_id__in=products,
            order__state__in=PurchaseOrder.SETTLED_STATES,
            order__kind=PurchaseOrder.Kind.PURCHASE,
        )
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=[F("product_id"), F("order__location_id")],
                order_by=F("order_id").desc(),
            )
        )
        .filter(place__lte=_ORDERS_LOOKED_AT)
        .order_by("-order_id")
        .values_list(
            "product_id",
            "order__location_id",
            "order__supplier_id",
            "quantity",
            "unit_cost",
            "order__currency",
        )
    )
    found: dict[int, list[Past]] = defaultdict(list)
    for product, location, supplier, quantity, cost, currency in rows:
        found[product].append((location, supplier, float(quantity), float(cost), currency))
    return found


def line_unusual(order: PurchaseOrder, line: LineFacts, past: Sequence[Past]) -> list[Unusual]:
    """All that is unusual about a line of an order; `past`: earlier purchases of its product."""
    found = []
    if order.kind == PurchaseOrder.Kind.PURCHASE:
        if not past:
            found.append(FIRST)
        here = [units for place, _supplier, units, _cost, _currency in past if place == order.location_id]
        usual = median(here) if len(here) >= _ORDERS_FOR_USUAL else 0.0
        if usual and not usual / _FAR_FROM_USUAL < line.quantity < usual * _FAR_FROM_USUAL:
            found.append(Unusual("quantity", line.quantity, usual))
        last = (
            cost
            for _place, supplier, _units, cost, currency in past
            if supplier == order.supplier_id and currency == order.currency
        )
        paid = next(last, 0.0)
        if paid and abs(line.unit_cost / paid - 1) > _PRICE_JUMP - 1e-9:
            found.append(Unusual("price", line.unit_cost, paid))
    if line.on_hand is not None and line.daily_demand is not None:
        stock = line.on_hand + (line.on_order or 0.0) - (line.allocated or 0.0) + line.quantity
        if line.daily_demand <= 0:
            found.append(Unusual("no-demand"))
        elif stock / line.daily_demand > LONG_COVER_DAYS:
            found.append(Unusual("cover", stock / line.daily_demand, LONG_COVER_DAYS))
    if line.suggested is not None and abs(line.quantity - line.suggested) > _EDITED_MUCH * line.suggested:
        found.append(Unusual("edited", line.quantity, line.suggested))
    return found


def order_unusual(
    order: PurchaseOrder, lines: Sequence[LineFacts], past: Mapping[int, Sequence[Past]]
) -> tuple[list[list[Unusual]], bool]:
    """What is unusual of each line, and whether no item was ever ordered: then no single line says so."""
    found = [line_unusual(order, line, past.get(line.product_id, ())) for line in lines]
    is_first = bool(found) and all(FIRST in row for row in found)
    return [[one for one in row if one != FIRST] for row in found] if is_first else found, is_first
