"""Numbers, money, quantities, dates and icons, as the reader's language writes them.

    {% load forestock %}
    {{ line.quantity|quantity }}  {{ share|percent }}  {{ score|number:3 }}  {{ value|money:"EUR" }}
    {{ value|money_short:currency }}  {{ day|day }}  {{ at|moment }}  {{ at|age }}  {% icon "search" %}

A value that is not there (None, or no finite number) reads as a dash.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_compact_currency, format_compact_decimal, format_currency, format_decimal
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from inventory_site.readers import reader_locale
from inventory_site.templatetags.icons import PATHS

register = template.Library()

MISSING = "–"
# Further apart, a day and a month alone could mislead.
_SAME_SEASON_DAYS = 300


def locale_now() -> Locale:
    """The reader's, for Babel."""
    return reader_locale()


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None


def _shown(number: Decimal, places: int) -> Decimal:
    """Rounded half up, and never minus zero."""
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP")
    return rounded if rounded else abs(rounded)


@lru_cache(maxsize=8192)
def _decimal_text(value: Decimal, pattern: str, locale: Locale) -> str:
    """A page of a long list formats a thousand numbers, most of them small and many the same."""
    return _minus(str(format_decimal(value, format=pattern, locale=locale)))


def _minus(text: str) -> str:
    """With a minus sign where there is a hyphen: as wide as a plus, and never broken off its number."""
    return text.replace("-", "−", 1)


@register.filter
def number(value: Any, places: int = 0) -> str:
    """A number with exactly so many decimal places."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return _decimal_text(_shown(parsed, places), pattern, locale_now())


@register.filter
def quantity(value: Any) -> str:
    """Units: whole ones without decimals; others with one, or with two below one."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    places = 1 if abs(parsed) >= 1 else 2  # whole numbers show none: the pattern drops zeros
    return _decimal_text(_shown(parsed, places), "#,##0.##", locale_now())


@register.filter
def exact(value: Any) -> str:
    """Units with all of their decimals, so that what is shown adds up to the last digit."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    return _minus(str(format_decimal(parsed, format="#,##0.##########", locale=locale_now())))


@register.filter
def signed(value: Any) -> str:
    """Units with a sign, all decimals: a term of a sum."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    text = exact(abs(parsed))
    if parsed == 0:
        return text
    return f"{'+' if parsed > 0 else '−'}{text}"


