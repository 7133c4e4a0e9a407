from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from catalog.models import Location, OrderLine, Product, SalesRecord, SupersededFact
from catalog.services import rows_upsert, sales_roll_up
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db


def lines(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Rows of (order number, line, product, location, day, kind, quantity, unit price, buyer)."""
    return pl.DataFrame(
        [
            ("shop", order, n, p.pk, w.pk, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), day, *rest)
            for order, n, p, w, day, *rest in rows
        ],
        schema=[
            "source",
            "order_number",
            "line_number",
            "product_id",
            "location_id",
            "ordered_at",
            "day",
            "kind",
            "quantity",
            "unit_price",
            "buyer_hash",
        ],
        orient="row",
    )


def load(rows: list[tuple[Any, ...]], batch: Any = None) -> None:
    frame = lines(rows)
    rows_upsert(kind="order_lines", frame=frame, batch=batch)
    sales_roll_up(keys=frame.select("product_id", "location_id", "day"), batch=batch)


def test_it_adds_sales_less_cancellations_and_keeps_returns_apart() -> None:
    a, w = make.product(), make.location()
    load(
        [
            ("1", 1, a, w, DAY, "sale", 10.0, 2.5, "x"),
            ("1", 2, a, w, DAY, "sale", 2.0, 2.0, "x"),
            ("2", 1, a, w, DAY, "sale", 1.0, 2.5, ""),
            ("3", 1, a, w, DAY, "sale", 1.0, 2.5, "y"),
            ("C1", 1, a, w, DAY, "cancellation", -4.0, 2.5, "z"),
            ("R1", 1, a, w, DAY, "return", -3.0, 2.5, "y"),
        ]
    )
    day = SalesRecord.objects.get()
    assert (day.quantity, day.returns, day.orders, day.buyers) == (Decimal(10), Decimal(3), 3, 2)
    assert day.revenue == Decimal("24.0000")


def test_it_never_records_negative_demand() -> None:
    a, w = make.product(), make.location()
    load([("C1", 1, a, w, DAY, "cancellation", -4.0, 2.5, "z")])
    day = SalesRecord.objects.get()
    assert (day.quantity, day.revenue) == (Decimal(0), Decimal(-10))


def test_it_corrects_a_day_when_more_of_it_comes_in_and_keeps_the_former_sum() -> None:
    a, w = make.product(), make.location()
    first, second = make.batch("order_lines"), make.batch("order_lines")
    load([("1", 1, a, w, DAY, "sale", 10.0, 2.5, "x")], first)
    load([("2", 1, a, w, DAY, "sale", 5.0, 2.5, "x")], second)
    day = SalesRecord.objects.get()
    assert (day.quantity, day.orders, day.buyers, day.batch) == (Decimal(15), 2, 1, second)
    former = SupersededFact.objects.get(kind="sales")
    assert (former.row["quantity"], former.batch, former.superseded_by) == (10, first, second)


def test_it_removes_the_record_of_a_day_without_lines() -> None:
    a, w = make.product(), make.location()
    load(
        [
            ("1", 1, a, w, DAY, "sale", 10.0, 2.5, "x"),
            ("1", 2, a, w, DAY + timedelta(1), "sale", 1.0, 1.0, "x"),
        ]
    )
    OrderLine.objects.filter(day=DAY).delete()
    sales_roll_up(keys=pl.DataFrame({"product_id": [a.pk], "location_id": [w.pk], "day": [DAY]}), batch=None)
    assert SalesRecord.objects.get().day == DAY + timedelta(1)
    assert SupersededFact.objects.get(kind="sales").row["quantity"] == 10


def test_it_agrees_with_sums_made_line_by_line() -> None:
    chance = random.Random(11)
    products, places = [make.product(f"P{n}") for n in range(3)], [make.location("W"), make.location("V")]
    rows: list[tuple[Any, ...]] = []
    for order in range(150):
        w: Location = chance.choice(places)
        day: date = DAY + timedelta(chance.randint(0, 9))
        kind = chance.choices(["sale", "cancellation", "return"], [8, 1, 1])[0]
        buyer = chance.choice(["", "a", "b", "c"])
        for line in range(chance.randint(1, 4)):
            p: Product = chance.choice(products)
            units = chance.randint(1, 20) * (1 if kind == "sale" else -1)
            rows.append(
                (str(order), line, p, w, day, kind, float(units), chance.randint(1, 999) / 100, buyer)
            )
    load(rows)
    sums: dict[tuple[int, int, date], dict[str, Any]] = defaultdict(
        lambda: {"units": 0, "money": Decimal(0), "back": 0, "orders": set(), "buyers": set()}
    )
    for order, _line, p, w, day, kind, quantity, price, buyer in rows:
        total = sums[p.pk, w.pk, day]
        if kind == "return":
            total["back"] -= quantity
        else:
            total["units"] += quantity
            total["money"] += Decimal(str(quantity)) * Decimal(str(price))
        if kind == "sale":
            total["orders"].add(order)
            total["buyers"] |= {buyer} - {""}
    expected = {
        key: (max(t["units"], 0), t["money"], t["back"], len(t["orders"]), len(t["buyers"]))
        for key, t in sums.items()
    }
    assert {
        (s.product_id, s.location_id, s.day): (s.quantity, s.revenue, s.returns, s.orders, s.buyers)
        for s in SalesRecord.objects.all()
    } == expected
