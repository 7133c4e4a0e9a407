"""The peers of the forecasting benchmarks: statsforecast and mlforecast, as a careful user would set them up.

    python -m benchmarks.forecast_peers OUT.json [--sets NAME,NAME] [--methods NAME,NAME]

Writes each method's scores, per set and fold, to OUT.json after each step; what is there already is kept
(delete the file after a change to a method or panel).
Peers read sales as they are, as one without stock records does. Each is set up below.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.forecast_peers_global import (
    mlforecast_conformal,
    mlforecast_lightgbm,
    mlforecast_ridge,
    mlforecast_ridge_log,
)
from benchmarks.forecast_peers_local import (
    Prediction,
    auto_ets,
    croston_sba,
    empirical,
    moving_average,
    seasonal_naive,
    ses,
    tsb,
)
from benchmarks.forecast_sets import SETS, Case, Fold, cases
from forecasting.core import scores
from forecasting.core.distribution import QUANTILES


def scored(fold: Fold, said: Prediction) -> dict[str, float]:
    """All metrics of one fold; a point forecast without quantiles counts as its median."""
    line: dict[str, float] = {}
    actual = fold.actual
    if said.mean is not None:
        line["wape"] = scores.wape(said.mean, actual)
        line["bias"] = scores.bias(said.mean, actual)
        line["rmsse"] = scores.rmsse(said.mean, actual, fold.squared)
    median = said.mean if said.quantiles is None else said.quantiles[:, :, QUANTILES.index(0.5)]
    if median is not None:
        line["wape_median"] = scores.wape(median, actual)
    if said.quantiles is not None:
        line["pinball"] = scores.pinball(said.quantiles, actual, QUANTILES, fold.absolute)
    if said.cumulative is not None:
        line["cum_pinball"] = scores.cumulative_pinball(said.cumulative, actual, QUANTILES, fold.absolute)
    for kind, block, truth in (
        ("coverage", said.quantiles, actual),
        ("cum_coverage", said.cumulative, np.cumsum(actual, axis=1)),
    ):
        for level in (0.9, 0.95, 0.99) if block is not None else ():
            use = fold.often >= 2 * (1 - level)
            own = block[use][:, :, QUANTILES.index(level)]  # type: ignore[index]
            line[f"{kind}_{round(100 * level)}"] = scores.coverage_miss(own, truth[use], level)
    return line


PEERS: dict[str, Callable[[Case, Fold], Prediction]] = {
    "seasonal_naive": seasonal_naive,
    "moving_average": moving_average,
    "empirical": empirical,
    "ses": ses,
    "croston_sba": croston_sba,
    "tsb": tsb,
    "mlforecast_ridge": mlforecast_ridge,
    "mlforecast_ridge_log": mlforecast_ridge_log,
    "mlforecast_lightgbm": mlforecast_lightgbm,
    "mlforecast_conformal": mlforecast_conformal,
    "auto_ets": auto_ets,
}
# Shown, but not among the peers that the gates name.
BEYOND = ("mlforecast_ridge_log",)
# AutoETS takes minutes on a thousand long daily series.
LEFT_OUT = {("retail_daily", "auto_ets"), ("journey_daily", "auto_ets")}


Table = dict[str, dict[str, dict[str, dict[str, float]]]]


def run_peers(
    sets: list[Case], methods: list[str], path: Path | None, *, folds: int = 3, quiet: bool = False
) -> Table:
    """Scores by set, method and fold (as-of date); each with its seconds. Known ones in the file are kept."""
    table: Table = json.loads(path.read_text()) if path is not None and path.is_file() else {}
    for method in methods:
        for case in sets:
            if (case.name, method) in LEFT_OUT:
                continue
            for cut in case.cuts[-folds:]:
                place = table.setdefault(case.name, {}).setdefault(method, {})
                if str(cut) in place:
                    continue
                fold = case.fold(cut)
                start = time.perf_counter()
                said = PEERS[method](case, fold)
                seconds = time.perf_counter() - start
                place[str(cut)] = {name: round(value, 6) for name, value in scored(fold, said).items()} | {
                    "seconds": round(seconds, 2)
                }
                if path is not None:
                    path.write_text(json.dumps(table, indent=1) + "\n")
            if not quiet and table.get(case.name, {}).get(method):
                row = means(table[case.name][method])
                print(f"{case.name:16}{method:22}" + _line(row), flush=True)
    return table


def means(folds: dict[str, dict[str, float]]) -> dict[str, float]:
    """Mean of each metric over the folds."""
    names = next(iter(folds.values()))
    return {name: float(np.mean([line[name] for line in folds.values()])) for name in names}


def _line(row: dict[str, float]) -> str:
    names = ("wape", "bias", "rmsse", "wape_median", "pinball", "cum_pinball", "seconds")
    return "".join(f"{row[name]:9.3f}" if name in row else f"{'-':>9}" for name in names)


def main() -> None:
    """Fill the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default=",".join(PEERS))
    arguments = parser.parse_args()
    run_peers(cases(arguments.sets.split(",")), arguments.methods.split(","), arguments.out)


if __name__ == "__main__":
    main()
