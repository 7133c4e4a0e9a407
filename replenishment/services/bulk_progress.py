"""How far a long act is, told as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")
_EVERY = 1_000

Report = Callable[[str, float], None]
"""Takes the step's name and the share that is done, 0 to 1. Raises `JobLostError` where it was stopped."""


def silent(step: str, share: float) -> None:
    """For acts that nobody has to wait for."""


def told(rows: Iterable[_T], count: int, report: Report, step: str, start: float, end: float) -> Iterator[_T]:
    """The rows, of which there are `count`, telling of each thousand how far between two shares it is."""
    for place, row in enumerate(rows):
        if place % _EVERY == 0:
            report(step, start + (end - start) * place / max(count, 1))
        yield row
