"""What came out of a replay: totals of each policy and of what was really done, and as Parquet tables the
rows of all items and the course of each policy.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from django.utils.translation import gettext as _

from replenishment.core.actual import ACTUAL, actual, actual_course
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.items import problems
from replenishment.core.replay import Replay
from replenishment.core.simulate import Course
from replenishment.models import ReplayPolicy, ReplayRun
from replenishment.services.errors import ReplayError
from replenishment.services.replay_facts import ReplayFacts

Array = npt.NDArray[Any]

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
    """Rows of `ReplayPolicy`, not saved; the Parquet tables; how many items; how many of them are compared
    with what was done, and for how many of these orders are inferred; the others by reason.
    """

    policies: list[ReplayPolicy]
    items_table: bytes
    course_table: bytes
    items: int
    compared: int
    inferred: int
    skipped: dict[str, int]


def results_make(*, run: ReplayRun, facts: ReplayFacts, replay: Replay, policies: Sequence[str]) -> Results:
    """Totals over the items that every policy could be replayed for, so they can be compared; and with what
    was really done over those of them of which it is known.

    Raises ReplayError where there is none.
    """
    names = facts.frame.select("unique_id", "product_id", "location_id").with_columns(
        unit_cost=pl.Series(facts.items.unit_cost), known=pl.Series(facts.records.known)
    )
    rows = replay.to_frame().join(names, on="unique_id", how="left", maintain_order="left")
    # No item has a row in part: where it has no demand, it has no numbers at all.
    lacking = rows.filter(pl.col("demand").is_null())["unique_id"].unique()
    rows = rows.filter(~pl.col("unique_id").is_in(lacking.implode()))
    if rows.is_empty():
        raise ReplayError(_("No product-location could be replayed: see that they have terms and forecasts."))
    known = ~facts.frame["unique_id"].is_in(lacking.implode()).to_numpy() & facts.records.known
    years = facts.history.periods * facts.history.period_days / DAYS_PER_YEAR
    totals = [
        _totals(run, place, name, rows.filter(pl.col("policy") == name), years)
        for place, name in enumerate(policies)
    ]
    courses = {(name, False): _group(course, 0) for name, course in replay.courses.items()}
    if known.any():
        done = _done(facts, names, known)
        rows = pl.concat([rows, done], how="diagonal_relaxed")
        totals += [
            _totals(run, place, name, rows.filter(pl.col("known"), pl.col("policy") == name), years, True)
            for place, name in enumerate([*policies, ACTUAL])
        ]
        courses |= {(name, True): _group(course, 1) for name, course in replay.courses.items()}
        courses[ACTUAL, True] = actual_course(
            facts.items, facts.records, _demand(facts), known[:, None].astype(np.float64)
        )
    return Results(
        policies=totals,
        items_table=_parquet(rows.select(_KEPT)),
        course_table=_parquet(_course_frame(courses, facts.history.labels[facts.history.begin :])),
        items=rows["unique_id"].n_unique(),
        compared=int(known.sum()),
        inferred=int((known & facts.records.inferred).sum()),
        skipped=_skipped(facts, set(lacking.to_list())),
    )


def _demand(facts: ReplayFacts) -> Array:
    """What was asked for (T, N), in the order of the items."""
    return facts.history.replayed[:, facts.frame["row"].to_numpy()]


def _done(facts: ReplayFacts, names: pl.DataFrame, known: Array) -> pl.DataFrame:
    """The rows of what was really done, of the items of which it is known."""
    columns = actual(facts.items, facts.records, _demand(facts), period_days=facts.history.period_days)
    return (
        names.with_columns(
            policy=pl.lit(ACTUAL), **{name: pl.Series(values) for name, values in columns.items()}
        )
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .filter(pl.Series(known))
    )


def _group(course: Course, group: int) -> Course:
    return Course(course.stock_value[:, group], course.demand[:, group], course.served[:, group])


def _course_frame(courses: dict[tuple[str, bool], Course], labels: Array) -> pl.DataFrame:
    """A row per policy and period: policy, compared, day (the period's last), stock_value, demand, served."""
    return pl.concat(
        pl.DataFrame(
            {
                "policy": [name] * len(labels),
                "compared": [compared] * len(labels),
                "day": pl.Series(labels).cast(pl.Date),
                "stock_value": course.stock_value.ravel(),
                "demand": course.demand.ravel(),
                "served": course.served.ravel(),
            }
        )
        for (name, compared), course in courses.items()
    )


def _parquet(frame: pl.DataFrame) -> bytes:
    table = io.BytesIO()
    frame.with_columns(pl.col(pl.Float64).cast(pl.Float32)).write_parquet(table, compression="zstd")
    return table.getvalue()


def _totals(
    run: ReplayRun, place: int, name: str, rows: pl.DataFrame, years: float, compared: bool = False
) -> ReplayPolicy:
    sums: dict[str, float] = {column: float(rows[column].sum()) for column in _SUMS}
    cycles = float(rows["cycles"].sum())
    clean = float((rows["cycles"] * rows["cycle_service"]).sum())
    cost = float((rows["served"] * rows["unit_cost"]).sum())
    value = sums["average_stock_value"]
    return ReplayPolicy(
        replay=run,
        place=place,
        policy=name,
        compared=compared,
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
