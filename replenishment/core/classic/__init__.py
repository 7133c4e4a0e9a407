"""The classic replenishment policies that a replay compares the engine with.

Each sees only what was known of the panel as of a review, and sets a reorder point s and an order-up-to level
S = s + cycle, the cycle being the floor that the economic order quantity sets, as in the engine. Formulas,
sources, and when to use which: ``docs/replay.md``.
"""

from __future__ import annotations

from collections.abc import Callable

from replenishment.core.classic.averages import (
    minmax,
    minmax_refreshed,
    moving_average,
    moving_average_lead_time,
)
from replenishment.core.classic.base import Situation
from replenishment.core.classic.bootstrap import bootstrap
from replenishment.core.classic.smoothing import ses, ses_allocated
from replenishment.core.simulate import Schedule

CLASSICS: dict[str, Callable[[Situation], Schedule]] = {
    "minmax": minmax,
    "minmax_refreshed": minmax_refreshed,
    "moving_average": moving_average,
    "moving_average_lead_time": moving_average_lead_time,
    "ses": ses,
    "bootstrap": bootstrap,
    "ses_allocated": ses_allocated,
}

__all__ = ["CLASSICS", "Situation"]
