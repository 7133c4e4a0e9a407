"""What is in an uploaded file, and which of its columns is which, told by name and header."""

from __future__ import annotations

import pytest
from django.utils import translation

from catalog.importers.datasets import DATA_SETS
from catalog.importers.mapping import kind_suggest, mapping_suggest
from catalog.importers.templates import template_csv


@pytest.mark.parametrize("kind", sorted(DATA_SETS))
def test_every_template_is_known_by_its_columns_and_name(kind: str) -> None:
    header = template_csv(DATA_SETS[kind]).splitlines()[0].split(",")
    assert kind_suggest(DATA_SETS, header, f"{kind}.csv") == kind


@pytest.mark.parametrize(
    ("kind", "header", "name"),
    [
        ("sales", ["sku", "location", "day", "units sold"], "export.csv"),
        ("stock", ["SKU", "Location", "Day", "On hand"], "export (3).csv"),
        ("supply_terms", ["supplier", "sku", "unit cost", "currency", "lead_time_days"], "terms.xlsx"),
        ("product", ["sku", "name"], "list.csv"),
        # A quantity of a day could be either; the name tells.
        ("stock", ["sku", "location", "day", "quantity"], "stock-2026-11-22.csv"),
        ("sales", ["sku", "location", "day", "quantity"], "Sales of november.csv"),
        # The name says one thing, the columns can only be another.
        ("product", ["sku", "name"], "sales.csv"),
        # Columns that nobody knows: the name alone.
        ("sales", ["Artikel", "Menge"], "sales.csv"),
        (None, ["colour", "shape"], "odd.csv"),
        (None, [], ""),
    ],
)
def test_columns_decide_and_a_name_tells_between_those_that_fit(
    kind: str | None, header: list[str], name: str
) -> None:
    assert kind_suggest(DATA_SETS, header, name) == kind


def test_headers_in_the_readers_language_are_known() -> None:
    with translation.override("zh-hans"):
        labels = [str(column.label) for column in DATA_SETS["stock"].columns]
        found = mapping_suggest(DATA_SETS["stock"], labels)
        assert set(found.values()) == {column.name for column in DATA_SETS["stock"].columns}
        assert kind_suggest(DATA_SETS, labels, "库存.csv") == "stock"


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
