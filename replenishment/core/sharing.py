"""How a service level is shared out among items: by gamma distributions that no single tail can sway.

What an item's last unit of stock returns is the small chance that demand reaches it. Forecast quantiles say
little of chances of a percent or less, and where hundreds of items compete, those whose tails are drawn too
thick by chance would take most of the stock. So items are ranked by a gamma distribution with the forecast's
mean and its 90% quantile over the protection interval (Burgin 1975: gamma lead time demand); what they are
then served is told by their own distributions.
"""

from __future__ import annotations

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


def shared_points(whole: Spread | Counts, mean: Array) -> Array:
    """Reorder points (N, P) that end a review in stock with the chances `RATIOS`.

    ``whole`` is demand over the protection interval and ``mean`` (N,) its mean.
    """
    unit, _, _ = _gamma()
    place = np.interp(_log_shapes(whole, mean), np.log(_SHAPES), np.arange(len(_SHAPES)))
    lower = np.minimum(place.astype(np.int64), len(_SHAPES) - 2)
    weight = (place - lower)[:, None]
    return np.asarray(mean[:, None] * (unit[lower] * (1 - weight) + unit[lower + 1] * weight))


def shared_level(whole: Spread, mean: Array, ratio: Array) -> Array:
    """Reorder points (N,) that end a review in stock with the chance ``ratio`` (N,)."""
    score = np.log(np.maximum(ratio, 1e-9) / np.maximum(1 - ratio, 1e-9))
    place = np.interp(score, _SCORES, np.arange(len(_SCORES)))
    lower = np.minimum(place.astype(np.int64), len(_SCORES) - 2)
    points, rows = shared_points(whole, mean), np.arange(len(mean))
    low, high = points[rows, lower], points[rows, lower + 1]
    return np.asarray(low + (place - lower) * (high - low))


def _log_shapes(whole: Spread | Counts, mean: Array) -> Array:
    """Logarithms of the gamma shapes (N,) with this mean and the 90% quantile."""
    if hasattr(whole, "quantile"):
        upper = whole.quantile(np.full(len(mean), _LEVEL))
    else:
        beyond = whole.first[:, :-1] - whole.first[:, 1:]
        upper = (beyond > 1 - _LEVEL).sum(axis=1).astype(np.float64)
    ratio = upper / np.maximum(mean, 1e-12)
    _, at_level, top = _gamma()
    logs = np.log(_SHAPES)
    # A quantile below the mean: most intervals see no demand at all.
    rare = np.interp(ratio, at_level[: top + 1], logs[: top + 1])
    usual = np.interp(-ratio, -at_level[top:], logs[top:])
    return np.where(ratio < 1.0, rare, usual)


@lru_cache(maxsize=1)
def _gamma() -> tuple[Array, Array, int]:
    """Of gamma distributions with mean 1: quantiles (shapes, P), the 90% quantile, where that is highest."""
    from scipy.special import gammaincinv

    unit = gammaincinv(_SHAPES[:, None], RATIOS) / _SHAPES[:, None]
    at_level = gammaincinv(_SHAPES, _LEVEL) / _SHAPES
    return unit, at_level, int(np.argmax(at_level))
