"""Past demand of the items of a replay, and what was known of it when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import PERIOD_DAYS, Freq
from forecasting.core.grid import Grid
from forecasting.core.panel import Panel

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class History:
    """Demand of N series over P periods, of which those from ``begin`` on are replayed.

    ``demand`` (P, N) in units, NaN where unknown or before a series' first row; ``labels`` (P,) mark the
    periods, datetime64[D], on ``grid``.
    """

    unique_id: list[str]
    grid: Grid
    labels: Array
    demand: Array
    begin: int

    @classmethod
    def of(cls, panel: Panel, begin: date) -> Self:
        """The history in a panel whose as-of date is the replay's last; replayed from the first label at or
        after ``begin``. Raises ValueError where no period is left.
        """
        grid = Grid.detect(pl.Series(panel.ds), panel.freq)
        start, stop = grid.index(panel.ds[0].item()), grid.index(panel.ds[-1].item())
        first = grid.index_floor(begin)
        first += grid.label(first) < begin
        if first > stop:
            raise ValueError(f"no period of the panel lies between {begin} and {panel.as_of}")
        early = max(start - first, 0)  # periods before the panel's first: nothing was sold, nothing is known
        demand = np.full((early + panel.periods, panel.count), np.nan)
        demand[early:] = panel.y
        return cls(
            panel.unique_id,
            grid,
            grid.labels(start - early, stop),
            demand,
            max(first - start, 0),
        )

    @property
    def freq(self) -> Freq:
        """Days, weeks or months."""
        return self.grid.freq

    @property
    def period_days(self) -> float:
        """Days of a period."""
        return PERIOD_DAYS[self.freq]

    @property
    def periods(self) -> int:
        """Periods that are replayed, T."""
        return len(self.demand) - self.begin

    @property
    def replayed(self) -> Array:
        """Demand to be served (T, N): unknown demand is none."""
        return np.nan_to_num(self.demand[self.begin :])

    def known(self, period: int, periods: int | None = None) -> Array:
        """Demand known at the close of a replayed period (K, N), its last ``periods`` or all: a view."""
        stop = self.begin + period + 1
        return self.demand[0 if periods is None else max(stop - periods, 0) : stop]

    def since(self, as_of: date) -> int:
        """The replayed period at whose close an as-of date lies; negative before the replay."""
        first = self.grid.index(self.labels[self.begin].item())
        return self.grid.index_floor(as_of) - first

    def take(self, rows: Array) -> Self:
        """Some series only, by position."""
        return type(self)(
            [self.unique_id[row] for row in rows.tolist()],
            self.grid,
            self.labels,
            np.ascontiguousarray(self.demand[:, rows]),
            self.begin,
        )
