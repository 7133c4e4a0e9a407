"""Which signals earn their place in forecasts: the trial of signals on public data and on made-up shops.

    .venv/bin/python -m benchmarks.signals [--shops 100] [--sets frat,retail] [--json FILE]

Sets: `frat` (Breakfast at the Frat: feature, display and price reductions as signals that are known only
afterwards), `retail` (Online Retail II: orders, buyers, buyers' countries, price, and a market index: revenue
of the whole shop). Then shops in which carts lead demand by a week, and shops in which no signal does; of
these the share in which anything was used is counted, with its 95% interval (Clopper and Pearson, *The use of
confidence or fiducial limits illustrated in the case of the binomial*, Biometrika 26, 1934).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from scipy.stats import binomtest
from tqdm import tqdm

from benchmarks.forecast_sets import data_folder, dense, frat
from benchmarks.signal_shops import AS_OF, SIGNALS, Effect, shop
from forecasting.core.spec import ForecastSpec
from forecasting.core.trials import SPEC, TrialResult, Verdict, trial

Set = tuple[pl.DataFrame, date, dict[str, tuple[str, ...]], ForecastSpec]


def frat_signals() -> Set:
    """What the store did, as if it were known only afterwards; nothing is known ahead."""
    case = frat()
    spec = replace(SPEC, static=case.spec.static)
    panel = case.panel.with_columns(cut=1 - pl.col("price") / pl.col("base_price"))
    signals: dict[str, tuple[str, ...]] = {
        "feature": ("feature",),
        "display": ("display",),
        "price cut": ("cut", "tpr_only"),
    }
    return panel.drop("price", "base_price"), case.cuts[-1], signals, spec


def retail_signals() -> Set:
    """Online Retail II by product and week (all countries together)."""
    folder = data_folder("uci_online_retail")
    names = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}
    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    old = pl.read_parquet(folder / "online_retail_II_2009_2010.parquet").rename(names).select(columns)
    new = pl.read_parquet(folder / "online_retail_2010_2011.parquet").select(columns)
    lines = pl.concat(
        [old.filter(pl.col("InvoiceDate") < date(2010, 12, 1)), new], how="vertical_relaxed"
    ).filter(
        ~pl.col("InvoiceNo").cast(pl.String).str.starts_with("C"),
        pl.col("Quantity") > 0,
        pl.col("UnitPrice") > 0,
        pl.col("StockCode").str.contains(r"^\d{5}"),
    )
    last = date(2011, 11, 28)
    weeks = (
        lines.with_columns(
            pl.col("StockCode").alias("unique_id"),
            pl.col("InvoiceDate").dt.date().dt.truncate("1w").alias("ds"),
        )
        .group_by("unique_id", "ds")
        .agg(
            y=pl.col("Quantity").sum().cast(pl.Float64),
            order_count=pl.col("InvoiceNo").n_unique(),
            buyer_count=pl.col("CustomerID").n_unique(),
            countries=pl.col("Country").n_unique(),
            asked=pl.col("UnitPrice").median(),
            revenue=(pl.col("Quantity") * pl.col("UnitPrice")).sum(),
        )
        .filter(pl.col("ds") <= last)
    )
    often = (
        weeks.filter(pl.col("ds") < date(2011, 4, 1)).group_by("unique_id").len().filter(pl.col("len") >= 10)
    )
    index = weeks.group_by("ds").agg(index=pl.col("revenue").sum())
    sold = weeks.drop("revenue").filter(pl.col("unique_id").is_in(often["unique_id"].implode()))
    counts = ("order_count", "buyer_count", "countries")
    panel = (
        dense(sold, last)
        .with_columns(
            *(pl.col(name).fill_null(0) for name in counts),
            pl.col("asked").fill_null(strategy="forward").over("unique_id"),
        )
        .join(index, on="ds", how="left")
    )
    signals: dict[str, tuple[str, ...]] = {
        "orders": ("order_count",),
        "buyers": ("buyer_count",),
        "countries": ("countries",),
        "price": ("asked",),
        "market index": ("index",),
    }
    return panel, last, signals, SPEC


SETS = {"frat": frat_signals, "retail": retail_signals}


def row(verdict: Verdict) -> str:
    """A line of the table."""
    v = verdict
    return (
        f"| {v.signal} | {v.wape_without:.4f} | {v.wape_with:.4f}"
        f" | {v.pinball_without:.4f} | {v.pinball_with:.4f}"
        f" | {100 * v.difference:+.2f} ({100 * v.low:+.2f} to {100 * v.high:+.2f}) | {v.p_value:.3f}"
        f" | {'used' if v.used else v.reason} |"
    )


def print_trial(name: str, result: TrialResult, seconds: float) -> None:
    """One data set's table."""
    print(
        f"\n## {name}: {result.series:,} series, {len(result.origins)} origins from {result.origins[0]} to"
        f" {result.origins[-1]}, {seconds:.0f} s\n"
    )
    print(
        "| signal | WAPE without | with | pinball without | with | difference, points (95%) | p (Holm)"
        " | verdict |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for verdict in result.verdicts:
        print(row(verdict))
    if result.together is not None:
        print(row(result.together))
    for signal, reason in result.left_out.items():
        print(f"| {signal} | left out: {reason} | | | | | | |")


def held(effect: Effect, seed: int) -> TrialResult:
    """The trial of a made-up shop of 100 products and 80 weeks, two weeks ahead."""
    spec = replace(SPEC, horizon=2, rows=4_000)
    return trial(shop(effect, seed=seed, series=100, weeks=80), as_of=AS_OF, signals=SIGNALS, spec=spec)


def print_shops(count: int) -> dict[str, Any]:
    """How often signals are used in shops where they lead demand, and where they don't."""
    print("\n## Made-up shops (100 products, 80 weeks)\n")
    print(
        "| effect | shops | carts used | echo used | noise used | shops with a false use (95%) | WAPE without"
        " | with carts |"
    )
    print("|---|---|---|---|---|---|---|---|")
    told: dict[str, Any] = {}
    effects: tuple[Effect, ...] = ("leads", "none")
    for effect in effects:
        found = [held(effect, seed) for seed in tqdm(range(count), desc=effect, disable=None)]
        told[effect] = shops_row(effect, found)
    return told


def shops_row(effect: Effect, found: list[TrialResult]) -> dict[str, Any]:
    """Print the line of some shops of a kind; its counts."""
    count = len(found)
    used = {name: sum(name in result.used for result in found) for name in SIGNALS}
    right = {"carts"} if effect == "leads" else set()
    false = sum(bool(set(result.used) - right) for result in found)
    carts = [result.verdicts[0] for result in found]
    without, with_ = (
        sum(getattr(verdict, name) for verdict in carts) / count for name in ("wape_without", "wape_with")
    )
    bounds = binomtest(false, count).proportion_ci(method="exact")
    print(
        f"| {effect} | {count} | {used['carts']} | {used['echo']} | {used['noise']} | {false}"
        f" ({100 * bounds.low:.1f}% to {100 * bounds.high:.1f}%) | {without:.4f} | {with_:.4f} |",
        flush=True,
    )
    return {"shops": count, "used": used, "false": false, "low": bounds.low, "high": bounds.high}


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--shops", type=int, default=100, help="shops of each kind; 0 for none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    kept: dict[str, Any] = {}
    for name in [name for name in arguments.sets.split(",") if name]:
        try:
            panel, as_of, signals, spec = SETS[name]()
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error}")
            continue
        start = time.perf_counter()
        result = trial(panel, as_of=as_of, signals=signals, spec=replace(spec, threads=arguments.threads))
        print_trial(name, result, time.perf_counter() - start)
        kept[name] = result.to_dict()
    if arguments.shops:
        kept["shops"] = print_shops(arguments.shops)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
