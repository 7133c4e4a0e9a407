"""A file's table into the columns of a data set: typed values, and what is wrong with which cell.

Everything is done column by column on whole frames; a million rows take seconds.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.columns import Column, DataSet
from catalog.importers.dates import DateOrder, days_convert, moments_convert
from catalog.importers.errors import FileError, RowErrors
from catalog.importers.mapping import ERROR_COLUMN
from catalog.importers.numbers import numbers_convert
from catalog.importers.reading import ROW, Table

Problem = tuple[pl.Series, str]

# A spreadsheet runs cells that begin so. The apostrophe is how they come back from one that was made safe.
FORMULA = r"^'*[=+\-@\t\r]"
_DISARMED = r"^'('*[=+\-@\t\r])"
_CONTROL = r"[\x00-\x1f\x7f\u0085\u2028\u2029\u202a-\u202e\u2066-\u2069]"
# In prose lines end, and marks of right-to-left writing are part of the text (pages isolate it).
_CONTROL_IN_PROSE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\u0084\u0086-\u009f]"
_LANGUAGE = r"^[a-z]{2,3}(-[a-z0-9]{2,8})?$"
_BOOLEANS = dict.fromkeys(["true", "yes", "y", "1"], True) | dict.fromkeys(["false", "no", "n", "0"], False)
_EMAIL = r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+$"
_BREAKS = r"^\s*\d+(\.\d+)?:\d+(\.\d+)?(\s+\d+(\.\d+)?:\d+(\.\d+)?)*\s*$"
_LONGEST_IN_FAMILY = 250


@dataclass(frozen=True)
class Style:
    """How the cells of a file are written, and what is too late for a fact (None: nothing is)."""

    decimal_comma: bool = False
    date_order: DateOrder = "auto"
    latest: date | None = None
    buyer_key: bytes = b""


@dataclass
class Parsed:
    """Typed columns under their database names (references still as codes) with `ROW`, and the errors."""

    frame: pl.DataFrame
    errors: RowErrors
    # Database column -> the header that the file has for it.
    headers: dict[str, str]


def parse(
    table: Table, data_set: DataSet, mapping: Mapping[str, str], style: Style, constants: Mapping[str, str]
) -> Parsed:
    """Convert the mapped columns. `mapping`: file column -> column name; `constants`: the same value for all.

    Raises `FileError` when a required column is missing.
    """
    source = table.frame.with_columns(pl.lit(value).alias(f"={name}") for name, value in constants.items())
    given = {name: column for column, name in mapping.items() if name}
    given |= {name: f"={name}" for name in constants}
    missing = [c.name for c in data_set.columns if c.required and c.name not in given]
    if missing:
        raise FileError(_("The file has no column for: %s.") % ", ".join(missing))
    errors = table.errors
    rows = source[ROW]
    columns = [rows]
    headers = {}
    for column in data_set.columns:
        if column.name not in given:
            continue
        header = given[column.name]
        raw = source[header]
        if column.type == "prose" and ERROR_COLUMN in table.header and raw.dtype == pl.String:
            # A file of refused rows that comes back: what was put in front of its cells is taken off again.
            raw = raw.str.replace(_DISARMED, "$1")
        values, problems = _convert(column, raw, style)
        _note(errors, rows, column.name if header.startswith("=") else header, raw, problems)
        columns.append(values.alias(column.field))
        headers[column.field] = header.removeprefix("=")
    columns += _families(source, data_set, given, errors)
    frame = pl.DataFrame(columns)
    for rule in data_set.rules:
        target = data_set.column(rule.column).field
        if target in headers and set(rule.broken().meta.root_names()) <= set(frame.columns):
            broken = frame.select(rule.broken().fill_null(False)).to_series()
            _note(errors, rows, headers[target], frame[target], [(broken, str(rule.reason))])
    return Parsed(frame, errors, headers)


def _note(errors: RowErrors, rows: pl.Series, header: str, raw: pl.Series, problems: list[Problem]) -> None:
    """Each cell gets the first reason that holds for it."""
    told: pl.Series | None = None
    for mask, reason in problems:
        wrong = mask.fill_null(False)
        if told is not None:
            wrong &= ~told
        if wrong.any():
            errors.add(rows.filter(wrong), header, raw.filter(wrong), reason)
            told = wrong if told is None else told | wrong


def _clean(values: pl.Series) -> pl.Series:
    """Text without spaces around it, empty as null; other types as they are."""
    if values.dtype != pl.String:
        return values
    text = values.str.strip_chars(" \u00a0")
    return pl.select(pl.when(text != "").then(text)).to_series()


def _convert(column: Column, raw: pl.Series, style: Style) -> tuple[pl.Series, list[Problem]]:
    values = _clean(raw)
    absent = values.is_null()
    problems: list[Problem] = [(absent, _("is empty"))] if column.required else []
    if column.type in {"integer", "decimal", "float"}:
        result, more = numbers_convert(
            values,
            decimal_comma=style.decimal_comma,
            minimum=column.minimum,
            maximum=column.maximum,
            whole=column.type == "integer",
            decimals=column.scale if column.type == "decimal" else None,
        )
        if column.type == "integer":
            result = result.cast(pl.Int64, strict=False)
        if column.default is not None:
            result = pl.select(pl.when(absent).then(float(column.default)).otherwise(result)).to_series()
            result = result.cast(pl.Int64, strict=False) if column.type == "integer" else result
        return result, problems + more
    latest = style.latest if column.dated else None
    if column.type == "date":
        result, more = days_convert(values, order=style.date_order, latest=latest)
        return result, problems + more
    if column.type == "datetime":
        result, more = moments_convert(values, order=style.date_order, latest=latest)
        return result, problems + more
    if column.type == "boolean":
        text = _text(values).str.to_lowercase()
        known = text.is_in(list(_BOOLEANS))
        result = text.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        if column.default is not None:
            result = result.fill_null(column.default == "true")
        return result, [*problems, (~known, _("is neither true nor false"))]
    result, more = _text_convert(column, _text(values), style)
    return result, problems + more


def _text(values: pl.Series) -> pl.Series:
    """As text: whole floats without their `.0`, as codes that a spreadsheet took for numbers should be."""
    if values.dtype.is_float():
        whole = values == values.round(0)
        return pl.select(
            pl.when(whole & (values.abs() < 1e15)).then(values.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(values.cast(pl.String))
        ).to_series()  # fmt: skip
    return values.cast(pl.String)


def _text_convert(column: Column, text: pl.Series, style: Style) -> tuple[pl.Series, list[Problem]]:
    if column.type == "prose":
        return (text if column.default is None else text.fill_null(column.default)), _prose_problems(
            text, column.max_length
        )
    problems = _text_problems(text, column.max_length)
    if column.type == "choice":
        text = text.str.to_lowercase().str.replace_all("[ _]", "-")
        reason = _("is none of: %s") % ", ".join(column.choices)
        problems.append((~text.is_in(column.choices), reason))
    elif column.type in {"currency", "country"}:
        text = text.str.to_uppercase()
        known, reason = (
            (_currencies(), _("is not a currency code (ISO 4217)"))
            if column.type == "currency"
            else (_countries(), _("is not a country code (ISO 3166-1 alpha-2)"))
        )
        problems.append((~text.is_in(known), reason))
    elif column.type == "time_zone":
        problems.append((~text.is_in(_time_zones()), _("is not a time zone (such as Europe/Berlin)")))
    elif column.type == "email":
        problems.append((~text.str.contains(_EMAIL), _("is not an e-mail address")))
    elif column.type == "gtin":
        problems += _gtin_problems(text)
    elif column.type == "language":
        text = text.str.to_lowercase().str.replace_all("_", "-", literal=True)
        problems.append((~text.str.contains(_LANGUAGE), _("is not a language code (such as en or zh-hans)")))
    elif column.type == "weekdays":
        twice = pl.any_horizontal(*(text.str.count_matches(day) > 1 for day in "1234567"))
        problems.append(
            (~text.str.contains("^[1-7]+$"), _("is not made of weekdays, 1 (Monday) to 7 (Sunday)"))
        )
        problems.append((pl.select(twice).to_series(), _("names a weekday twice")))
    elif column.type == "price_breaks":
        fits = text.str.contains(_BREAKS)
        problems.append((~fits, _("is not a list such as 100:2.00 500:1.85 (from quantity: unit cost)")))
        good = pl.select(pl.when(fits).then(text)).to_series()
        result = good.map_elements(_breaks, return_dtype=pl.String).fill_null("[]")
        problems.append((result == "", _("names a quantity twice")))
        return result, problems
    elif column.type == "buyer":
        return buyers_hash(text, style.buyer_key), problems
    return text if column.default is None else text.fill_null(column.default), problems


def _text_problems(text: pl.Series, longest: int) -> list[Problem]:
    return [
        (
            text.str.contains(FORMULA),
            _("begins like a formula (= + - @), which a spreadsheet would run: change its first sign"),
        ),
        (text.str.contains(_CONTROL), _("holds a control character")),
        (text.str.len_chars() > longest, _("is longer than %d characters") % longest),
    ]


def _prose_problems(text: pl.Series, longest: int) -> list[Problem]:
    length = text.str.len_chars()
    too_long = (length > longest).fill_null(False)
    problems: list[Problem] = [(text.str.contains(_CONTROL_IN_PROSE), _("holds a control character"))]
    # Each length is told; there are few of them.
    for count in length.filter(too_long).unique().sort():
        reason = _("is %(count)s characters long: %(most)s are the most")
        problems.append((length == count, reason % {"count": f"{count:,}", "most": f"{longest:,}"}))
    return problems


def _gtin_problems(text: pl.Series) -> list[Problem]:
    shaped = text.str.contains(r"^(\d{8}|\d{12,14})$").fill_null(True)
    digits = pl.select(pl.when(shaped).then(text)).to_series().str.zfill(14)
    total = sum(
        (
            digits.str.slice(place, 1).cast(pl.Int32, strict=False) * (3 if place % 2 == 0 else 1)
            for place in range(14)
        ),
        start=pl.repeat(0, len(text), dtype=pl.Int32, eager=True),
    )
    return [
        (~shaped, _("is not a GTIN of 8, 12, 13 or 14 digits")),
        (total % 10 != 0, _("has a wrong check digit")),
    ]


def _breaks(text: str) -> str:
    """As JSON; empty where two breaks begin at the same quantity."""
    pairs = [part.split(":") for part in text.split()]
    breaks = sorted([float(quantity), float(cost)] for quantity, cost in pairs)
    return json.dumps(breaks) if len({start for start, _cost in breaks}) == len(breaks) else ""


def buyers_hash(buyers: pl.Series, key: bytes) -> pl.Series:
    """A keyed hash (HMAC-SHA-256, the first 32 hexadecimal digits) for each buyer, "" where there is none."""
    known = buyers.drop_nulls().unique()
    hashes = [hmac.new(key, str(buyer).encode(), hashlib.sha256).hexdigest()[:32] for buyer in known]
    return buyers.replace_strict(
        known, pl.Series(hashes, dtype=pl.String), default="", return_dtype=pl.String
    )


def _families(
    source: pl.DataFrame, data_set: DataSet, given: Mapping[str, str], errors: RowErrors
) -> list[pl.Series]:
    """One JSON column for each family of columns (`name:de`, `name:zh-hans`) that the file has."""
    grouped: dict[str, dict[str, pl.Series]] = {}
    for name, header in given.items():
        family = data_set.family_of(name)
        if family is None:
            continue
        target, part = family
        text = _text(_clean(source[header]))
        _note(errors, source[ROW], header, text, _text_problems(text, _LONGEST_IN_FAMILY))
        grouped.setdefault(target, {})[part] = text
    result = []
    for target, parts in grouped.items():
        rows = pl.DataFrame(parts).to_dicts()
        filled = [json.dumps(row, ensure_ascii=False) for row in rows]
        result.append(pl.Series(target, filled, dtype=pl.String))
    return result


@functools.cache
def _currencies() -> list[str]:
    from babel.numbers import list_currencies

    return sorted(list_currencies())


@functools.cache
def _countries() -> list[str]:
    from babel import Locale

    codes = [str(code) for code in Locale("en").territories]
    return sorted(code for code in codes if len(code) == 2 and code.isalpha())


@functools.cache
def _time_zones() -> list[str]:
    return sorted(zoneinfo.available_timezones())
