"""What each policy of a replay cost, as bars of its three parts, by Bokeh. The legend is the page's own.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

from replenishment.charts.sku import FONT, PALETTES
from replenishment.models import ReplayPolicy
from replenishment.words import POLICIES

COSTS = ("holding_cost", "order_cost", "lost_margin")
_ROW = 44
# Names of policies are long: on a narrow page their axis would leave nothing to the bars.
_WIDE = 560


def costs_chart(
    policies: Sequence[ReplayPolicy], *, currency: str, theme: str, width: int = 800
) -> dict[str, Any]:
    """Holding, ordering and lost margin of each policy, the first policy on top; `width` is in pixels."""
    colors = PALETTES[theme]
    names = [
        str(POLICIES.get(row.policy, row.policy)) if width >= _WIDE else str(number)
        for number, row in enumerate(policies, 1)
    ]
    source = ColumnDataSource(
        {
            "name": names,
            "full": [str(POLICIES.get(row.policy, row.policy)) for row in policies],
            "total_cost": [row.total_cost for row in policies],
            **{cost: [getattr(row, cost) for row in policies] for cost in COSTS},
        }
    )
    plot = figure(
        y_range=FactorRange(factors=names[::-1]),
        x_range=DataRange1d(start=0, range_padding=0.05),
        height=60 + _ROW * len(names),
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
        min_border_right=20,
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
    tips = [
        (_("Policy"), "@full"),
        (_("Holding"), "@holding_cost{0,0}"),
        (_("Ordering"), "@order_cost{0,0}"),
        (_("Lost margin"), "@lost_margin{0,0}"),
        (_("Total cost"), "@total_cost{0,0}"),
    ]
    plot.add_tools(HoverTool(tooltips=tips))
    return dict(json_item(plot))
