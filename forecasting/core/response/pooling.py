"""Empirical Bayes: what series have in common corrects what each says alone.

Coefficients of a series are drawn around those of its group, and these around the shop's; how widely, the
data say themselves (EM). Sources: Efron and Morris, Journal of the American Statistical Association 70
(1975); Lindley and Smith, Journal of the Royal Statistical Society B 34 (1972); Dempster, Laird and Rubin,
the same, 39 (1977), for EM; Breslow and Clayton, JASA 88 (1993), for the quadratic form of the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Elasticity: 1,851 published ones have the median -2.2 (Bijmolt, van Heerde and Pieters, Journal of Marketing
# Research 42, 2005). Log uplift of a promotion beyond its price. What a shop says soon outweighs both.
PRIOR_MEAN = np.array([-2.2, 0.3])
PRIOR_SD = np.array([2.0, 1.0])
# Spread of series and of groups before anything is known, which counts as so many of them.
_SPREAD, _GROUP_SPREAD, _COUNTS = np.array([0.7, 0.3]), np.array([0.5, 0.2]), 5.0
_STEPS, _MOST_LEARNED = 40, 4_000


@dataclass(frozen=True, eq=False)
class Pooled:
    """``mean`` (N, 2) and ``covariance`` (N, 2, 2) of each series' coefficients, and ``own`` (N, 2), the
    share that its own data have in them, 0 to 1. ``shop_mean`` (2,), ``shop_sd`` (2,) its error.
    """

    mean: Array
    covariance: Array
    own: Array
    shop_mean: Array
    shop_sd: Array


def pool(precision: Array, linear: Array, group: Array) -> Pooled:
    """Pool series whose log likelihood is ``linear . b - b . precision . b / 2`` in their coefficients b.

    ``precision`` (N, 2, 2) may be zero, where a series says nothing; ``group`` (N,) are codes from 0.
    """
    spread, group_spread = np.diag(_SPREAD**2), np.diag(_GROUP_SPREAD**2)
    told = np.flatnonzero(np.einsum("npp->n", precision) > 0)
    learned = told[:: max(1, -(-len(told) // _MOST_LEARNED))]
    some = precision[learned], linear[learned], group[learned]
    for _ in range(_STEPS if len(learned) else 0):
        fit = _fit(*some, spread, group_spread)
        spread, group_spread = fit.spreads(some[2], spread, group_spread)
    fit = _fit(precision, linear, group, spread, group_spread)
    pull = fit.cov @ np.linalg.inv(spread)
    covariance = fit.cov + pull @ fit.group_cov[group] @ pull.transpose(0, 2, 1)
    own = 1 - np.einsum("npp->np", fit.cov) / np.diag(spread)
    return Pooled(fit.mean, covariance, np.clip(own, 0, 1), fit.shop, np.sqrt(np.diag(fit.shop_cov)))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Means and covariances of the series given their group's, of groups (with the shop's error), and of
    groups given the shop's.
    """

    mean: Array
    cov: Array
    group_mean: Array
    group_cov: Array
    group_alone: Array
    shop: Array
    shop_cov: Array
    filled: Array

    def spreads(self, group: Array, spread: Array, group_spread: Array) -> tuple[Array, Array]:
        """The M step: the spread of series around their groups, and of groups around the shop."""
        off = self.mean - self.group_mean[group]
        held = np.eye(2) - self.cov @ np.linalg.inv(spread)
        squares = self.cov + off[:, :, None] * off[:, None, :]
        squares += held @ self.group_cov[group] @ held.transpose(0, 2, 1)
        new = (squares.sum(axis=0) + _COUNTS * np.diag(_SPREAD**2)) / (len(off) + _COUNTS)
        far = (self.group_mean - self.shop)[self.filled]
        alone = self.group_alone[self.filled]
        held = np.eye(2) - alone @ np.linalg.inv(group_spread)
        squares = alone + far[:, :, None] * far[:, None, :]
        squares += held @ self.shop_cov @ held.transpose(0, 2, 1)
        prior = _COUNTS * np.diag(_GROUP_SPREAD**2)
        return new, (squares.sum(axis=0) + prior) / (len(far) + _COUNTS)


def _fit(precision: Array, linear: Array, group: Array, spread: Array, group_spread: Array) -> _Fit:
    """The E step: the normal hierarchy's means and covariances, exact for given spreads."""
    inner, outer = np.linalg.inv(spread), np.linalg.inv(group_spread)
    cov = np.linalg.inv(precision + inner)
    number = int(group.max(initial=0)) + 1
    told, toward = np.zeros((number, 2, 2)), np.zeros((number, 2))
    np.add.at(told, group, inner - inner @ cov @ inner)
    np.add.at(toward, group, (inner @ cov @ linear[:, :, None])[:, :, 0])
    alone = np.linalg.inv(told + outer)
    base = np.diag(1 / PRIOR_SD**2)
    shop_cov = np.linalg.inv((outer - outer @ alone @ outer).sum(axis=0) + base)
    shop = shop_cov @ ((outer @ alone @ toward[:, :, None])[:, :, 0].sum(axis=0) + base @ PRIOR_MEAN)
    group_mean = (alone @ (toward + outer @ shop)[:, :, None])[:, :, 0]
    lean = alone @ outer
    group_cov = alone + lean @ shop_cov @ lean.transpose(0, 2, 1)
    mean = (cov @ (linear + group_mean[group] @ inner)[:, :, None])[:, :, 0]
    filled = np.bincount(group, minlength=number) > 0
    return _Fit(mean, cov, group_mean, group_cov, alone, shop, shop_cov, filled)
