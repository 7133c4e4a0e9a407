"""From the shared features to the terms of a log-linear model: logs of levels, promotion effects, dummies.

A level (a lag, a window's mean) enters as log(0.1 + level / scale), and again with what is known of price and
promotion taken out of it, so that last week's promotion is not mistaken for next week's demand.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecasting.core.models.base import TrainingData
from forecasting.core.models.effects import KnownEffects, fit_known_effects, limited
from forecasting.core.panel import Panel

Array = npt.NDArray[Any]

_RATIOS = ("total_", "season_total", "recent_")
_COUNTS = ("since_sale", "age")
_PLAIN = ("share", "relative", "change_", "static_")
# With a year or two of history a linear model takes any trend for a wave of the calendar.
_LEFT_OUT = ("h", "time_of_year")
_ADJUSTED = re.compile(r"(lag|mean|smooth)(\d+)")
_MOST_CODES = 64
# A linear model follows a freak value of a feature without bound; standardised terms stop here.
_CLIP = 6.0


@dataclass(frozen=True, eq=False)
class Terms:
    """Terms (n, K) float32 of some rows, NaN where unknown; ``effect`` (n,) is the log effect of the known
    columns.
    """

    values: Array
    effect: Array
    horizon: Array

    def take(self, rows: slice) -> Terms:
        """The terms of some rows only."""
        return Terms(self.values[rows], self.effect[rows], self.horizon[rows])


class Design:
    """Turns rows of features into columns of a linear model; fitted on training rows.

    Columns are the standardised terms, the same times log h, so that the weight of recent demand may fade,
    and a dummy per code of each category. ``features`` (columns,) names the feature behind each.
    """

    def fit(self, data: TrainingData, cut: int, x: Array) -> Self:
        """Choose transforms by the names and values of the features, and learn the effects."""
        self.names_ = list(data.features.names)
        self.h_ = self.names_.index("h")
        codes = set(data.features.categorical)
        self.effects_: KnownEffects | None = fit_known_effects(data.panel, cut)
        taken = set(self.effects_.names) if self.effects_ else set()
        self.kinds_: list[tuple[int, str]] = []
        for index, name in enumerate(self.names_):
            if index in codes or name in _LEFT_OUT or name.removeprefix("known_") in taken:
                continue
            self.kinds_.append((index, _kind(name, x[:, index])))
        self.recent_ = self._recent_ratios()
        self.adjusted_: list[tuple[int, str, int]] = []
        if self.effects_:
            for index, name in enumerate(self.names_):
                if found := _ADJUSTED.fullmatch(name):
                    self.adjusted_.append((index, found[1], int(found[2])))
        self.codes_ = {
            index: values
            for index in sorted(codes)
            if 1 < len(values := np.unique(x[np.isfinite(x[:, index]), index])) <= _MOST_CODES
        }
        return self

    def realigned(self, panel: Panel, source: Array) -> Self:
        """The same design for another panel's series (``source`` (N,), -1 new)."""
        design = copy(self)
        if self.effects_:
            design.effects_ = self.effects_.realigned(panel, source)
        return design

    def _recent_ratios(self) -> list[tuple[int, int]]:
        """Positions of each positive known column and of its change against its recent mean."""
        positive = zip(self.effects_.names, self.effects_.positive, strict=True) if self.effects_ else ()
        at = {name: index for index, name in enumerate(self.names_)}
        return [
            (at[f"known_{name}"], at[f"change_{name}"])
            for name, flag in positive
            if flag and f"known_{name}" in at and f"change_{name}" in at
        ]

    def terms(self, data: TrainingData, x: Array, series: Array, target: Array) -> Terms:
        """Terms of rows of the feature table, each for a series and a target period."""
        horizon = x[:, self.h_].astype(np.int64)
        columns = [_transform(x[:, index], kind) for index, kind in self.kinds_]
        with np.errstate(divide="ignore", invalid="ignore"):
            columns += [np.log(x[:, now] / (x[:, now] - x[:, change])) for now, change in self.recent_]
        effect = np.zeros(len(x))
        if self.effects_:
            known = self.effects_.columns(data.panel, target, series)
            effect = limited(np.einsum("nk,nk->n", known, self.effects_.coefficients[series]))
            columns += [*known.T, effect, effect**2]
            columns += self._without_effects(data.panel, x, series, target - horizon + 1)
        values = np.empty((len(x), len(columns)), dtype=np.float32)
        for place, column in enumerate(columns):
            values[:, place] = column
        return Terms(values, effect, horizon)

    def standardise(self, terms: Terms, weight: Array) -> None:
        """Learn each term's weighted mean and spread."""
        seen = np.isfinite(terms.values)
        mass = np.maximum(weight @ seen, 1e-12)
        self.mean_ = (weight @ np.where(seen, terms.values, 0)) / mass
        squares = weight @ (np.where(seen, terms.values - self.mean_, 0) ** 2)
        spread = np.sqrt(squares / mass)
        self.spread_ = np.where(spread > 1e-6, spread, 1.0)

    def numbers(self, terms: Terms) -> Array:
        """The standardised terms (n, K); 0, the mean, where unknown."""
        numbers = np.nan_to_num((terms.values - self.mean_) / self.spread_, nan=0.0)
        return np.asarray(np.clip(numbers, -_CLIP, _CLIP))

    def columns(self, terms: Terms, x: Array) -> Array:
        """The columns (n, C) float64 of rows: all but the intercept."""
        numbers = self.numbers(terms)
        fade = np.log(terms.horizon)[:, None]
        dummies = [x[:, [index]] == values[None, :] for index, values in self.codes_.items()]
        return np.hstack([numbers, numbers * fade, fade, *dummies]).astype(np.float64)

    @property
    def number_features(self) -> list[str]:
        """The feature behind each term; products of known columns go by the second of the two."""
        numbers = [self.names_[index] for index, _ in self.kinds_]
        numbers += [self.names_[now] for now, _ in self.recent_]
        if self.effects_:
            known = [f"known_{name}" for name in self.effects_.names]
            paired = [known[two] for _, two in self.effects_.pairs]
            numbers += [*known, *paired, "known_promotion", "known_promotion"]
            numbers += [self.names_[index] for index, _, _ in self.adjusted_]
        return numbers

    @property
    def features(self) -> list[str]:
        """The feature behind each column."""
        dummies = [self.names_[index] for index, values in self.codes_.items() for _ in values]
        return [*self.number_features, *self.number_features, "h", *dummies]

    def _without_effects(self, panel: Panel, x: Array, series: Array, cuts: Array) -> list[Array]:
        """The levels of rows with the known columns' effect taken out of each past period, in logs."""
        if not self.adjusted_ or self.effects_ is None:
            return []
        wanted = np.unique(cuts)
        ratios = _effect_ratios(panel, self.effects_, wanted, [(kind, n) for _, kind, n in self.adjusted_])
        place = np.searchsorted(wanted, cuts)
        return [
            _transform(x[:, index] * ratios[place, number, series], "log")
            for number, (index, _, _) in enumerate(self.adjusted_)
        ]


