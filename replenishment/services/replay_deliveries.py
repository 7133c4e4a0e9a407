"""How orders come in a replay: as they are drawn, or as they came to the shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from replenishment.core.deliveries import Deliveries, Observed
from replenishment.core.history import History
from replenishment.selectors.past_orders import deliveries_observed

_LANE = ["supplier_id", "location_id"]


@dataclass(frozen=True, eq=False)
class Delivered:
    """Tables for the items (None: all drawn, all whole); how many orders that came were looked at, and how
    many items follow them in one period at least.
    """

    tables: Deliveries | None = None
    orders: int = 0
    items: int = 0


def deliveries_make(
    frame: pl.DataFrame, history: History, *, happened: bool, first_share: float, rest_days: float
) -> Delivered:
    """For the items of `frame` (supplier_id, location_id), in its order."""
    stated = Deliveries.stated(
        history.periods,
        frame.height,
        share=first_share,
        rest_days=rest_days,
        period_days=history.period_days,
    )
    if not happened:
        return Delivered(stated if first_share < 1 and rest_days > 0 else None)
    rows = deliveries_observed()
    lanes = rows.select(_LANE).unique(maintain_order=True).with_row_index("lane")
    keyed = rows.join(lanes, on=_LANE, maintain_order="left")
    observed = Observed(
        lane=keyed["lane"].cast(pl.Int64).to_numpy(),
        day=keyed["sent_on"].to_numpy().astype("datetime64[D]"),
        lead_days=keyed["lead_days"].to_numpy(),
        share=keyed["share"].to_numpy(),
        rest_days=keyed["rest_days"].to_numpy(),
    )
    of_items = frame.select(_LANE).join(lanes, on=_LANE, how="left", maintain_order="left")
    lane = of_items["lane"].cast(pl.Int64).fill_null(-1).to_numpy()
    labels = history.labels[history.begin :]
    tables = stated.happened(observed, lane, labels, history.period_days)
    known = np.isfinite(tables.lead).any(axis=0)
    return Delivered(tables, len(observed), int(known.sum()))
