"""A file, or rows, read and checked against the shop's own: what can be loaded, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.importers import complete_journey, online_retail
from catalog.importers.checking import (
    arcs_note,
    circles_note,
    codes_read,
    duplicates_note,
    gtins_note,
    references_resolve,
)
from catalog.importers.columns import DataSet
from catalog.importers.datasets import DATA_SETS
from catalog.importers.errors import FileError, RowErrors
from catalog.importers.mapping import mapping_check, mapping_suggest
from catalog.importers.parsing import Parsed, Style, parse
from catalog.importers.prepared import Prepared
from catalog.importers.reading import ROW, Table, header_sha256, table_read
from catalog.importers.workbook import sheet_frame
from catalog.models import ColumnMapping, ImportBatch, Product
from catalog.services.behaviour import events_kept_from
from catalog.services.errors import CatalogError
from catalog.tables import TABLES

Progress = Callable[[str, float], None]


@dataclass
class Checked:
    """What came out of reading: rows to load, or what an importer prepared."""

    rows_read: int
    frame: pl.DataFrame | None = None
    data_set: DataSet | None = None
    prepared: Prepared | None = None
    table: Table | None = None
    errors: RowErrors = field(default_factory=RowErrors)
    mapping: dict[str, str] = field(default_factory=dict)


def file_check(batch: ImportBatch, say: Progress) -> Checked:
    """Read and check an import's file. Raises `FileError` when it can't be taken in as a whole."""
    limit = settings.FORESTOCK_UPLOAD_LIMIT_BYTES
    path = batch_path(batch)
    say(_("Reading the file"), 0.02)
    if batch.kind == online_retail.KIND:
        assert path is not None  # noqa: S101
        prepared = online_retail.prepare(path, limit=limit, buyer_key=settings.FORESTOCK_BUYER_HASH_KEY)
        return Checked(prepared.rows_read, prepared=prepared)
    if batch.kind == complete_journey.KIND:
        prepared = complete_journey.prepare(
            path, buyer_key=settings.FORESTOCK_BUYER_HASH_KEY, options=batch.options
        )
        return Checked(prepared.rows_read, prepared=prepared)
    assert path is not None  # noqa: S101
    data_set = DATA_SETS[batch.kind]
    table = table_read(path, limit=limit, decimal_comma=batch.options.get("decimal") == "comma")
    taken = set(batch.mapping.values())
    guessed = {
        column: "" if name in taken else name for column, name in mapping_for(data_set, table.header).items()
    }
    mapping = mapping_check(data_set, table.header, guessed | batch.mapping)
    return table_check(table, data_set, mapping, batch.options, {}, say)


def batch_path(batch: ImportBatch) -> Path | None:
    """Where the import's file is, if it has one."""
    if batch.file:
        return Path(batch.file.path)
    return Path(batch.options["path"]) if "path" in batch.options else None


def mapping_for(data_set: DataSet, header: Sequence[str]) -> dict[str, str]:
    """How files with this header were mapped last, or what their names suggest."""
    remembered = ColumnMapping.objects.filter(
        kind=data_set.kind, header_sha256=header_sha256(list(header))
    ).first()
    return dict(remembered.mapping) if remembered else mapping_suggest(data_set, header)


def table_check(
    table: Table,
    data_set: DataSet,
    mapping: dict[str, str],
    options: Mapping[str, Any],
    restrict: dict[str, str],
    say: Progress,
) -> Checked:
    """Convert and check a table's rows; `restrict` as in `import_rows`. Raises `FileError`."""
    if table.frame.is_empty() and not table.errors.frames:
        raise FileError(_("The file has no rows below its header."))
    say(_("Checking the rows"), 0.2)
    style = Style(
        decimal_comma=options.get("decimal") == "comma",
        date_order=options.get("date_order", "auto"),
        latest=timezone.localdate() + timedelta(days=1),
        buyer_key=settings.FORESTOCK_BUYER_HASH_KEY,
    )
    given = set(mapping.values())
    constants = dict(options.get("constants", {}))
    constants |= {name: code for name, code in restrict.items() if name not in given}
    parsed = parse(table, data_set, mapping, style, constants)
    _restrict(parsed, data_set, restrict)
    say(_("Looking up codes"), 0.4)
    kinds = {column.references for column in data_set.columns if column.references}
    frame = references_resolve(parsed, data_set, {kind: codes_read(kind) for kind in kinds})
    if data_set.itself in frame.columns:
        header = parsed.headers[data_set.itself]
        circles_note(frame, data_set, _stored_references(data_set), parsed.errors, header)
    if data_set.arcs:
        arcs_note(parsed, frame, data_set, _stored_arcs(data_set))
    if "gtin" in frame.columns:
        gtins = Product._base_manager.exclude(gtin="").values_list("gtin", "sku")
        gtins_note(frame, dict(gtins), parsed.errors, parsed.headers["gtin"])
    if data_set.kind == "shopper_event":
        _old_events_note(parsed)
    duplicates_note(frame, data_set, parsed.errors)
    say(_("Checked"), 0.5)
    return Checked(
        rows_read=table.frame.height + len(table.misfits),
        frame=frame,
        data_set=data_set,
        table=table,
        errors=parsed.errors,
        mapping=mapping,
    )


