"""A few numbers as a line small enough for a table's cell."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_WIDTH, _HEIGHT, _EDGE = 96, 24, 2


@register.simple_tag
def sparkline(
    values: Sequence[float | None], label: str = "", *, tone: str = "", top: float = 0.0, places: int = 0
) -> SafeString:
    """The values (oldest first, None where there is none) as inline SVG.

    It is scaled from 0 to ``top``, or to the largest value. A line with fewer than ``places`` values ends
    at the right as the others do. ``tone``: good, bad, info, warn or plain. Nothing where there are fewer
    than two values. ``label`` is read out instead of the picture.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return SafeString("")
    top = top or max(*(value for _place, value in known), 1e-9)
    step = (_WIDTH - 2 * _EDGE) / (max(places, len(values)) - 1)
    points = [
        (
            _WIDTH - _EDGE - (len(values) - 1 - place) * step,
            _HEIGHT - _EDGE - value / top * (_HEIGHT - 2 * _EDGE),
        )
        for place, value in known
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    return format_html(
        '<svg class="sparkline{6}" width="{0}" height="{1}" viewBox="0 0 {0} {1}" '
        'role="img" aria-label="{2}">'
        '<polyline points="{3}"/><circle cx="{4}" cy="{5}" r="2"/></svg>',
        _WIDTH,
        _HEIGHT,
        label,
        line,
        f"{last_x:.1f}",
        f"{last_y:.1f}",
        f" sparkline--{tone}" if tone else "",
    )
