"""The whole way from a demand panel to calibrated demand distributions, with the champion of each segment."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from importlib.metadata import version
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.backtest import Backtest, FoldQuantiles, Scores, backtest, cross_calibrate, score
from forecasting.core.calibrate import Calibrator, Outcome
from forecasting.core.classify import PATTERNS, demand_patterns
from forecasting.core.distribution import FREQS, QUANTILES, DemandDistribution, Freq
from forecasting.core.models import Forecaster, ModelSettings, TrainingData, make, model_names
from forecasting.core.panel import Panel, panel_from_frame

Array = npt.NDArray[Any]
Progress = Callable[[str, float], None]

# Raised whenever the same data and spec would give other numbers, or an artifact another shape.
CODE_VERSION = 1

_ROWS_PER_SERIES = 16


@dataclass(frozen=True)
class ForecastSpec:
    """What a run is to do; the same spec, panel and seed give the same numbers.

    ``known`` columns have future values, ``static`` ones never change. ``folds`` backtest origins choose the
    champion of each segment of at least ``min_segment`` series and calibrate the quantiles. ``rows`` is about
    how many sampled rows the global models learn from, and no fewer than 16 per series.
    """

    freq: Freq = "W"
    horizon: int = 13
    models: tuple[str, ...] = ("seasonal_naive", "moving_average", "ridge", "lightgbm")
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    quantiles: Literal["all", "none"] = "all"
    seed: int = 0
    threads: int = 1
    folds: int = 3
    rows: int = 200_000
    min_segment: int = 30

    def __post_init__(self) -> None:
        for name in ("models", "known", "static"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.freq not in FREQS:
            raise ValueError(f"frequency must be one of {', '.join(FREQS)}, not {self.freq!r}")
        if self.quantiles not in ("all", "none"):
            raise ValueError(f"quantiles must be all or none, not {self.quantiles!r}")
        if not self.models:
            raise ValueError("name at least one model")
        for name in self.models:
            if name not in model_names():
                raise ValueError(f"no model {name!r}; there are {', '.join(model_names())}")
        for name in ("horizon", "threads", "folds", "rows", "min_segment"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more")

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantile levels of the result; none where only means are asked for."""
        return QUANTILES if self.quantiles == "all" else ()

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Back from JSON; ValueError for a field that there is not."""
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"no such field in a forecast spec: {', '.join(sorted(unknown))}")
        return cls(**values)


@dataclass(frozen=True, eq=False)
class ForecastArtifact:
    """What a run learned: the fitted champions, their calibrators, and who is champion where."""

    spec: ForecastSpec
    as_of: date
    models: dict[str, Forecaster]
    calibrators: dict[str, Calibrator]
    champion: dict[str, str]


@dataclass(frozen=True, eq=False)
class ForecastResult:
    """Distributions of all series, in order of their names; ``model``, ``segment``, ``pattern`` are (N,)
    names.

    ``report`` is JSON: ``stages``, ``models`` (scores per model and segment), ``champion`` per segment,
    ``coverage``, ``warnings``. ``artifact`` can be saved by `forecasting.core.artifacts`.
    """

    distribution: DemandDistribution
    model: list[str]
    segment: list[str]
    pattern: list[str]
    report: dict[str, Any]
    artifact: ForecastArtifact


@dataclass
class _Stages:
    """Seconds and peak memory of each stage, and the progress told outside."""

    progress: Progress | None
    table: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def run(self, name: str, begin: float) -> Iterator[None]:
        self.tell(name, begin)
        start = time.perf_counter()
        yield
        self.table[name] = {
            "seconds": round(time.perf_counter() - start, 3),
            "peak_mib": round(peak_mib(), 1),
        }

    def tell(self, name: str, share: float) -> None:
        if self.progress:
            self.progress(name, min(max(share, 0.0), 1.0))


def forecast(
    panel: pl.DataFrame, *, as_of: date, spec: ForecastSpec, progress: Progress | None = None
) -> ForecastResult:
    """Forecast all series of a long demand panel (``unique_id, ds, y``, optional ``in_stock``, more columns).

    ``progress`` hears of each step: its name and the share of the whole that is done. Raises PanelError for a
    malformed panel.
    """
    stages = _Stages(progress)
    with stages.run("panel", 0.0):
        dense = panel_from_frame(
            panel, as_of=as_of, freq=spec.freq, horizon=spec.horizon, known=spec.known, static=spec.static
        )
    return _forecast(dense, spec, stages)


def forecast_panel(panel: Panel, *, spec: ForecastSpec, progress: Progress | None = None) -> ForecastResult:
    """The same from a panel that is already dense."""
    return _forecast(panel, spec, _Stages(progress))


def _forecast(panel: Panel, spec: ForecastSpec, stages: _Stages) -> ForecastResult:
    rows = max(spec.rows, _ROWS_PER_SERIES * panel.count)
    settings = ModelSettings(seed=spec.seed, threads=spec.threads, rows=rows)
    data = TrainingData(panel, horizon=spec.horizon, settings=settings)
    pattern = demand_patterns(panel.observed)
    warnings: list[str] = []
    if not set(spec.models) <= {"seasonal_naive", "moving_average"}:
        with stages.run("features", 0.03):
            _ = data.samples
    # A single mean needs no held-out folds: nothing to choose, nothing to calibrate.
    folds = spec.folds if len(spec.models) > 1 or spec.levels else 0
    with stages.run("backtest", 0.10):
        tested = backtest(data, spec.models, folds, lambda share: stages.tell("backtest", 0.1 + 0.5 * share))
    if folds and len(tested.folds) < folds:
        warnings.append(f"history is too short for {folds} folds: {len(tested.folds)} used")
    with stages.run("calibrate", 0.60):
        calibrators, quantiles = _calibrate(tested, spec)
    with stages.run("score", 0.75):
        segments = _segments(pattern, spec.min_segment)
        table = _score_all(tested, quantiles, spec, segments)
        champion = {
            name: _champion(scores_, name, spec.models) for name, scores_ in _by_segment(table).items()
        }
        segment = [name if name in champion else "overall" for name in pattern]
        model = [champion[name] for name in segment]
        if tested.folds:
            table["champion"] = _score_mix(tested, quantiles, spec, segments, model)
    with stages.run("fit", 0.85):
        fitted = {
            name: make(name, settings).fit(data, panel.periods) for name in spec.models if name in set(model)
        }
    with stages.run("distribution", 0.95):
        distribution = _distribute(data, fitted, calibrators, model, spec)
    stages.tell("done", 1.0)
    report = {
        "as_of": panel.as_of.isoformat(),
        "series": panel.count,
        "periods": panel.periods,
        "folds": [str(panel.ds[fold.cut - 1]) for fold in tested.folds],
        "spec": spec.to_dict(),
        "stages": stages.table,
        "models": table,
        "champion": champion,
        "coverage": _coverage(table.get("champion", {})),
        "warnings": warnings,
    }
    artifact = ForecastArtifact(
        spec,
        panel.as_of,
        fitted,
        {name: calibrators[name] for name in fitted if name in calibrators},
        champion,
    )
    return ForecastResult(distribution, model, segment, pattern, report, artifact)


def _calibrate(
    tested: Backtest, spec: ForecastSpec
) -> tuple[dict[str, Calibrator], dict[str, list[FoldQuantiles]]]:
    calibrators: dict[str, Calibrator] = {}
    quantiles: dict[str, list[FoldQuantiles]] = {}
    for name in spec.models if spec.levels else ():
        if tested.folds:
            calibrators[name], quantiles[name] = cross_calibrate(tested, name, spec.levels, spec.seed)
        else:
            calibrators[name] = Calibrator(spec.levels, seed=spec.seed).fit(Outcome.empty(spec.horizon))
    return calibrators, quantiles


def _segments(pattern: list[str], smallest: int) -> dict[str, Array]:
    """Boolean (N,) of each segment that is scored: all series, and each demand pattern that has enough."""
    names = np.array(pattern)
    chosen = {"overall": np.ones(len(names), dtype=bool)}
    for name in PATTERNS:
        rows = names == name
        if rows.sum() >= smallest:
            chosen[name] = rows
    return chosen


def _score_all(
    tested: Backtest,
    quantiles: dict[str, list[FoldQuantiles]],
    spec: ForecastSpec,
    segments: dict[str, Array],
) -> dict[str, dict[str, Scores]]:
    return {
        name: {
            segment: score(tested, tested.means[name], quantiles.get(name), spec.levels, rows)
            for segment, rows in segments.items()
        }
        for name in spec.models
    }


def _score_mix(
    tested: Backtest,
    quantiles: dict[str, list[FoldQuantiles]],
    spec: ForecastSpec,
    segments: dict[str, Array],
    model: list[str],
) -> dict[str, Scores]:
    """Scores of the champions together, each on its own series."""
    names = np.array(model)
    means, mixed = [], []
    for k in range(len(tested.folds)):
        mean = np.empty_like(tested.means[model[0]][k])
        shape = (*mean.shape, len(spec.levels))
        own = FoldQuantiles(np.empty(shape, np.float32), np.empty(shape, np.float32))
        for name in set(model):
            rows = names == name
            mean[rows] = tested.means[name][k][rows]
            if quantiles:
                own.period[rows] = quantiles[name][k].period[rows]
                own.cumulative[rows] = quantiles[name][k].cumulative[rows]
        means.append(mean)
        mixed.append(own)
    return {
        segment: score(tested, means, mixed if quantiles else None, spec.levels, rows)
        for segment, rows in segments.items()
    }


def _by_segment(table: dict[str, dict[str, Scores]]) -> dict[str, dict[str, Scores]]:
    segments = next(iter(table.values()))
    return {segment: {model: rows[segment] for model, rows in table.items()} for segment in segments}


def _champion(scores_: dict[str, Scores], segment: str, models: tuple[str, ...]) -> str:
    """The model with the lowest mean log score over WAPE, RMSSE and, where there are quantiles, both
    pinballs.

    Logs of scores compare ratios, so that no score's unit outweighs another's. Without folds: the moving
    average where it was asked for, as the steadiest guess, else the first model.
    """
    names = ("wape", "rmsse", "pinball", "cum_pinball")
    usable = [
        name
        for name in names
        if all((value := scores_[model].get(name)) is not None and value > 0 for model in models)
    ]
    if not usable:
        return "moving_average" if "moving_average" in models else models[0]
    logs = {
        model: float(np.mean([np.log(float(scores_[model][name] or 1.0)) for name in usable]))
        for model in models
    }
    return min(models, key=lambda model: logs[model])


def _distribute(
    data: TrainingData,
    fitted: dict[str, Forecaster],
    calibrators: dict[str, Calibrator],
    model: list[str],
    spec: ForecastSpec,
) -> DemandDistribution:
    panel = data.panel
    names = np.array(model)
    shape = (panel.count, spec.horizon)
    mean = np.zeros(shape, dtype=np.float32)
    period = np.zeros((*shape, len(spec.levels)), dtype=np.float32)
    cumulative = np.zeros_like(period)
    level = data.features.level(panel.periods)
    for name, estimator in fitted.items():
        rows = names == name
        mean[rows] = np.maximum(estimator.predict(data, panel.periods)[rows], 0)
        if name in calibrators:
            period[rows], cumulative[rows] = calibrators[name].predict(
                mean[rows], level.take(rows), panel.counts[rows]
            )
    return DemandDistribution(
        unique_id=panel.unique_id,
        as_of=panel.as_of,
        freq=panel.freq,
        ds=panel.future,
        mean=mean,
        quantiles=period,
        cum_quantiles=cumulative,
        levels=spec.levels,
    )


def _coverage(champion: dict[str, Scores]) -> dict[str, Any]:
    """Per level the share of held-out demand below and at most the quantile, per period and cumulative."""
    scores_ = champion.get("overall", {})
    return {
        f"{level / 100:.2f}": {
            kind: [scores_.get(f"{key}_{level}_below"), scores_.get(f"{key}_{level}")]
            for kind, key in (("period", "coverage"), ("cumulative", "cum_coverage"))
        }
        for level in (90, 95, 99)
        if f"coverage_{level}" in scores_
    }


def peak_mib() -> float:
    """Peak resident memory of this process so far, in MiB; 0 where the system doesn't tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def fingerprint(panel: pl.DataFrame, spec: ForecastSpec) -> str:
    """sha256 (hex) over the panel's content, the spec and the versions of code and libraries.

    Neither the order of rows and columns nor the string type counts. Two equal fingerprints at one as-of date
    mean equal forecasts; ``threads`` and ``progress`` don't enter.
    """
    digest = hashlib.sha256()
    settings = {name: value for name, value in spec.to_dict().items() if name != "threads"}
    head = {"code": CODE_VERSION, "spec": settings, "libraries": library_versions()}
    digest.update(json.dumps(head, sort_keys=True).encode())
    text = [name for name, kind in panel.schema.items() if kind in (pl.Categorical, pl.Enum)]
    frame = panel.with_columns(pl.col(text).cast(pl.String)).sort("unique_id", "ds")
    for name in sorted(frame.columns):
        column = frame[name]
        digest.update(f"\0{name}\0{column.dtype}\0".encode())
        if column.dtype == pl.String:
            words = column.drop_nulls().unique().sort()
            digest.update("\0".join(words.to_list()).encode())
            column = column.cast(pl.Enum(words)).to_physical()
        digest.update(column.is_null().to_numpy().tobytes())
        digest.update(np.ascontiguousarray(column.fill_null(strategy="zero").to_numpy()).tobytes())
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that the numbers depend on."""
    return {name: version(name) for name in ("lightgbm", "numpy", "polars", "scikit-learn")}
