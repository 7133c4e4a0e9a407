"""The engine's accuracy against its peers on public retail data, gate by gate.

Figures: docs/benchmarks.md.

    python -m benchmarks.forecast_accuracy [--sets frat,retail_weekly,journey] [--folds 3] [--medians-of 3]
        [--peers-cache PEERS.json] [--linear linear] [--threads 2] [--json OUT.json]

All methods run in this process on the same folds; with --peers-cache, scores of peers that the file has are
taken from it and new ones are added (`benchmarks.forecast_peers` fills it). --sets all adds the daily,
monthly and stock-out panels. --medians-of N repeats the engine with the seeds 0 to N - 1 and takes medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.forecast_peers import BEYOND, PEERS, Table, means, run_peers, scored
from benchmarks.forecast_peers_local import Prediction
from benchmarks.forecast_sets import SETS, YARDSTICK, Case, cases
from forecasting.core.pipeline import forecast
from forecasting.core.spec import ForecastSpec

ENGINE = "Forestock"
COLUMNS = {
    "wape": "WAPE",
    "bias": "bias",
    "rmsse": "RMSSE",
    "wape_median": "WAPE med",
    "pinball": "pinball",
    "cum_pinball": "cum pinb",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class Gate:
    """A bound on the geometric mean over sets of our score / the best peer's, and on the worst set."""

    metric: str
    words: str
    gate: float
    stretch: float
    worst: float = float("inf")


GATES = (
    Gate("wape", "WAPE of the mean", 0.97, 0.92, 1.02),
    Gate("rmsse", "RMSSE", 0.98, 0.94),
    Gate("wape_median", "WAPE of the median", 0.96, 0.92),
    Gate("pinball", "pinball", 0.85, 0.80, 0.97),
    Gate("cum_pinball", "cumulative pinball", 0.85, 0.78),
)
BIAS_GATE, BIAS_STRETCH = 0.10, 0.05
COVERAGE_GATE = {90: 0.02, 95: 0.015, 99: 0.015}
COVERAGE_STRETCH = 0.01
LINEAR_GATE = 0.85


def run_engine(case: Case, spec: ForecastSpec, folds: int) -> dict[str, dict[str, float]]:
    """Scores of the engine by fold (as-of date)."""
    result = {}
    for cut in case.cuts[-folds:]:
        fold = case.fold(cut)
        start = time.perf_counter()
        said = forecast(fold.panel, as_of=cut, spec=spec).distribution
        seconds = time.perf_counter() - start
        if said.unique_id != fold.unique_id:
            raise RuntimeError(f"{case.name}: the forecast has other series than its panel")
        whole = spec.quantiles == "all"
        prediction = Prediction(
            said.mean, said.quantiles if whole else None, said.cum_quantiles if whole else None
        )
        result[str(cut)] = scored(fold, prediction) | {"seconds": seconds}
    return result


def median_run(case: Case, spec: ForecastSpec, folds: int, runs: int) -> dict[str, dict[str, float]]:
    """Medians of several runs of the engine, each with a seed of its own."""
    every = [run_engine(case, replace(spec, seed=seed), folds) for seed in range(runs)]
    return {
        cut: {name: float(np.median([run[cut][name] for run in every])) for name in every[0][cut]}
        for cut in every[0]
    }


def print_set(case: Case, peers: dict[str, dict[str, dict[str, float]]], own: Table) -> None:
    """All methods on one set."""
    cuts = ", ".join(own[case.name][ENGINE])
    series = case.panel["unique_id"].n_unique()
    print(
        f"\n{case.name}: {series:,} series, freq {case.spec.freq}, horizon {case.spec.horizon}, folds {cuts}"
    )
    print(" " * 22 + "".join(f"{words:>9}" for words in COLUMNS.values()))
    for name, folds in [*peers.items(), *own[case.name].items()]:
        row = means(folds)
        cells = "".join(f"{row[key]:9.3f}" if key in row else f"{'-':>9}" for key in COLUMNS)
        print(f"{name + (' *' if name in BEYOND else ''):22}{cells}")


def best_peer(peers: dict[str, dict[str, dict[str, float]]], metric: str) -> tuple[str, float]:
    """The peer with the lowest mean score, and the score."""
    rows = {name: means(folds) for name, folds in peers.items() if name not in BEYOND}
    found = [(row[metric], name) for name, row in rows.items() if metric in row]
    score, name = min(found)
    return name, score


