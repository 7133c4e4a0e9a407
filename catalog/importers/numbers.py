"""Numbers in cells: typed ones as they are, text in one decimal mark, with the mistakes told apart."""

from __future__ import annotations

import polars as pl
from django.utils.translation import gettext as _

_POINT = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][+-]?\d{1,3})?$"
_OTHER_MARK = r"^[+-]?\d[\d.,' ]*$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"

Problem = tuple[pl.Series, str]


def numbers_convert(
    values: pl.Series,
    *,
    decimal_comma: bool,
    minimum: float | None,
    maximum: float | None,
    whole: bool,
    decimals: int | None,
) -> tuple[pl.Series, list[Problem]]:
    """Float64 values (null where empty or wrong) and the problems as (mask, reason), first reason first."""
    problems: list[Problem] = []
    if values.dtype == pl.Boolean:
        mask = values.is_not_null()
        return pl.repeat(None, len(values), dtype=pl.Float64, eager=True), [(mask, _("is not a number"))]
    if values.dtype == pl.String:
        numbers, problems = _from_text(values, decimal_comma)
    elif values.dtype.is_numeric():
        numbers = values.cast(pl.Float64, strict=False)
    else:
        mask = values.is_not_null()
        return pl.repeat(None, len(values), dtype=pl.Float64, eager=True), [(mask, _("is not a number"))]
    infinite = ~numbers.is_finite().fill_null(True)
    problems.append((infinite, _("is not a finite number")))
    if minimum is not None:
        reason = _("is negative") if minimum == 0 else _("is less than %s") % _plain(minimum)
        problems.append(((numbers < minimum).fill_null(False) & ~infinite, reason))
    if maximum is not None:
        reason = _("is larger than %s") % _plain(maximum)
        problems.append(((numbers > maximum).fill_null(False) & ~infinite, reason))
    if whole:
        broken = (numbers != numbers.round(0)).fill_null(False) & ~infinite
        problems.append((broken, _("is not a whole number")))
    elif decimals is not None:
        # Binary noise (0.30000000000000004) is fine, a quantity that rounds to nothing is not.
        lost = ((numbers.round(decimals) == 0) & (numbers != 0)).fill_null(False)
        problems.append((lost, _("is too small: %d decimals are kept") % decimals))
        numbers = numbers.round(decimals)
    return numbers, problems


def _from_text(text: pl.Series, decimal_comma: bool) -> tuple[pl.Series, list[Problem]]:
    fits = text.str.contains(_COMMA if decimal_comma else _POINT).fill_null(True)
    bare = text
    if decimal_comma:
        bare = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    numbers = pl.select(pl.when(fits).then(bare)).to_series().cast(pl.Float64, strict=False)
    fits &= numbers.is_not_null() | text.is_null()
    if fits.all():
        return numbers, []
    not_finite = ~fits & text.str.contains(_NOT_FINITE)
    other_mark = ~fits & ~not_finite & text.str.contains(_OTHER_MARK) & text.str.contains("[.,' ]")
    if decimal_comma:
        hint = _("is not a number with a decimal comma (1.234,5)")
    else:
        hint = _("is not a number with a decimal point: write 1234.5, or choose “decimal comma” for the file")
    return numbers, [
        (not_finite, _("is not a finite number")),
        (other_mark, hint),
        (~fits & ~not_finite & ~other_mark, _("is not a number")),
    ]


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:g}"
