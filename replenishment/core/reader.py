"""Reading a demand distribution for items, over any number of the policy's own periods."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution

Array = npt.NDArray[Any]


class DemandReader:
    """Reads the distribution for items that are in an order of their own, in periods of the policy's grid."""

    def __init__(self, demand: DemandDistribution, places: Array, grid_days: float) -> None:
        self._demand, self._places = demand, places
        self._ratio = grid_days / PERIOD_DAYS[demand.freq]
        self.levels = demand.levels

    def interval(self, periods: Array, rows: Array | None = None) -> tuple[Array, Array, Array]:
        """Mean (N,), quantiles (N, Q), and whether the forecast's horizon is short of these periods."""
        span, places = periods * self._ratio, self._places if rows is None else self._places[rows]
        if np.all((span == np.rint(span)) & (span >= 1) & (span <= self._demand.horizon)):
            at = span.astype(np.int64) - 1  # on the forecast's own periods: nothing to interpolate
            quantiles = self._demand.cum_quantiles[places, at].astype(np.float64)
            return self._demand.cum_mean[places, at], quantiles, np.zeros(len(at), dtype=bool)
        return self._demand.interval(span, places)

    def stationary(
        self, periods: Array, rate: Array, spare: tuple[Array, Array], rows: Array | None = None
    ) -> tuple[Array, Array]:
        """Mean (N,) and quantiles (N, Q) over some periods were demand always at its mean ``rate`` (N,).

        ``spare`` is the mean and the quantiles to take the shape from where nothing is expected so soon.
        """
        mean, quantiles, _ = self.interval(periods, rows)
        want = rate * periods
        empty = (mean <= 0) & (want > 0)
        mean, quantiles = np.where(empty, spare[0], mean), np.where(empty[:, None], spare[1], quantiles)
        return want, quantiles * np.where(mean > 0, want / np.where(mean > 0, mean, 1.0), 0.0)[:, None]

    def longest(self, most: float, rows: Array) -> tuple[Array, Array]:
        """Mean (N,) and quantiles (N, Q) over the longest of the forecast's horizon, its half, its quarter
        and so on, over which the highest quantile is at most ``most`` units.
        """
        demand, places = self._demand, self._places[rows]
        at, left = np.zeros(len(rows), dtype=np.int64), np.arange(len(rows))
        periods = demand.horizon
        while periods > 1 and len(left):
            fits = np.round(demand.cum_quantiles[places[left], periods - 1, -1]) <= most
            at[left[fits]] = periods - 1
            left, periods = left[~fits], periods // 2
        return demand.cum_mean[places, at], demand.cum_quantiles[places, at].astype(np.float64)
