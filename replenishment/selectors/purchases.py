"""The purchases that a plan expects, by supplier and week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from catalog.models import Supplier
from replenishment.models import PlanRun


@dataclass(frozen=True)
class SupplierWeeks:
    """One supplier's purchases by week, in the home currency; `name` is empty for the sum of the others."""

    name: str
    weeks: list[float]

    @property
    def total(self) -> float:
        """Over all weeks."""
        return sum(self.weeks)


@dataclass(frozen=True)
class PurchasesAhead:
    """Purchases by calendar week (`weeks`: their Mondays), in the home currency.

    `suppliers` are by the value ordered, the largest first. By week over all suppliers: `ordered` when orders
    are placed, `arriving` when these come in, `open` when what is on order already does.
    """

    weeks: list[date]
    suppliers: list[SupplierWeeks]
    ordered: list[float]
    arriving: list[float]
    open: list[float]

    @property
    def total(self) -> float:
        """What will be ordered in all."""
        return sum(self.ordered)


def purchases_ahead(plan: PlanRun, *, most: int = 20) -> PurchasesAhead | None:
    """From a plan's report, the `most` largest suppliers one by one; None where it holds no purchases."""
    found = plan.report.get("purchases")
    if not found or not found["suppliers"]:
        return None
    rows = sorted(found["suppliers"], key=lambda row: -sum(row["ordered"]))
    names = dict(Supplier.objects.filter(pk__in=[row["id"] for row in rows[:most]]).values_list("pk", "name"))
    suppliers = [
        SupplierWeeks(names.get(row["id"], str(row["id"])), row["ordered"])
        for row in rows[:most]
        if any(row["ordered"])
    ]
    if rest := [row["ordered"] for row in rows[most:] if any(row["ordered"])]:
        suppliers.append(SupplierWeeks("", [sum(column) for column in zip(*rest, strict=True)]))
    first = date.fromisoformat(found["first_day"])

    def summed(name: str) -> list[float]:
        return [sum(column) for column in zip(*(row[name] for row in rows), strict=True)]

    return PurchasesAhead(
        weeks=[first + timedelta(weeks=week) for week in range(found["weeks"])],
        suppliers=suppliers,
        ordered=summed("ordered"),
        arriving=summed("arriving"),
        open=summed("open"),
    )
