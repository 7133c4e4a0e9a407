"""What other settings would do to a plan's items: today's orders, service, stock and yearly cost.

Costs are those of a replay (``docs/replay.md``), expected in the long run: formulas in ``docs/what-if.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import PERIOD_DAYS, DemandDistribution
from replenishment.core.economics import DAYS_PER_YEAR
from replenishment.core.explain import EXCEPTION
from replenishment.core.items import Items
from replenishment.core.policy import drafted

Array = npt.NDArray[Any]

# Columns of ITEMS that can be changed by a `Shift`, and the least value that each may have.
SHIFTED: dict[str, float] = {
    "lead_time_mean": 0.0,
    "lead_time_sd": 0.0,
    "review_days": 0.0,
    "unit_cost": 1e-6,
    "price": 0.0,
    "holding_rate": 0.0,
    "order_cost": 0.0,
    "moq": 0.0,
}
# Overall fill rates of `service_curve`.
TARGETS = (0.80, 0.88, 0.93, 0.96, 0.98, 0.99, 0.995)
_SHIFT = re.compile(r"(?P<sign>[+-]?)(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?P<percent>%?)")
GRID_DAYS = 1.0  # as the app plans


class ChangeError(ValueError):
    """A change that makes no sense: ``column`` of ITEMS, and for how many of the items."""

    def __init__(self, column: str, count: int) -> None:
        self.column, self.count = column, count
        super().__init__(f"column {column} would make no sense in {count} items")


@dataclass(frozen=True)
class Shift:
    """How a number changes: ``set`` to a value, a value ``add``-ed, or ``scale``-d by a factor."""

    kind: Literal["set", "add", "scale"]
    value: float

    @classmethod
    def of(cls, text: str) -> Self:
        """``14`` sets, ``+3`` and ``-3`` add, ``+10%`` and ``-10%`` scale. ValueError for anything else."""
        found = _SHIFT.fullmatch("".join(text.split()).replace("\N{MINUS SIGN}", "-"))
        if found is None or (found["percent"] and not found["sign"]):
            raise ValueError(f"not a change: {text!r}")
        number = float(found["number"]) * (-1 if found["sign"] == "-" else 1)
        if found["percent"]:
            return cls("scale", 1 + number / 100)
        return cls("add" if found["sign"] else "set", number)

    def applied(self, values: Array) -> Array:
        """The numbers (N,) after the change."""
        if self.kind == "set":
            return np.full(len(values), self.value)
        return values + self.value if self.kind == "add" else values * self.value


@dataclass(frozen=True)
class Changes:
    """What is changed; None and what is not named stay as they are. ``shifts`` has names of `SHIFTED`."""

    target_kind: str | None = None
    target: float | None = None
    shifts: Mapping[str, Shift] = field(default_factory=dict)

    def applied(self, items: Items) -> Items:
        """The items after the change. ChangeError for a value that makes no sense.

        A unit short costs price less unit cost, as these change, but where it was stated to cost otherwise.
        Without any change they are the same object.
        """
        if self == Changes():
            return items
        count = len(items)
        if self.target is not None and not 0 < self.target < 1:
            raise ChangeError("target", count)
        columns: dict[str, Any] = {}
        for name, shift in self.shifts.items():
            columns[name] = shift.applied(getattr(items, name))
            sane = np.isfinite(columns[name]) & (columns[name] >= SHIFTED[name])
            if not sane.all():
                raise ChangeError(name, int(np.sum(~sane)))
        margin = columns.get("price", items.price) - columns.get("unit_cost", items.unit_cost)
        usual = np.isclose(items.stockout_cost, items.price - items.unit_cost)
        columns["stockout_cost"] = np.where(usual, margin, items.stockout_cost)
        if self.target_kind is not None:
            columns["target_kind"] = np.full(count, self.target_kind)
        if self.target is not None:
            columns["target"] = np.full(count, self.target)
        return replace(items, **columns)


@dataclass(frozen=True)
class Total:
    """Sums over items. Units, money and shares: ``fill_rate`` of units, ``cycle_service`` of cycles.

    ``order_quantity``, ``order_value`` and ``order_lines`` are today's orders; costs and ``lost_margin``
    are a year's.
    """

    items: int
    order_lines: int
    order_quantity: float
    order_value: float
    fill_rate: float
    cycle_service: float
    stock: float
    cycle_stock: float
    safety_stock: float
    stock_value: float
    holding_cost: float
    ordering_cost: float
    lost_margin: float
    total_cost: float


SUMS = tuple(
    name
    for name in Total.__dataclass_fields__
    if name not in ("items", "order_lines", "fill_rate", "cycle_service")
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows of `outlook` ``before`` and ``after``, of the same items in the same order.

    ``left_out``: unique_id of items that can't be planned on one of the sides, with the reason.
    """

    before: pl.DataFrame
    after: pl.DataFrame
    left_out: dict[str, str]


