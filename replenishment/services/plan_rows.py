"""From facts to suggestions, stage by stage: the core's plan first, then what concerns several rows at once.

Each stage takes the rows and returns them with its own `adj_` column filled and `order_quantity` changed by
as much, in whole grains (`core.constraints.grained`), so that the bridge adds up exactly.
"""

from __future__ import annotations

import polars as pl

from replenishment.selectors.budgets import budgets_in_force
from replenishment.services.plan_budgets import budgets_kept
from replenishment.services.plan_calm import kept_calm
from replenishment.services.plan_changes import changes_found
from replenishment.services.plan_core import Planned, core_plan
from replenishment.services.plan_facts import KEY, Facts
from replenishment.services.plan_items import (
    EXCEPTION,
    NOT_BOUGHT,
    STOCK,
    Target,
    grains,
    items_frame,
    why_not,
    with_targets,
)
from replenishment.services.plan_judged import costed, judged
from replenishment.services.plan_rules import rules_applied


def rows_plan(
    facts: Facts, on_order: pl.DataFrame, target: Target, before: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows, one per product-location: a suggestion's columns without its run and people's part; and ITEMS.

    Rules and budgets are those in force on the day of the facts. What could be bought, but has no forecast,
    gets a row that says so. `before` is the plan to stay close to (`plan_calm.suggestions_before`).
    """
    frame = facts.frame.join(on_order, on=KEY, how="left", maintain_order="left").with_columns(
        pl.col("on_order").fill_null(0.0)
    )
    # Whole grains, so that the terms add up on the screen exactly as in the core.
    frame = with_targets(frame, target).with_columns(grains(frame, name) for name in STOCK)
    frame = rules_applied(frame, as_of=facts.as_of)
    budgets = budgets_in_force(facts.as_of)
    has_budget = bool(budgets) or target.budget is not None
    frame = frame.with_columns(why=why_not(has_budget=has_budget))
    planned = core_plan(frame, facts)
    items = _items_kept(planned)
    planned = kept_calm(planned, before, target.calm)
    planned = budgets_kept(planned, budgets, target.budget)
    rows = changes_found(planned, before)
    rows = judged(costed(rows, facts.breaks), facts.demand, facts.as_of)
    return pl.concat([rows, _unforecast(facts, on_order)], how="diagonal_relaxed"), items


def _items_kept(planned: Planned) -> pl.DataFrame:
    """ITEMS of the planned rows as the plan keeps them: with what the core alone would order of each."""
    rows = planned.frame.filter(pl.col("place").is_not_null())
    return items_frame(rows).with_columns(core_quantity=rows["order_quantity"])


def _unforecast(facts: Facts, on_order: pl.DataFrame) -> pl.DataFrame:
    frame = facts.unforecast.filter(~pl.col("status").is_in(list(NOT_BOUGHT))).join(
        on_order, on=KEY, how="left", maintain_order="left"
    )
    return frame.with_columns(
        *(grains(frame, name) for name in STOCK),
        order_quantity=pl.lit(0.0),
        policy=pl.lit("none"),
        reason=pl.lit(EXCEPTION + "no forecast"),
    )


def exceptions_count(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows can't be planned, by reason, most first."""
    bad = rows.filter(pl.col("reason").str.starts_with(EXCEPTION))
    counts = bad.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    return {reason.removeprefix(EXCEPTION): number for reason, number in counts.iter_rows()}
