"""Planners' changes of a demand distribution: where they fall in it, how they spread, what the quantiles do.

An override speaks of the demand of some series on some days. Of a period that it covers in part, it changes
the part of the mean that falls to its days (evenly over the period's days), and leaves the rest alone. What
it changes above one series is spread in proportion to the mean; where all means are zero, equally.

Less demand keeps the distribution's shape, and so does a percentage. Units that come on top widen it by the
square root of the mean's growth, as more customers of the same kind do (compound Poisson demand: Adelson,
*Operational Research Quarterly* 17, 1966): an order of 30 known units for an item that sells once in three
weeks does not become a chance of 300.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import DemandDistribution, Freq

Array = npt.NDArray[Any]
Kind = Literal["absolute", "percent", "uplift"]

_CHUNK = 8192
# Units, or a factor, that are none.
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Override:
    """A change of the mean of some series on the days from ``first_day`` to ``last_day``, both included.

    ``kind`` and ``value``: ``absolute`` sets the units of all these series and days together (0 or more),
    ``percent`` changes them by so many percent (-100 or more), ``uplift`` adds so many units (below zero:
    takes away, at most all). ``rows`` are the positions of the series. ``key`` names it in its `Effect`.
    """

    key: int
    kind: Kind
    value: float
    first_day: date
    last_day: date
    rows: Array

    @property
    def days(self) -> int:
        """Number of its days."""
        return (self.last_day - self.first_day).days + 1


@dataclass(frozen=True)
class Effect:
    """What one override did: units of its series on those of its ``days`` that the forecast covers.

    ``model`` as the model has it, ``before`` with the overrides that come before it, ``after`` with itself.
    """

    key: int
    days: int
    model: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Change:
    """New means (N, H) and the factor (N, H) on each period's spread around its mean, both float64."""

    mean: Array
    spread: Array
    effects: list[Effect]

    def take(self, rows: Array, mean: Array) -> Change:
        """The change of other series with these means: those at ``rows`` (positions; -1: no change)."""
        own, spread = mean.astype(np.float64), np.ones(mean.shape)
        known = rows >= 0
        own[known], spread[known] = self.mean[rows[known]], self.spread[rows[known]]
        return Change(own, spread, self.effects)


def period_bounds(ds: Array, freq: Freq) -> tuple[Array, Array]:
    """First and last days (H,) as datetime64[D] of periods that are labelled by their last day."""
    last = np.asarray(ds, dtype="datetime64[D]")
    if freq == "M":
        return last.astype("datetime64[M]").astype("datetime64[D]"), last
    return last - np.timedelta64(6 if freq == "W" else 0, "D"), last


def days_inside(ds: Array, freq: Freq, first_day: date, last_day: date) -> Array:
    """How many days of each period (H,) lie from ``first_day`` to ``last_day``."""
    first, last = period_bounds(ds, freq)
    begin = np.maximum(first, np.datetime64(first_day, "D"))
    end = np.minimum(last, np.datetime64(last_day, "D"))
    return np.maximum((end - begin).astype(np.int64) + 1, 0)


def day_shares(ds: Array, freq: Freq, first_day: date, last_day: date) -> Array:
    """The share of each period's days (H,), 0 to 1, that lie from ``first_day`` to ``last_day``."""
    first, last = period_bounds(ds, freq)
    length = (last - first).astype(np.int64) + 1
    share: Array = days_inside(ds, freq, first_day, last_day) / length
    return share


def means_change(mean: Array, ds: Array, freq: Freq, overrides: Sequence[Override]) -> Change:
    """Apply overrides to means (N, H) one after the other, in the order given.

    Units of an override whose days the forecast covers in part are cut to the share of its days that it
    covers. One that has no series, or no day in the forecast, has an effect of 0 days and changes nothing.
    """
    new = np.array(mean, dtype=np.float64)
    spread = np.ones_like(new)
    effects = []
    for override in overrides:
        inside = days_inside(ds, freq, override.first_day, override.last_day)
        days = int(inside.sum())
        rows = np.asarray(override.rows, dtype=np.intp)
        if not days or not len(rows):
            effects.append(Effect(override.key, 0, 0.0, 0.0, 0.0))
            continue
        touched = np.flatnonzero(inside)
        cells = np.ix_(rows, touched)
        share = day_shares(ds, freq, override.first_day, override.last_day)[touched]
        old = new[cells]
        part = old * share
        before = float(part.sum())
        after = _target(override, before, days / override.days)
        if before > _NOTHING:
            ratio = 1 - share + share * (after / before)
            new[cells] = old * ratio
        else:
            ratio = np.ones(len(touched))
            new[cells] = old - part + (after / len(rows)) * inside[touched] / days
        spread[cells] *= ratio if override.kind == "percent" else np.minimum(ratio, np.sqrt(ratio))
        model = float((mean[cells].astype(np.float64) * share).sum())
        effects.append(Effect(override.key, days, model, before, after))
    return Change(new, spread, effects)


