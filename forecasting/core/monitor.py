"""Frozen forecasts against what came: bias, drift and coverage, each with a limit that chance rarely passes.

A forecast is a whole distribution, so an outcome is judged by its place in it: u = F(y) is uniform where the
distribution was right (Dawid, JRSS A 147, 1984; for counts drawn between F(y - 1) and F(y), Czado, Gneiting
and Held, Biometrics 65, 2009), and its normal score standard normal however lumpy the demand. On that stand:

- bias of a series: a two-sided CUSUM of normal scores (Page, Biometrika 41, 1954), its limit by the mean time
  between false alarms (Siegmund, Sequential Analysis, 1985, section 2.6);
- drift of a series: the sum of absolute errors against the sum and variance that its distributions expected;
- coverage of a series: how often it left its 90% band, by the binomial distribution;
- segments: the same three as means over the periods, by Student's t. Series of a segment go up and down
  together, so the spread between periods is the measure of chance, not the number of series.

`SERIES_RATE` and `SEGMENT_RATE` are the false alarms per series (segment), kind and period that the limits
aim at where the forecasts are right. Quantiles tell a distribution roughly, so of the series at most 1 in
1,000 stand in alarm of a kind at a time (simulated: Poisson and negative binomial demand, 0.05 to 400).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SERIES_RATE = 1e-4
SEGMENT_RATE = 1e-3
BAND = 0.90

# CUSUM: half of the shift, in deviations, that is to be found soonest; and how far it goes past its limit: an
# alarm goes out a few periods after its cause is gone.
_REFERENCE = 0.5
_CUSUM_TOP = 1.25
# Drift, coverage and segments are judged by so many periods.
_RECENT = 13
# The errors of rare sales have a heavier tail than the gamma of their mean and variance.
_LIGHT_TAIL = 0.2
# Fewer outcomes say nothing.
_FEWEST, _FEWEST_OF_SEGMENT = 6, 4
# What matters in practice, whatever chance says: 5% bias, errors 15% larger, 3 points of coverage.
_BIAS_MATTERS, _DRIFT_MATTERS, _COVERAGE_MATTERS = 0.05, 1.15, 0.03


@dataclass(frozen=True, eq=False)
class Finding:
    """One kind of alarm for N series or segments; all (N,).

    ``value`` against ``limit`` decides ``off``; ``effect`` says how much it matters, in people's units.
    """

    value: Array
    limit: Array
    effect: Array
    off: Array


@dataclass(frozen=True, eq=False)
class Outcomes:
    """T past periods of N series, the newest last; (T, N), NaN where an outcome is unknown.

    ``expected_error`` and ``error_variance`` are of the absolute error, as the distribution implies them.
    """

    actual: Array
    mean: Array
    expected_error: Array
    error_variance: Array
    score: Array

    def last(self, periods: int) -> Outcomes:
        """The newest periods alone."""
        return Outcomes(*(getattr(self, name)[-periods:] for name in Outcomes.__dataclass_fields__))


def normal_scores(
    actual: Array, quantiles: Array, levels: Sequence[float], counts: Array, *, seed: int
) -> Array:
    """(N,) normal scores of actuals (N,) in distributions given by quantiles (N, Q); NaN where unknown.

    Between two quantiles the distribution is linear; ``counts`` (N,) says where demand is of whole units,
    each of which holds its own share of probability. Beyond the outermost levels one place is as likely as
    another, so a score never passes what the levels can tell apart by much.
    """
    from scipy.special import ndtri

    p = np.concatenate([[0.0], np.asarray(levels, dtype=np.float64), [1.0]])
    last = len(levels)
    y = actual.astype(np.float64)[:, None]
    q = quantiles.astype(np.float64)
    below, upto = (q < y).sum(axis=1), (q <= y).sum(axis=1)
    y = y[:, 0]
    rows = np.arange(len(y))
    left, right = q[rows, np.maximum(below - 1, 0)], q[rows, np.minimum(upto, last - 1)]
    half = np.where(counts, 0.5, 0.0)
    tie = upto > below
    # Where no level has this very value: linear between the two levels around it.
    gap = np.maximum(right - left, 1e-12)
    inside = ~tie & (below > 0) & (below < last)
    step = np.where(inside, p[np.minimum(below + 1, last + 1)] - p[below], 0.0)
    low = p[below] + step * ((y - left - half) / gap).clip(0, 1)
    high = np.where(
        inside, p[below] + step * ((y - left + half) / gap).clip(0, 1), p[np.minimum(below + 1, last + 1)]
    )
    # Where levels have it: their own share, and half a unit's to either side.
    first, final = p[np.minimum(below + 1, last)], p[upto]
    gap_left = np.where(below > 0, np.maximum(y - left, 1e-12), 1.0)
    gap_right = np.where(upto < last, np.maximum(right - y, 1e-12), 1.0)
    tie_low = first - (first - p[below]) * (half / gap_left).clip(0, 1)
    tie_high = final + (p[np.minimum(upto + 1, last + 1)] - final) * (half / gap_right).clip(0, 1)
    low = np.where(tie, np.where(y <= 0, 0.0, tie_low), low)
    high = np.where(tie, tie_high, high)
    u = low + np.random.default_rng(seed).uniform(size=len(y)) * (high - low)
    return np.where(np.isfinite(y), ndtri(u.clip(1e-6, 1 - 1e-6)), np.nan)


def expected_errors(
    mean: Array, quantiles: Array, levels: Sequence[float], counts: Array
) -> tuple[Array, Array]:
    """(N,) expectation and variance of \\|demand - mean\\| under distributions given by quantiles (N, Q).

    The quantile function is linear between levels, flat below the lowest, and exponential above the highest.
    Counts never have less than a Poisson variable's: rare sales lie beyond the highest level.
    """
    p = np.asarray(levels, dtype=np.float64)
    m = mean.astype(np.float64)
    gap = quantiles.astype(np.float64) - m[:, None]
    size = np.abs(gap)
    width = np.diff(p)
    first = p[0] * size[:, 0] + ((size[:, 1:] + size[:, :-1]) / 2 * width).sum(axis=1)
    second = p[0] * size[:, 0] ** 2 + (
        (gap[:, 1:] ** 2 + gap[:, 1:] * gap[:, :-1] + gap[:, :-1] ** 2) / 3 * width
    ).sum(axis=1)
    tail = 1 - p[-1]
    rate = (gap[:, -1] - gap[:, -2]) / np.log((1 - p[-2]) / tail)
    first += tail * np.abs(gap[:, -1] + rate)
    second += tail * (gap[:, -1] ** 2 + 2 * gap[:, -1] * rate + 2 * rate**2)
    rare = np.where(counts & (m < 1), 2 * m * np.exp(-m), 0.0)
    first = np.maximum(first, rare)
    second = np.maximum(second, np.where(counts, m, 0.0))
    return first, np.maximum(second - first**2, 1e-12)


def cusum(scores: Array) -> tuple[Array, Array]:
    """(N,) upper and lower CUSUM after the last of T periods (T, N), at most a quarter above the limit.

    An unknown period changes nothing.
    """
    upper, lower = np.zeros(scores.shape[1]), np.zeros(scores.shape[1])
    top = _CUSUM_TOP * cusum_limit()
    for row in scores:
        seen = np.isfinite(row)
        upper = np.where(seen, (upper + row - _REFERENCE).clip(0, top), upper)
        lower = np.where(seen, (lower - row - _REFERENCE).clip(0, top), lower)
    return upper, lower


def cusum_limit(rate: float = SERIES_RATE) -> float:
    """The limit that a two-sided CUSUM of standard normals passes so often a period: Siegmund's formula."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        reach = 2 * _REFERENCE * (middle + 1.166)
        between = (np.exp(reach) - 1 - reach) / (2 * _REFERENCE**2)
        low, high = (middle, high) if 2 / between > rate else (low, middle)
    return high


