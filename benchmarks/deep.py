"""The deep model beside LightGBM, the tree, support vectors and a trivial answer, on public retail data.

Figures: docs/models/deep.md. Lines with the deep model need torch (requirements-deep.txt), and are left out
where it is absent.

    python -m benchmarks.deep [--sets frat,retail_weekly] [--models NAME,NAME] [--folds 3] [--threads 1]
    python -m benchmarks.deep --speed 100000

Every line is a run of the engine with that model alone, its quantiles calibrated on the run's own backtest;
"usual models" are those of ForecastSpec, and then the same with `deep` on trial. Scores are means over the
folds of `benchmarks.forecast_sets`; seconds are those of a run, backtest included, memory is the peak of a
process that did nothing else.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.forecast_peers import scored
from benchmarks.forecast_peers_local import Prediction
from benchmarks.forecast_sets import SETS
from forecasting.core.choose import members
from forecasting.core.models import ModelSettings, TrainingData, make
from forecasting.core.models.base import NotInstalledError
from forecasting.core.panel import Panel
from forecasting.core.pipeline import forecast
from forecasting.core.spec import ForecastSpec
from forecasting.core.stages import peak_mib

MODELS = ("moving_average", "tree", "svr", "linear", "lightgbm", "deep")
USUAL, WITH = "usual models", "usual models + deep"
COLUMNS = {
    "wape": "WAPE",
    "bias": "bias",
    "rmsse": "RMSSE",
    "pinball": "pinball",
    "cum_pinball": "cum. pinball",
}


def run(
    name: str, label: str, folds: int, threads: int
) -> tuple[list[dict[str, float]], list[dict[str, Any]]]:
    """Scores of each fold, with seconds and peak MiB so far, and the reports of the runs."""
    case = SETS[name]()
    models = {USUAL: ForecastSpec.models, WITH: (*ForecastSpec.models, "deep")}.get(label, (label,))
    lines, reports = [], []
    for cut in case.cuts[-folds:]:
        fold = case.fold(cut)
        start = time.perf_counter()
        result = forecast(fold.panel, as_of=cut, spec=replace(case.spec, models=models, threads=threads))
        seconds = time.perf_counter() - start
        said = result.distribution
        line = scored(fold, Prediction(said.mean, said.quantiles, said.cum_quantiles))
        lines.append(line | {"seconds": seconds, "mib": peak_mib()})
        taken = np.mean(["deep" in members(model) for model in result.model])
        reports.append(
            {
                "as_of": str(cut),
                "wape": line["wape"],
                "rmsse": line["rmsse"],
                "taken": float(taken),
                "champion": result.report["champion"],
                "backtest": {
                    model: (segments["overall"]["wape"], segments["overall"]["rmsse"])
                    for model, segments in result.report["models"].items()
                },
            }
        )
    return lines, reports


def alone(
    name: str, label: str, folds: int, threads: int
) -> tuple[list[dict[str, float]], list[dict[str, Any]]]:
    """The same in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(run, name, label, folds, threads).result()


def speed(count: int, threads: int) -> None:
    """Seconds to fit and predict many made-up series of two years: 16 rows a series, horizon 13."""
    weeks, horizon = 104, 13
    rng = np.random.default_rng(0)
    labels = np.datetime64("2022-01-03") + 7 * np.arange(weeks + horizon)
    y = rng.poisson(rng.gamma(0.8, 3, (1, count)), (weeks, count)).astype(np.float32)
    panel = Panel(
        unique_id=[f"s{number:06d}" for number in range(count)],
        freq="W",
        as_of=labels[weeks - 1].item(),
        ds=labels[:weeks],
        future=labels[weeks:],
        y=y,
        censored=np.zeros(y.shape, dtype=bool),
        start=np.zeros(count, dtype=int),
    )
    settings = ModelSettings(rows=16 * count, threads=threads)
    data = TrainingData(panel, horizon=horizon, settings=settings)
    print(f"{count:,} series, {len(data.training(weeks).y):,} rows")
    for name in ("lightgbm", "deep"):
        start = time.perf_counter()
        try:
            model = make(name, settings).fit(data, weeks)
        except NotInstalledError as error:
            print(f"{name}: left out, {error}")
            continue
        fitted = time.perf_counter()
        model.predict(data, weeks)
        end = time.perf_counter()
        print(f"{name}: fit {fitted - start:.0f} s, predict {end - fitted:.0f} s, peak {peak_mib():.0f} MiB")
        if graph := getattr(model, "graph_", None):
            print(f"  its graph has {len(graph) / 1000:.0f} KB")


def main() -> None:
    """Print a table per set, and what the choice of champions made of the deep model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default="frat,retail_weekly")
    parser.add_argument("--models", default=",".join((*MODELS, USUAL, WITH)))
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--speed", type=int, metavar="SERIES", help="only this, on so many series")
    arguments = parser.parse_args()
    if arguments.speed:
        speed(arguments.speed, arguments.threads)
        return
    for name in arguments.sets.split(","):
        print(f"\n| {name} | " + " | ".join(COLUMNS.values()) + " | seconds | MiB |")
        print("|---|" + "---|" * (len(COLUMNS) + 2))
        for label in arguments.models.split(","):
            try:
                lines, reports = alone(name, label, arguments.folds, arguments.threads)
            except NotInstalledError as error:
                print(f"| {label} | left out: {error} |")
                continue
            means = {key: float(np.mean([line[key] for line in lines])) for key in (*COLUMNS, "seconds")}
            cells = [f"{means[key]:.3f}" for key in COLUMNS]
            print(
                f"| {label} | {' | '.join(cells)} | {means['seconds']:.0f} | {lines[-1]['mib']:.0f} |",
                flush=True,
            )
            if label in (USUAL, WITH):
                for report in reports:
                    scores = f"WAPE {report['wape']:.3f}, RMSSE {report['rmsse']:.3f}"
                    print(
                        f"  {report['as_of']}: {scores}, deep has a part in {report['taken']:.0%} of series"
                    )
                    print(f"    champions {report['champion']}")
                    print(f"    backtest, WAPE and RMSSE: {report['backtest']}")


if __name__ == "__main__":
    main()
