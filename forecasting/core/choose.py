"""Who forecasts which series: members and blends of models compared on held-out folds, segment by segment.

A segment is a demand pattern x ABC class with enough series, else the pattern, else all. Candidates are the
single models and equal-weight blends of up to three, found by forward selection (Caruana et al., Ensemble
selection from libraries of models, ICML 2004) over all series and over each pattern. Equal weights, because
estimated ones rarely beat them (Timmermann, Forecast combinations, Handbook of Economic Forecasting, 2006).
A challenger has to beat the incumbent by a margin: of the segment before, or else of the segment above. A
model on trial (`ON_TRIAL`) comes in, alone or in a blend, only where the best without it is surely worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.backtest import Backtest
from forecasting.core.classify import PATTERNS

Array = npt.NDArray[Any]

OVERALL = "overall"
_MOST_MEMBERS = 3
# Mean log score that a member has to add to a blend, and that a challenger has to be better by.
_WORTH = 0.002
NEEDED = 0.01
# Bias is weighed beside accuracy: a model that is 10% off on the whole pays 3% of its score.
_BIAS_WEIGHT = 0.3
# Dear to train, with a library of its own, and seldom needed: luck on a few folds must not bring it in.
ON_TRIAL = frozenset({"deep"})
# Standard errors over series that its absolute error has to be lower by, beside the margin and every fold.
_SURE = 2.0
# Past folds are few, and a segment's series move together: so many series' worth of the segment above.
_BORROWED = 100.0


@dataclass(frozen=True)
class Decision:
    """Who is champion of a segment, and by how much (mean log score; below 0: the challenger is better)."""

    segment: str
    champion: str
    previous: str
    challenger: str
    difference: float | None
    needed: float
    switched: bool


@dataclass(frozen=True, eq=False)
class Choice:
    """Champion per segment, and how each was decided."""

    champion: dict[str, str]
    decisions: list[Decision]


def members(name: str) -> tuple[str, ...]:
    """The models of a blend, ``a+b``; a single model is its own only member."""
    return tuple(name.split("+"))


def blend_name(names: Iterable[str]) -> str:
    """The name of an equal-weight blend."""
    return "+".join(sorted(names))


def segments_of(pattern: Sequence[str], abc: Sequence[str], smallest: int) -> dict[str, Array]:
    """Boolean (N,) of each segment with ``smallest`` series or more: all, patterns, patterns x ABC class."""
    patterns, classes = np.array(pattern), np.array(abc)
    found = {OVERALL: np.ones(len(patterns), dtype=bool)}
    for name in PATTERNS:
        rows = patterns == name
        if rows.sum() < smallest:
            continue
        found[name] = rows
        for letter in "ABC":
            part = rows & (classes == letter)
            if smallest <= part.sum() < rows.sum():
                found[f"{name} {letter}"] = part
    return found


def parent_of(segment: str) -> str:
    """The segment above: all series above a pattern, the pattern above its ABC class."""
    return segment.split(" ")[0] if " " in segment else OVERALL


def finest(pattern: Sequence[str], abc: Sequence[str], champion: dict[str, str]) -> list[str]:
    """The finest segment with a champion, for each series."""
    result = []
    for name, letter in zip(pattern, abc, strict=True):
        own = f"{name} {letter}"
        result.append(own if own in champion else name if name in champion else OVERALL)
    return result


def blend(means: dict[str, list[Array]], name: str) -> list[Array]:
    """Means (N, H) of a single model or a blend on each fold."""
    parts = [means[member] for member in members(name)]
    if len(parts) == 1:
        return parts[0]
    return [np.asarray(np.mean(fold, axis=0, dtype=np.float32)) for fold in zip(*parts, strict=True)]


def choose(
    tested: Backtest,
    segments: dict[str, Array],
    models: Sequence[str],
    previous: dict[str, str] | None = None,
) -> Choice:
    """Choose the champion of each segment.

    ``previous`` are the incumbents by segment; those that hold a model which is no longer there are
    forgotten. Without folds, or with one model, there is nothing to choose: moving average where it is there,
    as the steadiest guess, else the first model.
    """
    if not tested.folds or len(models) == 1:
        only = "moving_average" if len(models) > 1 and "moving_average" in models else models[0]
        return Choice({OVERALL: only}, [])
    table = _Table(tested, models)
    names = list(models)
    settled = [name for name in models if name not in ON_TRIAL]
    for segment, rows in segments.items():
        if " " not in segment:
            for pool in (models, settled) if 0 < len(settled) < len(models) else (models,):
                found = _grow(table, rows, pool)
                if found not in names:
                    names.append(found)
    known = {segment: name for segment, name in (previous or {}).items() if set(members(name)) <= set(models)}
    for name in known.values():
        if name not in names:
            names.append(name)
    champion: dict[str, str] = {}
    decisions: list[Decision] = []
    scores: dict[str, dict[str, float]] = {}
    for segment, rows in segments.items():
        own = {name: table.score(name, rows) for name in names}
        if segment != OVERALL:
            weight = rows.sum() / (rows.sum() + _BORROWED)
            above = scores[parent_of(segment)]
            own = {name: weight * own[name] + (1 - weight) * above[name] for name in names}
        scores[segment] = own
        own = table.admitted(own, rows)
        before = (known.get(segment), champion.get(parent_of(segment)))
        incumbent = next((name for name in before if name in own), "")
        challenger = min((name for name in own if name != incumbent), key=own.__getitem__)
        difference = own[challenger] - own[incumbent] if incumbent else None
        switched = difference is None or difference < -NEEDED
        champion[segment] = challenger if switched else incumbent
        if switched and segment not in known and len(own) > 1:
            # Nobody was replaced: who came closest is worth more than the winner's name again.
            challenger = min((name for name in own if name != champion[segment]), key=own.__getitem__)
            difference = own[challenger] - own[champion[segment]]
        decisions.append(
            Decision(
                segment=segment,
                champion=champion[segment],
                previous=known.get(segment, ""),
                challenger=challenger,
                difference=None if difference is None else round(float(difference), 6),
                needed=NEEDED,
                switched=bool(known.get(segment)) and switched,
            )
        )
    return Choice(champion, decisions)


class _Table:
    """Scores of candidates from per-series sums, so that each segment costs one addition."""

    def __init__(self, tested: Backtest, models: Sequence[str]) -> None:
        self.tested = tested
        self.models = models
        self._sums: dict[str, list[Array]] = {}

    def _of(self, name: str) -> list[Array]:
        """Per fold (N, 5): absolute error, error, actual, root scaled squared error, whether it counts."""
        if name not in self._sums:
            found = []
            for mean, fold in zip(blend(self.tested.means, name), self.tested.folds, strict=True):
                seen = np.isfinite(fold.actual)
                actual = np.where(seen, fold.actual, 0).astype(np.float64)
                error = np.where(seen, mean - actual, 0.0)
                count = seen.sum(axis=1)
                use = (count > 0) & (fold.squared_scale > 0)
                scaled = np.sqrt((error**2).sum(axis=1) / np.maximum(count, 1))
                scaled = np.where(use, scaled / np.sqrt(np.where(use, fold.squared_scale, 1)), 0)
                found.append(
                    np.column_stack(
                        [np.abs(error).sum(axis=1), error.sum(axis=1), actual.sum(axis=1), scaled, use]
                    )
                )
            self._sums[name] = found
        return self._sums[name]

    def score(self, name: str, rows: Array) -> float:
        """Mean over the folds of (log WAPE + log RMSSE) / 2 + weighted |bias|; lower is better."""
        values = self._by_fold(name, rows)
        return float(np.mean(values)) if values else 0.0

    def _by_fold(self, name: str, rows: Array) -> list[float]:
        values = []
        for sums in self._of(name):
            total = sums[rows].sum(axis=0)
            if total[2] <= 0:
                continue
            wape, bias = total[0] / total[2], abs(total[1]) / total[2]
            logs = [np.log(max(wape, 1e-9))]
            if total[4] > 0:
                logs.append(np.log(max(total[3] / total[4], 1e-9)))
            values.append(float(np.mean(logs)) + _BIAS_WEIGHT * min(bias, 1.0))
        return values

    def admitted(self, scores: dict[str, float], rows: Array) -> dict[str, float]:
        """The scores of those that a segment may choose from: without a model on trial, or surely better than
        the best of those: by the margin, on every fold, and in absolute error beyond the noise of series.
        """
        settled = {name: score for name, score in scores.items() if ON_TRIAL.isdisjoint(members(name))}
        if not settled:
            return scores
        best = min(settled, key=settled.__getitem__)
        return {
            name: score
            for name, score in scores.items()
            if name in settled or (score < settled[best] - NEEDED and self._surely_better(name, best, rows))
        }

    def _surely_better(self, name: str, other: str, rows: Array) -> bool:
        folds = zip(self._by_fold(name, rows), self._by_fold(other, rows), strict=True)
        if not all(own < theirs for own, theirs in folds):
            return False
        pairs = zip(self._of(name), self._of(other), strict=True)
        less = np.sum([theirs[rows, 0] - own[rows, 0] for own, theirs in pairs], axis=0)
        return bool(less.sum() > _SURE * np.sqrt(len(less)) * less.std())


def _grow(table: _Table, rows: Array, models: Sequence[str]) -> str:
    """Forward selection of an equal-weight blend; a member that adds too little stays out."""
    chosen = [min(models, key=lambda name: table.score(name, rows))]
    best = table.score(chosen[0], rows)
    while len(chosen) < _MOST_MEMBERS:
        rest = [name for name in models if name not in chosen]
        if not rest:
            break
        value, name = min((table.score(blend_name([*chosen, name]), rows), name) for name in rest)
        if value > best - _WORTH:
            break
        chosen.append(name)
        best = value
    return blend_name(chosen)
