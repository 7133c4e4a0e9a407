"""Trends in pages: one badge and one line for them everywhere."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from forecasting.models import TrendReading
from forecasting.trend_words import FORTNIGHTS, SIGNS, TONES, fortnights, trend_reasons
from inventory_site.templatetags.sparklines import sparkline

register = template.Library()
register.filter("trend_reasons", trend_reasons)


@register.simple_tag
def trend_badge(reading: TrendReading) -> SafeString:
    """A reading's class: its sign and its name."""
    tone = TONES.get(reading.trend, "")
    return format_html(
        '<span class="badge{}"><span aria-hidden="true">{}</span> {}</span>',
        f" badge--{tone}" if tone else "",
        SIGNS[reading.trend],
        reading.get_trend_display(),
    )


@register.simple_tag
def trend_mark(reading: TrendReading | None) -> SafeString:
    """The same, small, for a line that holds more; nothing where nothing moves."""
    if reading is None or reading.trend == TrendReading.Trend.STABLE:
        return SafeString("")
    name = _("Peak") if reading.trend == TrendReading.Trend.PEAK else reading.get_trend_display()
    return format_html(
        '<span class="trend trend--{}" title="{}"><span aria-hidden="true">{}</span> {}</span>',
        TONES[reading.trend],
        _("Trend, against the last 13 weeks: %(trend)s") % {"trend": reading.get_trend_display()},
        SIGNS[reading.trend],
        name,
    )


@register.simple_tag
def trend_line(reading: TrendReading, label: str) -> SafeString:
    """The last year of a reading."""
    tone = TONES.get(reading.trend, "")
    return sparkline(fortnights(reading.sparkline), label, tone=tone, places=FORTNIGHTS)
