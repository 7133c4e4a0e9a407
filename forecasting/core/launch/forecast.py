"""Distributions of new product-locations from the levels of their look-alikes, and their own sales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import DemandDistribution
from forecasting.core.launch.curve import (
    HANDED_OVER,
    handed_over,
    launch_distribution,
    own_share,
)
from forecasting.core.launch.history import History
from forecasting.core.launch.level import Level, log_moments, own_weight, posterior
from forecasting.core.launch.weights import PartWeights, prior_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class NewSeries:
    """N product-locations with their look-alikes, K each: products and weights (N, K), weight 0 where fewer.

    ``row`` (N,) is the position of the own series in the history, -1 where it has not sold yet.
    """

    unique_id: list[str]
    row: Array
    neighbour: Array
    weight: Array


@dataclass(frozen=True, eq=False)
class NewForecast:
    """Mean (N, H), quantiles and cumulative quantiles (N, H, Q), and the share (N,) of own sales in them."""

    mean: Array
    quantiles: Array
    cum_quantiles: Array
    own: Array


def forecast_new(
    new: NewSeries, history: History, ordinary: DemandDistribution, weights: PartWeights
) -> NewForecast:
    """What new product-locations will sell.

    A neighbour's level is that at the same location, else its mean over locations scaled by how much the
    location sells of what both sell. A series that sells already is taken over from ``ordinary`` bit by bit.
    """
    horizon = ordinary.horizon
    freq = history.freq
    curve, scatter = history.course(HANDED_OVER[freq] + horizon)
    level, seen = history.levels(curve)
    near = _levels_there(new, history, level)
    prior = _prior(near, new.weight, level, seen, weights)
    count = len(new.unique_id)
    sells = new.row >= 0
    rows = np.where(sells, new.row, 0)
    whole = HANDED_OVER[freq]
    age = np.where(sells, np.minimum(history.periods[rows], whole), 0)
    units, exposure, periods = history.own(curve, rows, age)
    units, exposure, periods = (np.where(sells, own, 0) for own in (units, exposure, periods))
    after = posterior(prior, units, exposure, periods, scatter)
    courses = curve[age[:, None] + np.arange(horizon)[None]]
    made = launch_distribution(after, courses, scatter, ordinary.levels)
    share = np.where(sells, own_share(own_weight(prior, after), age, whole), 0.0)
    at = {name: place for place, name in enumerate(ordinary.unique_id)}
    places = np.array([at.get(name, -1) for name in new.unique_id], dtype=np.int64)
    share = np.where(places >= 0, share, 0.0)
    there = places >= 0

    def usual(own: Array) -> Array:
        return np.where(there.reshape(-1, *[1] * (own.ndim - 1)), own[places], 0.0)

    theirs = usual(ordinary.mean), usual(ordinary.quantiles), usual(ordinary.cum_quantiles)
    mean, period, cumulative = handed_over(made, theirs, share) if count else made
    return NewForecast(
        np.maximum(mean, 0).astype(np.float32),
        np.maximum.accumulate(period, axis=2).astype(np.float32),
        np.maximum.accumulate(np.maximum.accumulate(cumulative, axis=1), axis=2).astype(np.float32),
        share,
    )


def _levels_there(new: NewSeries, history: History, level: Array) -> Array:
    """Levels (N, K) of the neighbours at each new series' location; NaN where the neighbour never sold."""
    pairs = [name.split("@", 1) for name in history.unique_id]
    product = np.array([int(pair[0]) for pair in pairs], dtype=np.int64)
    place = np.array([int(pair[1]) for pair in pairs], dtype=np.int64)
    here = {(p, where): at for at, (p, where) in enumerate(zip(product, place, strict=True))}
    products, group = np.unique(product, return_inverse=True)
    mean = np.bincount(group, level) / np.maximum(np.bincount(group), 1)
    # A location's size: its sales against what its products sell on average over their locations.
    expected = mean[group]
    places, where = np.unique(place, return_inverse=True)
    size = np.bincount(where, level) / np.maximum(np.bincount(where, expected), 1e-9)
    factor = dict(zip(places.tolist(), np.clip(size, 0.1, 10).tolist(), strict=True))
    of_product = dict(zip(products.tolist(), mean.tolist(), strict=True))
    result = np.full(new.weight.shape, np.nan)
    for row, name in enumerate(new.unique_id):
        own = int(name.split("@", 1)[1])
        for k, other in enumerate(new.neighbour[row]):
            at = here.get((int(other), own))
            if at is not None:
                result[row, k] = level[at]
            elif int(other) in of_product:
                result[row, k] = of_product[int(other)] * factor.get(own, 1.0)
    return result


def _prior(near: Array, weight: Array, level: Array, seen: Array, weights: PartWeights) -> Level:
    """The level from the neighbours and, by its share, from all launches of the last year."""
    weight = np.where(np.isfinite(near), weight, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    share = weight / np.maximum(total, 1e-12)
    launched = np.isfinite(seen)
    trust = np.where(launched, seen, 0.0) if launched.any() else np.ones(len(seen))
    (behind,), (spread,) = log_moments(level[None], trust[None] / max(trust.sum(), 1e-12))
    count = len(weight)
    return prior_of(
        np.nan_to_num(near),
        share,
        np.full(count, behind),
        np.full(count, spread),
        np.full(count, launched.any()),
        weights,
    )
