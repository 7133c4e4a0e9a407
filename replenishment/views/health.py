"""The health of the data in words: what is missing, and what it means for a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog import selectors as catalog
from catalog.models import DataHealth

# From this share on it is no longer a matter of a few.
_BAD = 0.2
# What is counted; what it is called; what it means; the kind of file that mends it.
_LACKS: tuple[tuple[str, str | Promise, str | Promise, str], ...] = (
    (
        "no_stock",
        _("Without a stock figure"),
        _("They can't be planned: nobody knows what is there."),
        "stock",
    ),
    (
        "old_stock",
        _("Stock figure older than a week"),
        _("Their orders are worked out from what lay there then."),
        "stock",
    ),
    (
        "no_terms",
        _("Without supply terms"),
        _("They can't be ordered: no supplier, cost or lead time is known."),
        "supply_terms",
    ),
    ("no_price", _("Without a price"), _("Their margin at risk is guessed from their cost."), "price"),
    (
        "assumed_stock",
        _("Stock assumed"),
        _("Replace it by real stock before you order by it."),
        "stock",
    ),
    (
        "assumed_terms",
        _("Supply terms assumed"),
        _("Costs and lead times are made up until real ones are imported."),
        "supply_terms",
    ),
)
_MADE_UP = {"assumed_stock", "assumed_terms"}


@dataclass(frozen=True)
class HealthLine:
    """Something that product-locations lack: how many, as a share of those that sell, and some of them.

    `tone` is "good", "warn" or "bad"; `kind` the file that mends it.
    """

    key: str
    label: str | Promise
    meaning: str | Promise
    kind: str
    count: int
    share: float
    skus: list[str]
    tone: str


@dataclass(frozen=True)
class HealthLines:
    """What is missing somewhere, and what is missing nowhere. False where nothing was measured."""

    lacking: list[HealthLine]
    sound: list[HealthLine]

    def __bool__(self) -> bool:
        return bool(self.lacking or self.sound)


def health_lines(health: DataHealth | None) -> HealthLines:
    """What the last measurement found; what is merely assumed, only where something is."""
    report: dict[str, Any] = health.report if health else {}
    sold = report.get("sold", 0)
    if not sold:
        return HealthLines([], [])
    lines = []
    for key, label, meaning, kind in _LACKS:
        found = report.get(key, {"count": 0, "skus": []})
        share = found["count"] / sold
        if key in _MADE_UP and not found["count"]:
            continue
        tone = "good" if not found["count"] else "bad" if share >= _BAD and key not in _MADE_UP else "warn"
        lines.append(HealthLine(key, label, meaning, kind, found["count"], share, found["skus"], tone))
    return HealthLines([line for line in lines if line.count], [line for line in lines if not line.count])


# So many days old, data of a location is late.
_LATE_DAYS = 2
_SHOWN = 6


@dataclass(frozen=True)
class FreshLine:
    """A location's freshness and gaps, with the age of its sales and stock in days."""

    row: catalog.Freshness
    sales_age: int | None
    stock_age: int | None
    is_late: bool


@dataclass(frozen=True)
class FreshLines:
    """The stalest locations, and how many more there are that are not shown."""

    lines: list[FreshLine]
    more: int
    late: int


def freshness_lines(health: DataHealth | None, today: date) -> FreshLines:
    """How fresh each location's sales and stock are."""
    lines = []
    for row in catalog.freshness_list(health):
        ages = [(today - day).days if day else None for day in (row.sales, row.stock)]
        late = any(age is None or age > _LATE_DAYS for age in ages)
        lines.append(FreshLine(row, ages[0], ages[1], late))
    return FreshLines(lines[:_SHOWN], max(len(lines) - _SHOWN, 0), sum(line.is_late for line in lines))
