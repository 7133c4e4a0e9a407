"""What tells of a series beside its units: how its item, category or store moves, how often it is bought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.panel import Panel

Array = npt.NDArray[Any]

# Smaller groups say little that the series' own past does not; the coarsest few are enough.
_SMALLEST, _MOST = 8, 4
# Columns of how many orders, or buyers, made a period's demand.
_FREQUENCY = ("orders", "buyers")


@dataclass(frozen=True, eq=False)
class Group:
    """A static column that groups series: ``code`` (N,) and the running sums (T + 1, G) of their units and
    of the number of series seen.
    """

    name: str
    code: Array
    units: Array
    seen: Array

    def mean(self, first: int, last: int) -> Array:
        """(G,) mean demand a series and period over ``first .. last - 1``; NaN where unseen."""
        seen = self.seen[last] - self.seen[first]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: Array = (self.units[last] - self.units[first]) / np.where(seen > 0, seen, np.nan)
        return mean


def groups_of(panel: Panel, units: Array, seen: Array) -> list[Group]:
    """The groups of a panel's static columns of codes, the coarsest first; unknown is a group of its own."""
    found = []
    for name, column in panel.static.items():
        if not column.categorical:
            continue
        _, code = np.unique(np.nan_to_num(column.values, nan=-1), return_inverse=True)
        count = int(code.max(initial=0)) + 1
        if 1 < count <= panel.count // _SMALLEST:
            found.append((count, name, code))
    chosen = sorted(found, key=lambda item: item[:2])[:_MOST]
    return [
        Group(name, code, _sums(units, code, count), _sums(seen, code, count)) for count, name, code in chosen
    ]


def _sums(values: Array, code: Array, count: int) -> Array:
    """(T + 1, G) running sums over time of the (T, N) values of each group's series."""
    order = np.argsort(code, kind="stable")
    begins = np.searchsorted(code[order], np.arange(count))
    result = np.zeros((len(values) + 1, count))
    for period, row in enumerate(values):
        result[period + 1] = result[period] + np.add.reduceat(row[order], begins, dtype=np.float64)
    return result


def trend(group: Group, cut: int, short: int, long: int) -> Array:
    """(N,) a group's mean demand in the last ``short`` periods / in the last ``long`` ones."""
    recent = group.mean(max(0, cut - short), cut)
    usual = group.mean(max(0, cut - long), cut)
    return np.asarray((recent / np.where(usual > 0, usual, np.nan))[group.code])


class Purchases:
    """How often a series is bought and how much at a time, from columns named `orders` and `buyers`."""

    def __init__(self, panel: Panel, units: Array, seen: Array) -> None:
        self.names = [name for name in _FREQUENCY if name in panel.past]
        self._sums = []
        for name in self.names:
            values = panel.past[name].values
            given = np.isfinite(values)
            # Where nothing was sold, nobody ordered, whether the column says so or nothing.
            known = given | (seen & (units == 0))
            parts = (np.where(given, values, 0), known, np.where(given, units, 0))
            # (float64: differences of long sums)
            self._sums.append([np.cumsum(part, axis=0, dtype=np.float64) for part in parts])

    def at(self, cut: int, short: int, long: int, scale: Array) -> list[Array]:
        """Per name three columns (N,): orders a period in the ``long`` run, recent ones / those, and units an
        order / scale.
        """
        columns = []
        for number, known, units in self._sums:
            usual = _over(number, cut, long) / np.maximum(_over(known, cut, long), 1)
            recent = _over(number, cut, short) / np.maximum(_over(known, cut, short), 1)
            bought = _over(number, cut, long)
            amount = _over(units, cut, long) / np.where(bought > 0, bought, np.nan)
            columns += [usual, recent / np.where(usual > 0, usual, np.nan), amount / scale]
        return columns


def _over(sums: Array, cut: int, window: int) -> Array:
    first = cut - window - 1
    return np.asarray(sums[cut - 1] - (sums[first] if first >= 0 else 0))
