"""Compiling ahead: small plans that use every compiled function of planning, so that no first request waits.

numba keeps what it compiles (`compiled`): later processes on the same sources load it in tenths of a second.
"""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import polars as pl

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.items import Items
from replenishment.core.spending import spending_curve
from replenishment.core.what_if import outlook, service_curve

_HORIZON = 40


def warm_up() -> int:
    """Plan a few items of every kind; how many they were."""
    from scipy.stats import gamma, nbinom

    steps = np.arange(1, _HORIZON + 1)[:, None]
    slow = nbinom.ppf(QUANTILES, 0.1 * steps, 0.5)
    brisk = gamma.ppf(QUANTILES, 2 * steps, scale=5)
    kinds = list(
        product(
            (slow, brisk),
            ("fill", "cycle", "economic", "overall"),
            ("lost", "backorder"),
            (0.0, 2.0),  # spread of the lead time
            ((0.0, 1.0, 0.0), (0.0, 6.0, 0.0), (0.0, 1.0, 5.0)),  # MOQ, multiple, cost of an order
        )
    )
    cumulative = np.stack([kind[0] for kind in kinds])
    mean = np.array([0.1 if kind[0] is slow else 10.0 for kind in kinds])
    names = [str(row) for row in range(len(kinds))]
    demand = DemandDistribution(
        unique_id=names,
        as_of=date(2024, 1, 1),
        freq="D",
        ds=np.datetime64("2024-01-02") + np.arange(_HORIZON),
        mean=np.repeat(mean[:, None], _HORIZON, axis=1),
        quantiles=np.repeat(cumulative[:, :1], _HORIZON, axis=1),
        cum_quantiles=np.maximum.accumulate(cumulative, axis=1),
    )
    items = Items.from_frame(
        pl.DataFrame(
            {
                "unique_id": names,
                "on_hand": mean * 5,
                "target_kind": [kind[1] for kind in kinds],
                "unmet": [kind[2] for kind in kinds],
                "lead_time_sd": [kind[3] for kind in kinds],
                "moq": [kind[4][0] for kind in kinds],
                "order_multiple": [kind[4][1] for kind in kinds],
                "order_cost": [kind[4][2] for kind in kinds],
            }
        )
    )
    outlook(items, demand, budget=100.0)
    service_curve(items, demand, targets=(0.9,))
    spending_curve(items, demand)
    return len(items)
