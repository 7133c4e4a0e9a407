"""What is wrong with a file as a whole, and with its rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

ERROR_SCHEMA = {"row": pl.Int64(), "column": pl.String(), "value": pl.String(), "reason": pl.String()}
_SHOWN = 80


class FileError(Exception):
    """The file can't be taken in at all; the message is for people (already translated)."""


@dataclass
class RowErrors:
    """Collects what is wrong with rows: the row's number in the file, the column, the value, the reason."""

    frames: list[pl.DataFrame] = field(default_factory=list)

    def add(self, rows: pl.Series, column: str, values: pl.Series, reason: str | pl.Series) -> None:
        """Note one error for each of `rows`; `reason` is one for all, or a series as long as `rows`."""
        if rows.is_empty():
            return
        text = values.cast(pl.String).str.slice(0, _SHOWN).fill_null("")
        told = reason if isinstance(reason, pl.Series) else pl.repeat(reason, len(rows), eager=True)
        self.frames.append(
            pl.DataFrame(
                {
                    "row": rows,
                    "column": pl.repeat(column, len(rows), dtype=pl.String, eager=True),
                    "value": text,
                    "reason": told,
                },
                schema=ERROR_SCHEMA,
            )
        )

    def frame(self) -> pl.DataFrame:
        """All errors by row, in the order of the file."""
        if not self.frames:
            return pl.DataFrame(schema=ERROR_SCHEMA)
        return pl.concat(self.frames).sort("row", maintain_order=True)

    def rows(self) -> pl.Series:
        """The numbers of the rows that are wrong, each once."""
        return self.frame()["row"].unique()
