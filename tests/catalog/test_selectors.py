from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from catalog.models import ExchangeRate, PartnerAccount, StockLevel, Supplier, SupplyTerms
from catalog.selectors import (
    PartnerScope,
    exchange_rate,
    exchange_rates_frame,
    partner_scope,
    prices_latest,
    products_search,
    read_frame,
    reads_by_django,
    returned_units,
    small_reads,
    stock_on,
    stock_records,
    terms_all,
    today,
)
from catalog.selectors.frames import inlined
from catalog.services import CatalogError, rows_upsert, stock_receive
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db


def facts(kind: str, rows: list[tuple[Any, ...]], *columns: str, **values: Any) -> None:
    names = ["product_id", "location_id", "day", *columns]
    frame = pl.DataFrame([(p.pk, w.pk, *rest) for p, w, *rest in rows], schema=names, orient="row")
    rows_upsert(kind=kind, frame=frame, batch=None, **values)


def rate(base: str, quote: str, value: str, day: date = DAY) -> None:
    ExchangeRate.objects.create(base=base, quote=quote, day=day, rate=Decimal(value))


# -- today --------------------------------------------------------------------------------------


def test_it_takes_today_from_the_clock_unless_the_settings_name_the_last_data(
    settings: Settings,
) -> None:
    a, w, v = make.product(), make.location("W"), make.location("V")
    make.sell([(a, w, DAY, 1.0, 1.0), (a, v, DAY + timedelta(2), 1.0, 1.0)])
    settings.FORESTOCK_TODAY = "clock"
    assert today() == timezone.localdate()
    settings.FORESTOCK_TODAY = "last-data-date"
    assert today() == DAY + timedelta(2)


def test_it_falls_back_to_the_clock_without_sales(settings: Settings) -> None:
    settings.FORESTOCK_TODAY = "last-data-date"
    make.location()
    assert today() == timezone.localdate()


# -- stock --------------------------------------------------------------------------------------


def test_it_finds_the_latest_level_at_or_before_a_day() -> None:
    a, b, w = make.product("A"), make.product("B"), make.location()
    rows = [(a, w, DAY, 5.0, 1.0), (a, w, DAY + timedelta(2), 3.5, 0.0), (b, w, DAY + timedelta(9), 1.0, 0.0)]
    facts("stock", rows, "on_hand", "allocated")
    found = stock_on(as_of=DAY + timedelta(1))
    assert found.rows() == [(a.pk, w.pk, DAY, 5.0, 1.0, False)]
    assert stock_on(as_of=DAY + timedelta(5))["on_hand"].to_list() == [3.5]
    assert stock_on(as_of=DAY - timedelta(1)).is_empty()


def test_it_counts_stock_at_the_location_that_receives() -> None:
    a, w = make.product(), make.location("W")
    market = make.location("M", receiving_location=w)
    facts("stock", [(a, w, DAY, 5.0, 1.0), (a, market, DAY + timedelta(1), 2.0, 0.5)], "on_hand", "allocated")
    assert stock_on(as_of=DAY + timedelta(1)).rows() == [(a.pk, w.pk, DAY + timedelta(1), 7.0, 1.5, False)]


def test_it_tells_the_counts_of_days_without_the_assumed_ones() -> None:
    a, b, w = make.product("A"), make.product("B"), make.location("W")
    market = make.location("M", receiving_location=w)
    facts("stock", [(a, w, DAY, 5.0), (a, market, DAY, 2.0), (a, w, DAY + timedelta(3), 4.0)], "on_hand")
    facts("stock", [(b, w, DAY, 9.0, True)], "on_hand", "is_assumed")
    found = stock_records(first=DAY, last=DAY + timedelta(2))
    assert found.rows() == [(a.pk, w.pk, DAY, 7.0)]
    assert stock_records(first=DAY + timedelta(1), last=DAY + timedelta(3))["on_hand"].to_list() == [4.0]


def test_it_tells_what_customers_brought_back() -> None:
    a, w = make.product(), make.location("W")
    market = make.location("M", receiving_location=w)
    rows = [
        (a, w, DAY, 3.0, 1.0),
        (a, market, DAY, 3.0, 2.0),
        (a, w, DAY + timedelta(1), 3.0, 0.0),
        (a, w, DAY + timedelta(2), 3.0, 4.0),
    ]
    facts("sales", rows, "quantity", "returns")
    assert returned_units(first=DAY, last=DAY + timedelta(1)).rows() == [(a.pk, w.pk, DAY, 3.0)]


