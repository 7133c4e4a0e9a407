"""The last stage of a plan: orders cut to the money that there is, where it saves the most margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from replenishment.core.budget import within_budget
from replenishment.core.constraints import smallest_order
from replenishment.services.plan_core import Planned
from replenishment.services.plan_items import home_cost

Array = npt.NDArray[Any]


def budget_kept(planned: Planned, budget: float) -> Planned:
    """The plan with its orders cut to `budget`, money of the home currency for all of them."""
    frame = planned.frame
    rows = np.flatnonzero(frame["place"].is_not_null().to_numpy())
    place = frame["place"].drop_nulls().to_numpy()
    good = planned.draft.good.take(place)
    quantity = frame["order_quantity"].to_numpy().copy()
    quantity[rows] = within_budget(
        budget=budget,
        quantity=quantity[rows],
        position=good.position,
        demand=planned.demand.take(place),
        margin=good.stockout_cost,
        unit_cost=frame.select(home_cost()).to_series().to_numpy()[rows],
        smallest=smallest_order(good.moq, good.order_multiple),
        multiple=good.order_multiple,
    )
    return planned.changed("adj_budget", quantity, "budget")
