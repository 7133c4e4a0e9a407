"""Demand hidden by planted stock-outs on Breakfast at the Frat: how much is found again, what it is worth.

    python -m benchmarks.censored_demand [--kinds random,after,capped] [--folds 3] [--models lightgbm]
           [--seeds 3] [--no-forecasts]

Stock-outs are planted in three ways: `random` spells of a geometric length (mean 3 weeks, at most 8);
`after`, the same after weeks that sold 1.5 times their mean or more; `capped`, weeks whose stock was drawn
around the recent rate and sold out (so that high demand is hidden most). The first week of a spell sells a
random share of its demand half of the time. Price and promotion stay known, as a plan is.

Printed are: the share of demand that was hidden in these weeks; bias and WAPE of its reconstruction; without
flags, the share of planted empty weeks that were inferred and the share of inferred that were planted. Then
WAPE and bias of forecasts over the next 8 weeks from: demand as it was (`truth`), `flags`, sales without
flags (`inferred`), and sales with all weeks said to be in stock (`zeros`).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from benchmarks.forecast_sets import Case, frat
from forecasting.core.cleaning import Reason, clean
from forecasting.core.panel import Array, Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.pipeline import forecast

KINDS = ("random", "after", "capped")
_LONGEST = 8


def plant(y: Array, kind: str, seed: int) -> tuple[Array, Array]:
    """Sales (T, N) left by planted stock-outs and where these are; ``y`` is demand, NaN before the start."""
    rng = np.random.default_rng(seed)
    seen = np.isfinite(y)
    demand = np.nan_to_num(y)
    mean = demand.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    before = np.vstack([demand[:1], demand[:-1]])
    if kind == "capped":
        stock = np.rint(0.5 * (mean + before) * rng.uniform(0.5, 1.8, y.shape))
        out = seen & (rng.random(y.shape) < 0.2) & (demand >= stock) & (demand > 0)
        return np.where(out, stock, y).astype(np.float32), out
    begins = rng.random(y.shape) < 0.03
    if kind == "after":
        begins = (before > 1.5 * mean) & (rng.random(y.shape) < 0.35)
    length = rng.geometric(1 / 3, size=y.shape).clip(1, _LONGEST)
    out = np.zeros(y.shape, dtype=bool)
    for step in range(_LONGEST):
        out[step:] |= (begins & (length > step))[: len(y) - step]
    first = (demand > 0).argmax(axis=0)
    out &= seen & (np.arange(len(y))[:, None] > first)
    opening = out & ~np.vstack([np.zeros_like(out[:1]), out[:-1]])
    share = np.where(opening & (rng.random(y.shape) < 0.5), rng.random(y.shape), 0)
    return np.where(out, np.floor(demand * share), y).astype(np.float32), out


def lay(case: Case, frame: pl.DataFrame, as_of: date) -> Panel:
    """The case's rows on their dense grid."""
    spec = case.spec
    return panel_from_frame(
        frame, as_of=as_of, freq=spec.freq, horizon=spec.horizon, known=spec.known, static=spec.static
    )


def reconstruction(full: Panel, kind: str, seeds: int) -> dict[str, float]:
    """Bias and WAPE of the estimates over hidden weeks; without flags recall, precision. Means of seeds."""
    rows = []
    for seed in range(seeds):
        sales, out = plant(full.y, kind, seed)
        truth = full.y[out].astype(np.float64)
        found = clean(replace(full, y=sales, censored=out)).demand[out]
        blind = clean(replace(full, y=sales, censored=np.zeros_like(out)))
        likely = blind.reason == Reason.LIKELY_STOCK_OUT
        empty = out & (sales == 0) & (full.y > 0)
        rows.append(
            (
                1 - sales[out].sum() / truth.sum(),
                found.sum() / truth.sum() - 1,
                np.abs(found - truth).sum() / truth.sum(),
                likely[empty].mean() if empty.any() else np.nan,
                (likely & empty).sum() / max(likely.sum(), 1),
            )
        )
    names = ("hidden", "bias", "WAPE", "recall", "precision")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def forecasts(case: Case, full: Panel, kind: str, folds: int, models: tuple[str, ...]) -> None:
    """Print WAPE and bias of forecasts from each kind of history, mean of the last folds."""
    sales, out = plant(full.y, kind, seed=0)
    period, series = np.nonzero(np.isfinite(full.y))
    cells = pl.DataFrame(
        {
            "unique_id": np.array(full.unique_id)[series],
            "ds": full.ds[period],
            "sales": sales[period, series].astype(np.float64),
            "in_stock": ~out[period, series],
        }
    )
    frame = case.panel.join(cells, on=["unique_id", "ds"], how="left")
    sold = frame.with_columns(pl.col("sales").alias("y")).drop("sales")
    histories = {
        "truth": case.panel,
        "flags": sold,
        "inferred": sold.drop("in_stock"),
        "zeros": sold.with_columns(pl.lit(value=True).alias("in_stock")),
    }
    spec = replace(case.spec, models=models, quantiles="none")
    for name, history in histories.items():
        scores = []
        for cut in case.cuts[-folds:]:
            fold = Case(case.name, case.panel, case.cuts, case.spec).fold(cut)
            read = replace(case, panel=history).fold(cut).panel
            mean = forecast(read, as_of=cut, spec=spec).distribution.mean
            error = mean - fold.actual
            scores.append((np.nansum(np.abs(error)), np.nansum(error), np.nansum(fold.actual)))
        absolute, signed, total = np.array(scores).T
        print(
            f"{kind:8}{name:10} WAPE {np.mean(absolute / total):.4f}  bias {np.mean(signed / total):+.4f}",
            flush=True,
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--models", default="lightgbm")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-forecasts", action="store_true")
    arguments = parser.parse_args()
    try:
        case = frat()
    except FileNotFoundError as error:
        print(f"skipped, {error}")
        return
    full = lay(case, case.panel, case.panel["ds"].max())  # type: ignore[arg-type]
    kinds = arguments.kinds.split(",")
    print("          hidden    bias    WAPE  recall precision")
    for kind in kinds:
        row = reconstruction(full, kind, arguments.seeds)
        print(f"{kind:8}" + "".join(f"{value:8.3f}" for value in row.values()), flush=True)
    for kind in kinds if not arguments.no_forecasts else ():
        forecasts(case, full, kind, arguments.folds, tuple(arguments.models.split(",")))


if __name__ == "__main__":
    main()
