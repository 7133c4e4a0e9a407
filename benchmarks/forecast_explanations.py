"""What splitting forecasts by TreeSHAP costs, against LightGBM's own `pred_contrib` on a sample of the rows.

    OMP_WAIT_POLICY=passive python -m benchmarks.forecast_explanations --series 30000 --horizon 13 --leaves 31

Trains the boosted trees on random weekly series, explains every mean, and prints one line: CPU and wall
seconds, what LightGBM would need for all rows (from `--sample` of them), and the largest difference.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta

import numpy as np

from forecasting.core.explain import GROUPS, explain_model, group_codes
from forecasting.core.models import ModelSettings, TrainingData
from forecasting.core.models.gbm import LightGBMDirect
from forecasting.core.panel import Panel
from forecasting.core.treeshap import tree_values


def shop(series: int, periods: int, horizon: int) -> Panel:
    """Weekly demand with levels, a season and noise; lumpy for the slow series."""
    rng = np.random.default_rng(0)
    level = rng.gamma(0.5, 8, series)
    season = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(periods)[:, None] / 52 + rng.random(series)))
    first = date(2023, 1, 2)
    labels = np.array(
        [first + timedelta(days=7 * k) for k in range(periods + horizon)], dtype="datetime64[D]"
    )
    return Panel(
        unique_id=[f"s{number:06d}" for number in range(series)],
        freq="W",
        as_of=labels[periods - 1].astype(date),
        ds=labels[:periods],
        future=labels[periods:],
        y=rng.poisson(level * season).astype(np.float32),
        censored=np.zeros((periods, series), dtype=bool),
        start=np.zeros(series, dtype=np.int64),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=30_000)
    parser.add_argument("--periods", type=int, default=110)
    parser.add_argument("--horizon", type=int, default=13)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sample", type=int, default=2_000)
    asked = parser.parse_args()
    settings = ModelSettings(threads=asked.threads, rows=200_000)
    panel = shop(asked.series, asked.periods, asked.horizon)
    data = TrainingData(panel, horizon=asked.horizon, settings=settings)
    model = LightGBMDirect(settings, leaves=asked.leaves).fit(data, panel.periods)
    names, block = data.features.names, data.features.block(panel.periods, asked.horizon)
    codes = group_codes(names)
    tree_values(model.booster_, block[:10], codes, len(GROUPS))  # compiles
    cpu, wall = time.process_time(), time.perf_counter()
    parts = explain_model(model, data, panel.periods)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rows = np.sort(np.random.default_rng(1).choice(len(block), min(asked.sample, len(block)), replace=False))
    own_cpu = time.process_time()
    theirs = model.booster_.predict(block[rows], pred_contrib=True, num_threads=asked.threads)
    own_cpu = (time.process_time() - own_cpu) * len(block) / len(rows)
    ours, _ = tree_values(model.booster_, block[rows], codes, len(GROUPS))
    summed = np.stack([theirs[:, :-1][:, codes == code].sum(axis=1) for code in range(len(GROUPS))], axis=1)
    mean = model.predict(data, panel.periods)
    print(
        f"{len(block)} rows, {len(names)} features, {asked.leaves} leaves: {cpu:.1f} CPU-s, {wall:.1f} s; "
        f"LightGBM {own_cpu:.0f} CPU-s; largest difference {np.abs(ours - summed).max():.1e}; "
        f"sums off by at most {np.abs(parts.sum(axis=2) / mean - 1).max():.1e}"
    )


if __name__ == "__main__":
    main()
