from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User

from catalog.models import (
    ImportBatch,
    OrderLine,
    Product,
    SalesRecord,
    StockLevel,
    SupersededFact,
    SupplyTerms,
)
from catalog.selectors import demand_panel
from catalog.services import CatalogError, batch_take_back, rows_upsert, stock_receive
from tests.catalog import make
from tests.catalog.make import DAY
from tests.catalog.test_rows_roll_up import load

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return User.objects.create_user("admin")


def stored() -> list[tuple[Any, ...]]:
    return list(SalesRecord.objects.order_by("day").values_list("day", "quantity", "revenue", "batch_id"))


def test_it_removes_what_was_new_and_restores_what_was_replaced(admin: User) -> None:
    a, w = make.product(), make.location()
    first, second = make.batch(), make.batch()
    make.sell([(a, w, DAY, 2.125, 5.0), (a, w, DAY + timedelta(1), 1.0, 1.0)], batch=first)
    before = stored()
    make.sell([(a, w, DAY, 9.0, 9.0), (a, w, DAY + timedelta(2), 4.0, 4.0)], batch=second)
    batch_take_back(batch=second, acting_user=admin)
    assert stored() == before
    assert second.taken_back_at is not None
    assert second.taken_back_by == admin
    assert SalesRecord.objects.get(day=DAY).recorded_at == second.taken_back_at


def test_it_can_still_replay_what_was_known_before_it_was_taken_back(admin: User) -> None:
    a, w = make.product(), make.location()
    first, second = make.batch(), make.batch()
    t1, t2 = datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 4, 5, tzinfo=UTC)
    make.sell([(a, w, DAY, 2.0, 5.0)], batch=first, recorded_at=t1)
    make.sell([(a, w, DAY, 9.0, 9.0), (a, w, DAY + timedelta(1), 4.0, 4.0)], batch=second, recorded_at=t2)
    batch_take_back(batch=second, acting_user=admin)

    def known(at: datetime | None) -> list[float]:
        return demand_panel(as_of=DAY + timedelta(1), known_at=at)["y"].to_list()

    assert (known(t1), known(t2), known(None)) == ([2, 0], [9, 4], [2, 0])


def test_it_loads_the_same_file_again_after_a_take_back(admin: User) -> None:
    a, w = make.product(), make.location()
    rows = [(a, w, DAY, 2.0, 5.0), (a, w, DAY + timedelta(1), 1.0, 1.0)]
    first, again = make.batch(), make.batch()
    make.sell(rows, batch=first)
    before = [row[:3] for row in stored()]
    batch_take_back(batch=first, acting_user=admin)
    assert stored() == []
    assert make.sell(rows, batch=again).new == 2
    assert [row[:3] for row in stored()] == before


def test_it_does_nothing_the_second_time(admin: User) -> None:
    a, w = make.product(), make.location()
    first = make.batch()
    make.sell([(a, w, DAY, 2.0, 5.0)], batch=first)
    batch_take_back(batch=first, acting_user=admin)
    when, history = first.taken_back_at, SupersededFact.objects.count()
    batch_take_back(batch=first, acting_user=admin)
    assert (first.taken_back_at, SupersededFact.objects.count()) == (when, history)


def test_it_refuses_when_a_later_import_changed_its_rows_and_names_it(admin: User) -> None:
    a, w = make.product(), make.location()
    first, second = make.batch(), make.batch()
    ImportBatch.objects.filter(pk=second.pk).update(file_name="march.csv")
    make.sell([(a, w, DAY, 2.0, 5.0)], batch=first)
    make.sell([(a, w, DAY, 3.0, 5.0)], batch=second)
    before = stored()
    with pytest.raises(CatalogError, match=r"march\.csv"):
        batch_take_back(batch=first, acting_user=admin)
    assert stored() == before
    first.refresh_from_db()
    assert first.taken_back_at is None
    # Once the later one is gone, the earlier can go too.
    batch_take_back(batch=second, acting_user=admin)
    batch_take_back(batch=first, acting_user=admin)
    assert stored() == []


def test_it_refuses_when_its_rows_were_changed_by_hand(admin: User) -> None:
    a, w = make.product(), make.location()
    first = make.batch("stock")
    frame = pl.DataFrame({"product_id": [a.pk], "location_id": [w.pk], "day": [DAY], "on_hand": [5.0]})
    rows_upsert(kind="stock", frame=frame, batch=first)
    stock_receive(product_id=a.pk, location_id=w.pk, day=DAY, quantity=Decimal(1))
    with pytest.raises(CatalogError, match="changed since"):
        batch_take_back(batch=first, acting_user=admin)


def test_it_refuses_stock_that_a_later_receipt_stands_on(admin: User) -> None:
    a, w = make.product(), make.location()
    first, count = make.batch("stock"), make.batch("stock")

    def level(day: int, batch: ImportBatch) -> None:
        frame = {
            "product_id": [a.pk],
            "location_id": [w.pk],
            "day": [DAY + timedelta(day)],
            "on_hand": [500.0],
        }
        rows_upsert(kind="stock", frame=pl.DataFrame(frame), batch=batch)

    level(0, first)
    stock_receive(product_id=a.pk, location_id=w.pk, day=DAY + timedelta(2), quantity=Decimal(10))
    with pytest.raises(CatalogError, match="goods were received"):
        batch_take_back(batch=first, acting_user=admin)
    # With a count between them, the receipt stands on that.
    level(1, count)
    batch_take_back(batch=first, acting_user=admin)
    assert list(StockLevel.objects.order_by("day").values_list("on_hand", flat=True)) == [500, 510]


