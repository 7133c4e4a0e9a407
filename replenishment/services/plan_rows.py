"""From facts to suggestions, stage by stage: the core's plan first, then what concerns several rows at once.

Each stage takes the rows and returns them with its own `adj_` column filled and `order_quantity` changed by
as much, in whole grains (`core.constraints.grained`), so that the bridge adds up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.selectors.budgets import budgets_in_force
from replenishment.services.plan_budgets import budgets_kept, in_budget
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
from replenishment.services.plan_network import links_followed, links_noted, supply_passed
from replenishment.services.plan_rules import rules_applied
from replenishment.services.plan_supplier import containers_filled, minimums_reached
from replenishment.services.plan_terms import price_breaks_reached
from replenishment.services.plan_transfers import transfers_first


@dataclass(frozen=True, eq=False)
class PlanRows:
    """What a plan comes to: `rows`, one per product-location, with a suggestion's columns but its run and
    people's part; `items`, what the core planned; `moves`, transfers (`plan_transfers.MOVES`); and `demand`,
    with what kits, predecessors and supplied locations pass on, in the order of the planned series.
    """

    rows: pl.DataFrame
    items: pl.DataFrame
    moves: pl.DataFrame
    demand: DemandDistribution


def rows_plan(
    facts: Facts, on_order: pl.DataFrame, target: Target, before: pl.DataFrame | None = None
) -> PlanRows:
    """The rows of a plan.

    Rules and budgets are those in force on the day of the facts. What could be bought, but has no forecast,
    gets a row that says so. `before` is the plan to stay close to (`plan_calm.suggestions_before`).
    """
    frame = _with_orders(facts.frame, on_order)
    # Whole grains, so that the terms add up on the screen exactly as in the core.
    frame = with_targets(frame, target).with_columns(grains(frame, name) for name in STOCK)
    frame, facts = links_followed(frame, facts)
    frame, facts = supply_passed(rules_applied(frame, as_of=facts.as_of), facts)
    budgets = budgets_in_force(facts.as_of)
    has_budget = in_budget(frame, budgets) | (target.budget is not None)
    frame = frame.with_columns(why=pl.coalesce("why_network", why_not(has_budget=has_budget)))
    planned = links_noted(core_plan(frame, facts))
    items = _items_kept(planned)
    planned = price_breaks_reached(planned)
    planned, moves = transfers_first(planned)
    planned = kept_calm(planned, before, target.calm)
    planned = containers_filled(minimums_reached(planned))
    planned = budgets_kept(planned, budgets, target.budget)
    rows = changes_found(planned, before)
    rows = judged(costed(rows, facts.breaks), facts.demand, facts.as_of)
    rows = pl.concat([rows, _unforecast(facts, on_order)], how="diagonal_relaxed")
    return PlanRows(rows, items, moves, facts.demand)


def _items_kept(planned: Planned) -> pl.DataFrame:
    """ITEMS of the planned rows as the plan keeps them: with what the core alone would order of each."""
    rows = planned.frame.filter(pl.col("place").is_not_null())
    return items_frame(rows).with_columns(rows["core_quantity"])


def _with_orders(frame: pl.DataFrame, on_order: pl.DataFrame) -> pl.DataFrame:
    """Rows with what is on order, and what is promised on transfer orders among what is allocated."""
    return frame.join(on_order, on=KEY, how="left", maintain_order="left").with_columns(
        pl.col("on_order").fill_null(0.0), allocated=pl.col("allocated") + pl.col("to_send").fill_null(0.0)
    )


def _unforecast(facts: Facts, on_order: pl.DataFrame) -> pl.DataFrame:
    frame = _with_orders(facts.unforecast.filter(~pl.col("status").is_in(list(NOT_BOUGHT))), on_order)
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
