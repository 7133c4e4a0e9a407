"""What never changes of a series: its product, its place in the category tree, its location."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.models import Product
from catalog.selectors.facts import facts_sql
from catalog.selectors.frames import Read, ids_in

Ints = npt.NDArray[np.int64]

# From the coarsest to the finest; each but the last is told by the one after it.
PRODUCT_ATTRIBUTES = ("department", "category", "product")
SERIES_ATTRIBUTES = (*PRODUCT_ATTRIBUTES, "location")
_ID = pl.Int64()


def products_read(read: Read, *, product_ids: list[int] | None, known_at: datetime | None) -> pl.DataFrame:
    """Products as they were known at a time, sorted: `product`, `discontinued`, `category`, `department`.

    The department is the root of the category's tree: the category itself where it has no parent. Ids; null
    where a product has no category.
    """
    sql, params = facts_sql(
        "product", ["id", "status", "category_id"], where=ids_in("id", product_ids), known_at=known_at
    )
    rows = read(sql, params, schema={"id": _ID, "status": pl.String(), "category_id": _ID})
    sql, params = facts_sql("category", ["id", "parent_id"], known_at=known_at)
    tree = read(sql, params, schema={"id": _ID, "parent_id": _ID})
    parents = {child: parent for child, parent in tree.iter_rows() if parent is not None}

    def root(category: int) -> int:
        seen = {category}
        while (above := parents.get(category)) is not None and above not in seen:
            category = above
            seen.add(category)
        return category

    used = rows["category_id"].drop_nulls().unique().to_list()
    roots = pl.DataFrame(
        {"category_id": used, "department": [root(category) for category in used]},
        schema={"category_id": _ID, "department": _ID},
    )
    return (
        rows.join(roots, on="category_id", how="left")
        .select(
            product=pl.col("id"),
            discontinued=pl.col("status") == Product.Status.DISCONTINUED.value,
            category=pl.col("category_id"),
            department=pl.col("department"),
        )
        .unique("product")
        .sort("product")
    )


def series_attributes(products: pl.DataFrame, product: Ints, location: Ints) -> dict[str, pl.Series]:
    """`SERIES_ATTRIBUTES` of series (N,), as encoded text of the ids: a byte or two each where few differ.

    `products` are those of `products_read`; what it does not have is null.
    """
    of_product = pl.DataFrame({"product": product}, schema={"product": _ID}).join(
        products, on="product", how="left", maintain_order="left"
    )
    ids = {name: of_product[name] for name in PRODUCT_ATTRIBUTES}
    ids["location"] = pl.Series(location, dtype=_ID)
    return {name: _encoded(column).alias(name) for name, column in ids.items()}


def _encoded(ids: pl.Series) -> pl.Series:
    words = ids.drop_nulls().unique().sort().cast(pl.String)
    return ids.cast(pl.String).cast(pl.Enum(words))
