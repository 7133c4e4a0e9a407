"""Charts of the SKU page by Bokeh, as JSON that BokehJS draws.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, DataRange1d, DatetimeTickFormatter, HoverTool, Range1d
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from forecasting.core.distribution import DemandDistribution


@dataclass(frozen=True)
class Palette:
    """Colours of one theme; the stylesheet's, so that the charts belong to the page."""

    text: str
    muted: str
    line: str
    history: str
    accent: str
    bands: tuple[str, str, str]
    bad: str
    warn: str


PALETTES = {
    "light": Palette(
        text="#161b17", muted="#566059", line="#e4e8e3", history="#7f8a82", accent="#1f6b43",
        bands=("#d9ebe0", "#b4d8c3", "#86bf9f"), bad="#b3261e", warn="#c98a1b",
    ),
    "dark": Palette(
        text="#e7ebe8", muted="#a3ada6", line="#272d29", history="#8b958e", accent="#63c48f",
        bands=("#1b3a29", "#245539", "#2f744c"), bad="#f28b82", warn="#d7a548",
    ),
}  # fmt: skip
# Central intervals by their outer quantiles, the widest first: 98, 80 and 50 percent.
BANDS = ((0.01, 0.99), (0.10, 0.90), (0.25, 0.75))


def forecast_chart(
    history: pl.DataFrame, demand: DemandDistribution, *, theme: str, shown_days: int = 365
) -> dict[str, Any]:
    """History and the forecast of each period with its 50, 80 and 98% intervals.

    `history` is a demand panel of one series at the forecast's own frequency (`ds`, `y`, `in_stock`), and
    `demand` holds that series alone. Periods that were out of stock are marked: their sales are too low.
    """
    colors = PALETTES[theme]
    plot = _figure(colors, height=320)
    past, y = history["ds"].to_numpy(), history["y"].to_numpy()
    for (low, high), color in zip(BANDS, colors.bands, strict=True):
        plot.varea(
            x=demand.ds, y1=demand.quantiles[0, :, demand.level_index(low)],
            y2=demand.quantiles[0, :, demand.level_index(high)], fill_color=color,
            legend_label=_interval(low, high),
        )  # fmt: skip
    sold = plot.line(
        "x", "y", source=_source({"x": past, "y": y}), color=colors.history, line_width=1.5,
        legend_label=_("Units sold"),
    )  # fmt: skip
    gone = ~history["in_stock"].fill_null(value=True).to_numpy()
    if gone.any():
        plot.scatter(past[gone], y[gone], size=6, color=colors.bad, legend_label=_("Out of stock"))
    outlook = _source(
        {
            "x": demand.ds,
            "mean": demand.mean[0],
            "low": demand.quantiles[0, :, demand.level_index(0.1)],
            "high": demand.quantiles[0, :, demand.level_index(0.9)],
        }
    )
    line = plot.line(
        "x", "mean", source=outlook, color=colors.accent, line_width=2, legend_label=_("Forecast")
    )
    _hover(plot, [(_("To"), "@x{%F}"), (_("Units sold"), "@y{0,0.#}")], dates=("@x",), renderers=[sold])
    _hover(
        plot,
        [(_("To"), "@x{%F}"), (_("Forecast"), "@mean{0,0.0}"), ("80%", "@low{0,0.0} – @high{0,0.0}")],
        dates=("@x",),
        renderers=[line],
    )
    _mark(plot, colors, demand.as_of, _("Data as of"))
    _window(plot, demand.as_of - timedelta(days=shown_days), demand.ds[-1].astype(date))
    return _item(plot, colors)


