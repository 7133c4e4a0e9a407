"""How far an order is towards its supplier's minimums, and how it fills containers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from catalog import selectors as catalog
from catalog.models import Supplier
from replenishment.models import PurchaseOrder, PurchaseOrderLine

# Units of a currency for one of another on a day, None where no rate is known.
Rate = Callable[..., Decimal | None]


@dataclass(frozen=True)
class Progress:
    """A minimum (`kind` value, weight or volume) and what the order `has` of it; money is the order's.

    `unknown` lines have no weight or volume: the order holds more than `has` says.
    """

    kind: str
    minimum: Decimal
    has: Decimal
    unknown: int

    @property
    def is_reached(self) -> bool:
        """Whether what is known is enough."""
        return self.has >= self.minimum


@dataclass(frozen=True)
class ContainerLoad:
    """Containers that the order takes, by weight or by volume, whichever is more; None: not known."""

    containers: float | None
    unknown: int

    @property
    def number(self) -> int:
        """Containers, the last one perhaps partly full."""
        return math.ceil((self.containers or 0.0) - 1e-9)

    @property
    def last_share(self) -> float:
        """How full the last one is, 0 to 1."""
        return (self.containers or 0.0) - max(self.number - 1, 0)


@dataclass(frozen=True, slots=True)
class LineSize:
    """What of an order line counts towards minimums and containers; money in the order's currency.

    `asked` is the minimum value that the line's own terms ask of an order (0: none of its own).
    """

    quantity: Decimal
    value: Decimal
    unit_weight: Decimal | None
    unit_volume: Decimal | None
    asked: Decimal


@dataclass(frozen=True)
class OrderRules:
    """What the supplier asks of an order, and how the order stands to it."""

    progress: Sequence[Progress]
    load: ContainerLoad | None


def order_rules(*, order: PurchaseOrder, lines: Sequence[PurchaseOrderLine]) -> OrderRules:
    """Minimums and containers of an order with these lines (products and suggestions with terms fetched)."""
    sizes = []
    for line in lines:
        terms = line.suggestion.terms if line.suggestion is not None else None
        is_own = terms is not None and terms.currency == order.currency
        sizes.append(
            LineSize(
                quantity=line.quantity,
                value=line.value,
                unit_weight=line.product.unit_weight,
                unit_volume=line.product.unit_volume,
                asked=terms.minimum_order_value if terms is not None and is_own else Decimal(0),
            )
        )
    return rules_of(order=order, sizes=sizes)


def rules_of(
    *, order: PurchaseOrder, sizes: Sequence[LineSize], rate: Rate = catalog.exchange_rate
) -> OrderRules:
    """Minimums and containers of an order with lines of these sizes.

    The minimum value is the highest that a line asks: of its terms, else of the supplier (0 without a rate).
    `rate`: where exchange rates come from, for whoever asks for many orders.
    """
    supplier = order.supplier
    if supplier is None:
        return OrderRules((), None)
    weight, no_weight = _total(sizes, "unit_weight")
    volume, no_volume = _total(sizes, "unit_volume")
    value = sum((size.value for size in sizes), Decimal(0))
    found = [
        Progress("value", _minimum_value(order, sizes, supplier, rate), value, 0),
        Progress("weight", supplier.minimum_order_weight, weight, no_weight),
        Progress("volume", supplier.minimum_order_volume, volume, no_volume),
    ]
    limits = [
        (limit, has, unknown)
        for limit, has, unknown in (
            (supplier.container_weight, weight, no_weight),
            (supplier.container_volume, volume, no_volume),
        )
        if limit > 0
    ]
    load = None
    if limits:
        unknown = max(lines_unknown for _limit, _has, lines_unknown in limits)
        most = max(float(has / limit) for limit, has, _unknown in limits)
        load = ContainerLoad(None if unknown else most, unknown)
    return OrderRules([row for row in found if row.minimum > 0], load)


def _total(sizes: Sequence[LineSize], name: str) -> tuple[Decimal, int]:
    """Units times a property of the product, and how many lines lack it."""
    known = [line.quantity * size for line in sizes if (size := getattr(line, name)) is not None]
    return sum(known, Decimal(0)), len(sizes) - len(known)


def _minimum_value(
    order: PurchaseOrder, sizes: Sequence[LineSize], supplier: Supplier, rate: Rate
) -> Decimal:
    """In the order's currency: each line's terms may name their own."""
    asked = Decimal(0)
    if supplier.minimum_order_value:
        factor = rate(base=supplier.currency, quote=order.currency, day=catalog.today())
        asked = supplier.minimum_order_value * (factor or Decimal(0))
    return max((size.asked or asked for size in sizes), default=asked)
