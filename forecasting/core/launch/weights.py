"""Which products are look-alikes, and what each part of likeness is worth: learned from past launches.

A neighbour's weight is exp(sum of part x its worth) among the nearest few (a softmax over kernels), so that
weights sum to 1. What the parts are worth minimises the loss of past launches' forecasts from what was known
on each one's launch day: only products that sold before are its candidates (leave-future-out), with what
they had sold by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import QUANTILES
from forecasting.core.launch.level import Level, gamma_of, log_moments
from forecasting.core.launch.likeness import PARTS, filled

Array = npt.NDArray[Any]

NEIGHBOURS = 20
# A fit looks at so many candidates of each launch, the nearest by the weights that it starts from.
_LOOKED_AT = 300
# Fewer past launches than this teach nothing that the defaults don't know.
LEAST_LAUNCHES = 60
_ROUNDS = 220


@dataclass(frozen=True)
class PartWeights:
    """What each of `PARTS` is worth, and how levels of neighbours become one of the new product.

    ``established``: how much less (log) a product counts that has no launch on record, only a level of today;
    ``seen``: the power of the share of a neighbour's first weeks that have passed; ``background``: the share
    of all past launches beside the neighbours; ``shift`` and ``width`` correct the mean and the spread of
    the log level for what neighbours got wrong in the past. The defaults were learned on Online Retail II
    (title, price, code); pictures, attributes and categories get what titles do, until a shop's own launches
    teach better.
    """

    parts: tuple[float, ...] = (4.0, 2.0, 4.0, 2.0, 2.0, 1.0, 8.0, 2.0)
    established: float = -0.7
    seen: float = 1.2
    background: float = 0.2
    shift: float = 0.2
    width: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values: parts by name."""
        rest = {name: round(float(getattr(self, name)), 4) for name in _OTHERS}
        return {"parts": {p: round(float(v), 4) for p, v in zip(PARTS, self.parts, strict=True)}, **rest}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PartWeights:
        """Back from JSON; a part or number that it lacks has its default."""
        usual = dict(zip(PARTS, cls().parts, strict=True))
        parts = {name: float(own) for name, own in values.get("parts", {}).items() if name in usual}
        rest = {name: float(values[name]) for name in _OTHERS if name in values}
        return cls(parts=tuple((usual | parts).values()), **rest)

    def _vector(self) -> Array:
        return np.array([*self.parts, *(getattr(self, name) for name in _OTHERS)])

    @classmethod
    def _from_vector(cls, values: Array) -> PartWeights:
        size = len(PARTS)
        rest = dict(zip(_OTHERS, (float(v) for v in values[size:]), strict=True))
        rest["background"] = min(max(rest["background"], 0.0), 0.9)
        rest["width"] = min(max(rest["width"], 0.3), 3.0)
        return cls(parts=tuple(max(float(v), 0.0) for v in values[:size]), **rest)


_OTHERS = ("established", "seen", "background", "shift", "width")