def outlook(items: Items, demand: DemandDistribution, *, budget: float | None = None) -> pl.DataFrame:
    """What the items' settings give: one row per item that can be planned.

    Columns: unique_id; order_quantity, order_value today, within ``budget``; fill_rate, cycle_service;
    stock, of it cycle_stock and safety_stock (units, mean at the close of a day), stock_value; holding_cost,
    ordering_cost, lost_margin, total_cost a year; demand and cycles a year.
    """
    draft = drafted(items, demand, grid_days=GRID_DAYS)
    good, levels = draft.good, draft.levels
    decided = draft.decided(budget=budget)
    quantity = decided.order_quantity[draft.rows]
    yearly = _yearly(good, demand)
    value = levels.stock * good.unit_cost
    holding = value * good.holding_rate
    cycles = DAYS_PER_YEAR / levels.order_days
    # As it was stated: some kinds of policies plan as if an order cost nothing.
    ordering = cycles * items.order_cost[draft.rows]
    lost = (1 - levels.fill_rate) * yearly * np.maximum(good.stockout_cost, 0.0)
    return pl.DataFrame(
        {
            "unique_id": pl.Series(good.unique_id, dtype=pl.String),
            "order_quantity": quantity,
            "order_value": quantity * good.unit_cost,
            "fill_rate": levels.fill_rate,
            "cycle_service": levels.cycle_service,
            "stock": levels.stock,
            "cycle_stock": levels.cycle_stock,
            "safety_stock": levels.stock - levels.cycle_stock,
            "stock_value": value,
            "holding_cost": holding,
            "ordering_cost": ordering,
            "lost_margin": lost,
            "total_cost": holding + ordering + lost,
            "demand": yearly,
            "cycles": cycles,
        }
    )


def compared(
    items: Items,
    changed: Items,
    demand: DemandDistribution,
    *,
    changed_demand: DemandDistribution | None = None,
    budget: float | None = None,
    changed_budget: float | None = None,
    before: pl.DataFrame | None = None,
) -> Comparison:
    """The `outlook` of items and of the same with other values; money of all orders within the budgets.

    ``changed_demand`` (None: the same) is what the changed items meet; ``before`` the outlook of the items,
    where it is known already.
    """
    if before is None:
        before = outlook(items, demand, budget=budget)
    then = demand if changed_demand is None else changed_demand
    is_same = changed is items and then is demand and changed_budget == budget
    after = before if is_same else outlook(changed, then, budget=changed_budget)
    both = set(before["unique_id"]) & set(after["unique_id"])
    left_out: dict[str, str] = {}
    if len(both) < len(items):
        odd = np.flatnonzero([name not in both for name in items.unique_id])
        for side in (items.take(odd), changed.take(odd)):
            made = drafted(side, demand, grid_days=GRID_DAYS).decided()
            for name, reason in zip(made.unique_id, made.reason, strict=True):
                if reason.startswith(EXCEPTION):
                    left_out.setdefault(name, reason)
    kept = pl.col("unique_id").is_in(list(both))
    return Comparison(before.filter(kept), after.filter(kept), left_out)


def total(rows: pl.DataFrame) -> Total:
    """Sums over rows of `outlook`: fill rate by yearly demand in units, cycle service by cycles a year."""
    sums = {name: float(rows[name].sum()) for name in SUMS}
    return Total(
        items=rows.height,
        order_lines=int((rows["order_quantity"] > 0).sum()),
        fill_rate=_share(rows["fill_rate"], rows["demand"]),
        cycle_service=_share(rows["cycle_service"], rows["cycles"]),
        **sums,
    )


def service_curve(
    items: Items, demand: DemandDistribution, *, targets: Sequence[float] = TARGETS
) -> pl.DataFrame:
    """What stock and yearly cost an overall fill rate takes: the columns of `Total` for each ``target``.

    Each item's service is chosen so that all together reach the target with the least stock value
    (`overall`). Items whose levels were typed keep them.
    """
    count = len(items)
    rows = []
    for target in targets:
        asked = replace(
            items,
            target_kind=np.full(count, "overall"),
            target=np.full(count, target),
            service_group=np.full(count, ""),
        )
        rows.append({"target": target, **asdict(total(outlook(asked, demand)))})
    return pl.DataFrame(rows)


def _yearly(items: Items, demand: DemandDistribution) -> Array:
    """Units a year (N,), as the mean of the forecast's horizon: the same whatever the lead time is."""
    places = {name: row for row, name in enumerate(demand.unique_id)}
    rows = np.array([places[name] for name in items.unique_id], dtype=np.intp)
    mean = demand.mean[rows].mean(axis=1, dtype=np.float64) if len(rows) else np.empty(0)
    return np.asarray(mean / PERIOD_DAYS[demand.freq] * DAYS_PER_YEAR)


def _share(values: pl.Series, weights: pl.Series) -> float:
    weight = float(weights.sum())
    return float((values * weights).sum()) / weight if weight > 0 else float("nan")
