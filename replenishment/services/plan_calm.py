"""Calm: a suggestion that hardly changed since the plan before stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.models import PlanRun, Suggestion
from replenishment.services.plan_core import Planned
from replenishment.services.plan_facts import KEY, units
from replenishment.services.plan_items import items_unpack

Array = npt.NDArray[Any]

# What has to be the same for a quantity to be kept: a changed rule or changed terms have to show. (Lead times
# and reviews differ from day to day where a supplier takes orders on some days only.)
_SAME = (
    "moq",
    "order_multiple",
    "target_kind",
    "target",
    "max_stock",
    "shelf_life_days",
    "policy_kind",
    "typed_reorder_point",
    "typed_order_up_to",
    "service_group",
    "holding_rate",
    "order_cost",
    "stockout_cost",
)


def suggestions_before(previous: PlanRun | None) -> pl.DataFrame | None:
    """What the plan before suggested, by product and location, with the ITEMS that it planned.

    Columns: product_id, location_id, state, supplier_id, quantity, and `old_` with the name of each column of
    ITEMS. None where there is no plan before, or it kept no ITEMS.
    """
    if previous is None:
        return None
    table = items_unpack(previous.items_table)
    if table.is_empty():
        return None
    rows = (
        Suggestion.objects.filter(plan_run=previous)
        .order_by()
        .values_list("product_id", "location_id", "state", "supplier_id", "order_quantity")
    )
    schema = {
        "product_id": pl.Int64,
        "location_id": pl.Int64,
        "state": pl.String,
        "supplier_id": pl.Int64,
        "quantity": pl.Float64,
    }
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    names = frame.select(unique_id=pl.format("{}@{}", "product_id", "location_id")).to_series()
    old = table.rename({name: f"old_{name}" for name in table.columns if name != "unique_id"})
    return frame.with_columns(names).join(old, on="unique_id", how="left").drop("unique_id")


def kept_calm(planned: Planned, before: pl.DataFrame | None, share: float) -> Planned:
    """The plan with orders kept as they were suggested where they changed by no more than a share.

    Only open suggestions of the same supplier under the same terms and rule are kept, and only where the
    quantity before still is a whole number of packs, lifts the position to the reorder point and fits below
    the maximum. What is no longer due is dropped; what was drafted or rejected is thought through anew.
    """
    if before is None or share <= 0:
        return planned
    before = before.rename({"supplier_id": "old_supplier_id"})
    now = planned.frame.join(before, on=KEY, how="left", maintain_order="left")
    quantity, old = units(now, "order_quantity"), units(now, "quantity")
    multiple = units(now, "order_multiple", 1.0)
    same = (now["old_supplier_id"] == now["supplier_id"]).fill_null(value=False)
    for name in _SAME:
        if f"old_{name}" in now.columns:
            same &= now[name].eq_missing(now[f"old_{name}"])
    position = units(now, "on_hand") + units(now, "on_order") - units(now, "allocated")
    room = np.minimum(units(now, "max_stock", np.inf) - position, _shelf_room(planned, position))
    whole = np.abs(old / multiple - np.round(old / multiple)) < 1e-9
    keep = (
        (now["state"] == Suggestion.State.OPEN.value).fill_null(value=False).to_numpy()
        & same.to_numpy()
        # What comes from another location is not bought as well.
        & (units(now, "moved_in") == 0)
        & (units(now, "adj_transfer") == 0)
        & (quantity > 0)
        & (old > 0)
        & whole
        & (old <= np.maximum(room, quantity))
        & (position + old >= units(now, "reorder_point"))
        & (np.abs(quantity - old) <= share * old)
    )
    return planned.changed("adj_calm", np.where(keep, old, quantity), "kept")


def _shelf_room(planned: Planned, position: Array) -> Array:
    """What may be ordered before it would expire (N,), infinite where nothing does."""
    limit = np.full(len(position), np.inf)
    rows = np.flatnonzero(planned.frame["place"].is_not_null().to_numpy())
    limit[rows] = planned.draft.levels.shelf_limit[planned.frame["place"].drop_nulls().to_numpy()]
    return limit - position
