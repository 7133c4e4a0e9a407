"""Quantities as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from replenishment.services.costs import LARGEST_QUANTITY, QUANTITY_STEP
from replenishment.services.errors import SuggestionError


def quantity_read(text: str) -> Decimal | None:
    """The units that a text says, to a thousandth; None for an empty one.

    '12,5' is twelve and a half; '1,200' could mean two things: SuggestionError, as for what is no number, or
    below 0, or too large.
    """
    text = "".join(text.split())
    if not text:
        return None
    head, comma, tail = text.rpartition(",")
    if comma:
        if "," in head or "." in text or len(tail) == 3:
            raise SuggestionError(_("Write the number without thousands separators."))
        text = f"{head}.{tail}"
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise SuggestionError(_("The quantity must be a number, 0 or more.")) from None
    if not number.is_finite() or number < 0:
        raise SuggestionError(_("The quantity must be a number, 0 or more."))
    if number > LARGEST_QUANTITY:
        raise SuggestionError(_("The quantity is too large."))
    return number.quantize(QUANTITY_STEP)
