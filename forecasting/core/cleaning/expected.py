"""Expected demand of every cell of a panel, from what was seen around it.

mean[t, i] = level[t, i] x movement[t, groups of i] x profile[weekday, i] x effect[t, i]

- level: a two-sided exponential kernel over the series' own demand, each period divided by its other factors;
  drawn toward the series' whole mean, the more, the noisier the series (Buehlmann's credibility).
- movement: what all series together, and those that share a static column, sold in the period against what
  was expected of them: season, weekday, holidays and weather come in here.
- profile (days only): the series' own weekdays.
- effect: promotion, price and other known columns (`effects`).

A period out of stock with sales counts with its conditional mean given that demand was at least its sales
(the E step of the EM algorithm: Dempster, Laird and Rubin, Journal of the Royal Statistical Society B 39,
1977); one without sales says nothing and counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.cleaning.effects import (
    SERIES_CHUNK,
    Covariate,
    coefficients_fit,
    covariates,
    effect_of,
)
from forecasting.core.cleaning.spikes import Spread, spread_of
from forecasting.core.panel import Panel

Array = npt.NDArray[Any]

_KERNEL = {"D": 0.95, "W": 0.88, "M": 0.7}
# Prior coefficients of variation: of a series' level over time, of the panel's movement, of a group's.
_LEVEL_CV, _PANEL_CV, _GROUP_CV, _PROFILE_CV = 0.6, 0.5, 0.1, 0.3
_MOST_SAY = 8.0  # prior periods' worth of a single series in the common movement of a period
_ROUNDS = 3
_BLOCK = 2048
# Groups smaller than this say little about a period; each more costs a pass.
_SMALLEST_GROUP, _MOST_GROUPS = 8, 4
_FEW_GROUPS = 64
# Periods at a time; every series of a period counts in its movement.
_PERIODS_CHUNK = 16


@dataclass(frozen=True, eq=False)
class Expected:
    """``mean`` (T, N) float32 units, ``effect`` its factor of known columns ((1, 1) ones without any).

    ``dispersion`` (N,) is variance / mean in units, ``spread`` that of log sales around the mean.
    """

    mean: Array
    effect: Array
    dispersion: Array
    spread: Spread


def expect(
    panel: Panel,
    units: Array,
    seen: Array,
    whole_seen: Array,
    bounded: tuple[Array, Array],
    threads: int = 1,
) -> Expected:
    """Fit the expected demand of all cells.

    ``units`` (T, N) float32, 0 or more and finite; ``seen`` (T, N) which of them count; ``whole_seen`` those
    that count in the common movement, surprising zeros among them; ``bounded`` the cells (periods, series)
    among those not seen whose units are a lower bound above zero.
    """
    columns = covariates(panel)
    groups = _groups(panel)
    lower = units[bounded].astype(np.float64)
    value = np.where(seen, units, np.float32(0))
    counted = seen.copy()
    counted[bounded] = True
    common = counted | whole_seen
    value[bounded] = lower
    whole, dispersion = _whole(value, np.where(seen.any(axis=0), seen, counted))
    other = np.ones_like(value)
    effect: Array = np.ones((1, 1), dtype=np.float32)
    coefficients = np.zeros((panel.count, len(columns)))
    value[bounded] = np.maximum(lower, whole[bounded[1]])
    level = np.empty_like(value)
    mean = np.empty_like(value)
    kernel = _KERNEL[panel.freq]
    for _ in range(_ROUNDS):
        np.multiply(other, effect, out=mean)
        _level(value, counted, mean, whole, dispersion, kernel, out=level, threads=threads)
        np.multiply(level, effect, out=mean)
        _movement(panel, groups, value, common, mean, whole, dispersion, out=other, threads=threads)
        np.multiply(level, other, out=mean)
        if columns:
            coefficients = coefficients_fit(
                columns, coefficients, mean, value, counted, dispersion, groups, threads
            )
            effect = _effect(columns, coefficients, effect, panel, threads)
            mean *= effect
        dispersion = _dispersion(value, seen, mean, whole, threads)
        spread = spread_of(units, mean, seen, threads)
        _bound(value, mean, spread, threads)
        value[bounded] = conditional_mean(mean[bounded], dispersion[bounded[1]], lower)
    np.multiply(other, effect, out=mean)
    _level(value, counted, mean, whole, dispersion, kernel, out=level, threads=threads)
    mean *= level
    return Expected(mean, effect, dispersion, spread)


def _effect(
    columns: list[Covariate], coefficients: Array, before: Array, panel: Panel, threads: int
) -> Array:
    """Factor (T, N) float32 of the known columns, in the place of the round before's."""
    shape = (panel.periods, panel.count)
    effect = before if before.shape == shape else np.empty(shape, dtype=np.float32)

    def fill(part: slice) -> None:
        effect[:, part] = effect_of([column.cells(part) for column in columns], coefficients[part])

    in_chunks(fill, panel.count, SERIES_CHUNK, threads)
    return effect


