"""UCI Online Retail and Online Retail II (Chen, CC BY 4.0) as published: order lines of a British gift shop.

Source: D. Chen, "Online Retail" (2015) and "Online Retail II" (2019), UCI Machine Learning Repository,
doi:10.24432/C5BW33 and doi:10.24432/C5CG6D. Both header variants, as xlsx, csv or parquet: one file, or a
folder with both, of which the older one gives way where they overlap.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.dates import local_to_utc, moments_convert
from catalog.importers.errors import FileError
from catalog.importers.mapping import plain
from catalog.importers.numbers import numbers_convert
from catalog.importers.parsing import buyers_hash
from catalog.importers.prepared import PRICE_UNIT, Prepared, drops_count, totals
from catalog.importers.reading import ROW, Table, sheet_table, table_read
from catalog.importers.workbook import sheets_read

KIND = SOURCE = "online-retail"
WAREHOUSE = "GB"
TIME_ZONE = "Europe/London"
CURRENCY = "GBP"

_COLUMNS = {
    "invoice": "invoice",
    "invoiceno": "invoice",
    "stockcode": "code",
    "description": "description",
    "quantity": "quantity",
    "invoicedate": "at",
    "price": "price",
    "unitprice": "price",
    "customer_id": "customer",
    "customerid": "customer",
    "country": "country",
}
_COUNTRIES = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Bermuda": "BM", "Brazil": "BR",
    "Canada": "CA", "Cyprus": "CY", "Czech Republic": "CZ", "Denmark": "DK", "EIRE": "IE", "Finland": "FI",
    "France": "FR", "Germany": "DE", "Greece": "GR", "Hong Kong": "HK", "Iceland": "IS", "Israel": "IL",
    "Italy": "IT", "Japan": "JP", "Korea": "KR", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT",
    "Netherlands": "NL", "Nigeria": "NG", "Norway": "NO", "Poland": "PL", "Portugal": "PT", "RSA": "ZA",
    "Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES", "Sweden": "SE", "Switzerland": "CH",
    "Thailand": "TH", "USA": "US", "United Arab Emirates": "AE", "United Kingdom": "GB",
}  # fmt: skip
# A line of so many units, and of so many times the product's usual line, is a one-off bulk order.
BULK_UNITS = 1_000
BULK_TIMES = 20


def prepare(path: Path, *, limit: int, buyer_key: bytes) -> Prepared:
    """Read a file, or a folder of them, into order lines with all that is left out accounted for.

    Raises `FileError` when a file is not one of the published ones or holds a cell that can't be right.
    """
    files = _files(path)
    tables = [lines for file in files for lines in _read(file, limit)]
    lines = _overlap_mark(tables)
    lines = lines.with_columns(
        # By value, not by place in the file: the two files list the same invoice in different orders.
        line_number=pl.struct("code", "quantity", "price_units", "at", "description")
        .rank("ordinal")
        .over("invoice", "overlap")
        .cast(pl.Int64),
        is_cancelled=pl.col("invoice").str.starts_with("C"),
        value_units=pl.col("quantity") * pl.col("price_units"),
    ).with_columns(drop=_drop())
    kept = lines.filter(pl.col("drop").is_null())
    kept = kept.with_columns(market=_market()).pipe(_kinds).with_row_index("n")
    kept = local_to_utc(kept.with_columns(zone=pl.lit(TIME_ZONE)), moment="at", zone="zone")
    orders = kept.select(
        sku="code",
        location="market",
        source=pl.lit(SOURCE),
        order_number="invoice",
        line_number="line_number",
        ordered_at="at",
        day="day",
        kind="kind",
        quantity=pl.col("quantity").cast(pl.Float64),
        unit_price=pl.col("price_units") / PRICE_UNIT,
        buyer_hash=buyers_hash(kept["customer"], buyer_key),
    )
    return Prepared(
        rows_read=lines.height,
        masters={"location": _locations(kept), "product": _products(kept)},
        orders=orders,
        drops=drops_count(lines),
        report={"kept": totals(kept)} | _report(kept),
    )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    endings = {".xlsx", ".csv", ".parquet"}
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in endings and "retail" in file.name.casefold() and file.is_file()
    )
    if not files:
        raise FileError(_("The folder has no file of Online Retail (*retail*.xlsx, .csv or .parquet)."))
    return files


def _read(path: Path, limit: int) -> list[pl.DataFrame]:
    """The order lines of a file, one frame for each sheet."""
    with path.open("rb") as file:
        is_excel = file.read(4) == b"PK\x03\x04"
    if is_excel:
        _names, sheets = sheets_read(path, limit=limit, first_only=False)
        return [_lines(sheet_table(rows), path.name) for rows in sheets if len(rows) > 1]
    return [_lines(table_read(path, limit=limit), path.name)]


def _lines(table: Table, name: str) -> pl.DataFrame:
    """Typed columns from either header. Raises `FileError` for the first cell that can't be right."""
    if table.errors.frames:
        row, _column, _value, reason = table.errors.frame().row(0)
        raise FileError(
            _("%(file)s, row %(row)d: %(reason)s.") % {"file": name, "row": row, "reason": reason}
        )
    found = {_COLUMNS[plain(header)]: header for header in table.header if plain(header) in _COLUMNS}
    missing = sorted(set(_COLUMNS.values()) - set(found))
    if missing:
        raise FileError(
            _("%(file)s is not a file of Online Retail: it has no column for %(columns)s.")
            % {"file": name, "columns": ", ".join(missing)}
        )
    source = table.frame
    price, wrong_price = numbers_convert(
        source[found["price"]], decimal_comma=False, minimum=None, maximum=1e9, whole=False, decimals=4
    )
    quantity, wrong_quantity = numbers_convert(
        source[found["quantity"]], decimal_comma=False, minimum=-1e9, maximum=1e9, whole=True, decimals=None
    )
    at, wrong_at = moments_convert(source[found["at"]], order="auto", latest=None)
    text = {
        key: _text(source[found[key]]) for key in ("invoice", "code", "description", "customer", "country")
    }
    checks = [
        ("price", wrong_price, price),
        ("quantity", wrong_quantity, quantity),
        ("at", wrong_at, at),
        ("invoice", [], text["invoice"]),
        ("code", [], text["code"]),
        ("country", [], text["country"]),
    ]
    for key, problems, values in checks:
        for mask, reason in [*problems, (values.is_null(), _("is empty"))]:
            _refuse(name, source, found[key], mask, reason)
    lines = pl.DataFrame(
        {
            "invoice": text["invoice"].str.to_uppercase(),
            "code": text["code"].str.to_uppercase().str.slice(0, 64),
            "description": text["description"],
            "quantity": quantity.cast(pl.Int64),
            "at": at.cast(pl.Datetime("us")),
            "price_units": (price * PRICE_UNIT).round(0).cast(pl.Int64),
            "customer": text["customer"],
            "country": text["country"],
        }
    )
    _refuse(name, source, found["invoice"], lines["invoice"].str.len_chars() > 32, _("is too long"))
    return lines


