"""What the charts by Bokeh have in common: colours, an empty figure over time, marks.

Their legends are the pages' own.

Import this module where it is used: Bokeh is too heavy for the start of the web server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from bokeh.models import (
    DataRange1d,
    DatetimeTicker,
    DatetimeTickFormatter,
)
from bokeh.models.annotations import Label, Span
from bokeh.plotting import figure
from django.utils.translation import get_language

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


def plain_figure(colors: Palette, *, height: int, width: int, has_dates: bool) -> figure:
    """An empty figure over time, whose vertical axis begins at 0; without dates where another shows them."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_axis_location="below" if has_dates else None,
        y_range=DataRange1d(start=0, range_padding=0.08),
        tools="xpan",
        active_scroll=None,
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=4,
    )
    plot.ygrid.grid_line_color = colors.line
    plot.center = [grid for grid in plot.center if grid not in plot.xgrid]
    if has_dates:
        plot.xaxis[0].ticker = DatetimeTicker(desired_num_ticks=max(2, min(width // _TICK_WIDTH, 12)))
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_line_color = colors.line
        axis.major_tick_line_color = None
        axis.minor_tick_line_color = None
        axis.major_label_text_color = colors.muted
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
    if has_dates and (get_language() or "").startswith("zh"):
        plot.xaxis[0].formatter = DatetimeTickFormatter(days="%m-%d", months="%Y-%m", years="%Y")
    return plot


def milliseconds(day: date) -> int:
    """A day's midnight, as Bokeh counts time."""
    return int(np.datetime64(day, "ms").astype(np.int64))


def mark(
    plot: figure, colors: Palette, day: date, text: str, *, height: int = 4, side: str = "right"
) -> None:
    """A dotted upright line with a word beside it, `height` pixels above the axis."""
    at = milliseconds(day)
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
