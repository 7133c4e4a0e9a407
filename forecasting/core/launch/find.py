"""Finding look-alikes: candidates as they were known at a time, weights learned from the launches before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.launch.curve import launch_curve
from forecasting.core.launch.likeness import Goods
from forecasting.core.launch.weights import Candidates, PartWeights, learn

Array = npt.NDArray[Any]

FIRST_WEEKS = 8
_QUIET, _RECENT = 13, 52
# Likenesses are made in blocks of so many pairs (8 parts of float32: 64 MB).
_PAIRS = 2_000_000
# The weights are learned from at most so many launches, the latest, and so many others beside them.
_LEARNED_FROM, _POOL = 400, 4_000


@dataclass(frozen=True, eq=False)
class Weeks:
    """Units of N products in T weeks, all locations together; ``first`` (N,) is the week of the first sale,
    T where there is none.
    """

    units: Array
    first: Array

    @classmethod
    def of(cls, sales: pl.DataFrame, products: Array) -> Weeks:
        """From ``product, ds, y`` with a row a week and product, ``ds`` a week apart; sorted products."""
        weeks = sales["ds"].unique().sort()
        size = 1 + int((weeks.max() - weeks.min()).days // 7) if len(weeks) else 0  # type: ignore[operator, union-attr]
        units = np.zeros((len(products), size), dtype=np.float32)
        if size:
            at = ((sales["ds"] - weeks.min()).dt.total_days() // 7).to_numpy()
            rows = np.searchsorted(products, sales["product"].to_numpy())
            np.add.at(units, (rows, at), sales["y"].fill_null(0.0).to_numpy())
        sold = units > 0
        return cls(units, np.where(sold.any(axis=1), sold.argmax(axis=1), size))

    @property
    def launched(self) -> Array:
        """(N,) true where the launch is on record: no sale in the panel's first quarter."""
        size = self.units.shape[1]
        launched: Array = (self.first >= _QUIET) & (self.first < size)
        return launched

    def curve(self) -> Array:
        """The launch curve of the first weeks."""
        rows = np.flatnonzero(self.launched)
        return launch_curve(self._first_weeks(rows), FIRST_WEEKS, FIRST_WEEKS)

    def is_new(self, weeks: int) -> Array:
        """(N,) true for launches that are on record and at most so many weeks old."""
        new: Array = self.launched & (self.units.shape[1] - self.first <= weeks)
        return new

    def candidates(self, rows: Array, at: Array, others: Array, goods: Goods, curve: Array) -> Candidates:
        """What ``rows`` (n) could look like of ``others`` (m), as known before week ``at`` (n,).

        A launch of the last year counts with its first weeks, as far as they had passed; what sells longer,
        with its last eight weeks. What had not sold before is no candidate, nor is the product itself.
        """
        summed = np.concatenate([np.zeros((len(others), 1)), np.cumsum(self.units[others], axis=1)], axis=1)
        exposure = np.concatenate([[0.0], np.cumsum(curve[:FIRST_WEEKS])])
        first = np.minimum(self.first[others], summed.shape[1] - 1)[None]
        age = at[:, None] - first
        passed = np.clip(age, 0, FIRST_WEEKS)
        every = np.arange(len(others))[None]
        told = np.clip(at[:, None], 0, summed.shape[1] - 1)
        of_launch = (summed[every, first + passed] - summed[every, first]) / np.maximum(
            exposure[passed], 1e-9
        )
        before = np.maximum(told - FIRST_WEEKS, 0)
        lately = (summed[every, told] - summed[every, before]) / np.maximum(told - before, 1)
        recent = self.launched[others][None] & (age <= _RECENT)
        level = np.where(recent, of_launch, lately).astype(np.float32)
        seen = np.where(recent, exposure[passed] / exposure[-1], np.nan).astype(np.float32)
        allowed = (age >= 1) & (recent | (lately > 0)) & (rows[:, None] != others[None])
        return Candidates(goods.likeness(rows, others), level, seen, allowed)

    def learned(self, goods: Goods, curve: Array) -> tuple[PartWeights, int]:
        """Weights from past launches with eight weeks behind them, and how many these are."""
        done = self.launched & (self.first + FIRST_WEEKS <= self.units.shape[1])
        rows = np.flatnonzero(done)
        rows = rows[np.argsort(self.first[rows], kind="stable")][-_LEARNED_FROM:]
        if not len(rows):
            return PartWeights(), 0
        rest = np.setdiff1d(np.flatnonzero(self.first < self.units.shape[1]), rows)
        others = np.union1d(rows, rest[:: max(len(rest) // _POOL, 1)])
        found = self.candidates(rows, self.first[rows], others, goods, curve)
        return learn(found, self._first_weeks(rows).mean(axis=1)), len(rows)

    def blocks(self, rows: Array, others: int) -> Iterator[Array]:
        """``rows`` in parts that memory holds, against so many others."""
        size = max(_PAIRS // max(others, 1), 1)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _first_weeks(self, rows: Array) -> Array:
        at = self.first[rows][:, None] + np.arange(FIRST_WEEKS)[None]
        inside = at < self.units.shape[1]
        units = self.units[rows[:, None], np.minimum(at, self.units.shape[1] - 1)]
        return np.where(inside, units, np.nan)
