"""The bridge between two plans: what moved each quantity since the plan before, adding up exactly.

The core plans the items of the plan before again, with one group of inputs after the other replaced by
today's; what a group moves is what changes when it is replaced (sequential substitution, as in a bridge of
accounts: the order of the groups is fixed, so that the terms add up and can be compared from day to day).
What is left, from the stages after the core, is the last term.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core.constraints import grained
from replenishment.core.items import Items
from replenishment.core.policy import Draft, drafted
from replenishment.models import Suggestion
from replenishment.services.plan_core import Planned
from replenishment.services.plan_facts import KEY, units
from replenishment.services.plan_items import items_frame

Array = npt.NDArray[Any]

# Replaced in this order, after demand; what a rule says comes last and needs no replacing.
GROUPS: dict[str, tuple[str, ...]] = {
    "change_stock": ("on_hand", "on_order", "allocated"),
    "change_lead_time": ("lead_time_mean", "lead_time_sd", "review_days"),
    "change_price": ("unit_cost", "price", "moq", "order_multiple"),
}
CHANGES = Suggestion.CHANGES


def changes_found(planned: Planned, before: pl.DataFrame | None) -> pl.DataFrame:
    """The frame with `previous_quantity` and `CHANGES`; null where the plan before had no row."""
    frame = planned.frame
    if before is None:
        return frame
    now = frame.join(before, on=KEY, how="left", maintain_order="left")
    was = grained(units(now, "quantity"))
    known = now["quantity"].is_not_null().to_numpy()
    moved = {name: np.zeros(frame.height) for name in CHANGES}
    both = (now["place"].is_not_null() & now["old_unit_cost"].is_not_null()).to_numpy()
    rows = np.flatnonzero(both)
    if len(rows):
        steps = _steps(now[rows], planned.facts.demand)
        steps.append(now["core_quantity"].gather(rows).to_numpy())
        for name, low, high in zip(CHANGES, steps, steps[1:], strict=False):
            moved[name][rows] = grained(high - low)
    total = grained(units(frame, "order_quantity")) - was
    moved["change_other"] = grained(total - sum(moved[name] for name in CHANGES[:-1]))
    missing = pl.Series(~known)
    return frame.with_columns(
        pl.Series("previous_quantity", was).set(missing, None),
        *(pl.Series(name, values + 0.0).set(missing, None) for name, values in moved.items()),
    )


def _steps(now: pl.DataFrame, demand: DemandDistribution) -> list[Array]:
    """Quantities of the core (N,): before, then with demand, stock, lead time and prices of today."""
    fresh = items_frame(now)
    old = fresh.with_columns(
        now[f"old_{name}"].alias(name) if f"old_{name}" in now.columns else pl.col(name)
        for name in fresh.columns
        if name != "unique_id"
    )
    steps = [now["old_core_quantity"].fill_null(0.0).to_numpy()]
    draft = drafted(Items.from_frame(old), demand, grid_days=1.0)
    steps.append(draft.decided().order_quantity)
    together = bool((old["target_kind"] == "overall").any())
    for name, columns in GROUPS.items():
        changed = np.zeros(now.height, dtype=bool)
        for column in columns:
            changed |= ~old[column].eq_missing(fresh[column]).to_numpy()
        old = old.with_columns(fresh[column] for column in columns)
        if name == "change_stock":  # levels don't depend on stock
            draft = _restocked(draft, Items.from_frame(old))
            steps.append(draft.decided().order_quantity)
            continue
        latest = steps[-1].copy()
        some = np.flatnonzero(changed | (together and bool(changed.any())))
        if len(some):
            part = drafted(Items.from_frame(old[some]), demand, grid_days=1.0)
            latest[some] = part.decided().order_quantity
        steps.append(latest)
    return steps


def _restocked(draft: Draft, items: Items) -> Draft:
    """The same levels with the stock of other items, which are the same otherwise."""
    stock = {name: getattr(items, name)[draft.rows] for name in GROUPS["change_stock"]}
    return replace(draft, items=items, good=replace(draft.good, **stock))
