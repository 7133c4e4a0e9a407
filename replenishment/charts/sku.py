"""Charts of the SKU page by Bokeh, as JSON that BokehJS draws. Their legends are the page's own.

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
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    DatetimeTicker,
    DatetimeTickFormatter,
    HoverTool,
    Range1d,
)
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from forecasting.core.cleaning import Corrections, Reason
from forecasting.core.distribution import DemandDistribution

FONT = "system-ui, sans-serif"
# Pixels that a date on the axis needs.
_TICK_WIDTH = 110


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
    out: str


PALETTES = {
    "light": Palette(
        text="#161b17",
        muted="#566059",
        line="#e4e8e3",
        history="#7f8a82",
        accent="#1f6b43",
        bands=("#d9ebe0", "#b4d8c3", "#86bf9f"),
        bad="#b3261e",
        out="#f6dcd9",
    ),
    "dark": Palette(
        text="#e7ebe8",
        muted="#a3ada6",
        line="#272d29",
        history="#8b958e",
        accent="#63c48f",
        bands=("#1b3a29", "#245539", "#2f744c"),
        bad="#f28b82",
        out="#45231f",
    ),
}
# Central intervals by their outer quantiles, the widest first: 98, 80 and 50 percent.
BANDS = ((0.01, 0.99), (0.10, 0.90), (0.25, 0.75))


def forecast_chart(
    history: pl.DataFrame,
    demand: DemandDistribution,
    *,
    corrections: Corrections,
    theme: str,
    width: int = 1000,
    shown: timedelta = timedelta(days=365),
) -> dict[str, Any]:
    """History and the forecast of each period with its 50, 80 and 98% intervals.

    `history` is a demand panel of one series at the forecast's own frequency (`ds`, `y`, `in_stock`), and
    `demand` holds that series alone. Periods that were out of stock are marked: their sales are too low.
    `corrections` are of the run: stock-outs are shaded with the demand that was estimated for them, and other
    periods that count less are ringed, with the reason.
    `shown` is how much of the history is in view; the rest is a pan away. `width` is in pixels.
    """
    colors = PALETTES[theme]
    plot = plain_figure(colors, height=320, width=width)
    quantiles = demand.quantiles[0]
    for (low, high), color in zip(BANDS, colors.bands, strict=True):
        plot.varea(
            x=demand.ds,
            y1=quantiles[:, demand.level_index(low)],
            y2=quantiles[:, demand.level_index(high)],
            fill_color=color,
        )
    past, y = history["ds"].to_numpy(), history["y"].to_numpy()
    _shade(plot, colors, past, corrections)
    sold = plot.line(
        "x", "y", source=ColumnDataSource({"x": past, "y": y}), color=colors.history, line_width=1.5
    )
    gone = ~history["in_stock"].fill_null(value=True).to_numpy()
    plot.scatter(past[gone], y[gone], size=6, color=colors.bad)
    _corrected(plot, colors, past, y, corrections)
    outlook = ColumnDataSource(
        {
            "x": demand.ds,
            "mean": demand.mean[0],
            "low": quantiles[:, demand.level_index(0.1)],
            "high": quantiles[:, demand.level_index(0.9)],
        }
    )
    line = plot.line("x", "mean", source=outlook, color=colors.accent, line_width=2)
    hover(plot, sold, [(_("To"), "@x{%F}"), (_("Units sold"), "@y{0,0.#}")])
    hover(
        plot,
        line,
        [(_("To"), "@x{%F}"), (_("Forecast"), "@mean{0,0.0}"), ("80%", "@low{0,0.0} – @high{0,0.0}")],
    )
    mark(plot, colors, demand.as_of, _("Data as of"), side="left")
    window(plot, demand.as_of - shown, demand.ds[-1].astype(date))
    return dict(json_item(plot))


def cover_chart(
    demand: DemandDistribution,
    *,
    position: float,
    lead_time: timedelta,
    review: timedelta,
    theme: str,
    width: int = 500,
) -> dict[str, Any]:
    """Demand summed since the as-of date against the stock position: when it runs out, and how surely.

    `demand` holds one series; `position` is in units. Marked is when an order placed now would be in,
    and when the one of the next review would be. `width` is in pixels.
    """
    colors = PALETTES[theme]
    plot = plain_figure(colors, height=320, width=width)
    end = demand.as_of + lead_time + review
    shown = end + max(end - demand.as_of, timedelta(days=14))
    # One period past what is shown, so that lines leave through the frame.
    count = int(np.searchsorted(demand.ds, np.datetime64(shown))) + 1
    days = np.concatenate([[np.datetime64(demand.as_of)], demand.ds[:count]])

    def cumulative(level: float) -> Any:
        return np.concatenate([[0.0], demand.cum_quantiles[0, :count, demand.level_index(level)]])

    for (low, high), color in zip(BANDS, colors.bands, strict=True):
        plot.varea(x=days, y1=cumulative(low), y2=cumulative(high), fill_color=color)
    mean = np.concatenate([[0.0], demand.cum_mean[0, :count]])
    source = ColumnDataSource({"x": days, "mean": mean, "low": cumulative(0.1), "high": cumulative(0.9)})
    line = plot.line("x", "mean", source=source, color=colors.accent, line_width=2)
    ends = [days[0], days[-1]]
    plot.line(ends, [position, position], color=colors.text, line_width=1.5, line_dash=[5, 4])
    mark(plot, colors, demand.as_of + lead_time, _("An order would be in"), height=250)
    mark(plot, colors, end, _("The next one would be in"), height=234)
    hover(
        plot,
        line,
        [
            (pgettext("day", "By"), "@x{%F}"),
            (_("Demand"), "@mean{0,0.0}"),
            ("80%", "@low{0,0.0} – @high{0,0.0}"),
        ],
    )
    window(plot, demand.as_of, min(shown, days[-1].astype(date)))
    return dict(json_item(plot))


def _reasons() -> dict[int, str]:
    """What is said of a corrected period."""
    return {
        Reason.STOCK_OUT: _("out of stock"),
        Reason.LIKELY_STOCK_OUT: _("likely out of stock"),
        Reason.BULK: _("one-off bulk order"),
        Reason.OUTLIER: _("far above the usual"),
        Reason.PROMOTION: _("promotion"),
        Reason.CANCELLATION: _("cancelled later"),
        Reason.RETURN: _("returned later"),
    }


def _shade(plot: figure, colors: Palette, past: Any, corrections: Corrections) -> None:
    """Upright bands over the periods that were, or likely were, out of stock."""
    at = len(past) - 1 - corrections.back
    out = (at >= 1) & np.isin(corrections.reason, [Reason.STOCK_OUT, Reason.LIKELY_STOCK_OUT])
    if not out.any():
        return
    ends = past[at[out]]
    # A label ends its period: half a period back, the band stands around the point of the line.
    half = (ends - past[at[out] - 1]).astype("timedelta64[ms]") / 2
    ends = ends.astype("datetime64[ms]")
    plot.vstrip(x0=ends - half, x1=ends + half, fill_color=colors.out, line_color=None, level="underlay")


def _corrected(plot: figure, colors: Palette, past: Any, y: Any, corrections: Corrections) -> None:
    """The estimated demand of stock-outs, dashed from the last sales to the next; rings around spikes."""
    words = _reasons()
    shown = np.isin(corrections.reason, list(words)) & (corrections.back < len(past))
    at = len(past) - 1 - corrections.back[shown]
    reason, demand = corrections.reason[shown], corrections.demand[shown]
    source = ColumnDataSource(
        {
            "x": past[at],
            "sold": y[at],
            "demand": demand.tolist(),
            "why": [words[int(code)] for code in reason],
        }
    )
    estimated = np.isin(reason, [Reason.STOCK_OUT, Reason.LIKELY_STOCK_OUT])
    if estimated.any():
        whole = np.full(len(past), np.nan)
        whole[at[estimated]] = demand[estimated]
        beside = np.zeros(len(past) + 2, dtype=bool)
        beside[at[estimated]] = beside[at[estimated] + 2] = True
        bridge = beside[1:-1] & np.isnan(whole)
        whole[bridge] = y[bridge]
        plot.line(past, whole, color=colors.text, line_width=1.5, line_dash=[4, 3])
    ring = plot.scatter(
        "x", "demand", source=source, size=7, line_color=colors.text, fill_color=None, line_width=1.5
    )
    tips = [
        (_("To"), "@x{%F}"),
        (_("Demand"), "@demand{0,0.#}"),
        (_("Units sold"), "@sold{0,0.#}"),
        (_("Because"), "@why"),
    ]
    plot.add_tools(HoverTool(tooltips=tips, formatters={"@x": "datetime"}, mode="mouse", renderers=[ring]))


def plain_figure(colors: Palette, *, height: int, width: int) -> figure:
    """An empty figure over time, whose vertical axis begins at 0."""
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
    plot.xaxis[0].ticker = DatetimeTicker(desired_num_ticks=max(2, min(width // _TICK_WIDTH, 12)))
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
    if (get_language() or "").startswith("zh"):
        plot.xaxis[0].formatter = DatetimeTickFormatter(days="%m-%d", months="%Y-%m", years="%Y")
    return plot


def _milliseconds(day: date) -> int:
    return int(np.datetime64(day, "ms").astype(np.int64))


def window(plot: figure, start: date, end: date) -> None:
    """The days that are in view."""
    plot.x_range = Range1d(start=_milliseconds(start), end=_milliseconds(end))


def mark(
    plot: figure, colors: Palette, day: date, text: str, *, height: int = 4, side: str = "right"
) -> None:
    """A dotted upright line with a word beside it, `height` pixels above the axis."""
    at = _milliseconds(day)
    plot.add_layout(
        Span(location=at, dimension="height", line_color=colors.muted, line_dash=[2, 3], line_width=1)
    )
    plot.add_layout(
        Label(
            x=at,
            y=height,
            x_units="data",
            y_units="screen",
            x_offset=4 if side == "right" else -4,
            text=text,
            text_align="left" if side == "right" else "right",
            text_color=colors.muted,
            text_font_size="11px",
            text_font=FONT,
        )
    )


def hover(plot: figure, line: Any, rows: Sequence[tuple[str, str]]) -> None:
    """What the pointer tells about a line; `x` is a date."""
    plot.add_tools(
        HoverTool(tooltips=list(rows), formatters={"@x": "datetime"}, mode="vline", renderers=[line])
    )