@register.filter
def signed_quantity(value: Any) -> str:
    """Units with a sign, rounded as `quantity` does: a change to read in passing."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    text = quantity(abs(parsed))
    if text == quantity(0):
        return text
    return f"{'+' if parsed > 0 else '−'}{text}"


@register.filter
def plain(value: Any) -> str:
    """A number for a form field's value: a point, no grouping, no trailing zeros."""
    parsed = _decimal(value)
    if parsed is None:
        return ""
    text = format(parsed, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def compact(value: Any) -> str:
    """A large number in short: 12.3K."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    if abs(parsed) < 1000:
        return quantity(parsed)
    text = str(format_compact_decimal(parsed, fraction_digits=1, locale=locale_now()))
    # (Chinese has no short form below ten thousand, and Babel then leaves the grouping out.)
    return number(parsed) if text.lstrip("-").isdigit() else _minus(text)


@register.filter
def percent(value: Any, places: int = 0) -> str:
    """A share as a percentage: 0.953 is 95%."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    return f"{number(parsed * 100, places)}%"


@register.filter
def money(value: Any, currency: str = "") -> str:
    """An amount with its cents in a currency (ISO 4217)."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    if not currency:
        return number(parsed, 2)
    return _minus(str(format_currency(parsed, currency, locale=locale_now())))


@register.filter
def unit_cost(value: Any, currency: str = "") -> str:
    """A cost per unit: cents, and their fractions where there are some."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    places = 2 if parsed == parsed.quantize(Decimal("0.01")) else 4
    shown = number(parsed, places)
    return f"{shown} {currency}" if currency else shown


@register.filter
def unit_cost_short(value: Any, currency: str = "") -> str:
    """A cost per unit in cents, to read in passing; below ten cents with their fractions."""
    parsed = _decimal(value)
    if parsed is not None and abs(parsed) >= Decimal("0.1"):
        parsed = _shown(parsed, 2)
    return unit_cost(parsed, currency)


@register.filter
def money_short(value: Any, currency: str = "") -> str:
    """An amount for figures and tables: cents below a hundred (not of zero), from a million on in short."""
    parsed = _decimal(value)
    if parsed is None:
        return MISSING
    if abs(parsed) >= 1_000_000:
        text = format_compact_currency(parsed, currency or "USD", fraction_digits=2, locale=locale_now())
        return _minus(str(text))
    if abs(parsed) < 100 and _shown(parsed, 2):
        return money(parsed, currency)
    if not currency:
        return number(parsed, 0)
    return _whole_money(_shown(parsed, 0), currency, locale_now())


@lru_cache(maxsize=8192)
def _whole_money(amount: Decimal, currency: str, locale: Locale) -> str:
    """By the locale's currency pattern without its decimals."""
    pattern = str(locale.currency_formats["standard"].pattern).replace(".00", "")
    text = format_currency(
        amount, currency, locale=locale, currency_digits=False, decimal_quantization=True, format=pattern
    )
    return _minus(str(text))


@register.filter
def day(value: date | datetime | None) -> str:
    """A date, in words where the language does so: 24 Dec 2026."""
    if not isinstance(value, date):
        return MISSING
    if isinstance(value, datetime):
        value = timezone.localtime(value) if timezone.is_aware(value) else value
    return str(format_date(value, format="medium", locale=locale_now()))


@register.filter
def day_short(value: date | datetime | None, near: date | None = None) -> str:
    """A date without its year where it lies within months of `near` (default: the clock's day)."""
    if not isinstance(value, date):
        return MISSING
    if isinstance(value, datetime):
        value = timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    anchor = near if isinstance(near, date) else timezone.localdate()
    locale = locale_now()
    if abs(value.toordinal() - anchor.toordinal()) > _SAME_SEASON_DAYS:
        return str(format_date(value, format="medium", locale=locale))
    return str(format_date(value, format=_month_day_pattern(locale), locale=locale))


@lru_cache(maxsize=16)
def _month_day_pattern(locale: Locale) -> str:
    return str(locale.datetime_skeletons["MMMd"].pattern)


@register.filter
def month(value: date | None) -> str:
    """A month and its year: Dec 2026."""
    if not isinstance(value, date):
        return MISSING
    locale = locale_now()
    return str(format_date(value, format=str(locale.datetime_skeletons["yMMM"].pattern), locale=locale))


@register.filter
def moment(value: datetime | None) -> str:
    """A date and time in the site's time zone."""
    if not isinstance(value, datetime):
        return MISSING
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    date_part = format_date(local, format="medium", locale=locale_now())
    return f"{date_part} {format_datetime(local, format='HH:mm', locale=locale_now())}"


@register.filter
def age(value: date | datetime | None) -> str:
    """How long ago: 3 hours ago."""
    if isinstance(value, datetime):
        return str(format_timedelta(value - timezone.now(), add_direction=True, locale=locale_now()))
    if isinstance(value, date):
        return str(format_timedelta(value - timezone.localdate(), add_direction=True, locale=locale_now()))
    return MISSING


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """The value of a mapping under a key that the template holds in a variable."""
    try:
        return mapping.get(key)
    except AttributeError:
        return None


@register.filter
def share_of(part: Any, whole: Any) -> float:
    """A part of a whole between 0 and 1, for progress bars; 1 where there is nothing to reach."""
    a, b = _decimal(part), _decimal(whole)
    if b is None or b <= 0:
        return 1.0
    value = float((a or Decimal(0)) / b)
    return 0.0 if math.isnan(value) else min(max(value, 0.0), 1.0)


_PLACE = re.compile(r"%\(\w+\)s")


@register.filter
def put(text: str, value: Any) -> str:
    """A translated text with its one place filled: a list translates it once, not in each row."""
    return _PLACE.sub(lambda _place: str(value), str(text), count=1)


_ICONS = {
    name: mark_safe(f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{body}</svg>')  # noqa: S308  # our own constants
    for name, body in PATHS.items()
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the set as inline SVG; decorative unless it is given a label."""
    if label:
        body = mark_safe(PATHS[name])  # noqa: S308  # our own constant
        return format_html(
            '<svg class="icon" viewBox="0 0 16 16" role="img" aria-label="{}">{}</svg>', label, body
        )
    return _ICONS[name]
