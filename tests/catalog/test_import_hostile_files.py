"""Files as they really come: cut off, wrongly encoded, wrongly typed, hostile. Nothing half loads."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from django.core.files.base import ContentFile

from catalog import services
from catalog.importers import workbook
from catalog.importers.errors import FileError
from catalog.importers.reading import table_read
from catalog.models import ImportBatch, Product, SalesRecord
from tests.cast import make_location, make_product

pytestmark = pytest.mark.django_db
HEADER = "sku,location,day,quantity,revenue\n"
LIMIT = 200 << 20


@pytest.fixture(autouse=True)
def _shop(settings: Any, tmp_path: Path, db: None) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    make_product(sku="A")
    make_product(sku="B")
    make_location(code="MAIN")


def load(content: bytes | str, kind: str = "sales", name: str = "f.csv", **values: Any) -> ImportBatch:
    data = content.encode() if isinstance(content, str) else content
    batch = services.import_create(kind=kind, file=ContentFile(data, name=name), acting_user=None, **values)
    return services.import_run(batch_id=batch.pk)


def refused(batch: ImportBatch) -> list[tuple[int, str, str, str]]:
    """Nothing was loaded; its errors as (row, column, value, reason)."""
    assert batch.state == "failed"
    assert not SalesRecord.objects.exists()
    return [(e["row"], e["column"], e["value"], e["reason"]) for e in batch.errors]


def excel(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


WHOLE = HEADER + "".join(f"A,MAIN,2026-01-{day:02d},{day},{day}.50\n" for day in range(1, 29))


@pytest.mark.parametrize("cut", [60, 61, 70, 72, 75, 120])
def test_it_loads_nothing_from_half_a_csv(cut: int) -> None:
    batch = load(WHOLE[:cut])
    if batch.state == "done":
        # A cut inside the last number can't be seen in CSV: the reader says where to look.
        assert "make sure that its last row is whole" in batch.options["notes"][0]
        assert WHOLE[:cut].count("\n") == SalesRecord.objects.count()
    else:
        assert not SalesRecord.objects.exists()
        assert "cut off" in batch.error or "wrong" in batch.error


def test_it_names_the_row_at_which_a_csv_is_cut_off() -> None:
    batch = load(HEADER + "A,MAIN,2026-01-01,3,1\nA,MAIN,2026-")
    assert refused(batch) == []
    assert "row 3" in batch.error
    assert "cut off" in batch.error


def test_it_refuses_a_csv_that_ends_inside_a_quoted_value() -> None:
    assert "cut off" in load(HEADER + 'A,MAIN,2026-01-01,3,"1\nA,MAIN,2026-01-02,3,1\n').error
    assert "cut off" in load(HEADER + 'A,MAIN,2026-01-01,3,"1').error
    assert not SalesRecord.objects.exists()


@pytest.mark.parametrize("name", ["f.xlsx", "f.parquet"])
def test_it_loads_nothing_from_half_a_binary_file(name: str) -> None:
    frame = pl.DataFrame({"sku": ["A"] * 500, "location": "MAIN", "day": date(2026, 1, 1), "quantity": 1.0})
    stream = io.BytesIO()
    frame.write_parquet(stream)
    whole = (
        stream.getvalue()
        if name == "f.parquet"
        else excel([[*frame.columns], *([*row] for row in frame.rows())])
    )
    for part in (whole[: len(whole) // 2], whole[: len(whole) - 10]):
        batch = load(part, name=name)
        assert refused(batch) == []
        assert "damaged or cut off" in batch.error


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_reads_unicode_with_and_without_its_mark(encoding: str) -> None:
    batch = load("sku,name\nÄ1,Grüße 杯子\n".encode(encoding), kind="product")
    assert batch.error == ""
    assert Product.objects.get(sku="Ä1").name == "Grüße 杯子"


def test_it_names_the_line_that_is_in_another_encoding() -> None:
    batch = load("sku,name\nX1,Mug\nX2,Grüße\n".encode("cp1252"), kind="product")
    assert batch.state == "failed"
    assert "Line 3 is not valid UTF-8 (byte 0xFC)" in batch.error
    assert not Product.objects.filter(sku="X1").exists()
    assert "zero byte" in load("sku,name\nX1,Mug\n".encode("utf-16-le"), kind="product").error
    assert "UTF-16" in load("sku,name\nX1,Mug\n".encode("utf-16")[:-1], kind="product").error


def test_it_refuses_files_of_other_kinds_whatever_their_name() -> None:
    assert "neither CSV" in load(b"%PDF-1.7 ...", name="f.csv").error
    assert "neither CSV" in load(b"\xd0\xcf\x11\xe0" + b"\0" * 600, name="f.xlsx").error
    assert "empty" in load(b"", name="f.csv").error
    assert "no rows" in load(HEADER).error
    assert "Two columns" in load("sku,sku\nA,A\n").error
    assert "no column for: location, day" in load("sku,quantity\nA,3\n").error


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter(delimiter: str) -> None:
    text = (HEADER + "A,MAIN,2026-01-01,3,1.50\n").replace(",", delimiter)
    assert load(text).error == ""
    assert SalesRecord.objects.get().revenue == Decimal("1.5")


def test_it_refuses_a_decimal_comma_unless_the_file_is_said_to_have_one() -> None:
    text = "sku;location;day;quantity;revenue\nA;MAIN;2026-01-01;12,5;1.234,56\nB;MAIN;2026-01-01;3;4\n"
    errors = refused(load(text))
    assert [error[:3] for error in errors] == [(2, "quantity", "12,5"), (2, "revenue", "1.234,56")]
    assert "decimal comma" in errors[0][3]
    assert load(text, options={"decimal": "comma"}).error == ""
    record = SalesRecord.objects.get(product__sku="A")
    assert (record.quantity, record.revenue) == (Decimal("12.5"), Decimal("1234.56"))
    other = load(text.replace("12,5", "12.5"), options={"decimal": "comma"})
    assert [error["value"] for error in other.errors] == ["12.5"]


def test_it_keeps_typed_numbers_of_excel_whatever_the_decimal_mark() -> None:
    rows: list[list[Any]] = [HEADER.strip().split(","), ["A", "MAIN", date(2026, 1, 1), 1.234, "1,5"]]
    assert load(excel(rows), name="f.xlsx", options={"decimal": "comma"}).error == ""
    record = SalesRecord.objects.get()
    assert (record.quantity, record.revenue, record.day) == (
        Decimal("1.234"),
        Decimal("1.5"),
        date(2026, 1, 1),
    )


def test_it_names_the_rows_whose_date_is_in_another_format() -> None:
    text = HEADER + (
        "A,MAIN,2026-01-05,1,1\nA,MAIN,2026-01-06,1,1\nA,MAIN,2026-01-09,1,1\n"
        "A,MAIN,07/01/2026,1,1\nA,MAIN,Jan 8 2026,1,1\n"
    )
    errors = refused(load(text))
    assert [(row, value) for row, _column, value, _reason in errors] == [(5, "07/01/2026"), (6, "Jan 8 2026")]
    assert "another format" in errors[0][3]
    assert "not a date" in errors[1][3]


def test_it_takes_day_first_or_month_first_only_when_there_is_no_doubt() -> None:
    doubtful = HEADER + "A,MAIN,05/01/2026,1,1\nA,MAIN,06/01/2026,1,1\n"
    assert "may be day/month or month/day" in refused(load(doubtful))[0][3]
    assert load(doubtful, options={"date_order": "mdy"}).error == ""
    assert SalesRecord.objects.filter(day=date(2026, 5, 1)).exists()
    SalesRecord.objects.all().delete()
    assert load(HEADER + "A,MAIN,05/01/2026,1,1\nA,MAIN,25/01/2026,1,1\n").error == ""
    assert set(SalesRecord.objects.values_list("day", flat=True)) == {date(2026, 1, 5), date(2026, 1, 25)}
    SalesRecord.objects.all().delete()
    mixed = refused(load(HEADER + "A,MAIN,25/01/2026,1,1\nA,MAIN,01/26/2026,1,1\n"))
    assert "mixes" in mixed[0][3]


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-02-30", "not a day of the calendar"),
        ("2099-01-01", "in the future"),
        ("0026-01-01", "not between 1970 and 2100"),
        ("2026-01-05 13:00", "time of day"),
        ("46027", "not a date"),
    ],
)
def test_it_refuses_days_that_cannot_be_right(day: str, reason: str) -> None:
    errors = refused(load(HEADER + f"A,MAIN,{day},1,1\n"))
    assert len(errors) == 1
    assert reason in errors[0][3]


def test_it_names_row_column_value_and_reason_of_each_mistake() -> None:
    text = (
        HEADER
        + "A,MAIN,2026-01-01,3,1\nNOPE,MAIN,2026-01-01,3,1\nA,NOWHERE,2026-01-02,3,1\n,MAIN,2026-01-03,3,1\n"
    )
    assert refused(load(text)) == [
        (3, "sku", "NOPE", "is not a known SKU"),
        (4, "location", "NOWHERE", "is not a known location"),
        (5, "sku", "", "is empty"),
    ]


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        ("-3", "is negative"),
        ("1e30", "is larger than 1,000,000,000"),
        ("1e400", "is not a finite number"),
        ("NaN", "is not a finite number"),
        ("-inf", "is not a finite number"),
        ("three", "is not a number"),
        ("0x10", "is not a number"),
        ("1 000", "decimal point"),
        ("٣", "is not a number"),
        ("0.00001", "is too small"),
        ("=1+1", "is not a number"),
        ("", "is empty"),
    ],
)
def test_it_refuses_quantities_that_cannot_be_right(quantity: str, reason: str) -> None:
    errors = refused(load(HEADER + f"A,MAIN,2026-01-01,{quantity},1\n"))
    assert [error[:3] for error in errors] == [(2, "quantity", quantity)]
    assert reason in errors[0][3]


def test_it_refuses_nan_and_infinity_in_typed_columns() -> None:
    frame = pl.DataFrame(
        {
            "sku": ["A", "A", "A"],
            "location": "MAIN",
            "day": [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)],
            "quantity": [float("nan"), float("inf"), 1e30],
        }
    )
    stream = io.BytesIO()
    frame.write_parquet(stream)
    assert [error[0] for error in refused(load(stream.getvalue(), name="f.parquet"))] == [2, 3, 4]


@pytest.mark.parametrize("cell", ["=cmd|'/C calc'!A0", "+SUM(1)", "-2+3", "@SUM(A1)", "'=1+1"])
def test_it_refuses_cells_that_a_spreadsheet_would_run_and_makes_them_safe(cell: str) -> None:
    batch = load(f'sku,name\nM1,"{cell}"\nM2,Mug\n', kind="product")
    assert batch.state == "failed"
    assert [(e["row"], e["column"]) for e in batch.errors] == [(2, "name")]
    assert "formula" in batch.errors[0]["reason"]
    assert not Product.objects.filter(sku__startswith="M").exists()
    line = batch.rejected_file.read().decode("utf-8-sig").splitlines()[1]
    assert line.startswith(f"M1,'{cell.removeprefix(chr(39))},")


@pytest.mark.parametrize("cell", ["a\x07b", "a\u202eb", "x" * 251])
def test_it_refuses_control_characters_and_endless_text(cell: str) -> None:
    batch = load(f"sku,name\nM1,{cell}\n", kind="product")
    assert batch.state == "failed"
    assert [(e["row"], e["column"]) for e in batch.errors] == [(2, "name")]


def test_it_names_both_rows_of_a_key_that_stands_twice() -> None:
    text = (
        HEADER
        + "A,MAIN,2026-01-01,3,1\nB,MAIN,2026-01-01,3,1\nA,MAIN,2026-01-01,3,1\nB,MAIN,2026-01-01,4,1\n"
    )
    errors = refused(load(text))
    assert [(row, reason) for row, _column, _value, reason in errors] == [
        (3, "has the same key as row 5, with other values"),
        (4, "has the same key and values as row 2"),
        (5, "has the same key as row 3, with other values"),
    ]
    good = load(text, mode="good-rows")
    assert (good.rows_new, good.rows_rejected) == (1, 3)


def test_it_names_rows_with_more_or_fewer_cells_than_the_header() -> None:
    text = (
        HEADER
        + "A,MAIN,2026-01-01,3,1\n\nA,MAIN,2026-01-02,3\nA,MAIN,2026-01-03,3,1,9\nA,MAIN,2026-01-04,-1,1\n"
    )
    errors = refused(load(text))
    assert [(row, column) for row, column, _value, _reason in errors] == [(4, ""), (5, ""), (6, "quantity")]
    assert "has 4 values, the header has 5" in errors[0][3]
    good = load(text, mode="good-rows")
    assert (good.rows_new, good.rows_rejected) == (1, 3)
    assert "A,MAIN,2026-01-02,3,," in good.rejected_file.read().decode("utf-8-sig")


def zip_of(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_it_refuses_a_zip_bomb_before_it_unpacks_it(settings: Any) -> None:
    bomb = zip_of({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b" " * (64 << 20)})
    assert len(bomb) < 100_000
    batch = load(bomb, name="f.xlsx")
    assert refused(batch) == []
    assert "unpacks to more than" in batch.error
    settings.FORESTOCK_UPLOAD_LIMIT_BYTES = 1 << 20
    assert "larger than 4 MB" in load(bomb, name="f.xlsx").error


def test_it_counts_what_it_unpacks_since_a_zip_directory_may_lie(tmp_path: Path) -> None:
    size = 64 << 20
    bomb = bytearray(zip_of({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b" " * size}))
    real = size.to_bytes(4, "little")
    assert bomb.count(real) == 2
    path = tmp_path / "f.xlsx"
    path.write_bytes(bytes(bomb).replace(real, (1000).to_bytes(4, "little")))
    with pytest.raises(FileError):
        workbook.workbook_check(path, limit=LIMIT)


def test_it_refuses_a_zip_that_is_no_workbook() -> None:
    assert "not an Excel workbook" in load(zip_of({"a.txt": b"hello"}), name="f.xlsx").error


def test_it_refuses_an_upload_over_the_limit(settings: Any) -> None:
    settings.FORESTOCK_UPLOAD_LIMIT_BYTES = 1 << 20
    with pytest.raises(services.CatalogError, match="larger than 1 MB"):
        load(b"x" * (1 << 20) + b"x")


def test_it_reads_only_the_start_of_a_file_for_a_preview(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + "A,MAIN,2026-01-01,3,1\n" * 50_000)
    table = table_read(path, limit=LIMIT, head=20)
    assert (table.frame.height, table.header) == (20, HEADER.strip().split(","))


def test_it_stores_uploads_under_a_name_of_its_own() -> None:
    batch = load(
        "sku,name\nX,X\n", kind="product", name="../../etc/passwd.csv", file_name="..\\..\\a\x07b.csv"
    )
    assert batch.file_name == "ab.csv"
    assert Path(str(batch.file.name)).stem.isalnum()
    assert str(batch.file.name).startswith("imports/")


def test_it_refuses_options_and_kinds_that_do_not_exist() -> None:
    for values in (
        {"kind": "nope"},
        {"options": {"path": "/etc/passwd"}},
        {"mode": "x"},
        {"options": {"decimal": "?"}},
    ):
        with pytest.raises(services.CatalogError):
            load(HEADER, **values)


def test_it_checks_a_fifth_of_a_million_rows_in_a_moment(tmp_path: Path) -> None:
    from time import perf_counter

    from catalog.importers.datasets import DATA_SETS
    from catalog.importers.mapping import mapping_suggest
    from catalog.importers.parsing import Style, parse

    n = 200_000
    days = pl.date_range(date(2020, 1, 1), date(2024, 12, 31), eager=True).cast(pl.String)
    frame = pl.DataFrame(
        {
            "sku": ["A", "B"] * (n // 2),
            "location": "MAIN",
            "day": days.sample(n, with_replacement=True, seed=1),
            "quantity": "12.5",
            "revenue": "3.25",
        }
    )
    path = tmp_path / "f.csv"
    frame.write_csv(path)
    start = perf_counter()
    table = table_read(path, limit=LIMIT)
    parsed = parse(
        table,
        DATA_SETS["sales"],
        mapping_suggest(DATA_SETS["sales"], table.header),
        Style(latest=date(2026, 1, 1)),
        {},
    )
    assert perf_counter() - start < 10  # about half a second on an idle core
    assert parsed.frame.height == n
    assert not parsed.errors.frames
    assert parsed.frame["quantity"].sum() == 12.5 * n
    assert datetime.fromisoformat(str(parsed.frame["day"][0]))
