"""Online Retail: a small sample of every quirk, and the real files where they are to be had."""

from __future__ import annotations

import hmac
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from django.db.models import F, Sum

from catalog import services
from catalog.importers import online_retail
from catalog.importers.errors import FileError
from catalog.models import ImportBatch, Location, OrderLine, Product, SalesRecord

LIMIT = 200 << 20
NEW = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
OLD = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
UK = "United Kingdom"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Two lines are in both files, in another order, as in the real ones.
OVERLAP: list[list[Any]] = [
    ["536365", "85123A", "HEART", 6, at("2010-12-01 08:26"), 2.55, 17850, UK],
    ["536365", "71053", "LANTERN", 8, at("2010-12-01 08:26"), 3.39, 17850, UK],
]
OLDER: list[list[Any]] = [
    ["489434", "85048", "GLASS BALL", 12, at("2009-12-01 07:45"), 6.95, 13085, UK],
    ["489435", "85048", "GLASS BALL", -2, at("2009-12-01 08:00"), 0.0, None, UK],
    ["489436", "POST", "POSTAGE", 1, at("2010-07-01 23:30"), 18.0, 13085, "France"],
    ["A506401", "B", "Adjust bad debt", 1, at("2010-04-29 13:36"), -53594.36, None, UK],
    ["489437", "85123a", "Heart?", 5, at("2010-07-01 23:30"), 0.125, None, "European Community"],
    *OVERLAP[::-1],
]
NEWER: list[list[Any]] = [
    *OVERLAP,
    ["541431", "23166", "JAR", 74215, at("2011-01-18 10:01"), 1.04, 12346, UK],
    ["C541433", "23166", "JAR", -74215, at("2011-01-18 10:17"), 1.04, 12346, UK],
    ["541500", "85123A", "HEART", 3, at("2011-01-20 09:00"), 2.55, 17850, "EIRE"],
    ["C541501", "85123A", "HEART", -3, at("2011-01-20 08:00"), 2.55, 17850, "EIRE"],
    ["C541502", "85123A", "HEART", -2, at("2011-01-20 10:00"), 2.55, 17850, "EIRE"],
    ["C541503", "85123A", "HEART", -2, at("2011-01-20 11:00"), 2.55, 17850, "EIRE"],
    ["C541504", "85123A", "HEART", -1, at("2011-01-20 12:00"), 2.95, 17850, "EIRE"],
    ["C541505", "85123A", "HEART", -1, at("2011-01-20 12:00"), 2.55, None, "EIRE"],
    ["541600", "22423", "STAND", 2000, at("2011-02-01 09:00"), 10.0, 16000, "Unspecified"],
    ["541601", "71053", "=LANTERN", 1, at("2011-02-01 09:00"), 3.39, None, UK],
    ["541601", "71053", "=LANTERN", 1, at("2011-02-01 09:00"), 3.39, None, UK],
    ["541602", "71053", None, 1, at("2011-02-01 09:00"), 0.0, None, UK],
]  # fmt: skip