def _bound(value: Array, mean: Array, spread: Spread, threads: int) -> None:
    """Cut what is far above expectation."""
    factor = spread.factor()

    def cut(part: slice) -> None:
        np.minimum(value[:, part], mean[:, part] * factor[part], out=value[:, part])

    in_chunks(cut, value.shape[1], SERIES_CHUNK, threads)


def conditional_mean(mean: Array, dispersion: Array, lower: Array) -> Array:
    """E[D | D >= lower] for gamma demand with this mean and variance ``dispersion`` x mean.

    mean x Q(k + 1, lower / dispersion) / Q(k, lower / dispersion), with k = mean / dispersion and Q the
    regularised upper incomplete gamma function. Never below ``lower`` or ``mean``.
    """
    from scipy.special import gammaincc

    shape = np.maximum(mean / dispersion, 1e-6)
    at = lower / dispersion
    tail = gammaincc(shape, at)
    # Far out in the tail, gamma demand exceeds a bound by one scale on average.
    far = tail < 1e-9
    ratio = gammaincc(shape + 1, at) / np.where(far, 1, tail)
    return np.maximum(np.where(far, lower + dispersion, mean * ratio), np.maximum(lower, mean))


def _whole(value: Array, seen: Array) -> tuple[Array, Array]:
    """Mean (N,) over all seen periods, and a first variance / mean; both above zero."""
    number = np.maximum(seen.sum(axis=0), 1)
    mean = value.sum(axis=0, dtype=np.float64) / number
    square = np.einsum("tn,tn->n", value, value, dtype=np.float64) / number
    typical = float(np.median(mean[mean > 0])) if (mean > 0).any() else 1.0
    mean = np.where(mean > 0, mean, 1e-3 * typical)
    return mean, np.maximum((square - mean**2) / mean, 0.05 * mean)


def _dispersion(value: Array, seen: Array, mean: Array, whole: Array, threads: int) -> Array:
    """Variance / mean around the expectation, (N,), as if four periods more had the panel's usual one."""
    spare = 4.0
    squares, total = np.zeros((2, len(whole)))

    def measure(part: slice) -> None:
        own = mean[:, part] * seen[:, part]
        total[part] = own.sum(axis=0, dtype=np.float64)
        np.subtract(value[:, part], mean[:, part], out=own)
        own *= seen[:, part]
        squares[part] = np.square(own, out=own).sum(axis=0, dtype=np.float64)

    in_chunks(measure, len(whole), SERIES_CHUNK, threads)
    relative = squares / np.maximum(total * whole, 1e-30)
    known = total > 0
    usual = float(np.median(relative[known])) if known.any() else 1.0
    result = (squares + spare * usual * whole**2) / (total + spare * whole)
    return np.maximum(result, 0.02 * whole)


