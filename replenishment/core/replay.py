"""Policies over past demand: what each would have ordered, held and lost, knowing only what was known.

Assumptions, policies by name, and the table: ``docs/replay.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import DemandDistribution
from replenishment.core import leadtime
from replenishment.core.classic import CLASSICS, Situation
from replenishment.core.classic.base import DEFAULT_COVER_DAYS
from replenishment.core.deliveries import Deliveries
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.history import History
from replenishment.core.items import Items, problems
from replenishment.core.levels import levels
from replenishment.core.simulate import Course, Run, Schedule, simulate

Array = npt.NDArray[Any]

ENGINE = "engine"
QUANTILE = "quantile"
FORECAST_POLICIES = (ENGINE, QUANTILE)
POLICIES = (ENGINE, *CLASSICS, QUANTILE)
_MOMENT = 1e-4  # days: what varies less is constant


@dataclass(frozen=True, eq=False)
class Replay:
    """One row per policy and item, items in their own order: the columns of REPLAY (``docs/replay.md``).

    Units: ``demand``, ``served``, ``average_stock``, ``ordered``; money: ``average_stock_value``, the costs
    and ``lost_margin``, over the whole replay; shares: ``fill_rate``, ``cycle_service``. NaN in a row whose
    item can't be replayed, and in a share of nothing.

    ``courses`` are what each policy came to in each period, (T, 2): all items that every policy could be
    replayed for, and those among them that were ``marked``.
    """

    policy: list[str]
    unique_id: list[str]
    demand: Array
    served: Array
    fill_rate: Array
    cycles: Array
    cycle_service: Array
    average_stock: Array
    average_stock_value: Array
    orders: Array
    ordered: Array
    holding_cost: Array
    order_cost: Array
    lost_margin: Array
    total_cost: Array
    courses: dict[str, Course] = field(default_factory=dict)

    def to_frame(self) -> pl.DataFrame:
        """The columns of REPLAY, null where a number is NaN."""
        columns = [pl.Series(name, getattr(self, name)) for name in COLUMNS]
        frame = pl.DataFrame(columns, schema_overrides={"policy": pl.String, "unique_id": pl.String})
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None)).with_columns(
            pl.col("cycles", "orders").cast(pl.Int64)
        )


COLUMNS = tuple(f.name for f in fields(Replay) if f.name != "courses")


def replay(
    items: Items,
    history: History,
    demands: Iterable[DemandDistribution],
    *,
    policies: Sequence[str] = (ENGINE,),
    seed: int = 0,
    cover_days: float = DEFAULT_COVER_DAYS,
    deliveries: Deliveries | None = None,
    coming: Array | None = None,
    marked: Array | None = None,
) -> Replay:
    """Run each of ``policies`` (of `POLICIES`) over the replayed periods of the history.

    ``demands`` are the distributions in order of their as-of dates, the first as of the first replayed period
    or before; they are gone through once, and only where a policy reads them. An item whose terms make no
    sense, or of which the history has no series, is a row of NaN. Lead times are drawn by ``seed`` and the
    item's name: the same for all policies; ``deliveries`` of these items (T, N) say what is not to be drawn,
    and which orders come in parts. ``coming`` (T, N) is what is on order at the start, in units by the period
    in which it comes. ``marked`` (N,) are items whose course is told apart. Raises ValueError for a policy
    that there is not, or where there is no distribution in time.
    """
    for name in policies:
        if name not in POLICIES:
            raise ValueError(f"no policy {name!r}; there are {', '.join(POLICIES)}")
    rows, good, own = replayable(items, history)
    forecast = [name for name in FORECAST_POLICIES if name in policies]
    schedules = forecast_schedules(good, own, demands, forecast) if forecast else {}
    situation = Situation(good, own, cover_days=cover_days, seed=seed)
    lead, parts = lead_times(good, own, seed=seed), None
    if deliveries is not None:
        given = deliveries.take(rows)
        lead, parts = given.lead_times(lead), given.parts
    arriving = None if coming is None else coming[:, rows]
    everywhere = np.ones(len(good), dtype=bool)
    for schedule in schedules.values():
        everywhere &= ~_never(schedule)
    chosen = np.zeros(len(good), dtype=bool) if marked is None else marked[rows]
    groups = np.column_stack([everywhere, everywhere & chosen])
    tables, courses, served = [], {}, own.replayed
    for name in policies:
        schedule = schedules[name] if name in schedules else CLASSICS[name](situation)
        run = simulate(
            good,
            served,
            schedule,
            lead,
            period_days=own.period_days,
            parts=parts,
            coming=arriving,
            groups=groups,
        )
        if run.course is not None:
            courses[name] = run.course
        tables.append(_table(name, items, rows, good, run, own.periods * own.period_days, schedule))
    columns: dict[str, Any] = {
        column: (
            [word for table in tables for word in table[column]]
            if column in ("policy", "unique_id")
            else np.concatenate([table[column] for table in tables] or [np.empty(0)])
        )
        for column in COLUMNS
    }
    return Replay(**columns, courses=courses)


def replayable(items: Items, history: History) -> tuple[Array, Items, History]:
    """Positions of the items that can be replayed, these items, and their history in the same order."""
    series = {name: row for row, name in enumerate(history.unique_id)}
    places = np.array([series.get(name, -1) for name in items.unique_id], dtype=np.int64)
    bad = places < 0
    for mask, _ in problems(items):
        bad = bad | mask
    rows = np.flatnonzero(~bad)
    return rows, items.take(rows), history.take(places[rows])


def lead_times(items: Items, history: History, *, seed: int = 0) -> Array:
    """Lead times in periods (T, N) of orders placed at the close of each replayed period."""
    return leadtime.drawn(
        items.unique_id,
        items.lead_time_mean,
        np.where(items.lead_time_sd < _MOMENT, 0.0, items.lead_time_sd),
        history.period_days,
        history.periods,
        seed=seed,
    )


def forecast_schedules(
    items: Items, history: History, demands: Iterable[DemandDistribution], names: Sequence[str]
) -> dict[str, Schedule]:
    """Levels of the policies that read demand distributions, in force from each one's as-of date on.

    Raises ValueError where none is in force at the close of the first replayed period.
    """
    setters = {ENGINE: engine_levels, QUANTILE: quantile_levels}
    since: list[int] = []
    found: dict[str, list[tuple[Array, ...]]] = {name: [] for name in names}
    for demand in demands:
        begin = history.since(demand.as_of)
        if begin >= history.periods:
            break
        since.append(begin)
        for name in names:
            found[name].append(setters[name](items, history, demand))
    if not since or since[0] > 0:
        first = history.labels[history.begin]
        raise ValueError(f"no demand distribution as of {first} or before")
    return {
        name: Schedule(np.array(since), *(np.array(part) for part in zip(*found[name], strict=True)))
        for name in names
    }


def engine_levels(items: Items, history: History, demand: DemandDistribution) -> tuple[Array, ...]:
    """The levels of `plan` (N,) with the service that they promise; NaN where it plans no order."""
    series = {name: row for row, name in enumerate(demand.unique_id)}
    places = np.array([series.get(name, -1) for name in items.unique_id], dtype=np.int64)
    rows = np.flatnonzero(places >= 0)
    columns = [np.full(len(items), np.nan) for _ in range(5)]
    if len(rows):
        made = levels(items.take(rows), demand, places[rows])
        made, rows = made.take(np.flatnonzero(~made.unsellable)), rows[~made.unsellable]
        numbers = (made.reorder_point, made.order_up_to, made.shelf_limit, made.fill_rate, made.cycle_service)
        for column, values in zip(columns, numbers, strict=True):
            column[rows] = values
    return tuple(columns)


def quantile_levels(items: Items, history: History, demand: DemandDistribution) -> tuple[Array, ...]:
    """The quantile of cumulative demand over the protection interval at the target, read plainly (N,).

    Between the given quantiles, and beyond them, straight lines in the normal score.
    """
    from scipy.special import ndtri

    series = {name: row for row, name in enumerate(demand.unique_id)}
    places = np.array([series.get(name, -1) for name in items.unique_id], dtype=np.int64)
    situation = Situation(items, history)
    mean, quantiles, _ = demand.interval(situation.span, np.maximum(places, 0))
    score = ndtri(np.array(demand.levels))
    right = np.clip(np.searchsorted(score, situation.z), 1, len(score) - 1)
    rows = np.arange(len(items))
    low, high = quantiles[rows, right - 1], quantiles[rows, right]
    share = (situation.z - score[right - 1]) / (score[right] - score[right - 1])
    point = np.where(places < 0, np.nan, low + share * (high - low))
    rate = np.where(places < 0, np.nan, mean / situation.span)
    made = situation.scheduled(np.zeros(1), point[None], rate[None])
    return made.reorder_point[0], made.order_up_to[0], made.shelf_limit[0]


def _table(
    name: str, items: Items, rows: Array, good: Items, run: Run, days: float, schedule: Schedule
) -> dict[str, Any]:
    """The rows of one policy."""
    short = run.demand - run.served
    value = run.stock * good.unit_cost
    holding = value * good.holding_rate * days / DAYS_PER_YEAR + run.expired * good.unit_cost
    ordering, lost = run.orders * good.order_cost, short * good.stockout_cost
    numbers = {
        "demand": run.demand,
        "served": run.served,
        "fill_rate": _share(run.served, run.demand),
        "cycles": run.cycles,
        "cycle_service": _share(run.clean, run.cycles),
        "average_stock": run.stock,
        "average_stock_value": value,
        "orders": run.orders,
        "ordered": run.ordered,
        "holding_cost": holding,
        "order_cost": ordering,
        "lost_margin": lost,
        "total_cost": holding + ordering + lost,
    }
    # No forecast at any time: the item can't be planned. A classic policy without history orders nothing yet.
    never = _never(schedule) & (name in FORECAST_POLICIES)
    columns: dict[str, Any] = {"policy": [name] * len(items), "unique_id": list(items.unique_id)}
    for column, values in numbers.items():
        columns[column] = np.full(len(items), np.nan)
        columns[column][rows] = np.where(never, np.nan, values)
    return columns


def _never(schedule: Schedule) -> Array:
    """Items (N,) of which nothing is known at any time."""
    return np.asarray(np.isnan(schedule.reorder_point).all(axis=0))


def _share(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
