"""The shop as a whole on the day of a plan, kept for the start page and its history."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from django.utils import timezone

from catalog import selectors as catalog
from replenishment.core.summary import cells_total, month_rows, months_merged, ratio, stock_cells
from replenishment.models import PlanRun, ShopSummary

MONTHS = 13
# So far back lies the first month of a shop's first summary: twelve whole ones where the day ends a month.
_FIRST_DAYS = 360
_KEYS = ["product_id", "location_id", "month"]


def summary_made(rows: pl.DataFrame, *, as_of: date) -> dict[str, Any]:
    """The columns of a `ShopSummary` from the rows of a plan.

    Months before the last one are taken from the latest summary of an earlier day, where it has them: late
    records of those change them no more, and a plan reads two months of facts instead of thirteen.
    """
    shop = rows.select(
        "product_id",
        "location_id",
        "abc",
        "xyz",
        "on_hand",
        "daily_demand",
        cost="landed_cost",
        fill_rate="expected_fill_rate",
        risk="margin_at_risk",
    )
    cells = stock_cells(shop)
    total = cells_total(cells)
    return {
        "stock_value": total["value"],
        "cover_days": ratio(total["value"], total["demand"]),
        "in_stock": ratio(total["in_stock"], total["counted"]),
        "fill_rate": ratio(total["fill"], total["judged"]),
        "margin_at_risk": total["risk"],
        "report": {"cells": cells, "months": _months(shop, as_of)},
    }


def summary_keep(*, plan: PlanRun, summary: dict[str, Any]) -> None:
    """Store it under the plan's day; call in the transaction that finishes the plan."""
    ShopSummary.objects.update_or_create(
        day=plan.as_of, defaults={**summary, "plan_run": plan, "made_at": timezone.now()}
    )


def _months(shop: pl.DataFrame, as_of: date) -> list[dict[str, Any]]:
    last_month = (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)
    before: list[dict[str, Any]] = []
    earlier = ShopSummary.objects.filter(day__lt=as_of).order_by("-day").first()
    if earlier is not None:
        before = [
            month for month in earlier.report.get("months", []) if month["month"] < f"{last_month:%Y-%m}"
        ]
    is_known = bool(before) and earlier is not None and earlier.day >= last_month
    first = last_month if is_known else (as_of - timedelta(days=_FIRST_DAYS)).replace(day=1)
    stock = catalog.stock_by_month(first=first, last=as_of)
    # Without recorded stock neither rate can be measured: a year of sales is not read for nothing.
    sales = (
        stock.select(*_KEYS, units=pl.lit(0.0))
        if stock.is_empty()
        else catalog.sales_by_month(first=first, last=as_of)
    )
    new = month_rows(stock, sales, shop, first=first, last=as_of)
    return months_merged(before if is_known else [], new, kept=MONTHS)
