"""``sentiment TEXTS``: how likely each text praises, and its language."""

from __future__ import annotations

import argparse
from pathlib import Path

from forecasting.core.commands.files import (
    TABLES,
    Parser,
    frame_write,
    keys,
    labels,
    place_check,
    positive,
    table_read,
    texts,
)

_DESCRIPTION = "Read the sentiment of texts. docs/sentiment.md describes the method and the files."


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """The command's arguments."""
    command = commands.add_parser("sentiment", help="praise or blame in texts", description=_DESCRIPTION)
    command.add_argument("texts", metavar="TEXTS", help=".csv or .parquet: id, text")
    command.add_argument("--out", required=True, metavar="OUT", help="to write: id, p_positive, language")
    command.add_argument("--labelled", metavar="LABELLED", help="text, label: 1 praises, 0 does not")
    command.add_argument("--threads", default=1, type=positive, metavar="N")


def run(options: argparse.Namespace) -> None:
    """Read, learn from the labelled texts if there are enough, write one row per text."""
    import numpy as np
    import polars as pl

    out = Path(options.out)
    place_check(out, TABLES)
    table = table_read(Path(options.texts), ("id", "text"))
    ids, wanted = keys(table), texts(table, "text").to_list()
    taught: tuple[list[str], list[int]] = ([], [])
    if options.labelled:
        teaching = table_read(Path(options.labelled), ("text", "label"))
        taught = texts(teaching, "text").to_list(), labels(teaching)

    from forecasting.core.text.builtin import builtin_default
    from forecasting.core.text.encoders import encoder_default
    from forecasting.core.text.sentiment import SentimentModel

    model = SentimentModel(encoder_default(options.threads), builtin_default()).fit(*taught)
    found = model.adapted(wanted)
    # Where nothing can be read, neither side is likelier.
    p_positive = np.nan_to_num(found.p_positive, nan=0.5)
    frame_write(
        pl.DataFrame(
            {"id": ids, "p_positive": p_positive, "language": found.languages},
            schema={"id": pl.String, "p_positive": pl.Float64, "language": pl.String},
        ),
        out,
    )
