"""``categorise ITEMS --labelled LABELLED``: the likeliest categories of items, by photo, title or both."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from forecasting.core.commands.files import TABLES, Parser, frame_write, keys, place_check, table_read, texts

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from forecasting.core.categorise import Items
    from forecasting.core.panel_columns import Table

_DESCRIPTION = "Suggest categories of items, learned from labelled ones. docs/images.md describes the files."


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """The command's arguments."""
    command = commands.add_parser("categorise", help="categories of items", description=_DESCRIPTION)
    command.add_argument("items", metavar="ITEMS", help=".csv or .parquet: id, and image or text or both")
    command.add_argument("--labelled", required=True, metavar="LABELLED", help="the same, and category")
    command.add_argument("--out", required=True, metavar="OUT", help=".csv or .parquet to write")
    command.add_argument("--seed", default=0, type=int)


def run(options: argparse.Namespace) -> None:
    """Read, learn, write."""
    import polars as pl

    from forecasting.core.categorise import best_of, head_fit

    out = Path(options.out)
    place_check(out, TABLES)
    items_table, labelled_table = (
        _table(Path(options.items), "id"),
        _table(Path(options.labelled), "category"),
    )
    ids = keys(items_table)
    categories = texts(labelled_table, "category")
    empty = categories == ""
    if empty.any():
        raise labelled_table.error("the category is empty", categories, empty)
    labelled, items = _items((labelled_table, items_table))
    head = head_fit(labelled, categories.to_list(), seed=options.seed)
    probabilities = head.predict(items)
    rows = [
        (key, head.categories[place], float(likely[place]))
        for key, likely, places in zip(ids, probabilities, best_of(probabilities), strict=True)
        for place in places
    ]
    schema: dict[str, Any] = {"id": pl.String(), "category": pl.String(), "probability": pl.Float64()}
    frame_write(pl.DataFrame(rows, schema=schema, orient="row"), out)


def _table(path: Path, key: str) -> Table:
    from forecasting.core.panel import PanelError

    table = table_read(path, (key,))
    if not {"image", "text"} & set(table.schema):
        raise PanelError("there must be a column image or a column text", source=str(path))
    if not table.height:
        raise PanelError("there are no rows", source=str(path))
    return table


def _items(tables: tuple[Table, Table]) -> list[Items]:
    """What both files say of their items, the photos as vectors."""
    import numpy as np

    from forecasting.core.categorise import Items
    from forecasting.core.pictures.models import Encoder, lite0_model

    images = [_column(table, "image") for table in tables]
    vectors = [np.full((table.height, 0), np.nan, np.float32) for table in tables]
    if any((column != "").any() for column in images):
        with TemporaryDirectory() as folder:
            encoder = Encoder(lite0_model(Path(folder)))
        for place, (table, column) in enumerate(zip(tables, images, strict=True)):
            vectors[place] = np.full((table.height, encoder.dimensions), np.nan, np.float32)
            rows = np.flatnonzero((column != "").to_numpy())
            vectors[place][rows] = encoder.encode(_pictures(table, column))
    return [
        Items(found, _column(table, "text").to_list()) for found, table in zip(vectors, tables, strict=True)
    ]


def _column(table: Table, name: str) -> pl.Series:
    import polars as pl

    return texts(table, name) if name in table.schema else pl.Series(name, [""] * table.height)


def _pictures(table: Table, column: pl.Series) -> Iterator[NDArray[np.uint8]]:
    """The photos of a file's rows, one at a time. Raises PanelError that names the row and the path."""
    from catalog.core.pictures import MOST_BYTES, Fault, PictureError, picture_decode

    folder = Path(table.source).resolve().parent
    for row, text in enumerate(column):
        if not text:
            continue
        try:
            path = folder / text
            if path.stat().st_size > MOST_BYTES:
                raise PictureError(Fault.TOO_MANY_BYTES)
            yield picture_decode(path.read_bytes()).pixels
        except (OSError, ValueError) as error:
            import polars as pl

            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            here = pl.Series([place == row for place in range(len(column))])
            raise table.error(reason, column, here) from error
