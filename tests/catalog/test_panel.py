from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from catalog.models import Category, Product
from catalog.selectors import demand_panel, unique_id_split
from catalog.services import rows_upsert
from tests.catalog import make
from tests.catalog.make import DAY

pytestmark = pytest.mark.django_db

PARENT = {"parent_id": pl.Int64}
SCHEMA = {
    "unique_id": pl.String,
    "ds": pl.Date,
    "y": pl.Float64,
    "in_stock": pl.Boolean,
    "price": pl.Float64,
    "price_asked": pl.Boolean,
    "promotion": pl.Float64,
    "orders": pl.Float64,
    "buyers": pl.Float64,
    "revenue": pl.Float64,
    "department": pl.Enum,
    "category": pl.Enum,
    "product": pl.Enum,
    "location": pl.Enum,
}


def facts(kind: str, rows: list[tuple[Any, ...]], *columns: str) -> None:
    names = ["product_id", "location_id", "day", *columns]
    frame = pl.DataFrame([(p.pk, w.pk, *rest) for p, w, *rest in rows], schema=names, orient="row")
    rows_upsert(kind=kind, frame=frame, batch=None)


def test_it_is_dense_from_the_first_sale_to_the_as_of_date() -> None:
    a, w = make.product(), make.location()
    make.sell(
        [(a, w, DAY, 0.0, 0.0), (a, w, DAY + timedelta(1), 2.0, 5.0), (a, w, DAY + timedelta(4), 1.0, 3.0)]
    )
    panel = demand_panel(as_of=DAY + timedelta(5))
    assert {name: kind.base_type() for name, kind in panel.schema.items()} == SCHEMA
    assert panel["unique_id"].unique().to_list() == [f"{a.pk}@{w.pk}"]
    assert panel["ds"].to_list() == [DAY + timedelta(n) for n in range(1, 6)]
    assert panel["y"].to_list() == [2, 0, 0, 1, 0]
    assert panel["revenue"].to_list() == [5, 0, 0, 3, 0]
    assert panel["price"].to_list() == [2.5, None, None, 3, None]
    assert panel["orders"].to_list() == [None, 0, 0, None, 0]
    assert panel["in_stock"].null_count() == panel.height


def test_it_never_reads_what_is_later_than_the_as_of_date() -> None:
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY, 1.0, 1.0), (a, w, DAY + timedelta(3), 8.0, 8.0)])
    assert demand_panel(as_of=DAY + timedelta(2))["y"].to_list() == [1, 0, 0]


def test_it_is_empty_but_typed_without_sales() -> None:
    for freq in ("D", "W", "M"):
        panel = demand_panel(as_of=DAY, freq=freq)
        assert panel.is_empty()
        assert {name: kind.base_type() for name, kind in panel.schema.items()} == SCHEMA


def test_it_leaves_out_discontinued_products_and_takes_the_ones_asked_for() -> None:
    a, b, c, w = (
        make.product("A"),
        make.product("B"),
        make.product("C", status="discontinued"),
        make.location(),
    )
    v = make.location("V")
    make.sell([(p, w, DAY, 1.0, 1.0) for p in (a, b, c)] + [(a, v, DAY, 2.0, 2.0)])
    everything = demand_panel(as_of=DAY)["unique_id"].to_list()
    assert everything == [f"{a.pk}@{w.pk}", f"{a.pk}@{v.pk}", f"{b.pk}@{w.pk}"]
    assert demand_panel(as_of=DAY, product_ids=[b.pk])["unique_id"].to_list() == everything[2:]
    assert demand_panel(as_of=DAY, location_ids=[v.pk])["unique_id"].to_list() == everything[1:2]
    assert demand_panel(as_of=DAY, product_ids=[]).is_empty()


def test_it_rolls_markets_up_to_the_location_that_receives_for_them() -> None:
    a, w = make.product(), make.location()
    france = make.location("FR", receiving_location=w, kind="market")
    make.sell([(a, w, DAY, 1.0, 2.0), (a, france, DAY, 4.0, 8.0), (a, france, DAY - timedelta(1), 1.0, 2.0)])
    panel = demand_panel(as_of=DAY)
    assert panel["unique_id"].to_list() == [f"{a.pk}@{w.pk}"] * 2
    assert panel["y"].to_list() == [1, 5]
    assert panel["revenue"].to_list() == [2, 10]


