"""Words for exceptions: numbers and names inside of their sentences."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from forecasting.models import ForecastAlarm, TrendReading
from inventory_site.templatetags.forestock import day, percent
from replenishment.models import ExceptionCase

register = template.Library()

Kind = ExceptionCase.Kind
_MARGIN = _("margin of lost sales")
_HOLDING = _("holding cost of a year")
# What each kind's impact is, in a few words; docs/exceptions.md has the formulas.
_IMPACTS: dict[str, str | Promise] = {
    Kind.OUT_OF_STOCK: _MARGIN,
    Kind.RUNS_OUT: _MARGIN,
    Kind.LATE_ORDER: _("margin lost if it takes as long again"),
    Kind.SURPLUS_ON_ORDER: _("cost that the action saves"),
    Kind.EXCESS: _HOLDING,
    Kind.DEAD_STOCK: _HOLDING,
    Kind.TREND_FLIP: _("change of a quarter’s margin"),
    Kind.SPIKE: _("margin of the extra units"),
    Kind.FORECAST_ALARM: _("margin of four weeks, times the error"),
    Kind.SENTIMENT_DROP: _("margin of a quarter, times the drop"),
    Kind.NO_LOOK_ALIKES: _("value in stock and to be ordered"),
    Kind.SUPPLIER_SLIPS: _("cost of the stock for the extra days, a year"),
    Kind.COST_JUMP: _("change of a year’s purchase cost"),
    Kind.RATE_JUMP: _("change of a quarter’s purchase cost"),
    Kind.MOQ_COVER: _HOLDING,
    Kind.NOT_PLANNED: _("margin of four weeks"),
    Kind.REJECTED_ROWS: _("not known"),
    Kind.FAILED_JOB: _("margin at risk in the last plan"),
}
_JOBS: dict[str, str | Promise] = {
    "import": _("Import"),
    "forecast": _("Forecast"),
    "plan": _("Plan"),
    "replay": _("Replay"),
}
_ALARMS: dict[str, str | Promise] = {
    ForecastAlarm.Kind.BIAS: _("bias"),
    ForecastAlarm.Kind.DRIFT: _("drift"),
    ForecastAlarm.Kind.COVERAGE: _("coverage"),
}


@register.filter
def iso_day(value: Any) -> str:
    """A day that is kept as text, as people read it."""
    try:
        return day(date.fromisoformat(str(value)))
    except ValueError:
        return str(value or "")


@register.filter
def whole(value: Any) -> int:
    """A number for a choice of plural; 0 where there is none."""
    return round(float(value)) if isinstance(value, int | float) else 0


@register.filter
def percent_signed(value: Any) -> str:
    """A change as a percentage with its sign."""
    share = float(value or 0.0)
    sign = "+" if share > 0 else "−" if share < 0 else ""
    return sign + percent(abs(share), 0 if abs(share) >= 0.1 else 1)


@register.filter
def trend_word(trend: str) -> str:
    """The name of a class of trend."""
    return str(TrendReading.Trend(trend).label) if trend in TrendReading.Trend.values else trend


@register.filter
def alarm_words(kinds: Any) -> str:
    """The names of kinds of forecast alarms."""
    return ", ".join(str(_ALARMS.get(kind, kind)) for kind in kinds or [])


@register.filter
def job_word(kind: str) -> str:
    """The name of a kind of job."""
    return str(_JOBS.get(kind, kind))


@register.filter
def impact_word(kind: str) -> str:
    """What the impact of a kind of exception is."""
    return str(_IMPACTS.get(kind, ""))


@register.filter
def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())
