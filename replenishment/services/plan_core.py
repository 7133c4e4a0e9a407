"""The first stage of a plan: the core's order of each row by itself, and what later stages work on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from replenishment.core.constraints import grained
from replenishment.core.policy import Draft, drafted
from replenishment.core.spread import Spread
from replenishment.models import Suggestion
from replenishment.services.plan_facts import Facts
from replenishment.services.plan_items import items_of

Array = npt.NDArray[Any]

TERMS = Suggestion.TERMS
_CORE = (
    "expected_demand",
    "safety_stock",
    "reorder_point",
    "order_up_to",
    "net_need",
    *TERMS[:6],
    "order_quantity",
    "expected_fill_rate",
    "expected_cycle_service",
    "policy",
    "reason",
)
LONGEST_REASON = 200


@dataclass(frozen=True, eq=False)
class Planned:
    """The rows of a plan on their way: `frame` has one per product-location, in the order of the facts.

    `place` is a planned row's position in `draft.levels`, null where a row was not planned.
    """

    frame: pl.DataFrame
    draft: Draft
    facts: Facts

    def changed(self, term: str, quantity: Array, code: str) -> Self:
        """The same with `quantity` (one per row of the frame) ordered, by `term`, which has to be 0 so far.

        `code` is added to the reason of the rows that changed. Rows that are not planned stay as they are.
        """
        before = self.frame["order_quantity"].to_numpy()
        is_planned = self.frame["place"].is_not_null().to_numpy()
        after = np.where(is_planned, grained(quantity), before)
        moved = after - before
        return replace(
            self,
            frame=self.frame.with_columns(
                pl.Series(term, moved + 0.0).set(pl.Series(~is_planned), None),
                order_quantity=pl.Series(after + 0.0),
                reason=noted(pl.Series(moved != 0), code),
            ).with_columns(
                # What was taken back is no order; what is ordered all the same doesn't wait.
                reason=pl.when(pl.Series((moved < 0) & (after == 0)))
                .then(pl.col("reason").str.replace("^order; ", ""))
                .when(pl.Series((moved > 0) & (before == 0)))
                .then(pl.col("reason").str.replace("^not_due; ", "order; "))
                .otherwise("reason")
            ),
        )

    def noted(self, rows: Array, code: str) -> Self:
        """The same with a code in the reason of some rows (positions), once."""
        mask = np.zeros(self.frame.height, dtype=bool)
        mask[rows] = True
        new = pl.Series(mask) & ~self.frame["reason"].str.contains(rf"(^|; ){code}(;|$)").fill_null(False)
        return replace(self, frame=self.frame.with_columns(reason=noted(new, code)))

    @property
    def position(self) -> Array:
        """Stock position of planned rows in the order of `place`, with what transfers of the plan bring."""
        rows = self.frame.filter(pl.col("place").is_not_null()).sort("place")
        return np.asarray(self.draft.good.position + rows["moved_in"].to_numpy())

    @property
    def demand(self) -> Spread:
        """Demand over the protection interval, of planned rows in the order of `place`."""
        return self.draft.levels.demand


def noted(rows: pl.Series | pl.Expr, code: str) -> pl.Expr:
    """The reason with a code more where `rows` is true."""
    more = pl.concat_str("reason", pl.lit(f"; {code}")).str.slice(0, LONGEST_REASON)
    return pl.when(rows).then(more).otherwise("reason")


def core_plan(frame: pl.DataFrame, facts: Facts) -> Planned:
    """The core's plan of each row by itself; the terms of later stages are 0."""
    asked = frame.filter(pl.col("why").is_null())
    draft = drafted(items_of(asked), facts.demand, grid_days=1.0)
    place = np.full(asked.height, -1)
    place[draft.rows] = np.arange(len(draft.rows))
    result = draft.decided().to_frame().select("unique_id", *_CORE, place=pl.Series(place))
    rows = frame.join(result, on="unique_id", how="left", maintain_order="left")
    is_planned = pl.col("place") >= 0
    return Planned(
        rows.with_columns(
            pl.when(is_planned).then("place").alias("place"),
            *(pl.when(is_planned).then(0.0).alias(term) for term in TERMS[6:]),
            order_quantity=pl.col("order_quantity").fill_null(0.0),
            # What the core alone orders, whatever the later stages make of it.
            core_quantity=pl.col("order_quantity"),
            moved_in=pl.lit(0.0),
            policy=pl.col("policy").fill_null("none"),
            reason=pl.coalesce("why", "reason").str.slice(0, LONGEST_REASON),
        ),
        draft,
        facts,
    )
