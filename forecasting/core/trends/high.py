"""Who will be a high seller next quarter: a small decision tree whose rules people can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.trends.signs import QUARTER, YEAR, slice_back

Array = npt.NDArray[Any]

TOP_SHARE = 0.1
FIGURES = ("rank_now", "rank_before", "rank_year", "rank_ahead", "weeks_sold", "age")
"""Ranks are percentiles (100: sold most) of the last quarter, the one before it, the year, and the quarter
ahead as it was a year ago; ``weeks_sold`` those of the last 13; ``age`` the weeks since the first sale."""
_LEAST_ROWS = 200
_DEPTH = 4
_STEP = 4
_MOST_ORIGINS = 13
_LIKELY = 0.5


@dataclass(frozen=True)
class HighRule:
    """One way to be a high seller: limits (over, up to) of figures, and how it went for those that met them.

    ``share`` of ``count`` past cases were high sellers in the following quarter.
    """

    limits: dict[str, tuple[float | None, float | None]]
    share: float
    count: int


@dataclass(frozen=True, eq=False)
class HighTree:
    """A fitted tree (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984)."""

    tree: Any

    @classmethod
    def fit(cls, y: Array, origin: int) -> HighTree | None:
        """Learn from quarters that were over before column ``origin`` of ``y`` (N, T); None with too few.

        Every fourth week, the latest 13 at most. A leaf holds at least 1% of the rows.
        """
        from sklearn.tree import DecisionTreeClassifier

        figures, high = [], []
        for end in range(origin - QUARTER, 2 * QUARTER - 1, -_STEP)[:_MOST_ORIGINS]:
            alive = is_selling(y, end)
            figures.append(high_figures(y, end)[alive])
            high.append(high_sellers(np.nansum(y[:, end : end + QUARTER], axis=1), alive)[alive])
        rows = sum(len(part) for part in high)
        if rows < _LEAST_ROWS or not np.concatenate(high).any():
            return None
        tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=max(10, rows // 100), random_state=0)
        tree.fit(np.concatenate(figures).astype(np.float32), np.concatenate(high))
        return cls(tree)

    def chances(self, y: Array, origin: int) -> Array:
        """The chance of each series to be a high seller, (N,); 0 where it does not sell."""
        chance: Array = self.tree.predict_proba(high_figures(y, origin).astype(np.float32))[:, 1]
        return np.where(is_selling(y, origin), chance, 0.0)

    def rules(self) -> list[HighRule]:
        """The paths to leaves where at least half became high sellers, the surest first."""
        tree = self.tree.tree_
        found: list[HighRule] = []

        def walk(node: int, limits: dict[str, tuple[float | None, float | None]]) -> None:
            if tree.children_left[node] < 0:
                share = float(tree.value[node][0][1] / tree.value[node][0].sum())
                if share >= _LIKELY:
                    found.append(HighRule(limits, share, int(tree.n_node_samples[node])))
                return
            name, cut = FIGURES[tree.feature[node]], float(tree.threshold[node])
            over, up_to = limits.get(name, (None, None))
            walk(tree.children_left[node], limits | {name: (over, cut if up_to is None else min(up_to, cut))})
            walk(tree.children_right[node], limits | {name: (cut if over is None else max(over, cut), up_to)})

        walk(0, {})
        return sorted(found, key=lambda rule: (-rule.share, -rule.count))


def high_sellers(units: Array, among: Array) -> Array:
    """The tenth of the series ``among`` (N,) that sold most, (N,); ties with the last of them too."""
    count = int(np.ceil(TOP_SHARE * among.sum()))
    if count == 0:
        return np.zeros(len(units), dtype=bool)
    least = np.partition(units[among], -count)[-count]
    return np.asarray(among & (units >= max(least, 1e-12)))


def is_selling(y: Array, origin: int) -> Array:
    """Sold something in the 13 weeks before column ``origin``, (N,)."""
    return np.asarray(np.nansum(y[:, max(0, origin - QUARTER) : origin], axis=1) > 0)


def high_figures(y: Array, origin: int) -> Array:
    """``FIGURES`` (N, 6) from the weeks before ``origin``; a rank is 0 where the panel is too short."""
    past = y[:, :origin]

    def rank(first: int, last: int) -> Array:
        if first > past.shape[1]:
            return np.zeros(len(past))
        units = np.nansum(past[:, slice_back(first, last)], axis=1)
        place = np.searchsorted(np.sort(units), units, side="left")
        return np.asarray(100 * place / max(len(units) - 1, 1))

    age = np.isfinite(past).sum(axis=1)
    return np.column_stack(
        [
            rank(QUARTER, 0),
            rank(2 * QUARTER, QUARTER),
            rank(YEAR, 0),
            rank(YEAR, YEAR - QUARTER),
            (past[:, -QUARTER:] > 0).sum(axis=1),
            np.minimum(age, 2 * YEAR),
        ]
    )