def series_findings(outcomes: Outcomes, *, rate: float = SERIES_RATE) -> dict[str, Finding]:
    """``bias``, ``drift`` and ``coverage`` of each series, the effects of the last 13 periods.

    Effects: mean less actual as a share of actual; errors against those expected; share outside the band.
    """
    scores = np.where(np.isfinite(outcomes.actual), outcomes.score, np.nan)
    outcomes = outcomes.last(_RECENT)
    known = np.isfinite(outcomes.score) & np.isfinite(outcomes.actual)
    count = known.sum(axis=0)
    enough = count >= _FEWEST

    def total(values: Array) -> Array:
        return np.asarray(np.where(known, values, 0.0).sum(axis=0, dtype=np.float64))

    error = total(np.abs(outcomes.actual - outcomes.mean))
    return {
        "bias": _series_bias(scores, total(outcomes.mean), total(outcomes.actual), enough, rate),
        "drift": _series_drift(
            error, total(outcomes.expected_error), total(outcomes.error_variance), enough, rate
        ),
        "coverage": _series_coverage(outcomes.score, count, enough, rate),
    }


def _series_bias(scores: Array, mean: Array, actual: Array, enough: Array, rate: float) -> Finding:
    upper, lower = cusum(scores)
    value = np.maximum(upper, lower)
    limit = np.full(len(value), cusum_limit(rate))
    effect = (mean - actual) / np.maximum(actual, 1e-9 + 1e-3 * mean)
    matters = np.abs(effect) >= _BIAS_MATTERS
    return Finding(value, limit, effect, enough & (value > limit) & matters)


def _series_drift(error: Array, expected: Array, variance: Array, enough: Array, rate: float) -> Finding:
    """Errors against a gamma of the expected sum and variance."""
    from scipy.stats import gamma

    usable = enough & (expected > 0)
    mean = np.where(usable, expected, 1.0)
    spread = np.where(usable, variance, 1.0)
    limit = gamma.isf(rate * _LIGHT_TAIL, mean**2 / spread, scale=spread / mean) / mean
    value = np.where(usable, error / mean, 0.0)
    return Finding(value, limit, value, usable & (value > limit) & (value >= _DRIFT_MATTERS))