def test_it_says_what_never_changes_of_a_series() -> None:
    food = Category.objects.create(code="food", name="Food")
    dairy = Category.objects.create(code="dairy", name="Dairy", parent=food)
    milk = Category.objects.create(code="milk", name="Milk", parent=dairy)
    toys = Category.objects.create(code="toys", name="Toys")
    w, v = make.location(), make.location("V")
    market = make.location("M", receiving_location=v)
    categories = [milk, toys, dairy, None]
    products = [make.product(f"P{n}", category=category) for n, category in enumerate(categories)]
    make.sell([(p, place, DAY, 1.0, 1.0) for p in products for place in (w, market)])
    names = ["department", "category", "product", "location"]
    panel = demand_panel(as_of=DAY + timedelta(1)).select(names)
    expected = [
        (root and str(root.pk), category and str(category.pk), str(p.pk), str(place.pk))
        for p, category, root in zip(products, categories, [food, toys, food, None], strict=True)
        for place in (w, v)
        for _day in range(2)
    ]
    assert panel.rows() == expected
    weekly = demand_panel(as_of=DAY + timedelta(6), freq="W").select(names)
    assert weekly.rows() == expected[::2]
    assert demand_panel(as_of=DAY, product_ids=[products[0].pk])["department"].to_list() == [str(food.pk)] * 2


def test_it_reads_the_category_that_was_known_then() -> None:
    t1, t2 = datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)
    a, w = make.product(), make.location()
    Product.objects.filter(pk=a.pk).update(recorded_at=t1)
    make.sell([(a, w, DAY, 1.0, 1.0)], recorded_at=t1)
    old = pl.DataFrame({"code": ["old"], "name": ["Old"], "parent_id": [None]}, schema_overrides=PARENT)
    rows_upsert(kind="category", frame=old, batch=None, recorded_at=t1)
    first = Category.objects.get()
    moved = pl.DataFrame({"sku": [a.sku], "name": [a.name], "category_id": [first.pk]})
    rows_upsert(kind="product", frame=moved, batch=None, recorded_at=t2)
    assert demand_panel(as_of=DAY)["category"].to_list() == [str(first.pk)]
    assert demand_panel(as_of=DAY, known_at=t1 + timedelta(1))["category"].to_list() == [None]


def test_it_stops_where_categories_go_in_a_circle() -> None:
    one, two = (Category.objects.create(code=code, name=code) for code in ("one", "two"))
    Category.objects.filter(pk=one.pk).update(parent=two)
    Category.objects.filter(pk=two.pk).update(parent=one)
    make.sell([(make.product(category=one), make.location(), DAY, 1.0, 1.0)])
    assert demand_panel(as_of=DAY)["department"].to_list() == [str(two.pk)]


def test_it_asks_the_database_as_often_for_many_series_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with CaptureQueriesContext(connection) as few:
        demand_panel(as_of=DAY)
    w, tree = make.location(), [Category.objects.create(code="0", name="0")]
    for n in range(1, 20):
        tree.append(Category.objects.create(code=str(n), name=str(n), parent=tree[n // 2]))
    make.sell([(make.product(f"P{n}", category=tree[n % 20]), w, DAY, 1.0, 1.0) for n in range(50)])
    with django_assert_num_queries(len(few)):
        assert demand_panel(as_of=DAY).height == 50


def test_it_turns_the_money_of_a_market_into_the_currency_of_its_stock() -> None:
    a, w = make.product(), make.location()
    france = make.location("FR", receiving_location=w, kind="market", currency="EUR")
    rate = pl.DataFrame({"base": ["EUR"], "quote": ["GBP"], "day": [DAY - timedelta(9)], "rate": [0.8]})
    make.sell([(a, w, DAY, 1.0, 2.0), (a, france, DAY, 1.0, 10.0)])
    assert demand_panel(as_of=DAY)["revenue"].to_list() == [None]
    rows_upsert(kind="exchange_rate", frame=rate, batch=None)
    assert demand_panel(as_of=DAY)["revenue"].to_list() == [10.0]


def test_it_tells_stock_outs_from_opening_and_closing_stock() -> None:
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY, 1.0, 1.0)])
    levels = {-1: 5.0, 0: 4.0, 1: 0.0, 2: 3.0, 3: 2.0, 5: 1.0}
    facts("stock", [(a, w, DAY + timedelta(n), level) for n, level in levels.items()], "on_hand")
    panel = demand_panel(as_of=DAY + timedelta(7))
    # closes empty on day 1, so opens empty on day 2; no record on day 4, 6 and 7
    assert panel["in_stock"].to_list() == [True, False, False, True, None, True, None, None]


