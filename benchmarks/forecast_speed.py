"""Time, memory and accuracy at M5's size, from PANEL to OUT, against mlforecast.

    python -m benchmarks.forecast_speed [--sizes 1000,10000,30490] [--medians-of 3] [--threads 2]
        [--modes mean,everything] [--skip-peer] [--folder FOLDER] [--json OUT.json]

Synthetic sales of 400 days by product x store, made by `benchmarks.forecast_speed_data`: intermittent, with
weekdays, drifting levels, prices and promotions; the 28 days after them are held out. Both sides read the
same Parquet file, run in a process of their own with OMP_WAIT_POLICY=passive, and write a Parquet file. The
peer (`benchmarks.forecast_speed_peer`) is recursive mlforecast with LightGBM on the largest size. Turns
alternate; figures are medians. Processor time and peak memory are the child's, as the kernel counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

# No numpy or polars here: a child's peak memory starts from its parent's.
ROOT = Path(__file__).resolve().parent.parent
HORIZON = 28
AS_OF = "2016-04-24"
KNOWN, STATIC = "price,promotion", "item,department,category,store,state"
MODES = {"mean": "none", "everything": "all"}

Figures = dict[str, float]


def child(arguments: list[str], threads: int) -> Figures:
    """Run a Python module to its end: wall and processor seconds, peak memory in GiB."""
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(ROOT)}
    environment |= dict.fromkeys(
        ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    scale = 1024**3 if sys.platform == "darwin" else 1024**2
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / scale,
    }


def engine(folder: Path, size: int, mode: str, threads: int, seed: int = 0) -> Figures:
    """One run of ``python -m forecasting.core forecast``, with the seconds that LightGBM itself took."""
    out, clock = folder / f"ours-{size}-{mode}-{threads}.parquet", folder / "lightgbm.json"
    figures = child(
        [
            "benchmarks.forecast_speed_clock",
            str(clock),
            *("forecast", str(folder / f"panel-{size}.parquet"), "--freq", "D", "--as-of", AS_OF),
            *("--horizon", str(HORIZON), "--out", str(out), "--known", KNOWN, "--static", STATIC),
            *("--quantiles", MODES[mode], "--seed", str(seed), "--threads", str(threads)),
            *("--report", str(folder / f"report-{size}-{mode}.json")),
        ],
        threads,
    )
    figures["lightgbm"] = json.loads(clock.read_text())["seconds"]
    return figures | score(folder, size, out)


def peer(folder: Path, size: int, threads: int) -> Figures:
    """One run of mlforecast."""
    out = folder / f"peer-{size}.parquet"
    figures = child(
        [
            "benchmarks.forecast_speed_peer",
            *(str(folder / f"panel-{size}.parquet"), str(out), AS_OF, str(HORIZON), KNOWN, STATIC),
            str(threads),
        ],
        threads,
    )
    return figures | score(folder, size, out)


def score(folder: Path, size: int, out: Path) -> Figures:
    """WAPE and RMSSE against the held-out days."""
    result = folder / "scores.json"
    child(
        [
            "benchmarks.forecast_speed_data",
            *("score", str(folder / f"panel-{size}.parquet"), str(folder / f"truth-{size}.parquet")),
            *(str(out), str(result)),
        ],
        2,
    )
    figures: Figures = json.loads(result.read_text())
    return figures


def median(runs: list[Figures]) -> Figures:
    """Medians of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def line(name: str, figures: Figures) -> None:
    """Print one run or median."""
    cells = "".join(f"{figures[key]:9.2f}" for key in ("wall", "cpu", "peak"))
    cells += "".join(f"{figures[key]:9.4f}" for key in ("wape", "bias", "rmsse"))
    if "lightgbm" in figures:
        outside = figures["wall"] - figures["lightgbm"]
        cells += f"{figures['lightgbm']:9.2f}{outside / figures['wall']:9.1%}"
    print(f"{name:28}{cells}", flush=True)


def same_on_threads(folder: Path, size: int) -> None:
    """Compare the outcome of one and of two threads, and of the same run twice."""
    compared = folder / "compared.json"
    outs = []
    for threads, turn in ((1, "a"), (2, "b"), (2, "c")):
        engine(folder, size, "everything", threads)
        out = folder / f"ours-{size}-{turn}.parquet"
        (folder / f"ours-{size}-everything-{threads}.parquet").rename(out)
        outs.append(out)
    for name, first, second in (("1 and 2 threads", 0, 1), ("the same run twice", 1, 2)):
        child(
            ["benchmarks.forecast_speed_data", "compare", *map(str, (outs[first], outs[second], compared))], 2
        )
        far = json.loads(compared.read_text())["largest"]
        verdict = reached(far <= 1e-6)
        print(f"{name}, {size:,} series: largest relative difference {far:.2g}, gate 1e-6: {verdict}")