def _kind(name: str, values: Array) -> str:
    """How a feature enters: by its name where that tells, else by whether it is a size or a share."""
    if name.startswith(_RATIOS):
        return "ratio"
    if name.startswith(_COUNTS):
        return "count"
    if name.startswith(_PLAIN):
        return "plain"
    seen = values[np.isfinite(values)]
    # Sizes are 0 or more and reach beyond 1; shares, switches and differences stay as they are.
    return "log" if seen.size and seen.min() >= 0 and seen.max() > 1 else "plain"


def _transform(values: Array, kind: str) -> Array:
    if kind == "log":
        return np.log(np.maximum(values, 0) + 0.1)
    if kind == "ratio":
        return np.log(np.maximum(values, 0.05))
    return np.log1p(np.maximum(values, 0)) if kind == "count" else values


def _effect_ratios(panel: Panel, effects: KnownEffects, cuts: Array, levels: list[tuple[str, int]]) -> Array:
    """(cuts, levels, N) float32: a level at an origin without effects / with them; 1 where nothing sold."""
    until = int(cuts[-1])
    factor = np.exp(-effects.log_effect(panel, until))
    observed = panel.observed[:until]
    seen = np.isfinite(observed)
    units = np.where(seen, observed, np.float32(0))
    plain = units * factor
    result = np.ones((len(cuts), len(levels), panel.count), dtype=np.float32)
    for number, (kind, size) in enumerate(levels):
        if kind == "smooth":
            _smoothed_ratios(units, plain, seen, cuts, size / 100, result[:, number])
            continue
        for place, cut in enumerate(cuts):
            if kind == "lag":
                if cut >= size:
                    result[place, number] = factor[cut - size]
                continue
            part = slice(max(0, cut - size), cut)
            _ratio(plain[part].sum(axis=0), units[part].sum(axis=0), result[place, number])
    return result


def _smoothed_ratios(
    units: Array, plain: Array, seen: Array, cuts: Array, alpha: float, result: Array
) -> None:
    """Ratios (cuts, N) of both series exponentially smoothed, into ``result``."""
    first = seen.argmax(axis=0)
    both = np.stack([units, plain])
    level = np.take_along_axis(both, first[None, None, :], axis=1)[:, 0].astype(np.float64)
    wanted = {int(cut): place for place, cut in enumerate(cuts)}
    for period in range(len(units) + 1):
        if period in wanted:
            _ratio(level[1], level[0], result[wanted[period]])
        if period < len(units):
            level += alpha * np.where(seen[period], both[:, period] - level, 0)


def _ratio(part: Array, base: Array, result: Array) -> None:
    np.divide(part, base, out=result, where=base > 0, casting="same_kind")
