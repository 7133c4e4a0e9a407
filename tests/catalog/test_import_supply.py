"""Suppliers with their order rules, shutdowns and terms: imported, shown and typed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client

from catalog import services
from catalog.models import ImportBatch, Product, SupersededFact, Supplier, SupplierClosure, SupplyTerms
from tests.cast import make_product, make_supplier, make_terms
from tests.site.api_world import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def run(kind: str, text: str) -> ImportBatch:
    batch = services.import_create(
        kind=kind, file=ContentFile(text.encode(), name="f.csv"), file_name="f.csv", acting_user=None
    )
    return services.import_run(batch_id=batch.pk)


def mistakes(batch: ImportBatch) -> list[tuple[int, str, str]]:
    return [(error["row"], error["column"], error["value"]) for error in batch.errors]


def test_it_loads_the_order_rules_of_suppliers() -> None:
    batch = run(
        "supplier",
        "code,name,currency,order_cost,minimum_order_weight,minimum_order_volume,container_weight,"
        "container_volume,order_days,administrative_days,joint_review\n"
        "ACME,Acme,EUR,15,200,1.5,21000,58.5,24,1.5,yes\nPLAIN,Plain,EUR,,,,,,,,\n",
    )
    assert (batch.error, batch.errors) == ("", [])
    acme, plain = Supplier.objects.order_by("code")
    assert (acme.order_cost, acme.order_days, acme.administrative_days) == (Decimal(15), "24", 1.5)
    assert (acme.minimum_order_weight, acme.minimum_order_volume) == (Decimal(200), Decimal("1.5"))
    assert (acme.container_weight, acme.container_volume, acme.joint_review) == (
        Decimal(21000),
        Decimal("58.5"),
        True,
    )
    assert (plain.order_days, plain.order_cost, plain.joint_review) == ("", Decimal(0), False)


def test_it_loads_weights_volumes_and_shelf_lives() -> None:
    run("product", "sku,name,weight,volume,shelf_life\nA,A,0.35,0.0012,90\nB,B,,,\n")
    known, unknown = Product.objects.order_by("sku")
    assert (known.unit_weight, known.unit_volume) == (Decimal("0.35"), Decimal("0.0012"))
    assert known.shelf_life_days == 90
    assert (unknown.unit_weight, unknown.unit_volume, unknown.shelf_life_days) == (None, None, None)


def test_it_loads_what_comes_on_top_of_a_price() -> None:
    make_product(sku="A")
    make_supplier(code="ACME")
    run(
        "supply_terms",
        "supplier,sku,unit_cost,currency,price_breaks,price_break_kind,freight_cost,duty_rate,return_share\n"
        "ACME,A,2.1,EUR,500:1.85 100:2.00,incremental,0.15,0.05,0.8\n",
    )
    terms = SupplyTerms.objects.get()
    assert terms.price_breaks == [[100.0, 2.0], [500.0, 1.85]]
    assert (terms.price_break_kind, terms.freight_cost) == ("incremental", Decimal("0.15"))
    assert (terms.duty_rate, terms.return_share) == (0.05, 0.8)


def test_it_loads_shutdowns_once_and_takes_them_back(buyer: User) -> None:
    make_supplier(code="ACME")
    text = "supplier,first_day,last_day\nACME,2026-08-03,2026-08-23\nACME,2026-12-24,2027-01-06\n"
    batch = run("supplier_closure", text)
    assert (batch.rows_new, run("supplier_closure", text).rows_unchanged) == (2, 2)
    changed = run("supplier_closure", "supplier,from,until\nACME,2026-08-03,2026-08-30\n")
    assert (changed.rows_changed, SupersededFact.objects.count()) == (1, 1)
    assert SupplierClosure.objects.earliest("first_day").last_day == date(2026, 8, 30)
    services.batch_take_back(batch=changed, acting_user=buyer)
    services.batch_take_back(batch=batch, acting_user=buyer)
    assert not SupplierClosure.objects.exists()


@pytest.mark.parametrize(
    ("kind", "header", "row", "column", "value"),
    [
        ("supplier", "code,name,currency,order_days", "S,S,EUR,18", "order_days", "18"),
        ("supplier", "code,name,currency,order_days", "S,S,EUR,Mon", "order_days", "Mon"),
        ("supplier", "code,name,currency,order_days", "S,S,EUR,11", "order_days", "11"),
        ("supplier", "code,name,currency,order_cost", "S,S,EUR,-1", "order_cost", "-1"),
        ("supplier", "code,name,currency,container_weight", "S,S,EUR,x", "container_weight", "x"),
        ("supplier", "code,name,currency,administrative_days", "S,S,EUR,-2", "administrative_days", "-2"),
        ("supplier", "code,name,currency,joint_review", "S,S,EUR,perhaps", "joint_review", "perhaps"),
        ("supplier_closure", "supplier,first_day,last_day", "ACME,2026-08-23,2026-08-03", "last_day",
         "2026-08-03"),
        ("supplier_closure", "supplier,first_day,last_day", "ACME,2026-02-30,2026-03-03", "first_day",
         "2026-02-30"),
        ("supplier_closure", "supplier,first_day,last_day", "NOBODY,2026-08-03,2026-08-23", "supplier",
         "NOBODY"),
        ("product", "sku,name,unit_weight", "B,B,0", "unit_weight", "0"),
        ("product", "sku,name,unit_volume", "B,B,-1", "unit_volume", "-1"),
        ("product", "sku,name,shelf_life_days", "B,B,1.5", "shelf_life_days", "1.5"),
        ("supply_terms", "supplier,sku,unit_cost,currency,duty_rate", "ACME,A,1,EUR,-0.1", "duty_rate",
         "-0.1"),
        ("supply_terms", "supplier,sku,unit_cost,currency,return_share", "ACME,A,1,EUR,1.2",
         "return_share", "1.2"),
        ("supply_terms", "supplier,sku,unit_cost,currency,freight_cost", "ACME,A,1,EUR,-1", "freight_cost",
         "-1"),
        ("supply_terms", "supplier,sku,unit_cost,currency,price_break_kind", "ACME,A,1,EUR,some",
         "price_break_kind", "some"),
        ("supply_terms", "supplier,sku,unit_cost,currency,price_breaks", "ACME,A,1,EUR,9:2 9:1",
         "price_breaks", "9:2 9:1"),
    ],
)  # fmt: skip
def test_it_names_row_column_and_value_of_what_is_broken(
    kind: str, header: str, row: str, column: str, value: str
) -> None:
    make_product(sku="A")
    make_supplier(code="ACME")
    batch = run(kind, f"{header}\n{row}\n")
    assert batch.state == "failed"
    assert mistakes(batch) == [(2, column, value)]


def test_the_api_shows_shutdowns_by_supplier_and_days(viewer: User) -> None:
    supplier = make_supplier(code="ACME")
    for month in (3, 8):
        SupplierClosure.objects.create(
            supplier=supplier, first_day=date(2026, month, 1), last_day=date(2026, month, 20)
        )
    SupplierClosure.objects.create(
        supplier=make_supplier(), first_day=date(2026, 3, 1), last_day=date(2026, 3, 2)
    )
    client = client_of(viewer)

    def found(**query: str) -> list[str]:
        answer = client.get("/api/v1/supplier-closures/", query).json()["results"]
        return [row["first_day"] for row in answer]

    assert found(supplier="ACME") == ["2026-03-01", "2026-08-01"]
    assert found(supplier="ACME", day_from="2026-03-20", day_to="2026-03-31") == ["2026-03-01"]
    assert found(supplier="ACME", day_from="2026-03-21") == ["2026-08-01"]


def test_the_api_takes_shutdowns_and_says_what_is_wrong(buyer: User) -> None:
    make_supplier(code="ACME")
    client = client_of(buyer)
    row = {"supplier": "ACME", "first_day": "2026-08-03", "last_day": "2026-08-23"}
    assert client.post("/api/v1/supplier-closures/", {"rows": [row]}).json()["rows_new"] == 1
    answer = client.post("/api/v1/supplier-closures/", {"rows": [row | {"last_day": "2026-08-02"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/rows/0/last_day"


def test_price_breaks_typed_in_the_admin_have_to_be_pairs(client: Client, admin_user: User) -> None:
    terms = make_terms(product=make_product(), supplier=make_supplier())
    client.force_login(admin_user)
    url = f"/admin/catalog/supplyterms/{terms.pk}/change/"
    form = client.get(url).context["adminform"].form
    data = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    for typed, wanted in (
        ("[[100, 2.0], [50, 3]]", [[50.0, 3.0], [100.0, 2.0]]),
        ("[[1, 2, 3]]", None),
        ('["x"]', None),
        ("[[0, 2]]", None),
        ("[[9, 2], [9, 1]]", None),
    ):
        answer = client.post(url, {**data, "price_breaks": typed})
        assert (answer.status_code == 302) is (wanted is not None), typed
        terms.refresh_from_db()
        if wanted is not None:
            assert terms.price_breaks == wanted


def test_whoever_keeps_suppliers_keeps_their_shutdowns(client: Client, admin_user: User) -> None:
    supplier = make_supplier(code="ACME")
    client.force_login(admin_user)
    page = client.get(f"/admin/catalog/supplier/{supplier.pk}/change/")
    assert "closures-TOTAL_FORMS" in page.content.decode()
