"""Suppliers, terms and stock for sales data that has none: made up, the same each time, labelled assumed.

Nothing here is learned from the data but the scale: unit cost follows the price, stock follows the sales.
Which supplier, lead time, pack and cover a product gets is drawn from a hash of its SKU.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
from django.conf import settings
from django.db import transaction

from catalog import selectors, services
from catalog.models import Category, Location, Product, Supplier

REVIEW_DAYS = 7.0
COST_SHARE = 0.7  # unit cost over price


@dataclass(frozen=True)
class AssumedSupplier:
    """One invented supplier. Lead time in days; `minimum` in its own currency."""

    code: str
    name: str
    country: str
    currency: str
    lead_time: float
    lead_time_sd: float
    minimum: int


SUPPLIERS = (
    AssumedSupplier("A-FRESH", "Assumed Fresh Farms", "US", "USD", 2, 0.5, 150),
    AssumedSupplier("A-DAIRY", "Assumed Dairy Union", "US", "USD", 3, 0.8, 200),
    AssumedSupplier("A-FROZEN", "Assumed Cold Chain", "US", "USD", 6, 1.5, 300),
    AssumedSupplier("A-PANTRY", "Assumed Pantry Wholesale", "US", "USD", 9, 2.5, 400),
    AssumedSupplier("A-DRINKS", "Assumed Bottlers", "MX", "USD", 8, 2.0, 350),
    AssumedSupplier("A-HOME", "Assumed Home and Care", "US", "USD", 14, 4.0, 250),
    AssumedSupplier("A-EURO", "Assumed Euro Imports", "DE", "EUR", 28, 7.0, 200),
    AssumedSupplier("A-ASIA", "Assumed Pearl River Trading", "CN", "CNY", 42, 10.0, 1200),
)
# Words in a product's category path that point to a supplier; the first that fits wins.
SECTIONS = tuple(
    (code, re.compile(rf"\b({words})\b"))
    for code, words in (
        ("A-DAIRY", "MILK|DAIRY|CHEESE|CHEESES|YOGURT|EGGS|BUTTER|MARGARINE|MARGARINES"),
        ("A-FRESH", "PRODUCE|MEAT|DELI|SEAFOOD|FLORAL|SALAD|SALADS|BREAD|PASTRY|BAKERY|FRUIT|FRUITS"),
        ("A-FROZEN", "FROZEN|FRZN|ICE CREAM|PIZZA"),
        ("A-DRINKS", "SOFT DRINKS|BEER|BEERS|WATER|JUICE|BEVERAGE|BEVERAGES|COFFEE|TEA|TEAS|WINE|LIQUOR"),
        ("A-HOME", "DRUG GM|PAPER|TISSUE|TISSUES|TOWEL|TOWELS|LAUNDRY|PET|CAT|DOG|BABY|COSMETICS|NUTRITION"),
    )
)
EXCHANGE_RATES = {"EUR": "0.92", "CNY": "7.15", "GBP": "0.79"}  # for one US dollar
REST = ("A-PANTRY", "A-PANTRY", "A-PANTRY", "A-EURO", "A-ASIA")


def supply_assume(*, as_of: date) -> dict[str, int]:
    """Write assumed suppliers, terms, exchange rates and stock for every product-location with sales.

    Answers with the number of rows by kind. Running it again changes nothing.
    """
    panel = selectors.demand_panel(as_of=as_of, freq="W", history_days=13 * 7)
    recent = panel.group_by("unique_id").agg(
        pl.col("y").mean().alias("weekly"), pl.col("price").median().alias("price")
    )
    product_ids, location_ids = selectors.unique_id_split(recent["unique_id"].to_list())
    currencies = dict(Location.objects.values_list("pk", "currency"))
    # An exchange rate that nobody assumed here counts as one to one: the amounts are made up all the same.
    dollars = {pk: 1 / float(EXCHANGE_RATES.get(currency, 1)) for pk, currency in currencies.items()}
    recent = recent.with_columns(
        pl.Series("product_id", product_ids, dtype=pl.Int64),
        pl.Series("location_id", location_ids, dtype=pl.Int64),
    ).sort("product_id", "location_id")
    recent = recent.with_columns(
        pl.col("price") * pl.col("location_id").replace_strict(dollars, return_dtype=pl.Float64)
    )
    with transaction.atomic():
        suppliers = _suppliers_write()
        terms = _terms(recent, suppliers)
        stock = _stock(recent.join(terms.select("product_id", "lead_time_days"), on="product_id"), as_of)
        services.rows_upsert(kind="supply_terms", frame=terms, batch=None)
        services.rows_upsert(kind="stock", frame=stock, batch=None)
        services.rows_upsert(kind="exchange_rate", frame=_rates(as_of), batch=None)
    return {"suppliers": len(suppliers), "supply terms": terms.height, "stock levels": stock.height}


def _suppliers_write() -> dict[str, int]:
    for assumed in SUPPLIERS:
        Supplier.objects.update_or_create(
            code=assumed.code,
            defaults={
                "name": assumed.name,
                "country": assumed.country,
                "currency": assumed.currency,
                "minimum_order_value": Decimal(assumed.minimum),
                "is_assumed": True,
            },
        )
    return dict(Supplier.objects.filter(is_assumed=True).values_list("code", "pk"))


def _terms(recent: pl.DataFrame, suppliers: dict[str, int]) -> pl.DataFrame:
    by_product = recent.group_by("product_id", maintain_order=True).agg(
        pl.col("weekly").mean(), pl.col("price").median()
    )
    products = Product.objects.in_bulk(by_product["product_id"].to_list())
    paths = _category_paths()
    rates = {"USD": 1.0} | {currency: float(rate) for currency, rate in EXCHANGE_RATES.items()}
    by_code = {assumed.code: assumed for assumed in SUPPLIERS}
    rows = []
    for product_id, weekly, price in by_product.iter_rows():
        product = products[product_id]
        draw = _draw(product.sku)
        path = f"{paths.get(product.category_id or 0, '')} {product.name}".upper()
        code = next((code for code, words in SECTIONS if words.search(path)), None)
        supplier = by_code[code or REST[draw[0] % len(REST)]]
        cost = max((price or 2.0) * COST_SHARE * (0.92 + 0.16 * draw[1] / 255), 0.05)
        packs = [size for size in (1, 6, 12, 24) if size == 1 or size <= 2 * weekly]
        pack = packs[draw[2] % len(packs)]
        rows.append(
            {
                "supplier_id": suppliers[supplier.code],
                "product_id": product_id,
                "location_id": None,
                "rank": 1,
                "article_number": f"{supplier.code[2:]}-{product.sku}",
                "unit_cost": round(cost * rates[supplier.currency], 4),
                "currency": supplier.currency,
                "purchase_unit": "case" if pack > 1 else "each",
                "unit_size": float(pack),
                "moq": float(pack * (1, 1, 2)[draw[3] % 3]),
                "order_multiple": float(pack),
                "price_breaks": "[]",
                "lead_time_days": supplier.lead_time,
                "lead_time_sd_days": supplier.lead_time_sd,
                "review_days": REVIEW_DAYS,
                "minimum_order_value": float(supplier.minimum),
                "is_assumed": True,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"location_id": pl.Int64})


def _stock(recent: pl.DataFrame, as_of: date) -> pl.DataFrame:
    skus = dict(Product.objects.values_list("pk", "sku"))
    rows = []
    for row in recent.iter_rows(named=True):
        draw = _draw(f"{skus[row['product_id']]}/{row['location_id']}")
        # From empty shelves (one in twenty) to five times the demand of lead time and review.
        share = 0.0 if draw[0] % 20 == 0 else 0.5 + 4.5 * draw[1] / 255
        weeks = share * (row["lead_time_days"] + REVIEW_DAYS) / 7
        on_hand = float(round((row["weekly"] or 0.0) * weeks + 1 + draw[2] % 3))
        rows.append(
            {
                "product_id": row["product_id"],
                "location_id": row["location_id"],
                "day": as_of,
                "on_hand": on_hand if share else 0.0,
                "allocated": 0.0,
                "is_assumed": True,
            }
        )
    return pl.DataFrame(rows)


def _rates(day: date) -> pl.DataFrame:
    home = settings.FORESTOCK_HOME_CURRENCY
    for_a_dollar = {"USD": 1.0} | {currency: float(rate) for currency, rate in EXCHANGE_RATES.items()}
    base = for_a_dollar.get(home, 1.0)
    return pl.DataFrame(
        [
            {"base": home, "quote": quote, "day": day, "rate": rate / base}
            for quote, rate in for_a_dollar.items()
            if quote != home
        ]
    )


def _category_paths() -> dict[int, str]:
    rows = {
        pk: (name, parent) for pk, name, parent in Category.objects.values_list("pk", "name", "parent_id")
    }

    def path(pk: int) -> str:
        name, parent = rows[pk]
        return f"{path(parent)} {name}" if parent else name

    return {pk: path(pk) for pk in rows}


def _draw(text: str) -> bytes:
    """Bytes that depend on the text alone: the same assumptions on every machine."""
    return hashlib.sha256(text.encode()).digest()
