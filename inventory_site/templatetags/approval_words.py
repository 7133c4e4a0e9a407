"""Words for what an approver is told about an order's lines."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from inventory_site.templatetags.forestock import number, percent, quantity, unit_cost_short
from replenishment.selectors import Unusual

register = template.Library()

_DAYS_A_MONTH = 30.4375
_MONTHS_A_YEAR = 12


@register.filter
def unusual_words(found: Unusual, currency: str) -> str:
    """Why a line deserves a look, in a short sentence."""
    if found.kind == "first":
        return _("First order of this item")
    if found.kind == "no-demand":
        return _("No demand is expected")
    if found.kind == "cover":
        months = found.value / _DAYS_A_MONTH
        if months >= 2 * _MONTHS_A_YEAR:
            return _("Covers %(years)s years") % {"years": number(months / _MONTHS_A_YEAR, 0)}
        return _("Covers %(months)s months") % {"months": number(months, 0)}
    if found.kind == "quantity":
        return _("Usually %(usual)s are ordered") % {"usual": quantity(found.usual)}
    if found.kind == "price":
        change = percent(abs(found.value / found.usual - 1), 0)
        values = {"change": change, "last": unit_cost_short(found.usual, currency)}
        if found.value > found.usual:
            return _("%(change)s dearer than last time (%(last)s)") % values
        return _("%(change)s cheaper than last time (%(last)s)") % values
    if not found.usual:
        return _("The system orders none")
    share = percent(abs(found.value / found.usual - 1), 0)
    if found.value > found.usual:
        return _("%(share)s more than the system orders") % {"share": share}
    return _("%(share)s less than the system orders") % {"share": share}
