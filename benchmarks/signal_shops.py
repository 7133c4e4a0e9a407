"""Made-up shops in which it is known whether a signal leads demand, for the trial of signals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

AS_OF = date(2026, 6, 28)
Effect = Literal["leads", "none"]


def shop(effect: Effect, *, seed: int, series: int = 120, weeks: int = 100) -> pl.DataFrame:
    """A demand panel by week with three signals: `carts`, `echo` and `noise`.

    Demand is negative binomial about a level, a yearly wave, and interest: a log-AR(1) of each series' own.
    Where the effect is `leads`, `carts` are Poisson counts of the interest that becomes demand one week
    later; else carts follow an interest of their own that nobody acts on. `echo` counts the shoppers of the
    same week: it moves with sales, and tells nothing that they don't. `noise` is white, and the same in all
    series.
    """
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(2.2, 0.8, series))
    wave = 0.25 * np.sin(2 * np.pi * (np.arange(weeks)[:, None] / 52 + rng.random(series)))
    interest, other = _interest(rng, weeks, series), _interest(rng, weeks, series)
    # What shoppers put in their carts this week, they buy in the next.
    lagged = np.vstack([np.zeros((1, series)), interest[:-1]])
    mean = level * np.exp(wave + lagged)
    y = rng.poisson(mean * rng.gamma(6, 1 / 6, mean.shape)).astype(float)
    shown = interest if effect == "leads" else other
    carts = rng.poisson(6 * level * np.exp(shown)).astype(float)
    echo = rng.poisson(4 * y + 2).astype(float)
    noise = np.repeat(rng.normal(100, 15, (weeks, 1)), series, axis=1)
    days = [AS_OF - timedelta(weeks=weeks - 1 - week) for week in range(weeks)]
    return pl.DataFrame(
        {
            "unique_id": np.repeat([f"s{number:04}" for number in range(series)], weeks),
            "ds": pl.Series(days * series, dtype=pl.Date),
            "y": y.T.ravel(),
            "carts": carts.T.ravel(),
            "echo": echo.T.ravel(),
            "noise": noise.T.ravel(),
        }
    )


SIGNALS = {name: (name,) for name in ("carts", "echo", "noise")}


def _interest(rng: np.random.Generator, weeks: int, series: int) -> np.ndarray:
    """(weeks, series) log-AR(1), with a standard deviation of about 0.5."""
    shocks = rng.normal(0, 0.4, (weeks, series))
    state = np.zeros((weeks, series))
    for week in range(1, weeks):
        state[week] = 0.6 * state[week - 1] + shocks[week]
    return state
