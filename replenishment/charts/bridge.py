"""The arithmetic of a suggestion as rows that add up, and as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from replenishment.models import Suggestion

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# The terms in their order; "reorder" and "need" are sums of what stands before them.
_TERMS: tuple[tuple[str, _StrPromise, int], ...] = (
    ("expected_demand", _("Expected demand over lead time + review"), 1),
    ("safety_stock", _("Safety stock"), 1),
    ("on_hand", _("On hand"), -1),
    ("on_order", _("On order"), -1),
    ("allocated", _("Allocated"), 1),
)
_COUNTED = {"on_hand", "on_order", "allocated"}
_ADJUSTMENTS: tuple[tuple[str, _StrPromise], ...] = (
    ("adj_not_due", _("Not due yet")),
    ("adj_cycle", _("Cycle stock")),
    ("adj_moq", _("Up to the MOQ")),
    ("adj_multiple", _("Up to the order multiple")),
    ("adj_max", _("Maximum stock")),
    ("adj_shelf_life", _("Shelf life")),
    ("adj_price_break", _("Up to the price break")),
    ("adj_transfer", _("Transfer instead")),
    ("adj_calm", _("Kept as before")),
    ("adj_supplier_minimum", _("Supplier's minimum")),
    ("adj_container", _("Container")),
    ("adj_budget", _("Budget")),
)


@dataclass(frozen=True)
class BridgeRow:
    """One row: a term with its sign, or (`is_total`) the sum of all terms above it.

    `amount` is exact; `shown` is rounded to a tenth, so that what is shown adds up too.
    """

    key: str
    label: str
    amount: float
    shown: Decimal
    is_total: bool = False


def bridge_of(suggestion: Suggestion) -> list[BridgeRow]:
    """The rows from expected demand to the system's quantity; empty where it could not be planned.

    Terms of 0 among the adjustments are left out: they say nothing.
    """
    if suggestion.net_need is None:
        return []
    before = [(key, str(label), sign * (getattr(suggestion, key) or 0.0)) for key, label, sign in _TERMS]
    after = [
        (key, str(label), amount)
        for key, label in _ADJUSTMENTS
        if (amount := getattr(suggestion, key) or 0.0)
    ]
    # What was counted is shown as it is. The last term that the arithmetic made takes up the rounding.
    shown = {
        key: _exact(amount) if key in _COUNTED else _tenth(amount) for key, _label, amount in before + after
    }
    total = _exact(suggestion.order_quantity)
    absorber = after[-1][0] if after else "safety_stock"
    shown[absorber] += total - sum(shown.values(), Decimal(0))
    need = sum((shown[key] for key, _label, _amount in before), Decimal(0))
    return [
        *(BridgeRow(key, label, amount, shown[key]) for key, label, amount in before),
        BridgeRow("net_need", str(_("Net need")), suggestion.net_need, need, is_total=True),
        *(BridgeRow(key, label, amount, shown[key]) for key, label, amount in after),
        BridgeRow("order_quantity", str(_("Suggested")), suggestion.order_quantity, total, is_total=True),
    ]


def _exact(value: float) -> Decimal:
    return Decimal(str(value))


def _tenth(value: float) -> Decimal:
    return _exact(value).quantize(Decimal("0.1"))


@dataclass(frozen=True)
class Bar:
    """One bar of the waterfall, in the units of the picture's own grid."""

    row: BridgeRow
    x: float
    y: float
    width: float
    height: float
    kind: str
    end: float


@dataclass(frozen=True)
class Waterfall:
    """Bars from left to right, `zero` is the height of the axis; the grid is 100 wide and 40 high."""

    bars: list[Bar]
    zero: float
    width: float = 100.0
    height: float = 40.0


def waterfall(rows: Sequence[BridgeRow]) -> Waterfall | None:
    """The bridge as a picture; None without rows."""
    if not rows:
        return None
    spans: list[tuple[float, float]] = []
    level = 0.0
    for row in rows:
        start = 0.0 if row.is_total else level
        level = row.amount if row.is_total else level + row.amount
        spans.append((start, level))
    top = max(0.0, *(max(span) for span in spans))
    bottom = min(0.0, *(min(span) for span in spans))
    scale = 36.0 / ((top - bottom) or 1.0)

    def at(value: float) -> float:
        return round(2.0 + (top - value) * scale, 3)

    step = 100.0 / len(rows)
    bars = [
        Bar(
            row=row,
            x=round(index * step + 0.12 * step, 3),
            y=min(at(start), at(end)),
            width=round(0.76 * step, 3),
            height=max(round(abs(at(start) - at(end)), 3), 0.3),
            kind="total" if row.is_total else ("up" if row.amount > 0 else "down"),
            end=at(end),
        )
        for index, (row, (start, end)) in enumerate(zip(rows, spans, strict=True))
    ]
    return Waterfall(bars=bars, zero=at(0.0))
