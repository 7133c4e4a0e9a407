"""Words and numbers of the SKU page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

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
def negated(value: float) -> float:
    """The number with the other sign."""
    return -value
