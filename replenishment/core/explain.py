"""Why a row of the plan is what it is: short codes, joined by ``; `` in the column ``reason``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.constraints import Orders
from replenishment.core.levels import Levels

Array = npt.NDArray[Any]

EXCEPTION = "exception: "

# In the order in which they appear; docs/plan-files.md says what each means.
CODES = (
    "not_due",
    "order",
    "moq",
    "multiple",
    "max_stock",
    "above_max",
    "shelf_life",
    "budget",
    "level_at_max_stock",
    "level_at_shelf_life",
    "not_bought_again",
    "no_demand",
    "horizon_short",
)


class Reasons:
    """Reasons of N rows: an exception, or a set of codes."""

    def __init__(self, count: int) -> None:
        self._exceptions: dict[int, str] = {}
        self.planned = np.ones(count, dtype=bool)

    def exception(self, rows: Array, words: str) -> None:
        """Mark rows (a mask, or positions) that can't be planned; a row keeps its first exception."""
        where = np.flatnonzero(rows) if rows.dtype == bool else rows
        for row in where.tolist():
            self._exceptions.setdefault(row, EXCEPTION + words)
        self.planned[where] = False

    def texts(self, rows: Array, orders: Orders, levels: Levels) -> list[str]:
        """One text per row; ``orders`` and ``levels`` are of the planned ``rows`` (positions)."""
        terms = orders.terms
        masks: dict[str, Array] = {
            "not_due": orders.net_need + terms["adj_cycle"] <= 0,
            "order": orders.quantity > 0,
            "moq": terms["adj_moq"] > 0,
            "multiple": terms["adj_multiple"] > 0,
            "max_stock": terms["adj_max"] < 0,
            "above_max": orders.above_max & (orders.quantity > 0),
            "shelf_life": terms["adj_shelf_life"] < 0,
            "budget": terms["adj_budget"] < 0,
            "level_at_max_stock": levels.at_max_stock,
            "level_at_shelf_life": levels.at_shelf_life,
            "not_bought_again": levels.reorder_point < 0,
            "no_demand": levels.expected_demand <= 0,
            "horizon_short": levels.short,
        }
        codes = np.zeros(len(self.planned), dtype=np.int64)
        for bit, code in enumerate(CODES):
            codes[rows] |= masks[code].astype(np.int64) << bit
        known, inverse = np.unique(codes, return_inverse=True)
        words = [
            "; ".join(code for bit, code in enumerate(CODES) if value >> bit & 1) for value in known.tolist()
        ]
        texts = [words[index] for index in inverse.tolist()]
        for row, text in self._exceptions.items():
            texts[row] = text
        return texts
