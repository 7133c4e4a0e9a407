"""The newsvendor: one level against the cost of a unit too many and a unit too few.

A make-once or seasonal order, and the base stock of a review: demand is then that of lead time + review.
Snyder and Shen, sections 4.3 and 4.3.4. ``holding_cost`` is per unit left over, ``shortage_cost`` per unit
short, both above 0; the best level covers demand with the chance ``shortage / (shortage + holding)``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.economics import critical_ratio
from replenishment.core.textbook.checks import at_least_zero, chances, positive, rows

Array = npt.NDArray[Any]

_REACH = 4.0  # where the double exponential rule ends
_NODES = 161


def newsvendor_normal(
    holding_cost: npt.ArrayLike,
    shortage_cost: npt.ArrayLike,
    mean: npt.ArrayLike,
    deviation: npt.ArrayLike,
    lead_time: npt.ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Level and expected cost (N,) with normal demand of ``mean`` and ``deviation`` a period.

    With a ``lead_time`` in periods the level is the base stock that covers it and one period of review.
    """
    from scipy.special import ndtri

    hold, short, mu, sigma, lead = rows(
        holding_cost=holding_cost, shortage_cost=shortage_cost, mean=mean, deviation=deviation, lead=lead_time
    )
    positive(holding_cost=hold, shortage_cost=short)
    at_least_zero(mean=mu, deviation=sigma, lead_time=lead)
    spread = sigma * np.sqrt(lead + 1)
    z = ndtri(critical_ratio(short, hold))
    cost = (hold + short) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * spread
    return mu * (lead + 1) + z * spread, cost


def normal_loss(level: npt.ArrayLike, mean: npt.ArrayLike, deviation: npt.ArrayLike) -> Array:
    """Expected demand above ``level`` (N,) with normal demand: Snyder and Shen, appendix C."""
    from scipy.special import ndtr

    at, mu, sigma = rows(level=level, mean=mean, deviation=deviation)
    at_least_zero(deviation=sigma)
    z = np.divide(at - mu, sigma, out=np.zeros_like(at), where=sigma > 0)
    loss = sigma * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * ndtr(-z))
    return np.asarray(np.where(sigma > 0, np.maximum(loss, 0.0), np.maximum(mu - at, 0.0)))


def newsvendor_poisson(
    holding_cost: npt.ArrayLike, shortage_cost: npt.ArrayLike, mean: npt.ArrayLike
) -> tuple[Array, Array]:
    """Lowest whole level that reaches the ratio, and its expected cost (N,), with Poisson demand."""
    from scipy.special import pdtr, pdtrik

    hold, short, mu = rows(holding_cost=holding_cost, shortage_cost=shortage_cost, mean=mean)
    positive(holding_cost=hold, shortage_cost=short)
    at_least_zero(mean=mu)
    ratio = critical_ratio(short, hold)
    known = np.where(mu > 0, mu, 1.0)
    level = np.maximum(np.ceil(pdtrik(ratio, known)), 0.0)
    level = np.where((level > 0) & (pdtr(np.maximum(level - 1, 0.0), known) >= ratio), level - 1, level)
    level = np.where(pdtr(level, known) < ratio, level + 1, level)
    level = np.where(mu > 0, level, 0.0)
    return level, hold * (level - mu) + (hold + short) * poisson_loss(level, mu)


def poisson_loss(level: npt.ArrayLike, mean: npt.ArrayLike) -> Array:
    """Expected demand above a whole ``level`` (N,) with Poisson demand: Snyder and Shen, appendix C."""
    from scipy.special import gammaln, pdtrc, xlogy

    at, mu = rows(level=level, mean=mean)
    at_least_zero(mean=mu)
    whole = np.maximum(at, 0.0)
    chance = np.exp(xlogy(whole, mu) - mu - gammaln(whole + 1))
    loss = np.maximum((mu - whole) * pdtrc(whole, mu) + mu * chance, 0.0)
    return np.where(at < 0, mu - at, loss)


def newsvendor_discrete(
    holding_cost: npt.ArrayLike, shortage_cost: npt.ArrayLike, demand: Array
) -> tuple[Array, Array]:
    """Lowest whole level that reaches the ratio, and its expected cost (N,).

    ``demand`` (N, K) holds the chances of 0, 1, ... K - 1 units.
    """
    law = np.atleast_2d(np.asarray(demand, dtype=np.float64))
    chances(demand=law)
    hold, short, _ = rows(holding_cost=holding_cost, shortage_cost=shortage_cost, demand=law[:, 0])
    positive(holding_cost=hold, shortage_cost=short)
    reached = np.cumsum(law, axis=1)
    level = np.argmax(reached >= critical_ratio(short, hold)[:, None] - 1e-12, axis=1).astype(np.float64)
    above = np.arange(law.shape[1]) - level[:, None]
    left = (law * np.maximum(-above, 0.0)).sum(axis=1)
    missed = (law * np.maximum(above, 0.0)).sum(axis=1)
    return level, hold * left + short * missed


def newsvendor_continuous(
    holding_cost: npt.ArrayLike, shortage_cost: npt.ArrayLike, quantile: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Level and expected cost (N,) with demand known by its quantile function.

    ``quantile`` takes probabilities (N, P) and returns demands of that shape, as the ``ppf`` of scipy's
    distributions does. The cost is a double exponential quadrature of it (Takahasi and Mori 1974), which
    bears the infinite ends of unbounded demand.
    """
    hold, short = rows(holding_cost=holding_cost, shortage_cost=shortage_cost)
    positive(holding_cost=hold, shortage_cost=short)
    ratio = critical_ratio(short, hold)[:, None]
    level = np.asarray(quantile(ratio))
    at, beyond, weight = _double_exponential()
    low = np.asarray(quantile(np.clip(ratio * at, 1e-300, None)))
    high = np.asarray(quantile(np.minimum(1 - (1 - ratio) * beyond, 1 - 2.0**-53)))
    left = ((level - low) * weight).sum(axis=1) * ratio[:, 0]
    missed = ((high - level) * weight).sum(axis=1) * (1 - ratio[:, 0])
    return level[:, 0], hold * left + short * missed


@cache
def _double_exponential() -> tuple[Array, Array, Array]:
    """Nodes on (0, 1), their distance from 1, and weights."""
    t, step = np.linspace(-_REACH, _REACH, _NODES, retstep=True)
    turn = np.pi / 2 * np.sinh(t)
    at, beyond = 1 / (1 + np.exp(-2 * turn)), 1 / (1 + np.exp(2 * turn))
    weight = np.pi * np.cosh(t) * at * beyond * step
    return at, beyond, weight / weight.sum()
