"""The level of a new product: a gamma prior from its neighbours, and what its own sales make of it.

Demand of week t is over-dispersed Poisson about level x curve: variance = dispersion x mean + noise x mean^2.
The level is Gamma(shape, rate) over products that are alike; own sales update it as in the gamma-Poisson
model (Gelman and others, *Bayesian Data Analysis*, 3rd ed., 2.6), discounted by how much more than Poisson a
week scatters. With dispersion 1 and noise 0 it is that model exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Added to levels before their logarithm is taken: launches that sold nothing are low, not infinitely so.
PSEUDO = 0.25
_LEAST_VARIANCE = 0.05


@dataclass(frozen=True, eq=False)
class Level:
    """Gamma distributions of levels (units a period): ``shape`` and ``rate``, (N,) each."""

    shape: Array
    rate: Array

    @property
    def mean(self) -> Array:
        """(N,) expected level."""
        mean: Array = self.shape / self.rate
        return mean


def log_moments(level: Array, weight: Array) -> tuple[Array, Array]:
    """Weighted mean and variance (N,) of the logarithm of neighbours' levels (N, K); weights sum to 1."""
    value = np.log(np.maximum(level, 0) + PSEUDO)
    mean = (weight * value).sum(axis=1)
    return mean, (weight * (value - mean[:, None]) ** 2).sum(axis=1)


def gamma_of(mean: Array, variance: Array) -> Level:
    """The gamma distribution whose logarithm has this mean and variance (N,).

    E log = digamma(shape) - log(rate) and Var log = trigamma(shape). Matched on the log scale because levels
    of look-alikes span decades: one great success would otherwise decide both moments.
    """
    from scipy.special import digamma

    shape = _trigamma_inverse(np.maximum(variance, _LEAST_VARIANCE))
    return Level(shape, np.exp(digamma(shape) - mean))


def posterior(prior: Level, units: Array, exposure: Array, periods: Array, scatter: Scatter) -> Level:
    """The level after own sales of ``units`` (N,) in ``periods`` that the curve gives ``exposure`` (N,).

    Gamma(a + k units, b + k exposure) with k = 1 / (dispersion + noise x mean units a period). The mean in k
    is the prior's and own sales' together, so that k does not jump with one week.
    """
    seen = np.maximum(exposure, 1e-9)
    expected = (prior.shape + units) / (prior.rate + seen)
    k = 1 / (scatter.dispersion + scatter.noise * expected * exposure / np.maximum(periods, 1))
    return Level(prior.shape + k * units, prior.rate + k * exposure)


def own_weight(prior: Level, after: Level) -> Array:
    """(N,) the share of own sales in the level: (b' - b) / b', from 0 (none yet) towards 1."""
    weight: Array = 1 - prior.rate / after.rate
    return weight


@dataclass(frozen=True)
class Scatter:
    """How weeks scatter about level x curve: variance = ``dispersion`` x mean + ``noise`` x mean squared."""

    dispersion: float = 1.0
    noise: float = 0.0

    @classmethod
    def of(cls, units: Array, curve: Array) -> Scatter:
        """From past launches' units (N, W): least squares of the squared deviations on mean and mean squared.

        Each launch's own mean level stands for its true one; rows weigh as 1 / mean squared, so that the
        large don't decide.
        """
        level = units.sum(axis=1) / curve.sum()
        own = level > 0
        mean = level[own][:, None] * curve[None]
        width = units.shape[1]
        # A week is a part of its own mean: deviations are too small by 1 - its share.
        square = (units[own] - mean) ** 2 / (1 - curve / curve.sum())[None] if width > 1 else mean
        if not own.any() or width < 2:
            return cls()
        x = np.stack([1 / mean.ravel(), np.ones(mean.size)], axis=1)
        from scipy.optimize import nnls

        found, _ = nnls(x, (square / mean**2).ravel())
        return cls(max(float(found[0]), 1.0), float(found[1]))


def _trigamma_inverse(value: Array) -> Array:
    """x with trigamma(x) = value, by Newton's method from a bound that always converges (Minka, 2000)."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(30):
        x = x + polygamma(1, x) * (1 - polygamma(1, x) / value) / polygamma(2, x)
    return np.asarray(x, dtype=np.float64)
