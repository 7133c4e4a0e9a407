"""The quantities that an act on many suggestions gives them: numpy over columns, no row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.core.quantities import packed, scaled, to_cover
from replenishment.models import PlanRun, Suggestion, SuggestionChange
from replenishment.selectors.quantity_columns import quantity_columns
from replenishment.services.bulk_acts import Act, Found, Passed
from replenishment.services.bulk_chosen import Chosen

Array = npt.NDArray[Any]
Kind = SuggestionChange.Kind


def quantities_read(suggestions: Chosen, act: Act) -> pl.DataFrame:
    """The columns that an act reckons with."""
    of_orders = act.kind == Kind.MINIMUM
    return pl.concat(
        quantity_columns(part, of_orders=of_orders) for part in suggestions or [Suggestion.objects.none()]
    )


def quantities_found(plan: PlanRun, frame: pl.DataFrame, act: Act) -> Found:
    """By suggestion of the frame: its new quantity, None for the system's, or why it keeps what it has."""
    if act.kind == Kind.SYSTEM:
        return dict.fromkeys(frame["id"].to_list())
    if frame.is_empty():
        return {}
    if act.kind == Kind.MINIMUM:
        # (It alone needs scipy, which takes its time to load.)
        from replenishment.services.bulk_minimum import topped_to_minimum

        return topped_to_minimum(plan, frame)
    known = np.ones(frame.height, dtype=bool)
    if act.kind == Kind.SCALE:
        wanted = scaled(frame["final"].to_numpy(), act.percent or 0.0)
    else:
        needed = pl.all_horizontal(pl.col("on_hand", "daily_demand").is_not_null())
        known = frame.select(needed).to_series().to_numpy()
        position = pl.col("on_hand").fill_null(0.0) + pl.col("on_order") - pl.col("allocated")
        wanted = to_cover(
            frame.select(position).to_series().to_numpy(),
            frame["daily_demand"].fill_null(0.0).to_numpy(),
            act.days or 0.0,
        )
    quantity = packed(
        wanted,
        moq=frame["moq"].to_numpy(),
        multiple=frame["order_multiple"].to_numpy(),
        unit_size=frame["unit_size"].to_numpy(),
        to="nearest" if act.kind == Kind.SCALE else "up",
    )
    return _answers(frame, quantity, known)


def _answers(frame: pl.DataFrame, quantity: Array, known: Array) -> Found:
    sells = frame["is_buyable"].to_numpy() | (quantity <= 0)
    return {
        pk: Passed.SUPPLIER if not buyable else Passed.UNKNOWN if not sure else float(units)
        for pk, units, buyable, sure in zip(frame["id"].to_list(), quantity, sells, known, strict=True)
    }
