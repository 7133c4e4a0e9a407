"""From a mean to a calibrated distribution, by the errors that a model made on held-out folds.

Split conformal prediction with a fitted spread (Lei et al., Distribution-free predictive inference for
regression, JASA 2018): errors are divided by a predicted spread, and the quantiles of these standardised
errors are read off per horizon group and per ratio of mean to spread, which governs how skewed and how
discrete demand is. Cumulative demand has its own spread and its own errors: errors of neighbouring periods go
together, so the periods' quantiles don't add up. Counts are jittered by less than half a unit and rounded
back (Machado and Santos Silva, Quantiles for counts, JASA 2005), so that their quantiles are counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.features import Level

Array = npt.NDArray[Any]

_FIT_ROWS = 150_000
_MIN_ERRORS = 40
_BIN_ERRORS = 600
_MOST_BINS = 12
_HORIZON_GROUPS = 4
_SHRINK = 1000.0
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model predicted at past origins and what came: rows are series at one origin.

    ``mean`` and ``actual`` (M, H), NaN actual where unknown; ``level`` holds (M,) arrays; ``counts`` (M,) is
    true where the series is of whole units.
    """

    mean: Array
    actual: Array
    level: Level
    counts: Array

    def cumulated(self) -> Outcome:
        """The same for demand summed over periods 1..h."""
        return Outcome(
            np.cumsum(self.mean, axis=1, dtype=np.float64),
            np.cumsum(self.actual, axis=1, dtype=np.float64),
            self.level,
            self.counts,
        )

    @staticmethod
    def empty(horizon: int) -> Outcome:
        """No outcome at all."""
        nothing = np.empty(0)
        never = np.empty(0, dtype=bool)
        block = np.empty((0, horizon))
        return Outcome(block, block, Level(nothing, nothing, nothing, nothing, never), never)

    @staticmethod
    def concat(parts: list[Outcome]) -> Outcome:
        """Outcomes of several origins as one."""
        return Outcome(
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.actual for part in parts]),
            Level(
                *(
                    np.concatenate([getattr(part.level, name) for part in parts])
                    for name in ("scale", "deviation", "known", "busy", "sold")
                )
            ),
            np.concatenate([part.counts for part in parts]),
        )