def frame(rows: list[list[Any]], header: list[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=header, orient="row", infer_schema_length=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    here = tmp_path / "retail"
    here.mkdir()
    frame(OLDER, OLD).write_parquet(here / "online_retail_II_old.parquet")
    frame(NEWER, NEW).write_parquet(here / "online_retail_new.parquet")
    (here / "notes.csv").write_text("not,one\n")
    return here


def prepared(path: Path) -> Any:
    return online_retail.prepare(path, limit=LIMIT, buyer_key=b"key")


def test_it_accounts_for_every_row_it_leaves_out(folder: Path) -> None:
    result = prepared(folder)
    assert result.drops == {
        "overlap": {"rows": 2, "quantity": "14", "value": "42.42"},
        "not-a-product": {"rows": 2, "quantity": "2", "value": "-53576.36"},
        "write-off": {"rows": 1, "quantity": "-2", "value": "0"},
        "no-price": {"rows": 1, "quantity": "1", "value": "0"},
    }
    assert result.rows_read == len(OLDER) + len(NEWER)
    assert result.orders.height == result.rows_read - 6
    every = [*OLDER[:-2], *NEWER]
    whole = sum((Decimal(str(row[3])) * Decimal(str(row[5])) for row in every), Decimal(0))
    left_out = sum(Decimal(drop["value"]) for name, drop in result.drops.items() if name != "overlap")
    assert Decimal(result.report["kept"]["value"]) + left_out == whole


def test_it_tells_cancellations_from_returns(folder: Path) -> None:
    kinds = dict(prepared(folder).orders.select("order_number", "kind").rows())
    assert kinds["C541433"] == "cancellation"
    assert kinds["C541501"] == "return"  # before the sale
    assert kinds["C541502"] == "cancellation"  # two of three
    assert kinds["C541503"] == "return"  # only one is left
    assert kinds["C541504"] == "return"  # another price
    assert kinds["C541505"] == "return"  # an unknown customer


def test_it_counts_one_off_bulk_orders(folder: Path) -> None:
    report = prepared(folder).report
    assert (report["bulk_cancelled"]["rows"], report["bulk_cancelled"]["quantity"]) == (1, "74215")
    assert (report["bulk_kept"]["rows"], report["bulk_kept"]["quantity"]) == (1, "2000")


@pytest.mark.django_db
def test_it_loads_markets_products_lines_and_days(folder: Path) -> None:
    batch = services.import_create(kind="online-retail", file=folder, acting_user=None)
    batch = services.import_run(batch_id=batch.pk)
    assert (batch.error, batch.state) == ("", "done")
    warehouse = Location.objects.get(code="GB")
    markets = Location.objects.exclude(pk=warehouse.pk)
    assert {market.receiving_location for market in markets} == {warehouse}
    assert dict(markets.values_list("code", "country")) == {
        "MARKET-GB": "GB",
        "MARKET-IE": "IE",
        "MARKET-EUROPEAN-COMMUNITY": "",
        "MARKET-UNSPECIFIED": "",
    }
    assert set(Location.objects.values_list("currency", "time_zone")) == {("GBP", "Europe/London")}
    assert Product.objects.get(sku="85123A").name == "HEART"
    assert Product.objects.get(sku="71053").name == "LANTERN"
    # British summer time: half past eleven at night is half past ten in UTC, on the same local day.
    summer = OrderLine.objects.get(order_number="489437")
    assert (summer.ordered_at, summer.day) == (datetime(2010, 7, 1, 22, 30, tzinfo=UTC), date(2010, 7, 1))
    bulk = SalesRecord.objects.get(product__sku="23166")
    assert [bulk.quantity, bulk.revenue] == [0, 0]
    ireland = SalesRecord.objects.get(location__code="MARKET-IE")
    assert [ireland.quantity, ireland.returns, ireland.orders, ireland.buyers] == [1, 7, 1, 1]
    line = OrderLine.objects.get(order_number="541431")
    assert line.buyer_hash != hmac.new(b"", b"12346", sha256).hexdigest()[:32]
    assert len(line.buyer_hash) == 32


@pytest.mark.django_db
def test_it_changes_nothing_when_it_is_imported_again_whole_or_in_parts(folder: Path) -> None:
    def run(path: Path) -> ImportBatch:
        batch = services.import_create(kind="online-retail", file=path, acting_user=None)
        return services.import_run(batch_id=batch.pk)

    run(folder)
    Product.objects.filter(sku="71053").update(name="A better name")
    for path in (folder, folder / "online_retail_II_old.parquet", folder / "online_retail_new.parquet"):
        again = run(path)
        assert (again.error, again.rows_new, again.rows_changed) == ("", 0, 0)
    assert Product.objects.get(sku="71053").name == "A better name"
    assert OrderLine.objects.count() == len(OLDER) + len(NEWER) - 6
    assert OrderLine.objects.filter(order_number="541601").count() == 2


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_it_reads_the_published_forms(kind: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / f"online_retail_II.{kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, header, rows in (("Year 2009-2010", OLD, OLDER), ("Year 2010-2011", OLD, NEWER)):
            sheet = book.create_sheet(title)
            for row in [header, *rows]:
                # A sheet takes codes of digits for numbers, as the published one does.
                sheet.append([int(c) if isinstance(c, str) and c.isdigit() else c for c in row])
        for cell in book["Year 2010-2011"]["C"]:
            cell.data_type = "s"  # else "=LANTERN" is a formula
        book.save(path)
    else:
        frame(NEWER, NEW).with_columns(pl.col("InvoiceDate").dt.strftime("%m/%d/%Y %H:%M")).write_csv(path)
    result = prepared(path)
    expected = prepared(folder if kind == "xlsx" else folder / "online_retail_new.parquet")
    assert result.drops == expected.drops
    assert result.report == expected.report
    assert result.orders.sort("order_number", "line_number").equals(
        expected.orders.sort("order_number", "line_number")
    )


def test_it_refuses_other_files_and_damaged_cells(tmp_path: Path) -> None:
    (tmp_path / "online_retail.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="no column for"):
        prepared(tmp_path)
    broken = frame(NEWER, NEW).with_columns(pl.col("Quantity").cast(pl.String))
    broken = broken.with_columns(pl.lit("x").alias("Quantity"))
    broken.write_csv(tmp_path / "online_retail.csv")
    with pytest.raises(FileError, match=r"row 2, Quantity “x”: is not a number"):
        prepared(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="no file of Online Retail"):
        prepared(tmp_path / "empty")


@pytest.mark.data
def test_it_accounts_for_the_real_files_to_the_penny(public_data: Path) -> None:
    result = prepared(public_data / "uci_online_retail")
    assert result.drops["overlap"] == {"rows": 22_523, "quantity": "166648", "value": "377488.45"}
    parts = [result.report["kept"], *(drop for name, drop in result.drops.items() if name != "overlap")]
    assert sum(part["rows"] for part in parts) == 1_044_847
    assert sum(Decimal(part["value"]) for part in parts) == Decimal("18909744.118")
    assert sum(int(part["quantity"]) for part in parts) == 10_441_843
    kept = result.orders
    assert not kept.select("source", "order_number", "line_number").is_duplicated().any()
    exact = (kept["quantity"] * (kept["unit_price"] * 10_000).round(0)).sum() / 10_000
    assert round(Decimal(exact), 4) == Decimal(result.report["kept"]["value"])
    # The two orders of more than 70,000 units, each cancelled within minutes.
    demand = (
        kept.filter(pl.col("kind") != "return")
        .group_by("sku", "location", "day")
        .agg(pl.col("quantity").sum())
    )
    for sku, day in (("23843", date(2011, 12, 9)), ("23166", date(2011, 1, 18))):
        assert demand.filter(pl.col("sku") == sku, pl.col("day") == day)["quantity"].sum() == 0
    assert demand["quantity"].min() == 0


@pytest.mark.data
@pytest.mark.django_db
def test_it_loads_a_real_month_to_the_penny(public_data: Path, tmp_path: Path) -> None:
    source = pl.read_parquet(public_data / "uci_online_retail" / "online_retail_2010_2011.parquet")
    month = source.filter(pl.col("InvoiceDate") < datetime(2011, 1, 1))
    path = tmp_path / "online_retail.parquet"
    month.write_parquet(path)
    batch = services.import_create(kind="online-retail", file=path, acting_user=None)
    batch = services.import_run(batch_id=batch.pk)
    assert batch.error == ""
    again = services.import_create(kind="online-retail", file=path, acting_user=None)
    assert services.import_run(batch_id=again.pk).rows_new == 0
    stored = OrderLine.objects.aggregate(value=Sum(F("quantity") * F("unit_price")))["value"]
    left_out = sum(Decimal(drop["value"]) for drop in batch.drops.values())
    whole = (month["Quantity"] * (month["UnitPrice"] * 10_000).round(0).cast(pl.Int64)).sum()
    assert round(Decimal(str(stored)), 4) + left_out == Decimal(whole) / 10_000
    days = SalesRecord.objects.aggregate(Sum("quantity"), Sum("returns"))
    kept = batch.options["report"]
    assert days["quantity__sum"] == int(kept["sale"]["quantity"]) + int(kept["cancellation"]["quantity"])
    assert days["returns__sum"] == -int(kept["return"]["quantity"])
