"""How stock is shared out among items: by gamma distributions that no single tail can sway.

What an item's last unit of stock returns is the small chance that demand reaches it. Forecast quantiles say
little of chances of a percent or less, and where hundreds of items compete, those whose tails are drawn too
thick by chance would take most of the stock. So items are ranked by a gamma process with the forecast's mean
over the protection interval and the ratio of its 90% quantile to its median, or where that is 0 to the mean
(Burgin 1975: gamma lead time demand); what they are then served is told by their own distributions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.counts import Counts
from replenishment.core.spread import Spread

Array = npt.NDArray[Any]

_LEVEL = 0.9
_SHAPES = np.geomspace(0.02, 2000.0, 100)
_SCORES = np.concatenate([[-8.0], np.linspace(-3.0, 13.0, 39)])
RATIOS = 1 / (1 + np.exp(-_SCORES))  # chances to end a review in stock, dense near 1
_LEADS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.96, 0.99])  # lead time / protection interval


def shared_points(whole: Spread | Counts, mean: Array) -> Array:
    """Reorder points (N, P) that end a review in stock with the chances `RATIOS`.

    ``whole`` is demand over the protection interval and ``mean`` (N,) its mean.
    """
    unit = _gamma().unit
    lower, weight = _placed(whole, mean)
    weight = weight[:, None]
    return np.asarray(mean[:, None] * (unit[lower] * (1 - weight) + unit[lower + 1] * weight))


def kept(whole: Spread | Counts, mean: Array, reviews: Array) -> Array:
    """Of the reviews whose goods come while some are left, those that end with some left, at the points of
    `shared_points` (N, P): rising, with ``reviews`` (N,) the lead time in reviews.

    A unit more on the shelf at the end of the lead time is still there a review later with this chance, and
    sold else: where it equals price / (price + cost of holding a unit over a review), stock pays best.
    """
    short = _gamma().short
    lower, weight = _placed(whole, mean)
    share = reviews / (reviews + 1)
    column = np.clip(np.searchsorted(_LEADS, share, side="right") - 1, 0, len(_LEADS) - 2)
    across = np.clip((share - _LEADS[column]) / (_LEADS[column + 1] - _LEADS[column]), 0.0, 1.0)
    found = np.zeros((len(mean), len(RATIOS)))
    for row, own in ((lower, 1 - weight), (lower + 1, weight)):
        found += short[row, column] * (own * (1 - across))[:, None]
        found += short[row, column + 1] * (own * across)[:, None]
    return np.asarray(1 - (1 - share)[:, None] * found)


def shared_level(whole: Spread, mean: Array, reviews: Array, ratio: Array) -> Array:
    """Reorder points (N,) at which the chance of `kept` is ``ratio`` (N,)."""
    points, chances, rows = shared_points(whole, mean), kept(whole, mean, reviews), np.arange(len(mean))
    right = np.clip((chances < ratio[:, None]).sum(axis=1), 1, chances.shape[1] - 1)
    low, high = chances[rows, right - 1], chances[rows, right]
    share = np.clip((ratio - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    return np.asarray(points[rows, right - 1] * (1 - share) + points[rows, right] * share)


def _placed(whole: Spread | Counts, mean: Array) -> tuple[Array, Array]:
    """Place (N,) of the gamma shape below the one that these distributions suggest, and the next one's weight
    (N,).
    """
    if hasattr(whole, "quantile"):
        middle, upper = (np.asarray(whole.quantile(np.full(len(mean), p))) for p in (0.5, _LEVEL))
    else:  # a median of few units is coarse, and the mean is the distribution's own
        beyond = whole.first[:, :-1] - whole.first[:, 1:]
        middle, upper = np.zeros(len(mean)), (beyond > 1 - _LEVEL).sum(axis=1).astype(np.float64)
    gamma = _gamma()
    places = np.arange(len(_SHAPES), dtype=np.float64)
    ratio, top = upper / np.maximum(mean, 1e-12), gamma.top
    # A quantile below the mean: most intervals see no demand at all.
    rare = np.interp(ratio, gamma.to_mean[: top + 1], places[: top + 1])
    usual = np.interp(-ratio, -gamma.to_mean[top:], places[top:])
    both = np.interp(-upper / np.maximum(middle, 1e-12), -gamma.to_median, places)
    place = np.where(middle > 0.5, both, np.where(ratio < 1.0, rare, usual))
    lower = np.minimum(place.astype(np.int64), len(_SHAPES) - 2)
    return lower, place - lower


@dataclass(frozen=True)
class _Gamma:
    """Gamma processes with mean 1 over the interval, by shape: quantiles ``unit`` (shapes, P) at `RATIOS`.

    The 90% quantile, ``to_mean``, is highest at ``top``; ``to_median`` is its ratio to the median. ``short``
    (shapes, leads, P) is by how much of 1 the chance of `kept` falls short at these quantiles, for each part
    of the interval after the lead time.
    """

    unit: Array
    to_mean: Array
    to_median: Array
    top: int
    short: Array


@lru_cache(maxsize=1)
def _gamma() -> _Gamma:
    from scipy.special import gammainc, gammaincinv

    unit = gammaincinv(_SHAPES[:, None], RATIOS) / _SHAPES[:, None]
    upper = gammaincinv(_SHAPES, _LEVEL)
    to_median = np.minimum(upper / np.maximum(gammaincinv(_SHAPES, 0.5), 1e-100), 1e12)
    shapes = _SHAPES[:, None, None]
    begun = np.ones((len(_SHAPES), len(_LEADS), len(RATIOS)))
    begun[:, 1:] = gammainc(shapes * _LEADS[1:, None], shapes * unit[:, None])
    short = (1 - np.minimum(RATIOS / np.maximum(begun, RATIOS), 1.0)) / (1 - _LEADS)[:, None]
    to_mean = upper / _SHAPES
    return _Gamma(unit, to_mean, to_median, int(np.argmax(to_mean)), np.minimum.accumulate(short, axis=2))
