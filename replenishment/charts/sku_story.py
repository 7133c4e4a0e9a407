"""The SKU page's chart by Bokeh: demand above, stock below, promotions and events between, on one time axis.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from bokeh.embed import json_item
from bokeh.layouts import column
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    HoverTool,
    Line,
    Quad,
    Range1d,
    Scatter,
    Step,
    VArea,
    WheelZoomTool,
)
from bokeh.models.annotations import Label, Span, Title
from bokeh.plotting import figure
from django.utils.translation import gettext as _

from forecasting.core.cleaning import Reason
from forecasting.core.distribution import DemandDistribution
from replenishment.charts.sku import BANDS, FONT, PALETTES, Palette, mark, milliseconds, plain_figure
from replenishment.selectors import DatedPlan
from replenishment.selectors.sku_story import Period, PromotionSpan, SkuStory
from replenishment.words import correction_reasons

DEMAND_HEIGHT, LANE_HEIGHT, STOCK_HEIGHT = 270, 46, 220
# What is in view at first.
SHOWN = timedelta(days=365)
_TIP = f'<div style="white-space: pre-line; font: 12px/1.45 {FONT}">@tip</div>'
_STOCK_OUTS = (Reason.STOCK_OUT, Reason.LIKELY_STOCK_OUT)


def story_chart(story: SkuStory, *, theme: str, width: int = 1000) -> dict[str, Any]:
    """The chart as JSON. Its time axis is named "time" and tagged with the first day, the as-of day and the
    last, in milliseconds: the page's buttons move it. `width` is in pixels.
    """
    colors = PALETTES[theme]
    periods = story.periods()
    time = Range1d(
        start=milliseconds(max(story.first_day, story.as_of - SHOWN)),
        end=milliseconds(story.last_day),
        name="time",
        tags=[milliseconds(day) for day in (story.first_day, story.as_of, story.last_day)],
    )
    # Neither further out than what there is, nor closer than two weeks.
    time.bounds = (time.tags[0] - 7 * _DAY, time.tags[2] + 7 * _DAY)
    time.min_interval = 14 * _DAY
    tips = ColumnDataSource(
        {
            "x": np.array([period.last for period in periods], dtype="datetime64[D]"),
            "y": np.zeros(len(periods)),
            "tip": [period_text(period) for period in periods],
        }
    )
    line = Span(dimension="height", line_color=colors.muted, line_width=1)
    demand, stock = _demand(story, periods, colors, width), _stock(story, colors, width)
    for plot in (demand, stock):
        probe = plot.add_glyph(tips, Line(x="x", y="y", line_alpha=0))
        plot.add_tools(
            HoverTool(tooltips=_TIP, mode="vline", renderers=[probe], point_policy="follow_mouse"),
            CrosshairTool(overlay=line),
        )
    lane = [_lane(story, colors, width)] if story.promotions or story.events else []
    panels = [demand, *lane, stock]
    for plot in panels:
        plot.x_range = time
        # With Ctrl alone: without, the wheel scrolls the page.
        wheel = WheelZoomTool(dimensions="width", modifiers="ctrl")
        plot.add_tools(wheel)
        plot.toolbar.active_scroll = wheel
    return dict(json_item(column(*panels, sizing_mode="stretch_width", spacing=2)))


_DAY = 86_400_000


def _units(value: float) -> str:
    """Units with a decimal below ten, as the charts' axes write numbers."""
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.1f}"


def _days(first: date, last: date) -> str:
    return str(last) if first == last else f"{first} – {last}"


def period_text(period: Period) -> str:
    """All numbers of a period, a line each."""
    lines = [_days(period.first, period.last)]

    def say(label: str, value: float | None, more: str = "") -> None:
        if value is not None:
            lines.append(f"{label}: {_units(value)}{more}")

    say(_("Units sold"), period.sold)
    if period.why is not None:
        why = correction_reasons().get(period.why, "")
        say(_("Estimated demand"), period.estimate, f" ({why})" if why else "")
    say(_("Forecast"), period.mean)
    if period.quantiles is not None:
        for low, high in reversed(BANDS):
            ends = (_units(period.quantiles[low]), _units(period.quantiles[high]))
            lines.append(f"{round((high - low) * 100)}%: {ends[0]} – {ends[1]}")
    say(_("Projected stock") if period.is_ahead else _("Stock at the close"), period.stock)
    if period.stock_low is not None and period.stock_high is not None:
        lines.append(f"80%: {_units(period.stock_low)} – {_units(period.stock_high)}")
    say(_("Received"), period.came or None)
    say(_("Comes in"), period.coming or None)
    if period.price is not None:
        lines.append(f"{_('Price')}: {period.price:,.2f}")
    if period.promotions:
        lines.append(f"{_('Promotion')}: {', '.join(period.promotions)}")
    lines += period.events
    return "\n".join(lines)


