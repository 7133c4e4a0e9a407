"""Small shops for the tests of the catalog."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from PIL import Image

from catalog.models import ImportBatch, Location, Product
from catalog.services import rows_upsert

DAY = date(2024, 3, 1)


def product(sku: str = "A", **values: Any) -> Product:
    return Product.objects.create(sku=sku, name=values.pop("name", sku), **values)


def location(code: str = "W", **values: Any) -> Location:
    return Location.objects.create(code=code, name=code, currency=values.pop("currency", "GBP"), **values)


def batch(kind: str = "sales") -> ImportBatch:
    return ImportBatch.objects.create(kind=kind, state=ImportBatch.State.DONE)


def png(shade: int = 200, size: tuple[int, int] = (40, 30)) -> bytes:
    """A photo; each shade is another one."""
    out = io.BytesIO()
    Image.new("RGB", size, (shade, 10, 10)).save(out, "PNG")
    return out.getvalue()


def sales(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Rows of (product, location, day, quantity, revenue)."""
    return pl.DataFrame(
        [(p.pk, w.pk, *rest) for p, w, *rest in rows],
        schema={
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "day": pl.Date,
            "quantity": pl.Float64,
            "revenue": pl.Float64,
        },
        orient="row",
    )


def sell(rows: Sequence[tuple[Any, ...]], **values: Any) -> Any:
    return rows_upsert(kind="sales", frame=sales(rows), batch=values.pop("batch", None), **values)
