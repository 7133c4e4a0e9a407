"""The files that people fill in: a header, and one row that shows what goes where."""

from __future__ import annotations

import csv
import io

from catalog.importers.columns import DataSet


def template_csv(data_set: DataSet) -> str:
    """CSV with the columns of a data set and an example row."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(column.name for column in data_set.columns)
    writer.writerow(column.example for column in data_set.columns)
    return stream.getvalue()