def test_it_reads_the_stock_that_opened_the_first_day_of_a_window() -> None:
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY, 1.0, 1.0)])
    facts("stock", [(a, w, DAY + timedelta(1), 0.0), (a, w, DAY + timedelta(2), 9.0)], "on_hand")
    panel = demand_panel(as_of=DAY + timedelta(3), history_days=2)
    assert panel["in_stock"].to_list() == [False, None]


def test_it_keeps_series_that_sold_only_before_the_window() -> None:
    a, b, w = make.product("A"), make.product("B"), make.location()
    make.sell([(a, w, DAY - timedelta(50), 7.0, 7.0), (b, w, DAY - timedelta(1), 1.0, 1.0)])
    panel = demand_panel(as_of=DAY, history_days=10)
    ids = [f"{a.pk}@{w.pk}"] * 10 + [f"{b.pk}@{w.pk}"] * 2
    assert panel["unique_id"].to_list() == ids
    assert panel["y"].to_list() == [0] * 10 + [1, 0]


def test_it_prefers_the_asked_price_and_shares_out_promotions() -> None:
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY, 2.0, 5.0), (a, w, DAY + timedelta(6), 1.0, 1.0)])
    facts("price", [(a, w, DAY, 3.0), (a, w, DAY + timedelta(3), 4.0)], "price")
    facts(
        "promotion",
        [(a, w, DAY, "display"), (a, w, DAY, "mailer"), (a, w, DAY + timedelta(1), "display")],
        "kind",
    )
    daily = demand_panel(as_of=DAY + timedelta(6))
    assert daily["price"].to_list() == [3, None, None, 4, None, None, 1]
    assert daily["promotion"].to_list() == [1, 1, 0, 0, 0, 0, 0]
    weekly = demand_panel(as_of=DAY + timedelta(6), freq="W")
    assert weekly["price"].to_list() == [3.5]
    assert weekly["promotion"].to_list() == pytest.approx([2 / 7])


def test_its_weeks_end_on_the_weekday_of_the_as_of_date() -> None:
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY + timedelta(n), 1.0, 2.0) for n in range(10)])
    panel = demand_panel(as_of=DAY + timedelta(9), freq="W")
    assert panel["ds"].to_list() == [DAY + timedelta(2), DAY + timedelta(9)]
    assert panel["y"].to_list() == [3, 7]


def test_its_months_are_complete() -> None:
    a, b, w = make.product("A"), make.product("B"), make.location()
    make.sell(
        [(a, w, date(2024, 1, 31), 1.0, 2.0), (a, w, date(2024, 2, 29), 2.0, 2.0), (b, w, DAY, 3.0, 3.0)]
    )
    panel = demand_panel(as_of=date(2024, 3, 30), freq="M")
    assert panel["ds"].to_list() == [date(2024, 1, 31), date(2024, 2, 29)]
    assert panel["y"].to_list() == [1, 2]
    assert demand_panel(as_of=date(2024, 3, 31), freq="M")["y"].to_list() == [1, 2, 0, 3]


@pytest.mark.parametrize("state", [([1, 1], True), ([1, 0], False), ([0, None], False), ([1, None], None)])
def test_its_weeks_are_in_stock_only_when_all_their_days_are(
    state: tuple[list[int | None], bool | None],
) -> None:
    levels, expected = state
    a, w = make.product(), make.location()
    make.sell([(a, w, DAY, 1.0, 1.0)])
    known = [(a, w, DAY + timedelta(n), float(v)) for n, v in enumerate(levels) if v is not None]
    facts("stock", known, "on_hand")
    assert demand_panel(as_of=DAY + timedelta(1), freq="W")["in_stock"].to_list() == [expected]


