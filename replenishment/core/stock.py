"""Stock on hand in the long run, by Little's law.

What is on hand is the stock position less what is on its way: by Little's law that is demand served over the
lead time (Little 1961; Zipkin, "Foundations of Inventory Management", section 6.2). The position starts a
review period as `cycle` says and falls by what is served. Where unmet demand waits, what is owed comes on
top: stock on hand = net stock + backorders (Hadley and Whitin, section 5.2; Snyder and Shen, section 4.3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.service import Model

Array = npt.NDArray[Any]


def stock_held(model: Model, reorder_point: Array, fill: Array, review: Array) -> Array:
    """Mean units on hand at the close of a period, of these cycle stock, and reviews from order to order.

    ``reorder_point`` and ``fill`` rate (N,), ``review`` (N,) in periods; returns (3, N). Cycle stock is what
    falls from one order to the next, half an order on average; the rest is what is left on average when the
    next delivery is due: safety stock as it is held, 0 or more.
    """
    cycle = model.cycle
    reviews = cycle.reviews
    nodes = cycle.step[:, None] * np.arange(cycle.visits.shape[1])
    share = cycle.visits / reviews[:, None]
    above = (share * nodes).sum(axis=1)  # the position after a review, beyond the reorder point
    served = np.where(model.lost, fill, 1.0)
    passed = (review + 1) / (2 * review)  # of a review's demand, by the close of its mean period
    stock = reorder_point + above - served * (model.lead_mean + model.demand * passed)
    owing = np.flatnonzero(~model.lost.astype(bool))
    if len(owing):
        points = reorder_point[owing, None] + nodes[owing]
        part = model.take(owing)
        first = (share[owing] * part.lead.losses(points)[0]).sum(axis=1)
        last = (share[owing] * part.whole.losses(points)[0]).sum(axis=1)
        stock[owing] += first + (last - first) * passed[owing]
    stock = np.maximum(stock, 0.0)
    falling = np.minimum(above + served * model.demand * (1 - passed), stock)
    return np.stack([stock, falling, reviews])
