"""What the commands share: arguments, tables of text read with every check, and files written whole or not
at all.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import polars as pl

    from forecasting.core.panel_columns import Table

TABLES = (".csv", ".parquet")


class CommandError(ValueError):
    """An argument that can't be used, in one line."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with 2."""

    def error(self, message: str) -> NoReturn:
        """One line on standard error."""
        self.exit(2, f"{self.prog}: {message}\n")


def positive(text: str) -> int:
    """An argument that is a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def place_check(path: Path, endings: tuple[str, ...] = ()) -> None:
    """CommandError where a file can't be written there, or ends in none of ``endings`` (none: any)."""
    if not path.resolve().parent.is_dir():
        raise CommandError(f"{path}: no such folder")
    if endings and path.suffix.lower() not in endings:
        raise CommandError(f"{path}: the file must end in {' or '.join(endings)}")


def file_replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place and rename: a reader sees the whole file or the old one."""
    handle, name = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        # The temporary file was private; the result gets the rights that a new file has.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def frame_write(frame: pl.DataFrame, path: Path) -> None:
    """A frame as .csv or .parquet, whole or not at all."""
    write = frame.write_csv if path.suffix.lower() == ".csv" else frame.write_parquet
    file_replace(path, lambda draft: write(draft))


def table_read(path: Path, required: Sequence[str]) -> Table:
    """The rows of a .csv or .parquet file; in CSV every cell is text as it is written ('007' stays so).

    Raises PanelError where it is missing, can't be read, or lacks one of the ``required`` columns.
    """
    import polars as pl

    from forecasting.core.panel import PanelError
    from forecasting.core.panel_columns import Table, unreadable

    if path.suffix.lower() not in TABLES:
        raise PanelError("the file must end in .csv or .parquet", source=str(path))
    if not path.is_file():
        raise PanelError("no such file", source=str(path))
    if path.suffix.lower() == ".parquet":
        table = Table.of_parquet(path)
    else:
        try:
            frame = pl.read_csv(path, infer_schema=False)
        except pl.exceptions.NoDataError as error:
            raise PanelError("the file is empty", source=str(path)) from error
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
            raise unreadable(path, error) from error
        table = Table(frame, dict(frame.schema), frame.height, str(path), first_row=2, text=True)
        repeated = [name for name in table.schema if name.endswith("_duplicated_0")]
        if repeated:
            raise PanelError(
                "the column is there twice",
                source=str(path),
                column=repeated[0].removesuffix("_duplicated_0"),
            )
    for name in required:
        if name not in table.schema:
            raise PanelError("the column is missing", source=str(path), column=name)
    return table


def texts(table: Table, name: str) -> pl.Series:
    """A column as text, with '' where it is empty; PanelError where it is of another type."""
    import polars as pl

    from forecasting.core.panel import PanelError

    column = table.column(name)
    if not (column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null) or column.dtype.is_integer()):
        raise PanelError(f"must be text, not {column.dtype}", source=table.source, column=name)
    return column.cast(pl.String).fill_null("")


def keys(table: Table, name: str = "id") -> pl.Series:
    """A column of keys as text; PanelError where one is empty or there twice."""
    column = texts(table, name)
    empty = column == ""
    if empty.any():
        raise table.error("the key is empty", column, empty)
    again = ~column.is_first_distinct()
    if again.any():
        raise table.error("the key is there twice", column, again)
    return column
