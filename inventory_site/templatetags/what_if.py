"""Numbers before and after a change, and their difference, by what kind of number it is."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.utils.translation import gettext as _

from inventory_site.templatetags.forestock import money_short, number, percent, quantity
from inventory_site.templatetags.replenishment_words import skip_reason

register = template.Library()
# Less than this is no difference.
_NOTHING = {"share": 0.0005, "money": 0.005, "units": 0.0005}
_EXCEPTION = "exception: "


@register.filter
def what_if_number(value: Any, kind: str) -> str:
    """A `share`, `money` of the home currency, or `units`."""
    if kind == "share":
        return percent(value, 1)
    return money_short(value, settings.FORESTOCK_HOME_CURRENCY) if kind == "money" else quantity(value)


@register.filter
def what_if_difference(value: Any, kind: str) -> str:
    """The same with a sign, shares in percentage points; a dash where nothing changes."""
    if value is None or value != value or abs(value) < _NOTHING[kind]:
        return "–"
    size = abs(value)
    text = _("%s points") % number(size * 100, 1) if kind == "share" else what_if_number(size, kind)
    return f"{'+' if value > 0 else '−'}{text}"


@register.filter
def left_out_reason(reason: str) -> str:
    """Why a row could not be reckoned with, in words."""
    return skip_reason(reason.removeprefix(_EXCEPTION))
