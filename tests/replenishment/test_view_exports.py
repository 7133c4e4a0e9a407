"""The workbench as a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import CalamineWorkbook

from tests.cast import make_product, make_supplier
from tests.replenishment.world import AS_OF, make_plan, make_suggestion

pytestmark = pytest.mark.django_db
CSV = reverse("replenishment:workbench-export", args=["csv"])
XLSX = reverse("replenishment:workbench-export", args=["xlsx"])


def body(client: Client, address: str, **query: Any) -> bytes:
    return client.get(address, query).getvalue()


def rows(client: Client, **query: Any) -> list[dict[str, str]]:
    text = body(client, CSV, **query).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def at_work(client: Client, buyer: User) -> Client:
    client.force_login(buyer)
    return client


def test_it_holds_all_that_the_filter_matches_in_its_order(at_work: Client) -> None:
    plan, supplier = make_plan(), make_supplier(name="Northwind")
    for number in range(60):
        make_suggestion(plan, supplier=supplier, margin_at_risk=float(number), order_quantity=5.0)
    make_suggestion(plan, supplier=make_supplier(name="Other"))
    make_suggestion(plan, supplier=supplier, order_quantity=0.0)
    found = rows(at_work, supplier=supplier.pk)
    assert len(found) == 60, "more than a page"
    assert [float(row["margin at risk"]) for row in found] == [float(n) for n in range(59, -1, -1)]
    assert {row["supplier"] for row in found} == {"Northwind"}


def test_it_gives_the_buyers_number_beside_the_systems(at_work: Client, buyer: User) -> None:
    make_suggestion(make_plan(), order_quantity=12.0, edited_quantity=18.0, edited_by=buyer)
    [row] = rows(at_work)
    assert (float(row["suggested quantity"]), float(row["final quantity"])) == (12.0, 18.0)


def test_it_never_hands_a_spreadsheet_a_formula(at_work: Client) -> None:
    product = make_product(sku="=1+1", name="@SUM(A1)")
    make_suggestion(make_plan(), product=product, net_need=-3.0)
    [row] = rows(at_work)
    assert (row["SKU"], row["name"]) == ("'=1+1", "'@SUM(A1)")
    assert float(row["net need"]) == -3.0
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body(at_work, XLSX))).get_sheet_by_index(0).to_python()
    assert sheet[1][:2] == ["=1+1", "@SUM(A1)"], "text, not its result"


def test_an_excel_file_holds_numbers_and_dates_as_such(at_work: Client) -> None:
    make_suggestion(make_plan(), order_quantity=12.5, order_by=AS_OF)
    answer = at_work.get(XLSX)
    assert f"suggestions-{AS_OF.isoformat()}.xlsx" in answer["Content-Disposition"]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body(at_work, XLSX))).get_sheet_by_index(0).to_python()
    row = dict(zip(sheet[0], sheet[1], strict=True))
    assert (row["suggested quantity"], row["order by"]) == (12.5, AS_OF)


def test_it_speaks_the_readers_language(at_work: Client) -> None:
    make_suggestion(make_plan(), product=make_product(name="Green tea", names={"zh-hans": "绿茶"}))
    answer = at_work.get(CSV, headers={"Accept-Language": "zh-hans"})
    text = answer.getvalue().decode("utf-8-sig")
    assert "绿茶" in text
    assert "Green tea" not in text
    assert "供应商" in text.splitlines()[0]


def test_it_is_read_at_once_whatever_its_length(at_work: Client) -> None:
    plan, counts = make_plan(), []
    for _ in range(2):
        make_suggestion(plan)
        with CaptureQueriesContext(connection) as seen:
            rows(at_work)
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("address", [CSV, XLSX])
def test_a_partner_gets_nothing(client: Client, partner_of_supplier: User, address: str) -> None:
    client.force_login(partner_of_supplier)
    assert client.get(address).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302


def test_it_is_a_file_with_headings_alone_without_a_plan(at_work: Client) -> None:
    assert rows(at_work) == []
