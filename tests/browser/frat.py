"""The files of a shop with real sales: a cut of Breakfast at the Frat, one store and its best sellers.

Sales are dunnhumby's, by week. What is not in that data is made up, the same each time: costs (60% of the
usual price), suppliers (the makers), lead times and the stock of the last day.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

PRODUCTS, WEEKS, SUPPLIERS = 14, 110, 3
# Stock of the last day in weeks of sales: some are nearly out, some have plenty.
_STOCK_WEEKS = (0.0, 0.5, 1.0, 2.0, 6.0)


def frat_files(data: Path) -> dict[str, bytes]:
    """File name to content, with the headers that people write; the last column of sales needs a hand."""
    folder = data / "breakfast_at_the_frat"
    sold = pl.read_parquet(folder / "transactions.parquet").rename({"week_end_date": "week"})
    sold = sold.with_columns(pl.col("week").dt.date())
    last = sold["week"].max()
    assert isinstance(last, date)
    sold = sold.filter(pl.col("week") > last - timedelta(weeks=WEEKS))
    store = sold.group_by("store_id").agg(pl.sum("units")).sort("units", "store_id")["store_id"][-1]
    sold = sold.filter(pl.col("store_id") == store)
    products = pl.read_csv(folder / "products.csv", encoding="latin1", infer_schema_length=None)
    makers = (
        sold.join(products.select("upc_id", "manufacturer"), on="upc_id")
        .group_by("manufacturer")
        .agg(pl.sum("units"))
        .sort("units", "manufacturer", descending=True)["manufacturer"][:SUPPLIERS]
    )
    named = products.filter(pl.col("manufacturer").is_in(makers.implode()))
    items = (
        sold.join(named, on="upc_id")
        .group_by("upc_id", "description", "manufacturer", "product_size")
        .agg(pl.sum("units"), pl.last("base_price"), pl.n_unique("week").alias("weeks"))
        .filter(pl.col("weeks") > WEEKS // 2)
        .sort("units", "upc_id", descending=True)
        .head(PRODUCTS)
        .sort("upc_id")
        .with_columns(name=pl.col("description").str.to_titlecase() + ", " + pl.col("product_size"))
    )
    sold = sold.filter(pl.col("upc_id").is_in(items["upc_id"].implode())).sort("week", "upc_id")
    rows = list(items.iter_rows(named=True))
    codes = {maker: f"S{number}" for number, maker in enumerate(makers, 1)}
    texts = {
        "locations.csv": [
            "location_code,location_name,currency,country,kind",
            f"{store},Store {store},USD,US,store",
        ],
        "products.csv": ["sku,product_name", *(f'{row["upc_id"]},"{row["name"]}"' for row in rows)],
        "suppliers.csv": [
            "code,name,currency",
            *(f'{code},"{maker.title()}",USD' for maker, code in codes.items()),
        ],
        "terms.csv": [
            "supplier,sku,unit_cost,currency,lead_time_days,moq",
            *(
                f"{codes[row['manufacturer']]},{row['upc_id']},{0.6 * row['base_price']:.2f},USD,10,12"
                for row in rows
            ),
        ],
        "sales.csv": [
            "SKU;Store;Day;Pieces over the counter;Revenue",
            *(
                f"{row['upc_id']};{row['store_id']};{row['week']};{row['units']};{row['spend'] or 0:.2f}"
                for row in sold.iter_rows(named=True)
            ),
        ],
        "stock.csv": [
            "sku,location,day,on_hand",
            *(
                f"{row['upc_id']},{store},{last},"
                f"{round(row['units'] / row['weeks'] * _STOCK_WEEKS[number % len(_STOCK_WEEKS)])}"
                for number, row in enumerate(rows)
            ),
        ],
    }
    return {name: ("\n".join(lines) + "\n").encode() for name, lines in texts.items()}