def test_it_finds_the_level_as_it_was_known() -> None:
    a, w = make.product(), make.location()
    then = datetime(2024, 4, 1, tzinfo=UTC)
    facts("stock", [(a, w, DAY, 5.0)], "on_hand", recorded_at=then)
    facts("stock", [(a, w, DAY, 6.0)], "on_hand", recorded_at=then + timedelta(1))
    assert stock_on(as_of=DAY, known_at=then)["on_hand"].to_list() == [5.0]
    assert stock_on(as_of=DAY, known_at=then + timedelta(1))["on_hand"].to_list() == [6.0]
    assert stock_on(as_of=DAY, known_at=then - timedelta(1)).is_empty()


def test_it_raises_the_stock_by_a_receipt_and_keeps_the_former_level() -> None:
    a, w = make.product(), make.location()
    facts("stock", [(a, w, DAY, 5.0, 2.0)], "on_hand", "allocated")
    for quantity in ("1.5", "2"):
        stock_receive(product_id=a.pk, location_id=w.pk, day=DAY + timedelta(3), quantity=Decimal(quantity))
    levels = StockLevel.objects.order_by("day").values_list("day", "on_hand", "allocated")
    assert list(levels) == [
        (DAY, Decimal(5), Decimal(2)),
        (DAY + timedelta(3), Decimal("8.5"), Decimal(2)),
    ]


def test_it_starts_from_nothing_where_no_level_is_known() -> None:
    a, w = make.product(), make.location()
    stock_receive(product_id=a.pk, location_id=w.pk, day=DAY, quantity=Decimal(4))
    assert StockLevel.objects.get().on_hand == 4


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_it_refuses_a_receipt_of_nothing(quantity: str) -> None:
    a, w = make.product(), make.location()
    with pytest.raises(CatalogError):
        stock_receive(product_id=a.pk, location_id=w.pk, day=DAY, quantity=Decimal(quantity))
    assert not StockLevel.objects.exists()


# -- terms and prices ---------------------------------------------------------------------------


def supplier(code: str = "S", **values: Any) -> Supplier:
    return Supplier.objects.create(code=code, name=code, currency=values.pop("currency", "GBP"), **values)


def terms(product: Any, of: Supplier, **values: Any) -> SupplyTerms:
    values = {"unit_cost": Decimal(1), "currency": "GBP"} | values
    return SupplyTerms.objects.create(product=product, supplier=of, **values)


def test_it_offers_all_suppliers_each_with_its_own_terms_at_a_location() -> None:
    a, w, v = make.product(), make.location("W"), make.location("V")
    make.location("M", receiving_location=w)
    s, t = supplier("S"), supplier("T")
    everywhere = terms(a, s, rank=1, unit_cost=Decimal(3))
    other = terms(a, t, rank=2, unit_cost=Decimal(1))
    own = terms(a, s, rank=9, location=v, unit_cost=Decimal(5))
    terms(make.product("B"), s)
    found = terms_all(as_of=DAY, product_ids=[a.pk]).rows_by_key("location_id", named=True)
    assert {place: [row["terms_id"] for row in rows] for place, rows in found.items()} == {
        w.pk: [everywhere.pk, other.pk],
        v.pk: [own.pk, other.pk],
    }
    assert [row["is_general"] for row in found[v.pk]] == [False, True]


@pytest.mark.parametrize(
    ("size", "multiple", "moq", "expected"),
    [
        ("1", "1", "0", (0, 1)),
        ("12", "1", "0", (12, 12)),
        ("12", "18", "5", (12, 36)),
        ("12", "24", "50", (50, 24)),
        ("0.5", "0.75", "0", (0, 1.5)),
    ],
)
def test_it_orders_in_whole_purchase_units(
    size: str, multiple: str, moq: str, expected: tuple[float, float]
) -> None:
    make.location()
    terms(
        make.product(),
        supplier(),
        unit_size=Decimal(size),
        order_multiple=Decimal(multiple),
        moq=Decimal(moq),
    )
    assert terms_all(as_of=DAY).select("moq", "order_multiple").row(0) == expected


def test_it_takes_the_suppliers_minimum_in_the_terms_currency_where_the_terms_have_none() -> None:
    make.location()
    s = supplier(currency="EUR", minimum_order_value=Decimal(100))
    terms(make.product("A"), s)
    terms(make.product("B"), s, minimum_order_value=Decimal(30))
    rate("EUR", "GBP", "0.8")
    assert terms_all(as_of=DAY)["minimum_order_value"].to_list() == [80, 30]


def test_it_answers_with_no_rows_but_all_columns_without_terms() -> None:
    assert terms_all(as_of=DAY).is_empty()
    assert {"product_id", "location_id", "terms_id", "unit_cost", "moq"} <= set(terms_all(as_of=DAY).columns)


