"""Rules that find what is out of order, over frames of all product-locations; no clock, no database.

Each takes frames and limits, and gives a frame with `COLUMNS`: a row for each thing found.
"""

from replenishment.core.exceptions.demand import alarms, flips, look_alikes_missing, sentiment_drops, spikes
from replenishment.core.exceptions.limits import COLUMNS, Limits, held_cost
from replenishment.core.exceptions.stock import excess, late_orders, out_of_stock, runs_out, surplus_on_order
from replenishment.core.exceptions.supply import cost_jumps, moq_covers, not_planned, rate_jumps, slips

__all__ = [
    "COLUMNS",
    "Limits",
    "alarms",
    "cost_jumps",
    "excess",
    "flips",
    "held_cost",
    "late_orders",
    "look_alikes_missing",
    "moq_covers",
    "not_planned",
    "out_of_stock",
    "rate_jumps",
    "runs_out",
    "sentiment_drops",
    "slips",
    "spikes",
    "surplus_on_order",
]
