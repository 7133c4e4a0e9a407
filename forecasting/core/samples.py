"""Sampled rows of the feature table, and the training rows that they give at an origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.cleaning import CleanDemand

Array = npt.NDArray[Any]

_LARGEST = 1e9  # scales: no target is larger
_CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows to learn from: features ``x`` (n, F), target / scale ``y``, ``weight``, ``scale``, their series
    and the period forecast (n,).
    """

    x: Array
    y: Array
    weight: Array
    scale: Array
    series: Array
    target: Array


@dataclass(frozen=True, eq=False)
class SampledRows:
    """Features ``x`` (n, F) of sampled series, origins and horizons; ``target`` is the period forecast."""

    x: Array
    scale: Array
    series: Array
    target: Array

    def before(self, cut: int, clean: CleanDemand, *, last: bool = False) -> Samples:
        """The rows whose target lies before an origin, as that origin's clean demand has them.

        Targets are demand, not sales; a row weighs its scale times what its target may teach, 1 on average.
        ``last`` says that nobody will ask for these rows again: the result is then made in their place.
        """
        use = np.flatnonzero(self.target < cut)
        share = clean.weight[self.target[use], self.series[use]]
        use, share = use[share > 0], share[share > 0]
        scale, series = self.scale[use], self.series[use]
        weight = scale * share.astype(np.float64)
        if len(weight):
            weight /= weight.mean()
        y = np.minimum(clean.demand[self.target[use], series] / scale, _LARGEST).astype(np.float32)
        x = self.x
        if len(use) < len(x):
            x = _moved_up(x, use) if last else x[use]
        return Samples(x, y, weight.astype(np.float32), scale, series, self.target[use])


def _moved_up(x: Array, use: Array) -> Array:
    """``x[use]`` for rising positions without a second copy: rows move up in their own array."""
    for first in range(0, len(use), _CHUNK):
        rows = use[first : first + _CHUNK]
        x[first : first + len(rows)] = x[rows]
    return x[: len(use)]
