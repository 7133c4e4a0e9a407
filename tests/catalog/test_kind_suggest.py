"""What is in an uploaded file, told by its name and its columns."""

from __future__ import annotations

import pytest

from catalog.importers.datasets import DATA_SETS
from catalog.importers.mapping import kind_suggest


@pytest.mark.parametrize(
    ("name", "header", "kind"),
    [
        ("sales_2026.csv", ["SKU", "Store", "Day", "Quantity"], "sales"),
        # Its number has a name that nobody knows: the file's own name still says what it is.
        ("sales.csv", ["SKU", "Store", "Day", "Pieces over the counter", "Revenue"], "sales"),
        # Another kind knows more of the columns than the name's.
        ("stock_sales.csv", ["SKU", "Store", "Day", "Units sold", "Revenue"], "sales"),
        ("notes.csv", ["this", "that"], None),
    ],
)
def test_it_tells_the_kind(name: str, header: list[str], kind: str | None) -> None:
    assert kind_suggest(DATA_SETS, header, name) == kind