def print_gates(sets: Sequence[Case], peers: Table, own: Table) -> None:
    """The ratios, and which bounds they keep."""
    names = [case.name for case in sets]
    print(f"\n{'ours / best peer':22}" + "".join(f"{name:>34}" for name in names) + f"{'geo mean':>10}")
    for gate in GATES:
        ratios, cells = [], []
        for name in names:
            peer, score = best_peer(peers[name], gate.metric)
            mine = means(own[name][ENGINE])[gate.metric]
            ratios.append(mine / score)
            cells.append(f"{mine:.3f} / {score:.3f} {peer[-13:]} {ratios[-1]:.3f}")
        whole = float(np.exp(np.mean(np.log(ratios))))
        bounds = f"gate {gate.gate}" + (f", none above {gate.worst}" if np.isfinite(gate.worst) else "")
        print(
            f"{gate.words:22}"
            + "".join(f"{cell:>34}" for cell in cells)
            + f"{whole:10.3f}  {bounds}: {verdict(whole <= gate.gate and max(ratios) <= gate.worst)};"
            f" stretch {gate.stretch}: {verdict(whole <= gate.stretch)}"
        )
    biases = [means(own[name][ENGINE])["bias"] for name in names]
    worst = max(abs(value) for value in biases)
    print(
        f"{'bias of the mean':22}"
        + "".join(f"{value:>+34.3f}" for value in biases)
        + f"{worst:10.3f}  gate {BIAS_GATE}: {verdict(worst <= BIAS_GATE)};"
        f" stretch {BIAS_STRETCH}: {verdict(worst <= BIAS_STRETCH)}"
    )


def print_coverage(sets: Sequence[Case], own: Table) -> None:
    """Distance of each level from its coverage interval, in points: mean over folds, and of its absolute."""
    print("\ncoverage, points off (mean; mean of the folds' absolute distances, which the gate is about)")
    for kind, words in (("coverage", "per period"), ("cum_coverage", "cumulative")):
        for level, gate in COVERAGE_GATE.items():
            cells, distances = "", []
            for case in sets:
                folds = [line[f"{kind}_{level}"] for line in own[case.name][ENGINE].values()]
                distances.append(float(np.mean(np.abs(folds))))
                cells += f"{100 * np.mean(folds):>+20.2f}{100 * distances[-1]:>8.2f}"
            worst = max(distances)
            print(
                f"{words:14}{level / 100:<8}{cells}  gate {100 * gate:g}: {verdict(worst <= gate)};"
                f" stretch {100 * COVERAGE_STRETCH:g}: {verdict(worst <= COVERAGE_STRETCH)}"
            )


def print_linear(sets: Sequence[Case], peers: Table, own: Table, models: Sequence[str]) -> None:
    """The linear models' WAPE against mlforecast's Ridge."""
    print()
    for model in models:
        ratios, cells = [], ""
        for case in sets:
            mine = means(own[case.name][model])["wape"]
            theirs = means(peers[case.name]["mlforecast_ridge"])["wape"]
            ratios.append(mine / theirs)
            cells += f"{f'{mine:.3f} / {theirs:.3f} {ratios[-1]:.3f}':>34}"
        mean = float(np.mean(ratios))
        reached = verdict(mean <= LINEAR_GATE)
        print(f"{model + ' / Ridge, WAPE':22}{cells}{mean:10.3f}  gate {LINEAR_GATE}: {reached}")


def verdict(reached: bool) -> str:
    """In words."""
    return "reached" if reached else "NOT reached"


def main() -> None:
    """Print a table per set and the gates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=",".join(YARDSTICK))
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--medians-of", type=int, default=1, metavar="N")
    parser.add_argument("--peers-cache", type=Path, metavar="FILE")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers to run")
    parser.add_argument("--models", default="", help="the engine's models; default: its own choice")
    parser.add_argument("--linear", default="linear", help="linear models to hold against Ridge")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write all scores here")
    arguments = parser.parse_args()
    wanted = SETS if arguments.sets == "all" else arguments.sets.split(",")
    sets = cases(list(wanted))
    linear = [name for name in arguments.linear.split(",") if name]
    libraries = ("lightgbm", "mlforecast", "statsforecast", "scikit-learn", "polars", "numpy")
    print(
        f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in libraries)
    )
    kept = run_peers(
        sets, arguments.peers.split(","), arguments.peers_cache, folds=arguments.folds, quiet=True
    )
    peers, own = {}, {}
    for case in sets:
        cuts = [str(cut) for cut in case.cuts[-arguments.folds :]]
        peers[case.name] = {
            method: {cut: folds[cut] for cut in cuts}
            for method, folds in kept.get(case.name, {}).items()
            if method in arguments.peers.split(",") and all(cut in folds for cut in cuts)
        }
        spec = replace(case.spec, threads=arguments.threads)
        if arguments.models:
            spec = replace(spec, models=tuple(arguments.models.split(",")))
        own[case.name] = {ENGINE: median_run(case, spec, arguments.folds, arguments.medians_of)}
        for model in linear:
            single = replace(spec, models=(model,), quantiles="none")
            own[case.name][model] = run_engine(case, single, arguments.folds)
        print_set(case, peers[case.name], own)
    print("* beyond the peers that the gates name")
    for title, chosen in (
        ("yardstick sets", [case for case in sets if case.name in YARDSTICK]),
        ("other sets", [case for case in sets if case.name not in YARDSTICK]),
    ):
        if chosen:
            print(f"\n== {title} ==")
            print_gates(chosen, peers, own)
            print_coverage(chosen, own)
            if "mlforecast_ridge" in arguments.peers.split(","):
                print_linear(chosen, peers, own, linear)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"peers": peers, "own": own}, indent=1) + "\n")


if __name__ == "__main__":
    main()
