"""Pictures of what lies ahead: projected stock by day, and purchases by week, by Bokeh.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.embed import json_item
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DataRange1d,
    FactorRange,
    HoverTool,
    NumeralTickFormatter,
)
from bokeh.plotting import figure
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from replenishment.charts.sku import FONT, PALETTES, Palette, hover, mark, plain_figure, window
from replenishment.selectors import DatedPlan, PurchasesAhead

# Pixels that the name of a week needs.
_TICK_WIDTH = 60


def projected_chart(plan: DatedPlan, *, theme: str, width: int = 1000) -> dict[str, Any]:
    """Stock by day with its 80% band under today's and later orders, and the middle of it without any.

    Marked are arrivals of open orders (full) and of those to come (hollow). `width` is in pixels.
    """
    colors = PALETTES[theme]
    plot = plain_figure(colors, height=300, width=width)
    days = np.array(plan.days, dtype="datetime64[D]")
    low, _middle, high = plan.with_orders.T
    plot.varea(x=days, y1=low, y2=high, fill_color=colors.bands[1])
    source = ColumnDataSource(
        {
            "x": days,
            "expected": plan.expected,
            "low": low,
            "high": high,
            "without": plan.without[:, 1],
            "chance": plan.out_by,
        }
    )
    plot.line("x", "without", source=source, color=colors.bad, line_width=1.5, line_dash=[5, 4])
    line = plot.line("x", "expected", source=source, color=colors.accent, line_width=2)
    _arrivals(plot, colors, plan)
    mark(plot, colors, plan.arrives, _("An order would be in"), height=230)
    rows = [
        (pgettext("day", "At the close of"), "@x{%F}"),
        (_("Projected stock"), "@expected{0,0.0}"),
        ("80%", "@low{0,0.0} – @high{0,0.0}"),
        (_("Without ordering"), "@without{0,0.0}"),
        (_("Out of stock by then"), "@chance{0%}"),
    ]
    hover(plot, line, rows)
    window(plot, plan.days[0], plan.days[-1])
    return dict(json_item(plot))


def _arrivals(plot: figure, colors: Palette, plan: DatedPlan) -> None:
    """Where stock comes in: on the expected path, at the close of the day."""
    first = plan.days[0]
    for rows, fill, what in (
        ([(row.day, row.quantity) for row in plan.arrivals], colors.accent, _("On order")),
        ([(row.arrives, row.quantity) for row in plan.orders], None, _("To be ordered")),
    ):
        inside = [(day, units) for day, units in rows if day <= plan.days[-1]]
        source = ColumnDataSource(
            {
                "x": np.array([day for day, _units in inside], dtype="datetime64[D]"),
                "y": [plan.expected[(day - first).days] for day, _units in inside],
                "units": [units for _day, units in inside],
            }
        )
        points = plot.scatter(
            "x", "y", source=source, size=8, line_color=colors.accent, fill_color=fill, line_width=1.5
        )
        tips = [(what, "@units{0,0.#}"), (_("Comes in"), "@x{%F}")]
        plot.add_tools(
            HoverTool(tooltips=tips, formatters={"@x": "datetime"}, mode="mouse", renderers=[points])
        )


def purchases_chart(
    purchases: PurchasesAhead, *, currency: str, theme: str, width: int = 1000
) -> dict[str, Any]:
    """Value coming in by week: what is on order, and on it what will be ordered; `width` is in pixels."""
    colors = PALETTES[theme]
    weeks = [f"{week:%m-%d}" for week in purchases.weeks]
    every = max(1, -(-len(weeks) * _TICK_WIDTH // max(width, 1)))
    shown: dict[Any, Any] = {week: week if number % every == 0 else "" for number, week in enumerate(weeks)}
    source = ColumnDataSource(
        {
            "week": weeks,
            "monday": [week.isoformat() for week in purchases.weeks],
            "open": purchases.open,
            "arriving": purchases.arriving,
            "ordered": purchases.ordered,
        }
    )
    plot = figure(
        x_range=FactorRange(factors=weeks),
        y_range=DataRange1d(start=0, range_padding=0.08),
        height=240,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
    )
    bars = plot.vbar_stack(
        ["open", "arriving"],
        x="week",
        width=0.7,
        source=source,
        fill_color=[colors.history, colors.accent],
        line_color=None,
        # The parts differ by more than colour.
        hatch_pattern=["/", " "],
        hatch_color=colors.text,
        hatch_alpha=0.35,
    )
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = colors.line
    plot.xaxis.major_label_overrides = shown
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    plot.yaxis.formatter = NumeralTickFormatter(format="0a")
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
    tips = [
        (_("Week of"), "@monday"),
        (_("On order, coming in"), f"@open{{0,0}} {currency}"),
        (_("To be ordered, coming in"), f"@arriving{{0,0}} {currency}"),
        (_("To be ordered in this week"), f"@ordered{{0,0}} {currency}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips, renderers=list(bars)))
    return dict(json_item(plot))