@dataclass(frozen=True, eq=False)
class Candidates:
    """What N new products could look like, M others each, as known when the forecast is made.

    ``parts`` (P, N, M) are likenesses; ``level`` (N, M) is units a period: of a launch's first periods as
    far as they have passed, of any other product lately; ``seen`` (N, M) is the share of the first periods
    that have passed, 0 to 1, NaN for a product whose launch is not on record; ``allowed`` (N, M) is false
    for what was not known yet, for the product itself, and for what a buyer took out; ``added`` marks what
    a buyer put in.
    """

    parts: Array
    level: Array
    seen: Array
    allowed: Array
    added: Array | None = None


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest K of each new product: positions among the candidates and weights (N, K) that sum to 1.

    Where there are fewer than K, the rest has weight 0. ``level`` is the prior that they and the background
    give; a product without any candidate has weights 0 and the level of no information (NaN shape).
    """

    index: Array
    weight: Array
    level: Level


def neighbours(candidates: Candidates, weights: PartWeights, most: int = NEIGHBOURS) -> Neighbours:
    """The look-alikes of N products, and what their levels say."""
    allowed, seen, index, share = _nearest(candidates, weights, most)
    level = np.take_along_axis(candidates.level, index, axis=1)
    prior = prior_of(level, share, *_background(candidates.level, seen, allowed), weights)
    nothing = np.asarray(~allowed.any(axis=1))
    shape = np.where(nothing, np.nan, prior.shape)
    return Neighbours(index, np.where(nothing[:, None], 0.0, share), Level(shape, prior.rate))


def learn(candidates: Candidates, outcome: Array, start: PartWeights | None = None) -> PartWeights:
    """Weights under which past launches' ``outcome`` (N,), mean units of their first periods, is told best.

    ``candidates`` are as of each launch's own day. The loss is the pinball loss of the nine levels, in units,
    which is what the forecasts are judged by. Fewer than `LEAST_LAUNCHES`: the start as it is. Parts that no
    product has keep their worth.
    """
    from scipy.optimize import minimize

    start = start or PartWeights()
    use: Array = np.asarray(candidates.allowed.any(axis=1))
    if use.sum() < LEAST_LAUNCHES:
        return start
    near = _narrowed(candidates, start, use)
    told = outcome[use]
    first = start._vector()
    told_of: Array = np.asarray(np.isfinite(candidates.parts).any(axis=(1, 2)))
    free = np.concatenate([told_of, np.ones(len(_OTHERS), dtype=bool)])
    scale = np.array([4.0] * len(PARTS) + [1.0, 1.0, 0.1, 0.2, 0.2])

    def given(values: Array) -> PartWeights:
        whole = first.copy()
        whole[free] += values * scale[free]
        return PartWeights._from_vector(whole)

    def loss(values: Array) -> float:
        weights = given(values)
        found = _loss(near, told, weights)
        # A worth far from where it started has to earn it.
        return found * (1 + 0.001 * float((values**2).sum()))

    best = minimize(
        loss,
        np.zeros(int(free.sum())),
        method="Powell",
        options={"maxfev": _ROUNDS, "xtol": 0.05, "ftol": 1e-4},
    )
    return given(best.x)


def prior_of(
    level: Array, share: Array, behind: Array, spread: Array, known: Array, weights: PartWeights
) -> Level:
    """The prior from neighbours' levels and weights (N, K), and all launches' log mean and variance (N,).

    Where no launch is on record (``known`` is false), neighbours stand alone; where there are no neighbours
    (weights 0), all launches do. Of few neighbours the variance is too small: what all launches have counts
    as one more of them.
    """
    mean, variance = log_moments(level, share)
    part = np.where(share.sum(axis=1) > 0, np.where(known, weights.background, 0.0), 1.0)
    centre = (1 - part) * mean + part * behind
    within = (1 - part) * (variance + (mean - centre) ** 2) + part * (spread + (behind - centre) ** 2)
    effective = (share**2).sum(axis=1)
    effective = np.where(effective > 0, 1 / np.maximum(effective, 1e-12), 0.0)
    usual = np.where(known, spread, np.median(spread[known]) if known.any() else 1.0)
    within = (effective * within + usual) / (effective + 1)
    return gamma_of(centre + weights.shift, within * weights.width)


def _loss(candidates: Candidates, outcome: Array, weights: PartWeights) -> float:
    from scipy.special import gammaincinv

    level = neighbours(candidates, weights).level
    levels = np.array(QUANTILES)
    estimate = gammaincinv(level.shape[:, None], levels[None]) / level.rate[:, None]
    error = outcome[:, None] - estimate
    return float(np.maximum(levels * error, (levels - 1) * error).sum() / max(outcome.sum(), 1e-9))


def _nearest(candidates: Candidates, weights: PartWeights, most: int) -> tuple[Array, Array, Array, Array]:
    """Who may be looked at, the shares seen, and positions and weights of the nearest."""
    allowed, seen = candidates.allowed, candidates.seen
    score = np.tensordot(np.array(weights.parts, dtype=np.float32), filled(candidates.parts), axes=1)
    launched = np.isfinite(seen)
    score += np.where(
        launched, weights.seen * np.log(np.maximum(np.where(launched, seen, 1), 0.02)), weights.established
    )
    score = np.where(allowed, score, -np.inf)
    if candidates.added is not None and candidates.added.any():
        # What a buyer put in counts as much as the nearest.
        top = score.max(axis=1, keepdims=True)
        score = np.where(candidates.added & allowed, top, score)
    width = min(most, score.shape[1])
    index = np.argpartition(-score, width - 1, axis=1)[:, :width]
    near = np.take_along_axis(score, index, axis=1)
    order = np.argsort(-near, axis=1, kind="stable")
    index, near = np.take_along_axis(index, order, axis=1), np.take_along_axis(near, order, axis=1)
    top = np.where(np.isfinite(near[:, :1]), near[:, :1], 0)
    share = np.exp(np.where(np.isfinite(near), near - top, -np.inf))
    share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
    return allowed, seen, index, share


def _background(level: Array, seen: Array, allowed: Array) -> tuple[Array, Array, Array]:
    """Mean and variance (N,) of the log level of all launches on record, and whether there are any."""
    weight = np.where(allowed & np.isfinite(seen), np.nan_to_num(seen), 0.0)
    total = weight.sum(axis=1)
    known = total > 0
    mean, variance = log_moments(np.where(weight > 0, level, 0.0), weight / np.maximum(total, 1e-12)[:, None])
    return mean, variance, known


def _narrowed(candidates: Candidates, start: PartWeights, use: Array) -> Candidates:
    rows = np.flatnonzero(use)
    own = replace(
        candidates,
        parts=candidates.parts[:, rows],
        level=candidates.level[rows],
        seen=candidates.seen[rows],
        allowed=candidates.allowed[rows],
        added=None,
    )
    _, _, index, _ = _nearest(own, start, _LOOKED_AT)
    return Candidates(
        parts=np.take_along_axis(own.parts, np.broadcast_to(index, (len(PARTS), *index.shape)), axis=2),
        level=np.take_along_axis(own.level, index, axis=1),
        seen=np.take_along_axis(own.seen, index, axis=1),
        allowed=np.take_along_axis(own.allowed, index, axis=1),
    )