def _old_events_note(parsed: Parsed) -> None:
    """Note events of days whose single events are no longer kept: their days could not be counted again."""
    first = events_kept_from()
    moments = parsed.frame["occurred_at"]
    old = (moments.dt.date() < first).fill_null(False)
    reason = _("is before %s: single events are no longer kept of then, import the days' totals") % first
    parsed.errors.add(
        parsed.frame[ROW].filter(old), parsed.headers["occurred_at"], moments.filter(old), reason
    )


def _restrict(parsed: Parsed, data_set: DataSet, restrict: Mapping[str, str]) -> None:
    """Note rows of others than one's own; whether their codes exist is not told."""
    for name, code in restrict.items():
        target = data_set.column(name).field
        values = parsed.frame[target]
        wrong = values.is_not_null() & (values != code)
        if wrong.any():
            parsed.errors.add(
                parsed.frame[ROW].filter(wrong), parsed.headers[target], values.filter(wrong),
                _("is not yours to write"),
            )  # fmt: skip
            own = pl.when(pl.col(target) == code).then(target)
            parsed.frame = parsed.frame.with_columns(own.alias(target))


def _stored_references(data_set: DataSet) -> dict[str, str | None]:
    model = TABLES[data_set.kind].model
    key, target = data_set.key[0], data_set.itself.removesuffix("_id")
    return dict(model._base_manager.values_list(key, f"{target}__{key}"))


def _stored_arcs(data_set: DataSet) -> dict[tuple[int, int], bool]:
    start, end = data_set.key
    rows = TABLES[data_set.kind].model._base_manager.values_list(start, end, data_set.arc or "pk")
    return {(source, target): bool(counts) for source, target, counts in rows}


def good_rows(frame: pl.DataFrame, data_set: DataSet, errors: RowErrors) -> pl.DataFrame:
    """The rows without errors, less those that refer to a row of the file that is not loaded."""
    good = frame.filter(~pl.col(ROW).is_in(errors.rows().implode()))
    if data_set.itself not in frame.columns:
        return good
    known = set(codes_read(data_set.kind))
    while True:
        there = known | set(good[data_set.key[0]])
        orphan = good[data_set.itself].is_not_null() & ~good[data_set.itself].is_in(list(there))
        if not orphan.any():
            return good
        errors.add(
            good[ROW].filter(orphan), data_set.itself, good[data_set.itself].filter(orphan),
            _("refers to a row that is not loaded"),
        )  # fmt: skip
        good = good.filter(~orphan)


def rows_table(data_set: DataSet, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of a call as a table. Raises `CatalogError` for values that are not single ones."""
    if not rows:
        raise CatalogError(_("There are no rows."))
    header = list(dict.fromkeys(name for row in rows for name in row))
    unknown = [name for name in header if not data_set.knows(name)]
    if unknown:
        raise CatalogError(_("There is no column “%s”.") % str(unknown[0])[:80])
    cells = [[_cell(row.get(name), number, name) for name in header] for number, row in enumerate(rows, 1)]
    frame = sheet_frame(cells, header, decimal_comma=False)
    return Table(frame.with_columns(pl.Series(ROW, range(1, len(rows) + 1), dtype=pl.Int64)))


def _cell(value: Any, number: int, name: str) -> Any:
    if value is None:
        return ""
    if isinstance(value, str | bool | int | float | datetime | date):
        return value
    raise CatalogError(
        _("Row %(row)d, %(column)s: a single value was expected.") % {"row": number, "column": name}
    )
