"""What price, promotions and other known columns do to each series' demand, learned with partial pooling.

In logs, demand = level x exp(X b): X are the known columns (a positive one, such as a price, as the log of
its ratio to the series' median; others as they are) and their products two by two. b is learned for all
series, then corrected per static code (item, category, store) and per series, each correction shrunk towards
nothing, so that a series with little history borrows from its kin.
Source: Gelman and Hill, Data Analysis Using Regression and Multilevel/Hierarchical Models (2007), chapter 12;
van Heerde, Leeflang and Wittink, SCAN*PRO (2002), for the log-log form of promotion effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.panel import Panel

Array = npt.NDArray[Any]

_WINDOW = 13  # periods: slower movement than this is the level, not an effect
_ZERO = 0.3  # demand enters as log(this + demand / scale), so that zeros stay finite
_MOST = 20.0  # scales: one bulk order says no more than that about a promotion
_SPREAD = (0.06, 0.03)  # prior standard deviation of the corrections per code and per series
_STEADY = 20.0  # series that the common movement is shrunk by
_MOST_COLUMNS = 10
_MOST_PAIRED = 5
_LIMIT = 3.0
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class KnownEffects:
    """Fitted effects: ``coefficients`` (N, K) over the effect columns, ``reference`` (C, N) log medians of
    the positive known columns ``names`` (0 for others), and which of them are ``positive``.
    """

    names: list[str]
    positive: list[bool]
    reference: Array
    coefficients: Array

    def columns(self, panel: Panel, target: Array, series: Array) -> Array:
        """Effect columns (..., K) of periods and series; 0 where a value is unknown. The positions broadcast.

        First each column by itself, then the products two by two.
        """
        single = []
        for place, name in enumerate(self.names):
            values = panel.known[name].values[target, series].astype(np.float64)
            if self.positive[place]:
                with np.errstate(divide="ignore", invalid="ignore"):
                    values = np.clip(np.log(values) - self.reference[place][series], -2.0, 2.0)
            single.append(np.nan_to_num(values, nan=0.0))
        return np.stack([*single, *(single[one] * single[two] for one, two in self.pairs)], axis=-1)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of the columns that are multiplied with each other."""
        return _pairs(len(self.names))

    def realigned(self, panel: Panel, source: Array) -> KnownEffects:
        """The effects where the series are now (``source`` (N,), -1 new); a new one takes the mean of all."""
        new = source < 0
        coefficients = np.where(new[:, None], self.coefficients.mean(axis=0), self.coefficients[source])
        reference = self.reference[:, source]
        for place, name in enumerate(self.names):
            if self.positive[place] and new.any():
                reference[place, new] = _log_median(panel.known[name].values[: panel.periods, new])
        return replace(self, reference=reference, coefficients=coefficients)

    def log_effect(self, panel: Panel, until: int) -> Array:
        """(until, N) log of the factor on demand, within exp(-3) to exp(3); 0 where nothing is known."""
        count = panel.count
        result = np.zeros((until, count), dtype=np.float32)
        for at in range(0, count, _CHUNK):
            part = np.arange(at, min(at + _CHUNK, count))
            x = self.columns(panel, np.arange(until)[:, None], part[None, :])
            result[:, part] = limited(np.einsum("tnk,nk->tn", x, self.coefficients[part]))
        return result


def limited(log_effect: Array) -> Array:
    """A log effect that no combination of columns takes beyond a factor of 20."""
    return np.clip(log_effect, -_LIMIT, _LIMIT)


def _pairs(count: int) -> list[tuple[int, int]]:
    if count > _MOST_PAIRED:
        return []
    return [(one, two) for one in range(count) for two in range(one + 1, count)]


def fit_known_effects(panel: Panel, cut: int) -> KnownEffects | None:
    """Effects of the numeric known columns on demand before ``cut``; None where there are none to learn."""
    names = [name for name, column in panel.known.items() if not column.categorical][:_MOST_COLUMNS]
    varied = []
    for name in names:
        values = panel.known[name].values[:cut]
        seen = values[np.isfinite(values)]
        if seen.size and seen.min() < seen.max():
            varied.append((name, bool(seen.min() > 0)))
    if not varied or cut < 4:
        return None
    names, positive = [name for name, _ in varied], [flag for _, flag in varied]
    reference = np.zeros((len(names), panel.count))
    for place, name in enumerate(names):
        if positive[place]:
            reference[place] = _log_median(panel.known[name].values[:cut])
    width = len(names) + len(_pairs(len(names)))
    blank = KnownEffects(names, positive, reference, np.zeros((panel.count, width)))
    return KnownEffects(names, positive, reference, _pooled(panel, cut, blank))


