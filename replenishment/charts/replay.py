"""What each policy of a replay cost, its service against its stock, and both over time, by Bokeh. The legends
of costs and of time are the page's own.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from bokeh.embed import json_item
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DataRange1d,
    DatetimeTicker,
    DatetimeTickFormatter,
    FactorRange,
    HoverTool,
    NumeralTickFormatter,
)
from bokeh.models.annotations import Label
from bokeh.plotting import figure
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from replenishment.charts.sku import FONT, PALETTES, Palette
from replenishment.models import ReplayPolicy
from replenishment.words import REPLAY_ROWS

COSTS = ("holding_cost", "order_cost", "lost_margin")
_ROW = 44
# Names of policies are long: on a narrow page their axis would leave nothing to the bars.
_WIDE = 560
# Service of a single day or week jumps about: it is that of so many days together.
_SERVICE_DAYS = 28
# The lines over time differ in colour, width and dashes.
_STYLES = ("engine", "other", "actual")
_TICK_WIDTH = 110


_BARE: dict[str, Any] = {
    "sizing_mode": "stretch_width",
    "tools": "",
    "toolbar_location": None,
    "background_fill_alpha": 0,
    "border_fill_alpha": 0,
    "outline_line_color": None,
    "min_border": 4,
    "min_border_right": 20,
}


def costs_chart(
    policies: Sequence[ReplayPolicy], *, currency: str, theme: str, width: int = 800
) -> dict[str, Any]:
    """Holding, ordering and lost margin of each policy, the first policy on top; `width` is in pixels."""
    colors = PALETTES[theme]
    names = [
        str(REPLAY_ROWS.get(row.policy, row.policy)) if width >= _WIDE else str(number)
        for number, row in enumerate(policies, 1)
    ]
    source = ColumnDataSource(
        {
            "name": names,
            "full": [str(REPLAY_ROWS.get(row.policy, row.policy)) for row in policies],
            "total_cost": [row.total_cost for row in policies],
            **{cost: [getattr(row, cost) for row in policies] for cost in COSTS},
        }
    )
    plot = figure(
        y_range=FactorRange(factors=names[::-1]),
        x_range=DataRange1d(start=0, range_padding=0.05),
        height=60 + _ROW * len(names),
        **_BARE,
    )
    plot.hbar_stack(
        list(COSTS),
        y="name",
        height=0.6,
        source=source,
        fill_color=[colors.accent, colors.history, colors.bad],
        line_color=None,
        # The parts differ by more than colour.
        hatch_pattern=[" ", ".", "/"],
        hatch_color=colors.text,
        hatch_alpha=0.35,
    )
    plot.ygrid.grid_line_color = None
    plot.xgrid.grid_line_color = colors.line
    plot.xaxis[0].ticker = BasicTicker(desired_num_ticks=max(2, min(width // 140, 8)))
    plot.xaxis[0].formatter = NumeralTickFormatter(format="0,0")
    plot.xaxis[0].axis_label = _("Total cost (%s)") % currency
    _axes(plot, colors)
    tips = [
        (_("Policy"), "@full"),
        (_("Holding"), "@holding_cost{0,0}"),
        (_("Ordering"), "@order_cost{0,0}"),
        (_("Lost margin"), "@lost_margin{0,0}"),
        (_("Total cost"), "@total_cost{0,0}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips))
    return dict(json_item(plot))


def frontier_chart(
    policies: Sequence[ReplayPolicy], *, currency: str, theme: str, width: int = 800
) -> dict[str, Any]:
    """Service against stock: the higher and the further left, the better; `width` is in pixels."""
    colors = PALETTES[theme]
    rows = [row for row in policies if row.fill_rate is not None]
    names = [str(REPLAY_ROWS.get(row.policy, row.policy)) for row in rows]
    tones = {"engine": colors.accent, "actual": colors.text}
    source = ColumnDataSource(
        {
            "stock": [row.average_stock_value for row in rows],
            "fill": [row.fill_rate for row in rows],
            "cost": [row.total_cost for row in rows],
            "full": names,
            "color": [tones.get(row.policy, colors.history) for row in rows],
            "marker": ["diamond" if row.policy == "actual" else "circle" for row in rows],
            "size": [14 if row.policy in tones else 10 for row in rows],
        }
    )
    plot = figure(
        # Room for the names beside their points.
        x_range=DataRange1d(range_padding=0.8),
        y_range=DataRange1d(range_padding=0.3),
        height=300,
        **_BARE,
    )
    points = plot.scatter(
        "stock", "fill", source=source, marker="marker", size="size", fill_color="color", line_color=None
    )
    stocks = [row.average_stock_value for row in rows]
    middle = (min(stocks) + max(stocks)) / 2 if stocks else 0.0
    for row, name in zip(rows, names, strict=True):
        # Names of all would lie across each other; the numbers are those of the table.
        named = row.policy in tones
        before = row.policy == "engine" or (named and row.average_stock_value > middle)
        plot.add_layout(
            Label(
                x=row.average_stock_value,
                y=row.fill_rate or 0.0,
                x_offset=-12 if before else 12,
                y_offset=-7,
                text=name if named else str(row.place + 1),
                text_align="right" if before else "left",
                text_color=colors.text,
                text_font=FONT,
                text_font_size="12px",
            )
        )
    plot.grid.grid_line_color = colors.line
    plot.xaxis[0].ticker = BasicTicker(desired_num_ticks=max(2, min(width // 140, 8)))
    plot.xaxis[0].formatter = NumeralTickFormatter(format="0,0")
    plot.xaxis[0].axis_label = _("Average stock value (%s)") % currency
    plot.yaxis[0].formatter = NumeralTickFormatter(format="0.0%")
    plot.yaxis[0].axis_label = _("Fill rate")
    _axes(plot, colors)
    tips = [
        (_("Policy"), "@full"),
        (_("Fill rate"), "@fill{0.0%}"),
        (_("Average stock value"), "@stock{0,0}"),
        (_("Total cost"), "@cost{0,0}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips, renderers=[points]))
    return dict(json_item(plot))


def course_chart(
    course: pl.DataFrame, names: Sequence[str], *, what: str, theme: str, width: int = 800
) -> dict[str, Any]:
    """Stock value (`what` "stock") at the close of each period, or fill rate ("service") of the last four
    weeks, of these policies.

    `course` is that of `selectors.replay_course` for one set of items.
    """
    colors = PALETTES[theme]
    plot = figure(
        x_axis_type="datetime",
        y_range=DataRange1d(start=0, range_padding=0.08) if what == "stock" else DataRange1d(end=1.0),
        height=220,
        **_BARE,
    )
    for name in names:
        rows = course.filter(pl.col("policy") == name).sort("day")
        style = name if name in _STYLES else "other"
        line = plot.line(
            "day",
            "value",
            source=ColumnDataSource(
                {
                    "day": rows["day"].to_numpy(),
                    "value": _values(rows, what),
                    "full": [str(REPLAY_ROWS.get(name, name))] * rows.height,
                }
            ),
            color={"engine": colors.accent, "other": colors.history, "actual": colors.text}[style],
            line_width=2.5 if style == "engine" else 1.5,
            line_dash=[5, 4] if style == "actual" else "solid",
        )
        tips = [
            ("", "@full"),
            (_("To"), "@day{%F}"),
            (_("Stock value"), "@value{0,0}") if what == "stock" else (_("Fill rate"), "@value{0.0%}"),
        ]
        plot.add_tools(
            HoverTool(tooltips=tips, formatters={"@day": "datetime"}, mode="vline", renderers=[line])
        )
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = colors.line
    plot.xaxis[0].ticker = DatetimeTicker(desired_num_ticks=max(2, min(width // _TICK_WIDTH, 12)))
    if (get_language() or "").startswith("zh"):
        plot.xaxis[0].formatter = DatetimeTickFormatter(days="%m-%d", months="%Y-%m", years="%Y")
    plot.yaxis[0].formatter = NumeralTickFormatter(format="0,0" if what == "stock" else "0%")
    _axes(plot, colors)
    return dict(json_item(plot))


def _values(rows: pl.DataFrame, what: str) -> list[float | None]:
    if what == "stock":
        return rows["stock_value"].to_list()
    gap = (rows["day"].max() - rows["day"].min()).days / max(rows.height - 1, 1)  # type: ignore[operator, union-attr]
    window = max(1, round(_SERVICE_DAYS / max(gap, 1.0)))
    served, demand = (
        rows[name].cast(pl.Float64).rolling_sum(window, min_samples=1) for name in ("served", "demand")
    )
    return [
        part / whole if whole > 0 else None
        for part, whole in zip(served.to_list(), demand.to_list(), strict=True)
    ]


def _axes(plot: figure, colors: Palette) -> None:
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
