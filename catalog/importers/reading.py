"""Files into frames: CSV, Excel and Parquet, told apart by what they are and not by their name.

Every reader gives one polars frame with the file's own column names; CSV columns are text, Excel and
Parquet columns keep their type. `ROW` numbers the rows as a spreadsheet shows them (the header is row 1).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.errors import FileError, RowErrors
from catalog.importers.workbook import Cell, sheet_frame, sheets_read

ROW = "__row__"
HEADER_ROW = 1
MOST_COLUMNS = 500
_DELIMITERS = ",;\t|"
_BLOCK = 16 << 20
_HEAD_BYTES = 256 << 10


@dataclass
class Table:
    """What was in a file: its rows with `ROW`, what was wrong with single rows, and hints to show."""

    frame: pl.DataFrame
    errors: RowErrors = field(default_factory=RowErrors)
    # Rows that did not fit the header, as (row number, cells): for the file of rejected rows.
    misfits: list[tuple[int, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def header(self) -> list[str]:
        """The file's column names."""
        return [name for name in self.frame.columns if name != ROW]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, or of all files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for part in sorted(path.iterdir()) if path.is_dir() else [path]:
        if part.is_file():
            with part.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def header_sha256(header: list[str]) -> str:
    """What a header is remembered by."""
    return hashlib.sha256("\x1f".join(header).encode()).hexdigest()


def table_read(path: Path, *, limit: int, decimal_comma: bool = False, head: int | None = None) -> Table:
    """Read a whole file, or its first `head` rows. `limit`: bytes, also of what is packed inside.

    Raises `FileError` when the file can't be understood as a whole: too large, cut off, not text, no header.
    """
    if path.stat().st_size > limit:
        raise FileError(_("The file is larger than %d MB.") % (limit >> 20))
    with path.open("rb") as file:
        magic = file.read(8)
    if not magic:
        raise FileError(_("The file is empty."))
    if magic.startswith(b"PK\x03\x04"):
        return _excel(path, limit, decimal_comma, head)
    if magic.startswith(b"PAR1"):
        return _parquet(path, limit, head)
    if magic.startswith((b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF", b"BZh", b"7z\xbc\xaf")):
        raise FileError(_("This is neither CSV, Excel (xlsx) nor Parquet. Save it as one of these."))
    return _csv(path, head)


def _header(names: list[str]) -> list[str]:
    """Clean column names; columns without one at the end are let go. Raises `FileError`."""
    header = [str(name or "").strip() for name in names]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise FileError(_("The first row has no column names."))
    if len(header) > MOST_COLUMNS:
        raise FileError(_("The file has more than %d columns.") % MOST_COLUMNS)
    for number, name in enumerate(header, 1):
        if not name:
            raise FileError(_("Column %d has no name in the first row.") % number)
        if len(name) > 200 or any(ord(sign) < 32 for sign in name):
            raise FileError(_("Column %d has a name that can't be right.") % number)
        if name == ROW or header.index(name) != number - 1:
            raise FileError(_("Two columns are called “%s”.") % name)
    return header


# -- CSV --------------------------------------------------------------------------------------------
def _csv(path: Path, head: int | None) -> Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    data = _utf8(path, _HEAD_BYTES if head is not None else None)
    whole = head is None or path.stat().st_size <= _HEAD_BYTES
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    if not data.strip():
        raise FileError(_("The file is empty."))
    delimiter = _delimiter(data)
    names = next(csv.reader(io.StringIO(_first_lines(data, 1)), delimiter=delimiter), [])
    header = _header(names)
    bad: list[tuple[int, str]] = []

    def keep(row: object) -> str:
        bad.append((row.number, row.text))  # type: ignore[attr-defined]
        return "skip"

    places = [f"f{number}" for number in range(len(names))]
    try:
        arrow = arrow_csv.read_csv(
            pa.py_buffer(data),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=places, block_size=_BLOCK),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.large_string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise FileError(_("The file can't be read as CSV: %s") % error) from error
    frame = pl.from_arrow(arrow)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101
    if whole:
        _check_end(data, bad, frame)
    frame = _numbered(frame, [number for number, _text in bad])
    spare = places[len(header) :]
    frame = frame.slice(1).rename(dict(zip(places, [*header, *spare], strict=True))).drop(spare)
    if head is not None:
        frame = frame.head(head)
    table = Table(_without_blank_rows(frame))
    if not data.endswith((b"\n", b"\r")) and whole:
        table.notes.append(
            _("The file does not end with a line break: make sure that its last row is whole.")
        )
    _misfits(table, bad, delimiter, len(names))
    return table


def _utf8(path: Path, most: int | None) -> bytes:
    """The file's text as UTF-8, whatever Unicode encoding it says it has. Raises `FileError`."""
    with path.open("rb") as file:
        data = file.read() if most is None else file.read(most)
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            try:
                text = codecs.getincrementaldecoder(encoding)().decode(data[2:], final=most is None)
            except UnicodeDecodeError as error:
                raise FileError(
                    _("The file says that it is UTF-16, but it is cut off or damaged.")
                ) from error
            return text.encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=most is None)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            _("Line %(line)d is not valid UTF-8 (byte 0x%(byte)02X). Save the file as “CSV UTF-8”.")
            % {"line": line, "byte": data[error.start]}
        ) from error
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise FileError(_("Line %d holds a zero byte: this is not a text file.") % line)
    return data