def _log_median(values: Array) -> Array:
    """(N,) log of each column's median, 0 where nothing is known."""
    result = np.zeros(values.shape[1])
    known = np.isfinite(values).any(axis=0)
    result[known] = np.log(np.nanmedian(values[:, known], axis=0))
    return result


def _pooled(panel: Panel, cut: int, blank: KnownEffects) -> Array:
    """Coefficients (N, K): all series, then corrections per code, then per series, by ridge regression.

    Demand and columns both lose their moving mean first (Frisch and Waugh), so levels and seasons, which
    move slowly, are not mistaken for effects.
    """
    observed = panel.observed[:cut]
    seen = np.isfinite(observed)
    units = np.where(seen, observed, 0).astype(np.float64)
    scale = units.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    demand = np.log(_ZERO + np.minimum(units / np.where(scale > 0, scale, 1.0), _MOST))
    moved = _high_pass(demand, seen)
    moved -= np.where(seen, (moved.sum(axis=1) / (seen.sum(axis=1) + _STEADY))[:, None], 0)
    count, width = blank.coefficients.shape
    gram, cross = np.zeros((count, width, width)), np.zeros((count, width))
    for at in range(0, count, _CHUNK):
        part = np.arange(at, min(at + _CHUNK, count))
        x = blank.columns(panel, np.arange(cut)[:, None], part[None, :])
        x = _high_pass(x, np.repeat(seen[:, part, None], width, axis=2))
        gram[part] = np.einsum("tnk,tnl->nkl", x, x, optimize=True)
        cross[part] = np.einsum("tnk,tn->nk", x, moved[:, part])
    total = max(int(seen.sum()), 1)
    spread = np.sqrt(np.einsum("nkk->k", gram) / total)
    spread = np.where(spread > 1e-9, spread, 1.0)
    gram /= spread[:, None] * spread
    cross /= spread
    overall = np.linalg.solve(gram.sum(axis=0) + 10 * np.eye(width), cross.sum(axis=0))
    squares = float((moved**2).sum() - 2 * overall @ cross.sum(axis=0) + overall @ gram.sum(axis=0) @ overall)
    noise = max(squares / total, 1e-6)
    own = np.tile(overall, (count, 1))
    for codes, prior in [*((codes, _SPREAD[0]) for codes in _groups(panel)), (np.arange(count), _SPREAD[1])]:
        left = cross - np.einsum("nkl,nl->nk", gram, own)
        size = int(codes.max()) + 1
        grams, lefts = np.zeros((size, width, width)), np.zeros((size, width))
        np.add.at(grams, codes, gram)
        np.add.at(lefts, codes, left)
        shrunk = np.linalg.solve(grams + noise / prior**2 * np.eye(width), lefts[..., None])[..., 0]
        own += shrunk[codes]
    return own / spread


def _groups(panel: Panel) -> list[Array]:
    """Codes (N,) of each static column that groups series, the coarsest first; unknown is code 0."""
    found = []
    for column in panel.static.values():
        if column.categorical:
            codes = np.nan_to_num(column.values, nan=-1).astype(np.int64) + 1
            if 1 < (number := len(np.unique(codes))) <= panel.count // 2:
                found.append((number, codes))
    return [codes for _, codes in sorted(found, key=lambda pair: pair[0])]


def _high_pass(values: Array, seen: Array) -> Array:
    """Values less their centred moving mean over known periods, along axis 0; 0 where unknown."""
    periods = len(values)
    sums = np.cumsum(np.where(seen, values, 0), axis=0)
    counts = np.cumsum(seen, axis=0)
    high = np.minimum(np.arange(periods) + _WINDOW // 2, periods - 1)
    low = np.arange(periods) - _WINDOW // 2 - 1
    before = (low >= 0).reshape(-1, *([1] * (values.ndim - 1)))
    low = np.maximum(low, 0)
    total = sums[high] - np.where(before, sums[low], 0)
    number = counts[high] - np.where(before, counts[low], 0)
    return np.where(seen, values - total / np.maximum(number, 1), 0.0)
