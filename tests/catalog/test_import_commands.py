"""The import commands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.importers.datasets import DATA_SETS
from catalog.models import ImportBatch, SalesRecord
from tests.cast import make_location, make_product, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    make_product(sku="A")
    make_location(code="MAIN")
    path = tmp_path / "sales.csv"
    path.write_text("Artikel,day,quantity\nA,2026-01-05,3\nNOPE,2026-01-05,3\n")
    return path


def command(*args: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*args, stdout=out, stderr=err, verbosity=0)
    return out.getvalue(), err.getvalue()


def test_it_imports_a_file_with_its_columns_named_and_others_set(sales: Path) -> None:
    make_user("ann")
    args = ["import_file", "sales", str(sales), "--map", "Artikel=sku", "--set", "location=MAIN"]
    with pytest.raises(CommandError, match="1 row is wrong"):
        command(*args)
    assert not SalesRecord.objects.exists()
    out, err = command(*args, "--mode", "good-rows", "--as-user", "ann")
    assert "2 rows read, 1 new, 0 changed, 0 unchanged, 1 rejected" in out
    assert "row 3, Artikel “NOPE”: is not a known SKU" in err
    batch = ImportBatch.objects.latest("pk")
    assert str(batch.created_by) == "ann"
    command("import_take_back", str(batch.pk), "--as-user", "ann")
    assert not SalesRecord.objects.exists()


def test_it_says_what_is_wrong_with_a_call(sales: Path) -> None:
    for args in (
        ["import_file", "sales"],
        ["import_file", "sales", "/does/not/exist.csv"],
        ["import_file", "sales", str(sales), "--map", "Artikel"],
        ["import_file", "sales", str(sales), "--set", "nope=1"],
        ["import_file", "sales", str(sales), "--as-user", "nobody"],
        ["import_take_back", "1", "--as-user", "nobody"],
    ):
        with pytest.raises(CommandError):
            command(*args)


@pytest.mark.parametrize("kind", sorted(DATA_SETS))
def test_it_prints_a_template_whose_columns_are_understood(kind: str) -> None:
    header, example = command("import_template", kind)[0].splitlines()
    assert all(DATA_SETS[kind].knows(name) for name in header.split(","))
    assert example
