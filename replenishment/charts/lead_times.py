"""How long a supplier took, as a histogram beside what is stated and what was learned: plain SVG."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from replenishment.selectors import SupplyOption

WIDTH, HEIGHT = 168.0, 44.0
_MOST_BINS = 14
_LEAST_DELIVERIES = 3


@dataclass(frozen=True)
class Bin:
    """Deliveries that took from `first` to `last` days, both included, and where the bar stands."""

    first: int
    last: int
    count: int
    x: float
    width: float
    height: float

    @property
    def y(self) -> float:
        """The bar's upper end."""
        return HEIGHT - self.height


@dataclass(frozen=True)
class Histogram:
    """Bars of whole days, and where the stated and the learned lead time stand among them."""

    bins: list[Bin]
    first: int
    last: int
    stated_x: float
    learned_x: float
    count: int
    width: float = WIDTH
    height: float = HEIGHT


def histogram(option: SupplyOption) -> Histogram | None:
    """Of the supplier's deliveries; None for fewer than three, which show no shape."""
    days = [max(round(took), 0) for took in option.took_days]
    if len(days) < _LEAST_DELIVERIES:
        return None
    stated, learned = option.terms.lead_time_days, option.lead_time_days
    low = int(min(*days, stated, learned))
    high = ceil(max(*days, stated, learned))
    size = max(1, ceil((high - low + 1) / _MOST_BINS))
    number = ceil((high - low + 1) / size)
    counts = [0] * number
    for day in days:
        counts[(day - low) // size] += 1
    width, most = WIDTH / number, max(counts)

    def place(day: float) -> float:
        return (day - low + 0.5) / (size * number) * WIDTH

    return Histogram(
        bins=[
            Bin(
                first=low + at * size,
                last=low + (at + 1) * size - 1,
                count=count,
                x=at * width + 0.75,
                width=max(width - 1.5, 0.5),
                height=count / most * (HEIGHT - 4),
            )
            for at, count in enumerate(counts)
        ],
        first=low,
        last=low + number * size - 1,
        stated_x=place(stated),
        learned_x=place(learned),
        count=len(days),
    )
