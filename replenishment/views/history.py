"""Service, turns and stock over time, as charts of the server."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from forecasting.charts import LineChart, line_chart
from replenishment import selectors
from replenishment.models import ShopSummary

# Of fewer days than these there is no line to draw.
_FEWEST = 2


def history(summary: ShopSummary | None, today: date) -> dict[str, Any]:
    """For the template: `service_chart` and `turns_chart` by month, `stock_chart` and `found_chart` by day of
    a plan.

    None where there is nothing to draw. `based_on` is the least share of demand that a drawn month stands on.
    """
    months = selectors.months_of(summary) if summary else []
    labels = [month.first for month in months]
    drawn = [month.based_on for month in months if month.in_stock is not None and month.based_on is not None]
    days = selectors.snapshots(until=max(today, summary.day) if summary else today)
    has_days = len(days) >= _FEWEST
    return {
        "service_chart": line_chart(
            labels,
            [(_("In-stock rate"), "accent", [month.in_stock for month in months])],
            from_zero=False,
        ),
        "turns_chart": line_chart(
            labels,
            [(_("Stock turns a year"), "accent", [month.turns for month in months])],
            unit="units",
        ),
        "stock_chart": _stock_chart(days) if has_days else None,
        "found_chart": _found_chart(days) if has_days else None,
        "based_on": min(drawn, default=None),
    }


def _stock_chart(days: list[selectors.Snapshot]) -> LineChart | None:
    values = [day.stock_value for day in days]
    return line_chart([day.day for day in days], [(_("Stock value at cost"), "accent", values)], unit="units")


def _found_chart(days: list[selectors.Snapshot]) -> LineChart | None:
    return line_chart(
        [day.day for day in days],
        [
            (_("Demand that finds stock"), "accent", [day.in_stock for day in days]),
            (_("Expected fill rate"), "muted", [day.fill_rate for day in days]),
        ],
        from_zero=False,
    )
