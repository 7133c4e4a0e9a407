"""Service against stock value, and margin saved against money spent, by Bokeh. Legends are the page's own.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from bokeh.embed import json_item
from bokeh.models import BasicTicker, ColumnDataSource, DataRange1d, HoverTool, NumeralTickFormatter
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure
from django.utils.translation import gettext as _

from replenishment.charts.sku import FONT, PALETTES, Palette
from replenishment.core.what_if import Total
from replenishment.selectors.what_if import ServiceCurve

_HEIGHT = 300
_TICK_WIDTH = 120
_TIPS = ("stock_value", "fill_rate", "cycle_service", "total_cost")


def service_chart(found: ServiceCurve, *, currency: str, theme: str, width: int = 800) -> dict[str, Any]:
    """Fill rate and cycle service over stock value, plan and changes marked; `width` is in pixels."""
    colors = PALETTES[theme]
    plot = _plot(
        colors, width, x=_("Average stock value (%s)") % currency, y=_("Share served"), y_format="0.0%"
    )
    source = ColumnDataSource({name: found.curve[name].to_list() for name in ("target", *_TIPS)})
    plot.line("stock_value", "fill_rate", source=source, color=colors.accent, line_width=2)
    dots = plot.scatter("stock_value", "fill_rate", source=source, color=colors.accent, size=5)
    plot.line(
        "stock_value",
        "cycle_service",
        source=source,
        color=colors.history,
        line_width=1.5,
        line_dash="dashed",
    )
    marks = [
        _mark(plot, found.before, marker="circle", fill=colors.text, edge=colors.text),
        _mark(plot, found.after, marker="diamond", fill=colors.bands[2], edge=colors.text),
    ]
    tips = [
        (_("Average stock value"), "@stock_value{0,0}"),
        (_("Fill rate"), "@fill_rate{0.0%}"),
        (_("Cycle service level"), "@cycle_service{0.0%}"),
        (_("Total cost a year"), "@total_cost{0,0}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips, renderers=[dots, *marks]))
    return dict(json_item(plot))


def spending_chart(
    curve: pl.DataFrame, *, budget: float | None, currency: str, theme: str, width: int = 800
) -> dict[str, Any]:
    """Margin saved over money spent on today's orders, with the budget marked; `width` in pixels."""
    colors = PALETTES[theme]
    plot = _plot(
        colors,
        width,
        x=_("Money spent today (%s)") % currency,
        y=_("Margin saved (%s)") % currency,
        y_format="0,0",
    )
    source = ColumnDataSource({name: curve[name].to_list() for name in ("spent", "saved")})
    plot.varea(x="spent", y1=0, y2="saved", source=source, fill_color=colors.bands[0], fill_alpha=0.6)
    line = plot.line("spent", "saved", source=source, color=colors.accent, line_width=2)
    if budget is not None and budget < curve["spent"][-1]:
        plot.add_layout(Span(location=budget, dimension="height", line_color=colors.bad, line_dash="dashed"))
        plot.add_layout(
            Label(
                x=budget,
                y=0,
                x_offset=6,
                y_offset=6,
                text=_("Budget"),
                text_color=colors.bad,
                text_font=FONT,
                text_font_size="12px",
            )
        )
    tips = [(_("Money spent today"), "@spent{0,0}"), (_("Margin saved"), "@saved{0,0}")]
    plot.add_tools(HoverTool(tooltips=tips, renderers=[line], mode="vline"))
    return dict(json_item(plot))


def _mark(plot: figure, total: Total, *, marker: str, fill: str, edge: str) -> Any:
    source = ColumnDataSource({name: [getattr(total, name)] for name in _TIPS})
    return plot.scatter(
        "stock_value",
        "fill_rate",
        source=source,
        marker=marker,
        size=14 if marker == "diamond" else 10,
        fill_color=fill,
        line_color=edge,
        line_width=1.5,
    )


def _plot(colors: Palette, width: int, *, x: str, y: str, y_format: str) -> figure:
    plot = figure(
        x_range=DataRange1d(range_padding=0.06),
        y_range=DataRange1d(range_padding=0.08),
        height=_HEIGHT,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
        min_border_right=20,
    )
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = colors.line
    plot.xaxis[0].ticker = BasicTicker(desired_num_ticks=max(2, min(width // _TICK_WIDTH, 8)))
    plot.xaxis[0].formatter = NumeralTickFormatter(format="0,0")
    plot.yaxis[0].formatter = NumeralTickFormatter(format=y_format)
    plot.xaxis[0].axis_label, plot.yaxis[0].axis_label = x, y
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.axis_label_text_color = colors.muted
        axis.axis_label_text_font = FONT
        axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
    return plot
