"""What a column of a data set is, and what a data set is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl
from django.utils.functional import Promise

ColumnType = Literal[
    "text",
    "integer",
    "decimal",
    "float",
    "date",
    "datetime",
    "boolean",
    "choice",
    "currency",
    "country",
    "time_zone",
    "email",
    "gtin",
    "price_breaks",
    "weekdays",
    "buyer",
    "prose",
    "language",
]


@dataclass(frozen=True)
class Column:
    """A column of a data set.

    `name` is the header that templates use, `target` the database column (the same unless given),
    `minimum` and `maximum` are inclusive, `references` the kind whose natural key the cell holds,
    `default` what an empty cell means, `dated` that a day after tomorrow is a mistake. Text of the type
    `prose` is people's own words: it may have lines, and may begin as a formula does, since no page runs it
    and the files that Forestock writes disarm it.
    """

    name: str
    label: str | Promise
    type: ColumnType = "text"
    required: bool = False
    aliases: tuple[str, ...] = ()
    target: str = ""
    minimum: float | None = None
    maximum: float | None = None
    scale: int = 0
    max_length: int = 250
    choices: tuple[str, ...] = ()
    references: str = ""
    default: str | None = None
    example: str = ""
    dated: bool = False

    @property
    def field(self) -> str:
        """The database column that the values go to."""
        return self.target or self.name


@dataclass(frozen=True)
class Rule:
    """A condition over several columns (database names) that a row must not meet."""

    column: str
    reason: str | Promise
    broken: Callable[[], pl.Expr]


@dataclass(frozen=True)
class DataSet:
    """A kind of rows: its columns, its natural key (database columns), and rules between columns.

    `families` maps a prefix such as `name:` to the JSON column that holds all columns with it.
    `itself` is the column that refers to another row of the same kind, if any. With `arcs` a row leads from
    the first column of its key to the second, and rows may not lead round in a circle: those, where `arc`
    names a column, for which it is true.
    """

    kind: str
    label: str | Promise
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    families: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = ()
    itself: str = ""
    arcs: bool = False
    arc: str = ""

    def column(self, name: str) -> Column:
        """The column of that name. KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def knows(self, name: str) -> bool:
        """Whether a column of a file may be mapped to `name`: a column, or one of a family."""
        return any(column.name == name for column in self.columns) or self.family_of(name) is not None

    def family_of(self, name: str) -> tuple[str, str] | None:
        """For `name:zh-hans`, the JSON column and the key in it; None if it is of no family."""
        for prefix, target in self.families:
            rest = name.removeprefix(prefix)
            if rest != name and 0 < len(rest) <= 40:
                return target, rest
        return None
