"""From a cleaned panel to each series' response to price and promotion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.cleaning import CleanDemand
from forecasting.core.panel import Panel
from forecasting.core.response.poisson import Information, PanelPoisson
from forecasting.core.response.pooling import PRIOR_SD, Pooled, pool
from forecasting.core.response.regressors import Regressors
from forecasting.core.response.series import LEAST_ELASTICITY, MOST_UPLIFT

Array = npt.NDArray[Any]

# Rounds of: movement, likelihood, pooling. One more changes an elasticity by a hundredth of its error or so.
_ROUNDS = 4
# What series are pooled by, the first that the panel has.
_GROUPED_BY = ("category", "department")
# A shop whose data halve the error that its mean has by itself says something.
_TELLS = 0.5


@dataclass(frozen=True, eq=False)
class Responses:
    """The response of N series, arrays (N,): see `forecasting.core.response.series.SeriesResponse`.

    ``shop`` are the means of all series and their errors, for a report: JSON numbers, None where unknown;
    ``promotion`` is the uplift as a share of demand.
    """

    elasticity: Array
    elasticity_se: Array
    uplift: Array
    uplift_se: Array
    correlation: Array
    changes: Array
    promoted: Array
    own_price: Array
    own_promotion: Array
    shop: dict[str, float | int | None]


def response_estimate(panel: Panel, clean: CleanDemand, *, threads: int = 1) -> Responses | None:
    """Each series' own-price elasticity and promotion uplift, from what was seen up to the as-of date.

    Prices count where they were asked (``panel.asked``), not where they are what sales came to. None where
    the panel has neither prices nor promotions that vary enough to tell anything.
    """
    data = Regressors.of(panel, clean, threads)
    if data is None or not (data.changes.any() or data.promoted.any()):
        return None
    group = _groups(panel)
    model = PanelPoisson(data, group, panel.freq, threads)
    coefficients = np.zeros((panel.count, 2))
    for number in range(_ROUNDS):
        model.move(coefficients)
        info = model.information(coefficients)
        pooled = _pooled(info, coefficients, group)
        # First all series go by the shop's: what one says alone is far from quadratic there.
        found = pooled.mean if number else np.broadcast_to(pooled.shop_mean, coefficients.shape)
        coefficients = _bounded(found)
    return _responses(data, pooled)


def _pooled(info: Information, at: Array, group: Array) -> Pooled:
    """Pool the quadratic form of the likelihood around the coefficients, as quasi-Poisson."""
    dispersion = np.maximum(info.dispersion(), 1e-30)
    precision = info.curvature / dispersion[:, None, None]
    linear = np.einsum("npq,nq->np", precision, at) + info.score / dispersion[:, None]
    return pool(precision, linear, group)


def _bounded(coefficients: Array) -> Array:
    """Within what is believed: above 0 a price effect is 0, and so is a promotion's below."""
    return np.stack(
        [
            np.clip(coefficients[:, 0], LEAST_ELASTICITY, 0),
            np.clip(coefficients[:, 1], 0, MOST_UPLIFT),
        ],
        axis=1,
    )


def _responses(data: Regressors, pooled: Pooled) -> Responses | None:
    tells = (pooled.shop_sd <= _TELLS * PRIOR_SD) & np.array([data.changes.any(), data.promoted.any()])
    if not tells.any():
        return None
    error = np.sqrt(np.einsum("npp->np", pooled.covariance))
    correlation = pooled.covariance[:, 0, 1] / np.maximum(error[:, 0] * error[:, 1], 1e-12)
    mean, own = _bounded(pooled.mean), pooled.own.copy()
    for p in range(2):
        if not tells[p]:
            mean[:, p] = error[:, p] = np.nan
            own[:, p] = 0
    shop: dict[str, float | int | None] = {
        "series_with_changes": int((data.changes > 0).sum()),
        "series_promoted": int((data.promoted > 0).sum()),
    }
    for p, name in enumerate(("elasticity", "uplift")):
        known = bool(tells[p])
        shop[name] = round(float(pooled.shop_mean[p]), 4) if known else None
        shop[f"{name}_se"] = round(float(pooled.shop_sd[p]), 4) if known else None
    shop["promotion"] = None if shop["uplift"] is None else round(math.expm1(max(shop["uplift"], 0.0)), 4)
    return Responses(
        elasticity=mean[:, 0],
        elasticity_se=error[:, 0],
        uplift=mean[:, 1],
        uplift_se=error[:, 1],
        correlation=np.clip(correlation, -1, 1),
        changes=data.changes,
        promoted=data.promoted,
        own_price=own[:, 0],
        own_promotion=own[:, 1],
        shop=shop,
    )


def _groups(panel: Panel) -> Array:
    """Group code of each series (N,), by its category or department; all 0 without."""
    for name in _GROUPED_BY:
        if name in panel.static:
            values = np.nan_to_num(panel.static[name].values, nan=-1e30)
            return np.unique(values, return_inverse=True)[1].astype(np.int64)
    return np.zeros(panel.count, dtype=np.int64)