def _demand(story: SkuStory, periods: Sequence[Period], colors: Palette, width: int) -> figure:
    """Sales, what they would have been, and the forecast with its intervals."""
    titles = {"D": _("Demand a day"), "W": _("Demand a week"), "M": _("Demand a month")}
    plot = _panel(colors, DEMAND_HEIGHT, width, titles[story.freq], has_dates=False)
    past = [period for period in periods if not period.is_ahead]
    days = np.array([period.last for period in past], dtype="datetime64[ms]")
    half = np.timedelta64({"D": 12, "W": 84, "M": 365}[story.freq], "h")
    out = np.array([period.why in _STOCK_OUTS for period in past], dtype=bool)
    out |= ~story.history["in_stock"].fill_null(value=True).to_numpy().astype(bool)
    if out.any():
        # A label ends its period: half a period back, the band stands around the point of the line.
        plot.vstrip(
            x0=days[out] - half, x1=days[out] + half, fill_color=colors.out, line_color=None, level="underlay"
        )
    sold = np.array([np.nan if period.sold is None else period.sold for period in past])
    if story.demand is not None:
        ahead = _ahead(story.demand)
        for number, color in enumerate(colors.bands):
            plot.add_glyph(ahead, VArea(x="x", y1=f"low{number}", y2=f"high{number}", fill_color=color))
        plot.add_glyph(ahead, Line(x="x", y="mean", line_color=colors.accent, line_width=2))
    source = ColumnDataSource({"x": days, "y": sold})
    plot.add_glyph(source, Line(x="x", y="y", line_color=colors.history, line_width=1.5))
    _points(plot, days[out], sold[out], size=5, fill_color=colors.bad, line_color=colors.bad)
    _estimated(plot, colors, days, sold, past)
    mark(plot, colors, story.as_of, _("Data as of"), height=DEMAND_HEIGHT - 60, side="left")
    return plot


def _ahead(demand: DemandDistribution) -> ColumnDataSource:
    """The forecast's mean and intervals as columns of one source."""
    columns = {"x": demand.ds, "mean": demand.mean[0]}
    for number, (low, high) in enumerate(BANDS):
        columns[f"low{number}"] = demand.quantiles[0, :, demand.level_index(low)]
        columns[f"high{number}"] = demand.quantiles[0, :, demand.level_index(high)]
    return ColumnDataSource(columns)


def _points(plot: figure, x: Any, y: Any, **look: Any) -> None:
    if len(x):
        plot.add_glyph(ColumnDataSource({"x": x, "y": y}), Scatter(x="x", y="y", **look))


def _estimated(plot: figure, colors: Palette, days: Any, sold: Any, past: Sequence[Period]) -> None:
    """The estimated demand of stock-outs, dashed from the last sales to the next; rings where a period counts
    for less than was sold.
    """
    known = np.array([period.why is not None and period.estimate is not None for period in past], dtype=bool)
    if not known.any():
        return
    demand = np.array([np.nan if period.estimate is None else period.estimate for period in past])
    at = np.array([period.why in _STOCK_OUTS for period in past], dtype=bool) & known
    if at.any():
        beside = np.zeros(len(past) + 2, dtype=bool)
        rows = np.flatnonzero(at)
        beside[rows] = beside[rows + 2] = True
        path = np.where(at, demand, np.where(beside[1:-1], sold, np.nan))
        plot.line(days, path, color=colors.text, line_width=1.5, line_dash=[4, 3])
    plot.scatter(days[known], demand[known], size=6, line_color=colors.text, fill_color=None, line_width=1.25)


def _lane(story: SkuStory, colors: Palette, width: int) -> figure:
    """A lane of promotions (bars) under a lane of events (diamonds)."""
    plot = plain_figure(colors, height=LANE_HEIGHT, width=width, has_dates=False)
    plot.y_range = Range1d(start=0, end=2)
    plot.ygrid.visible = False
    plot.yaxis.major_label_text_alpha = 0
    plot.yaxis.ticker = [0, 1]
    spans = ColumnDataSource(
        {
            "left": [milliseconds(span.first) for span in story.promotions],
            "right": [milliseconds(span.last) + _DAY for span in story.promotions],
            "tip": [_span_text(span) for span in story.promotions],
        }
    )
    bars = plot.add_glyph(
        spans,
        Quad(
            left="left",
            right="right",
            bottom=0.15,
            top=0.75,
            fill_color=colors.accent,
            fill_alpha=0.55,
            line_color=colors.accent,
        ),
    )
    marks = ColumnDataSource(
        {
            "x": np.array([day for day, _name in story.events], dtype="datetime64[D]"),
            "tip": [f"{day}: {name}" for day, name in story.events],
        }
    )
    look: dict[str, Any] = {
        "marker": "diamond",
        "size": 10,
        "fill_color": colors.muted,
        "line_color": colors.text,
    }
    events = plot.add_glyph(marks, Scatter(x="x", y=1.4, **look))
    plot.add_tools(HoverTool(tooltips=_TIP, mode="mouse", renderers=[bars, events]))
    return plot


def _span_text(span: PromotionSpan) -> str:
    cut = f" (−{span.discount:.0%})" if span.discount else ""
    return f"{_('Promotion')}: {span.kind}{cut}\n{_days(span.first, span.last)}"


