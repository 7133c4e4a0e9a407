"""Exchange rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import Q

from catalog.models import ExchangeRate

_ONE = Decimal(1)


def exchange_rate(*, base: str, quote: str, day: date) -> Decimal | None:
    """Units of `quote` for one of `base`: the latest rate at or before the day, None if there is none.

    Direct, else inverse, else through the home currency.
    """
    if base == quote:
        return _ONE
    pair = _pair(base, quote, day)
    home = settings.FORESTOCK_HOME_CURRENCY
    if pair is not None or home in {base, quote}:
        return pair
    first, second = _pair(base, home, day), _pair(home, quote, day)
    return first * second if first is not None and second is not None else None


def exchange_rates_frame(*, quote: str, day: date) -> dict[str, float]:
    """Units of `quote` for one of each currency that has a rate: currency code to factor."""
    pairs = ExchangeRate.objects.filter(day__lte=day).values_list("base", "quote").distinct()
    codes = {code for pair in pairs.order_by() for code in pair} | {quote}
    rates = {code: exchange_rate(base=code, quote=quote, day=day) for code in sorted(codes)}
    return {code: float(rate) for code, rate in rates.items() if rate is not None}


def _pair(base: str, quote: str, day: date) -> Decimal | None:
    found = (
        ExchangeRate.objects.filter(Q(base=base, quote=quote) | Q(base=quote, quote=base), day__lte=day)
        .order_by("-day")
        .first()
    )
    if found is None:
        return None
    return found.rate if found.base == base else _ONE / found.rate
