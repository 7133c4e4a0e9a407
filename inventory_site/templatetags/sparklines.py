"""A few numbers as a line small enough for a table's cell."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_WIDTH, _HEIGHT, _EDGE = 96, 24, 2


@register.simple_tag
def sparkline(values: Sequence[float], label: str = "") -> SafeString:
    """The values (oldest first) as inline SVG in the text's colour, scaled from 0 to the largest.

    Nothing where there are fewer than two. `label` is read out instead of the picture.
    """
    if len(values) < 2:
        return SafeString("")
    top = max(max(values), 1e-9)
    step = (_WIDTH - 2 * _EDGE) / (len(values) - 1)
    points = [
        (_EDGE + place * step, _HEIGHT - _EDGE - value / top * (_HEIGHT - 2 * _EDGE))
        for place, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    return format_html(
        '<svg class="sparkline" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<polyline points="{3}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        '<circle cx="{4}" cy="{5}" r="2" fill="currentColor"/></svg>',
        _WIDTH,
        _HEIGHT,
        label,
        line,
        f"{last_x:.1f}",
        f"{last_y:.1f}",
    )