def _level(
    value: Array,
    counted: Array,
    factor: Array,
    whole: Array,
    dispersion: Array,
    kernel: float,
    *,
    out: Array,
    threads: int,
) -> None:
    """Two-sided kernel mean of value / factor into ``out`` (T, N), each period without its own value.

    Left out, a period is expected as a hidden one would be: neither a spike nor a silence vouches for itself.
    """
    prior = np.clip(dispersion / whole / _LEVEL_CV**2, 0.5, 26.0).astype(np.float32)

    def fill(part: slice) -> None:
        own = prior[part]
        # Variance lies between the mean (Poisson) and its square: weight value / factor by factor's root.
        rows = np.empty((len(value), 2, len(own)), dtype=np.float32)
        top, low = rows[:, 0], rows[:, 1]
        np.sqrt(factor[:, part], out=low)
        np.divide(value[:, part], low, out=top)
        rows *= counted[:, None, part]
        start = top.sum(axis=0) + own * whole[part].astype(np.float32)
        center = start / (low.sum(axis=0) + own)
        sums = np.empty_like(rows)
        sums[:, 0], sums[:, 1] = own * center, own
        _add_decayed(rows, kernel, sums)
        _add_decayed(rows[::-1], kernel, sums[::-1])
        np.divide(sums[:, 0], sums[:, 1], out=out[:, part])

    in_chunks(fill, value.shape[1], _BLOCK, threads)


def _add_decayed(rows: Array, kernel: float, out: Array) -> None:
    """Add to each row those before it, forgotten by ``kernel`` a period."""
    state = np.zeros_like(rows[0])
    for row, sums in zip(rows, out, strict=True):
        sums += state
        state += row
        state *= np.float32(kernel)


def _groups(panel: Panel) -> list[Array]:
    """Group number of each series (N,) for each static column that makes some groups; unknown is one more."""
    found = []
    for column in panel.static.values():
        values = column.values
        _, group = np.unique(np.nan_to_num(values, nan=-1e30), return_inverse=True)
        sizes = np.bincount(group)
        if len(sizes) > 1 and panel.count / len(sizes) >= _SMALLEST_GROUP:
            found.append(group.astype(np.int64))
    return found[:_MOST_GROUPS]


def _movement(
    panel: Panel,
    groups: list[Array],
    value: Array,
    counted: Array,
    mean: Array,
    whole: Array,
    dispersion: Array,
    *,
    out: Array,
    threads: int,
) -> None:
    """What all series, groups and weekdays sold against expectation, each drawn toward 1, into ``out``.

    Series count by the inverse of their dispersion, so that no lumpy one moves the others, and up to a limit,
    so that one series alone is no common movement. ``mean`` (T, N), what is expected without, is written to.
    """
    precision = (1 / np.maximum(dispersion, whole / _MOST_SAY)).astype(np.float32)
    sums_of = [(group, _group_sums(group, precision)) for group in groups]
    own, least = 1 / _PANEL_CV**2, 1 / _GROUP_CV**2
    sold = np.empty_like(value)

    def fill(part: slice) -> None:
        now, said, factors = sold[part], mean[part], out[part]
        np.multiply(value[part], counted[part], out=now)
        said *= counted[part]
        factors[:] = ((_product(now, precision) + own) / (_product(said, precision) + own))[:, None]
        said *= factors
        for group, sums in sums_of:
            factor = ((sums(now) + least) / (sums(said) + least)).astype(np.float32)
            wide = np.take(factor, group, axis=1)
            factors *= wide
            said *= wide

    in_chunks(fill, panel.periods, _PERIODS_CHUNK, threads)
    if panel.freq == "D":
        prior = 1 / _PROFILE_CV**2

        def profile(series: slice) -> None:
            for weekday in range(min(7, panel.periods)):
                part = (slice(weekday, None, 7), series)
                top = sold[part].sum(axis=0, dtype=np.float64) / dispersion[series] + prior
                low = mean[part].sum(axis=0, dtype=np.float64) / dispersion[series] + prior
                out[part] *= (top / low).astype(np.float32)

        in_chunks(profile, panel.count, SERIES_CHUNK, threads)


def _group_sums(group: Array, precision: Array) -> Callable[[Array], Array]:
    """A function from (T, N) to each group's weighted sums (T, G)."""
    number = int(group.max()) + 1
    if number <= _FEW_GROUPS:
        member = np.zeros((len(group), number), dtype=np.float32)
        member[np.arange(len(group)), group] = precision
        return lambda rows: _product(rows, member)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(number))
    weights = precision[order]
    return lambda rows: np.add.reduceat(np.take(rows, order, axis=1) * weights, starts, axis=1)


def _product(rows: Array, weights: Array) -> Array:
    """``rows @ weights``; BLAS at times flags what lies beside the numbers, which are finite."""
    with np.errstate(all="ignore"):
        return np.asarray(rows @ weights)