def cover_chart(
    demand: DemandDistribution, *, position: float, lead_time: timedelta, review: timedelta, theme: str
) -> dict[str, Any]:
    """Demand summed since the as-of date against the stock position: when it runs out, and how surely."""
    colors = PALETTES[theme]
    plot = _figure(colors, height=220)
    start = np.datetime64(demand.as_of)
    days = np.concatenate([[start], demand.ds])

    def cumulative(level: float) -> Any:
        return np.concatenate([[0.0], demand.cum_quantiles[0, :, demand.level_index(level)]])

    for (low, high), color in zip(BANDS, colors.bands, strict=True):
        plot.varea(
            x=days, y1=cumulative(low), y2=cumulative(high), fill_color=color,
            legend_label=_interval(low, high),
        )  # fmt: skip
    mean = np.concatenate([[0.0], demand.cum_mean[0]])
    source = _source({"x": days, "mean": mean, "low": cumulative(0.1), "high": cumulative(0.9)})
    line = plot.line("x", "mean", source=source, color=colors.accent, line_width=2, legend_label=_("Demand"))
    plot.line(
        [days[0], days[-1]], [position, position], color=colors.text, line_width=1.5, line_dash=[5, 4],
        legend_label=_("Stock position"),
    )  # fmt: skip
    end = demand.as_of + lead_time + review
    _mark(plot, colors, demand.as_of + lead_time, _("An order would be in"))
    _mark(plot, colors, end, _("The next one would be in"))
    _hover(
        plot,
        [(_("By"), "@x{%F}"), (_("Demand"), "@mean{0,0.0}"), ("80%", "@low{0,0.0} – @high{0,0.0}")],
        dates=("@x",),
        renderers=[line],
    )
    shown = min(demand.ds[-1].astype(date), end + timedelta(days=max(14.0, (end - demand.as_of).days)))
    _window(plot, demand.as_of, shown)
    plot.legend.location = "top_left"
    return _item(plot, colors)


def _interval(low: float, high: float) -> str:
    return _("%d%% interval") % round(100 * (high - low))


def _source(columns: dict[str, Any]) -> Any:
    return ColumnDataSource(columns)


def _figure(colors: Palette, *, height: int) -> figure:
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        y_range=DataRange1d(start=0, range_padding=0.08),
        tools="xpan,xwheel_zoom,reset",
        active_drag="xpan",
        active_scroll=None,
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
    )
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = colors.line
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = "system-ui, sans-serif"
        axis.major_label_text_font_size = "12px"
    if (get_language() or "").startswith("zh"):
        plot.xaxis[0].formatter = DatetimeTickFormatter(days="%m-%d", months="%Y-%m", years="%Y")
    return plot


def _window(plot: figure, start: date, end: date) -> None:
    plot.x_range = Range1d(
        np.datetime64(start, "ms").astype(int).item(), np.datetime64(end, "ms").astype(int).item()
    )


def _mark(plot: figure, colors: Palette, day: date, text: str) -> None:
    at = np.datetime64(day, "ms").astype(int).item()
    plot.add_layout(
        Span(location=at, dimension="height", line_color=colors.muted, line_dash=[2, 3], line_width=1)
    )
    plot.add_layout(
        Label(
            x=at,
            y=4,
            x_units="data",
            y_units="screen",
            x_offset=4,
            text=text,
            text_color=colors.muted,
            text_font_size="11px",
            text_font="system-ui, sans-serif",
        )
    )


def _hover(
    plot: figure,
    rows: Sequence[tuple[str, str]],
    *,
    dates: Sequence[str],
    renderers: Sequence[Any],
) -> None:
    plot.add_tools(
        HoverTool(
            tooltips=list(rows),
            formatters=dict.fromkeys(dates, "datetime"),
            mode="vline",
            renderers=list(renderers),
        )
    )


def _item(plot: figure, colors: Palette) -> dict[str, Any]:
    """The chart as JSON, its legend above it in one row."""
    legend = plot.legend[0]
    legend.orientation = "horizontal"
    legend.location = "top_left"
    legend.background_fill_alpha = 0
    legend.border_line_color = None
    legend.label_text_color = colors.muted
    legend.label_text_font = "system-ui, sans-serif"
    legend.label_text_font_size = "12px"
    legend.update(glyph_width=12, glyph_height=12, label_standoff=5, spacing=14, padding=0, margin=0)
    legend.ncols = "auto"
    plot.add_layout(legend, "above")
    return dict(json_item(plot))