def _series_coverage(score: Array, count: Array, enough: Array, rate: float) -> Finding:
    from scipy.special import ndtri
    from scipy.stats import binom

    edge = ndtri(0.5 + BAND / 2)
    with np.errstate(invalid="ignore"):
        outside = (np.abs(score) > edge).sum(axis=0)
    # The smallest number that chance passes less often than `rate`.
    table: Array = binom.isf(rate, np.arange(int(count.max(initial=0)) + 1), 1 - BAND) + 1
    limit: Array = table[count]
    value = outside.astype(np.float64)
    return Finding(value, limit, value / np.maximum(count, 1), enough & (value >= limit))


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over the series of a segment in each of T periods, (T,): what a segment is judged by."""

    count: Array
    actual: Array
    mean: Array
    absolute_error: Array
    expected_error: Array
    outside: Array

    @staticmethod
    def of(outcomes: Outcomes) -> Sums:
        """One period's sums over series: ``outcomes`` (T, N) to (T,)."""
        from scipy.special import ndtri

        known = np.isfinite(outcomes.score) & np.isfinite(outcomes.actual)

        def total(values: Array) -> Array:
            return np.asarray(np.where(known, values, 0.0).sum(axis=1, dtype=np.float64))

        edge = ndtri(0.5 + BAND / 2)
        with np.errstate(invalid="ignore"):
            outside = np.abs(outcomes.score) > edge
        return Sums(
            count=known.sum(axis=1).astype(np.float64),
            actual=total(outcomes.actual),
            mean=total(outcomes.mean),
            absolute_error=total(np.abs(outcomes.actual - outcomes.mean)),
            expected_error=total(outcomes.expected_error),
            outside=total(outside.astype(np.float64)),
        )


def segment_findings(sums: Sums, *, rate: float = SEGMENT_RATE) -> dict[str, Finding]:
    """``bias``, ``drift`` and ``coverage`` of one segment over its last 13 periods: findings of one row."""
    usable = (sums.count > 0) & (sums.mean > 0) & (sums.expected_error > 0)
    part = {name: getattr(sums, name)[usable][-_RECENT:] for name in Sums.__dataclass_fields__}
    actual = float(part["actual"].sum())
    effects = {
        "bias": (float(part["mean"].sum()) - actual) / max(actual, 1e-9),
        "drift": float(part["absolute_error"].sum()) / max(float(part["expected_error"].sum()), 1e-9),
        "coverage": float(part["outside"].sum()) / max(float(part["count"].sum()), 1.0),
    }
    matters = {
        "bias": abs(effects["bias"]) >= _BIAS_MATTERS,
        "drift": effects["drift"] >= _DRIFT_MATTERS,
        "coverage": effects["coverage"] >= 1 - BAND + _COVERAGE_MATTERS,
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        each = {
            "bias": (part["mean"] - part["actual"]) / part["mean"],
            "drift": np.log(np.maximum(part["absolute_error"], 1e-9) / part["expected_error"]),
            "coverage": part["outside"] / part["count"] - (1 - BAND),
        }
    return {
        kind: _student(each[kind], effects[kind], matters[kind], rate, two_sided=kind == "bias")
        for kind in each
    }


def _student(values: Array, effect: float, matters: bool, rate: float, *, two_sided: bool) -> Finding:
    """Whether the mean of some periods' values is off 0, by Student's t."""
    from scipy.stats import t

    count = len(values)
    if count < _FEWEST_OF_SEGMENT:
        return Finding(*(np.array([value]) for value in (0.0, 0.0, effect, False)))
    value = float(values.mean() / max(float(values.std(ddof=1)) / np.sqrt(count), 1e-9))
    limit = float(t.isf(rate / (2 if two_sided else 1), count - 1))
    value = abs(value) if two_sided else value
    return Finding(*(np.array([item]) for item in (value, limit, effect, matters and value > limit)))


def coverage_factor(
    covered: Array,
    target: float,
    *,
    step: float = 0.3,
    start: Array | float = 1.0,
    lowest: float = 0.5,
    highest: float = 2.0,
) -> Array:
    """(G,) factors on the width of bands, from the share covered (T, G) in T periods, the newest last.

    Adaptive conformal inference (Gibbs and Candes, NeurIPS 2021): after each period the miscoverage aimed at
    moves by ``step`` (target - covered), here on the logarithm of the width, as in quantile tracking
    (Angelopoulos, Candes and Tibshirani, NeurIPS 2023). Whatever the demand does, while the factor stays off
    its ends the mean coverage is within log(highest / lowest) / (step T) of the target, provided that each
    period's band had the factor of the periods before it. ``covered`` may be a share of many series, 0 and 1
    of one, or NaN where nothing is known (no step). ``start`` is the factor before the first of them.
    """
    width = np.log(np.broadcast_to(np.asarray(start, dtype=np.float64), covered.shape[1:]).copy())
    for share in covered:
        move = np.where(np.isfinite(share), step * (target - share), 0.0)
        width = (width + move).clip(np.log(lowest), np.log(highest))
    return np.asarray(np.exp(width))
