"""The shop as a whole, as its plans kept it: the ABC-XYZ matrix, and service and turns over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from replenishment.core.summary import CLASSES, PREDICTABILITY, cells_total, ratio
from replenishment.models import PlanRun, ShopSummary

_HISTORY_DAYS = 366


@dataclass(frozen=True)
class Cell:
    """Stock of a class: value at cost in the home currency, `share` of all stock's value.

    `cover` is in days: value / cost of a day's demand; None without demand. `turns` a year likewise.
    """

    abc: str
    xyz: str
    skus: int
    rows: int
    value: float
    share: float | None
    cover: float | None
    turns: float | None

    @property
    def days(self) -> int:
        """The cover in whole days, 0 where there is none."""
        return round(self.cover or 0.0)


@dataclass(frozen=True)
class StockMatrix:
    """`rows` are A to C, each with its cells X to Z (None: no product-location); `others_value` and
    `others_rows` are of the product-locations without a class. `no_stock` and `no_cost` count
    product-locations whose stock or cost is not known: they are in no value.
    """

    rows: list[tuple[str, list[Cell | None]]]
    others_value: float
    others_rows: int
    total: Cell
    no_stock: int
    no_cost: int


@dataclass(frozen=True)
class Month:
    """A month's in-stock rate and turns, as measured from recorded stock; None where there was none."""

    first: date
    in_stock: float | None
    turns: float | None
    based_on: float | None


@dataclass(frozen=True)
class Snapshot:
    """What a plan's day came to."""

    day: date
    stock_value: float | None
    in_stock: float | None
    fill_rate: float | None


def summary_of(plan: PlanRun | None) -> ShopSummary | None:
    """The summary that a plan wrote; None where a later plan of its day, or none, has one."""
    return ShopSummary.objects.filter(plan_run=plan).first() if plan is not None else None


def stock_matrix(summary: ShopSummary) -> StockMatrix:
    """The matrix of a summary."""
    cells = summary.report.get("cells", [])
    total = cells_total(cells)
    by_class = {(cell["abc"], cell["xyz"]): _cell(cell, total["value"]) for cell in cells}
    others = [cell for (a, x), cell in by_class.items() if a not in CLASSES or x not in PREDICTABILITY]
    return StockMatrix(
        rows=[(a, [by_class.get((a, x)) for x in PREDICTABILITY]) for a in CLASSES],
        others_value=sum(cell.value for cell in others),
        others_rows=sum(cell.rows for cell in others),
        total=_cell({"abc": "", "xyz": "", "skus": 0, **total}, total["value"]),
        no_stock=total["no_stock"],
        no_cost=total["no_cost"],
    )


def _cell(cell: dict[str, Any], all_value: float) -> Cell:
    cover = ratio(cell["value"], cell["demand"])
    return Cell(
        abc=cell["abc"],
        xyz=cell["xyz"],
        skus=cell["skus"],
        rows=cell["rows"],
        value=cell["value"],
        share=ratio(cell["value"], all_value),
        cover=cover,
        turns=ratio(365.0, cover),
    )


def months_of(summary: ShopSummary) -> list[Month]:
    """The last months up to a summary's day, oldest first."""
    return [
        Month(
            first=date.fromisoformat(f"{month['month']}-01"),
            in_stock=month["in_stock"],
            turns=month["turns"],
            based_on=month["based_on"],
        )
        for month in summary.report.get("months", [])
    ]


def snapshots(*, until: date) -> list[Snapshot]:
    """The summaries of a year, oldest first, without their reports."""
    rows = ShopSummary.objects.filter(day__gt=until - timedelta(days=_HISTORY_DAYS), day__lte=until)
    found = rows.order_by("day").values_list("day", "stock_value", "in_stock", "fill_rate")
    return [Snapshot(*row) for row in found]
