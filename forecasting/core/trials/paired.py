"""Comparing two forecasts of the same series from the same origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """A mean difference, its 95% interval, and the two-sided p-value of no difference."""

    mean: float
    low: float
    high: float
    p_value: float


def paired_difference(losses: Array, *, level: float = 0.95) -> Difference:
    """The sum of differences of loss (N series, K origins), each cell its share of the whole.

    All series of an origin share that time's surprises, and a series has its ways at all origins: the
    variance is clustered both ways, by origin and by series (Cameron, Gelbach and Miller, Robust inference
    with multiway clustering, Journal of Business & Economic Statistics 29, 2011), and never less than either
    way alone. With few origins the statistic is held against Student's t with K - 1 degrees of freedom, as
    Harvey, Leybourne and Newbold hold that of Diebold and Mariano (Testing the equality of prediction mean
    squared errors, International Journal of Forecasting 13, 1997); origins don't overlap, so that no other
    correction is due. Raises ValueError for fewer than two origins.
    """
    from scipy.stats import t as student

    origins = losses.shape[1]
    if origins < 2:
        raise ValueError("a paired test needs two origins or more")
    mean = float(losses.sum())
    by_origin = _variance(losses.sum(axis=0))
    by_series = _variance(losses.sum(axis=1))
    both = by_origin + by_series - _variance(losses.ravel())
    error = float(np.sqrt(max(by_origin, by_series, both)))
    if error == 0:
        return Difference(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    reach = float(student.ppf(0.5 + level / 2, origins - 1)) * error
    p_value = float(2 * student.sf(abs(mean) / error, origins - 1))
    return Difference(mean, mean - reach, mean + reach, p_value)


def _variance(sums: Array) -> float:
    """Of a sum, from its independent parts."""
    if len(sums) < 2:
        return 0.0
    return float(((sums - sums.mean()) ** 2).sum() * len(sums) / (len(sums) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for there being several: none is wrongly below 5% in 95% of all families.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
    6 (1979).
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=float)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in corrected]
