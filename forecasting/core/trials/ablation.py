"""The ablation: a forecast without signals, with each, with all that helped, over rolling origins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core import scores
from forecasting.core.backtest import Backtest, Fold, cross_calibrate, make_fold
from forecasting.core.models import TrainingData, make
from forecasting.core.panel import Panel
from forecasting.core.panel_read import panel_from_frame
from forecasting.core.publish import training_data
from forecasting.core.spec import ForecastSpec
from forecasting.core.trials.paired import holm, paired_difference

Array = npt.NDArray[Any]

SPEC = ForecastSpec(models=("lightgbm",), horizon=4, folds=8, rows=60_000, tested=1_500)
"""What a trial does unless told otherwise: a global model that learns from signals, the next four periods,
eight origins, and a sample of the series.
"""

SIGNIFICANT = 0.05
MATERIAL = 0.01
"""A signal is used whose p-value is below the first, and which takes at least this share off the WAPE."""

_FEWEST_ORIGINS = 4
# Periods in which something of a signal must be known before the first origin.
_FEWEST_KNOWN = 8


class TrialError(ValueError):
    """A trial that can't be held; the message is for people."""


@dataclass(frozen=True)
class Verdict:
    """A signal's effect: losses without and with it, the difference of WAPE (below 0 it helps), its interval
    and p-value (corrected for the number of signals).

    ``reason`` is `helps`, `no_better`, `too_little` (significant, but under `MATERIAL`), `wider` (better
    means, worse quantiles) or `redundant` (it helps, but not beside the best one).
    """

    signal: str
    wape_without: float
    wape_with: float
    pinball_without: float
    pinball_with: float
    difference: float
    low: float
    high: float
    p_value: float
    origins: int
    used: bool
    reason: str


@dataclass(frozen=True)
class TrialResult:
    """All verdicts; that on all accepted signals together, where there are two or more; signals that could
    not be tried, with the reason (`unknown`: nothing known of it; `short`: known too lately; `constant`).
    """

    verdicts: tuple[Verdict, ...]
    together: Verdict | None
    left_out: dict[str, str]
    origins: tuple[str, ...]
    series: int

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the signals that earned their place."""
        return tuple(verdict.signal for verdict in self.verdicts if verdict.used)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def trial(
    panel: pl.DataFrame,
    *,
    as_of: date,
    signals: Mapping[str, Sequence[str]],
    spec: ForecastSpec = SPEC,
    progress: Callable[[float], None] | None = None,
) -> TrialResult:
    """Try signals, each a name and the columns that belong to it, on a long demand panel.

    ``spec`` says which models make the mean (more than one: their average), how far, from how many origins
    (``folds``), on how many series (``tested``: those whose names hash lowest). Seeds and rows are the same
    with and without; a column that belongs to no signal stays out of the models. Raises PanelError for a
    malformed panel, TrialError for too short a history.
    """
    columns = tuple(dict.fromkeys(column for own in signals.values() for column in own))
    dense = panel_from_frame(
        trial_sample(panel, spec),
        as_of=as_of,
        freq=spec.freq,
        horizon=spec.horizon,
        known=spec.known,
        static=spec.static,
        signals=columns,
    )
    cuts = trial_cuts(dense.periods, spec.horizon, spec.folds)
    left_out = {
        name: reason for name, own in signals.items() if (reason := _unfit(dense, own, cuts[0])) is not None
    }
    tried = [name for name in signals if name not in left_out]
    # One more for all together.
    runs = _Runs(dense, spec, cuts, tuple(tried), progress, len(tried) + 2)
    base = runs.run(())
    alone = [runs.run(tuple(signals[name])) for name in tried]
    verdicts = _judge(base, tried, alone)
    together = None
    accepted = [verdict.signal for verdict in verdicts if verdict.used]
    if len(accepted) > 1:
        every = tuple(dict.fromkeys(column for name in accepted for column in signals[name]))
        (together,) = _judge(base, ["+".join(accepted)], [runs.run(every)])
        best = min((v for v in verdicts if v.used), key=lambda verdict: verdict.wape_with)
        if not together.used or together.wape_with > best.wape_with:
            verdicts = [
                replace(v, used=False, reason="redundant") if v.used and v.signal != best.signal else v
                for v in verdicts
            ]
    if progress:
        progress(1.0)
    return TrialResult(
        verdicts=tuple(verdicts),
        together=together,
        left_out=left_out,
        origins=tuple(str(dense.ds[cut - 1]) for cut in cuts),
        series=dense.count,
    )


def trial_cuts(periods: int, horizon: int, origins: int) -> list[int]:
    """Origins a horizon apart, the last one a horizon before the end, none in the first third of the history.

    Raises TrialError where fewer than four fit.
    """
    first = max(periods // 3, 2 * horizon, _FEWEST_KNOWN)
    cuts = [periods - horizon * (back + 1) for back in range(origins)]
    cuts = sorted(cut for cut in cuts if cut >= first)
    if len(cuts) < _FEWEST_ORIGINS:
        raise TrialError(f"{periods} periods are too few to try signals from {_FEWEST_ORIGINS} origins")
    return cuts


@dataclass(frozen=True, eq=False)
class _Run:
    """Losses over the origins: WAPE and pinball loss, and each cell's part (N, K) in the WAPE."""

    wape: float
    pinball: float
    losses: Array


