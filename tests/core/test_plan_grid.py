"""The time grid of a policy: by default the forecast's periods, or days."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from forecasting.core.distribution import QUANTILES, DemandDistribution
from replenishment.core.items import Items
from replenishment.core.policy import plan

MEAN, DEVIATION = 700.0, 70.0  # of a week, independent from week to week


def weekly(horizon: int = 13) -> DemandDistribution:
    steps = np.arange(1, horizon + 1)
    z = norm.ppf(QUANTILES)
    cumulative = MEAN * steps[:, None] + DEVIATION * np.sqrt(steps)[:, None] * z
    period = np.broadcast_to(MEAN + DEVIATION * z, cumulative.shape)
    return DemandDistribution(
        unique_id=["a"],
        as_of=date(2026, 3, 1),
        freq="W",
        ds=np.datetime64("2026-03-01") + 7 * steps.astype("timedelta64[D]"),
        mean=np.full((1, horizon), MEAN, np.float32),
        quantiles=period[None].astype(np.float32),
        cum_quantiles=cumulative[None].astype(np.float32),
    )


def reorder_point(lead_time: float, **options: float) -> float:
    items = Items.from_frame(
        pl.DataFrame(
            {
                "unique_id": ["a"],
                "on_hand": [0.0],
                "lead_time_mean": [lead_time],
                "target_kind": ["cycle"],
                "unmet": ["backorder"],
            }
        )
    )
    return float(plan(items, weekly(), **options).reorder_point[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("lead_time", [3.0, 7.0, 10.0, 17.0])
def test_it_covers_lead_time_and_review_to_the_day_on_a_grid_of_days(lead_time: float) -> None:
    weeks = (lead_time + 7) / 7
    textbook = MEAN * weeks + norm.ppf(0.95) * DEVIATION * np.sqrt(weeks)
    assert reorder_point(lead_time, grid_days=1.0) == pytest.approx(textbook, rel=0.02)


def test_it_rounds_lead_times_to_periods_by_default() -> None:
    assert reorder_point(10.0) == reorder_point(7.0)
    assert reorder_point(10.0, grid_days=1.0) > reorder_point(7.0, grid_days=1.0) + 2.5 * MEAN / 7
