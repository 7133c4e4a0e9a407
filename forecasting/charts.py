"""Line charts of scores, drawn as SVG by the server: they need no script and follow the page's theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The picture's own grid; the stylesheet stretches it.
WIDTH, HEIGHT = 100.0, 40.0
_TICKS = 4


@dataclass(frozen=True)
class Dot:
    """A point of a line on the grid, with the value and the label that it stands for."""

    x: float
    y: float
    label: Any
    value: float


@dataclass(frozen=True)
class Line:
    """One line: its name, the class that colours it, its path and its dots."""

    name: str
    tone: str
    path: str
    dots: list[Dot]


@dataclass(frozen=True)
class LineChart:
    """Lines over common labels (days or numbers); `ticks` are (height on the grid, value), from the top down.

    `unit` says how values are written: "percent", "number" or "units".
    """

    lines: list[Line]
    ticks: list[tuple[float, float]]
    labels: list[Any]
    unit: str
    width: float = WIDTH
    height: float = HEIGHT


def line_chart(
    labels: Sequence[Any],
    values: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    unit: str = "percent",
    from_zero: bool = True,
) -> LineChart | None:
    """A chart of lines (name, tone, value at each label); None where there is nothing to draw.

    A value that is not there leaves a gap. The axis ends on round numbers and, unless `from_zero` is false,
    takes in 0.
    """
    known = [value for _name, _tone, line in values for value in line if value is not None]
    if not known:
        return None
    ticks = round_ticks(min(0.0, *known) if from_zero else min(known), max(known))
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return round(HEIGHT * (high - value) / (high - low), 3)

    lines = []
    for name, tone, line in values:
        pieces, dots, drawing = [], [], False
        for place, (label, value) in enumerate(zip(labels, line, strict=True)):
            if value is not None:
                dot = Dot(round(WIDTH * (place + 0.5) / len(labels), 3), y(value), label, value)
                pieces.append(f"{'L' if drawing else 'M'}{dot.x} {dot.y}")
                dots.append(dot)
            drawing = value is not None
        if dots:
            lines.append(Line(name, tone, " ".join(pieces), dots))
    return LineChart(
        lines=lines, ticks=[(y(tick), tick) for tick in reversed(ticks)], labels=_few(labels), unit=unit
    )


def round_ticks(low: float, high: float) -> list[float]:
    """Equally spaced round numbers (1, 2, 2.5 or 5 times a power of ten apart) from at most `low` to at
    least `high`.
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / _TICKS))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * _TICKS >= span)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        last += 1
    return [round(place * step, 12) for place in range(first, last + 1)]


def _few(labels: Sequence[Any]) -> list[Any]:
    """The first, the middle and the last label."""
    if len(labels) < 3:
        return list(labels)
    return [labels[0], labels[len(labels) // 2], labels[-1]]
