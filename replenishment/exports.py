"""Suggestions and exceptions as files for a spreadsheet: the columns, and their writing as CSV or Excel."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from replenishment.models import ExceptionCase, Suggestion

# A text that begins like this would be run by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CHUNK = 2_000


@dataclass(frozen=True)
class Column:
    """A column of the file: its heading, and the database column behind it."""

    heading: str | Promise
    source: str


COLUMNS: tuple[Column, ...] = (
    Column(_("SKU"), "product__sku"),
    Column(_("name"), "product__name"),
    Column(_("location"), "location__code"),
    Column(_("supplier"), "supplier__name"),
    Column(_("state"), "state"),
    Column("ABC", "abc"),
    Column("XYZ", "xyz"),
    Column(_("on hand"), "on_hand"),
    Column(_("on order"), "on_order"),
    Column(_("allocated"), "allocated"),
    Column(_("expected demand"), "expected_demand"),
    Column(_("safety stock"), "safety_stock"),
    Column(_("net need"), "net_need"),
    Column(_("suggested quantity"), "order_quantity"),
    Column(_("final quantity"), "final"),
    Column(_("MOQ"), "terms__moq"),
    Column(_("order multiple"), "terms__order_multiple"),
    Column(_("unit cost"), "unit_cost"),
    Column(_("currency"), "currency"),
    Column(_("value in home currency"), "final_value"),
    Column(_("margin at risk"), "margin_at_risk"),
    Column(_("days of cover"), "cover_days"),
    Column(_("stock-out date"), "stock_out_on"),
    Column(_("order by"), "order_by"),
    Column(_("expected fill rate"), "expected_fill_rate"),
    Column(_("reason of the edit"), "edit_reason"),
)


CASE_HEADINGS: tuple[str | Promise, ...] = (
    _("kind"), _("SKU"), _("name"), _("location"), _("supplier"), _("order"), _("state"), _("owner"),
    _("since"), _("impact in home currency"), _("measure of the impact"), _("snoozed until"), _("comment"),
)  # fmt: skip


def exceptions_csv(cases: QuerySet[ExceptionCase]) -> Iterator[str]:
    """The cases (`selectors.exceptions_detailed`), line by line."""
    return _csv(_cases(cases))


def exceptions_xlsx(cases: QuerySet[ExceptionCase]) -> Iterator[bytes]:
    """The same as a workbook."""
    return _xlsx(_cases(cases))


def suggestions_csv(suggestions: QuerySet[Suggestion]) -> Iterator[str]:
    """The file line by line, read from the database in parts: nothing of it is held whole."""
    return _csv(_rows(suggestions))


def suggestions_xlsx(suggestions: QuerySet[Suggestion]) -> Iterator[bytes]:
    """The workbook in parts; written to disk row by row first: its format needs the whole."""
    return _xlsx(_rows(suggestions))


def _csv(rows: Iterator[list[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    # Excel takes a file for UTF-8 only when it says so.
    buffer.write("\ufeff")
    for row in rows:
        writer.writerow([_text(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _xlsx(rows: Iterator[list[Any]]) -> Iterator[bytes]:
    from xlsxwriter import Workbook

    with TemporaryFile() as file:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with Workbook(file, options) as book:
            sheet = book.add_worksheet()
            head, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
            sheet.freeze_panes(1, 1)
            sheet.set_column(0, max(len(COLUMNS), len(CASE_HEADINGS)) - 1, 14)
            for number, row in enumerate(rows):
                for place, value in enumerate(row):
                    if isinstance(value, date):
                        sheet.write_datetime(number, place, value, day)
                    elif value is not None:
                        sheet.write(number, place, value, head if number == 0 else None)
        file.seek(0)
        yield from iter(lambda: file.read(1 << 16), b"")


def _cases(cases: QuerySet[ExceptionCase]) -> Iterator[list[Any]]:
    """The headings, then a row for each case: some hundreds, in the words of now."""
    rows: list[list[Any]] = [[str(heading) for heading in CASE_HEADINGS]]
    for case in cases:
        product, place, supplier = case.product, case.location, case.supplier
        order, owner = case.order, case.owner
        rows.append([
            case.get_kind_display(),
            product.sku if product else "",
            product.display_name if product else "",
            place.code if place else "",
            supplier.name if supplier else "",
            order.number if order else "",
            case.get_state_display(),
            owner.get_username() if owner else "",
            localdate(case.first_seen),
            case.impact,
            case.get_measure(),
            case.snoozed_until,
            case.comment,
        ])  # fmt: skip
    return iter(rows)


def _rows(suggestions: QuerySet[Suggestion]) -> Iterator[list[Any]]:
    """The headings, then a row for each suggestion, in the language of now: the rest is read later."""
    language = get_language() or ""
    states = {state.value: str(state.label) for state in Suggestion.State}
    return chain([[str(column.heading) for column in COLUMNS]], _read(suggestions, states, language))


def _read(suggestions: QuerySet[Suggestion], states: dict[str, str], language: str) -> Iterator[list[Any]]:
    sources = [column.source for column in COLUMNS]
    name, state = sources.index("product__name"), sources.index("state")
    found = suggestions.values_list(*sources, "product__names")
    for *values, names in found.iterator(chunk_size=_CHUNK):
        row: list[Any] = [float(value) if isinstance(value, Decimal) else value for value in values]
        row[name] = names.get(language) or row[name]
        row[state] = states.get(row[state], row[state])
        yield row


def _text(value: Any) -> Any:
    """A cell of a CSV file: text that looks like a formula is marked as text."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
