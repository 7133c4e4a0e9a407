"""From a level to a distribution: launch curve, own sales, and the hand-over to the ordinary models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import QUANTILES
from forecasting.core.launch.level import Level, Scatter

Array = npt.NDArray[Any]

FIRST_PERIODS = {"D": 56, "W": 8, "M": 2}
"""A level is the mean of so many first periods, eight weeks: the curve is 1 on average over them."""
HANDED_OVER = {"D": 182, "W": 26, "M": 6}
"""After so many own periods, half a year, the ordinary models have it all."""
# So many launches' worth of a flat curve stand beside what launches show.
_FLAT = 3.0


def launch_curve(units: Array, length: int, first: int) -> Array:
    """The course (``length``,) of a launch about its level, from past launches' units (N, W), NaN not passed.

    The level is the mean of the ``first`` periods. The curve is the mean of launches' shares of their own
    level, each weighing as the root of its units, so that neither the few large nor the many tiny ones
    decide; beside three launches of a flat curve. After the last period seen by at least ten launches the
    mean of the four before carries on.
    """
    width = units.shape[1]
    first = min(first, width)
    passed = np.isfinite(units)
    level = np.where(passed, units, 0)[:, :first].sum(axis=1) / np.maximum(passed[:, :first].sum(axis=1), 1)
    use = (level > 0) & passed[:, :first].all(axis=1)
    total, weight = np.zeros(width), np.zeros(width)
    share = np.where(passed[use], units[use], 0) / np.maximum(level[use], 1e-9)[:, None]
    size = np.sqrt(level[use])[:, None] / np.maximum(np.sqrt(level[use]).mean() if use.any() else 1, 1e-9)
    total = (share * size).sum(axis=0) + _FLAT
    weight = (passed[use] * size).sum(axis=0) + _FLAT
    curve = total / weight
    enough = np.flatnonzero(passed[use].sum(axis=0) >= 10)
    last = int(enough[-1]) + 1 if len(enough) else first
    whole = np.empty(max(length, width))
    whole[:last] = curve[:last]
    whole[last:] = curve[max(last - 4, 0) : last].mean()
    scaled: Array = whole[:length] / whole[:first].mean()
    return scaled


def launch_distribution(
    level: Level, courses: Array, scatter: Scatter, levels: tuple[float, ...] = QUANTILES
) -> tuple[Array, Array, Array]:
    """Mean (N, H), quantiles, cumulative quantiles (N, H, Q) of products at ``level`` on their ``courses``.

    Level x course is the mean; variance = dispersion x mean + noise x mean^2 + mean^2 / shape, of sums
    likewise with the level shared by all periods. Each is the negative binomial distribution with these
    moments. Cumulative quantiles never fall along h.
    """
    mean = level.mean[:, None] * courses
    own = 1 / level.shape[:, None]
    period = _quantiles(mean, scatter.dispersion * mean + (scatter.noise + own) * mean**2, levels)
    total = np.cumsum(mean, axis=1)
    variance = scatter.dispersion * total + scatter.noise * np.cumsum(mean**2, axis=1) + own * total**2
    cumulative = np.maximum.accumulate(_quantiles(total, variance, levels), axis=1)
    return mean, period, cumulative


def own_share(weight: Array, periods: Array, whole: int) -> Array:
    """(N,) how much an ordinary model counts after ``periods`` own ones that make ``weight`` of the level.

    1 - (1 - weight) x (1 - periods / whole): 0 without sales, a little more with every period, and 1 when
    ``whole`` periods have passed, so that nothing jumps.
    """
    left = 1 - np.clip(np.asarray(periods, dtype=np.float64) / whole, 0, 1)
    share: Array = 1 - (1 - np.clip(weight, 0, 1)) * left
    return share


def handed_over(
    look_alike: tuple[Array, Array, Array], ordinary: tuple[Array, Array, Array], share: Array
) -> tuple[Array, Array, Array]:
    """Mean, quantiles and cumulative quantiles, ``share`` (N,) of the ordinary model's, level by level.

    Averaging quantiles (Vincent 1912) keeps their order and the width between the two; averaging
    probabilities would give two humps where the two differ.
    """
    s = np.asarray(share, dtype=np.float32)
    mean, period, cumulative = (
        (1 - s.reshape(-1, *[1] * (own.ndim - 1))) * own + s.reshape(-1, *[1] * (own.ndim - 1)) * other
        for own, other in zip(look_alike, ordinary, strict=True)
    )
    return mean, period, cumulative


def _quantiles(mean: Array, variance: Array, levels: tuple[float, ...]) -> Array:
    from scipy.stats import nbinom

    safe = np.maximum(mean, 1e-6)
    spread = np.maximum(variance, safe * (1 + 1e-6))
    p = safe / spread
    n = safe * p / (1 - p)
    found = nbinom.ppf(np.array(levels), n[..., None], p[..., None])
    return np.where(np.isfinite(found), found, 0.0).astype(np.float32)
