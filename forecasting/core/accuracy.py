"""Accuracy of every series as sums that can be added up, so that the score of any group follows from them.

Only held-out cells whose demand was known count, as in `forecasting.core.scores`; periods out of stock are
left out and counted. Sums run over the folds and over each band of the horizon, whose ends are the steps at
which cumulative demand is scored (a quarter, a half and the whole). Source of the scaled error (MASE):
Hyndman and Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22
(2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.backtest import Backtest, Fold, FoldQuantiles
from forecasting.core.features import SEASON
from forecasting.core.models import TrainingData
from forecasting.core.models.baselines import SeasonalNaive
from forecasting.core.scores import cumulative_steps

Array = npt.NDArray[Any]

COVERED = (0.9, 0.95, 0.99)
_KINDS = ("coverage", "cum_coverage")
# Weighted columns stand beside the weight that they are divided by. `scaled_error`, `pinball` weigh each
# series alike: a cell weighs 1 / the number of its series' cells in its fold.
SUMS: tuple[str, ...] = (
    "count",
    "left_out",
    "actual",
    "error",
    "absolute_error",
    "squared_error",
    "median_absolute_error",
    "naive_absolute_error",
    "scaled_error",
    "scaled_weight",
    "pinball",
    "pinball_weight",
    "cum_pinball",
    "cum_pinball_weight",
    *(
        f"{kind}_{round(level * 100)}_{part}"
        for kind in _KINDS
        for level in COVERED
        for part in ("below", "at_most", "weight")
    ),
)
COLUMN: dict[str, int] = {name: place for place, name in enumerate(SUMS)}
# A scale from fewer seasonal differences than this is a matter of chance: the one-step one stands in.
_FEWEST_DIFFERENCES = 8
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class AccuracySums:
    """``sums`` (N, B, S) float32 of each series in each band of the horizon; ``by_step`` (H, S) float64 of
    all series at each step. S are the columns of `SUMS`.
    """

    sums: Array
    by_step: Array

    @property
    def left_out(self) -> Array:
        """Held-out periods of each series that were out of stock, (N,)."""
        return np.asarray(np.rint(self.sums[:, :, COLUMN["left_out"]].sum(axis=1))).astype(np.int64)


def band_ends(horizon: int) -> list[int]:
    """The last step of each band of the horizon: a quarter, a half, and the whole."""
    return cumulative_steps(horizon)


def series_sums(
    data: TrainingData,
    tested: Backtest,
    means: list[Array],
    quantiles: list[FoldQuantiles] | None,
    levels: tuple[float, ...],
) -> AccuracySums:
    """The sums of one forecast of the held-out folds, such as the champions together.

    ``means`` are (N, H) for each fold, ``quantiles`` (N, H, Q) at ``levels`` likewise, or None: then the sums
    of quantiles are 0. Without folds all sums are 0.
    """
    horizon = data.horizon
    ends = band_ends(horizon)
    starts = [0, *ends[:-1]]
    sums = np.zeros((data.panel.count, len(ends), len(SUMS)), dtype=np.float32)
    by_step = np.zeros((horizon, len(SUMS)))
    naive = SeasonalNaive(data.settings)
    for k, fold in enumerate(tested.folds):
        simple = naive.fit(data, fold.cut).predict(data, fold.cut)
        scale = _seasonal_scale(data, fold)
        gone = _left_out(data, fold)
        for first in range(0, data.panel.count, _CHUNK):
            rows = slice(first, first + _CHUNK)
            part = quantiles[k] if quantiles is not None and levels else None
            for name, cells in _cells(
                fold, rows, means[k], simple, scale, gone, part, levels, [end - 1 for end in ends]
            ):
                column = COLUMN[name]
                sums[rows, :, column] += np.add.reduceat(cells, starts, axis=1)
                by_step[:, column] += cells.sum(axis=0, dtype=np.float64)
    return AccuracySums(sums, by_step)


def scores_of(total: Array) -> dict[str, float | None]:
    """Scores of a group from the total of its rows of sums, (S,). None where a score has no ground to stand
    on.

    ``mase`` and ``pinball`` are means of the series, each scaled by its own training data; ``naive_wape`` is
    seasonal naive's on the same cells, ``against_naive`` the ratio of the two WAPEs.
    """
    value = {name: float(total[place]) for name, place in COLUMN.items()}

    def ratio(part: str, whole: str) -> float | None:
        return value[part] / value[whole] if value[whole] > 0 else None

    scores = {
        "wape": ratio("absolute_error", "actual"),
        "bias": ratio("error", "actual"),
        "mse": ratio("squared_error", "count"),
        "naive_wape": ratio("naive_absolute_error", "actual"),
        "against_naive": ratio("absolute_error", "naive_absolute_error"),
        "mase": ratio("scaled_error", "scaled_weight"),
        "pinball": ratio("pinball", "pinball_weight"),
        "cum_pinball": ratio("cum_pinball", "cum_pinball_weight"),
        "wape_median": ratio("median_absolute_error", "actual") if value["pinball_weight"] > 0 else None,
    }
    for kind in _KINDS:
        for level in COVERED:
            key = f"{kind}_{round(level * 100)}"
            scores[f"{key}_below"] = ratio(f"{key}_below", f"{key}_weight")
            scores[key] = ratio(f"{key}_at_most", f"{key}_weight")
    return scores


def _cells(
    fold: Fold,
    rows: slice,
    means: Array,
    simple: Array,
    seasonal: Array,
    gone: Array,
    quantiles: FoldQuantiles | None,
    levels: tuple[float, ...],
    scored_at: list[int],
) -> Iterator[tuple[str, Array]]:
    """Each sum's cells (n, H) of some series in one fold."""
    actual = fold.actual[rows].astype(np.float64)
    seen = np.isfinite(actual)
    known = np.where(seen, actual, 0.0)
    error = np.where(seen, means[rows] - known, 0.0)
    weight = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    yield "count", seen.astype(np.float64)
    yield "left_out", gone[rows].astype(np.float64)
    yield "actual", known
    yield "error", error
    yield "absolute_error", np.abs(error)
    yield "squared_error", error**2
    yield "naive_absolute_error", np.where(seen, np.abs(simple[rows] - known), 0.0)
    scale, use = _usable(seasonal[rows])
    yield "scaled_error", np.abs(error) / scale * weight * use
    yield "scaled_weight", weight * use
    if quantiles is None:
        return
    period, cumulative = quantiles.period[rows], quantiles.cumulative[rows]
    median = period[:, :, int(np.argmin(np.abs(np.array(levels) - 0.5)))]
    yield "median_absolute_error", np.where(seen, np.abs(median - known), 0.0)
    scale, use = _usable(fold.absolute_scale[rows])
    yield "pinball", _pinball(period, known, levels) / scale * weight * use
    yield "pinball_weight", weight * use
    # A sum with an unknown period is unknown.
    ends = np.cumsum(actual, axis=1)
    whole = np.isfinite(ends)
    ends = np.where(whole, ends, 0.0)
    scored = np.zeros(seen.shape, dtype=bool)
    scored[:, scored_at] = True
    scored &= whole & use.astype(bool)
    loss = _pinball(cumulative, ends, levels) / np.arange(1, seen.shape[1] + 1) / scale
    yield "cum_pinball", np.where(scored, loss, 0.0)
    yield "cum_pinball_weight", scored.astype(np.float64)
    for kind, block, target, counted in zip(
        _KINDS, (period, cumulative), (known, ends), (seen, whole), strict=True
    ):
        for level in COVERED:
            at = int(np.argmin(np.abs(np.array(levels) - level)))
            counts = counted & (fold.often[rows] >= 2 * (1 - level))[:, None]
            units = np.floor(block[:, :, at].astype(np.float64) + 1e-6)
            key = f"{kind}_{round(level * 100)}"
            yield f"{key}_below", (counts & (target < units)).astype(np.float64)
            yield f"{key}_at_most", (counts & (target <= units)).astype(np.float64)
            yield f"{key}_weight", counts.astype(np.float64)


