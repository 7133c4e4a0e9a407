"""Excel workbooks: checked before they are unpacked, then read sheet by sheet."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.errors import FileError

# XML of sheets packs to a tenth or less; bombs pack to a thousandth.
MOST_PACKED = 200
_SMALL = 4 << 20
_MOST_PARTS = 2_000
_CHUNK = 1 << 20

Cell = str | float | int | bool | datetime | date | time | timedelta


def workbook_check(path: Path, *, limit: int) -> None:
    """Refuse a workbook that unpacks to far more than it should, before anything unpacks it.

    The sizes that the zip directory claims are checked first, then each part is unpacked and counted, since
    the directory may lie. `limit` is in bytes; text in XML may take four times that.
    """
    most = 4 * limit
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise FileError(_("The workbook has more than %d parts.") % _MOST_PARTS)
            if "xl/workbook.xml" not in archive.namelist():
                raise FileError(_("This zip file is not an Excel workbook (xlsx)."))
            if sum(part.file_size for part in parts) > most:
                raise _too_large(most)
            total = 0
            for part in parts:
                if part.flag_bits & 0x1:
                    raise FileError(_("The workbook is encrypted: save it without a password."))
                total = _count(archive, part, total, most)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise FileError(_("The workbook is damaged or cut off: %s") % str(error)[:200]) from error


def _count(archive: zipfile.ZipFile, part: zipfile.ZipInfo, total: int, most: int) -> int:
    size = 0
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if total + size > most:
                raise _too_large(most)
            if size > _SMALL and size > MOST_PACKED * max(part.compress_size, 1):
                raise FileError(_("The workbook unpacks to more than %d times its size.") % MOST_PACKED)
    return total + size


def _too_large(most: int) -> FileError:
    return FileError(_("Unpacked, the workbook is larger than %d MB.") % (most >> 20))


def sheets_read(
    path: Path, *, limit: int, first_only: bool, head: int | None = None
) -> tuple[list[str], list[list[list[Cell]]]]:
    """The names of all sheets, and the cells of each (or of the first), empty ones as "".

    `head`: only so many rows after the header, and a few more. Raises `FileError`.
    """
    workbook_check(path, limit=limit)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        names = [str(name) for name in book.sheet_names]
        most = None if head is None else head + 10
        return names, [
            book.get_sheet_by_index(number).to_python(skip_empty_area=False, nrows=most)
            for number in range(1 if first_only else len(names))
        ]
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise FileError(_("The workbook is damaged: %s") % str(error)[:200]) from error


def sheet_frame(rows: Sequence[Sequence[Cell]], header: list[str], *, decimal_comma: bool) -> pl.DataFrame:
    """The rows as a frame. Columns of numbers or of dates alone keep their type, others are text."""
    width = len(header)
    columns = [list(cells) for cells in zip(*rows, strict=False)][:width]
    while len(columns) < width:
        columns.append([""] * len(rows))
    return pl.DataFrame(
        [_series(name, cells, decimal_comma) for name, cells in zip(header, columns, strict=True)]
    )


def _series(name: str, cells: Sequence[Any], decimal_comma: bool) -> pl.Series:
    kinds = {type(cell) for cell in cells if cell != "" and cell is not None}
    values = [None if cell == "" else cell for cell in cells]
    if kinds and kinds <= {int, float}:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if kinds and kinds <= {datetime, date}:
        whole = [datetime.combine(v, time()) if type(v) is date else v for v in values]
        return pl.Series(name, whole, dtype=pl.Datetime("us"))
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    return pl.Series(name, [None if v is None else _text(v, decimal_comma) for v in values], dtype=pl.String)


def _text(value: Cell, decimal_comma: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        return text.replace(".", ",") if decimal_comma else text
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value)
