"""The grid of period labels: days, weeks on the panel's own weekday, months by their first or last day."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forecasting.core.distribution import Freq

Array = npt.NDArray[Any]
_EPOCH = date(1970, 1, 1)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Grid:
    """Maps labels to whole numbers and back. ``anchor``: weekday 0-6 for W; for M 0 first day, 1 last day."""

    freq: Freq
    anchor: int = 0

    @classmethod
    def detect(cls, labels: pl.Series, freq: Freq) -> Self:
        """The grid that most labels lie on."""
        if freq == "W":
            counts = np.bincount(labels.dt.weekday().to_numpy() - 1, minlength=7)
            return cls(freq, int(counts.argmax()))
        if freq == "M":
            last = int((labels == labels.dt.month_end()).sum())
            return cls(freq, int(last > int((labels.dt.day() == 1).sum())))
        return cls(freq)

    def on(self, labels: pl.Series) -> pl.Series:
        """True where a label lies on the grid."""
        if self.freq == "W":
            return labels.dt.weekday() == self.anchor + 1
        if self.freq == "M":
            return labels == labels.dt.month_end() if self.anchor else labels.dt.day() == 1
        return labels.is_not_null()

    def describe(self) -> str:
        """The grid in words, for errors."""
        if self.freq == "W":
            return f"weeks labelled by their {_WEEKDAYS[self.anchor]}"
        if self.freq == "M":
            return f"months labelled by their {'last' if self.anchor else 'first'} day"
        return "days"

    def indices(self, labels: pl.Series) -> Array:
        """Period numbers (int32) of labels that lie on the grid."""
        if self.freq == "M":
            return (labels.dt.year().cast(pl.Int32) * 12 + labels.dt.month().cast(pl.Int32) - 1).to_numpy()
        days = labels.cast(pl.Int32).to_numpy()
        return days if self.freq == "D" else (days - self._offset) // 7

    def index(self, label: date) -> int:
        """Period number of one label on the grid."""
        return self.index_floor(label)

    def index_floor(self, day: date) -> int:
        """Number of the last period labelled at or before a day."""
        if self.freq == "M":
            number = day.year * 12 + day.month - 1
            month_end = calendar.monthrange(day.year, day.month)[1]
            return number - 1 if self.anchor and day.day < month_end else number
        days = (day - _EPOCH).days
        return days if self.freq == "D" else (days - self._offset) // 7

    def label(self, index: int) -> date:
        """Label of a period number."""
        if self.freq == "M":
            year, month = divmod(index, 12)
            return date(year, month + 1, calendar.monthrange(year, month + 1)[1] if self.anchor else 1)
        return _EPOCH + timedelta(days=index if self.freq == "D" else index * 7 + self._offset)

    def labels(self, first: int, last: int) -> Array:
        """Labels of the periods first..last as datetime64[D]."""
        return np.array([self.label(index) for index in range(first, last + 1)], dtype="datetime64[D]")

    @property
    def _offset(self) -> int:
        # 1970-01-05 was a Monday.
        return 4 + self.anchor


def calendar_parts(labels: Array) -> dict[str, Array]:
    """Of labels (n,) as datetime64[D]: weekday from Monday 0, day of the month, days since 1 January."""
    return {
        "weekday": (labels.astype(np.int64) + 3) % 7,
        "day": (labels - labels.astype("datetime64[M]")).astype(np.int64) + 1,
        "time_of_year": (labels - labels.astype("datetime64[Y]")).astype(np.int64),
    }