def test_it_knows_the_latest_price_asked_or_paid() -> None:
    a, b, c, w = make.product("A"), make.product("B"), make.product("C"), make.location("W")
    market = make.location("M", receiving_location=w, currency="EUR")
    rate("EUR", "GBP", "0.5")
    prices = [(a, w, DAY, 2.0), (a, w, DAY + timedelta(5), 9.0), (a, market, DAY, 7.0), (b, market, DAY, 3.0)]
    facts("price", prices, "price")
    make.sell([(c, w, DAY, 2.0, 5.0), (c, market, DAY, 2.0, 6.0), (c, w, DAY - timedelta(90), 1.0, 99.0)])
    # C: 5 pounds and 6 euros for 4 units; what sold 90 days ago no longer counts
    assert prices_latest(as_of=DAY).rows() == [(a.pk, w.pk, 2.0), (b.pk, w.pk, 1.5), (c.pk, w.pk, 2.0)]
    assert prices_latest(as_of=DAY + timedelta(5))["price"].to_list() == [9.0, 1.5, 2.0]


def test_it_converts_directly_inversely_or_through_the_home_currency(settings: Settings) -> None:
    settings.FORESTOCK_HOME_CURRENCY = "USD"
    rate("EUR", "USD", "1.10", DAY - timedelta(5))
    rate("EUR", "USD", "1.25", DAY)
    rate("USD", "GBP", "0.8", DAY)
    assert exchange_rate(base="GBP", quote="GBP", day=DAY) == 1
    assert exchange_rate(base="EUR", quote="USD", day=DAY) == Decimal("1.25")
    assert exchange_rate(base="EUR", quote="USD", day=DAY - timedelta(1)) == Decimal("1.10")
    assert exchange_rate(base="USD", quote="EUR", day=DAY) == Decimal("0.8")
    assert exchange_rate(base="EUR", quote="GBP", day=DAY) == Decimal("1")
    assert exchange_rate(base="EUR", quote="JPY", day=DAY) is None
    assert exchange_rate(base="EUR", quote="USD", day=DAY - timedelta(9)) is None
    assert exchange_rates_frame(quote="GBP", day=DAY) == {"EUR": 1.0, "GBP": 1.0, "USD": 0.8}


# -- people -------------------------------------------------------------------------------------


def test_it_binds_partners_to_their_supplier_or_channel_and_nobody_else() -> None:
    s, w = supplier(), make.location()
    users = [User.objects.create_user(name) for name in ("supplier", "channel", "buyer")]
    PartnerAccount.objects.create(user=users[0], supplier=s)
    PartnerAccount.objects.create(user=users[1], location=w)
    assert [partner_scope(user) for user in users] == [
        PartnerScope(s.pk, None),
        PartnerScope(None, w.pk),
        None,
    ]
    assert partner_scope(AnonymousUser()) is None


def test_it_finds_products_whatever_case_and_accents() -> None:
    frame = pl.DataFrame({"sku": ["A1", "B2", "C3"], "name": ["Äpfel rot", "Straße", "100% wool_x"]})
    rows_upsert(kind="product", frame=frame, batch=None)

    def found(text: str) -> list[str]:
        return [product.sku for product in products_search(text)]

    assert found("äpfel") == found("APFEL") == found("rot ÄPF") == found("a1") == ["A1"]
    assert found("STRASSE") == ["B2"]
    assert found("100%") == found("l_x") == ["C3"]
    assert found("apfel blau") == []
    assert len(found("")) == 3


# -- reading ------------------------------------------------------------------------------------


def test_it_writes_parameters_in_as_literals_that_cannot_break_out() -> None:
    nasty = "o'brien'; DROP TABLE catalog_product; -- \\ 5 %% {0}"
    frame = read_frame(
        "SELECT %s AS text, CAST(%s AS integer) AS number, CAST(%s AS text) AS absent", [nasty, 7, None]
    )
    assert frame.row(0) == (nasty, 7, None)
    assert make.product().pk
    with pytest.raises(ValueError, match="placeholders"):
        inlined("SELECT %s", [])


@pytest.mark.django_db(transaction=True)
def test_it_loses_nothing_that_was_committed_while_it_read() -> None:
    a, w = make.product(), make.location()
    for n in range(20):
        make.sell([(a, w, DAY + timedelta(n), 1.0, 1.0)])
        assert read_frame("SELECT COUNT(*) AS n FROM catalog_salesrecord")["n"].item() == n + 1


@pytest.mark.django_db(transaction=True)
def test_it_never_writes_through_a_reading_connection() -> None:
    make.product()
    # (The drivers' own errors: one of sqlite3, one of ADBC.)
    with pytest.raises(Exception, match=r"(?i)read.?only"):
        read_frame("DELETE FROM catalog_product RETURNING id")


@pytest.mark.django_db(transaction=True)
def test_small_reads_go_through_djangos_connection() -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert read_frame("SELECT 1 AS one")["one"].to_list() == [1]
        return len(queries)

    assert asked() == 0
    with small_reads():
        assert asked() > 0
        assert reads_by_django()
    assert asked() == 0
