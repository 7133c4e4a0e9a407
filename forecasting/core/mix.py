"""Two estimates of one distribution, averaged quantile by quantile, by what held-out folds say of each.

The calibrated errors of the champions know the mean best; a model with quantiles of its own (the forest)
knows what each kind of series does around it, its zeros and its bulk. Which share each has is chosen per
segment by the pinball loss on the folds, for single periods and for running sums apart. Averaging quantiles
keeps the shape that both agree on: Lichtendahl, Grushka-Cockayne and Winkler, Is it better to average
probabilities or quantiles?, Management Science 59 (2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core import scores
from forecasting.core.backtest import Backtest, Fold, FoldQuantiles
from forecasting.core.calibrate import publishable
from forecasting.core.choose import OVERALL, parent_of

Array = npt.NDArray[Any]

SHARES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
# A segment's shares lean on the segment above as if that were so many of its series.
_BORROWED = 100.0


@dataclass(frozen=True, eq=False)
class QuantileMix:
    """Share of the model named ``other`` per segment: (per period, cumulative), each from 0 to 1."""

    other: str = ""
    shares: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def used(self) -> bool:
        """Whether the other model has any share."""
        return any(max(pair) > 0 for pair in self.shares.values())

    def of(self, segment: Sequence[str]) -> tuple[Array, Array]:
        """Shares (N,) float32 of series in these segments, per period and cumulative."""
        names = np.array(segment)
        result = np.zeros((2, len(names)), dtype=np.float32)
        for name in np.unique(names):
            at = str(name)
            while at not in self.shares and at != OVERALL:
                at = parent_of(at)
            result[:, names == name] = np.array(self.shares.get(at, (0.0, 0.0)))[:, None]
        return result[0], result[1]


def mixed(own: Array, other: Array, share: Array, *, width: float = 1.0) -> Array:
    """Quantiles (N, H, Q) of both averaged; ``share`` (N,) is the other's, whose spread ``width`` widens."""
    if width != 1.0:
        middle = other[:, :, [other.shape[2] // 2]]
        other = middle + np.float32(width) * (other - middle)
    part = share[:, None, None]
    return np.asarray((1 - part) * own + part * other)


def mix_fit(
    tested: Backtest,
    own: list[FoldQuantiles],
    other: str,
    segments: dict[str, Array],
    segment: list[str],
    levels: tuple[float, ...],
) -> tuple[QuantileMix, list[FoldQuantiles]]:
    """Choose the shares on all folds; and each fold's published quantiles, with shares from the other folds.

    ``own`` are the champions' estimates, ``segment`` names each series' own segment.
    """
    theirs = [FoldQuantiles(*pair) for pair in tested.quantiles[other]]
    losses = np.array(
        [
            _losses(fold, mine, yours, tested.counts, segments, levels)
            for fold, mine, yours in zip(tested.folds, own, theirs, strict=True)
        ]
    )
    found = QuantileMix(other, _best(losses, segments))
    published = []
    for k, (mine, yours) in enumerate(zip(own, theirs, strict=True)):
        rest = np.delete(losses, k, axis=0) if len(losses) > 1 else losses
        period, cumulative = QuantileMix(other, _best(rest, segments)).of(segment)
        pair = (
            mixed(mine.period, yours.period, period),
            mixed(mine.cumulative, yours.cumulative, cumulative),
        )
        published.append(FoldQuantiles(*publishable(*pair, tested.counts)))
    return found, published


def _losses(
    fold: Fold,
    own: FoldQuantiles,
    other: FoldQuantiles,
    counts: Array,
    segments: dict[str, Array],
    levels: tuple[float, ...],
) -> Array:
    """(segments, shares, 2) scaled pinball loss of each segment with each share, NaN without any ground."""
    result = np.full((len(segments), len(SHARES), 2), np.nan)
    for place, share in enumerate(SHARES):
        all_alike = np.full(len(counts), share, dtype=np.float32)
        period, cumulative = publishable(
            mixed(own.period, other.period, all_alike),
            mixed(own.cumulative, other.cumulative, all_alike),
            counts,
        )
        for number, rows in enumerate(segments.values()):
            actual, scale = fold.actual[rows], fold.absolute_scale[rows]
            result[number, place, 0] = scores.pinball(period[rows], actual, levels, scale)
            result[number, place, 1] = scores.cumulative_pinball(cumulative[rows], actual, levels, scale)
    return result


def _best(losses: Array, segments: dict[str, Array]) -> dict[str, tuple[float, float]]:
    """The shares with the least loss, from (folds, segments, shares, 2)."""
    number = np.isfinite(losses).sum(axis=0)
    mean = np.where(number > 0, np.nansum(losses, axis=0) / np.maximum(number, 1), 0.0)
    names = list(segments)
    result = {}
    for place, (name, rows) in enumerate(segments.items()):
        if name != OVERALL:
            weight = rows.sum() / (rows.sum() + _BORROWED)
            mean[place] = weight * mean[place] + (1 - weight) * mean[names.index(parent_of(name))]
        best = mean[place].argmin(axis=0)
        result[name] = (float(SHARES[best[0]]), float(SHARES[best[1]]))
    return result
