from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from catalog.models import Product, SalesRecord, SupersededFact, SupplyTerms
from catalog.services import CatalogError, UpsertResult, rows_upsert
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db


def test_it_counts_new_changed_and_unchanged_rows() -> None:
    a, w = make.product(), make.location()
    assert make.sell([(a, w, DAY, 2.0, 5.0)]) == UpsertResult(1, 0, 0)
    second = make.sell([(a, w, DAY, 3.0, 7.5), (a, w, DAY + timedelta(1), 1.0, 2.5)])
    assert second == UpsertResult(1, 1, 0)
    third = make.sell([(a, w, DAY, 3.0, 7.5), (a, w, DAY + timedelta(1), 1.0, 2.5)])
    assert third == UpsertResult(0, 0, 2)
    assert SalesRecord.objects.get(product=a, day=DAY).quantity == Decimal("3.000")


def test_it_rounds_to_the_stored_decimals_so_that_the_same_numbers_change_nothing() -> None:
    a, w = make.product(), make.location()
    rows = [(a, w, DAY + timedelta(n), n / 7, n * 0.1 + 1e-9) for n in range(400)]
    assert make.sell(rows).new == 400
    assert make.sell(rows) == UpsertResult(0, 0, 400)
    stored = SalesRecord.objects.get(day=DAY + timedelta(3))
    assert (stored.quantity, stored.revenue) == (Decimal("0.429"), Decimal("0.3000"))


def test_it_keeps_what_a_change_replaces() -> None:
    a, w = make.product(), make.location()
    first, second = make.batch(), make.batch()
    then = datetime(2024, 4, 1, 9, tzinfo=UTC)
    make.sell([(a, w, DAY, 2.5, 5.0)], batch=first, recorded_at=then)
    make.sell([(a, w, DAY, 3.0, 7.5)], batch=second, recorded_at=then + timedelta(1))
    old = SupersededFact.objects.get()
    assert (old.kind, old.batch, old.superseded_by) == ("sales", first, second)
    assert (old.recorded_at, old.superseded_at) == (then, then + timedelta(1))
    assert old.row == {
        "product_id": a.pk,
        "location_id": w.pk,
        "day": DAY.isoformat(),
        "quantity": 2.5,
        "revenue": 5.0,
        "returns": 0,
        "orders": None,
        "buyers": None,
    }
    new = SalesRecord.objects.get()
    assert (new.recorded_at, new.batch) == (then + timedelta(1), second)


def test_it_leaves_alone_the_columns_that_the_frame_leaves_out() -> None:
    a, w = make.product(), make.location()
    full = make.sales([(a, w, DAY, 2.0, 5.0)]).with_columns(orders=pl.lit(4))
    rows_upsert(kind="sales", frame=full, batch=None)
    assert make.sell([(a, w, DAY, 9.0, 5.0)]).changed == 1
    stored = SalesRecord.objects.get()
    assert (stored.quantity, stored.orders) == (Decimal(9), 4)


def test_it_takes_the_last_of_two_clocks_that_disagree() -> None:
    a, w = make.product(), make.location()
    now = datetime(2024, 4, 1, tzinfo=UTC)
    make.sell([(a, w, DAY, 2.0, 5.0)], recorded_at=now)
    make.sell([(a, w, DAY, 3.0, 5.0)], recorded_at=now - timedelta(hours=1))
    assert SalesRecord.objects.get().recorded_at == now
    assert SupersededFact.objects.get().superseded_at == now


def test_it_refuses_a_key_that_stands_twice() -> None:
    a, w = make.product(), make.location()
    with pytest.raises(ValueError, match="twice"):
        make.sell([(a, w, DAY, 2.0, 5.0), (a, w, DAY, 3.0, 5.0)])
    assert not SalesRecord.objects.exists()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_it_refuses_numbers_that_are_not_finite(bad: float) -> None:
    a, w = make.product(), make.location()
    with pytest.raises(ValueError, match="finite"):
        make.sell([(a, w, DAY, bad, 5.0)])


def test_it_refuses_unknown_columns_and_new_rows_without_what_they_need() -> None:
    a, w = make.product(), make.location()
    with pytest.raises(ValueError, match="colour"):
        rows_upsert(
            kind="sales", frame=make.sales([(a, w, DAY, 1.0, 1.0)]).with_columns(colour=1), batch=None
        )
    with pytest.raises(CatalogError, match="quantity"):
        rows_upsert(kind="sales", frame=make.sales([(a, w, DAY, 1.0, 1.0)]).drop("quantity"), batch=None)


def test_it_matches_supply_terms_without_a_location() -> None:
    a, w = make.product(), make.location()
    supplier = rows_upsert(
        kind="supplier", frame=pl.DataFrame({"code": ["S"], "name": ["S"], "currency": ["GBP"]}), batch=None
    )
    assert supplier.new == 1
    from catalog.models import Supplier

    sid = Supplier.objects.get().pk
    frame = pl.DataFrame(
        {
            "supplier_id": [sid, sid],
            "product_id": [a.pk, a.pk],
            "location_id": [None, w.pk],
            "unit_cost": [1.5, 1.4],
            "currency": ["GBP", "GBP"],
            "price_breaks": ["[[10, 1.2]]", "[]"],
        }
    )
    assert rows_upsert(kind="supply_terms", frame=frame, batch=None).new == 2
    again = frame.with_columns(price_breaks=pl.Series(["[[10,1.2]]", "[ ]"]))
    assert rows_upsert(kind="supply_terms", frame=again, batch=None) == UpsertResult(0, 0, 2)
    dearer = frame.head(1).with_columns(unit_cost=pl.lit(1.6))
    assert rows_upsert(kind="supply_terms", frame=dearer, batch=None) == UpsertResult(0, 1, 0)
    assert SupplyTerms.objects.get(location=None).unit_cost == Decimal("1.6")
    assert SupplyTerms.objects.get(location=w).price_breaks == []


def test_it_fills_what_products_are_searched_by() -> None:
    frame = pl.DataFrame({"sku": ["K1"], "name": ["Käse"], "names": ['{"fr": "Crème BRÛLÉE"}']})
    rows_upsert(kind="product", frame=frame, batch=None)
    assert Product.objects.get().search_text == "k1 kase creme brulee"
    rows_upsert(kind="product", frame=pl.DataFrame({"sku": ["K1"], "gtin": ["4006381333931"]}), batch=None)
    stored = Product.objects.get()
    assert stored.search_text == "k1 4006381333931 kase creme brulee"
    assert (stored.name, stored.names) == ("Käse", {"fr": "Crème BRÛLÉE"})


def test_it_keeps_empty_texts_apart_from_missing_ones_and_quotes_what_needs_it() -> None:
    names = ['comma, "quote"', "line\nbreak", "\\N", "", "=cmd|' /C calc'!A0", "日本語"]
    frame = pl.DataFrame({"sku": [f"S{n}" for n in range(len(names))], "name": names})
    assert rows_upsert(kind="product", frame=frame, batch=None).new == len(names)
    assert [p.name for p in Product.objects.order_by("sku")] == names
    assert rows_upsert(kind="product", frame=frame, batch=None).unchanged == len(names)


def test_it_finds_events_by_day_and_country() -> None:
    frame = pl.DataFrame({"country": ["GB", ""], "day": [date(2024, 12, 25)] * 2, "name": ["Christmas"] * 2})
    assert rows_upsert(kind="event", frame=frame, batch=None) == UpsertResult(2, 0, 0)
    assert rows_upsert(kind="event", frame=frame, batch=None) == UpsertResult(0, 0, 2)