class SpreadCalibrator:
    """Quantiles around a mean. ``fit`` on held-out outcomes, ``predict`` (N, H, Q) float32, rising along
    q.
    """

    def __init__(self, levels: tuple[float, ...], *, seed: int = 0) -> None:
        self.levels = levels
        self.seed = seed

    def fit(self, outcome: Outcome) -> Self:
        """Learn the spread and the standardised errors' quantiles; too few errors leave a gamma in their
        place.
        """
        rng = np.random.default_rng(self.seed)
        jitter = rng.uniform(-0.5, 0.5, outcome.actual.shape)
        # A series that never sold has no scale to measure an error by; its quantiles are 0 all the same.
        seen = np.isfinite(outcome.actual) & outcome.level.sold[:, None]
        self.coefficients_: Array | None = None
        if int(seen.sum()) < _MIN_ERRORS:
            return self
        design = _design(outcome)[seen]
        scale = np.broadcast_to(outcome.level.scale[:, None], seen.shape)[seen]
        mean = outcome.mean[seen].astype(np.float64)
        error = outcome.actual[seen] - mean
        self.low_, self.high_ = design.min(axis=0), design.max(axis=0)
        chosen = np.arange(len(error))
        if len(chosen) > _FIT_ROWS:
            chosen = rng.choice(len(chosen), _FIT_ROWS, replace=False)
        self.coefficients_ = _fit_log_linear(design[chosen], np.abs(error[chosen]) / scale[chosen])
        counts = np.broadcast_to(outcome.counts[:, None], seen.shape)[seen]
        spread = _spread(design, self.coefficients_, scale, counts)
        standard = (error + np.where(counts, jitter[seen], 0)) / spread
        steps = np.broadcast_to(np.arange(seen.shape[1]), seen.shape)[seen]
        self._fit_bins(standard, mean / spread, steps, seen.shape[1])
        return self

    def _fit_bins(self, standard: Array, ratio: Array, steps: Array, horizon: int) -> None:
        bins = int(np.clip(len(standard) // _BIN_ERRORS, 1, _MOST_BINS))
        edges = np.quantile(ratio, np.linspace(0, 1, bins + 1)[1:-1])
        edges = np.unique(edges)
        of_bin = np.searchsorted(edges, ratio, side="right")
        groups = min(_HORIZON_GROUPS, horizon)
        self.group_ = np.arange(horizon) * groups // horizon
        of_group = self.group_[steps]
        bins = len(edges) + 1
        self.centers_ = np.zeros(bins)
        self.table_ = np.zeros((groups, bins, len(self.levels)))
        everything = np.quantile(standard, self.levels)
        for b in range(bins):
            inside = of_bin == b
            values = standard[inside]
            self.centers_[b] = np.median(ratio[inside]) if len(values) else edges[min(b, len(edges) - 1)]
            pooled = np.quantile(values, self.levels) if len(values) else everything
            for g in range(groups):
                cell = values[of_group[inside] == g]
                own = np.quantile(cell, self.levels) if len(cell) else pooled
                weight = len(cell) / (len(cell) + _SHRINK)
                self.table_[g, b] = weight * own + (1 - weight) * pooled

    def predict(self, mean: Array, level: Level, counts: Array, *, width: float = 1.0) -> Array:
        """Quantiles (N, H, Q) for means (N, H), 0 or more and rising along q, not yet rounded to counts.

        ``width`` stretches the spread around the mean.
        """
        result = np.empty((*mean.shape, len(self.levels)), dtype=np.float32)
        for start in range(0, len(mean), _CHUNK):
            part = slice(start, start + _CHUNK)
            result[part] = self._predict(mean[part].astype(np.float64), level.take(part), counts[part], width)
        return result

    def _predict(self, mean: Array, level: Level, counts: Array, width: float) -> Array:
        if self.coefficients_ is None:
            values = _gamma(mean, self.levels)
        else:
            design = _design(Outcome(mean, mean, level, counts)).clip(self.low_, self.high_)
            spread = _spread(design, self.coefficients_, level.scale[:, None], counts[:, None])
            ratio = mean / spread
            group = np.broadcast_to(self._groups(mean.shape[1]), mean.shape)
            if len(self.centers_) == 1:
                z = self.table_[group, 0]
            else:
                upper = np.searchsorted(self.centers_, ratio).clip(1, len(self.centers_) - 1)
                left, right = self.centers_[upper - 1], self.centers_[upper]
                gap = np.where(right > left, right - left, 1.0)
                weight = ((ratio - left) / gap).clip(0, 1)[..., None]
                z = (1 - weight) * self.table_[group, upper - 1] + weight * self.table_[group, upper]
            # What never sold carries no error to measure by: nothing is what is known of it.
            values = np.where(level.sold[:, None, None], mean[..., None] + width * spread[..., None] * z, 0.0)
        return np.sort(np.maximum(values, 0), axis=-1)

    def _groups(self, horizon: int) -> Array:
        """Groups of h = 1..horizon; past what was held out the last one carries on."""
        return self.group_[np.minimum(np.arange(horizon), len(self.group_) - 1)]


class Calibrator:
    """Both distributions of a model: of single periods and of their running sum."""

    def __init__(self, levels: tuple[float, ...], *, seed: int = 0) -> None:
        self.levels = levels
        self.seed = seed

    def fit(self, outcome: Outcome) -> Self:
        """Learn both from the same held-out outcomes."""
        self.period_ = SpreadCalibrator(self.levels, seed=self.seed).fit(outcome)
        self.cumulative_ = SpreadCalibrator(self.levels, seed=self.seed + 1).fit(outcome.cumulated())
        return self

    def predict(self, mean: Array, level: Level, counts: Array, *, width: float = 1.0) -> tuple[Array, Array]:
        """Quantiles per period and cumulative, (N, H, Q) each, as `publishable` wants them."""
        return publishable(*self.estimate(mean, level, counts, width=width), counts)

    def estimate(
        self, mean: Array, level: Level, counts: Array, *, width: float = 1.0
    ) -> tuple[Array, Array]:
        """The same before they are rounded to counts, to be mixed with others'."""
        period = self.period_.predict(mean, level, counts, width=width)
        total = np.cumsum(mean, axis=1, dtype=np.float64)
        return period, self.cumulative_.predict(total, level, counts, width=width)


def publishable(period: Array, cumulative: Array, counts: Array) -> tuple[Array, Array]:
    """Estimated quantiles (N, H, Q), changed in place: whole where ``counts`` (N,) says so, neither crossing
    nor, where cumulative, falling along h.

    The first period is its own running sum: both carry the same quantiles there.
    """
    for values in (period, cumulative):
        values[counts] = np.ceil(values[counts] - 0.5)
        np.maximum(values, 0, out=values)
    cumulative[:, 0] = period[:, 0]
    np.maximum.accumulate(cumulative, axis=1, out=cumulative)
    return period, cumulative


def _design(outcome: Outcome) -> Array:
    """(M, H, 6): what the size of an error depends on, all free of units."""
    rows, horizon = outcome.mean.shape
    scale = outcome.level.scale[:, None]
    step = np.arange(1, horizon + 1)
    design = np.empty((rows, horizon, 6))
    design[..., 0] = 1
    design[..., 1] = np.log(outcome.mean / scale / np.maximum(1, step) + 0.05)
    design[..., 2] = np.log(outcome.level.deviation / outcome.level.scale)[:, None]
    design[..., 3] = np.log(step)
    design[..., 4] = (1 / np.sqrt(1 + outcome.level.known))[:, None]
    design[..., 5] = np.log(outcome.level.busy + 0.02)[:, None]
    return design


def _spread(design: Array, coefficients: Array, scale: Array, counts: Array) -> Array:
    """The size of an error; of counts never less than that of the jitter, whose variance is 1/12."""
    spread = scale * np.exp((design @ coefficients).clip(-12, 12))
    return np.asarray(np.where(counts, np.sqrt(spread**2 + 1 / 12), spread))


def _fit_log_linear(design: Array, target: Array, *, penalty: float = 1.0, rounds: int = 12) -> Array:
    """Quasi-Poisson regression with a log link by iteratively reweighted least squares.

    Source: McCullagh and Nelder, Generalized Linear Models (1989), section 2.5. The target is cut at 50
    scales.
    """
    target = np.minimum(target, 50.0)
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(max(float(target.mean()), 1e-6))
    ridge = penalty * np.eye(design.shape[1])
    ridge[0, 0] = 1e-9
    for _ in range(rounds):
        eta = (design @ coefficients).clip(-12, 12)
        rate = np.exp(eta)
        working = eta + (target - rate) / rate
        weighted = design * rate[:, None]
        new = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ working)
        if np.abs(new - coefficients).max() < 1e-8:
            break
        coefficients = new
    return coefficients


def _gamma(mean: Array, levels: tuple[float, ...]) -> Array:
    """A gamma with variance mean + mean^2 / 2, for lack of any held-out error."""
    from scipy.stats import gamma

    shape = mean**2 / np.maximum(mean + mean**2 / 2, 1e-12)
    width = np.where(mean > 0, 1 + mean / 2, 1.0)
    return np.where(
        mean[..., None] > 0,
        gamma.ppf(np.array(levels), np.maximum(shape, 1e-6)[..., None], scale=width[..., None]),
        0.0,
    )