def _stock(story: SkuStory, colors: Palette, width: int) -> figure:
    """Stock as it was and as it is projected, what comes in, and the levels of the policy."""
    title = _("Stock at the close of a day")
    plot = _panel(colors, STOCK_HEIGHT, width, title, has_dates=True)
    if story.stock:
        days = np.array([day for day, _units in story.stock], dtype="datetime64[D]")
        units = np.array([units for _day, units in story.stock])
        source = ColumnDataSource({"x": days, "y": units})
        plot.add_glyph(source, Step(x="x", y="y", mode="after", line_color=colors.history, line_width=1.5))
        _shade_gaps(plot, colors, days, units)
    dated = story.dated
    first = dated.days[0] if dated else story.as_of
    if dated is not None:
        low, _middle, high = dated.with_orders.T
        source = ColumnDataSource(
            {
                "x": np.array(dated.days, dtype="datetime64[D]"),
                "low": low,
                "high": high,
                "without": dated.without[:, 1],
                "expected": dated.expected,
            }
        )
        plot.add_glyph(source, VArea(x="x", y1="low", y2="high", fill_color=colors.bands[1]))
        dashes: dict[str, Any] = {"line_color": colors.bad, "line_width": 1.5, "line_dash": [5, 4]}
        plot.add_glyph(source, Line(x="x", y="without", **dashes))
        plot.add_glyph(source, Line(x="x", y="expected", line_color=colors.accent, line_width=2))
        _arrivals(plot, colors, dated)
    if story.reorder_point is not None and story.reorder_point > 0:
        ends, level = [milliseconds(first), milliseconds(story.last_day)], story.reorder_point
        source = ColumnDataSource({"x": ends, "y": [level, level]})
        dots: dict[str, Any] = {"line_color": colors.text, "line_width": 1.5, "line_dash": [2, 3]}
        plot.add_glyph(source, Line(x="x", y="y", **dots))
        plot.add_layout(_word(colors, ends[1], level, _("Reorder point")))
    if dated is not None and dated.stock_out_on is not None:
        at = [milliseconds(dated.stock_out_on)]
        _points(plot, at, [0.0], marker="x", size=11, line_color=colors.bad, line_width=2.5)
        text = _("Out on %(day)s") % {"day": dated.stock_out_on}
        mark(plot, colors, dated.stock_out_on, text, height=STOCK_HEIGHT - 110, side="left")
    return plot


def _shade_gaps(plot: figure, colors: Palette, days: Any, units: Any) -> None:
    """Bands over the days that closed with nothing on hand."""
    out = units <= 0
    if out.any():
        start = days[out].astype("datetime64[ms]") - np.timedelta64(12, "h")
        plot.vstrip(
            x0=start,
            x1=start + np.timedelta64(24, "h"),
            fill_color=colors.out,
            line_color=None,
            level="underlay",
        )


def _arrivals(plot: figure, colors: Palette, dated: DatedPlan) -> None:
    """Where stock comes in: open orders full, orders to come hollow, on the expected path."""
    rows = [(row.day, row.quantity, colors.accent, _("On order")) for row in dated.arrivals]
    # A marker without a fill would not be hit by the pointer.
    rows += [(row.arrives, row.quantity, "rgba(0, 0, 0, 0)", _("To be ordered")) for row in dated.orders]
    rows = [row for row in rows if row[0] <= dated.days[-1]]
    source = ColumnDataSource(
        {
            "x": np.array([day for day, *_rest in rows], dtype="datetime64[D]"),
            "y": [dated.expected[(day - dated.days[0]).days] for day, *_rest in rows],
            "fill": [fill for _day, _units, fill, _what in rows],
            "tip": [f"{what}: {_units(units)}\n{day}" for day, units, _fill, what in rows],
        }
    )
    look: dict[str, Any] = {"size": 8, "line_color": colors.accent, "line_width": 1.5}
    points = plot.add_glyph(source, Scatter(x="x", y="y", fill_color="fill", **look))
    plot.add_tools(HoverTool(tooltips=_TIP, mode="mouse", renderers=[points]))


def _panel(colors: Palette, height: int, width: int, title: str, *, has_dates: bool) -> figure:
    plot = plain_figure(colors, height=height, width=width, has_dates=has_dates)
    plot.title = Title(
        text=title,
        text_color=colors.muted,
        text_font=FONT,
        text_font_size="12px",
        text_font_style="normal",
    )
    # Heights follow the days in view.
    plot.window_axis = "x"
    # The panels' plots begin at the same place, however long their numbers are.
    plot.min_border_left = 46
    # Room for the lower half of the axis' last number.
    plot.min_border_bottom = 8
    return plot


def _word(colors: Palette, x: int, y: float, text: str) -> Label:
    return Label(
        x=x,
        y=y,
        text=text,
        text_align="right",
        x_offset=-4,
        y_offset=2,
        text_color=colors.text,
        text_font_size="11px",
        text_font=FONT,
    )
