"""Words and numbers of the SKU page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from inventory_site.templatetags.forestock import percent
from replenishment.words import correction_reasons

if TYPE_CHECKING:
    from replenishment.selectors import Period

register = template.Library()


@register.filter
def correction_reason(code: int | None) -> str:
    """Why demand differs from sales in a period; nothing for a code that is not said."""
    return correction_reasons().get(code, "") if code is not None else ""


@register.filter
def quantile(period: Period, level: float) -> float | None:
    """A quantile of a period's forecast."""
    return (period.quantiles or {}).get(level)


@register.filter
def more(share: float) -> str:
    """A change of demand or price with its sign, in whole percents: 0.183 is +18%."""
    whole = round(100 * share) / 100
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{percent(abs(whole))}"


@register.filter
def negated(value: float) -> float:
    """The number with the other sign."""
    return -value