def _first_lines(data: bytes, most: int) -> str:
    lines = data[:_HEAD_BYTES].decode(errors="ignore").splitlines(keepends=True)
    return "".join(lines[: most + 10])


def _delimiter(data: bytes) -> str:
    """The sign that splits the header into the most columns."""
    start = _first_lines(data, 1)

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(start), delimiter=delimiter), []))
        except csv.Error as error:
            raise FileError(_("The first row can't be read as CSV: %s") % error) from error

    return max(_DELIMITERS, key=columns)


def _check_end(data: bytes, bad: list[tuple[int, str]], frame: pl.DataFrame) -> None:
    """Refuse a file whose last row is plainly cut off: too few cells or an open quote, and no line break."""
    rows = frame.height + len(bad)
    if data.endswith((b"\n", b"\r")):
        is_misfit = bool(bad) and bad[-1][0] == rows
        last_row = bad[-1][1] if is_misfit else "".join(str(cell) for cell in frame.row(-1))
        if data.count(b'"') % 2 and "\n" in last_row:
            raise FileError(_("The file ends inside a quoted value (row %d): it seems to be cut off.") % rows)
        return
    last = data[data.rfind(b"\n") + 1 :]
    if (bad and bad[-1][0] == rows) or last.count(b'"') % 2:
        raise FileError(_("The file ends in the middle of row %d: it seems to be cut off.") % rows)


def _numbered(frame: pl.DataFrame, skipped: list[int]) -> pl.DataFrame:
    """The frame with `ROW`, given the numbers of the rows that the parser left out."""
    total = frame.height + len(skipped)
    numbers = pl.Series(ROW, range(1, total + 1), dtype=pl.Int64)
    if skipped:
        numbers = numbers.filter(~numbers.is_in(skipped))
    return frame.with_columns(numbers)


def _misfits(table: Table, bad: list[tuple[int, str]], delimiter: str, width: int) -> None:
    for number, text in bad:
        cells = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        table.misfits.append((number, cells))
        reason = _("the row has %(found)d values, the header has %(expected)d") % {
            "found": len(cells),
            "expected": width,
        }
        table.errors.add(pl.Series([number]), "", pl.Series([text]), reason)


def _without_blank_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the rows in which every cell is empty."""
    cells = [name for name in frame.columns if name != ROW]
    text = pl.col(cells).cast(pl.String).str.strip_chars().fill_null("") if cells else pl.lit("")
    return frame.filter(pl.any_horizontal(text != ""))


# -- Excel, Parquet -----------------------------------------------------------------------------------
def _excel(path: Path, limit: int, decimal_comma: bool, head: int | None) -> Table:
    names, sheets = sheets_read(path, limit=limit, first_only=True, head=head)
    table = sheet_table(sheets[0], decimal_comma=decimal_comma)
    if len(names) > 1:
        table.notes.append(
            _("Only the first sheet, “%(name)s”, is read; the file has %(count)d.")
            % {"name": names[0], "count": len(names)}
        )
    if head is not None:
        table.frame = table.frame.head(head)
    return table


def sheet_table(rows: list[list[Cell]], *, decimal_comma: bool = False) -> Table:
    """The cells of a sheet as a table; its first row that is not empty is the header. Raises `FileError`."""
    first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), None)
    if first is None:
        raise FileError(_("The sheet is empty."))
    header = _header([cell if isinstance(cell, str) else str(cell) for cell in rows[first]])
    frame = sheet_frame(rows[first + 1 :], header, decimal_comma=decimal_comma)
    start = first + 2
    frame = frame.with_columns(pl.Series(ROW, range(start, start + frame.height), dtype=pl.Int64))
    return Table(_without_blank_rows(frame))


def _parquet(path: Path, limit: int, head: int | None) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(path)
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if size > 4 * limit:
            raise FileError(_("Unpacked, the file is larger than %d MB.") % (4 * limit >> 20))
        frame = pl.read_parquet(path, n_rows=head)
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        raise FileError(_("The Parquet file is damaged or cut off: %s") % str(error)[:200]) from error
    _header(frame.columns)
    for name, dtype in frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise FileError(
                _("Column “%(name)s” holds %(type)s, not single values.") % {"name": name, "type": dtype}
            )
    frame = frame.with_columns(
        pl.Series(ROW, range(HEADER_ROW + 1, HEADER_ROW + 1 + frame.height), dtype=pl.Int64),
        pl.col(pl.Categorical, pl.Enum).cast(pl.String),
    )
    return Table(_without_blank_rows(frame))
