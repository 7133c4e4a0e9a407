"""What signals say before an origin: shoppers' behaviour, reviews, market indicators, any dated column whose
future nobody knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.panel import Panel
from forecasting.core.windows import known_mean

Array = npt.NDArray[Any]

KINDS = ("value", "last", "before", "near", "recent", "unusual", "per_unit")


class Leading:
    """Features of a panel's signals at an origin; each signal has one of every kind in `KINDS`.

    Against the mean of its own last year: the last period, the one before, the mean of the last few and of
    the last months. Besides, the last value as it is and in standard deviations from that mean, and how much
    of the signal there is to a unit of demand. Unknown where the signal is, and ratios also where its mean is
    not above 0.
    """

    def __init__(self, panel: Panel) -> None:
        self._signals = panel.signals
        self.names = [f"signal_{name}_{kind}" for name in panel.signals for kind in KINDS]

    def at(self, cut: int, windows: tuple[int, ...], scale: Array) -> list[Array]:
        """Columns (N,) of `names`, from the periods before ``cut`` alone; ``scale`` is units a period."""
        columns: list[Array] = []
        for signal in self._signals.values():
            year = signal.values[max(0, cut - windows[-1]) : cut]
            last = year[-1]
            before = year[-2] if len(year) > 1 else np.full_like(last, np.nan)
            near, recent, usual = (
                known_mean(year[-window:]) for window in (windows[0], windows[2], len(year))
            )
            spread = np.sqrt(known_mean((year - usual) ** 2))
            base = np.where(usual > 0, usual, np.nan)
            columns += [
                last,
                last / base,
                before / base,
                near / base,
                recent / base,
                (last - usual) / np.where(spread > 0, spread, np.nan),
                near / scale,
            ]
        return columns