def _target(override: Override, before: float, covered: float) -> float:
    if override.kind == "percent":
        return before * max(1 + override.value / 100, 0.0)
    units = override.value * covered
    return max(units if override.kind == "absolute" else before + units, 0.0)


def distribution_change(demand: DemandDistribution, change: Change) -> DemandDistribution:
    """The distribution with its means and spreads changed; series that nothing changed keep every number.

    A quantile q around a mean m becomes m' + spread (q - m), at least 0. Cumulative ones do the same around
    the running sum, with the root of the mean square of the spreads of periods 1..h, weighted by the means (a
    sum's variance is the periods' variances added up), and never fall along h. Where all quantiles are 0
    and demand more than doubles, or an earlier override left none, there is no spread to keep: it is then
    that of a gamma with variance mean + mean^2 / 2. Series of whole units keep whole quantiles.
    """
    moved = np.flatnonzero(((change.mean != demand.mean) | (change.spread != 1)).any(axis=1))
    if not len(moved):
        return demand
    mean, quantiles = demand.mean.copy(), demand.quantiles.copy()
    cum_quantiles = demand.cum_quantiles.copy()
    for start in range(0, len(moved), _CHUNK):
        rows = moved[start : start + _CHUNK]
        mean[rows] = change.mean[rows]
        quantiles[rows], cum_quantiles[rows] = _rows_change(demand, change, rows)
    return replace(demand, mean=mean, quantiles=quantiles, cum_quantiles=cum_quantiles)


def overrides_apply(
    demand: DemandDistribution, overrides: Sequence[Override]
) -> tuple[DemandDistribution, list[Effect]]:
    """The distribution with these overrides applied in the order given, and what each of them did."""
    change = means_change(demand.mean, demand.ds, demand.freq, overrides)
    return distribution_change(demand, change), change.effects


def _rows_change(demand: DemandDistribution, change: Change, rows: Array) -> tuple[Array, Array]:
    old = demand.mean[rows].astype(np.float64)
    new, spread = change.mean[rows], change.spread[rows]
    single = demand.quantiles[rows].astype(np.float64)
    summed = demand.cum_quantiles[rows].astype(np.float64)
    is_whole = _whole(single) & _whole(summed)
    weight = np.cumsum(old, axis=1)
    squares = np.cumsum(old * spread**2, axis=1)
    cum_spread = np.sqrt(np.divide(squares, weight, out=np.ones_like(weight), where=weight > 0))
    results = []
    for values, mean, target, factor in (
        (single, old, new, spread),
        (summed, weight, np.cumsum(new, axis=1), cum_spread),
    ):
        moved = target[..., None] + factor[..., None] * (values - mean[..., None])
        blind = (values[:, :, -1:] == 0).all(axis=2) & (target > 2 * mean) | (factor < _NOTHING) & (
            target > 0
        )
        if blind.any():
            moved[blind] = _gamma(target[blind], demand.levels)
        # Periods that nothing reaches keep every digit.
        same = (target == mean) & (factor == 1)
        moved = np.where(same[..., None], values, np.maximum(moved, 0.0))
        # Differences of floats: a quantile may come out below its neighbour by its last digit.
        for level in range(1, moved.shape[2]):
            np.maximum(moved[:, :, level], moved[:, :, level - 1], out=moved[:, :, level])
        results.append(np.where(is_whole[:, None, None], np.floor(moved + 0.5), moved))
    return results[0], np.maximum.accumulate(results[1], axis=1)


def _whole(values: Array) -> Array:
    """Which series (N,) have whole numbers only."""
    whole: Array = (values == np.rint(values)).all(axis=(1, 2))
    return whole


def _gamma(mean: Array, levels: tuple[float, ...]) -> Array:
    from scipy.stats import gamma

    width = 1 + mean / 2
    shape = np.maximum(mean / width, 1e-6)
    values: Array = gamma.ppf(np.array(levels), shape[:, None], scale=width[:, None])
    return values