def test_it_replays_what_was_known_at_a_time() -> None:
    a, w = make.product(), make.location()
    t1, t2 = datetime(2024, 4, 1, 12, tzinfo=UTC), datetime(2024, 4, 2, 12, tzinfo=UTC)
    make.sell([(a, w, DAY, 5.25, 10.5)], recorded_at=t1)
    make.sell([(a, w, DAY, 3.0, 6.0), (a, w, DAY + timedelta(1), 9.0, 9.0)], recorded_at=t2)

    def known(at: datetime | None) -> list[float]:
        return demand_panel(as_of=DAY + timedelta(1), known_at=at)["y"].to_list()

    assert known(t1 - timedelta(microseconds=1)) == []
    assert known(t1) == known(t2 - timedelta(microseconds=1)) == [5.25, 0]
    assert known(t2) == known(None) == [3, 9]
    early = demand_panel(as_of=DAY + timedelta(1), known_at=t1, history_days=1)
    assert early["y"].to_list() == [0]


def test_it_agrees_with_a_slow_and_obvious_twin() -> None:
    chance = random.Random(7)
    products = [make.product(f"P{n}") for n in range(4)]
    w = make.location("W")
    places = [w, make.location("V"), make.location("M", receiving_location=w)]
    sold = {
        (p, place, DAY + timedelta(n)): (chance.randint(0, 5), chance.randint(0, 900) / 100)
        for p in products
        for place in places
        for n in range(60)
        if chance.random() < 0.2
    }
    make.sell([(p, place, day, float(y), money) for (p, place, day), (y, money) in sold.items()])
    as_of = DAY + timedelta(70)
    sums: dict[tuple[int, int], dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for (p, place, day), (y, _money) in sold.items():
        sums[p.pk, place.receiving_location_id or place.pk][day] += y
    expected: list[tuple[str, date, float]] = []
    for (product, place_id), days in sorted(sums.items()):
        first = min(day for day, y in days.items() if y > 0)
        calendar = [first + timedelta(n) for n in range((as_of - first).days + 1)]
        expected += [(f"{product}@{place_id}", day, days.get(day, 0.0)) for day in calendar]
    panel = demand_panel(as_of=as_of)
    assert panel.select("unique_id", "ds", "y").rows() == expected
    weekly: dict[tuple[str, date], float] = defaultdict(float)
    for name, day, units in expected:
        weekly[name, as_of - timedelta(7 * ((as_of - day).days // 7))] += units
    assert {
        (n, d): y for n, d, y in demand_panel(as_of=as_of, freq="W").select("unique_id", "ds", "y").rows()
    } == weekly


@pytest.mark.django_db(transaction=True)
def test_it_reads_the_same_on_a_connection_of_its_own() -> None:
    assert not connection.in_atomic_block
    a, w = make.product(), make.location()
    t1 = datetime(2024, 4, 1, 12, tzinfo=UTC)
    make.sell([(a, w, DAY, 5.25, 10.5)], recorded_at=t1)
    make.sell([(a, w, DAY, 3.5, 6.0), (a, w, DAY + timedelta(3), 9.0, 9.0)])
    facts("stock", [(a, w, DAY, 3.0), (a, w, DAY + timedelta(1), 0.0)], "on_hand")
    facts("price", [(a, w, DAY, 3.25)], "price")
    facts("promotion", [(a, w, DAY, "display")], "kind")
    from django.db import transaction

    for known_at in (None, t1):
        by_adbc = demand_panel(as_of=DAY + timedelta(4), known_at=known_at)
        with transaction.atomic():
            by_django = demand_panel(as_of=DAY + timedelta(4), known_at=known_at)
        assert by_adbc.height == 5
        assert by_adbc.equals(by_django)
    assert demand_panel(as_of=DAY + timedelta(9), product_ids=[0]).is_empty()


def test_it_splits_its_ids() -> None:
    products, locations = unique_id_split(["12@3", "4@56"])
    assert (products.tolist(), locations.tolist()) == ([12, 4], [3, 56])
