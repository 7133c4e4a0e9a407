"""Changes of products that people decide on in bulk."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from catalog.models import Product
from catalog.services.rows import rows_upsert


def products_categorise(*, categories: Mapping[int, int]) -> int:
    """Put products (ids) into categories (ids), keeping the values that this replaces; how many changed.

    In the caller's transaction.
    """
    skus = Product.objects.filter(pk__in=categories).values_list("pk", "sku")
    rows = [(sku, categories[pk]) for pk, sku in skus]
    frame = pl.DataFrame(rows, schema={"sku": pl.String, "category_id": pl.Int64}, orient="row")
    return rows_upsert(kind="product", frame=frame, batch=None).changed