class _Runs:
    """The same backtest again and again, each time with other signals."""

    def __init__(
        self,
        panel: Panel,
        spec: ForecastSpec,
        cuts: list[int],
        tried: tuple[str, ...],
        progress: Callable[[float], None] | None,
        steps: int,
    ) -> None:
        self._panel, self._spec, self._cuts = panel, spec, cuts
        self._progress, self._steps, self._done = progress, steps * len(cuts), 0
        self._folds: list[Fold] = []

    def run(self, columns: tuple[str, ...]) -> _Run:
        """Forecast from every origin with these columns."""
        panel = replace(self._panel, signals={name: self._panel.signals[name] for name in columns})
        data = training_data(panel, self._spec)
        means = []
        for cut in self._cuts:
            means.append(self._mean(data, cut))
            self._done += 1
            if self._progress:
                self._progress(self._done / self._steps)
        if not self._folds:
            self._folds = [make_fold(data, cut) for cut in self._cuts]
        tested = Backtest(self._folds, {"trial": means}, panel.counts)
        _, quantiles = cross_calibrate(tested, means, self._spec.levels, self._spec.seed)
        losses = np.column_stack(
            [
                np.nansum(np.abs(mean - fold.actual), axis=1, dtype=np.float64)
                / max(float(np.nansum(fold.actual, dtype=np.float64)), 1e-9)
                for mean, fold in zip(means, self._folds, strict=True)
            ]
        ) / len(self._cuts)
        pinball = [
            scores.pinball(own.period, fold.actual, self._spec.levels, fold.absolute_scale)
            for own, fold in zip(quantiles, self._folds, strict=True)
        ]
        return _Run(float(losses.sum()), float(np.nanmean(pinball)), losses)

    def _mean(self, data: TrainingData, cut: int) -> Array:
        parts = [make(name, data.settings).fit(data, cut).predict(data, cut) for name in self._spec.models]
        return np.asarray(np.mean(parts, axis=0, dtype=np.float32))


def _judge(base: _Run, names: Sequence[str], runs: Sequence[_Run]) -> list[Verdict]:
    differences = [paired_difference(run.losses - base.losses) for run in runs]
    corrected = holm([difference.p_value for difference in differences])
    verdicts = []
    for name, run, difference, p_value in zip(names, runs, differences, corrected, strict=True):
        reason = "helps"
        if difference.mean >= 0 or p_value >= SIGNIFICANT:
            reason = "no_better"
        elif difference.mean > -MATERIAL * base.wape:
            reason = "too_little"
        elif run.pinball > base.pinball:
            reason = "wider"
        verdicts.append(
            Verdict(
                signal=name,
                wape_without=base.wape,
                wape_with=run.wape,
                pinball_without=base.pinball,
                pinball_with=run.pinball,
                difference=difference.mean,
                low=difference.low,
                high=difference.high,
                p_value=p_value,
                origins=run.losses.shape[1],
                used=reason == "helps",
                reason=reason,
            )
        )
    return verdicts


def trial_sample(panel: pl.DataFrame, spec: ForecastSpec) -> pl.DataFrame:
    """The rows of the series to try on: drawn by a hash of their names, whatever else is in the panel.

    Of a sample it is the same sample: draw it before costly columns are joined.
    """
    names = panel["unique_id"].unique().cast(pl.String).sort()
    if len(names) <= spec.tested:
        return panel
    chosen = names.gather(names.hash(seed=spec.seed).arg_sort()[: spec.tested])
    return panel.filter(pl.col("unique_id").cast(pl.String).is_in(chosen.implode()))


def _unfit(panel: Panel, columns: Sequence[str], first: int) -> str | None:
    """Why a signal can't be tried, if so."""
    values = [panel.signals[name].values for name in columns]
    if not any(np.isfinite(column).any() for column in values):
        return "unknown"
    if all(np.isfinite(column[:first]).any(axis=1).sum() < _FEWEST_KNOWN for column in values):
        return "short"
    if all(np.nanmin(column) == np.nanmax(column) for column in values if np.isfinite(column).any()):
        return "constant"
    return None
