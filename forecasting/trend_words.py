"""Evidence of a trend in words that a buyer reads at a glance."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from babel.dates import format_date
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from forecasting.models import TrendReading

Trend = TrendReading.Trend
TONES = {"rising": "good", "peak": "good", "falling": "bad", "fading": "bad", "new": "info", "lumpy": "warn"}
SIGNS = {"rising": "↗", "peak": "⤒", "falling": "↘", "fading": "⇣", "new": "✦", "lumpy": "≀", "stable": "→"}
FORTNIGHTS = 26
_MOST = 3


def trend_reasons(reading: TrendReading) -> list[str]:
    """Up to three reasons for the class, the weightiest first."""
    evidence = reading.evidence
    found: list[str] = []
    if reading.trend == Trend.NEW:
        weeks = evidence.get("age", 0)
        found.append(
            ngettext("First sold %(n)d week ago", "First sold %(n)d weeks ago", weeks) % {"n": weeks}
        )
    if evidence.get("idle", 0) > 4:
        found.append(_("Not sold for %(n)d weeks") % {"n": evidence["idle"]})
    if reading.trend == Trend.LUMPY or evidence.get("lumpy"):
        found.append(_("Sells now and then, in uneven lots"))
    parts: dict[str, float] = evidence.get("parts", {})
    for name, value in sorted(parts.items(), key=lambda part: -abs(part[1])):
        found.append(_part(name, value))
    shift = evidence.get("shift")
    if shift:
        day = format_date(date.fromisoformat(shift["week"]), locale=to_locale(get_language() or "en"))
        found.append(
            _("Level changed by %(size)s in the week to %(day)s")
            % {"size": signed_share(shift["size"]), "day": day}
        )
    return found[:_MOST] or [_("Nothing pulls it either way")]


def _part(name: str, value: float) -> str:
    share = signed_share(math.expm1(value))
    if name == "season":
        if value > 0:
            return _("Season ahead: %(share)s by last year's sales") % {"share": share}
        return _("Season ends: %(share)s by last year's sales") % {"share": share}
    if name == "trend":
        if value > 0:
            return _("Steady rise for months: %(share)s a quarter") % {"share": share}
        return _("Steady fall for months: %(share)s a quarter") % {"share": share}
    if name == "pace":
        if value > 0:
            return _("The last weeks run faster: %(share)s") % {"share": share}
        return _("The last weeks run slower: %(share)s") % {"share": share}
    if value > 0:
        return _("Back to its usual level after a low quarter: %(share)s") % {"share": share}
    return _("Back to its usual level after a high quarter: %(share)s") % {"share": share}


def fortnights(weeks: list[float]) -> list[float]:
    """The last year of weekly units as means of two weeks: calm enough for a small line."""
    year = weeks[-2 * FORTNIGHTS :]
    first = len(year) % 2
    return [sum(year[place : place + 2]) / 2 for place in range(first, len(year), 2)]


def second_opinion(reading: TrendReading) -> str:
    """Whether the support vector machine agrees; empty where there is none."""
    second = reading.evidence.get("second")
    if second is None:
        return ""
    if second == reading.evidence["direction"]:
        return _("A second model agrees.")
    return _("A second model says: %(direction)s.") % {"direction": direction_word(second)}


def direction_word(direction: int) -> str:
    """Down, stable or up."""
    return {-1: _("down"), 0: _("stable"), 1: _("up")}[direction]


def signed_share(share: float) -> str:
    """+12% or −12%."""
    return f"{'+' if share >= 0 else '−'}{abs(share):.0%}"


def rule_words(rule: dict[str, Any]) -> list[str]:
    """The conditions of a rule for high sellers."""
    return [_limit(name, over, up_to) for name, (over, up_to) in rule["limits"].items()]


def _limit(name: str, over: float | None, up_to: float | None) -> str:
    figure = {
        "rank_now": _("last quarter"),
        "rank_before": _("the quarter before"),
        "rank_year": _("the last year"),
        "rank_ahead": _("the coming quarter, a year ago,"),
    }.get(name)
    if figure is None:
        words = {"weeks_sold": _("weeks with sales"), "age": _("weeks since the first sale")}[name]
        if over is not None and up_to is not None:
            return _("%(figure)s: more than %(over)d, up to %(up_to)d") % {
                "figure": words, "over": over, "up_to": up_to,
            }  # fmt: skip
        if over is not None:
            return _("%(figure)s: more than %(over)d") % {"figure": words, "over": over}
        return _("%(figure)s: up to %(up_to)d") % {"figure": words, "up_to": up_to or 0}
    if over is not None and up_to is not None:
        return _("sales of %(figure)s rank in the best %(over).1f%% but not in the best %(up_to).1f%%") % {
            "figure": figure, "over": 100 - over, "up_to": 100 - up_to,
        }  # fmt: skip
    if over is not None:
        return _("sales of %(figure)s rank in the best %(over).1f%%") % {"figure": figure, "over": 100 - over}
    return _("sales of %(figure)s are not in the best %(up_to).1f%%") % {
        "figure": figure, "up_to": 100 - (up_to or 0),
    }  # fmt: skip
