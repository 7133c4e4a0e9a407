"""Robust statistics of weekly series, all at once: steady trend, repeated season, level shift.

Series are rows of (N, T), NaN unknown. The loops over pairs are compiled by numba, row by row, so that the
order of the rows changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]

YEAR = 52
_LEAST = 8
_SMOOTH = 5


@dataclass(frozen=True, eq=False)
class SteadyTrend:
    """Theil and Sen's slope per week, Kendall's tau-b with time and Mann-Kendall's z, each (N,).

    All are 0 where fewer than eight weeks are known.
    """

    slope: Array
    tau: Array
    z: Array


@dataclass(frozen=True, eq=False)
class LevelShift:
    """The likeliest single step of each series, (N,): its first week (column), size and Pettitt's p."""

    week: Array
    size: Array
    p: Array


def steady_trend(y: Array) -> SteadyTrend:
    """Slope, tau and z of each row of ``y`` (N, T).

    z divides Kendall's S by its deviation with ties, widened for autocorrelation: a series that wanders makes
    long runs by chance. Sources: Sen, Journal of the American Statistical Association 63 (1968), 1379-1389;
    Mann, Econometrica 13 (1945), 245-259; Hamed and Rao, Journal of Hydrology 204 (1998), 182-196.
    """
    slope, tau, z = _trends(np.ascontiguousarray(y, dtype=np.float64))
    return SteadyTrend(slope, tau, z)


def level_shift(y: Array) -> LevelShift:
    """Where the level of each row of ``y`` (N, T) changed, by ranks; p is 1 where too little is known.

    The size is the median after less the median before. Source: Pettitt, A non-parametric approach to the
    change-point problem, Applied Statistics 28 (1979), 126-135.
    """
    week, size, p = _shifts(np.ascontiguousarray(y, dtype=np.float64))
    return LevelShift(week, size, p)


def season_strength(y: Array) -> Array:
    """How far the last year repeats the year before, (N,): 0 (not at all) to 1; NaN under two years.

    The correlation of both years' weeks, on logarithms smoothed over five weeks and with each year's straight
    line taken out. Unlike a share of variance explained by two years' mean, it is about 0 for noise.
    """
    if y.shape[1] < 2 * YEAR:
        return np.full(len(y), np.nan)
    seen = y[:, -2 * YEAR :]
    whole = np.isfinite(seen).all(axis=1)
    values = np.where(np.isfinite(seen), seen, 0.0)
    level = values.mean(axis=1, keepdims=True)
    logs = np.log(smoothed(values) + 0.1 * np.where(level > 0, level, 1.0))
    before, last = _detrended(logs[:, :YEAR]), _detrended(logs[:, YEAR:])
    size = np.sqrt((before**2).sum(axis=1) * (last**2).sum(axis=1))
    likeness = np.where(size > 1e-12, (before * last).sum(axis=1) / np.where(size > 1e-12, size, 1.0), 0.0)
    return np.where(whole, np.clip(likeness, 0.0, 1.0), np.nan)


def smoothed(y: Array) -> Array:
    """The centred five-week mean of each row of ``y`` (N, T), shorter at the ends; no NaN."""
    half = _SMOOTH // 2
    sums = np.cumsum(np.pad(y, ((0, 0), (1, 0))), axis=1)
    weeks = np.arange(y.shape[1])
    first, stop = np.maximum(weeks - half, 0), np.minimum(weeks + half + 1, y.shape[1])
    result: Array = (sums[:, stop] - sums[:, first]) / (stop - first)
    return result


def _detrended(y: Array) -> Array:
    time = np.arange(y.shape[1]) - (y.shape[1] - 1) / 2
    centred = y - y.mean(axis=1, keepdims=True)
    result: Array = centred - np.outer(centred @ time / (time @ time), time)
    return result


@njit(nogil=True)
def _trends(y: Array) -> tuple[Array, Array, Array]:  # pragma: no cover - compiled
    rows, weeks = y.shape
    slope, tau, z = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    pairs = np.empty(weeks * (weeks - 1) // 2)
    for row in range(rows):
        known = np.flatnonzero(np.isfinite(y[row]))
        n = len(known)
        if n < _LEAST:
            continue
        values = y[row][known]
        score, level, count = 0.0, 0, 0
        for i in range(n):
            for j in range(i + 1, n):
                step = values[j] - values[i]
                pairs[count] = step / (known[j] - known[i])
                count += 1
                if step > 0:
                    score += 1
                elif step < 0:
                    score -= 1
                else:
                    level += 1
        slope[row] = np.median(pairs[:count])
        if level == count:
            continue
        tau[row] = score / np.sqrt(count * (count - level))
        ranks, _ties = _ranks(values - slope[row] * known)
        _same, ties = _ranks(values)
        variance = (n * (n - 1.0) * (2 * n + 5) - ties) / 18
        variance *= max(_effective(ranks), 1.0)
        if variance > 0:
            z[row] = (score - np.sign(score)) / np.sqrt(variance)
    return slope, tau, z


@njit(nogil=True)
def _ranks(values: Array) -> tuple[Array, float]:  # pragma: no cover - compiled
    """Mean ranks from 1, and the sum of t(t - 1)(2t + 5) over groups of t equal values."""
    n = len(values)
    order = np.argsort(values, kind="mergesort")
    ranks = np.empty(n)
    ties, first = 0.0, 0
    while first < n:
        stop = first + 1
        while stop < n and values[order[stop]] == values[order[first]]:
            stop += 1
        size = stop - first
        ties += size * (size - 1.0) * (2 * size + 5)
        for place in range(first, stop):
            ranks[order[place]] = (first + stop + 1) / 2
        first = stop
    return ranks, ties


@njit(nogil=True)
def _effective(ranks: Array) -> float:  # pragma: no cover - compiled
    """How much autocorrelation widens the variance of S: Hamed and Rao's n / n*, significant lags."""
    n = len(ranks)
    centred = ranks - ranks.mean()
    size = (centred**2).sum()
    if size <= 0:
        return 1.0
    total = 0.0
    for lag in range(1, n // 4 + 1):
        rho = (centred[lag:] * centred[:-lag]).sum() / size
        if abs(rho) > 1.96 / np.sqrt(n):
            total += (n - lag) * (n - lag - 1.0) * (n - lag - 2.0) * rho
    return 1 + 2 * total / (n * (n - 1.0) * (n - 2.0))


@njit(nogil=True)
def _shifts(y: Array) -> tuple[Array, Array, Array]:  # pragma: no cover - compiled
    rows = len(y)
    week, size, p = np.zeros(rows, dtype=np.int64), np.zeros(rows), np.ones(rows)
    for row in range(rows):
        known = np.flatnonzero(np.isfinite(y[row]))
        n = len(known)
        if n < 2 * _LEAST:
            continue
        values = y[row][known]
        ranks, _ties = _ranks(values)
        best, at, total = 0.0, 0, 0.0
        for place in range(n - 1):
            total += ranks[place]
            reach = abs(2 * total - (place + 1) * (n + 1.0))
            if reach > best:
                best, at = reach, place + 1
        if at == 0:
            continue
        week[row] = known[at]
        size[row] = np.median(values[at:]) - np.median(values[:at])
        p[row] = min(1.0, 2 * np.exp(-6 * best**2 / (n**3.0 + n**2.0)))
    return week, size, p
