"""From whom and on what terms a product is bought, and at what price it sells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from catalog.models import SupplierClosure
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import Read, ids_in, inlined, reading
from catalog.selectors.money import exchange_rates_frame
from catalog.selectors.places import locations_converting, locations_stocking
from catalog.tables import TABLES

_TERMS = [
    "id",
    "supplier_id",
    "product_id",
    "location_id",
    "rank",
    "unit_cost",
    "currency",
    "unit_size",
    "moq",
    "order_multiple",
    "price_break_kind",
    "freight_cost",
    "duty_rate",
    "return_share",
    "lead_time_days",
    "lead_time_sd_days",
    "review_days",
    "minimum_order_value",
    "is_assumed",
]
_PRICE_DAYS = 90


def terms_all(*, as_of: date, product_ids: Sequence[int] | None = None) -> pl.DataFrame:
    """All terms on which products (default: all) can be bought: per product, stocking location and supplier.

    A supplier's terms at a location replace those that it has everywhere. Columns: product_id, location_id,
    terms_id, supplier_id, is_general (they hold everywhere), rank, unit_cost (per stock unit), currency, moq
    and order_multiple (stock units, in whole purchase units), price_break_kind, freight_cost (per unit, in
    `currency`), duty_rate and return_share (shares of unit cost), lead_time_days, lead_time_sd_days,
    review_days, minimum_order_value (the terms' own, else the supplier's; in `currency`), is_assumed.
    Terms have no dates of their own: `as_of` decides on the exchange rate of a supplier's minimum alone.
    """
    sql, params = facts_sql("supply_terms", _TERMS, where=ids_in("product_id", product_ids))
    with reading() as read:
        terms = read(
            sql,
            params,
            schema={name: TABLES["supply_terms"].schema.get(name, pl.Int64()) for name in _TERMS},
        )
        minimums = _supplier_minimums(read)
        places = locations_stocking(read)
    terms = terms.join(minimums, on="supplier_id", how="left").with_columns(
        minimum_order_value=_minimum(terms, minimums, as_of),
        **_packs(terms),
    )
    own = terms.filter(pl.col("location_id").is_not_null()).join(places, on="location_id")
    general = terms.filter(pl.col("location_id").is_null()).join(
        places.select(pl.col("stocking_id").unique()), how="cross"
    )
    columns = [name for name in _TERMS if name not in {"id", "product_id", "location_id"}]
    return (
        pl.concat(
            [
                part.select("id", "product_id", "stocking_id", *columns, is_general=pl.lit(is_general))
                for part, is_general in ((own, False), (general, True))
            ]
        )
        .rename({"id": "terms_id", "stocking_id": "location_id"})
        .sort("product_id", "location_id", "supplier_id", "is_general", "rank", "unit_cost", "terms_id")
        .unique(["product_id", "location_id", "supplier_id"], keep="first", maintain_order=True)
        .sort("product_id", "location_id", "is_general", "rank", "unit_cost", "terms_id")
        .select("product_id", "location_id", "terms_id", "is_general", *columns)
    )


def suppliers_frame() -> pl.DataFrame:
    """How suppliers take orders: supplier_id, supplier_currency, order_cost (in it), minimum_order_weight
    (kg), minimum_order_volume (m3), container_weight, container_volume (0: none), order_days,
    administrative_days, joint_review.
    """
    columns = [
        "minimum_order_weight",
        "minimum_order_volume",
        "container_weight",
        "container_volume",
        "order_cost",
        "order_days",
        "administrative_days",
        "joint_review",
    ]
    schema = {name: TABLES["supplier"].schema[name] for name in columns}
    sql, params = facts_sql("supplier", ["id", "currency", *columns])
    with reading() as read:
        found = read(sql, params, schema={"id": pl.Int64(), "currency": pl.String(), **schema})
    return found.rename({"id": "supplier_id", "currency": "supplier_currency"}).sort("supplier_id")


def closures(*, after: date) -> dict[int, list[tuple[date, date]]]:
    """Shutdowns by supplier, as first and last day, that are not over on a day."""
    found: dict[int, list[tuple[date, date]]] = {}
    rows = SupplierClosure.objects.filter(last_day__gte=after).order_by("first_day")
    for supplier_id, first, last in rows.values_list("supplier_id", "first_day", "last_day"):
        found.setdefault(supplier_id, []).append((first, last))
    return found


def prices_latest(*, as_of: date) -> pl.DataFrame:
    """What a unit sells for: product_id, location_id (stocking), price in that location's currency.

    The latest asked price at or before the day, the stocking location's own before the mean of those of the
    markets that it serves; without any, revenue per unit of the last 90 days. No row where neither is known.
    """
    keys = ["product_id", "location_id"]
    until = inlined("day <= %s", [as_of])
    asked_sql, asked_params = facts_sql("price", [*keys, "day", "price"], where=until)
    sold_sql, sold_params = facts_sql(
        "sales",
        [*keys, "quantity", "revenue"],
        where=f"{until} AND {inlined('day > %s', [as_of - timedelta(days=_PRICE_DAYS)])}",
    )
    ids = dict.fromkeys(keys, pl.Int64())
    with reading() as read:
        asked = read(
            "SELECT product_id, location_id, price FROM (SELECT asked.*, ROW_NUMBER() OVER"  # noqa: S608
            f" (PARTITION BY product_id, location_id ORDER BY day DESC) AS place FROM ({asked_sql}) asked)"
            " numbered WHERE place = 1",
            asked_params,
            schema={**ids, "price": pl.Float64()},
        )
        sold = read(
            "SELECT product_id, location_id, SUM(quantity) AS quantity, SUM(revenue) AS revenue"  # noqa: S608
            f" FROM ({sold_sql}) sold GROUP BY product_id, location_id",
            sold_params,
            schema={**ids, "quantity": pl.Float64(), "revenue": pl.Float64()},
        )
        places = locations_converting(read, as_of=as_of)
    stocking = pl.col("stocking_id").alias("location_id")
    is_own = pl.col("location_id") == pl.col("stocking_id")
    price = pl.col("price") * pl.col("factor")
    by_asking = (
        asked.join(places, on="location_id")
        .group_by("product_id", stocking)
        .agg(price=price.filter(is_own).first().fill_null(price.mean()))
    )
    by_selling = (
        sold.join(places, on="location_id")
        .group_by("product_id", stocking)
        .agg(
            quantity=pl.col("quantity").sum(),
            revenue=(pl.col("revenue") * pl.col("factor")).sum(),
        )
        .filter(pl.col("quantity") > 0, pl.col("revenue") > 0)
        .select(*keys, price=pl.col("revenue") / pl.col("quantity"))
    )
    return (
        pl.concat([by_asking, by_selling.join(by_asking, on=keys, how="anti")])
        .filter(pl.col("price").is_finite())
        .sort(keys)
    )


def _supplier_minimums(read: Read) -> pl.DataFrame:
    sql, params = facts_sql("supplier", ["id", "currency", "minimum_order_value"])
    return read(
        sql, params, schema={"id": pl.Int64(), "currency": pl.String(), "minimum_order_value": pl.Float64()}
    ).rename(
        {"id": "supplier_id", "currency": "supplier_currency", "minimum_order_value": "supplier_minimum"}
    )


def _minimum(terms: pl.DataFrame, minimums: pl.DataFrame, as_of: date) -> pl.Series:
    """The terms' minimum order value, else the supplier's in the terms' currency (0 without a rate)."""
    suppliers = {row["supplier_id"]: row for row in minimums.iter_rows(named=True)}
    rates: dict[str, dict[str, float]] = {}
    values = []
    for supplier_id, currency, own in terms.select(
        "supplier_id", "currency", "minimum_order_value"
    ).iter_rows():
        supplier = suppliers[supplier_id]
        value = own or supplier["supplier_minimum"]
        if not own and value and supplier["supplier_currency"] != currency:
            if currency not in rates:
                rates[currency] = exchange_rates_frame(quote=currency, day=as_of)
            value *= rates[currency].get(supplier["supplier_currency"], 0.0)
        values.append(value)
    return pl.Series(values, dtype=pl.Float64)


def _packs(terms: pl.DataFrame) -> dict[str, pl.Series]:
    """MOQ and order multiple in stock units, such that only whole purchase units are ordered."""
    moq, multiple = [], []
    for least, step, size in terms.select("moq", "order_multiple", "unit_size").iter_rows():
        # In thousandths, as they are stored: whole numbers have a least common multiple.
        common = math.lcm(round(step * 1000), round(size * 1000)) / 1000
        multiple.append(common)
        moq.append(max(least, size) if size > 1 else least)
    return {
        "moq": pl.Series(moq, dtype=pl.Float64),
        "order_multiple": pl.Series(multiple, dtype=pl.Float64),
    }
