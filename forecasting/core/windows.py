"""Sums over the last periods before an origin, for several windows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class WindowSums:
    """Sums over each window of periods before an origin, of (T, N) ``units``, 0 where not ``seen``.

    Origins that ascend cost only the periods that enter and leave.
    """

    def __init__(self, units: Array, seen: Array, windows: tuple[int, ...]) -> None:
        self.units, self.seen, self.windows = units, seen, windows
        self._last: tuple[int, Array] | None = None

    def at(self, cut: int) -> Array:
        """(4, windows, N) float64: units, seen periods, squares and periods with sales before an origin."""
        before = self._last
        sums = np.empty((4, len(self.windows), self.units.shape[1]))
        entered = self._sums(before[0], cut) if before is not None and before[0] < cut else None
        for number, window in enumerate(self.windows):
            first = max(0, cut - window)
            if before is None or entered is None or first >= before[0]:
                # Windows hold each other: the shorter one's sums are part of the longer one's.
                shorter = self.windows[number - 1] if number else 0
                last = max(0, cut - shorter)
                sums[:, number] = self._sums(first, last)
                if number:
                    sums[:, number] += sums[:, number - 1]
            else:
                sums[:, number] = before[1][:, number] + entered
                sums[:, number] -= self._sums(max(0, before[0] - window), first)
        # Adding and taking away leaves a trace where nothing is left.
        sums[::2][:, sums[3] == 0] = 0
        self._last = (cut, sums)
        return sums

    def _sums(self, first: int, last: int) -> Array:
        rows = self.units[first:last]
        return np.stack(
            [
                rows.sum(axis=0, dtype=np.float64),
                self.seen[first:last].sum(axis=0, dtype=np.float64),
                np.einsum("tn,tn->n", rows, rows, dtype=np.float64),
                (rows > 0).sum(axis=0, dtype=np.float64),
            ]
        )


def mean_ratio(part: Array, base: Array) -> float:
    """Mean of the known values of a part over that of a base; NaN where there is none."""
    part, base = part[np.isfinite(part)], base[np.isfinite(base)]
    if not len(part) or not len(base) or base.mean() <= 0:
        return float("nan")
    return float(part.mean() / base.mean())


def known_mean(values: Array) -> Array:
    """Means (N,) of the known values of each column of (T, N); NaN where there is none."""
    seen = np.isfinite(values)
    number = seen.sum(axis=0)
    mean: Array = np.where(seen, values, 0).sum(axis=0) / np.maximum(number, 1)
    return np.where(number > 0, mean, np.nan)