def _usable(scale: Array) -> tuple[Array, Array]:
    """A scale (n,) as a column to divide by, and 1 where there is one, else 0."""
    use = (scale > 0)[:, None]
    return np.where(use, scale[:, None], 1.0), use.astype(np.float64)


def _pinball(quantiles: Array, target: Array, levels: tuple[float, ...]) -> Array:
    """Mean pinball loss over the levels, (n, H)."""
    total = np.zeros(target.shape)
    for index, level in enumerate(levels):
        error = target - quantiles[:, :, index]
        total += np.maximum(level * error, (level - 1) * error)
    return total / len(levels)


def _seasonal_scale(data: TrainingData, fold: Fold) -> Array:
    """Mean absolute seasonal naive difference in training (N,); one-step where the series is too young."""
    season = 7 if data.panel.freq == "D" else SEASON[data.panel.freq]
    past = data.panel.observed[: fold.cut]
    if fold.cut <= season:
        return fold.absolute_scale
    step = past[season:].astype(np.float64) - past[:-season]
    seen = np.isfinite(step)
    count = seen.sum(axis=0)
    scale = np.where(seen, np.abs(step), 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.asarray(np.where(count >= _FEWEST_DIFFERENCES, scale, fold.absolute_scale))


def _left_out(data: TrainingData, fold: Fold) -> Array:
    """(N, H) true where a held-out period does not count because stock ran out."""
    gone = np.zeros((data.panel.count, data.horizon), dtype=bool)
    ahead = data.panel.censored[fold.cut : fold.cut + data.horizon]
    gone[:, : len(ahead)] = ahead.T
    gone[data.panel.start >= fold.cut] = False
    return gone