def reached(kept: bool) -> str:
    """In words."""
    return "reached" if kept else "NOT reached"


def gates(ours: dict[int, dict[str, Figures]], theirs: Figures | None) -> None:
    """Ratios and bounds, on the largest size."""
    largest = max(ours)
    print()
    for mode, gate, stretch in (("mean", 0.25, 0.12), ("everything", 1.0, 0.5)):
        mine = ours[largest].get(mode)
        if mine is None:
            continue
        if theirs is not None:
            ratio = mine["wall"] / theirs["wall"]
            print(
                f"{mode}: wall {ratio:.3f} of mlforecast's, gate {gate}: {reached(ratio <= gate)}, stretch"
                f" {stretch}: {reached(ratio <= stretch)}; WAPE {mine['wape'] / theirs['wape']:.4f} and RMSSE"
                f" {mine['rmsse'] / theirs['rmsse']:.4f} of its:"
                f" {reached(mine['wape'] <= theirs['wape'] and mine['rmsse'] <= theirs['rmsse'])}"
            )
        peak = mine["peak"] * 1024**3 / 1e9
        print(f"{mode}: peak {peak:.2f} GB, gate 2: {reached(peak <= 2)}, stretch 1: {reached(peak <= 1)}")
        if mode == "mean":
            share = 1 - mine["lightgbm"] / mine["wall"]
            print(
                f"mean: {share:.1%} of the wall time outside LightGBM, gate 15%: {reached(share <= 0.15)},"
                f" stretch 8%: {reached(share <= 0.08)}"
            )
        sizes = sorted(ours)
        if len(sizes) >= 3:
            low, middle, high = sizes[-3:]
            wall = {size: ours[size][mode]["wall"] for size in (low, middle, high)}
            early = (wall[middle] - wall[low]) / (middle - low)
            late = (wall[high] - wall[middle]) / (high - middle)
            ratio = late / early
            print(
                f"{mode}: {1000 * early:.2f} ms a series from {low:,} to {middle:,}, {1000 * late:.2f} ms"
                f" from {middle:,} to {high:,}: {ratio:.2f}, gate 1.2: {reached(ratio <= 1.2)}, stretch 1.0:"
                f" {reached(ratio <= 1.0)}"
            )


def main() -> None:
    """Make the data, run both sides in turns, print medians and gates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000,30490")
    parser.add_argument("--modes", default="mean,everything")
    parser.add_argument("--medians-of", type=int, default=3, metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip-peer", action="store_true")
    parser.add_argument("--skip-same", action="store_true", help="don't compare one and two threads")
    parser.add_argument("--folder", type=Path, help="keep data and results here")
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    modes = arguments.modes.split(",")
    libraries = ("lightgbm", "mlforecast", "polars", "numpy")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    print(f"{machine}, Python {platform.python_version()}, {versions}")
    with tempfile.TemporaryDirectory(prefix="forestock-speed-") as scratch:
        folder = Path(arguments.folder or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size in sizes:
            if not (folder / f"truth-{size}.parquet").is_file():
                child(
                    ["benchmarks.forecast_speed_data", "make", str(size), AS_OF, str(HORIZON), str(folder)], 2
                )
        titles = ("wall s", "CPU s", "peak GiB", "WAPE", "bias", "RMSSE", "LightGBM", "outside")
        print(" " * 28 + "".join(f"{title:>9}" for title in titles))
        engine(folder, sizes[0], "mean", arguments.threads)  # compiled code and the file cache
        runs: dict[str, list[Figures]] = {}
        for turn in range(arguments.medians_of):
            for size in sizes:
                for mode in modes:
                    figures = engine(folder, size, mode, arguments.threads)
                    runs.setdefault(f"{size} {mode}", []).append(figures)
                    line(f"  turn {turn + 1}: {size:,} {mode}", figures)
            if not arguments.skip_peer:
                figures = peer(folder, sizes[-1], arguments.threads)
                runs.setdefault("peer", []).append(figures)
                line(f"  turn {turn + 1}: {sizes[-1]:,} mlforecast", figures)
        print("medians")
        ours: dict[int, dict[str, Figures]] = {size: {} for size in sizes}
        for size in sizes:
            for mode in modes:
                ours[size][mode] = median(runs[f"{size} {mode}"])
                line(f"{size:,} {mode}", ours[size][mode])
        theirs = median(runs["peer"]) if "peer" in runs else None
        if theirs is not None:
            line(f"{sizes[-1]:,} mlforecast", theirs)
        gates(ours, theirs)
        if not arguments.skip_same:
            same_on_threads(folder, sizes[0])
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
