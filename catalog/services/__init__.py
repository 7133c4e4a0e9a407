"""What may be written to the catalog."""

from catalog.services.errors import CatalogError
from catalog.services.rows import UpsertResult, rows_upsert

__all__ = [
    "CatalogError",
    "UpsertResult",
    "rows_upsert",
]