@pytest.mark.parametrize(
    "state", [ImportBatch.State.QUEUED, ImportBatch.State.RUNNING, ImportBatch.State.FAILED]
)
def test_it_refuses_an_import_that_is_not_done(admin: User, state: str) -> None:
    batch = ImportBatch.objects.create(kind="sales", state=state)
    with pytest.raises(CatalogError, match="done"):
        batch_take_back(batch=batch, acting_user=admin)


def test_it_refuses_products_in_use_and_says_by_what(admin: User) -> None:
    w = make.location()
    masters = make.batch("product")
    rows_upsert(kind="product", frame=pl.DataFrame({"sku": ["A", "B"], "name": ["A", "B"]}), batch=masters)
    make.sell([(Product.objects.get(sku="B"), w, DAY, 1.0, 1.0)], batch=make.batch())
    with pytest.raises(CatalogError, match="sales records"):
        batch_take_back(batch=masters, acting_user=admin)
    assert Product.objects.count() == 2


def test_it_takes_back_products_with_the_facts_that_came_with_them(admin: User) -> None:
    w = make.location()
    everything = make.batch()
    frame = pl.DataFrame({"sku": ["A", "B"], "name": ["A", "B"]})
    rows_upsert(kind="product", frame=frame, batch=everything)
    b, a = Product.objects.get(sku="B"), Product.objects.get(sku="A")
    linked = frame.head(1).with_columns(successor_id=pl.lit(b.pk))
    rows_upsert(kind="product", frame=linked, batch=everything)
    make.sell([(a, w, DAY, 1.0, 1.0)], batch=everything)
    batch_take_back(batch=everything, acting_user=admin)
    assert not Product.objects.exists()
    assert not SalesRecord.objects.exists()


def test_it_restores_texts_lists_and_missing_values_as_they_were(admin: User) -> None:
    a = make.product()
    terms = {"product_id": [a.pk], "location_id": [None], "unit_cost": [1.1], "currency": ["GBP"]}
    rows_upsert(
        kind="supplier", frame=pl.DataFrame({"code": ["S"], "name": ["S"], "currency": ["GBP"]}), batch=None
    )
    from catalog.models import Supplier

    terms |= {"supplier_id": [Supplier.objects.get().pk], "price_breaks": ['[[10, 1.05], [50, "0.95"]]']}
    typed = pl.DataFrame(terms, schema_overrides={"location_id": pl.Int64})
    rows_upsert(kind="supply_terms", frame=typed, batch=None)
    before = SupplyTerms.objects.values().get()
    later = make.batch("supply_terms")
    changed = typed.with_columns(
        unit_cost=pl.lit(2.0), price_breaks=pl.lit("[]"), is_assumed=pl.lit(True), article_number=pl.lit("x")
    )
    assert rows_upsert(kind="supply_terms", frame=changed, batch=later).changed == 1
    batch_take_back(batch=later, acting_user=admin)
    after = SupplyTerms.objects.values().get()
    assert after | {"recorded_at": None} == before | {"recorded_at": None}
    assert after["price_breaks"] == [[10, 1.05], [50, "0.95"]]


def test_it_rolls_the_sales_up_again_from_the_lines_that_stay(admin: User) -> None:
    a, w = make.product(), make.location()
    first, second, third = (make.batch("order_lines") for _ in range(3))
    load([("1", 1, a, w, DAY, "sale", 10.0, 2.5, "x")], first)
    load(
        [
            ("2", 1, a, w, DAY, "sale", 5.0, 2.0, "y"),
            ("2", 2, a, w, DAY + timedelta(1), "sale", 1.0, 1.0, "y"),
        ],
        second,
    )
    load([("3", 1, a, w, DAY, "sale", 100.0, 1.0, "z")], third)
    # The third import shares a day with the second, not a line: no reason to refuse.
    batch_take_back(batch=second, acting_user=admin)
    assert [row[:3] for row in stored()] == [(DAY, Decimal(110), Decimal(125))]
    assert sorted(OrderLine.objects.values_list("order_number", flat=True)) == ["1", "3"]
    batch_take_back(batch=first, acting_user=admin)
    batch_take_back(batch=third, acting_user=admin)
    assert stored() == []


def test_it_rolls_up_the_day_that_a_corrected_line_came_from(admin: User) -> None:
    a, w = make.product(), make.location()
    first, second = make.batch("order_lines"), make.batch("order_lines")
    load([("1", 1, a, w, DAY, "sale", 10.0, 2.5, "x")], first)
    load([("1", 1, a, w, DAY + timedelta(1), "sale", 10.0, 2.5, "x")], second)
    assert [row[:2] for row in stored()] == [(DAY + timedelta(1), Decimal(10))]
    batch_take_back(batch=second, acting_user=admin)
    assert [row[:2] for row in stored()] == [(DAY, Decimal(10))]
