"""The demand panel on its dense grid; `forecasting.core.panel_read` makes it from files and frames.

The long form is Nixtla's: ``unique_id, ds, y`` and more columns. The dense form, `Panel`, is time-major:
arrays of shape (T, N), so that "all series at one period" is one contiguous row. `docs/forecast-files.md`
describes the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from forecasting.core.chunks import in_chunks
from forecasting.core.distribution import Freq

Array = npt.NDArray[Any]

_CHUNK = 512


class PanelError(ValueError):
    """A malformed panel. One line that names file, row, column and value, as far as they are known."""

    def __init__(
        self,
        reason: str,
        *,
        source: str = "panel",
        row: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.reason, self.source, self.row, self.column, self.value = reason, source, row, column, value
        where = [source]
        if row is not None:
            where.append(f"row {row}")
        if column is not None:
            where.append(f"column {column}")
        if value is not None:
            where.append(f"value {str(value)[:80]!r}")
        super().__init__(" ".join(f"{', '.join(where)}: {reason}".split()))


@dataclass(frozen=True, eq=False)
class Column:
    """One extra column on the dense grid: float32, NaN where unknown; text as codes of ``labels``."""

    values: Array
    categorical: bool
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """All series on one dense grid of T past periods (and H future ones for known columns).

    ``ds`` (T,) and ``future`` (H,) are labels; ``y`` (T, N) float32 holds units, NaN where unknown or before
    the series' first row; ``censored`` (T, N) is true where stock ran out, so that y is a lower bound,
    ``stocked`` (T, N) where a record says that it did not (None: there are no records);
    ``start`` (N,) is the index of each series' first row; ``known`` maps names to (T + H, N), ``static`` to
    (N,), and ``past`` to (T, N): columns that nobody declared, numbers known only up to the as-of date.
    ``signals`` are such columns too, (T, N), from which the models of demand may learn. ``asked`` (T, N) is
    true where the price is what was asked, not what sales came to (None: nobody says, all were).
    """

    unique_id: list[str]
    freq: Freq
    as_of: date
    ds: Array
    future: Array
    y: Array
    censored: Array
    start: Array
    known: dict[str, Column] = field(default_factory=dict)
    static: dict[str, Column] = field(default_factory=dict)
    past: dict[str, Column] = field(default_factory=dict)
    signals: dict[str, Column] = field(default_factory=dict)
    stocked: Array | None = None
    asked: Array | None = None

    @property
    def periods(self) -> int:
        """Number of past periods, T."""
        return int(self.y.shape[0])

    @property
    def count(self) -> int:
        """Number of series, N."""
        return int(self.y.shape[1])

    @property
    def horizon(self) -> int:
        """Number of future periods, H."""
        return len(self.future)

    @cached_property
    def observed(self) -> Array:
        """(T, N) units where demand was seen in full, NaN elsewhere (unknown, before the start, out of
        stock).

        A series that never was seen in full keeps its censored values: a lower bound beats nothing.
        """
        if not self.censored.any():
            return self.y
        values = np.where(self.censored, np.float32(np.nan), self.y)
        blind = ~np.isfinite(values).any(axis=0)
        values[:, blind] = self.y[:, blind]
        return values

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The words behind the codes of each text column."""
        columns = {**self.known, **self.static}
        return {name: column.labels for name, column in columns.items() if column.categorical}

    def until(self, cut: int) -> Panel:
        """The panel as it was at the close of its first ``cut`` periods; known columns keep their horizon."""
        ahead = cut + self.horizon
        ds = np.concatenate([self.ds, self.future])
        return replace(
            self,
            as_of=ds[cut - 1].item(),
            ds=ds[:cut],
            future=ds[cut:ahead],
            y=self.y[:cut],
            censored=self.censored[:cut],
            stocked=None if self.stocked is None else self.stocked[:cut],
            asked=None if self.asked is None else self.asked[:cut],
            known={name: replace(c, values=c.values[:ahead]) for name, c in self.known.items()},
            past={name: replace(c, values=c.values[:cut]) for name, c in self.past.items()},
            signals={name: replace(c, values=c.values[:cut]) for name, c in self.signals.items()},
        )

    def take(self, rows: Array) -> Panel:
        """The panel of some series only (positions, rising)."""

        def part(columns: dict[str, Column]) -> dict[str, Column]:
            return {
                name: replace(column, values=np.take(column.values, rows, axis=-1))
                for name, column in columns.items()
            }

        return replace(
            self,
            unique_id=[self.unique_id[row] for row in rows],
            y=np.take(self.y, rows, axis=1),
            censored=np.take(self.censored, rows, axis=1),
            stocked=None if self.stocked is None else np.take(self.stocked, rows, axis=1),
            asked=None if self.asked is None else np.take(self.asked, rows, axis=1),
            start=self.start[rows],
            known=part(self.known),
            static=part(self.static),
            past=part(self.past),
            signals=part(self.signals),
        )

    @cached_property
    def counts(self) -> Array:
        """(N,) true where every known value is a whole number."""
        result = np.ones(self.count, dtype=bool)

        def check(part: slice) -> None:
            values = self.y[:, part]
            result[part] = ((values == np.rint(values)) | np.isnan(values)).all(axis=0)

        in_chunks(check, self.count, _CHUNK)
        return result
