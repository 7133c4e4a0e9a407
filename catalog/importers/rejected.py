"""The file of rejected rows: the file's own columns and why, to be mended and sent again."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from catalog.importers.mapping import ERROR_COLUMN
from catalog.importers.parsing import FORMULA
from catalog.importers.reading import ROW, Table

_NUMBER = r"^[+-]?[\d.,]+([eE][+-]?\d+)?$"


def rejected_csv(
    table: Table, errors: pl.DataFrame, *, everything: bool, decimal_comma: bool = False
) -> bytes:
    """CSV in UTF-8 with a byte order mark (spreadsheets need it), the wrong rows with their reasons.

    With `everything` the other rows follow, for a file of which nothing was loaded. Cells that a spreadsheet
    would run as formulas get an apostrophe in front.
    """
    header = [name for name in table.header if name != ERROR_COLUMN]
    cells = table.frame.select(ROW, *(_written(table.frame, name, decimal_comma) for name in header))
    if table.misfits:
        misfits = [
            {ROW: row} | {name: values[n] if n < len(values) else None for n, name in enumerate(table.header)}
            for row, values in table.misfits
        ]
        schema = {ROW: pl.Int64(), **{name: pl.String() for name in header}}
        cells = pl.concat([cells, pl.DataFrame(misfits, schema=schema)]).sort(ROW)
    reasons = errors.group_by("row", maintain_order=True).agg(
        pl.when(pl.col("column") != "")
        .then(pl.concat_str("column", pl.lit(": "), "reason"))
        .otherwise("reason")
        .str.join("; ")
        .alias(ERROR_COLUMN)
    )
    rows = cells.join(reasons, left_on=ROW, right_on="row", how="left", maintain_order="left")
    rows = rows.sort(pl.col(ERROR_COLUMN).is_null(), maintain_order=True)
    if not everything:
        rows = rows.filter(pl.col(ERROR_COLUMN).is_not_null())
    rows = rows.drop(ROW).with_columns(_safe(name) for name in [*header, ERROR_COLUMN])
    return b"\xef\xbb\xbf" + rows.write_csv().encode()


def photos_csv(rows: Sequence[tuple[str, str, str]]) -> bytes:
    """The same of photos: name in the ZIP file, SKU and reason of each that was refused."""
    header = ["file", "sku", ERROR_COLUMN]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String()), orient="row")
    return b"\xef\xbb\xbf" + frame.with_columns(_safe(name) for name in header).write_csv().encode()


def _written(frame: pl.DataFrame, name: str, decimal_comma: bool) -> pl.Expr:
    """The cell as text in the file's own decimal mark, so that it reads the same when it comes back."""
    cell = pl.col(name).cast(pl.String)
    if frame.schema[name].is_float():
        whole = (
            pl.col(name).is_finite() & (pl.col(name) == pl.col(name).round(0)) & (pl.col(name).abs() < 1e15)
        )
        cell = pl.when(whole).then(pl.col(name).cast(pl.Int64, strict=False).cast(pl.String)).otherwise(cell)
        cell = cell.str.replace(".", ",", literal=True) if decimal_comma else cell
    return cell.alias(name)


def _safe(name: str) -> pl.Expr:
    cell = pl.col(name)
    risky = cell.str.contains(FORMULA.replace("'?", "")) & ~cell.str.contains(_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), cell)).otherwise(cell).alias(name)
