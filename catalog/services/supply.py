"""Changes of supply terms that people decide on in bulk."""

from __future__ import annotations

import polars as pl

from catalog.models import SupplyTerms
from catalog.services.rows import rows_upsert


def lead_times_add(*, supplier_id: int, days: float) -> int:
    """State lead times of so many days more in all terms of a supplier (never below 0); how many changed.

    In the caller's transaction; the values that this replaces are kept.
    """
    terms = SupplyTerms.objects.filter(supplier=supplier_id).order_by("pk")
    rows = terms.values_list("supplier_id", "product_id", "location_id", "lead_time_days")
    frame = pl.DataFrame(
        [(*keys, round(max(stated + days, 0.0), 1)) for *keys, stated in rows],
        schema={
            "supplier_id": pl.Int64,
            "product_id": pl.Int64,
            "location_id": pl.Int64,
            "lead_time_days": pl.Float64,
        },
        orient="row",
    )
    return rows_upsert(kind="supply_terms", frame=frame, batch=None).changed
