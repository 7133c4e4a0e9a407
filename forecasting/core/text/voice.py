"""The voice of a product's reviews over time: how much of it is praise now, and when that changed.

Level: the share of praise with reviews discounted by their age, as a beta distribution (West and Harrison,
"Bayesian Forecasting and Dynamic Models", 1997, section 14.2, discount a conjugate posterior in this way),
drawn to the shop's own share as if by `PRIOR` reviews.

Change: the OLS-based CUSUM test (Ploberger and Krämer, "The CUSUM Test with OLS Residuals", Econometrica
60, 1992), whose limit under no change is the largest deviation of a Brownian bridge, Kolmogorov's
distribution. A change that is found is searched for a later one after it (binary segmentation). Over all
products of a shop, Benjamini and Hochberg's step-up procedure (1995) keeps the share of false changes among
those told at `FALSE_SHARE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HALF_LIFE = 90.0
"""Days after which a review counts half."""
PRIOR = 4.0
COVERED = 0.9
LEAST_TO_CHANGE = 20
"""Reviews below which no change is looked for."""
LEAST_ASIDE = 5
"""Reviews before and after a change, at least."""
FALSE_SHARE = 0.05
MONTHS = 24


@dataclass(frozen=True)
class Level:
    """A share of praise with its central 90% interval."""

    level: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """The share of praise ``before`` and ``after``, from ``day`` on; ``p_value`` of there being none."""

    day: date
    before: float
    after: float
    p_value: float


def level(p_positive: Array, ages: Array, *, usual: float = 0.5) -> Level:
    """The share of praise now, from probabilities (n,) of reviews ``ages`` (n,) days old; ``usual`` is the
    shop's share.
    """
    from scipy.stats import beta

    weights = 0.5 ** (np.asarray(ages, dtype=np.float64) / HALF_LIFE)
    praise = float(weights @ p_positive) + PRIOR * usual
    blame = float(weights @ (1 - np.asarray(p_positive, dtype=np.float64))) + PRIOR * (1 - usual)
    tail = (1 - COVERED) / 2
    low, high = beta.ppf([tail, 1 - tail], praise, blame)
    return Level(praise / (praise + blame), float(low), float(high))


def change(p_positive: Array, days: Sequence[date]) -> Change | None:
    """The latest change of probabilities (n,) in the order of their days; whether it is one is for
    `told` to say. None where there are fewer than `LEAST_TO_CHANGE`, or all are alike.
    """
    values = np.asarray(p_positive, dtype=np.float64)
    found = _cusum(values)
    if found is None:
        return None
    at, p_value = found
    begin, end = 0, len(values)
    while p_value <= FALSE_SHARE and (later := _cusum(values[at:])) and later[1] <= FALSE_SHARE:
        begin, at, p_value = at, at + later[0], max(p_value, later[1])
    return Change(days[at], float(values[begin:at].mean()), float(values[at:end].mean()), p_value)


def told(changes: Sequence[Change | None]) -> list[bool]:
    """Which of a shop's changes are told: Benjamini and Hochberg's procedure at `FALSE_SHARE`."""
    values = np.array([np.nan if one is None else one.p_value for one in changes])
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    below = values[order] <= FALSE_SHARE * np.arange(1, len(order) + 1) / max(len(order), 1)
    last = int(np.flatnonzero(below)[-1]) + 1 if below.any() else 0
    keep = set(order[:last].tolist())
    return [row in keep for row in range(len(changes))]


def months(p_positive: Array, days: Sequence[date], as_of: date) -> list[tuple[date, int, float | None]]:
    """The last `MONTHS` months to ``as_of``, oldest first: first day, reviews, share of praise (None: no
    reviews). Months before the first review are left out.
    """
    by_month: dict[date, list[float]] = {}
    for value, day in zip(p_positive, days, strict=True):
        by_month.setdefault(day.replace(day=1), []).append(float(value))
    series: list[tuple[date, int, float | None]] = []
    month = as_of.replace(day=1)
    for _ in range(MONTHS):
        values = by_month.get(month, [])
        series.append((month, len(values), sum(values) / len(values) if values else None))
        month = (month - timedelta(days=1)).replace(day=1)
    while series and not series[-1][1]:
        series.pop()
    return series[::-1]


def _cusum(values: Array) -> tuple[int, float] | None:
    """Where values change the most, and how likely that is without a change."""
    from scipy.stats import kstwobign

    count = len(values)
    if count < LEAST_TO_CHANGE or (spread := values.std()) < 1e-9:
        return None
    path = np.abs(np.cumsum(values - values.mean()))[:-1] / (spread * np.sqrt(count))
    at = int(np.argmax(path[LEAST_ASIDE - 1 : count - LEAST_ASIDE])) + LEAST_ASIDE
    return at, float(kstwobign.sf(path[at - 1]))
