"""A forecast's parts in people's words: one sentence, and rows that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecasting.selectors.explanations import Explanation

GROUP_NAMES: dict[str, str | Promise] = {
    "level": _("Recent level"),
    "trend": _("Trend"),
    "season": _("Season and calendar"),
    "price": _("Price"),
    "promotion": _("Promotions"),
    "signals": _("Signals"),
    "location": _("Location"),
}
# What a part does to the forecast: where it raises it, and where it lowers it.
_RAISES: dict[str, str | Promise] = {
    "level": _("the recent level makes %(units)s"),
    "trend": _("a rising trend adds %(units)s"),
    "season": _("the season adds %(units)s"),
    "price": _("the price adds %(units)s"),
    "promotion": _("promotions add %(units)s"),
    "signals": _("other signals add %(units)s"),
    "location": _("the location adds %(units)s"),
    "rest": _("all else adds %(units)s"),
}
_LOWERS: dict[str, str | Promise] = {
    "level": _("the recent level takes %(units)s"),
    "trend": _("a falling trend takes %(units)s"),
    "season": _("the season takes %(units)s"),
    "price": _("the price takes %(units)s"),
    "promotion": _("fewer promotions than usual take %(units)s"),
    "signals": _("other signals take %(units)s"),
    "location": _("the location takes %(units)s"),
    "rest": _("all else takes %(units)s"),
}
_NAMED = 2  # groups named in the sentence, beside the level


@dataclass(frozen=True)
class PartRow:
    """A group's part of the forecast, in units: of the next period and of the whole horizon.

    `start` and `width` place its bar, in percent of the table's bars: it begins where the row before ended.
    `kind` is "total", "up" or "down". Shown figures are rounded so that they add up.
    """

    key: str
    label: str
    next: Decimal
    total: Decimal
    start: float
    width: float
    kind: str


@dataclass(frozen=True)
class PeriodRow:
    """The parts of one period, in the order of the groups, and its mean."""

    day: date
    parts: list[Decimal]
    mean: Decimal


def sentence(explanation: Explanation) -> str:
    """How much a period, and what makes it, in the active language; "" where the run stored no parts.

    Names the level and the two largest other groups; what it says adds up.
    """
    from forecasting.core.explain import GROUPS

    if explanation.contributions is None:
        return ""
    mean = float(explanation.mean.mean())
    places = 0 if mean >= 20 else 1 if mean >= 1 else 2
    total = _rounded(mean, places)
    if not total:
        return gettext("No demand is expected.")
    amounts = dict(zip(GROUPS, explanation.contributions.mean(axis=0).tolist(), strict=True))
    others = sorted(GROUPS[1:], key=lambda key: -abs(amounts[key]))
    named = {key: _rounded(amounts[key], places) for key in others[:_NAMED]}
    named["rest"] = _rounded(sum(amounts[key] for key in others[_NAMED:]), places)
    # The level takes what rounding left.
    parts = {"level": total - sum(named.values(), Decimal(0)), **named}
    words = [
        str((_RAISES if amount >= 0 else _LOWERS)[key]) % {"units": _number(abs(amount))}
        for key, amount in parts.items()
        if amount
    ]
    joined = pgettext("between the parts of a sentence", ", ").join(words)
    return _template(explanation.freq, total) % {"units": _number(total), "parts": joined}


def part_rows(explanation: Explanation) -> list[PartRow]:
    """The groups that play a part, in their order, and the mean as the last row; empty without parts."""
    from forecasting.core.explain import GROUPS

    contributions = explanation.contributions
    if contributions is None:
        return []
    totals = _adding_up(contributions.sum(axis=0).tolist(), float(explanation.mean.sum()))
    nexts = _adding_up(contributions[0].tolist(), float(explanation.mean[0]))
    rows, level = [], 0.0
    spans: list[tuple[float, float]] = []
    for key, total, first in zip(GROUPS, totals, nexts, strict=True):
        if key == "level" or total or first:
            begin, level = level, level + float(total)
            spans.append((begin, level))
            rows.append((key, str(GROUP_NAMES[key]), first, total, "up" if total >= 0 else "down"))
    whole = sum(totals, Decimal(0))
    spans.append((0.0, float(whole)))
    rows.append(("mean", gettext("Forecast"), sum(nexts, Decimal(0)), whole, "total"))
    low = min(0.0, *(min(span) for span in spans))
    size = max(0.0, *(max(span) for span in spans)) - low or 1.0
    return [
        PartRow(
            key=key,
            label=label,
            next=first,
            total=total,
            start=round(100 * (min(span) - low) / size, 2),
            width=max(round(100 * abs(span[1] - span[0]) / size, 2), 0.4),
            kind=kind,
        )
        for (key, label, first, total, kind), span in zip(rows, spans, strict=True)
    ]


def period_rows(explanation: Explanation, keys: Sequence[str]) -> list[PeriodRow]:
    """The parts of each period, of the groups named; empty where the run stored no parts."""
    from forecasting.core.explain import GROUPS

    if explanation.contributions is None:
        return []
    places = [GROUPS.index(key) for key in keys]
    rows = []
    for day, mean, values in zip(
        explanation.ds, explanation.mean.tolist(), explanation.contributions.tolist(), strict=True
    ):
        parts = _adding_up(values, mean)
        rows.append(PeriodRow(day, [parts[place] for place in places], sum(parts, Decimal(0))))
    return rows


def _template(freq: str, total: Decimal) -> str:
    number = 1 if total == 1 else 2
    if freq == "D":
        return ngettext(
            "About %(units)s unit a day: %(parts)s.", "About %(units)s units a day: %(parts)s.", number
        )
    if freq == "M":
        return ngettext(
            "About %(units)s unit a month: %(parts)s.", "About %(units)s units a month: %(parts)s.", number
        )
    return ngettext(
        "About %(units)s unit a week: %(parts)s.", "About %(units)s units a week: %(parts)s.", number
    )


def _adding_up(values: Sequence[float], total: float) -> list[Decimal]:
    """Tenths that add up to the total in tenths (hundredths below one unit); the level takes the rounding."""
    places = 1 if total >= 1 else 2
    shown = [_rounded(value, places) for value in values]
    shown[0] += _rounded(total, places) - sum(shown, Decimal(0))
    return shown


def _rounded(value: float, places: int) -> Decimal:
    """Half up, and never minus zero."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return rounded or abs(rounded)


def _number(value: Decimal) -> str:
    from babel.numbers import format_decimal

    language: Any = (get_language() or "en").replace("-", "_")
    return str(format_decimal(value, format="#,##0.##", locale=language))
