"""A picture of what lies ahead by Bokeh: purchases by week.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from typing import Any

from bokeh.embed import json_item
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.plotting import figure
from django.utils.translation import gettext as _

from replenishment.charts.sku import FONT, PALETTES
from replenishment.selectors import PurchasesAhead

# Pixels that the name of a week needs.
_TICK_WIDTH = 60


def purchases_chart(
    purchases: PurchasesAhead, *, currency: str, theme: str, width: int = 1000
) -> dict[str, Any]:
    """Value coming in by week: what is on order, and on it what will be ordered; `width` is in pixels."""
    colors = PALETTES[theme]
    weeks = list(range(len(purchases.weeks)))
    every = max(1, -(-len(weeks) * _TICK_WIDTH // max(width, 1)))
    named: dict[Any, Any] = {week: f"{purchases.weeks[week]:%m-%d}" for week in weeks[::every]}
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
        x_range=Range1d(start=-0.5, end=len(weeks) - 0.5),
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
    plot.xaxis.ticker = list(named)
    plot.xaxis.major_label_overrides = named
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    plot.yaxis.axis_label = currency
    plot.xaxis.axis_label = _("Week of")
    plot.yaxis.formatter = NumeralTickFormatter(format="0a")
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
        axis.axis_label_text_color = colors.muted
        axis.axis_label_text_font = FONT
        axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
    tips = [
        (_("Week of"), "@monday"),
        (_("On order, coming in"), f"@open{{0,0}} {currency}"),
        (_("To be ordered, coming in"), f"@arriving{{0,0}} {currency}"),
        (_("To be ordered in this week"), f"@ordered{{0,0}} {currency}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips, renderers=list(bars)))
    return dict(json_item(plot))
