"""What came out of a replay: totals of each policy, and the rows of all items as one Parquet table."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from django.utils.translation import gettext as _

from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.items import problems
from replenishment.core.replay import Replay
from replenishment.models import ReplayPolicy, ReplayRun
from replenishment.services.errors import ReplayError
from replenishment.services.replay_facts import ReplayFacts

_KEPT = (
    "policy",
    "product_id",
    "location_id",
    "demand",
    "served",
    "average_stock_value",
    "orders",
    "holding_cost",
    "order_cost",
    "lost_margin",
    "total_cost",
)
_SUMS = (
    "demand",
    "served",
    "average_stock_value",
    "orders",
    "ordered",
    "holding_cost",
    "order_cost",
    "lost_margin",
    "total_cost",
)


@dataclass(frozen=True, eq=False)
class Results:
    """Rows of `ReplayPolicy`, not saved; the Parquet table; how many items; the others by reason."""

    policies: list[ReplayPolicy]
    table: bytes
    items: int
    skipped: dict[str, int]


def results_make(*, run: ReplayRun, facts: ReplayFacts, replay: Replay, policies: list[str]) -> Results:
    """Totals over the items that every policy could be replayed for: so they can be compared.

    Raises ReplayError where there is none.
    """
    rows = replay.to_frame().join(
        facts.frame.select("unique_id", "product_id", "location_id").with_columns(
            unit_cost=pl.Series(facts.items.unit_cost)
        ),
        on="unique_id",
        how="left",
        maintain_order="left",
    )
    # No item has a row in part: where it has no demand, it has no numbers at all.
    lacking = rows.filter(pl.col("demand").is_null())["unique_id"].unique()
    rows = rows.filter(~pl.col("unique_id").is_in(lacking.implode()))
    if rows.is_empty():
        raise ReplayError(_("No product-location could be replayed: see that they have terms and forecasts."))
    years = facts.history.periods * facts.history.period_days / DAYS_PER_YEAR
    table = io.BytesIO()
    rows.select(_KEPT).with_columns(pl.col(pl.Float64).cast(pl.Float32)).write_parquet(
        table, compression="zstd"
    )
    return Results(
        policies=[
            _totals(run, place, name, rows.filter(pl.col("policy") == name), years)
            for place, name in enumerate(policies)
        ],
        table=table.getvalue(),
        items=rows["unique_id"].n_unique(),
        skipped=_skipped(facts, set(lacking.to_list())),
    )


def _totals(run: ReplayRun, place: int, name: str, rows: pl.DataFrame, years: float) -> ReplayPolicy:
    sums: dict[str, float] = {column: float(rows[column].sum()) for column in _SUMS}
    cycles = float(rows["cycles"].sum())
    clean = float((rows["cycles"] * rows["cycle_service"]).sum())
    cost = float((rows["served"] * rows["unit_cost"]).sum())
    value = sums["average_stock_value"]
    return ReplayPolicy(
        replay=run,
        place=place,
        policy=name,
        fill_rate=sums["served"] / sums["demand"] if sums["demand"] else None,
        cycle_service=clean / cycles if cycles else None,
        turns=cost / years / value if value else None,
        **sums,
    )


def _skipped(facts: ReplayFacts, lacking: set[str]) -> dict[str, int]:
    """What was left out by reason, most first."""
    reasons = Counter(facts.skipped)
    rest = np.array([name in lacking for name in facts.items.unique_id])
    for mask, reason in problems(facts.items):
        reasons[reason] += int((mask & rest).sum())
        rest &= ~mask
    reasons["no forecast"] += int(rest.sum())
    found: dict[str, Any] = {reason: number for reason, number in reasons.most_common() if number}
    return found