def _refuse(name: str, source: pl.DataFrame, header: str, mask: pl.Series, reason: str) -> None:
    wrong = source.select(ROW, header).filter(mask.fill_null(False))
    if wrong.height:
        row, value = wrong.row(0)
        raise FileError(
            _("%(file)s, row %(row)d, %(column)s “%(value)s”: %(reason)s.")
            % {"file": name, "row": row, "column": header, "value": str(value)[:80], "reason": reason}
        )


def _text(values: pl.Series) -> pl.Series:
    """Text without spaces around it or control characters; codes that became numbers lose their `.0`."""
    if values.dtype.is_float():
        values = values.cast(pl.Int64)
    text = values.cast(pl.String).str.replace_all(r"[\x00-\x1f\x7f]", " ").str.strip_chars()
    return pl.select(pl.when(text != "").then(text)).to_series()


def _overlap_mark(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """All lines, with `overlap` where a newer file begins before the older one ends."""
    tables = sorted(tables, key=lambda lines: lines["at"].min())  # type: ignore[arg-type, return-value]
    marked = []
    for number, lines in enumerate(tables):
        begins = min((later["at"].min() for later in tables[number + 1 :]), default=None)  # type: ignore[type-var]
        is_over = pl.lit(False) if begins is None else pl.col("at") >= begins
        marked.append(lines.with_columns(overlap=is_over))
    return pl.concat(marked)


def _drop() -> pl.Expr:
    """Why a line is left out; the first reason that holds counts."""
    return (
        pl.when("overlap")
        .then(pl.lit("overlap"))
        .when(~pl.col("code").str.contains(r"^\d{5}"))
        .then(pl.lit("not-a-product"))
        .when((pl.col("quantity") < 0) & ~pl.col("is_cancelled"))
        .then(pl.lit("write-off"))
        .when(pl.col("price_units") <= 0)
        .then(pl.lit("no-price"))
        .when(pl.col("is_cancelled") & (pl.col("quantity") >= 0))
        .then(pl.lit("cancels-nothing"))
        .when(pl.col("quantity") == 0)
        .then(pl.lit("no-quantity"))
    )


def _market() -> pl.Expr:
    slug = pl.col("country").str.to_uppercase().str.replace_all(r"[^A-Z0-9]+", "-").str.strip_chars("-")
    code = pl.col("country").replace_strict(_COUNTRIES, default=None, return_dtype=pl.String)
    return pl.concat_str(pl.lit("MARKET-"), pl.coalesce(code, slug).str.slice(0, 50))


def _kinds(kept: pl.DataFrame) -> pl.DataFrame:
    """`kind`: a C-line that takes back units sold earlier on the same day is a cancellation, else a return.

    Units are matched within customer, code, price, market and day, each at most once, in the order of time,
    so that a day's sales less cancellations are never negative. An unknown customer's lines match nothing.
    """
    kept = kept.with_row_index("n").with_columns(date=pl.col("at").dt.date())
    group = ["customer", "code", "price_units", "market", "date"]
    with_c = kept.filter(pl.col("is_cancelled") & pl.col("customer").is_not_null())
    events = kept.join(with_c.select(group).unique(), on=group).sort(*group, "at", "is_cancelled", "n")
    cancelled: list[int] = []
    current: tuple[Any, ...] | None = None
    left = 0
    for *keys, number, quantity, is_cancelled in events.select(
        *group, "n", "quantity", "is_cancelled"
    ).iter_rows():
        if tuple(keys) != current:
            current, left = tuple(keys), 0
        if not is_cancelled:
            left += quantity
        elif -quantity <= left:
            left += quantity
            cancelled.append(number)
    is_matched = pl.col("n").is_in(pl.Series(cancelled, dtype=pl.get_index_type()).implode())
    return kept.with_columns(
        kind=pl.when(~pl.col("is_cancelled"))
        .then(pl.lit("sale"))
        .when(is_matched)
        .then(pl.lit("cancellation"))
        .otherwise(pl.lit("return"))
    ).drop("n", "date")


def _locations(kept: pl.DataFrame) -> pl.DataFrame:
    """The warehouse, and a market that it serves for each country."""
    markets = kept.select("market", "country").unique("market").sort("market")
    frame = markets.select(
        code="market",
        name="country",
        kind=pl.lit("market"),
        country=pl.col("country").replace_strict(_COUNTRIES, default="", return_dtype=pl.String),
        currency=pl.lit(CURRENCY),
        time_zone=pl.lit(TIME_ZONE),
        receiving_location_id=pl.lit(WAREHOUSE),
    )
    warehouse = {
        "code": WAREHOUSE,
        "name": "United Kingdom (warehouse)",
        "kind": "warehouse",
        "country": "GB",
        "currency": CURRENCY,
        "time_zone": TIME_ZONE,
        "receiving_location_id": None,
    }
    return pl.concat([pl.DataFrame([warehouse], schema=frame.schema), frame])


def _products(kept: pl.DataFrame) -> pl.DataFrame:
    """Each code with its most frequent description, the first in the alphabet of several."""
    counted = kept.group_by("code", "description").len()
    counted = counted.filter(pl.col("description").is_not_null())
    best = counted.sort("code", "len", "description", descending=[False, True, False]).unique(
        "code", keep="first", maintain_order=True
    )
    name = pl.col("description").str.replace(r"^[=+\-@']+\s*", "").str.slice(0, 250)
    return (
        kept.select(sku="code")
        .unique()
        .sort("sku")
        .join(best.select(sku="code", name=name), on="sku", how="left", maintain_order="left")
        .with_columns(name=pl.when(pl.col("name") != "").then("name").otherwise("sku"))
    )


def _report(kept: pl.DataFrame) -> dict[str, Any]:
    """Lines by kind, and the one-off bulk orders among the sales: how many were cancelled, how many stay."""
    by_kind = {
        kind: totals(kept.filter(pl.col("kind") == kind)) for kind in ("sale", "cancellation", "return")
    }
    sales = kept.filter(pl.col("kind") == "sale")
    # A code with hardly any other line has no usual line of its own: then the shop's counts.
    own, of_all = pl.col("quantity").median().over("code"), pl.col("quantity").median()
    usual = pl.when(pl.len().over("code") < 5).then(of_all).otherwise(own)
    bulk = sales.with_columns(usual=usual).filter(
        (pl.col("quantity") >= BULK_UNITS) & (pl.col("quantity") >= BULK_TIMES * pl.col("usual"))
    )
    key = ["customer", "code", "price_units", "market", "day"]
    undone = kept.filter(pl.col("kind") == "cancellation").select(*key, quantity=-pl.col("quantity")).unique()
    cancelled = bulk.join(undone, on=[*key, "quantity"], how="semi")
    stays = bulk.join(undone, on=[*key, "quantity"], how="anti")
    return by_kind | {"bulk_cancelled": totals(cancelled), "bulk_kept": totals(stays)}
