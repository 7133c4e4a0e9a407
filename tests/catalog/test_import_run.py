"""Imports end to end on the database: counts, modes, history, several kinds, jobs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from catalog import services
from catalog.models import (
    Category,
    ImportBatch,
    Location,
    OrderLine,
    Product,
    SalesRecord,
    SupersededFact,
    SupplyTerms,
)
from tests.cast import make_location, make_product, make_supplier

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def run(kind: str, text: str, **values: Any) -> ImportBatch:
    batch = services.import_create(
        kind=kind,
        file=ContentFile(text.encode(), name="f.csv"),
        file_name="f.csv",
        acting_user=None,
        **values,
    )
    return services.import_run(batch_id=batch.pk)


def test_it_loads_sales_and_the_same_file_again_changes_nothing() -> None:
    product, location = make_product(sku="A"), make_location(code="MAIN")
    text = "sku,location,day,quantity,revenue\nA,MAIN,2026-01-05,3,13.50\nA,MAIN,2026-01-06,1,4.50\n"
    first = run("sales", text)
    assert (first.state, first.error) == ("done", "")
    assert (first.rows_read, first.rows_new, first.rows_changed) == (2, 2, 0)
    record = SalesRecord.objects.get(product=product, location=location, day=date(2026, 1, 5))
    assert (record.quantity, record.revenue, record.batch_id) == (Decimal(3), Decimal("13.5"), first.pk)
    second = run("sales", text)
    assert second.sha256 == first.sha256
    assert (second.rows_new, second.rows_changed, second.rows_unchanged) == (0, 0, 2)
    assert not SupersededFact.objects.exists()


def test_it_changes_what_a_later_file_says_otherwise() -> None:
    make_product(sku="A")
    make_location(code="MAIN")
    run("sales", "sku,location,day,quantity\nA,MAIN,2026-01-05,3\n")
    batch = run("sales", "sku,location,day,quantity\nA,MAIN,2026-01-05,4\n")
    assert (batch.rows_new, batch.rows_changed) == (0, 1)
    assert SalesRecord.objects.get().quantity == 4
    assert SupersededFact.objects.get().row["quantity"] == 3


def test_it_loads_products_with_names_in_several_languages_and_attributes() -> None:
    run("category", "code,name,parent\nmugs,Mugs,kitchen\nkitchen,Kitchen,\n")
    batch = run(
        "product",
        "sku,name,category,name:zh-hans,attribute:brand,status\nM1,Mug,mugs,杯子,Acme,active\nM2,Cup,mugs,,,\n",
    )
    assert (batch.error, batch.errors) == ("", [])
    mug = Product.objects.get(sku="M1")
    assert mug.names == {"zh-hans": "杯子"}
    assert mug.attributes == {"brand": "Acme"}
    assert "杯子" in mug.search_text
    assert Product.objects.get(sku="M2").status == "active"
    assert Category.objects.get(code="mugs").parent.code == "kitchen"  # type: ignore[union-attr]


def test_it_keeps_what_a_file_has_no_column_for() -> None:
    run("product", "sku,name,status,attribute:brand,attribute:size\nM1,Mug,phase-out,Acme,L\n")
    run("product", "sku,name,attribute:size\nM1,Big mug,XL\n")
    mug = Product.objects.get()
    assert (mug.name, mug.status) == ("Big mug", "phase-out")
    assert mug.attributes == {"brand": "Acme", "size": "XL"}


def test_it_loads_rows_that_refer_to_later_rows_of_the_file_once() -> None:
    text = "sku,name,successor\nA,Old,B\nB,New,C\nC,Newest,\n"
    batch = run("product", text)
    assert batch.rows_new == 3
    assert Product.objects.get(sku="A").successor.sku == "B"  # type: ignore[union-attr]
    again = run("product", text)
    assert (again.rows_changed, again.rows_unchanged) == (0, 3)


def test_it_refuses_rows_that_refer_to_one_another_in_a_circle() -> None:
    batch = run("category", "code,name,parent\na,A,b\nb,B,a\n")
    assert batch.state == "failed"
    assert {error["row"] for error in batch.errors} == {2, 3}
    assert "circle" in batch.errors[0]["reason"]
    run("category", "code,name,parent\na,A,b\nb,B,\n")
    assert run("category", "code,name,parent\nb,B,a\n").state == "failed"


def test_it_refuses_a_chain_of_receiving_locations() -> None:
    text = "code,name,currency,receiving_location\nA,A,EUR,\nB,B,EUR,A\nC,C,EUR,B\n"
    batch = run("location", text)
    assert batch.state == "failed"
    assert [error["row"] for error in batch.errors] == [4]


def test_it_loads_supply_terms_everywhere_and_at_a_location() -> None:
    make_product(sku="A")
    make_location(code="MAIN")
    make_supplier(code="ACME")
    text = (
        "supplier,sku,location,unit_cost,currency,moq,order_multiple,price_breaks\n"
        "ACME,A,,2.10,EUR,24,12,100:2.00 500:1.85\n"
        "ACME,A,MAIN,2.20,EUR,24,12,\n"
    )
    batch = run("supply_terms", text)
    assert (batch.error, batch.rows_new) == ("", 2)
    assert SupplyTerms.objects.get(location=None).price_breaks == [[100.0, 2.0], [500.0, 1.85]]
    assert run("supply_terms", text).rows_unchanged == 2


def test_it_rolls_order_lines_up_by_the_locations_own_day() -> None:
    make_product(sku="A")
    make_location(code="NY", time_zone="America/New_York")
    text = (
        "order_number,line_number,sku,location,ordered_at,kind,quantity,unit_price,buyer\n"
        "1,1,A,NY,2026-01-05T23:30:00-05:00,sale,3,2,ann\n"
        "2,1,A,NY,2026-01-06T04:30:00Z,sale,2,2,bob\n"
        "2,2,A,NY,2026-01-06T04:31:00Z,cancellation,-1,2,bob\n"
        "3,1,A,NY,2026-01-06T12:00:00Z,return,-1,2,ann\n"
    )
    batch = run("order_lines", text)
    assert (batch.error, batch.rows_new) == ("", 4)
    day = SalesRecord.objects.get(day=date(2026, 1, 5))
    assert [day.quantity, day.revenue, day.orders, day.buyers] == [4, 8, 2, 2]
    assert SalesRecord.objects.get(day=date(2026, 1, 6)).returns == 1
    buyers = set(OrderLine.objects.values_list("buyer_hash", flat=True))
    assert len(buyers) == 2
    assert not buyers & {"ann", "bob"}
    assert run("order_lines", text).rows_unchanged == 4
    moved = run("order_lines", text.replace("2026-01-06T12:00:00Z,return", "2026-01-07T12:00:00Z,return"))
    assert moved.rows_changed == 1
    assert not SalesRecord.objects.filter(day=date(2026, 1, 6)).exists()


def test_it_loads_the_good_rows_when_asked_and_keeps_the_bad_ones_to_be_mended() -> None:
    make_product(sku="A")
    make_location(code="MAIN")
    text = "sku,location,day,quantity\nA,MAIN,2026-01-05,3\nNOPE,MAIN,2026-01-05,3\nA,MAIN,2026-01-06,-3\n"
    assert run("sales", text).state == "failed"
    assert not SalesRecord.objects.exists()
    batch = run("sales", text, mode="good-rows")
    assert (batch.state, batch.rows_new, batch.rows_rejected) == ("done", 1, 2)
    rejected = batch.rejected_file.read().decode("utf-8-sig")
    assert rejected.splitlines()[0] == "sku,location,day,quantity,error"
    assert len(rejected.splitlines()) == 3
    mended = run("sales", rejected.replace("NOPE", "A").replace(",-3,", ",3,"))
    assert (mended.state, mended.rows_new) == ("done", 2) or mended.errors == []


def test_it_gives_back_the_whole_of_a_refused_file_and_takes_it_when_mended() -> None:
    make_product(sku="A")
    make_location(code="MAIN")
    text = "sku,location,day,quantity\nA,MAIN,2026-01-05,3\nB,MAIN,2026-01-05,3\n"
    refused = run("sales", text)
    rejected = refused.rejected_file.read().decode("utf-8-sig").splitlines()
    assert rejected[1].startswith("B,MAIN,2026-01-05,3,sku: ")
    assert rejected[2] == "A,MAIN,2026-01-05,3,"
    make_product(sku="B")
    mended = run("sales", "\n".join(rejected) + "\n")
    assert (mended.state, mended.rows_new) == ("done", 2)


def test_it_rejects_rows_that_refer_to_a_rejected_row() -> None:
    batch = run("category", "code,name,parent\na,,\nb,B,a\nc,C,b\nd,D,\n", mode="good-rows")
    assert batch.rows_rejected == 3
    assert list(Category.objects.values_list("code", flat=True)) == ["d"]


def test_it_remembers_how_a_files_columns_were_mapped() -> None:
    make_product(sku="A")
    make_location(code="MAIN")
    header = "Artikel,Lager,Tag,Menge\n"
    mapping = {"Artikel": "sku", "Lager": "location", "Tag": "day", "Menge": "quantity"}
    assert run("sales", header + "A,MAIN,2026-01-05,3\n").state == "failed"
    assert run("sales", header + "A,MAIN,2026-01-05,3\n", mapping=mapping).rows_new == 1
    assert run("sales", header + "A,MAIN,2026-01-06,3\n").rows_new == 1


def test_it_leaves_a_finished_and_a_draft_import_alone() -> None:
    make_location(code="MAIN")
    batch = run("location", "code,name,currency\nB,B,EUR\n")
    Location.objects.filter(code="B").delete()
    assert services.import_run(batch_id=batch.pk).finished_at == batch.finished_at
    assert not Location.objects.filter(code="B").exists()
    draft = services.import_create(
        kind="location",
        file=ContentFile(b"code,name,currency\nC,C,EUR\n", name="x.csv"),
        acting_user=None,
        draft=True,
    )
    assert services.import_run(batch_id=draft.pk).state == "queued"
    ImportBatch.objects.update(created_at="2020-01-01T00:00Z")
    assert draft.pk not in ImportBatch.stale_ids()
    services.import_confirm(batch=draft, mapping={}, mode="strict", options={})
    assert services.import_run(batch_id=draft.pk).state == "done"


def test_it_takes_up_an_import_whose_worker_was_lost() -> None:
    batch = services.import_create(
        kind="location", file=ContentFile(b"code,name,currency\nC,C,EUR\n", name="x.csv"), acting_user=None
    )
    assert ImportBatch.take(batch.pk)
    assert services.import_run(batch_id=batch.pk).state == "running"
    ImportBatch.objects.filter(pk=batch.pk).update(heartbeat_at="2020-01-01T00:00Z")
    assert services.import_run(batch_id=batch.pk).rows_new == 1


def test_it_refuses_a_gtin_that_two_products_would_have() -> None:
    run("product", "sku,name,gtin\nA,A,4006381333931\n")
    batch = run("product", "sku,name,gtin\nB,B,4006381333931\n")
    assert batch.state == "failed"
    assert batch.errors[0]["reason"] == "is the GTIN of another product"
    run("product", "sku,name,gtin\nA,A,\nB,B,4006381333931\n")
    assert Product.objects.get(gtin="4006381333931").sku == "B"
    twice = run("product", "sku,name,gtin\nC,C,96385074\nD,D,96385074\n")
    assert [error["row"] for error in twice.errors] == [2, 3]


def test_it_takes_rows_of_a_call_and_restricts_them() -> None:
    product = make_product(sku="A")
    make_location(code="MINE")
    make_location(code="OTHER")
    row = {"sku": "A", "location": "MINE", "day": "2026-01-05", "on_hand": 5}
    batch = services.import_rows(kind="stock", rows=[row], acting_user=None, restrict={"location": "MINE"})
    assert (batch.state, batch.rows_new) == ("done", 1)
    for code in ("OTHER", "DOES-NOT-EXIST"):
        refused = services.import_rows(
            kind="stock",
            rows=[row, row | {"location": code}],
            acting_user=None,
            restrict={"location": "MINE"},
        )
        assert [(e["row"], e["column"], e["reason"]) for e in refused.errors] == [
            (2, "location", "is not yours to write")
        ]
    own = {name: value for name, value in row.items() if name != "location"} | {"day": "2026-01-06"}
    assert services.import_rows(
        kind="stock", rows=[own], acting_user=None, restrict={"location": "MINE"}
    ).rows_new
    with pytest.raises(services.CatalogError):
        services.import_rows(kind="stock", rows=[row | {"nope": 1}], acting_user=None)
    with pytest.raises(services.CatalogError):
        services.import_rows(kind="stock", rows=[row | {"sku": ["A"]}], acting_user=None)
    assert product.pk
